//! `--metrics-file`: written however a command ends, and nothing in it that should not be.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tests::server::{Behaviour, Gate, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, run, run_with};

const FILE: &str = "all.prom";

fn text(lab: &Lab) -> String {
    String::from_utf8(lab.read(FILE).unwrap()).unwrap()
}

/// The sum of the samples of a metric whose labels have all of `parts`.
fn sum(text: &str, name: &str, parts: &[&str]) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
        let is_it = labels.is_empty() || labels.starts_with('{');
        (is_it && parts.iter().all(|part| labels.contains(part))).then(|| value.parse::<f64>().unwrap())
    });
    samples.sum()
}

fn operations(text: &str, outcome: &str) -> f64 {
    sum(text, "vps_configurator_operations_total", &[r#"operation="download""#, &format!("\"{outcome}\"")])
}

#[test]
fn it_is_written_however_a_command_ends_and_totals_go_on() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    server.route("/f", Route::of(1_000));
    server.route("/held", Route::of(50_000).then(Behaviour::Hold { after: 10, gate: gate.clone() }));
    let (file, held, missing) = (server.url("/f"), server.url("/held"), server.url("/missing"));
    assert_eq!(run(&lab, &["download", &file, "f", "--metrics-file", FILE]).code, 0);
    let first = text(&lab);
    assert_eq!((operations(&first, "success"), operations(&first, "failure")), (1.0, 0.0), "{first}");
    assert_eq!(sum(&first, "vps_configurator_downloaded_bytes_total", &[]), 1_000.0, "{first}");
    assert_eq!(run(&lab, &["download", &missing, "m", "--metrics-file", FILE]).code, 1);
    assert_eq!(operations(&text(&lab), "failure"), 1.0);

    let child = lab.start(&["download", &held, "h", "--metrics-file", FILE]);
    gate.wait_until_reached();
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(Said::from(child.wait_with_output().unwrap()).code, 130);
    let last = text(&lab);
    assert_eq!((operations(&last, "success"), operations(&last, "failure")), (1.0, 2.0), "{last}");
    let cancelled = [r#"outcome="failure""#, r#"class="cancelled""#];
    assert_eq!(sum(&last, "vps_configurator_attempts_total", &cancelled), 1.0, "{last}");
    let run_at = |text: &str| sum(text, "vps_configurator_last_run_timestamp_seconds", &[]);
    assert!(run_at(&last) > run_at(&first) && run_at(&first) > 1.7e9);
    assert!(!last.contains("bulkhead"), "nobody is under way any more");
}

#[test]
fn its_name_may_come_from_the_environment_and_a_preview_writes_nothing() {
    let lab = Lab::new();
    let variable = [("VPS_CONFIGURATOR_METRICS_FILE", FILE)];
    let preview = run_with(&lab, &variable, &["run", "-n", "--", "true"]);
    assert_eq!((preview.code, lab.read(FILE)), (0, None));
    // Nothing was asked for that could be counted: the file is left as it was.
    assert_eq!(run_with(&lab, &variable, &["run", "--retries", "x", "--", "true"]).code, 125);
    assert_eq!(lab.read(FILE), None);
    assert_eq!(run_with(&lab, &[("VPS_CONFIGURATOR_METRICS_FILE", "")], &["run", "--", "true"]).code, 0);
    assert_eq!(run_with(&lab, &variable, &["run", "--", "true"]).code, 0);
    assert_eq!(sum(&text(&lab), "vps_configurator_operations_total", &[r#"operation="run""#]), 2.0);
}

#[test]
fn one_that_cannot_be_written_changes_nothing_else() {
    let lab = Lab::new();
    for (args, code) in [(&["run", "--", "true"] as &[_], 0), (&["run", "--retries", "1", "--", "false"], 1)]
    {
        let (command, rest) = args.split_first().unwrap();
        let said = run(&lab, &[&["-q", command, "--metrics-file", "missing/all.prom"], rest].concat());
        assert_eq!(said.code, code);
        let lines: Vec<&str> = said.err.lines().filter(|line| line.contains("missing/all.prom")).collect();
        assert_eq!(lines.len(), 1, "{}", said.err);
        assert!(lines[0].starts_with("ERROR: the metrics file missing/all.prom cannot be written: "));
    }
    // The error object stays the last line.
    let args = ["--json", "run", "--metrics-file", "missing/all.prom", "--retries", "1", "--", "false"];
    assert_eq!(run(&lab, &args).error()["kind"], "failed");
}

#[test]
fn anybody_may_read_it_under_any_umask() {
    let lab = Lab::new();
    let command = lab.command(&["run", "--metrics-file", FILE, "--", "true"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    assert!(shell.output().unwrap().status.success());
    assert_eq!(std::fs::metadata(lab.path(FILE)).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn commands_that_end_at_once_are_all_in_it() {
    let lab = Lab::new();
    let args = ["-q", "run", "--metrics-file", FILE, "--", "true"];
    let running: Vec<_> = (0..6).map(|_| lab.start(&args)).collect();
    for child in running {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
    }
    assert_eq!(run(&lab, &args).code, 0);
    assert_eq!(sum(&text(&lab), "vps_configurator_operations_total", &[r#"outcome="success""#]), 7.0);
    let names = std::fs::read_dir(lab.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [FILE, "state"]);
}

#[test]
fn no_label_has_a_url_an_address_of_a_configured_service_or_a_secret() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/canary-there", Route::of(1_000));
    server.route("/canary-moved", Route::of(1_000).then(Behaviour::redirect("/canary-there?canary=1")));
    let port = server.address().port();
    std::fs::write(
        lab.path("config.yaml"),
        format!("performance:\n  services:\n    mirror:\n      hosts: [\"127.0.0.1:{port}\"]\n"),
    )
    .unwrap();
    let url = |path: &str| format!("http://canary:canary@127.0.0.1:{port}{path}?canary=canary#canary");
    for (path, code) in [("/canary-moved", 0), ("/canary-missing", 1)] {
        let args = ["--config", "config.yaml", "download", &url(path), "canary-file", "--metrics-file", FILE];
        let said = run(&lab, &args);
        assert_eq!(said.code, code, "{}", said.err);
    }
    let args = ["--config", "config.yaml", "run", "--retries", "1", "--metrics-file", FILE, "--"];
    run(&lab, &[&args as &[_], &["sh", "-c", "echo canary >&2; exit 1"]].concat());
    let text = text(&lab);
    assert!(sum(&text, "vps_configurator_operations_total", &[r#"service="mirror""#]) >= 2.0, "{text}");
    for forbidden in ["canary", "127.0.0.1", "//", "echo"] {
        assert!(!text.contains(forbidden), "{forbidden}: {text}");
    }
    let labels: std::collections::BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.rsplit_once('}'))
        .flat_map(|(labels, _)| labels.split(',').filter_map(|label| label.split_once('=')))
        .map(|(name, _)| name)
        .collect();
    let known = ["class", "from", "le", "operation", "outcome", "service", "state", "to", "version"];
    assert!(labels.iter().all(|label| known.contains(label)), "{labels:?}");
}

/// Prometheus' own checker; `cargo xtask test` unpacks it into the target folder where it is not installed.
fn promtool() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let test = std::env::current_exe().unwrap();
    let unpacked = test.ancestors().map(|folder| folder.join("prometheus/usr/bin"));
    let folders = std::env::split_paths(&path).chain(unpacked);
    let found = folders.map(|folder| folder.join("promtool")).find(|program| program.is_file());
    if found.is_none() {
        tests::skip("there is no `promtool` here");
    }
    found
}

fn tell(mut command: Command, input: &str) -> Output {
    use std::io::Write;

    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn of_workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// All metrics there are, as a test of the program has written them down.
fn recorded(form: &str) -> String {
    let path = of_workspace(&format!("crates/cli/src/metrics/snapshots/{form}.snap"));
    let snapshot = std::fs::read_to_string(path).unwrap();
    format!("{}\n", snapshot.splitn(3, "---\n").nth(2).unwrap().trim_end())
}

/// Has Prometheus' own checker read classic text, where it is.
pub(crate) fn assert_prometheus_reads(text: &str) {
    let Some(promtool) = promtool() else { return };
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]);
    let checked = tell(command, text);
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
}

#[test]
fn prometheus_reads_the_classic_text_and_finds_nothing_wrong() {
    let Some(promtool) = promtool() else { return };
    let check = |text: &str| {
        let mut command = Command::new(&promtool);
        command.args(["check", "metrics"]);
        tell(command, text)
    };
    let lab = Lab::new();
    assert_eq!(run(&lab, &["run", "--metrics-file", FILE, "--", "true"]).code, 0);
    for text in [text(&lab), recorded("classic")] {
        let checked = check(&text);
        assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    }
    // What node_exporter would refuse the whole file for.
    let wrong = recorded("classic").replace("_build_info gauge", "_build_info info");
    assert!(!check(&wrong).status.success());
}

#[test]
fn prometheus_takes_in_the_open_metrics_text() {
    let Some(promtool) = promtool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = recorded("open_metrics");
    let stamp = |line: &str| {
        if line.starts_with('#') { format!("{line}\n") } else { format!("{line} 1795987165\n") }
    };
    let take_in = |text: &str| {
        let input = folder.path().join("input");
        std::fs::write(&input, text.lines().map(stamp).collect::<String>()).unwrap();
        let mut command = Command::new(&promtool);
        command
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .arg(&input)
            .arg(folder.path().join("blocks"));
        command.output().unwrap()
    };
    let taken = take_in(&text);
    assert!(taken.status.success(), "{taken:?}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let said = String::from_utf8_lossy(&taken.stdout).into_owned();
    assert!(said.split_whitespace().any(|word| word == samples.to_string()), "{samples} of {said}");
    assert!(!take_in(text.strip_suffix("# EOF\n").unwrap()).status.success(), "a cut text is noticed");
}

#[test]
fn prometheus_takes_the_alerts() {
    let Some(promtool) = promtool() else { return };
    let checked =
        Command::new(promtool).args(["check", "rules"]).arg(of_workspace("docs/alerts.yml")).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
