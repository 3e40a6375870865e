//! Configuration faults: 3, with the file, the line and the key, and nothing touched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::lab::Lab;
use crate::said::{Said, is_there, run, run_with};

fn with(lab: &Lab, text: impl AsRef<[u8]>) -> Said {
    fs::write(lab.path("c.yaml"), text).unwrap();
    run(lab, &["--config", "c.yaml", "download", "https://example.com/f", "dest"])
}

/// What a file says, the line at fault, and what is said about it.
const FAULTS: [(&str, u32, &str); 17] = [
    (
        "performance:\n  network_retry:\n    jitterr: true\n",
        3,
        "`performance.network_retry.jitterr`: unknown field",
    ),
    (
        "performance:\n  network_retry:\n    max_retries: three\n",
        3,
        "`performance.network_retry.max_retries`: expected a whole number",
    ),
    (
        "performance:\n  network_retry:\n    max_retries: -1\n",
        3,
        "`performance.network_retry.max_retries`: expected a whole number",
    ),
    (
        "performance:\n  network_retry:\n    max_retries: 99999999999\n",
        3,
        "`performance.network_retry.max_retries`: expected a whole number",
    ),
    (
        "performance:\n  network_retry:\n    max_retries: 0\n",
        3,
        "`network_retry.enabled: false` makes one attempt",
    ),
    (
        "performance:\n  network_retry:\n    initial_delay: -1\n",
        3,
        "`performance.network_retry.initial_delay`: `-1` is not a duration: it is negative",
    ),
    (
        "performance:\n  network_retry:\n    initial_delay: .nan\n",
        3,
        "`performance.network_retry.initial_delay`: non-finite",
    ),
    (
        "performance:\n  network_retry:\n    initial_delay: .inf\n",
        3,
        "`performance.network_retry.initial_delay`: non-finite",
    ),
    (
        "performance:\n  network_retry:\n    initial_delay: 1e300\n",
        3,
        "`1e300` is not a duration: it is longer than a year",
    ),
    (
        "performance:\n  network_retry:\n    jitter: yes\n",
        3,
        "`performance.network_retry.jitter`: expected true or false",
    ),
    (
        "performance:\n  network_retry:\n    jitter: true\n    jitter: false\n",
        4,
        "`performance.network_retry.jitter`: duplicate mapping key",
    ),
    ("performance: 3\n", 1, "`performance`: expected a group of keys"),
    ("- a\n", 1, "expected a group of keys"),
    ("performance:\n\tx: 1\n", 2, "tabs"),
    ("state: {}\n---\nstate: {}\n", 2, "only one document"),
    ("download:\n  min_speed:\n", 2, "`download.min_speed`: found nothing"),
    ("performance:\n  services:\n    bad name: {hosts: [x.example.com]}\n", 3, "has the name `bad name`"),
];

#[test]
fn every_fault_of_a_file_is_said_with_line_and_key() {
    let lab = Lab::new();
    for (text, line, words) in FAULTS {
        let said = with(&lab, text);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{text}{}", said.err);
        assert!(said.err.starts_with(&format!("error: c.yaml: line {line}")), "{text}{}", said.err);
        assert!(said.err.contains(words), "{text}{}", said.err);
        let longest = said.err.lines().map(str::len).max();
        assert!(longest < Some(240), "{longest:?}: {}", said.err);
    }
    assert!(!lab.path("state").exists() && !lab.path("dest").exists(), "nothing is touched");
}

#[test]
fn all_range_errors_are_said_at_once() {
    let lab = Lab::new();
    let said = with(&lab, "performance:\n  circuit_breaker:\n    failure_threshold: 0\n    timeout: 0\n");
    assert_eq!(said.code, 3);
    assert!(
        said.err.contains("c.yaml: line 3: `performance.circuit_breaker.failure_threshold`"),
        "{}",
        said.err
    );
    assert!(said.err.contains("c.yaml: line 4: `performance.circuit_breaker.timeout`"), "{}", said.err);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let lab = Lab::new();
    let mut text = "performance:\n  services:\n    a0: &a0 {hosts: [x.example.com]}\n".to_owned();
    // The limits allow 64 aliases; each of these is one more.
    for number in 1..2_000 {
        text += &format!("    a{number}: *a0\n");
    }
    let said = with(&lab, &text);
    assert_eq!(said.code, 3);
    assert!(said.err.starts_with("error: c.yaml: line "), "{}", said.err);
    assert!(said.err.contains("more than a configuration needs"), "{}", said.err);
    let mut text = "performance:\n  services:\n    a: {hosts: &a0 [x,x,x,x,x,x,x,x,x,x]}\n".to_owned();
    for level in 1..9 {
        let before = vec![format!("*a{}", level - 1); 10].join(",");
        text += &format!("    b{level}: {{hosts: &a{level} [{before}]}}\n");
    }
    assert_eq!(with(&lab, &text).code, 3);
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let lab = Lab::new();
    fs::create_dir(lab.path("folder")).unwrap();
    fs::write(lab.path("large"), "#".repeat(300 * 1024)).unwrap();
    fs::write(lab.path("bytes"), [0xff, 0xfe]).unwrap();
    assert!(Command::new("mkfifo").arg(lab.path("fifo")).status().unwrap().success());
    for (name, words) in [
        ("missing", "No such file"),
        ("folder", "it is not a regular file"),
        ("fifo", "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        ("large", "it is larger than 256 KiB"),
        ("bytes", "it is not UTF-8 text"),
    ] {
        let said = run(&lab, &["--config", name, "download", "https://example.com/f", "dest"]);
        assert_eq!(said.code, 3, "{name}: {}", said.err);
        assert!(
            said.err.starts_with(&format!("error: the configuration file {name} cannot be read")),
            "{}",
            said.err
        );
        assert!(said.err.contains(words), "{name}: {}", said.err);
        let said = run_with(&lab, &[("VPS_CONFIGURATOR_CONFIG", name)], &["config", "check"]);
        assert_eq!(said.code, 3, "{name} by variable: {}", said.err);
    }
    assert!(!lab.path("state").exists() && !lab.path("dest").exists());
}

#[test]
fn a_file_without_rights_is_said() {
    let lab = Lab::new();
    fs::write(lab.path("c.yaml"), "state: {}\n").unwrap();
    fs::set_permissions(lab.path("c.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(lab.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let said: Said = if rustix::process::geteuid().is_root() {
        if !is_there("setpriv") {
            return;
        }
        let inner = lab.command(&["--config", "c.yaml", "config", "check"]);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.folder.path());
        command.output().unwrap().into()
    } else {
        run(&lab, &["--config", "c.yaml", "config", "check"])
    };
    // Where the build folder itself is closed to others there is nothing to see.
    if said.err.contains("failed to execute") {
        tests::skip("another user cannot start the program here");
        return;
    }
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("Permission denied"), "{}", said.err);
}

#[test]
fn an_empty_file_changes_nothing() {
    let lab = Lab::new();
    for text in ["", "# nothing\n", "---\n", "performance:\n", "\u{feff}# nothing\n"] {
        fs::write(lab.path("c.yaml"), text).unwrap();
        let said = run(&lab, &["--config", "c.yaml", "config", "check"]);
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "the configuration is valid\n"),
            "{text:?}: {}",
            said.err
        );
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let lab = Lab::new();
    for (name, value, words) in [
        ("VPS_CONFIGURATOR_PERFORMANCE__X", "1", "there is no key `x`; there are circuit_breaker"),
        ("VPS_CONFIGURATOR_NOSUCH__X", "1", "there is no key `nosuch`"),
        ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__JITTER", "maybe", "expected true or false"),
        ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__MAX_RETRIES", "-3", "expected a whole number"),
        ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY__MAX_RETRIES", "0", "`network_retry.enabled: false`"),
        ("VPS_CONFIGURATOR_PERFORMANCE__TIMEOUTS__DOWNLOAD", "nan", "not a duration"),
        ("VPS_CONFIGURATOR_PERFORMANCE__NETWORK_RETRY", "3", "expected a group of keys"),
    ] {
        let said = run_with(&lab, &[(name, value)], &["config", "check"]);
        assert_eq!(said.code, 3, "{name}={value}: {}", said.err);
        assert!(said.err.starts_with(&format!("error: environment variable {name}: ")), "{}", said.err);
        assert!(said.err.contains(words), "{name}={value}: {}", said.err);
    }
}

#[test]
fn a_setting_says_where_it_came_from() {
    let lab = Lab::new();
    fs::write(lab.path("c.yaml"), "performance:\n  network_retry:\n    max_retries: 5\n").unwrap();
    let variable = [("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT", "7s")];
    let said = run_with(&lab, &variable, &["--config", "c.yaml", "config", "show", "--origin"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = |key: &str| {
        let found = said.out.lines().find(|line| line.starts_with(&format!("{key} =")));
        found.unwrap_or_else(|| panic!("{}", said.out)).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("performance.network_retry.max_retries"),
        "performance.network_retry.max_retries = 5 c.yaml"
    );
    assert_eq!(
        line("performance.circuit_breaker.timeout"),
        "performance.circuit_breaker.timeout = 7 env VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT"
    );
    assert_eq!(
        line("performance.network_retry.max_delay"),
        "performance.network_retry.max_delay = 30 built-in default"
    );
}

#[test]
fn the_file_of_this_folder_is_read_unless_others_can_write_it() {
    let lab = Lab::new();
    fs::write(lab.path("vps-configurator.yaml"), "performance:\n  network_retry:\n    max_retries: 7\n")
        .unwrap();
    let retries = || {
        let said = run(&lab, &["config", "show"]);
        said.out.lines().find(|line| line.contains("max_retries")).unwrap().to_owned()
    };
    fs::set_permissions(lab.path("vps-configurator.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(retries().ends_with(": 7"), "{}", retries());
    fs::set_permissions(lab.path("vps-configurator.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(retries().ends_with(": 3"), "{}", retries());
    assert!(run(&lab, &["config", "path"]).out.contains("others can write it"));
    // A named file stands in place of all that are found.
    fs::write(lab.path("c.yaml"), "").unwrap();
    let said = run(&lab, &["--config", "c.yaml", "config", "path"]);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
}

#[test]
fn a_file_that_is_passed_over_is_said_once_by_every_command() {
    let lab = Lab::new();
    fs::write(lab.path("vps-configurator.yaml"), "performance:\n  network_retry:\n    max_retries: 7\n")
        .unwrap();
    fs::set_permissions(lab.path("vps-configurator.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    for args in [
        &["config", "check"] as &[_],
        &["config", "show"],
        &["run", "--", "true"],
        &["circuit-breaker", "status"],
        &["download", "-n", "https://example.com/f"],
    ] {
        let said = run(&lab, args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        let told = said.err.matches("the configuration file vps-configurator.yaml is not read: ").count();
        assert_eq!(told, 1, "{args:?}: {}", said.err);
    }
    let said = run(&lab, &["config", "check"]);
    assert!(said.out.contains("but vps-configurator.yaml is not read"), "{}", said.out);
    let json = run(&lab, &["--json", "-q", "config", "check"]).json();
    assert_eq!(json["skipped"][0]["path"], "vps-configurator.yaml");
}

#[test]
fn a_link_in_this_folder_is_not_followed() {
    let lab = Lab::new();
    fs::write(lab.path("other.yaml"), "c4n4ry: 1\n").unwrap();
    std::os::unix::fs::symlink(lab.path("other.yaml"), lab.path("vps-configurator.yaml")).unwrap();
    let said = run(&lab, &["config", "check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("is not read: it is a link") && !said.err.contains("c4n4ry"), "{}", said.err);
}

#[test]
fn a_home_that_may_not_be_searched_is_a_warning() {
    if !rustix::process::geteuid().is_root() || !is_there("setpriv") {
        println!("skipped: only root can be somebody else");
        return;
    }
    let lab = Lab::new();
    fs::create_dir_all(lab.path("home/.config")).unwrap();
    fs::set_permissions(lab.path("home"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(lab.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let inner = lab.command(&["config", "check"]);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(inner.get_program());
    command.args(inner.get_args()).current_dir(lab.folder.path()).env("HOME", lab.path("home"));
    command.env_remove("XDG_CONFIG_HOME");
    let said: Said = command.output().unwrap().into();
    if said.err.contains("failed to execute") {
        println!("skipped: another user cannot start the program here");
        return;
    }
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("we may not look into its folder"), "{}", said.err);
}

#[test]
fn what_is_shown_can_be_read_again() {
    let lab = Lab::new();
    let variable = [("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__MAX_TIMEOUT", "9m")];
    let shown = run_with(&lab, &variable, &["config", "show"]);
    fs::write(lab.path("c.yaml"), &shown.out).unwrap();
    let again = run(&lab, &["--config", "c.yaml", "config", "show"]);
    assert_eq!((again.code, &again.out), (0, &shown.out), "{}", again.err);
    assert!(shown.out.contains("    max_timeout: 540\n"), "{}", shown.out);
}

#[test]
fn the_places_are_shown_beside_a_broken_file() {
    let lab = Lab::new();
    fs::write(lab.path("c.yaml"), "performance: 3\n").unwrap();
    let said = run(&lab, &["--config", "c.yaml", "config", "path"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("c.yaml  (read"), "{}", said.out);
    assert!(said.err.contains("expected a group of keys"), "{}", said.err);
}

#[test]
fn a_first_file_is_written_where_it_is_read() {
    let lab = Lab::new();
    let said = run(&lab, &["--config", "new/c.yaml", "config", "init"]);
    assert_eq!((said.code, said.out.as_str()), (0, "new/c.yaml\n"), "{}", said.err);
    let text = String::from_utf8(lab.read("new/c.yaml").unwrap()).unwrap();
    assert!(text.contains("#   circuit_breaker:\n") && text.contains("#     failure_threshold: 3"), "{text}");
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "it changes nothing: {text}");
    assert_eq!(run(&lab, &["--config", "new/c.yaml", "config", "check"]).code, 0);
    let said = run(&lab, &["--config", "new/c.yaml", "config", "init"]);
    assert_eq!(said.code, 7, "it is left as it is: {}", said.err);
}

#[test]
fn an_empty_name_of_a_file_is_wrong() {
    let lab = Lab::new();
    for args in [&["--config", "", "config", "check"] as &[_], &["config", "check", "--config="]] {
        let said = run(&lab, args);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        assert!(said.err.contains("--config is empty"), "{}", said.err);
    }
    assert_eq!(run(&lab, &["--config", "", "run", "--", "true"]).code, 125);
    assert_eq!(run(&lab, &["run", "--", "echo", "--config", ""]).code, 0, "the command's own");
}

#[test]
fn the_file_that_is_shipped_is_valid() {
    let lab = Lab::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/default.yaml");
    let said = run(&lab, &["--config", shipped, "config", "check"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

/// The program as another user than root, whose files root can be a neighbour to.
fn as_user(lab: &Lab, args: &[&str]) -> Option<Said> {
    if !rustix::process::geteuid().is_root() || !is_there("setpriv") {
        tests::skip("only root can be somebody else");
        return None;
    }
    fs::set_permissions(lab.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let inner = lab.command(args);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "4242", "--regid", "4242", "--clear-groups"]).arg(inner.get_program());
    command.args(inner.get_args()).current_dir("/").env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said: Said = command.env("XDG_CONFIG_HOME", lab.path("own")).output().unwrap().into();
    if said.err.contains("failed to execute") {
        tests::skip("another user cannot start the program here");
        return None;
    }
    Some(said)
}

#[test]
fn a_users_file_that_others_have_a_hand_in_is_passed_over() {
    let lab = Lab::new();
    let (folder, file) = (lab.path("own/vps-configurator"), lab.path("own/vps-configurator/config.yaml"));
    fs::create_dir_all(&folder).unwrap();
    let write = |path: &std::path::Path, owner| {
        fs::write(path, "performance:\n  network_retry:\n    max_retries: 7\n").unwrap();
        std::os::unix::fs::chown(path, Some(owner), Some(owner)).unwrap();
    };
    if !rustix::process::geteuid().is_root() {
        return tests::skip("only root can be somebody else");
    }
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write(&file, 4242);
    write(&lab.path("elsewhere"), 4242);
    let is_read = |why: &str, wanted: bool| {
        let Some(said) = as_user(&lab, &["config", "show"]) else { return };
        assert_eq!((said.code, said.out.contains("max_retries: 7")), (0, wanted), "{why}: {}", said.err);
        let warned = said.err.contains("config.yaml is not read: ");
        assert_eq!(warned, !wanted, "{why}: {}", said.err);
    };
    is_read("it is his", true);
    mode(&file, 0o666);
    is_read("anybody may write it", false);
    mode(&file, 0o644);
    mode(&folder, 0o777);
    is_read("anybody may exchange it", false);
    mode(&folder, 0o1777);
    is_read("nobody may exchange what is his", true);
    mode(&folder, 0o755);
    mode(&lab.path("own"), 0o757);
    is_read("anybody may exchange its folder", false);
    mode(&lab.path("own"), 0o755);
    write(&file, 65_534);
    is_read("it is a neighbour's", false);
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere"), &file).unwrap();
    is_read("root's link to his own file", true);
    mode(&folder, 0o1777);
    std::os::unix::fs::lchown(&file, Some(65_534), None).unwrap();
    is_read("a neighbour's link", false);
}

#[test]
fn no_line_is_shown_of_a_file_that_others_have_a_hand_in() {
    let lab = Lab::new();
    let shared = lab.path("shared");
    fs::create_dir(&shared).unwrap();
    let fault = "performance:\n  c4n4ry: 1\n";
    fs::write(lab.path("own.yaml"), fault).unwrap();
    fs::write(shared.join("c.yaml"), fault).unwrap();
    let named = |name: &str| run(&lab, &["--config", name, "config", "check"]);
    assert!(named("own.yaml").err.contains("c4n4ry"), "one's own is shown");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let said = named("shared/c.yaml");
    assert!(said.code == 3 && !said.err.contains("c4n4ry"), "{}", said.err);
    assert!(said.err.contains("shared/c.yaml: line 2: this is no configuration"), "{}", said.err);
    if rustix::process::geteuid().is_root() {
        // To a file of ours, by another's link: not even opened.
        std::os::unix::fs::symlink(lab.path("own.yaml"), shared.join("link.yaml")).unwrap();
        std::os::unix::fs::lchown(shared.join("link.yaml"), Some(65_534), None).unwrap();
        let said = named("shared/link.yaml");
        assert!(said.code == 3 && !said.err.contains("c4n4ry"), "{}", said.err);
        assert!(said.err.contains("links of other users are not followed"), "{}", said.err);
    }
}

#[test]
fn the_file_of_this_folder_is_not_read_below_one_that_others_may_write() {
    let lab = Lab::new();
    let folder = lab.path("a/b");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("vps-configurator.yaml"), "performance:\n  network_retry:\n    max_retries: 7\n")
        .unwrap();
    for (mode, is_read) in [(0o755, true), (0o777, false), (0o1777, true)] {
        fs::set_permissions(lab.path("a"), fs::Permissions::from_mode(mode)).unwrap();
        let said: Said = lab.command(&["config", "show"]).current_dir(&folder).output().unwrap().into();
        assert_eq!(said.out.contains("max_retries: 7"), is_read, "{mode:o}: {}", said.err);
    }
}
