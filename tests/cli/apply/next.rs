//! The command that goes on, as it can be copied, and what is said where it is not.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;

use tests::server::{Behaviour, Gate, Route, Server};

use super::{apply, lab};
use crate::lab::Lab;
use crate::said::{Said, run};

const FAILS: &str = "- {id: s0, command: {shell: exit 3, always: true}}\n";

/// One that fails, and a chain of steps behind it, each of which needs the one before.
fn chain(length: usize) -> Lab {
    let step = |at: usize| {
        format!("- {{id: s{at}, needs: [s{}], file: {{dest: f{at}, content: x}}}}\n", at.saturating_sub(1))
    };
    lab(&format!("{FAILS}{}", (1..length).map(step).collect::<String>()))
}

fn next(said: &Said) -> &str {
    let last = said.err.lines().find_map(|line| line.strip_prefix("next: "));
    last.unwrap_or_else(|| panic!("{}", said.err))
}

#[test]
fn a_command_names_no_more_steps_than_somebody_copies() {
    let lab = chain(60);
    assert_eq!(apply(&lab, &[]).code, 1);
    let letters = run(&lab, &["--json", "dead-letter", "list"]).json();
    let letter = letters["letters"][0]["id"].as_str().unwrap();
    let said = run(&lab, &["dead-letter", "retry", letter]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(next(&said).contains("p.yaml --rerun s0  ("), "{}", said.err);
    assert!(next(&said).ends_with("all of the plan, for 60 steps were asked for)"), "{}", said.err);
    // Who has typed them all has them: that others are not done is what they say.
    let named = (0..60).map(|at| format!("s{at}")).collect::<Vec<_>>().join(",");
    let said = apply(&lab, &["--only", &named]);
    assert!(next(&said).starts_with("the same command again"), "{}", said.err);
    let said = apply(&lab, &["--only", "s0,s1"]);
    assert!(next(&said).starts_with("vps-configurator apply p.yaml --only 's0,s1'"), "{}", said.err);
}

#[test]
fn the_next_command_is_the_same_but_for_what_it_need_not_do_again() {
    let lab = lab(FAILS);
    let said = apply(&lab, &["--strict", "--jobs", "3", "--rerun", "s0"]);
    assert!(
        next(&said).starts_with("vps-configurator apply p.yaml --rerun s0 --jobs 3 --strict"),
        "{}",
        said.err
    );
}

#[test]
fn whatever_a_plan_is_called_the_command_can_be_copied() {
    let lab = lab(FAILS);
    let plan = fs::read_to_string(lab.path("p.yaml")).unwrap();
    for (at, name) in [&b"-p.yaml"[..], b"\xff p.yaml", b"-\n'.yaml"].into_iter().enumerate() {
        let name = OsStr::from_bytes(name);
        // A plan of its own, or its step would have failed too often.
        fs::write(lab.folder.path().join(name), plan.replace("name: p", &format!("name: p{at}"))).unwrap();
        let first = lab.command(&["apply", "--"]).arg(name).output().unwrap();
        let said = Said::from(first);
        assert_eq!(said.code, 1, "{}", said.err);
        let (line, _) = next(&said).split_once("  (").unwrap_or((next(&said), ""));
        let inner = lab.command(&[]);
        let line = line.replacen("vps-configurator", "\"$0\"", 1);
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", &line]).arg(inner.get_program()).current_dir(lab.folder.path());
        bash.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let Ok(again) = bash.output() else { return println!("skipped: no bash") };
        let again = Said::from(again);
        assert_eq!((again.code, next(&again)), (1, next(&said)), "{line}: {}", again.err);
    }
}

#[test]
fn quiet_says_in_one_line_what_is_left_and_why() {
    let server = Server::start();
    server.route("/f", Route::of(1).then(Behaviour::status(404)));
    let steps = format!(
        "- {{id: f, download: {{url: \"{}\", dest: f}}}}\n- {{id: after, needs: [f], file: {{dest: a, content: x}}}}\n",
        server.url("/f")
    );
    let lab = lab(&steps);
    for _ in 0..3 {
        assert_eq!(apply(&lab, &["-qq"]).code, 1);
    }
    let said = apply(&lab, &["-q"]);
    assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (1, "", 1), "{}", said.err);
    assert!(
        said.err.starts_with("error: p: not done: f (given up: failed three times in the same way: "),
        "{}",
        said.err
    );
    assert_eq!(apply(&lab, &["-qq"]).err, "");
    // What a later run can do is no error.
    run(&lab, &["circuit-breaker", "open", "external_downloads"]);
    let said = apply(&lab, &["-q", "--rerun", "f"]);
    assert_eq!((said.code, said.err.lines().count()), (4, 1), "{}", said.err);
    assert!(said.err.starts_with("warning: p: not done: f (left: the circuit of "), "{}", said.err);
    assert!(said.err.ends_with(", after (left: needs f, which is left)\n"), "{}", said.err);
    fs::write(lab.path("p.yaml"), "{version: 1, name: p, steps: [{id: a, file: {dest: a, content: x}}]}")
        .unwrap();
    let said = apply(&lab, &["-q"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "nothing is left");
}

#[test]
fn that_a_service_has_no_place_is_said_once_for_all_who_wait() {
    let (server, gate) = (Server::start(), Gate::new());
    let mut steps = String::new();
    for at in 0..20 {
        let path = format!("/f{at}");
        server.route(&path, Route::of(10).then(Behaviour::HoldBeforeHeaders { gate: gate.clone() }));
        steps.push_str(&format!(
            "- {{id: s{at}, needs: [], download: {{url: \"{}\", dest: f{at}}}}}\n",
            server.url(&path)
        ));
    }
    let lab = lab(&steps);
    let mut child = lab.start(&["apply", "p.yaml"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(" places for calls to ") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    gate.open();
    stderr.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(said.matches(" places for calls to ").count(), 1, "{said}");
}
