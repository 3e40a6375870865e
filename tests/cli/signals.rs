//! Ctrl-C, SIGTERM and readers that go away.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tests::server::{Behaviour, Gate, Route, Server};
use tests::wait_until;

use crate::lab::Lab;
use crate::said::Said;

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Whether no process with this number runs any more; one that nobody has waited for is gone too.
pub(crate) fn is_gone(pid: &str) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit(") ").next().is_none_or(|state| state.starts_with('Z'))
}

/// A download that has got to 1000 bytes and no further.
fn stuck(lab: &Lab, server: &Server) -> Child {
    let gate = Gate::new();
    server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 1_000, gate: gate.clone() }));
    let child = lab.start(&["download", &server.url("/f")]);
    gate.wait_until_reached();
    // What the server has sent is in the part a moment later.
    let received = || fs::metadata(lab.path(".f.part")).is_ok_and(|part| part.len() >= 1_000);
    wait_until("the part", || received().then_some(()));
    child
}

#[test]
fn the_first_signal_stops_cleanly_and_is_raised_again() {
    for (signal_sent, number) in [(Signal::INT, 2), (Signal::TERM, 15)] {
        let (lab, server) = (Lab::new(), Server::start());
        let child = stuck(&lab, &server);
        signal(&child, signal_sent);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number), "a shell sees {}", 128 + number);
        let said = Said::from(output);
        assert!(said.err.contains("WARNING: stopping (again to end at once)"), "{}", said.err);
        assert!(
            said.err.ends_with("hint: the partial file is kept; run the same command to resume\n"),
            "{}",
            said.err
        );
        assert!(!said.err.contains("Attempt 1 failed"), "nobody's failure: {}", said.err);
        assert!(!lab.path("f").exists());
        assert!(lab.path(".f.part").exists(), "kept for the next run");
    }
}

#[test]
fn a_download_that_ran_out_of_time_says_that_its_part_is_kept() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    server.route("/f", Route::of(900_000).then(Behaviour::Hold { after: 600_000, gate }));
    let said = crate::said::run(&lab, &["download", &server.url("/f"), "--timeout", "0.5s"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let hints = "hint: the partial file is kept; run the same command to resume\nhint: kept as dead letter ";
    let (_, last) = said.err.rsplit_once(hints).unwrap_or_else(|| panic!("{}", said.err));
    assert_eq!(last.lines().count(), 1, "{}", said.err);
}

#[test]
fn json_says_that_it_was_stopped() {
    let (lab, server) = (Lab::new(), Server::start());
    let gate = Gate::new();
    server.route("/f", Route::of(50_000).then(Behaviour::Hold { after: 1_000, gate: gate.clone() }));
    let child = lab.start(&["--json", "-q", "download", &server.url("/f")]);
    gate.wait_until_reached();
    signal(&child, Signal::INT);
    let said = Said::from(child.wait_with_output().unwrap());
    let error = said.error();
    assert_eq!((error["code"].as_i64(), error["kind"].as_str()), (Some(130), Some("cancelled")), "{error}");
}

#[test]
fn ctrl_c_reaches_the_command_of_run_and_nothing_is_left() {
    let lab = Lab::new();
    let mut child = lab.start(&["run", "--", "sh", "-c", "sleep 1000 & echo $$ $!; wait"]);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    for pid in line.split_whitespace() {
        assert!(is_gone(pid), "{pid} of {line}");
    }
}

#[test]
fn the_second_signal_ends_at_once() {
    let lab = Lab::new();
    // It ends at no request, so that only the second can be what ends us.
    let script = "trap '' INT TERM; echo $$; while :; do sleep 1000; done";
    let mut child = lab.start(&["run", "--", "sh", "-c", script]);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    signal(&child, Signal::INT);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("again to end at once") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    wait_until("the end of its child", || is_gone(line.trim()).then_some(()));
}

#[test]
fn a_hang_up_ends_the_command_too() {
    for (sent, number) in [(Signal::HUP, 1), (Signal::QUIT, 3)] {
        let lab = Lab::new();
        let mut child = lab.start(&["run", "--", "sh", "-c", "sleep 1000 & echo $$ $!; wait"]);
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        for pid in line.split_whitespace() {
            wait_until(&format!("the end of {pid} of {line}"), || is_gone(pid).then_some(()));
        }
    }
}

#[test]
fn a_signal_that_we_were_started_to_ignore_is_ignored() {
    let lab = Lab::new();
    // As a shell starts a background job.
    let inner = lab.command(&["run", "--retries", "1", "--", "sh", "-c", "echo started; read line; exit 5"]);
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", "trap '' INT; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    sh.current_dir(lab.folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    sh.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = sh.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    signal(&child, Signal::INT);
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(!said.err.contains("stopping"), "{}", said.err);
}

#[test]
fn a_pause_between_attempts_ends_at_ctrl_c() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::retry_after(503, 200)));
    let mut child = lab.start(&["download", &server.url("/f")]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Retrying in 200.0s") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}

/// The exit codes of a shell's pipeline from the program into `reader`.
fn pipeline(lab: &Lab, args: &[&str], reader: &str) -> Vec<String> {
    let inner = lab.command(args);
    let mut bash = std::process::Command::new("bash");
    bash.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bash.current_dir(lab.folder.path());
    bash.arg("-c").arg(format!("\"$0\" \"$@\" | {reader}; echo \"${{PIPESTATUS[@]}}\" >&2"));
    bash.arg(inner.get_program()).args(inner.get_args());
    let output = bash.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap().to_owned();
    assert!(!said.contains("roken pipe") && !said.contains("panic"), "{said}");
    last.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let lab = Lab::new();
    // `exec true` reads nothing, so the pipe is closed whatever is written.
    for args in [
        &["circuit-breaker", "status"] as &[_],
        &["config", "show", "--origin"],
        &["--json", "config", "show"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        assert_eq!(pipeline(&lab, args, "head -1 >/dev/null")[0], "0", "{args:?}");
        assert_eq!(pipeline(&lab, args, "exec true")[0], "0", "{args:?}");
    }
}

#[test]
fn a_download_to_a_reader_that_goes_away_ends_by_sigpipe() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(3 << 20));
    let codes = pipeline(&lab, &["-q", "download", &server.url("/f"), "-"], "head -c 10 >/dev/null");
    assert_eq!(codes[0], "141");
    assert_eq!(server.log().of("/f").len(), 1, "no retry");
}

#[test]
fn a_full_standard_output_is_an_error() {
    let lab = Lab::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = lab.command(&["circuit-breaker", "status"]).stdout(full).output().unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("standard output cannot be written"), "{}", said.err);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_leaves_a_letter() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(3 << 20));
    let inner = lab.command(&["download", &server.url("/f")]);
    let limited = |ignoring: &str| {
        let mut sh = std::process::Command::new("bash");
        // In blocks of 1024 bytes: enough for the state, and not for the file.
        sh.args(["-c", &format!("{ignoring}ulimit -f 1024; exec \"$0\" \"$@\"")]);
        sh.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.folder.path());
        sh.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Said::from(sh.output().unwrap())
    };
    // Whoever started us may ignore the signal: then the system says the same without it.
    for ignoring in ["", "trap '' XFSZ; "] {
        let said = limited(ignoring);
        assert_eq!(said.code, 7, "{}", said.err);
        assert!(said.err.contains("File too large"), "{}", said.err);
        let hint = "hint: files may not be larger here: raise the limit (`ulimit -f`, ";
        assert!(said.err.contains(hint), "{}", said.err);
        assert!(said.err.contains("kept as dead letter "), "{}", said.err);
        assert!(!lab.path("f").exists());
    }
}

#[test]
fn what_is_started_has_the_signal_of_large_files_as_it_was() {
    let lab = Lab::new();
    let script = "grep -h -E '^Sig(Ign|Blk|Cgt):' /proc/self/status";
    let said = Said::from(lab.run(&["-q", "run", "--", "sh", "-c", script]));
    assert_eq!(said.code, 0, "{}", said.err);
    for line in said.out.lines() {
        let mask = u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap();
        assert_eq!(mask >> (Signal::XFSZ.as_raw() - 1) & 1, 0, "{line}");
    }
}

#[test]
fn a_file_that_takes_hours_to_look_at_hears_the_limit_and_a_stop() {
    let (lab, server) = (Lab::new(), Server::start());
    // As anybody can make one, without the disk for it.
    let huge = fs::File::create(lab.path("f")).unwrap();
    if huge.set_len(8 << 40).is_err() {
        return println!("skipped: no file of 8 TiB on this file system");
    }
    let digest = "0".repeat(64);
    let (url, preview) = (server.url("/f"), "--dry-run");
    let args = ["download", &url, "--sha256", &digest];
    for args in [&args[..], &[args.as_slice(), &[preview]].concat()] {
        hears_the_limit_and_a_stop(&lab, args);
    }
    assert_eq!(fs::metadata(lab.path("f")).unwrap().len(), 8 << 40, "it is as it was");
    assert_eq!(server.log().connections, 0);
}

fn hears_the_limit_and_a_stop(lab: &Lab, args: &[&str]) {
    let said = Said::from(lab.run(&[args, &["--timeout", "300ms"]].concat()));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("did not end in time"), "{}", said.err);
    let mut child = lab.start(args);
    let stderr = child.stderr.take().unwrap();
    // It says what it begins with once it listens to signals.
    let pid = child.id();
    let reading = || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let mut names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        names.any(|name| name.trim_end().ends_with("digest"))
    };
    wait_until("the thread that reads", || reading().then_some(()));
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(15), "{:?}", BufReader::new(stderr).lines().next());
}

#[test]
fn json_says_the_signal_that_ended_it() {
    for (sent, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
        let lab = Lab::new();
        let started = lab.path("started");
        let script = format!("touch {}; exec sleep 60", started.display());
        let child = lab.start(&["--json", "run", "--report", "r.json", "--", "sh", "-c", &script]);
        wait_until("the command", || started.exists().then_some(()));
        signal(&child, sent);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number));
        let report = String::from_utf8(lab.read("r.json").unwrap()).unwrap();
        assert!(report.contains(&format!("\"code\": {}", 128 + number)), "{report}");
    }
}
