//! Where circuits are remembered can be full, read-only, damaged or somebody else's: work goes on.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tests::server::{Route, Server};

use crate::lab::Lab;
use crate::said::{Said, run};

/// A download works all the same, and what it said.
fn works(lab: &Lab) -> Said {
    let server = Server::start();
    server.route("/f", Route::of(1_000));
    let said = run(lab, &["download", &server.url("/f"), "f"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(lab.read("f").unwrap().len(), 1_000);
    said
}

/// One warning, not more.
fn warned(said: &Said, words: &str) {
    let warnings: Vec<&str> = said.err.lines().filter(|line| line.starts_with("WARNING: ")).collect();
    assert_eq!(warnings.len(), 1, "{}", said.err);
    assert!(warnings[0].contains(words), "{}", said.err);
}

fn used() -> Lab {
    let lab = Lab::new();
    assert_eq!(run(&lab, &["circuit-breaker", "open", "github"]).code, 0);
    lab
}

/// An order that cannot be kept is not said to be given.
fn orders_fail(lab: &Lab) {
    for args in [
        &["open", "github"] as &[_],
        &["close", "github"],
        &["reset", "github"],
        &["reset", "--all", "--yes"],
    ] {
        let said = run(lab, &[&["circuit-breaker"], args].concat());
        assert_eq!((said.code, said.out.as_str()), (7, ""), "{args:?}: {}", said.err);
        assert!(said.err.contains("hint: see `vps-configurator config path`"), "{}", said.err);
    }
}

#[test]
fn a_file_in_the_folders_place() {
    let lab = Lab::new();
    fs::write(lab.path("state"), "").unwrap();
    warned(&works(&lab), "is not a folder");
    orders_fail(&lab);
}

#[test]
fn a_folder_that_others_can_write() {
    let lab = used();
    fs::set_permissions(lab.path("state"), Permissions::from_mode(0o777)).unwrap();
    warned(&works(&lab), "can be written by others");
    orders_fail(&lab);
}

#[test]
fn somebody_elses_folder() {
    if !rustix::process::geteuid().is_root() {
        tests::skip("only root can give a folder away");
        return;
    }
    let lab = used();
    std::os::unix::fs::chown(lab.path("state"), Some(65_534), None).unwrap();
    warned(&works(&lab), "belongs to user 65534");
    orders_fail(&lab);
}

#[test]
fn a_store_of_a_newer_version_is_left_as_it_is() {
    let lab = used();
    // The engine's `user_version`, at byte 60 of the file.
    let mut bytes = lab.read("state/state.db").unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(lab.path("state/state.db"), &bytes).unwrap();
    warned(&works(&lab), "newer version");
    orders_fail(&lab);
    assert_eq!(lab.read("state/state.db").unwrap(), bytes);
}

#[test]
fn a_damaged_store_is_set_aside_with_a_word() {
    let lab = used();
    fs::write(lab.path("state/state.db"), "not a store").unwrap();
    warned(&works(&lab), "set aside");
    let said = works(&lab);
    assert!(!said.err.contains("WARNING"), "said once: {}", said.err);
    assert_eq!(run(&lab, &["circuit-breaker", "open", "github"]).code, 0, "a new one is there");
}

/// A small or read-only file system in the state folder's place; gone with this.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn over(lab: &Lab, options: &str) -> Option<Self> {
        let folder = lab.path("state");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&folder)
            .output()
            .unwrap();
        if !mount.status.success() {
            tests::skip("a file system cannot be mounted here");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_folder() {
    let lab = used();
    let Some(_mounted) = Mounted::over(&lab, "ro,mode=755") else { return };
    let said = works(&lab);
    let order = run(&lab, &["circuit-breaker", "open", "github"]);
    warned(&said, "cannot be");
    assert_eq!(order.code, 7, "{}", order.err);
}

#[test]
fn a_full_disk() {
    let lab = used();
    let Some(_mounted) = Mounted::over(&lab, "size=16k,mode=755") else { return };
    fs::write(lab.path("state/full"), vec![0; 16 * 1024]).unwrap_or_default();
    let said = works(&lab);
    let order = run(&lab, &["circuit-breaker", "open", "github"]);
    warned(&said, "state store");
    assert_eq!(order.code, 7, "{}", order.err);
}

/// An open circuit in a store that a newer version has made its own since.
fn unreadable() -> Lab {
    let lab = used();
    let mut bytes = lab.read("state/state.db").unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(lab.path("state/state.db"), &bytes).unwrap();
    lab
}

#[test]
fn where_the_store_cannot_be_read_its_snapshot_is_honoured_and_named() {
    let lab = unreadable();
    let said = run(&lab, &["run", "--service", "github", "--", "touch", "ran"]);
    assert_eq!(said.code, 125, "{}", said.err);
    assert!(!lab.path("ran").exists());
    let said = run(&lab, &["circuit-breaker", "status"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("held open by hand"), "{}", said.out);
    assert!(said.out.contains("status.json as of ") && said.out.contains(" ago: "), "{}", said.out);
    let status = run(&lab, &["--json", "-q", "circuit-breaker", "status", "github"]).json();
    assert_eq!(status["services"]["github"]["state"], "open");
    assert_eq!(status["source"]["kind"], "snapshot");
    assert!(status["source"]["age_seconds"].is_number() && status["source"]["why"].is_string(), "{status}");
}

#[test]
fn a_snapshot_that_others_could_have_written_is_not_believed() {
    let lab = unreadable();
    fs::set_permissions(lab.path("state/status.json"), Permissions::from_mode(0o666)).unwrap();
    for args in [&["circuit-breaker", "status"] as &[_], &["--json", "circuit-breaker", "status", "github"]] {
        let said = run(&lab, args);
        assert_eq!((said.code, said.out.as_str()), (7, ""), "{}", said.err);
        assert!(said.err.contains("newer version"), "{}", said.err);
    }
    assert_eq!(run(&lab, &["run", "--service", "github", "--", "true"]).code, 0);
}

fn damage(lab: &Lab) {
    fs::write(lab.path("state/state.db"), "x".repeat(8_000)).unwrap();
    for companion in ["state/state.db-wal", "state/state.db-shm"] {
        let _ = fs::remove_file(lab.path(companion));
    }
}

fn held(lab: &Lab, service: &str) -> serde_json::Value {
    let status = run(lab, &["--json", "-q", "circuit-breaker", "status", service]).json();
    status["services"][service]["by_hand"].clone()
}

#[test]
fn what_an_operator_holds_is_held_after_the_store_was_damaged() {
    let lab = used();
    let close = ["circuit-breaker", "close", "docker_hub", "--for", "1h", "--reason", "we know better"];
    assert_eq!(run(&lab, &close).code, 0);
    let before = [held(&lab, "github"), held(&lab, "docker_hub")];
    assert_eq!(before[1]["reason"], "we know better");
    damage(&lab);
    let said = works(&lab);
    warned(&said, "github is held open");
    warned(&said, "docker_hub is held closed");
    assert_eq!([held(&lab, "github"), held(&lab, "docker_hub")], before);
    assert_eq!(run(&lab, &["run", "--service", "github", "--", "true"]).code, 125);
    // Nothing else comes with them, and it is said once.
    assert_eq!(held(&lab, "microsoft_packages"), serde_json::Value::Null);
    assert!(!works(&lab).err.contains("WARNING"));
}

#[test]
fn a_hold_that_has_ended_or_that_others_could_have_written_is_not_taken_over() {
    let lab = Lab::new();
    assert_eq!(run(&lab, &["circuit-breaker", "open", "github", "--for", "1h"]).code, 0);
    // As if that had been two hours ago, before this machine started.
    let file = lab.path("state/status.json");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let record = record_of(&mut document);
    record["boot_id"] = "another".into();
    record["wall"] = (record["wall"].as_f64().unwrap() - 7_200.0).into();
    let ended = document.to_string();
    record_of(&mut document)["wall"] = (record_of(&mut document)["wall"].as_f64().unwrap() + 7_100.0).into();
    let lasting = document.to_string();
    for (content, mode, is_held) in [
        (&ended, 0o644, false),
        (&lasting, 0o666, false),
        (&"{".to_owned(), 0o644, false),
        (&lasting, 0o644, true),
    ] {
        damage(&lab);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let said = works(&lab);
        warned(&said, "was set aside as");
        let is_doubted = mode == 0o666 || *content == "{";
        assert_eq!(said.err.contains("not to be believed"), is_doubted, "{}", said.err);
        assert_eq!(said.err.contains("github is held open"), is_held, "{}", said.err);
        assert_eq!(held(&lab, "github").is_object(), is_held, "{mode:o} {content}");
    }
}

fn record_of(document: &mut serde_json::Value) -> &mut serde_json::Value {
    document.pointer_mut("/entries/circuit~1github").unwrap()
}

#[test]
fn who_only_looks_makes_nothing() {
    let lab = Lab::new();
    for args in [
        &["download", "-n", "http://127.0.0.1:1/f"] as &[_],
        &["run", "-n", "--service", "github", "--", "true"],
        &["git", "clone", "-n", "http://127.0.0.1:1/r", "r"],
        &["connectivity", "-n"],
        &["circuit-breaker", "status"],
    ] {
        let said = run(&lab, args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        assert!(!lab.path("state").exists(), "{args:?}");
    }
    // One that is there is looked at.
    let lab = used();
    let said = run(&lab, &["run", "-n", "--service", "github", "--", "true"]);
    assert!(said.out.contains("circuit github: open"), "{}", said.out);
}

#[test]
fn in_memory_there_is_nothing_to_give_orders_to() {
    let lab = Lab::new();
    let said: Said = lab
        .command(&["circuit-breaker", "open", "github"])
        .env("VPS_CONFIGURATOR_STATE__BACKEND", "memory")
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("kept in memory"), "{}", said.err);
    assert!(!lab.path("state").exists());
}

/// Where state would be kept, with these variables and without `STATE_DIRECTORY`.
fn place(lab: &Lab, variables: &[(&str, &str)]) -> String {
    let mut command = lab.command(&["config", "path"]);
    let said: Said =
        command.env_remove("STATE_DIRECTORY").envs(variables.iter().copied()).output().unwrap().into();
    let line = said.out.lines().find_map(|line| line.strip_prefix("state: "));
    line.unwrap_or_else(|| panic!("{}{}", said.out, said.err)).to_owned()
}

#[test]
fn the_folder_is_that_of_the_configuration_then_systemds_then_the_systems_or_the_users() {
    let lab = Lab::new();
    let configured = ("VPS_CONFIGURATOR_STATE__DIR", "/srv/state");
    let unit = ("STATE_DIRECTORY", "/var/lib/unit:/var/lib/other");
    assert_eq!(place(&lab, &[configured, unit]), "/srv/state");
    assert_eq!(place(&lab, &[unit]), "/var/lib/unit");
    let otherwise = place(&lab, &[("XDG_STATE_HOME", "/home/x/state")]);
    if rustix::process::geteuid().is_root() {
        assert_eq!(otherwise, "/var/lib/vps-configurator");
    } else {
        assert_eq!(otherwise, "/home/x/state/vps-configurator");
    }
    assert!(!lab.path("state").exists(), "looking makes nothing");
}
