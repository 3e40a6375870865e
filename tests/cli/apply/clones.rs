//! Clones that are made before the turn of their steps: hidden until then, gone where nobody wants them, and none of
//! their failures anybody's but their own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tests::git::{Checkout, Forge, Step};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::{apply, lab, pipe, signal};
use crate::lab::Lab;
use crate::said::Said;

/// How long an event is waited for that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Goes on once somebody writes into `go`.
const SLOW: &str = "- {id: slow, command: {shell: \"read x <go\", always: true}}\n";

fn clone(forge: &Forge, more: &str) -> String {
    let id = forge.sample("sample").id("main");
    format!("- {{id: g, git: {{url: \"{}\", dest: clone, commit: {id}}}{more}}}\n", forge.url("sample"))
}

/// A plan of a slow command and a clone below it.
fn usual(forge: &Forge) -> Lab {
    with(&(SLOW.to_owned() + &clone(forge, "")))
}

fn with(steps: &str) -> Lab {
    let lab = lab(steps);
    pipe(&lab, "go");
    lab
}

/// What is hidden in a folder.
fn hidden(lab: &Lab, folder: &str) -> Vec<String> {
    let names = fs::read_dir(lab.path(folder)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".clone-")).collect()
}

/// A run that goes on.
struct Run {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Run {
    fn start(lab: &Lab, args: &[&str]) -> Self {
        let mut child = lab.start(&[&["--json", "apply", "p.yaml"], args].concat());
        let out = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = channel();
        std::thread::spawn(move || out.lines().try_for_each(|line| told.send(line.unwrap())));
        Self { child, lines, seen: Vec::new() }
    }

    /// Goes on to this event of a step, unless it was there already.
    fn until(&mut self, step: &str, event: &str) {
        let is_it = |line: &Value| line["step"] == step && line["event"] == event;
        while !self.seen.iter().any(is_it) {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                let _ = self.child.kill();
                panic!("no {event} of {step}: {:?}", self.seen)
            };
            self.seen.push(serde_json::from_str(&line).unwrap());
            let _ = tests::schema::check(self.seen.last().unwrap());
        }
    }

    /// The events of a step until now.
    fn events(&self, step: &str) -> Vec<&str> {
        let of = self.seen.iter().filter(|line| line["step"] == step);
        of.filter_map(|line| line["event"].as_str()).collect()
    }

    /// Its end: with its last line, the report, seen.
    fn end(&mut self) -> Said {
        self.seen.extend(self.lines.iter().map(|line| serde_json::from_str::<Value>(&line).unwrap()));
        let mut err = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut err).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Said { code, out: String::new(), err }
    }

    /// A step in the report.
    fn report(&self, step: &str) -> &Value {
        let steps = self.seen.last().unwrap()["steps"].as_array().unwrap();
        steps.iter().find(|one| one["step"] == step).unwrap()
    }

    fn status(&self, step: &str) -> &Value {
        &self.report(step)["status"]
    }
}

fn go(lab: &Lab) {
    fs::write(lab.path("go"), "x\n").unwrap();
}

fn is_sound(lab: &Lab, forge: &Forge) {
    let there = Checkout::at(lab.path("clone"));
    there.assert_sound();
    assert_eq!(there.head(), forge.sample("sample").id("main"));
}

#[test]
fn one_comes_while_a_command_above_goes_on_and_is_there_only_after_it() {
    let Some(forge) = Forge::start() else { return };
    let lab = usual(&forge);
    assert_eq!((apply(&lab, &["--dry-run"]).code, forge.all()), (0, 0), "a look fetches nothing");
    let mut run = Run::start(&lab, &[]);
    run.until("g", "fetched");
    assert!(!lab.path("clone").exists());
    let made = hidden(&lab, ".");
    assert_eq!(made.len(), 1);
    assert_eq!(fs::metadata(lab.path(&made[0])).unwrap().mode() & 0o777, 0o700);
    assert!(lab.path(&made[0]).join("clone/.git/HEAD").exists());
    let asked = forge.all();
    go(&lab);
    let said = run.end();
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(run.events("g"), ["fetching", "fetched", "began", "ended"]);
    is_sound(&lab, &forge);
    assert_eq!((forge.all(), forge.count("sample", Step::Fetch)), (asked, 1), "nobody is asked again");
    assert!(hidden(&lab, ".").is_empty());
}

/// A run whose clone has come before its turn, or is held half-way at the gate.
fn come_so_far(lab: &Lab, forge: &Forge, gate: &Gate, is_whole: bool) -> Run {
    if is_whole {
        let mut run = Run::start(lab, &[]);
        run.until("g", "fetched");
        return run;
    }
    let held = Behaviour::Hold { after: 100, gate: gate.clone() };
    forge.script("sample", Step::Fetch, [held, Behaviour::Ok]);
    let run = Run::start(lab, &[]);
    gate.wait_until_reached();
    run
}

#[test]
fn killed_in_the_middle_the_next_run_ends_it_and_leaves_nothing() {
    let Some(forge) = Forge::start() else { return };
    for is_whole in [true, false] {
        let lab = usual(&forge);
        let gate = Gate::new();
        let mut run = come_so_far(&lab, &forge, &gate, is_whole);
        run.child.kill().unwrap();
        run.child.wait().unwrap();
        gate.open();
        assert_eq!((hidden(&lab, ".").len(), lab.path("clone").exists()), (1, false));
        // What it had begun goes on without it.
        go(&lab);
        let mut run = Run::start(&lab, &[]);
        run.until("g", "fetched");
        assert_eq!(hidden(&lab, ".").len(), 1, "what the dead left is gone");
        go(&lab);
        assert_eq!(run.end().code, 0);
        is_sound(&lab, &forge);
        assert!(hidden(&lab, ".").is_empty());
    }
}

#[test]
fn a_failure_before_its_turn_is_nobodys_and_one_in_it_is_said_as_if_there_had_been_none() {
    let Some(forge) = Forge::start() else { return };
    let lab = usual(&forge);
    let gone = || Behaviour::status(404);
    forge.script("sample", Step::Refs, [gone(), Behaviour::Ok]);
    let mut run = Run::start(&lab, &[]);
    run.until("g", "not_fetched");
    assert!(hidden(&lab, ".").is_empty());
    go(&lab);
    let said = run.end();
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(run.events("g"), ["fetching", "not_fetched", "began", "ended"]);
    is_sound(&lab, &forge);
    let (said, letters) = (apply(&lab, &["--dry-run"]), lab.start(&["--json", "dead-letter", "list"]));
    assert_eq!(said.code, 0);
    let letters = letters.wait_with_output().unwrap();
    let letters: Value = serde_json::from_slice(&letters.stdout).unwrap();
    assert_eq!(letters["letters"].as_array().map(Vec::len), Some(0));

    // People read no word of it.
    forge.script("sample", Step::Refs, [gone(), Behaviour::Ok]);
    let lab = usual(&forge);
    let (asked, child) = (forge.count("sample", Step::Refs), lab.start(&["apply", "p.yaml"]));
    wait_until("the failure", || (forge.count("sample", Step::Refs) > asked).then_some(()));
    wait_until("its end", || hidden(&lab, ".").is_empty().then_some(()));
    go(&lab);
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.err.contains("404")), (0, false), "{}", said.err);
    is_sound(&lab, &forge);

    // By its words and its attempts it is that of a plan that has nothing above the clone.
    forge.script("sample", Step::Refs, [gone()]);
    let lab = usual(&forge);
    let mut run = Run::start(&lab, &[]);
    run.until("g", "not_fetched");
    go(&lab);
    let code = run.end().code;
    let alone = with(&clone(&forge, ""));
    let mut other = Run::start(&alone, &[]);
    assert_eq!((code, other.end().code), (1, 1));
    assert!(run.report("g").to_string().contains("404"), "{}", run.report("g"));
    let of = |run: &Run| {
        let mut failed = run.report("g").clone();
        for key in ["line", "seconds"] {
            failed.as_object_mut().unwrap().remove(key);
        }
        failed
    };
    assert_eq!(of(&run), of(&other));
}

#[test]
fn what_somebody_made_of_dest_meanwhile_counts_as_it_does_in_any_turn() {
    let Some(forge) = Forge::start() else { return };
    let slow = |then: &str| SLOW.replace("read x <go", &format!("read x <go; {then}"));
    let ended = |then: &str| {
        let before = forge.count("sample", Step::Fetch);
        let lab = with(&(slow(then) + &clone(&forge, "")));
        let mut run = Run::start(&lab, &[]);
        run.until("g", "fetched");
        go(&lab);
        let said = run.end();
        assert!(hidden(&lab, ".").is_empty());
        (lab, (said.code, forge.count("sample", Step::Fetch) - before), run.report("g").to_string())
    };
    let (lab, came, told) = ended("mkdir clone; echo x >clone/mine");
    assert_eq!(came, (1, 1));
    assert!(told.contains("is not empty"), "{told}");
    assert_eq!(
        (fs::read_dir(lab.path("clone")).unwrap().count(), lab.read("clone/mine").unwrap()),
        (1, b"x\n".to_vec())
    );
    // An empty folder is taken over with its rights.
    let (lab, came, told) = ended("mkdir -m 0711 clone");
    assert_eq!(came, (0, 1), "{told}");
    is_sound(&lab, &forge);
    assert_eq!(fs::metadata(lab.path("clone")).unwrap().permissions().mode() & 0o7777, 0o711);
    // One that all in it inherits something of is one that it has to be made in.
    let (lab, came, told) = ended("mkdir clone; chmod 2750 clone");
    assert_eq!(came, (0, 2), "{told}");
    is_sound(&lab, &forge);
    assert_eq!(fs::metadata(lab.path("clone/.git")).unwrap().permissions().mode() & 0o2000, 0o2000);
    // A clone that is there is there.
    let url = forge.url("sample");
    let (lab, (code, _), told) = ended(&format!("git clone --quiet {url} clone"));
    assert_eq!(code, 0, "{told}");
    is_sound(&lab, &forge);
}

#[test]
fn a_folder_around_it_that_is_another_one_by_then_has_another_clone() {
    let Some(forge) = Forge::start() else { return };
    let slow = SLOW.replace("read x <go", "read x <go; mv above was; mkdir above");
    let lab = with(&(slow + &clone(&forge, "").replace("dest: clone", "dest: above/clone")));
    fs::create_dir(lab.path("above")).unwrap();
    let mut run = Run::start(&lab, &[]);
    run.until("g", "fetched");
    assert_eq!(hidden(&lab, "above").len(), 1);
    go(&lab);
    let said = run.end();
    assert_eq!((said.code, forge.count("sample", Step::Fetch)), (0, 2), "{}", said.err);
    Checkout::at(lab.path("above/clone")).assert_sound();
    assert_eq!(fs::read_dir(lab.path("was")).unwrap().count(), 0);
}

#[test]
fn nothing_is_made_before_its_turn_where_another_step_would_find_it() {
    let Some(forge) = Forge::start() else { return };
    // A folder that is not there is made by no fetch, and one that is another clone's has nothing of ours.
    for exists in [false, true] {
        let inner = clone(&forge, ", needs: [g]")
            .replace("id: g", "id: inner")
            .replace("dest: clone", "dest: clone/in");
        let lab = with(&(SLOW.to_owned() + &clone(&forge, "") + &inner));
        if exists {
            fs::create_dir(lab.path("clone")).unwrap();
        }
        let mut run = Run::start(&lab, &[]);
        run.until("slow", "began");
        go(&lab);
        let said = run.end();
        assert_eq!(said.code, 0, "{exists}: {:?}", run.seen);
        assert_eq!(run.events("inner"), ["began", "ended"]);
        Checkout::at(lab.path("clone/in")).assert_sound();
    }
    let lab = with(&(SLOW.to_owned() + &clone(&forge, "").replace("dest: clone", "dest: not/there")));
    let mut run = Run::start(&lab, &[]);
    run.until("slow", "began");
    assert!(!lab.path("not").exists());
    go(&lab);
    assert_eq!(run.end().code, 0);
    assert_eq!(run.events("g"), ["began", "ended"]);
    Checkout::at(lab.path("not/there")).assert_sound();
}

#[test]
fn ctrl_c_leaves_nothing_whether_it_is_whole_or_not() {
    let Some(forge) = Forge::start() else { return };
    for is_whole in [true, false] {
        let lab = usual(&forge);
        let gate = Gate::new();
        let mut run = come_so_far(&lab, &forge, &gate, is_whole);
        assert_eq!(hidden(&lab, ".").len(), 1);
        signal(&run.child, Signal::INT);
        run.end();
        gate.open();
        assert!(hidden(&lab, ".").is_empty() && !lab.path("clone").exists());
        assert_eq!(run.status("g"), "deferred");
    }
}

#[test]
fn one_that_is_for_nobody_any_more_is_removed() {
    let Some(forge) = Forge::start() else { return };
    // The step it needs fails, and others go on.
    let more = "- {id: bad, file: {dest: blocked/x, content: x}}\n";
    let last = "- {id: last, command: {shell: \"read x <go\", always: true}}\n";
    let lab = with(&(SLOW.to_owned() + more + &clone(&forge, ", needs: [bad]") + last));
    fs::write(lab.path("blocked"), "").unwrap();
    let mut run = Run::start(&lab, &[]);
    run.until("g", "fetched");
    assert_eq!(hidden(&lab, ".").len(), 1);
    go(&lab);
    run.until("g", "ended");
    run.until("last", "began");
    wait_until("the clone to go", || hidden(&lab, ".").is_empty().then_some(()));
    go(&lab);
    assert_eq!(run.end().code, 1);
    assert_eq!((run.status("g"), lab.path("clone").exists()), (&"blocked".into(), false));

    // A failure that ends the run, and a limit that has come: whether bytes still come or not.
    let stop = SLOW.replace("read x <go", "read x <go; exit 1").replace("}\n", ", on_failure: stop}\n");
    let gate = Gate::new();
    forge.script("sample", Step::Fetch, [Behaviour::Ok, Behaviour::Hold { after: 100, gate: gate.clone() }]);
    for (steps, is_whole) in [(&stop, true), (&stop, false)] {
        let lab = with(&(steps.clone() + &clone(&forge, "")));
        let mut run = Run::start(&lab, &[]);
        if is_whole {
            run.until("g", "fetched");
        } else {
            gate.wait_until_reached();
        }
        go(&lab);
        assert_eq!(run.end().code, 1);
        assert_eq!((run.status("g"), hidden(&lab, ".").len()), (&"deferred".into(), 0));
    }
    let lab = usual(&forge);
    let mut run = Run::start(&lab, &["--limit-time", "1s"]);
    run.until("g", "not_fetched");
    wait_until("the clone to go", || hidden(&lab, ".").is_empty().then_some(()));
    go(&lab);
    assert_eq!(run.end().code, 4);
    gate.open();
}

#[test]
fn one_whose_bytes_do_not_come_keeps_no_other_waiting() {
    let Some(forge) = Forge::start() else { return };
    let (gate, id) = (Gate::new(), forge.sample("still").id("main"));
    forge.script("still", Step::Fetch, [Behaviour::Hold { after: 100, gate: gate.clone() }, Behaviour::Ok]);
    let still =
        format!("- {{id: still, git: {{url: \"{}\", dest: still, commit: {id}}}}}\n", forge.url("still"));
    let first = SLOW.replace("id: slow", "id: first");
    let lab = with(&(first + &clone(&forge, "") + SLOW + &still));
    let mut run = Run::start(&lab, &[]);
    run.until("still", "fetching");
    gate.wait_until_reached();
    go(&lab);
    run.until("g", "ended");
    run.until("slow", "began");
    is_sound(&lab, &forge);
    gate.open();
    go(&lab);
    assert_eq!(run.end().code, 0);
    assert_eq!(forge.count("still", Step::Fetch), 1, "its step waited for what still came");
    assert_eq!(run.events("still"), ["fetching", "fetched", "began", "ended"]);
}

#[test]
fn the_turn_goes_on_with_what_came_of_one_that_failed_on_the_way() {
    let Some(forge) = Forge::start() else { return };
    // A pack that was cut, and goes on in pieces, of which one is cut when the turn has come.
    let id = forge.pieces("p").id("main");
    let (gate, cut) = (Gate::new(), Behaviour::Close { after: 5 << 18 });
    let held = Behaviour::HoldBeforeHeaders { gate: gate.clone() }.and(cut.clone());
    forge.script("p", Step::Fetch, [cut, Behaviour::Ok, held, Behaviour::Ok]);
    let git = format!("- {{id: g, git: {{url: \"{}\", dest: clone, commit: {id}}}}}\n", forge.url("p"));
    let lab = with(&(SLOW.to_owned() + &git));
    let mut run = Run::start(&lab, &[]);
    gate.wait_until_reached();
    go(&lab);
    run.until("slow", "ended");
    gate.open();
    assert_eq!(run.end().code, 0);
    assert_eq!(run.events("g"), ["fetching", "not_fetched", "began", "ended"]);
    Checkout::at(lab.path("clone")).assert_sound();
    let body = |seen: &tests::server::Exchange| String::from_utf8_lossy(&seen.request.body).into_owned();
    let seen: Vec<String> = forge.exchanges("p", Step::Fetch).iter().map(body).collect();
    let wants = |text: &String| text.contains(&format!("want {id}"));
    let (whole, filtered): (Vec<&String>, Vec<&String>) =
        seen.iter().filter(|text| wants(text)).partition(|text| !text.contains("filter blob:none"));
    assert_eq!((whole.len(), filtered.len()), (1, 1), "the commit is asked for no third time");
    assert!(hidden(&lab, ".").is_empty());

    // A module that fails once the repository itself and others are there.
    let _ = forge.nested("n");
    let gate = Gate::new();
    let held = Behaviour::status(503).and(Behaviour::HoldBeforeHeaders { gate: gate.clone() });
    forge.script("n-two", Step::Fetch, [held, Behaviour::Ok]);
    let git = format!("- {{id: g, git: {{url: \"{}\", dest: clone, submodules: true}}}}\n", forge.url("n"));
    let lab = with(&(SLOW.to_owned() + &git));
    let mut run = Run::start(&lab, &[]);
    gate.wait_until_reached();
    go(&lab);
    run.until("slow", "ended");
    gate.open();
    assert_eq!(run.end().code, 0);
    assert_eq!(run.events("g"), ["fetching", "not_fetched", "began", "ended"]);
    let asked = ["n", "n-one", "n-two"].map(|name| forge.count(name, Step::Fetch));
    assert_eq!(asked, [1, 1, 2]);
    let there = Checkout::at(lab.path("clone"));
    there.assert_sound();
    assert!(lab.path("clone/one/two/.git").exists());
    assert_eq!(there.git(&["submodule", "status", "--recursive"]).lines().count(), 2);
}
