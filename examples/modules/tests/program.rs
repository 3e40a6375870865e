//! The program of one's own, as a person meets it: its commands know its modules.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests start the program"
)]

use std::process::{Command, Output};

use serde_json::Value;

const PLAN: &str = "\
version: 1
name: web
steps:
  - id: app
    module:
      name: release-service
      with:
        name: app
        url: https://example.com/app.tar.gz
        sha256: abc
        program: /bin/sh
  - id: agent
    module: {name: package-repositry}
";

fn run(folder: &tempfile::TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_my-configurator"));
    command.env_clear().env("HOME", folder.path()).env("STATE_DIRECTORY", folder.path().join("state"));
    command.current_dir(folder.path()).args(args).output().unwrap()
}

fn said(plan: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("web.yaml"), plan).unwrap();
    let output = run(&folder, args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(!folder.path().join("state").exists() || output.status.code() != Some(3), "nothing was touched");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_module_that_there_is_not_is_said_with_the_one_that_was_meant() {
    let (code, _, err) = said(PLAN, &["plan", "check", "web.yaml"]);
    assert_eq!(code, Some(3), "{err}");
    let words = "web.yaml:13:20: steps[1].module.name: there is no module `package-repositry`; did you mean \
                 `package-repository`?";
    assert!(err.contains(words), "{err}");
}

#[test]
fn what_a_module_does_not_take_is_said_by_every_command_where_it_stands() {
    let plan: String = PLAN.lines().take(11).map(|line| format!("{line}\n")).collect();
    let expected = "error: web.yaml cannot be run: 2 problems\n\n\
        web.yaml:10:17: steps[0].module.with.sha256: it is no 64 hexadecimal digits\n";
    let commands: [&[&str]; 4] = [
        &["plan", "check", "web.yaml"],
        &["plan", "show", "web.yaml"],
        &["apply", "web.yaml"],
        &["apply", "--dry-run", "web.yaml"],
    ];
    for command in commands {
        let (code, out, err) = said(&plan, command);
        assert_eq!((code, out.as_str()), (Some(3), ""), "{command:?}: {err}");
        assert!(err.starts_with(expected), "{err}");
        assert!(err.contains("web.yaml:11:18: steps[0].module.with.program: it is no path below"), "{err}");
    }
}

#[test]
fn a_step_of_a_module_is_looked_at_by_the_module_itself() {
    let name = "not-on-any-machine-at-all";
    let plan = PLAN
        .lines()
        .take(11)
        .map(|line| {
            line.replace("abc", &"0".repeat(64))
                .replace("/bin/sh", "bin/app")
                .replace("name: app", &format!("name: {name}"))
        })
        .map(|line| line + "\n")
        .collect::<String>();
    let (code, out, err) = said(&plan, &["--json", "apply", "--dry-run", "web.yaml"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("the release"), "the words of the module's look: {out}");
    let (code, out, err) = said(&plan, &["plan", "show", "web.yaml"]);
    assert_eq!((code, out.contains("release-service")), (Some(0), true), "{err}");
}

/// What stands under `with:` of a module, by the program's own schema.
fn with_of<'s>(schema: &'s Value, module: &str) -> &'s Value {
    let rules = schema["$defs"]["Module"]["allOf"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["if"]["properties"]["name"]["const"] == module).unwrap();
    assert_eq!(
        rule["then"]["required"],
        serde_json::json!(["with"]),
        "{module} has values that it must have"
    );
    at(schema, &rule["then"]["properties"]["with"])
}

fn at<'s>(schema: &'s Value, reference: &Value) -> &'s Value {
    let place = reference["$ref"].as_str().and_then(|to| to.strip_prefix('#')).unwrap();
    schema.pointer(place).unwrap_or_else(|| panic!("{place} leads nowhere"))
}

fn keys(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_editor_is_told_what_stands_under_with() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&folder, &["plan", "schema"]);
    assert!(output.status.success(), "{output:?}");
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();

    let release = with_of(&schema, "release-service");
    assert_eq!(keys(release), ["arguments", "name", "program", "sha256", "strip", "url"]);
    assert_eq!(release["required"], serde_json::json!(["name", "url", "sha256", "program"]));
    assert_eq!(release["additionalProperties"], false, "what is misspelt is marked");
    assert_eq!(release["properties"]["sha256"]["description"], "Of the archive, in hexadecimal digits.");

    let repository = with_of(&schema, "package-repository");
    // What the module notes for itself is no value.
    assert_eq!(keys(repository), ["components", "key", "name", "package", "suite", "uri"]);
    assert_eq!(keys(at(&schema, &repository["properties"]["key"])), ["sha256", "url"]);
}
