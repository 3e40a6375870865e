//! `run -- CMD`: the command's code passes through, ours are 124 to 127.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::lab::Lab;
use crate::said::{Said, run, run_with};

#[test]
fn the_commands_own_code_passes_through() {
    let lab = Lab::new();
    assert_eq!(run(&lab, &["run", "--", "true"]).code, 0);
    for code in ["1", "2", "3", "7", "42", "255"] {
        let said = run(&lab, &["run", "--retries", "1", "--", "sh", "-c", &format!("exit {code}")]);
        assert_eq!(said.code.to_string(), code, "{}", said.err);
    }
    assert_eq!(run(&lab, &["run", "--", "sh", "-c", "kill -9 $$"]).code, 137, "128 and the signal");
}

#[test]
fn ours_are_those_of_timeout() {
    let lab = Lab::new();
    let said = run(&lab, &["run", "--timeout", "0.2", "--", "sleep", "100"]);
    assert_eq!(said.code, 124, "{}", said.err);
    assert!(said.err.contains("hint: allow more time with `--timeout`"), "{}", said.err);
    let said = run(&lab, &["run", "--", "/etc/passwd"]);
    assert_eq!(said.code, 126, "{}", said.err);
    // A folder of PATH that may not be looked into would make it 126, as with any program.
    let said = run_with(&lab, &[("PATH", "/usr/bin:/bin")], &["run", "--", "nosuchprogram"]);
    assert_eq!(said.code, 127, "{}", said.err);
    assert!(said.err.contains("hint: install `nosuchprogram`"), "{}", said.err);
    assert!(said.err.contains("(1 attempt)"), "not tried again: {}", said.err);
    for path in ["/no/such/cmd", "./cmd", "/etc/passwd/cmd"] {
        let said = run(&lab, &["run", "--", path]);
        assert!([126, 127].contains(&said.code), "{path}: {}", said.err);
        assert!(said.err.contains(&format!("`{path}` ")), "as it was given: {}", said.err);
        assert!(!said.err.contains("hint: install"), "there is nothing to be installed: {}", said.err);
    }
    assert!(
        run(&lab, &["run", "--", "/no/such/cmd"]).err.contains("hint: see whether `/no/such/cmd` is there")
    );
    run(&lab, &["circuit-breaker", "open", "github"]);
    let said = run(&lab, &["run", "--service", "github", "--", "touch", "ran"]);
    assert_eq!(said.code, 125, "{}", said.err);
    assert!(!lab.path("ran").exists());
}

/// Appends a line to `tries` each time.
const COUNTED: &str = "echo x >> tries; exit 9";

#[test]
fn every_code_is_retried_unless_some_are_named() {
    let lab = Lab::new();
    let tries = |args: &[&str]| {
        drop(std::fs::remove_file(lab.path("tries")));
        let args = [&["run"], args, &["--", "sh", "-c", COUNTED]].concat();
        assert_eq!(run(&lab, &args).code, 9);
        String::from_utf8(lab.read("tries").unwrap()).unwrap().lines().count()
    };
    assert_eq!(tries(&[]), 3);
    assert_eq!(tries(&["--retries", "2"]), 2);
    assert_eq!(tries(&["--retry-on", "7,8"]), 1);
    assert_eq!(tries(&["--retry-on", "7,9"]), 3);
}

#[test]
fn a_command_that_works_the_second_time_is_done() {
    let lab = Lab::new();
    let said = run(&lab, &["run", "--", "sh", "-c", "test -e there || { touch there; exit 1; }"]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains("Operation succeeded after 2 attempts"), "{}", said.err);
}

#[test]
fn input_and_output_are_the_commands() {
    let lab = Lab::new();
    let mut child = lab.command(&["run", "--", "sh", "-c", "read line; echo \"got $line\"; echo oops >&2"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let said: Said = child.wait_with_output().unwrap().into();
    assert_eq!((said.code, said.out.as_str()), (0, "got hello\n"));
    assert!(said.err.contains("oops\n"));
}

/// Copies what it reads and fails the first time.
const COPIES: &str = "cat > copy; [ -e once ] && exit 0; : > once; exit 1";

#[test]
fn every_attempt_reads_the_whole_of_a_file() {
    let lab = Lab::new();
    std::fs::write(lab.path("in"), "first line\nthe rest\n").unwrap();
    let mut file = std::fs::File::open(lab.path("in")).unwrap();
    // Whoever started us has read the first line of it.
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(11)).unwrap();
    let output = lab.command(&["run", "--", "sh", "-c", COPIES]).stdin(file).output().unwrap();
    assert_eq!(Said::from(output).code, 0);
    assert_eq!(lab.read("copy").unwrap(), b"the rest\n");
}

fn piped(lab: &Lab, args: &[&str], input: &[u8]) -> Said {
    let mut child = lab.command(args).stdin(Stdio::piped()).spawn().unwrap();
    // One that reads nothing closes it.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_pipe_is_read_once_and_that_is_said_before() {
    let lab = Lab::new();
    let said = piped(&lab, &["run", "--retries", "2", "--", "sh", "-c", COPIES], b"the input\n");
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(lab.read("copy").unwrap(), b"the input\n");
    let (warned, ran) = (said.err.find("one attempt only").unwrap(), said.err.find("Running").unwrap());
    assert!(warned < ran, "{}", said.err);
    let said = piped(&lab, &["run", "--retries", "1", "--", "cat"], b"x");
    assert!(!said.err.contains("one attempt only"), "that was asked for: {}", said.err);
}

#[test]
fn a_pipe_that_is_kept_is_read_by_every_attempt() {
    let lab = Lab::new();
    let keep = ["run", "--stdin", "keep", "--retries", "2", "--", "sh", "-c", COPIES];
    let said = piped(&lab, &keep, b"the input\n");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(lab.read("copy").unwrap(), b"the input\n");
    std::fs::remove_file(lab.path("once")).unwrap();
    std::fs::remove_file(lab.path("copy")).unwrap();
    let said = piped(&lab, &keep, &vec![b'x'; (16 << 20) + 1]);
    assert_eq!(said.code, 125, "{}", said.err);
    assert!(!lab.path("copy").exists(), "too long to be kept, so nothing ran");
    let mut child = lab.command(&["run", "--timeout", "0.3", "--stdin", "keep", "--", "cat"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let _open = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(124), "one that never ends");
}

#[test]
fn a_loop_over_a_list_goes_on() {
    let lab = Lab::new();
    let inner = lab.command(&["-q", "run", "--", "true"]);
    let script = "printf 'a\\nb\\nc\\n' | while read x; do \"$0\" -q run -- echo \"$x\"; done";
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", script]).arg(inner.get_program()).current_dir(lab.folder.path());
    sh.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = Said::from(sh.output().unwrap());
    assert_eq!(said.out, "a\nb\nc\n", "{}", said.err);
}

#[test]
fn codes_that_a_shell_uses_are_the_commands_too() {
    for code in ["126", "127"] {
        let lab = Lab::new();
        let script = format!("echo x >> tries; exit {code}");
        let said = run(&lab, &["run", "--retry-on", code, "--", "sh", "-c", &script]);
        assert_eq!(said.code.to_string(), code, "{}", said.err);
        assert!(said.err.contains(&format!("`sh` ended with code {code}")), "{}", said.err);
        assert_eq!(lab.read("tries").unwrap().len(), 6, "three attempts");
    }
}

#[test]
fn json_is_not_mixed_into_the_commands_output() {
    let lab = Lab::new();
    let said = run(&lab, &["--json", "-qq", "run", "--", "echo", "hello"]);
    assert_eq!((said.code, said.out.as_str()), (0, "hello\n"));
    assert_eq!(said.error()["schema"], "vps-configurator.run/1");
    let said = run(&lab, &["--json", "-q", "run", "--report", "done.json", "--", "echo", "hello"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "hello\n", ""));
    let report: serde_json::Value = serde_json::from_slice(&lab.read("done.json").unwrap()).unwrap();
    assert_eq!((report["command"].as_str(), report["code"].as_i64()), (Some("echo"), Some(0)));
    run(&lab, &["run", "--report", "done.json", "--retries", "1", "--", "sh", "-c", "exit 9"]);
    let report: serde_json::Value = serde_json::from_slice(&lab.read("done.json").unwrap()).unwrap();
    assert_eq!(report["code"], 9);
    let said = run(&lab, &["-q", "run", "--report", "missing/done.json", "--", "true"]);
    assert_eq!(said.code, 0, "the command's own end is what counts");
    assert!(said.err.contains("the report missing/done.json cannot be written: "), "{}", said.err);
}

#[test]
fn what_cuts_an_attempt_short_is_said() {
    let lab = Lab::new();
    let said = run(&lab, &["run", "--timeout", "0.4", "--", "sleep", "100"]);
    assert!(said.err.contains("an attempt may take half of that"), "{}", said.err);
    // The pause before a second attempt would leave it no time: the first may take all.
    let pause = [("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__INITIAL_DELAY", "1")];
    let said = run_with(&lab, &pause, &["run", "--timeout", "1", "--", "sleep", "100"]);
    assert!(said.err.contains("Ran longer than 1.0s") && !said.err.contains("half"), "{}", said.err);
}

#[test]
fn arguments_are_not_shown_they_may_hold_secrets() {
    let lab = Lab::new();
    let said = run(&lab, &["-vv", "run", "--", "sh", "-c", "exit 1", "c4n4ry"]);
    assert!(!said.err.contains("c4n4ry"), "{}", said.err);
}

#[test]
fn a_service_counts_the_commands_failures() {
    let lab = Lab::new();
    let said = run(&lab, &["run", "--service", "github", "--", "false"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("circuit breaker opened: github"), "{}", said.err);
    assert!(said.err.contains("hint: see `vps-configurator circuit-breaker status github`"), "{}", said.err);
    assert_eq!(run(&lab, &["run", "--service", "github", "--", "true"]).code, 125);
}

#[test]
fn nothing_that_a_timed_out_command_started_is_left() {
    let lab = Lab::new();
    let script = "sleep 1000 & echo $!; wait";
    let mut child = lab.start(&["run", "--retries", "1", "--timeout", "0.2", "--", "sh", "-c", script]);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(124));
    assert!(crate::signals::is_gone(line.trim()), "{line}");
}

#[test]
fn one_attempt_may_take_half_of_the_time() {
    let lab = Lab::new();
    let cut = |retries: &str| {
        let script = "echo x >> tries; sleep 1000";
        run(&lab, &["run", "--timeout", "0.3s", "--retries", retries, "--", "sh", "-c", script]).code
    };
    assert_eq!((cut("1"), lab.read("tries").unwrap().len()), (124, 2), "all of it");
    std::fs::remove_file(lab.path("tries")).unwrap();
    assert_eq!((cut("3"), lab.read("tries").unwrap().len()), (124, 4), "two halves");
}
