//! What a look says that a run would change of files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::{apply, heard, lab, plan};
use crate::lab::Lab;
use crate::preview::git;
use crate::said::run_with;

/// One that changes lines, one that has a secret, one that is no text, one that has other readers, and a long one.
fn looked() -> Lab {
    let long: String = (0..300).map(|line| format!("l{line}\\n")).collect();
    let steps = format!(
        "\
- {{id: conf, file: {{dest: conf, content: \"one\\ntwo\\e[2J\\nthree\\n\"}}}}
- {{id: token, file: {{dest: token, content: \"${{secret.t}}\\n\", expand: true}}}}
- {{id: bin, file: {{dest: bin, content: \"x\"}}}}
- {{id: mode, file: {{dest: mode, content: \"x\", mode: \"0640\"}}}}
- {{id: long, file: {{dest: long, content: \"{long}\"}}}}
"
    );
    let lab = lab("");
    let head = "version: 1\nname: p\nsecrets: {t: {env: TOKEN}}\nsteps:\n";
    fs::write(lab.path("p.yaml"), format!("{head}{steps}")).unwrap();
    for (name, content, mode) in
        [("conf", &b"one\nthree\n"[..], 0o644), ("bin", b"\xff\0", 0o644), ("mode", b"x", 0o600)]
    {
        fs::write(lab.path(name), content).unwrap();
        fs::set_permissions(lab.path(name), Permissions::from_mode(mode)).unwrap();
    }
    lab
}

#[test]
fn lines_that_would_be_others_are_shown_and_secrets_are_not() {
    let said = run_with(&looked(), &[("TOKEN", "c4n4ry")], &["apply", "p.yaml", "--dry-run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let diff = "conf\n    @@ -1,2 +1,3 @@\n     one\n    +two\\u{1b}[2J\n     three\n";
    assert!(said.out.contains(diff), "{}", said.out);
    let has = |text: &str| said.out.contains(text);
    assert!(
        has("/token\n    what changes in it is not shown: a secret of the plan is in it\n"),
        "{}",
        said.out
    );
    assert!(has("/bin\n    what changes in it is not shown: it is no text\n"), "{}", said.out);
    assert!(has("/mode\n    mode 0600 -> 0640\n"), "{}", said.out);
    assert!(has("    +l198\n    and 101 more lines\n") && !has("+l199"), "{}", said.out);
    assert!(!has("c4n4ry") && !has("\u{1b}"), "{:?}", said.out);
    let said = run_with(
        &looked(),
        &[("TOKEN", "c4n4ry"), ("CLICOLOR_FORCE", "1")],
        &["apply", "p.yaml", "--dry-run"],
    );
    assert!(said.out.contains("    \u{1b}[32m+two\\u{1b}[2J\u{1b}[0m\n"), "{:?}", said.out);
}

#[test]
fn programs_read_it_in_the_report() {
    let lab = looked();
    fs::write(lab.path("t"), "c4n4ry").unwrap();
    fs::set_permissions(lab.path("t"), Permissions::from_mode(0o600)).unwrap();
    let plan = fs::read_to_string(lab.path("p.yaml")).unwrap().replace("{env: TOKEN}", "{file: t}");
    fs::write(lab.path("p.yaml"), plan).unwrap();
    let (said, lines) = heard(&lab, &["--dry-run"]);
    assert_eq!((said.code, said.out.contains("c4n4ry")), (0, false), "{}", said.err);
    let change = |step: usize| &lines.last().unwrap()["steps"][step]["change"];
    assert_eq!(change(0)["diff"][2], "+two\\u{1b}[2J");
    assert_eq!((&change(0)["new"], &change(1)["new"]), (&false.into(), &true.into()));
    assert_eq!((&change(1)["not_shown"], &change(2)["not_shown"]), (&"secret".into(), &"binary".into()));
    assert_eq!(
        (&change(3)["attributes"][0], &change(3)["diff"]),
        (&"mode 0600 -> 0640".into(), &serde_json::json!([]))
    );
    assert_eq!((change(4)["diff"].as_array().unwrap().len(), &change(4)["left_out"]), (200, &101.into()));
    let (_, lines) = heard(&lab, &[]);
    assert!(lines.last().unwrap()["steps"][0]["change"].is_null(), "only a look says it");
    assert_eq!(apply(&lab, &["--dry-run"]).out.lines().count(), 1, "all of it is so now");
}

#[test]
fn whether_a_followed_branch_moved_is_unknown_and_no_change() {
    if !crate::said::is_there("git") {
        return;
    }
    let lab = lab("");
    fs::create_dir_all(lab.path("source")).unwrap();
    let source = lab.path("source");
    git(&source, &["init", "--quiet", "--initial-branch", "main"]);
    git(&source, &["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let url = source.display();
    plan(
        &lab,
        &format!("- {{id: themes, git: {{url: \"{url}\", dest: clone, branch: main, update: true}}}}\n"),
    );
    let look = || apply(&lab, &["--dry-run", "--fail-on", "change"]);
    let said = look();
    assert!(said.code == 5 && said.out.contains("would clone"), "{}", said.out);
    assert_eq!(apply(&lab, &[]).code, 0);
    let said = look();
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("unknown: its server would be asked\n"), "{}", said.out);
    assert!(said.out.contains("unknown 1") && !said.out.contains("would change"), "{}", said.out);
}
