//! Plans as people meet them: checked whole, shown as they would be run, begun.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use tests::schema;

use crate::lab::Lab;
use crate::said::{Said, golden, run};

const WRONG: &str = "\
version: 1
vars: {release: \"1.4\"}
steps:
  - id: tools
    pakages: [curl]
  - id: app
    needs: [tolls]
    download:
      url: https://example.com/app-${relase}.tar.gz
      sha256: abc
      dest: /opt/app.tar.gz
";

const RIGHT: &str = "\
version: 1
name: web
vars: {release: \"1.4\"}
secrets: {token: {env: TOKEN}}
steps:
  - {id: tools, packages: [curl, jq]}
  - id: app
    needs: [tools]
    when: {not: {os: nothing}, exists: /}
    timeout: 5m
    download:
      url: https://example.com/app-${release}.tar.gz
      dest: /opt/app.tar.gz
      mode: \"0640\"
      headers: {Authorization: \"Bearer ${secret.token}\"}
  - {id: never, when: {os: nothing}, needs: [], on_failure: continue, gate: {dns: example.com, wait: 30s}}
  - {id: conf, file: {dest: out, content: \"${release}\"}}
";

fn lab(text: &str) -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("web.yaml"), text).unwrap();
    lab
}

/// The plan comes by standard input.
fn piped(lab: &Lab, args: &[&str], text: &[u8]) -> Said {
    let mut child = lab.command(args).stdin(Stdio::piped()).spawn().unwrap();
    // Who reads no more has seen enough.
    let _ = child.stdin.take().unwrap().write_all(text);
    child.wait_with_output().unwrap().into()
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line() {
    let lab = lab(WRONG);
    let said = run(&lab, &["plan", "check", "web.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    golden!("plan-check-wrong", said.err);
    let shown = run(&lab, &["plan", "show", "web.yaml"]);
    assert_eq!((shown.code, shown.err), (3, said.err), "it is not shown");
    assert!(!lab.path("state").exists(), "nothing was touched");
}

#[test]
fn everything_that_is_wrong_is_said_to_programs_too() {
    let said = run(&lab(WRONG), &["--json", "plan", "check", "web.yaml"]);
    let error = said.error();
    assert_eq!((said.code, &error["kind"], error["code"].as_u64()), (3, &"plan".into(), Some(3)));
    assert_eq!(error["message"], "web.yaml cannot be run: 4 problems");
    assert_eq!(
        error["causes"][0],
        "web.yaml:5:5: steps[0].pakages: there is no key `pakages` here; did you mean `packages`?"
    );
    assert_eq!(
        error["causes"][2],
        "web.yaml:9:36: steps[1].download.url: `${relase}` is not defined; did you mean `release`?"
    );
}

#[test]
fn a_valid_plan_is_counted_and_its_oddities_are_told() {
    let lab = lab(RIGHT);
    let said = run(&lab, &["plan", "check", "web.yaml"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(
        said.out,
        "\
the plan is valid: 4 steps

hint: web.yaml:17:44: steps[3].file.content: `${release}` stays as it is here; `expand: true` beside it fills it in
   |
16 |   - {id: never, when: {os: nothing}, needs: [], on_failure: continue, gate: {dns: example.com, wait: 30s}}
17 |   - {id: conf, file: {dest: out, content: \"${release}\"}}
   |                                            ^^^^^^^^^^
"
    );
    let json = run(&lab, &["--json", "plan", "check", "web.yaml"]).json();
    assert_eq!(
        (&json["name"], &json["steps"], &json["hints"][0]["line"]),
        (&"web".into(), &4.into(), &17.into())
    );
}

#[test]
fn steps_are_shown_as_they_would_be_run() {
    let lab = lab(RIGHT);
    let said = run(&lab, &["plan", "show", "web.yaml"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    // Where it is, and on which machine, is another matter each time.
    let lines: Vec<&str> = said.out.lines().collect();
    let folder = lab.folder.path().canonicalize().unwrap();
    assert_eq!(lines[1], format!("folder   {}", folder.display()));
    assert!(lines[2].starts_with("machine  "), "{}", lines[2]);
    let rest = lines[3..].join("\n").replace(&folder.display().to_string(), "FOLDER");
    golden!("plan-show", rest);
    let json = run(&lab, &["--json", "plan", "show", "web.yaml"]).json();
    assert_eq!(json["steps"][1]["action"]["headers"][0][1], "Bearer ${secret.token}");
    assert_eq!(json["steps"][1]["wanted"], serde_json::Value::Null);
    assert_eq!(json["steps"][2]["wanted"], false);
    assert_eq!(json["steps"][2]["action"]["wait_seconds"], 30);
    assert_eq!(json["steps"][2]["action"]["dns"], "example.com", "by the key of the file");
    assert_eq!(json["steps"][3]["action"]["content"], "${release}");
    assert!(json["steps"][0]["needs"].is_null());
}

#[test]
fn a_plan_comes_by_standard_input_too() {
    let lab = Lab::new();
    let json = br#"{"version": 1, "steps": [{"id": "a", "file": {"dest": "out", "content": "x"}}]}"#;
    let said = piped(&lab, &["--json", "plan", "show", "-"], json).json();
    assert_eq!((&said["name"], &said["path"]), (&"-".into(), &serde_json::Value::Null));
    let dest = lab.folder.path().canonicalize().unwrap().join("out");
    assert_eq!(said["steps"][0]["action"]["dest"], dest.to_str().unwrap());
    let said = piped(&lab, &["plan", "check", "-"], b"version: 1\nsteps: \xff");
    assert_eq!(said.code, 3);
    assert_eq!(
        said.err,
        "error: standard input cannot be run: 1 problem\n\nstandard input:2:8: this is not UTF-8 text\n"
    );
    let said = piped(&lab, &["plan", "check", "-"], &vec![b'#'; (4 << 20) + 1]);
    assert_eq!((said.code, said.err.contains("a plan has at most 4 MiB")), (3, true));
}

/// Standard input by its other names, and what a shell makes of `<(...)`: neither has a folder of its own.
#[test]
fn a_plan_that_comes_by_a_descriptor_starts_where_we_are() {
    let lab = lab(RIGHT);
    let sh = |script: &str| -> Said {
        let program = lab.command(&[]);
        // As the program is begun, by a shell.
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(lab.folder.path()).env("P", program.get_program());
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.output().unwrap().into()
    };
    let folder = lab.folder.path().canonicalize().unwrap();
    for script in [
        "$P --json plan show /dev/stdin < web.yaml",
        "cat web.yaml | $P --json plan show /dev/stdin",
        "$P --json plan show /dev/fd/0 < web.yaml",
        "$P --json plan show /dev/fd/3 3< web.yaml",
        "cat web.yaml | $P --json plan show /dev/fd/3 3<&0 0</dev/null",
        "cat web.yaml | $P --json plan show /proc/self/fd/3 3<&0 0</dev/null",
    ] {
        let said = sh(script);
        assert_eq!(said.code, 0, "{script}: {}", said.err);
        let json = said.json();
        assert_eq!(
            (&json["path"], &json["folder"]),
            (&serde_json::Value::Null, &folder.to_str().unwrap().into())
        );
    }
    // The one that went away with its shell is not named as what to type next.
    let said = sh("$P apply --dry-run --only conf /dev/fd/3 3< web.yaml");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("next: vps-configurator apply - --only conf"), "{}", said.err);
    let said = sh("$P plan check /dev/fd/9");
    assert_eq!((said.code, said.err.contains("/dev/fd/9 cannot be read")), (3, true), "{}", said.err);
}

#[test]
fn a_source_that_is_not_there_is_told_of_before_anything_runs() {
    let lab = lab("version: 1\nsteps:\n- {id: a, file: {dest: out, source: in}}\n");
    let said = run(&lab, &["plan", "check", "web.yaml"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (0, ""),
        "it may be put there, or the plan be for another machine"
    );
    assert!(said.out.contains("\nhint: web.yaml:3:37: steps[0].file.source: "), "{}", said.out);
    assert!(said.out.ends_with("source: in}}\n  |                                     ^^\n"), "{}", said.out);
    let told = "/in is not there on this machine, and no step before makes it";
    assert!(said.out.contains(told), "{}", said.out);
    let json = run(&lab, &["--json", "plan", "check", "web.yaml"]).json();
    assert_eq!(json["hints"][0]["key"], "steps[0].file.source");
    let said = run(&lab, &["apply", "--dry-run", "web.yaml"]);
    assert!(said.err.contains(told), "{}", said.err);
    // What a step may well make, the run itself tells of where it did not.
    let made = "version: 1\nsteps:\n- {id: m, command: {argv: [cp, web.yaml, in], always: true}}\n- {id: a, file: {dest: out, source: in}}\n";
    fs::write(lab.path("web.yaml"), made).unwrap();
    let said = run(&lab, &["plan", "check", "web.yaml"]);
    assert!(said.out.contains("is to be made by a command"), "{}", said.out);
    let said = run(&lab, &["apply", "web.yaml"]);
    assert_eq!((said.code, said.err.contains("WARNING")), (0, false), "{}", said.err);
    assert_eq!(lab.read("out").unwrap(), made.as_bytes());
    fs::remove_file(lab.path("out")).unwrap();
    assert_eq!(run(&lab, &["plan", "check", "web.yaml"]).out, "the plan is valid: 2 steps\n");
}

#[test]
fn what_others_could_have_written_is_refused_by_name() {
    let lab = lab("version: 1\nsteps: [{id: a, file: {dest: out, source: files/a}}]\n");
    let (plan, files) = (lab.path("web.yaml"), lab.path("files"));
    let mode =
        |path: &std::path::Path, mode: u32| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    // What a step above might make is not missed.
    assert_eq!(run(&lab, &["plan", "check", "web.yaml"]).code, 0);
    fs::create_dir(&files).unwrap();
    fs::write(files.join("a"), "x").unwrap();
    assert_eq!(run(&lab, &["plan", "check", "web.yaml"]).code, 0);
    for path in [&files.join("a"), &files, &plan] {
        let before = fs::metadata(path).unwrap().permissions();
        mode(path, before.mode() | 0o002);
        let said = run(&lab, &["plan", "check", "web.yaml"]);
        assert_eq!(said.code, 7, "{}", said.err);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            said.err.contains("others could have written it")
                && said.err.contains(&format!("{name}\" can be written by others")),
            "{}",
            said.err
        );
        assert_eq!(said.err.contains("line 2 of web.yaml takes it"), *path != plan, "{}", said.err);
        fs::set_permissions(path, before).unwrap();
    }
    assert_eq!(run(&lab, &["plan", "check", "web.yaml"]).code, 0, "all is as it was");
    fs::remove_file(files.join("a")).unwrap();
    fs::create_dir(files.join("a")).unwrap();
    let said = run(&lab, &["plan", "check", "web.yaml"]);
    assert_eq!((said.code, said.err.contains("files/a is not a regular file")), (3, true), "{}", said.err);
}

#[test]
fn what_is_no_plan_file_is_said() {
    let lab = Lab::new();
    fs::create_dir(lab.path("folder")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        lab.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for (name, code, words) in [
        ("missing", 3, "missing cannot be read"),
        ("folder", 3, "folder is not a regular file"),
        ("pipe", 3, "pipe is not a regular file"),
        ("folder/", 2, "that names a folder"),
    ] {
        let said = run(&lab, &["plan", "check", name]);
        assert_eq!(said.code, code, "{}", said.err);
        assert!(said.err.contains(words), "{}", said.err);
    }
    // A link of ours is followed; paths start where it stands.
    fs::write(lab.path("folder/web.yaml"), RIGHT).unwrap();
    symlink("folder/web.yaml", lab.path("link.yaml")).unwrap();
    let folder = lab.folder.path().canonicalize().unwrap();
    assert_eq!(
        run(&lab, &["--json", "plan", "show", "link.yaml"]).json()["folder"],
        folder.to_str().unwrap()
    );
}

#[test]
fn words_of_a_plan_move_no_cursor() {
    let lab = lab(
        "version: 1\nsteps:\n- {id: \"a\\e]52;c;x\\a\", packages: [jq, \u{202e}x]}\n- {\"k\\e[2J\": 1}\n",
    );
    for args in [&["plan", "check", "web.yaml"] as &[_], &["--json", "plan", "check", "web.yaml"]] {
        let said = run(&lab, args);
        assert_eq!(said.code, 3);
        assert!(!said.err.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", said.err);
    }
}

#[test]
fn a_plan_to_begin_with_is_valid_and_overwrites_nothing() {
    let lab = Lab::new();
    let said = run(&lab, &["plan", "new"]);
    assert_eq!((said.code, said.out.as_str()), (0, "plan.yaml\n"), "{}", said.err);
    assert_eq!(run(&lab, &["plan", "check", "plan.yaml"]).code, 0);
    fs::write(lab.path("plan.yaml"), "mine").unwrap();
    let said = run(&lab, &["plan", "new", "plan.yaml"]);
    assert_eq!((said.code, said.err.contains("left as it is")), (7, true), "{}", said.err);
    assert_eq!(lab.read("plan.yaml").unwrap(), b"mine");
}

#[test]
fn the_schema_takes_what_a_plan_is_and_refuses_a_typo() {
    let said = run(&Lab::new(), &["plan", "schema"]);
    let printed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(printed, schema::all()["plan"]);
    assert!(!said.out.contains("oneOf"), "editors suggest little by it");
    let validator = jsonschema::validator_for(&printed).unwrap();
    let value = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    assert!(validator.is_valid(&value(RIGHT)));
    assert!(!validator.is_valid(&value(WRONG)));
    let starter = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/cli/src/cmd/plan/starter.yaml");
    assert!(validator.is_valid(&value(&fs::read_to_string(starter).unwrap())));
}

#[test]
fn a_text_that_takes_yaml_for_its_own_is_to_stand_in_quotes() {
    let step = |command: &str| format!("version: 1\nsteps:\n- {{id: a, command: {command}}}\n- id: b\n");
    for (command, what) in [
        ("{shell: echo a: b, always: true}", Some(": ")),
        ("{argv: [ ${item} ]}", Some("${...}")),
        ("[a", None),
    ] {
        let lab = lab(&step(command));
        let said = run(&lab, &["plan", "check", "web.yaml"]);
        assert_eq!(said.code, 3, "{}", said.err);
        assert!(said.err.contains("this is not YAML"), "{}", said.err);
        let hints: Vec<&str> = said.err.lines().filter(|line| line.starts_with("hint: ")).collect();
        let wanted =
            what.map(|what| format!("hint: in [ ] and {{ }} a text with `{what}` in it stands in quotes"));
        assert_eq!(hints, wanted.as_slice(), "{}", said.err);
    }
}
