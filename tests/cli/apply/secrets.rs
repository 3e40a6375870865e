//! A secret goes where the plan sends it, and is found nowhere else.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tests::server::{Behaviour, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, run_with};

const CANARY: &str = "c4n4ry-0f-the-variable";
const FILED: &str = "c4n4ry-0f-the-file";

/// Every file below that has the text in it.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap_or_default().windows(text.len()).any(|part| part == text.as_bytes())
        {
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

fn run_plan(lab: &Lab, args: &[&str]) -> Said {
    run_with(lab, &[("TOKEN", CANARY)], &[args, &["apply", "p.yaml"]].concat())
}

#[test]
fn a_secret_is_where_it_is_sent_and_nowhere_else() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::AuthRequired { accept: format!("Bearer {CANARY}") }));
    server.route("/gone", Route::of(1).then(Behaviour::status(404)));
    fs::write(lab.path("key"), format!("{FILED}\n")).unwrap();
    fs::set_permissions(lab.path("key"), Permissions::from_mode(0o600)).unwrap();
    let plan = format!(
        "version: 1\nname: p\nsecrets: {{token: {{env: TOKEN}}, key: {{file: key}}}}\nsteps:\n\
         - {{id: fetched, download: {{url: \"{}\", dest: f, headers: {{Authorization: \"Bearer ${{secret.token}}\"}}}}}}\n\
         - {{id: gone, download: {{url: \"{}\", dest: g, headers: {{Authorization: \"Bearer ${{secret.token}}\"}}}}}}\n\
         - {{id: conf, file: {{dest: conf, expand: true, content: \"key=${{secret.key}}\\n\"}}}}\n\
         - {{id: loud, command: {{shell: \"echo $T $K; echo $T >&2; [ ${{#T}} -eq {} ] && exit 9\", creates: no, env: {{T: \"${{secret.token}}\", K: \"${{secret.key}}\"}}}}}}\n",
        server.url("/f"),
        server.url("/gone"),
        CANARY.len()
    );
    fs::write(lab.path("p.yaml"), plan).unwrap();
    for args in [&["-vv"] as &[_], &["--json"], &["--log-format", "json"]] {
        let said = run_plan(&lab, args);
        assert_eq!(said.code, 1, "{}{}", said.err, said.out);
        for text in [&said.err, &said.out] {
            assert!(!text.contains(CANARY) && !text.contains(FILED), "{args:?}: {text}");
        }
        let words = format!("{}{}", said.err, said.out);
        assert!(words.contains("ended with code 9"), "{words}");
    }
    assert!(lab.path("f").exists(), "the server had it");
    assert_eq!(files_with(lab.folder.path(), CANARY), [""; 0]);
    assert_eq!(files_with(lab.folder.path(), FILED), ["conf", "key"]);
    assert_eq!(fs::metadata(lab.path("conf")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn one_that_a_step_has_put_somewhere_is_not_shown_by_who_finds_it_there() {
    let lab = Lab::new();
    fs::write(
        lab.path("p.yaml"),
        "version: 1\nname: p\nsecrets: {token: {env: TOKEN}}\nsteps:\n\
         - {id: conf, file: {dest: conf, expand: true, content: \"key=${secret.token}\\n\"}}\n\
         - {id: loud, command: {shell: \"cat conf; cat conf >&2; exit 9\", always: true}}\n",
    )
    .unwrap();
    for args in [&["-vv"] as &[_], &["--json"]] {
        let said = run_plan(&lab, args);
        assert!(
            said.code == 1 && !format!("{}{}", said.err, said.out).contains(CANARY),
            "{}{}",
            said.err,
            said.out
        );
        assert!(format!("{}{}", said.err, said.out).contains("key=***"), "{}{}", said.err, said.out);
    }
    assert_eq!(files_with(lab.folder.path(), CANARY), ["conf"]);
    let look =
        |args: &[&str]| run_with(&lab, &[("TOKEN", CANARY)], &[args, &["apply", "-n", "p.yaml"]].concat());
    // The content of before, in a file that all may read.
    fs::set_permissions(lab.path("conf"), Permissions::from_mode(0o644)).unwrap();
    fs::write(
        lab.path("p.yaml"),
        "version: 1\nname: p\nsecrets: {token: {env: TOKEN}}\nsteps:\n\
         - {id: conf, file: {dest: conf, content: \"key=none\\n\"}}\n\
         - {id: used, file: {dest: used, expand: true, content: \"${secret.token}\"}}\n",
    )
    .unwrap();
    for args in [&[] as &[_], &["--json"]] {
        let said = look(args);
        assert!(
            said.code == 0 && !format!("{}{}", said.err, said.out).contains(CANARY),
            "{}{}",
            said.err,
            said.out
        );
    }
    let said = look(&[]);
    assert!(said.out.contains("secret"), "{}", said.out);
}

#[test]
fn a_secret_that_is_not_there_fails_its_step_by_name() {
    let lab = Lab::new();
    fs::write(
        lab.path("p.yaml"),
        "version: 1\nname: p\nsecrets: {token: {env: TOKEN}}\nsteps:\n\
         - {id: a, command: {argv: [\"true\"], always: true, env: {T: \"${secret.token}\"}}}\n",
    )
    .unwrap();
    let said = crate::said::run(&lab, &["apply", "p.yaml"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the secret `token` comes from TOKEN, which is not set"), "{}", said.err);
}

#[test]
fn a_command_has_our_path_home_and_locale_and_nothing_else() {
    let lab = Lab::new();
    fs::write(
        lab.path("p.yaml"),
        "version: 1\nname: p\nsteps:\n- {id: a, command: {shell: \"env >env\", creates: env}}\n",
    )
    .unwrap();
    let path = std::env::var("PATH").unwrap();
    assert_eq!(run_plan(&lab, &[]).code, 0);
    let env = String::from_utf8(lab.read("env").unwrap()).unwrap();
    let mut lines: Vec<&str> =
        env.lines().filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
    lines.sort_unstable();
    let home = format!("HOME={}", lab.folder.path().display());
    assert_eq!(lines, [&home, "LANG=C.UTF-8", &format!("PATH={path}")]);
}

#[test]
fn a_variable_that_is_no_text_is_named_and_not_taken_for_one_that_is_not_set() {
    let lab = Lab::new();
    let plan = "version: 1\nname: p\nsecrets: {t: {env: TOKEN}}\nsteps:\n\
                - {id: a, command: {argv: [\"true\"], env: {T: \"${secret.t}\"}, always: true}}\n";
    fs::write(lab.path("p.yaml"), plan).unwrap();
    let mut command = lab.command(&["apply", "p.yaml"]);
    command.env("TOKEN", std::ffi::OsStr::from_bytes(b"caf\xe9"));
    let said = Said::from(command.output().unwrap());
    let why = "the secret `t` comes from TOKEN, which is set to what is not UTF-8 text";
    assert!(said.code == 1 && said.err.contains(why) && !said.err.contains("caf"), "{}", said.err);
}
