//! The plans in `examples/` are valid, and the one to begin with runs anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use super::apply;
use crate::lab::Lab;
use crate::said::run;

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).canonicalize().unwrap()
}

#[test]
fn each_example_is_a_valid_plan_without_a_hint_that_names_nobody_else_s_servers() {
    let lab = Lab::new();
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".yaml") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        // Whoever may write to the working copy is not what this is about.
        fs::write(lab.path(&name), &text).unwrap();
        let said = run(&lab, &["plan", "check", &name]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{name}");
        assert!(!said.out.contains("hint"), "{name}: {}", said.out);
        for url in text.split("https://").skip(1) {
            let host = url.split(['/', '"', ' ', '\n']).next().unwrap();
            assert!(host == "example.com" || host.ends_with(".example.com"), "{name}: {host}");
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["docker-host.yaml", "quickstart.yaml", "web-server.yaml"]);
}

#[test]
fn the_one_to_begin_with_runs_without_root_and_without_a_network() {
    let lab = Lab::new();
    fs::copy(folder().join("quickstart.yaml"), lab.path("p.yaml")).unwrap();
    let said = apply(&lab, &["--dry-run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("\u{2192} checksum   command unknown until page\n"),
        "it would be told: {}",
        said.out
    );
    assert!(said.out.contains("quickstart: 5 steps  would change 4  unknown 1  "), "{}", said.out);
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("quickstart: 5 steps  changed 5  "), "{}", said.out);
    let made = String::from_utf8(lab.read("quickstart/site/index.html").unwrap()).unwrap();
    assert!(made.contains("<h1>Hello"), "{made}");
    let said = apply(&lab, &[]);
    assert!(said.out.starts_with("quickstart: 5 steps  ok 5  "), "{}{}", said.out, said.err);
}
