//! The letters of a plan's steps: one a step, whatever is done in it.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tests::server::{Behaviour, Gate, Route, Server};

use super::{id, letters, only, retry};
use crate::lab::Lab;
use crate::said::{Said, run, run_with};

const CANARY: &str = "canary-of-a-secret";

/// A download with a secret, what needs it, and what needs neither.
fn lab(server: &Server) -> Lab {
    let lab = Lab::new();
    let plan = format!(
        "version: 1\nname: web\nsecrets: {{token: {{env: TOKEN}}}}\nsteps:\n\
         \x20 - id: app\n    needs: []\n    retries: 1\n    download:\n      url: {}\n      dest: app\n\
         \x20     headers: {{Authorization: \"Bearer ${{secret.token}}\"}}\n\
         \x20 - {{id: after, needs: [app], file: {{dest: after, content: x}}}}\n\
         \x20 - {{id: alone, needs: [], file: {{dest: alone, content: y}}}}\n",
        server.url("/f")
    );
    fs::write(lab.path("web.yaml"), plan).unwrap();
    lab
}

fn with_token(lab: &Lab, args: &[&str]) -> Said {
    run_with(lab, &[("TOKEN", CANARY)], args)
}

#[test]
fn a_step_leaves_one_letter_without_its_secret_and_takes_it_out_once_it_is_done() {
    let server = Server::start();
    let lab = lab(&server);
    for failures in 1..=2 {
        let said = with_token(&lab, &["apply", "web.yaml"]);
        assert_eq!(said.code, 1, "{}", said.err);
        let letter = only(&lab);
        assert_eq!(
            (letter["operation"].as_str(), letter["failures"].as_u64()),
            (Some("plan_step"), Some(failures))
        );
        assert_eq!((letter["plan"].as_str(), letter["step"].as_str()), (Some("web"), Some("app")));
    }
    let letter = id(&only(&lab));
    let named = |plan: &str| run(&lab, &["dead-letter", "list", "--plan", plan]).out;
    assert!(named("web").contains("step app of web"), "{}", named("web"));
    assert_eq!(named("other"), "none of these; 1 dead letter of others\n");
    let shown = run(&lab, &["dead-letter", "show", &letter, "--json"]).json();
    let arguments = &shown["request"]["arguments"];
    assert_eq!(arguments["action"]["download"]["headers"]["Authorization"], "${secret.token}");
    let line = shown["command_line"].as_str().unwrap();
    assert!(line.ends_with("web.yaml --only app --rerun app"), "{line}");
    for file in fs::read_dir(lab.path("state")).unwrap() {
        let path = file.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "{}", path.display());
    }
    let page = run(&lab, &["dead-letter", "show", &letter]).out;
    assert!(page.contains("404") && !page.contains(CANARY), "{page}");
    server.route("/f", Route::of(10));
    // Parked or not: the step is asked for.
    let said = with_token(&lab, &["apply", "web.yaml", "--rerun", "app"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(letters(&lab).is_empty());
}

#[test]
fn another_run_is_waited_for_wherever_it_is_in_the_way() {
    let lab = Lab::new();
    let plan = "{version: 1, name: p, steps: [{id: a, command: {shell: test -e go, always: true}}]}";
    fs::write(lab.path("p.yaml"), plan).unwrap();
    assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 1);
    let letter = id(&only(&lab));
    fs::write(lab.path("go"), "").unwrap();
    let held = fs::File::options().write(true).open(lab.path("state/apply.lock")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (retry, forget) = (["dead-letter", "retry", &letter], ["plan", "forget", "p.yaml", "a"]);
    for args in [&retry[..], &forget, &["apply", "p.yaml"]] {
        let said = run(&lab, args);
        assert_eq!(said.code, 7, "{args:?}: {}", said.err);
        let hint = said.err.lines().find_map(|line| line.strip_prefix("hint: wait for it with `"));
        let hint = hint.unwrap_or_else(|| panic!("{args:?}: {}", said.err)).trim_end_matches('`');
        // The option that is advised is one of the command.
        let words: Vec<&str> = hint.split(' ').collect();
        assert_eq!(words, ["--wait-lock", "10m"]);
        assert_eq!(run(&lab, &[args, &["--wait-lock", "1ms"]].concat()).code, 7, "{args:?}");
    }
    let waiting = lab.start(&[&retry[..], &["--wait-lock", "10m"]].concat());
    // Longer than it takes the other to be there.
    assert_eq!(run(&lab, &[&forget[..], &["--wait-lock", "500ms"]].concat()).code, 7);
    drop(held);
    let said = Said::from(waiting.wait_with_output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(letters(&lab).is_empty());
}

#[test]
fn a_retry_does_the_step_and_what_it_blocked_but_only_as_it_was() {
    let server = Server::start();
    let lab = lab(&server);
    assert_eq!(with_token(&lab, &["apply", "web.yaml", "--skip", "alone"]).code, 1);
    let letter = id(&only(&lab));
    assert_eq!(with_token(&lab, &["dead-letter", "retry", &letter]).code, 1, "it fails again");
    assert_eq!(only(&lab)["failures"].as_u64(), Some(2));
    let was = fs::read_to_string(lab.path("web.yaml")).unwrap();
    fs::write(lab.path("web.yaml"), was.replace("dest: app", "dest: app2")).unwrap();
    let said = with_token(&lab, &["dead-letter", "retry", &letter]);
    assert!(
        said.code == 7 && said.err.contains("edited since") && said.err.contains("apply"),
        "{}",
        said.err
    );
    assert_eq!(retry(&lab, "nothere1").code, 7);
    // Neither a comment nor its place makes another step of it.
    fs::write(lab.path("web.yaml"), format!("# more\n{was}")).unwrap();
    server.route("/f", Route::of(10));
    let said = with_token(&lab, &["dead-letter", "retry", &letter]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(lab.read("app").is_some() && lab.read("after").is_some(), "what was blocked is done, too");
    assert!(lab.read("alone").is_none(), "nobody asked for that");
    assert!(letters(&lab).is_empty());
}

#[test]
fn all_of_them_are_done_plan_by_plan() {
    let server = Server::start();
    let lab = lab(&server);
    assert_eq!(with_token(&lab, &["apply", "web.yaml"]).code, 1);
    assert_eq!(run(&lab, &["run", "--retries", "1", "--", "sh", "-c", "test -e app"]).code, 1);
    server.route("/f", Route::of(10));
    let said = with_token(&lab, &["--json", "dead-letter", "retry", "--all", "--rate", "60000"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let turns = said.json()["letters"].as_array().unwrap().clone();
    let results: Vec<_> =
        turns.iter().map(|turn| (turn["plan"].as_str(), turn["result"].as_str().unwrap())).collect();
    assert_eq!(results, [(Some("web"), "done"), (None, "done")]);
    assert!(letters(&lab).is_empty());
}

#[test]
fn a_stop_a_look_and_a_switch_leave_none() {
    let (server, gate) = (Server::start(), Gate::new());
    let lab = lab(&server);
    assert_eq!(with_token(&lab, &["apply", "web.yaml", "--dry-run"]).code, 0);
    let off = [("VPS_CONFIGURATOR_PERFORMANCE__DEAD_LETTERS__ENABLED", "false"), ("TOKEN", CANARY)];
    assert_eq!(run_with(&lab, &off, &["apply", "web.yaml"]).code, 1);
    assert!(letters(&lab).is_empty());
    server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 10, gate: gate.clone() }));
    let child = lab.command(&["apply", "web.yaml"]).env("TOKEN", CANARY).spawn().unwrap();
    gate.wait_until_reached();
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.err);
    assert!(letters(&lab).is_empty());
}

#[test]
fn what_is_known_of_a_plan_is_shown_and_forgotten() {
    let server = Server::start();
    let lab = lab(&server);
    let stages = |plan: &str| -> Vec<String> {
        let said = run(&lab, &["--json", "plan", "status", plan]);
        assert_eq!(said.code, 0, "{}", said.err);
        let steps = said.json()["steps"].as_array().unwrap().clone();
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        steps.iter().map(|step| format!("{} {}", word(&step["step"]), word(&step["stage"]))).collect()
    };
    assert_eq!(run(&lab, &["plan", "status", "web"]).code, 7, "nothing is known of it");
    assert_eq!(stages("web.yaml"), ["app new", "after new", "alone new"]);
    assert_eq!(with_token(&lab, &["apply", "web.yaml"]).code, 1);
    assert_eq!(stages("web.yaml"), ["app failed", "after new", "alone done"]);
    assert_eq!(stages("web"), ["alone done", "app failed"]);
    let said = run(&lab, &["plan", "status", "web.yaml"]);
    let row = said.out.lines().find(|line| line.starts_with("app ")).unwrap();
    assert!(row.contains("failed") && row.contains("404"), "{row}");
    let said = run(&lab, &["--json", "plan", "forget", "web", "app"]);
    assert_eq!((said.code, said.json()["steps"].to_string().as_str()), (0, "[\"app\"]"), "{}", said.err);
    assert_eq!(stages("web"), ["alone done"]);
    assert_eq!(run(&lab, &["plan", "forget", "web", "app"]).code, 7, "it is not known any more");
    let said = run(&lab, &["plan", "forget", "web"]);
    assert!(said.code == 2 && said.err.contains("--yes"), "nobody can be asked: {}", said.err);
    assert_eq!(run(&lab, &["plan", "forget", "web.yaml", "--yes"]).out, "forgot alone\n");
    assert_eq!(run(&lab, &["plan", "status", "web"]).code, 7);
}

#[test]
fn a_renamed_step_is_forgotten_by_its_new_name_and_all_that_is_not_known_is_named() {
    let lab = Lab::new();
    let plan = |head: &str| {
        let step = format!("- {{{head}, file: {{dest: a, content: x}}}}");
        fs::write(lab.path("p.yaml"), format!("version: 1\nname: p\nsteps:\n{step}\n")).unwrap();
    };
    plan("id: old");
    assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 0);
    plan("id: new, was: old");
    let said = run(&lab, &["plan", "forget", "p.yaml", "new", "no", "nor"]);
    assert!(said.code == 7 && said.err.contains("nothing is known of steps no, nor"), "{}", said.err);
    let said = run(&lab, &["plan", "forget", "p.yaml", "new"]);
    assert_eq!((said.code, said.out.as_str()), (0, "forgot old\n"), "{}", said.err);
    let said = run(&lab, &["dead-letter", "drop", "aaaaaaaa", "bbbbbbbb"]);
    assert!(
        said.code == 7 && said.err.contains("there are no dead letters aaaaaaaa, bbbbbbbb"),
        "{}",
        said.err
    );
}

#[test]
fn a_gate_is_shown_as_what_is_asked_anew() {
    let lab = Lab::new();
    let steps = "  - {id: open, gate: {exists: never-there, wait: 1ms}}\n  - {id: page, needs: [open], file: {dest: a, content: x}}";
    fs::write(lab.path("p.yaml"), format!("version: 1\nsteps:\n{steps}\n")).unwrap();
    assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 1);
    let said = run(&lab, &["plan", "status", "p.yaml"]);
    let row = said.out.lines().find(|line| line.starts_with("open ")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[1..5], ["-", "-", "0", "-"], "{row}");
    assert!(row.ends_with("  asked anew in each run that needs it"), "{row}");
}

#[test]
fn a_step_that_was_renamed_is_found_by_its_new_name_and_one_that_is_gone_is_said_to_be() {
    let lab = Lab::new();
    let plan = |step: &str| {
        let step = format!("- {{{step}, command: {{shell: \"test -e ok\", creates: ok}}}}\n");
        fs::write(lab.path("p.yaml"), format!("version: 1\nname: p\nsteps:\n{step}")).unwrap();
    };
    let ok = |is_there: bool| match is_there {
        true => fs::write(lab.path("ok"), "").unwrap(),
        false => fs::remove_file(lab.path("ok")).unwrap(),
    };
    let failed = || {
        assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 1);
        id(&only(&lab))
    };
    plan("id: a");
    failed();
    plan("id: b, was: a");
    ok(true);
    assert_eq!(run(&lab, &["apply", "p.yaml"]).code, 0);
    assert!(letters(&lab).is_empty(), "it is done under its new name");
    ok(false);
    plan("id: c");
    let letter = failed();
    plan("id: d, was: c");
    ok(true);
    let said = run(&lab, &["dead-letter", "retry", &letter]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(letters(&lab).is_empty());
    ok(false);
    let letter = failed();
    plan("id: e");
    let said = run(&lab, &["dead-letter", "retry", &letter]);
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("the step d is not in ") && !said.err.contains("edited"), "{}", said.err);
    assert!(said.err.contains(&format!("dead-letter drop {letter}`")), "{}", said.err);
    assert_eq!(run(&lab, &["dead-letter", "drop", &letter]).code, 0);
    assert!(letters(&lab).is_empty());
}

/// A step that is done once and never twice, and one behind it that goes on until somebody writes into a pipe.
fn migration() -> Lab {
    let lab = Lab::new();
    let plan = "version: 1\nname: db\nsteps:\n\
        \x20 - {id: migrate, command: {shell: \"test -e ok && echo x >> times\", once: true}}\n\
        \x20 - {id: index, command: {shell: \"read line < pipe\", once: true}}\n";
    fs::write(lab.path("db.yaml"), plan).unwrap();
    assert_eq!(run(&lab, &["apply", "db.yaml", "--skip", "index"]).code, 1);
    assert_eq!(only(&lab)["step"].as_str(), Some("migrate"));
    fs::write(lab.path("ok"), "").unwrap();
    lab
}

const RETRY_ALL: [&str; 5] = ["dead-letter", "retry", "--all", "--rate", "60000"];

#[test]
fn a_run_that_is_killed_leaves_no_letter_of_what_it_did() {
    let lab = migration();
    mknodat(CWD, lab.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut child = lab.command(&["apply", "db.yaml"]).spawn().unwrap();
    // Opened once there is a reader: the second step is at work.
    let pipe = fs::File::options().write(true).open(lab.path("pipe")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(pipe);
    assert!(letters(&lab).is_empty());
    assert_eq!(run(&lab, &RETRY_ALL).code, 0);
    assert_eq!(lab.read("times").unwrap(), b"x\n");
}

#[test]
fn a_letter_of_a_step_that_was_done_since_does_it_no_second_time() {
    let lab = migration();
    let store = || rusqlite::Connection::open(lab.path("state").join("state.db")).unwrap();
    let letter: (String, Vec<u8>, i64) = store()
        .query_row("SELECT key, value, sum FROM entries WHERE key LIKE 'letter/%'", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(run(&lab, &["apply", "db.yaml", "--skip", "index"]).code, 0);
    assert!(letters(&lab).is_empty());
    // As one finds it that was killed between the two.
    store().execute("INSERT INTO entries (key, value, sum) VALUES (?1, ?2, ?3)", letter).unwrap();
    assert_eq!(only(&lab)["step"].as_str(), Some("migrate"));
    let said = run(&lab, &RETRY_ALL);
    assert_eq!((said.code, lab.read("times").unwrap()), (0, b"x\n".to_vec()), "{}", said.err);
    assert!(letters(&lab).is_empty());
    // Whoever asks for it has it.
    assert_eq!(run(&lab, &["apply", "db.yaml", "--only", "migrate", "--rerun", "migrate"]).code, 0);
    assert_eq!(lab.read("times").unwrap(), b"x\nx\n");
}

#[test]
fn what_was_ended_in_the_middle_and_is_for_once_is_not_done_again_by_a_retry() {
    let lab = Lab::new();
    let plan = "version: 1\nname: web\nsteps:\n\
         \x20 - {id: migrate, command: {shell: 'echo begun >>log; kill -9 $$', once: true}}\n";
    fs::write(lab.path("web.yaml"), plan).unwrap();
    assert_eq!(run(&lab, &["apply", "web.yaml"]).code, 1);
    let letter = id(&only(&lab));
    for args in [&["dead-letter", "retry", "--all"][..], &["dead-letter", "retry", &letter]] {
        let said = run(&lab, args);
        assert_eq!(said.code, 4, "{}", said.err);
        assert!(said.err.contains("--mark-done migrate"), "{}", said.err);
        if args.contains(&"--all") {
            assert!(said.out.ends_with("0 done, 0 failed, 0 refused by a circuit, 1 left\n"), "{}", said.out);
        }
        assert_eq!(lab.read("log").unwrap(), b"begun\n", "{args:?}");
        assert_eq!(id(&only(&lab)), letter);
    }
    assert_eq!(run(&lab, &["apply", "web.yaml", "--mark-done", "migrate"]).code, 0);
    assert!(letters(&lab).is_empty());
}

#[test]
fn a_retry_has_those_restarted_that_watch_what_it_changed() {
    let lab = Lab::new();
    let plan = "version: 1\nname: web\nsteps:\n\
         \x20 - {id: conf, file: {dest: conf, source: source}}\n\
         \x20 - {id: restart, needs: [], command: {shell: 'echo restarted >>log', on_change: [conf]}}\n";
    fs::write(lab.path("web.yaml"), plan).unwrap();
    assert_eq!(run(&lab, &["apply", "web.yaml"]).code, 1);
    fs::write(lab.path("source"), "one").unwrap();
    let said = run(&lab, &["dead-letter", "retry", "--all"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(lab.read("log").unwrap(), b"restarted\n");
    // Who asks for just one step is told which others are due, and by what command they are done.
    fs::write(lab.path("source"), "two").unwrap();
    let said = run(&lab, &["apply", "web.yaml", "--only", "conf"]);
    assert_eq!(said.code, 0, "what was asked for is done: {}", said.err);
    assert!(said.err.contains("not asked for, and due by what changed: restart\n"), "{}", said.err);
    assert!(said.err.ends_with("next: vps-configurator apply web.yaml\n"), "{}", said.err);
    let said = run(&lab, &["--json", "apply", "web.yaml", "--only", "conf"]);
    let report: serde_json::Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let due: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| step["due"].as_bool()).collect();
    assert_eq!(due, [Some(false), Some(true)]);
    assert_eq!(run(&lab, &["apply", "web.yaml"]).code, 0);
    assert_eq!(lab.read("log").unwrap(), b"restarted\nrestarted\n");
}
