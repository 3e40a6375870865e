//! Completions and the manual: not only printed, but taken by those they are for.

use std::process::Command;

use crate::lab::Lab;
use crate::said::{is_there, run};

#[test]
fn bash_takes_its_completions() {
    if !is_there("bash") {
        return;
    }
    let lab = Lab::new();
    let script = run(&lab, &["completions", "bash"]);
    assert_eq!((script.code, script.err.as_str()), (0, ""));
    std::fs::write(lab.path("vc.bash"), &script.out).unwrap();
    // As when a user has typed a line and pressed the tabulator.
    let ask = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let program = format!(
            "source ./vc.bash && COMP_WORDS=({}) COMP_CWORD={} && _vps__configurator vps-configurator \"{}\" \"{}\" && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1,
            words.last().unwrap(),
            words[words.len() - 2],
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &program])
            .current_dir(lab.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask("vps-configurator down"), "download\n");
    let commands = ask("vps-configurator circuit-breaker ");
    for name in ["status", "reset", "open", "close"] {
        assert!(commands.lines().any(|line| line == name), "{commands}");
    }
    assert!(ask("vps-configurator download --sha").contains("--sha256"));
    assert!(ask("vps-configurator --log-format ").contains("json"));
    assert!(!ask("vps-configurator --log-format ").lines().any(str::is_empty));
}

#[test]
fn other_shells_take_theirs() {
    let lab = Lab::new();
    for (shell, sign) in [
        ("zsh", "#compdef vps-configurator"),
        ("fish", "complete -c vps-configurator"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let said = run(&lab, &["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{shell}");
        assert!(said.out.contains(sign), "{shell}: {}", said.out);
        assert!(said.out.contains("circuit-breaker"), "{shell}");
        if ["zsh", "fish"].contains(&shell) && is_there(shell) {
            std::fs::write(lab.path(shell), &said.out).unwrap();
            let output = Command::new(shell).arg("-n").arg(lab.path(shell)).output().unwrap();
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(!lab.path("state").exists());
}

/// Every page there is.
const PAGES: [&[&str]; 16] = [
    &[],
    &["download"],
    &["run"],
    &["apt"],
    &["apt", "update"],
    &["apt", "install"],
    &["connectivity"],
    &["completions"],
    &["man"],
    &["config"],
    &["config", "show"],
    &["circuit-breaker"],
    &["circuit-breaker", "status"],
    &["circuit-breaker", "reset"],
    &["circuit-breaker", "open"],
    &["circuit-breaker", "close"],
];

#[test]
fn manual_pages_render_without_a_complaint() {
    let lab = Lab::new();
    let groff = is_there("groff");
    for words in PAGES {
        let said = run(&lab, &[&["man"], words].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}");
        let name = ["vps-configurator"].iter().chain(words).copied().collect::<Vec<_>>().join("-");
        assert!(said.out.contains(&format!(".TH {name}")), "{words:?}: {}", said.out);
        if groff {
            std::fs::write(lab.path("page"), &said.out).unwrap();
            let output = Command::new("groff")
                .args(["-man", "-Tutf8", "-P-cbou", "-ww"])
                .arg(lab.path("page"))
                .output()
                .unwrap();
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && complaints.is_empty(), "{words:?}: {complaints}");
            let page = String::from_utf8_lossy(&output.stdout);
            assert!(page.contains("SYNOPSIS"), "{words:?}: {page}");
        }
    }
    let page = run(&lab, &["man"]).out;
    assert!(page.contains("circuit open or queue full, nothing was tried"), "the exit codes are in it");
}
