//! Stopped half-way, by Ctrl-C or for good: the next run goes on, and ends where one that was not stopped ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Child;

use rustix::process::Signal;
use tests::archives::{Thing, tar};
use tests::git::Forge;
use tests::server::{Behaviour, Content, Gate, Route, Server};
use tests::wait_until;

use super::{apply, ends, lab, pipe, plan, signal, text};
use crate::lab::{Lab, sha256};
use crate::said::{Said, run};
use crate::signals::is_gone;

/// Says who runs it, and ends by itself only once `go` is there.
const LONG: &str = "\
- {id: before, file: {dest: before, content: x}}
- {id: long, command: {shell: \"[ -e go ] || { echo $$ >pid.tmp; mv pid.tmp pid; exec sleep 1000; }; touch done\", creates: done}}
- {id: after, file: {dest: after, content: x}}
";

/// The number of the command that is at work.
fn pid(lab: &Lab) -> String {
    wait_until("the command", || Some(text(lab, "pid")).filter(|pid| !pid.is_empty())).trim().to_owned()
}

#[test]
fn ctrl_c_ends_the_command_leaves_the_rest_and_the_next_run_does_it() {
    for (sent, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let lab = lab(LONG);
        let child = lab.start(&["apply", "p.yaml"]);
        let pid = pid(&lab);
        signal(&child, sent);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number));
        let said = Said::from(output);
        assert!(is_gone(&pid), "{}", said.err);
        assert!(said.err.contains("left: the run was stopped before it was done"), "{}", said.err);
        assert!(said.err.contains("\nnot begun: after\n"), "{}", said.err);
        assert!(said.err.ends_with("\nnext: vps-configurator apply p.yaml\n"), "{}", said.err);
        assert!(said.out.starts_with("p: 3 steps  changed 1  left 2  "), "{}", said.out);
        let status = run(&lab, &["plan", "status", "p.yaml"]).out;
        let long = status.lines().find(|line| line.starts_with("long ")).unwrap();
        assert!(
            long.contains(" stopped ") && long.ends_with("its run was stopped before it was done"),
            "{long}"
        );
        fs::write(lab.path("go"), "").unwrap();
        let (code, steps) = ends(&lab, &[]);
        assert_eq!((code, steps.join(", ").as_str()), (0, "before satisfied, long changed, after changed"));
    }
}

#[test]
fn programs_hear_that_it_was_stopped() {
    let lab = lab(LONG);
    let child = lab.start(&["--json", "apply", "p.yaml"]);
    pid(&lab);
    signal(&child, Signal::INT);
    let said = Said::from(child.wait_with_output().unwrap());
    let report: serde_json::Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let _ = tests::schema::check(&report);
    assert_eq!((said.code, &report["code"], &report["stopped"]), (130, &130.into(), &true.into()));
    assert_eq!(report["steps"][2]["deferred"], "stopped");
}

/// A run that has got to the middle of its download and no further.
fn stuck(lab: &Lab, server: &Server, content: &Content) -> Child {
    let gate = Gate::new();
    let held = Behaviour::Hold { after: 600_000, gate: gate.clone() };
    server.route("/f", Route::content(content.clone()).then(held));
    let child = lab.start(&["apply", "p.yaml"]);
    gate.wait_until_reached();
    let received = || fs::metadata(lab.path("tree/.f.part")).is_ok_and(|part| part.len() >= 600_000);
    wait_until("the part", || received().then_some(()));
    child
}

fn steps(server: &Server, content: &Content) -> String {
    format!(
        "- {{id: conf, file: {{dest: tree/conf, content: x}}}}\n\
         - {{id: fetched, download: {{url: \"{}\", sha256: {}, dest: tree/f}}}}\n\
         - {{id: counted, needs: [fetched], command: {{shell: \"echo run >>tree/log\", once: true}}}}\n\
         - {{id: told, needs: [fetched], command: {{shell: \"echo told >>tree/told\", on_change: [conf, fetched]}}}}\n\
         - {{id: last, file: {{dest: tree/sub/last, content: y, mode: \"0600\"}}}}\n",
        server.url("/f"),
        sha256(&content.bytes())
    )
}

/// Every file below, with what is in it and its rights.
fn tree(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            let (path, meta) = (entry.path(), entry.metadata().unwrap());
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            let bytes = if meta.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            found.push((name, meta.permissions().mode(), bytes));
            if meta.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn killed_in_the_middle_the_next_run_ends_where_one_that_was_not_killed_ends() {
    let content = Content::seeded(3, 1_000_000);
    let (killed, unkilled, server) = (Lab::new(), Lab::new(), Server::start());
    for lab in [&killed, &unkilled] {
        plan(lab, &steps(&server, &content));
    }
    let mut child = stuck(&killed, &server, &content);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.path("tree/log").exists(), "in the middle");
    let asked = server.log().of("/f").len();
    let said = apply(&killed, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let log = server.log();
    let requests = log.of("/f");
    assert_eq!(requests.len(), asked + 1, "it went on with what it had");
    assert_eq!(apply(&unkilled, &[]).code, 0);
    assert_eq!(tree(&killed.path("tree")), tree(&unkilled.path("tree")));
    assert_eq!(
        (text(&killed, "tree/log").as_str(), text(&killed, "tree/told").as_str()),
        ("run\n", "told\n")
    );
    assert!(apply(&killed, &[]).out.starts_with("p: 5 steps  ok 5  "));
}

/// What a run leaves beside a folder that is killed between putting it in place and clearing up.
fn leave(lab: &Lab, names: [&str; 2]) {
    for (name, record) in [("unpack", "vps-configurator-unpack"), ("clone", "vps-configurator-clone")] {
        let folder = lab.path(&format!(".{}.{name}-0c39fa8a", names[usize::from(name == "clone")]));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join(record), "").unwrap();
    }
    fs::write(lab.path(&format!(".{}.archive", names[0])), "what was unpacked").unwrap();
}

fn hidden(lab: &Lab) -> usize {
    let names = fs::read_dir(lab.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().starts_with(".t") || name.to_str().unwrap().starts_with(".c"))
        .count()
}

#[test]
fn what_a_killed_run_left_beside_what_it_had_put_in_place_is_cleared_away() {
    let (lab, server) = (Lab::new(), Server::start());
    let Some(forge) = Forge::start() else { return };
    let archive = Content::fixed(tar(&[Thing::file("f", "content")]));
    server.route("/t.tar", Route::content(archive.clone()));
    plan(
        &lab,
        &format!(
            "- {{id: tree, download: {{url: \"{}\", sha256: {}, unpack: {{to: tree}}}}}}\n\
             - {{id: clone, git: {{url: \"{}\", dest: clone, commit: {}}}}}\n",
            server.url("/t.tar"),
            archive.sha256(),
            forge.url("sample"),
            forge.sample("sample").id("main")
        ),
    );
    assert_eq!(apply(&lab, &[]).code, 0);
    assert_eq!(hidden(&lab), 0);
    // As it is where the run that made it could not say so any more.
    leave(&lab, ["tree", "clone"]);
    fs::remove_dir_all(lab.path("state")).unwrap();
    assert_eq!((apply(&lab, &["--dry-run"]).code, hidden(&lab)), (0, 3), "a look changes nothing");
    let (asked, cloned) = (server.log().connections, forge.all());
    let said = apply(&lab, &[]);
    assert!(said.out.starts_with("p: 2 steps  ok 2  "), "{}{}", said.out, said.err);
    assert_eq!(hidden(&lab), 0);
    assert_eq!((server.log().connections, forge.all()), (asked, cloned));
    // What is known to be done is not looked around.
    leave(&lab, ["tree", "clone"]);
    assert_eq!((apply(&lab, &[]).code, hidden(&lab)), (0, 3));
}

/// Reads what lets it end from a pipe, so that it outlives a run that is killed.
const OUTLIVES: &str =
    "echo begun >>log; echo $$ >pid.tmp; mv pid.tmp pid; read word <go; echo $word >>log; touch done";

#[test]
fn a_command_that_outlives_its_run_is_waited_for_and_not_begun_twice() {
    let lab = lab(&format!("- {{id: long, command: {{shell: \"{OUTLIVES}\", creates: done}}}}\n"));
    pipe(&lab, "go");
    let mut child = lab.start(&["apply", "p.yaml"]);
    let pid = pid(&lab);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_gone(&pid));
    let mut next = lab.start(&["apply", "p.yaml"]);
    let mut stderr = std::io::BufReader::new(next.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("long waits, ") {
        assert_ne!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap(), 0, "{said}");
    }
    fs::write(lab.path("go"), "went\n").unwrap();
    assert!(next.wait().unwrap().success(), "{said}");
    assert_eq!(text(&lab, "log"), "begun\nwent\n");
}

/// A plan whose one step may be done only once, and was begun by a run that was killed with it.
fn half_done() -> Lab {
    let lab = lab(&format!("- {{id: long, command: {{shell: \"{OUTLIVES}\", once: true}}}}\n"));
    pipe(&lab, "go");
    let mut child = lab.start(&["apply", "p.yaml"]);
    let pid = pid(&lab);
    child.kill().unwrap();
    child.wait().unwrap();
    let number = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(number, Signal::KILL).unwrap();
    wait_until("the end of the command", || is_gone(&pid).then_some(()));
    lab
}

#[test]
fn what_may_be_done_once_and_was_half_done_is_left_until_somebody_decides() {
    let lab = half_done();
    for args in [&[] as &[&str], &["-n"]] {
        let said = apply(&lab, args);
        assert_eq!(said.code, 4, "{}", said.err);
        let words = format!("{}{}", said.err, said.out);
        assert!(words.contains("left: it was begun and ended in the middle"), "{words}");
        let next =
            "next: vps-configurator apply p.yaml --rerun long  (or --mark-done long, if it was done)\n";
        assert!(said.err.ends_with(next), "{}", said.err);
    }
    assert_eq!(text(&lab, "log"), "begun\n");
    assert_eq!(apply(&lab, &["--mark-done", "long"]).code, 0);
    assert_eq!(apply(&lab, &[]).code, 0);
    assert_eq!(text(&lab, "log"), "begun\n");

    let lab = half_done();
    let open = fs::File::options().read(true).write(true).open(lab.path("go")).unwrap();
    std::io::Write::write_all(&mut &open, b"went\n").unwrap();
    assert_eq!(apply(&lab, &["--rerun", "long"]).code, 0);
    assert_eq!(text(&lab, "log"), "begun\nbegun\nwent\n");
}

#[test]
fn what_fails_for_good_three_times_is_parked_until_it_is_asked_for() {
    let server = Server::start();
    let gone = Behaviour::status(404);
    server.route("/f", Route::of(1).times(3, &gone).then(Behaviour::Ok));
    let lab = lab(&format!("- {{id: f, download: {{url: \"{}\", dest: f}}}}\n", server.url("/f")));
    for failure in 1..=3 {
        let said = apply(&lab, &[]);
        assert_eq!(said.code, 1);
        // What the next run does not do unasked is not what is to be typed.
        let asks =
            said.err.contains("next: vps-configurator apply p.yaml --rerun f  (once the cause is gone)");
        assert_eq!(asks, failure == 3, "{}", said.err);
    }
    let said = apply(&lab, &[]);
    assert_eq!(said.code, 1, "{}", said.err);
    let why = said.err.lines().find(|line| line.contains("given up: failed three times in the same way: "));
    assert!(
        why.unwrap_or_else(|| panic!("{}", said.err)).contains("404"),
        "what it failed with: {}",
        said.err
    );
    assert!(
        said.err.contains("next: vps-configurator apply p.yaml --rerun f  (once the cause is gone)"),
        "{}",
        said.err
    );
    assert_eq!(server.log().of("/f").len(), 3);
    assert_eq!(apply(&lab, &["--rerun", "f"]).code, 0);
}
