//! Wrong command lines: 2 (`run`: 125), said before anything is touched.

use crate::lab::Lab;
use crate::said::{run, run_with};

/// A command line, and what is said about it.
const WRONG: [(&[&str], &str); 44] = [
    (&["bogus"], "unrecognized subcommand 'bogus'"),
    (&["--bogus"], "unexpected argument '--bogus'"),
    (&["-v", "-q", "config", "path"], "cannot be used with '--quiet...'"),
    (&["--color", "pink", "config", "path"], "[possible values: auto, always, never]"),
    (&["--log-format", "xml", "config", "path"], "[possible values: human, json]"),
    (&["download"], "<URL>"),
    (&["download", ""], "URL is not a URL"),
    (&["download", "example.com/f"], "write it as `https://host/path/file`"),
    (&["download", "ftp://example.com/f"], "only http and https"),
    (&["download", "https://example.com/"], "give one as DEST"),
    (&["download", "https://example.com/f", ""], "DEST is empty"),
    (&["download", "https://example.com/f", "-", "--json"], "both want standard output"),
    (&["download", "https://example.com/f", "--mirror", "nope"], "--mirror is not a URL"),
    (&["download", "https://example.com/f", "--sha256", "12"], "has 64 hexadecimal digits, not 2"),
    (&["download", "https://example.com/f", "--sha256", "1", "--sha512", "1"], "cannot be used with"),
    (&["download", "https://example.com/f", "--checksum", "md5:12"], "known are sha256, sha512 and blake3"),
    (&["download", "https://example.com/f", "--mode", "9"], "octal permissions"),
    (&["download", "https://example.com/f", "--max-size", "lots"], "write it as `1024`, `64KiB`"),
    (&["download", "https://example.com/f", "--timeout", "0"], "must be longer than nothing"),
    (&["download", "https://example.com/f", "--timeout", "soon"], "write seconds, or `90s`"),
    (&["download", "https://example.com/f", "--timeout", "-5"], "it is negative"),
    (&["download", "https://example.com/f", "--retries", "0"], "at least 1"),
    (&["download", "https://example.com/f", "--retries", "-1"], "at least 1"),
    (
        &["download", "https://example.com/f", "--service", "nosuch"],
        "there is no service `nosuch`; known are",
    ),
    (&["apt", "install"], "<PKG>"),
    (&["apt", "install", "Bad_Name"], "is no package to install"),
    (&["apt", "install", "--", "-o", "x"], "apt-get would take it for an option"),
    (&["apt", "install", "curl=1 2"], "is no package to install"),
    (&["apt", "update", "--service", "nosuch"], "there is no service `nosuch`"),
    (&["circuit-breaker", "reset"], "<SERVICE|--all>"),
    (&["circuit-breaker", "reset", "--yes"], "<SERVICE|--all>"),
    (&["circuit-breaker", "reset", "github", "--all"], "cannot be used with"),
    (&["circuit-breaker", "status", "nosuch"], "define another under `performance.services`"),
    (&["connectivity", "ftp://example.com"], "only http and https"),
    (&["--config", "folder/", "config", "init"], "'folder/' for '--config <FILE>': that names a folder"),
    (&["--config", "folder/.", "config", "init"], "that names a folder"),
    (&["--config", "folder/", "config", "show"], "that names a folder"),
    (&["download", "https://example.com/f", "--header-file", "folder/"], "that names a folder"),
    (&["apply", "--wait", "5s", "plan.yaml"], "hint: write `--wait=5s`"),
    (&["apply", "plan.yaml", "--wait", "10m"], "hint: write `--wait=10m`"),
    // These could be read in another way: as DEST, as a package.
    (&["download", "https://example.com/f", "--wait", "5"], "the `5` behind --wait is not its value"),
    (&["git", "clone", "--wait-for-circuit", "90s", "r"], "hint: write `--wait-for-circuit=90s`"),
    (
        &["apt", "install", "--wait", "30s", "curl"],
        "hint: where `30s` is meant by itself, write --wait behind it",
    ),
    (&["man", "nonsense"], "there is no command `nonsense`"),
];

#[test]
fn a_wrong_command_line_is_2_and_touches_nothing() {
    let lab = Lab::new();
    for (args, words) in WRONG {
        let said = run(&lab, args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {}", said.err);
        assert!(said.err.starts_with("error: ") || args.contains(&"--json"), "{args:?}: {}", said.err);
        assert!(said.err.contains(words), "{args:?}: {}", said.err);
        assert!(!said.err.contains("INFO"), "said before anything begins: {args:?}: {}", said.err);
    }
    let left: Vec<_> =
        std::fs::read_dir(lab.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // `status nosuch` may look at the store, nothing else makes anything.
    assert!(left.iter().all(|name| name == "state"), "{left:?}");
}

#[test]
fn quiet_twice_says_nothing_but_the_json_that_was_asked_for() {
    let lab = Lab::new();
    for (args, words) in WRONG {
        if args.contains(&"--json") || args.first() == Some(&"-v") {
            continue;
        }
        // Before the dashes, behind which there are arguments only.
        let said = run(&lab, &[&["-qq"], args].concat());
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (2, "", ""), "{args:?}");
        let said = run(&lab, &[&["-qq", "--json"], args].concat());
        assert_eq!(said.code, 2, "{args:?}");
        assert!(said.error()["message"].is_string(), "{args:?}: {words}");
    }
    for args in
        [&["-qq", "--config", "", "config", "path"] as &[_], &["config", "path", "-q", "--bogus", "-q"]]
    {
        let said = run(&lab, args);
        assert_eq!((said.code, said.err.as_str()), (2, ""), "{args:?}");
    }
    // Help that was asked for is what was asked for.
    assert!(run(&lab, &["-qq", "--help"]).out.contains("Usage:"));
}

#[test]
fn reset_all_asks_or_needs_yes() {
    let lab = Lab::new();
    let said = run(&lab, &["circuit-breaker", "reset", "--all"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("add --yes"), "{}", said.err);
    assert_eq!(run(&lab, &["circuit-breaker", "reset", "--all", "--yes"]).code, 0);
}

#[test]
fn a_wrong_command_line_of_run_is_125() {
    let lab = Lab::new();
    for args in [
        &["run"] as &[_],
        &["run", "--"],
        &["run", "--bogus", "--", "true"],
        &["run", "--retry-on", "300", "--", "true"],
        &["run", "--service", "nosuch", "--", "true"],
        &["run", "--report", "folder/", "--", "touch", "ran"],
        &["run", "--wait", "5s", "--", "true"],
        &["--config", "nosuch.yaml", "run", "--", "true"],
    ] {
        let said = run(&lab, args);
        assert_eq!(said.code, 125, "{args:?}: {}", said.err);
    }
    let said = run(&lab, &["run", "ls", "-l"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("vps-configurator run -- ls"), "{}", said.err);
    let said = run(&lab, &["run", "--wait", "5s", "true"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("hint: write `--wait=5s`") && !said.err.contains("dashes"), "{}", said.err);
}

#[test]
fn with_json_a_wrong_command_line_is_one_json_object() {
    let lab = Lab::new();
    let told = |said: crate::said::Said| {
        assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (2, "", 1), "{}", said.err);
        said.error()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(told(run(&lab, &["--json", "--bogus"])), "unexpected argument '--bogus' found");
    assert_eq!(
        told(run(&lab, &["download", "--json"])),
        "the following required arguments were not provided: <URL>"
    );
    assert_eq!(
        told(run(&lab, &["apply", "--json", "--wait", "5s", "plan.yaml"])),
        "the `5s` behind --wait is not its value: nothing joins them"
    );
    // Whoever reads the log as JSON reads this too.
    assert_eq!(told(run(&lab, &["--log-format", "json", "--bogus"])), "unexpected argument '--bogus' found");
    assert_eq!(told(run(&lab, &["--log-format=json", "--bogus"])), "unexpected argument '--bogus' found");
    let variable = [("VPS_CONFIGURATOR_LOG_FORMAT", "json")];
    assert_eq!(told(run_with(&lab, &variable, &["--bogus"])), "unexpected argument '--bogus' found");
    let said = run(&lab, &["--log-format", "human", "--bogus"]);
    assert!(said.err.starts_with("error: unexpected"), "{}", said.err);
}

#[test]
fn a_wrong_variable_is_named_though_it_was_not_typed() {
    let lab = Lab::new();
    let wrong = [("VPS_CONFIGURATOR_LOG_FORMAT", "xml")];
    let said = run_with(&lab, &wrong, &["config", "check"]);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(
        said.err
            .contains("hint: the value is that of the environment variable VPS_CONFIGURATOR_LOG_FORMAT\n"),
        "{}",
        said.err
    );
    assert_eq!(run_with(&lab, &wrong, &["run", "--", "true"]).code, 125);
    let said = run_with(&lab, &[("VPS_CONFIGURATOR_LOG", "[[[")], &["config", "check"]);
    assert_eq!(said.code, 0);
    assert!(
        said.err.starts_with("WARNING: environment variable VPS_CONFIGURATOR_LOG is ignored: "),
        "{}",
        said.err
    );
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let lab = Lab::new();
    for name in ["VPS_CONFIGURATOR_LOG_FORMAT", "VPS_CONFIGURATOR_CONFIG", "VPS_CONFIGURATOR_LOG"] {
        let said = run_with(&lab, &[(name, "")], &["config", "check"]);
        assert_eq!(said.code, 0, "{name}: {}", said.err);
    }
}
