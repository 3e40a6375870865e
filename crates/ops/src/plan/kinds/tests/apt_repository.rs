//! Repositories: both files are written whole, what is not right is not trusted, only the one source is read.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::lab::id;
use super::machine::{Lab, step};
use crate::apt::{Fault, Step as AptStep};
use crate::plan::{
    Action, AptKey, AptKeyCheck, AptKeySource, AptRepository, CommandAction, CommandLine, Guards, Step,
};
use crate::process::{Captured, Ended};
use crate::testing::scripted_apt::ScriptedApt;
use crate::testing::scripted_download::ScriptedDownloader;
use crate::testing::scripted_runner::ScriptedRunner;

const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
const SOURCE: &str = "etc/apt/sources.list.d/docker.sources";
const KEY_FILE: &str = "etc/apt/keyrings/docker.asc";
const FINGERPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

fn said(fingerprints: &[&str]) -> String {
    fingerprints.iter().map(|one| format!("pub:-:4096:1:A:1:::-:::\nfpr:::::::::{one}:\n")).collect()
}

/// A machine whose server has `key`, and whose gpg says `gpg`.
fn lab(
    key: &'static [u8],
    gpg: String,
    fault: Option<Fault>,
) -> (Lab, Arc<ScriptedApt>, Arc<ScriptedRunner>) {
    let mut apt = ScriptedApt::new();
    if let Some(fault) = fault {
        apt = apt.with_fault(AptStep::Update, fault);
    }
    let apt = Arc::new(apt);
    let runner = Arc::new(ScriptedRunner::new(move |_| Captured::new(Ended::Code(0), gpg.clone(), "")));
    let downloader = ScriptedDownloader::new(|_, _| Ok(0)).with_spooled(key);
    let lab = Lab::new(|builder| {
        builder.apt(Arc::clone(&apt) as _).runner(Arc::clone(&runner) as _).downloader(Arc::new(downloader))
    });
    (lab, apt, runner)
}

fn repository(source: AptKeySource, check: AptKeyCheck) -> AptRepository {
    let words = |word: &str| vec![word.to_owned()];
    AptRepository {
        name: "docker".into(),
        types: words("deb"),
        uris: words("https://download.example.com/linux"),
        suites: words("bookworm"),
        components: words("stable"),
        architectures: Vec::new(),
        key: AptKey { source, check },
    }
}

fn url() -> AptKeySource {
    AptKeySource::Url("https://download.example.com/key.asc".into())
}

fn sha256(content: &[u8]) -> AptKeyCheck {
    AptKeyCheck::Sha256(super::super::apt_key::sha256(content))
}

fn steps(repository: &AptRepository) -> Vec<Step> {
    vec![step("r", Action::AptRepository(repository.clone()))]
}

fn updates(apt: &ScriptedApt) -> usize {
    apt.steps().iter().filter(|step| **step == "update").count()
}

#[tokio::test]
async fn a_key_from_a_server_is_checked_kept_as_it_came_and_proved_by_its_file() {
    let (lab, apt, runner) = lab(KEY.as_bytes(), String::new(), None);
    let wanted = repository(url(), sha256(KEY.as_bytes()));
    let changed = format!("r changed ({})", lab.at(SOURCE).display());
    assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()]);
    assert_eq!(lab.read(KEY_FILE).as_deref(), Some(KEY));
    let text = "Types: deb\nURIs: https://download.example.com/linux\nSuites: bookworm\nComponents: stable\n\
                Signed-By: /etc/apt/keyrings/docker.asc\n";
    assert_eq!(lab.read(SOURCE).as_deref(), Some(text));
    for path in [SOURCE, KEY_FILE] {
        let mode = std::fs::metadata(lab.at(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o644, "apt reads it as another user");
    }
    assert_eq!(lab.run(steps(&wanted)).await, ["r ok"]);
    assert_eq!((updates(&apt), runner.ran().len()), (1, 0));
    // Somebody changes one of them.
    for path in [SOURCE, KEY_FILE] {
        std::fs::write(lab.at(path), format!("{}\n", lab.read(path).unwrap())).unwrap();
        assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()], "{path}");
        assert_eq!(lab.run(steps(&wanted)).await, ["r ok"]);
    }
}

#[tokio::test]
async fn a_key_that_is_another_one_is_not_taken_and_nothing_is_written() {
    let (lab, apt, _) = lab(b"<html>log in</html>", said(&[FINGERPRINT, FINGERPRINT]), None);
    let armoured = AptKeySource::Text(KEY.into());
    for (key, check, why) in [
        (url(), sha256(KEY.as_bytes()), "the key has the SHA-256"),
        (url(), sha256(b"<html>log in</html>"), "no public OpenPGP key"),
        (url(), AptKeyCheck::AsGiven, "has neither"),
        (AptKeySource::Text("nonsense".into()), AptKeyCheck::AsGiven, "no public OpenPGP key"),
        (armoured.clone(), AptKeyCheck::Sha256("00".repeat(32)), "the key has the SHA-256"),
        (armoured, AptKeyCheck::Fingerprint(FINGERPRINT.into()), "the file has 2 keys"),
        (AptKeySource::File("no/such".into()), AptKeyCheck::AsGiven, "cannot be read"),
    ] {
        let ended = lab.run(steps(&repository(key, check))).await;
        assert!(ended[0].starts_with("r failed:") && ended[0].contains(why), "{why}: {ended:?}");
    }
    let mut hostile = repository(AptKeySource::Text(KEY.into()), AptKeyCheck::AsGiven);
    hostile.suites = vec!["bookworm\nTrusted:yes".into()];
    let ended = lab.run(steps(&hostile)).await;
    assert!(ended[0].contains("cannot stand under `suites`"), "{ended:?}");
    assert_eq!((lab.read(SOURCE), lab.read(KEY_FILE), updates(&apt)), (None, None, 0));
    let left = std::fs::read_dir(lab.at("etc/apt/keyrings")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "what gpg was shown is gone");
}

#[tokio::test]
async fn a_fingerprint_is_asked_of_gpg_once_and_then_known() {
    let (lab, _, runner) = lab(&[0x99, 1, 2], said(&[FINGERPRINT]), None);
    let wanted = repository(url(), AptKeyCheck::Fingerprint(FINGERPRINT.into()));
    assert!(lab.run(steps(&wanted)).await[0].starts_with("r changed"));
    assert_eq!(std::fs::read(lab.at("etc/apt/keyrings/docker.gpg")).unwrap(), [0x99, 1, 2]);
    assert!(lab.read(SOURCE).unwrap().ends_with("/docker.gpg\n"));
    let ran = runner.ran();
    assert!(ran.len() == 1 && ran[0].starts_with("gpg ") && ran[0].contains("--show-keys"), "{ran:?}");
    assert_eq!(lab.run(steps(&wanted)).await, ["r ok"]);
    assert_eq!(runner.ran().len(), 1);
    let other = repository(url(), AptKeyCheck::Fingerprint("9".repeat(40)));
    // What runs left that were killed while gpg read it.
    let keyrings = |name: &str| lab.at("etc/apt/keyrings").join(name);
    std::fs::write(keyrings(".key-00000000000000ff"), "left").unwrap();
    std::fs::write(keyrings(".key-mine"), "no name of ours").unwrap();
    assert!(lab.run(steps(&other)).await[0].contains("the key has the fingerprint"));
    assert!(!keyrings(".key-00000000000000ff").exists() && keyrings(".key-mine").exists());
}

#[tokio::test]
async fn what_apt_could_not_read_is_read_in_the_next_run() {
    let broken = Fault::BadSources { file: None, line: None, text: "x".into() };
    let (lab, apt, _) = lab(b"", String::new(), Some(broken));
    lab.write("key.asc", KEY);
    let wanted = repository(AptKeySource::File("key.asc".into()), AptKeyCheck::AsGiven);
    let watched = || {
        let guards = Guards { on_change: vec![id("r")], ..Guards::default() };
        let told = CommandAction::new(CommandLine::Argv(vec!["true".into()]), guards);
        [steps(&wanted), vec![Step::new(id("told"), Action::Command(told))]].concat()
    };
    assert!(lab.run(watched()).await[0].starts_with("r failed:"));
    let again = format!("r unchanged ({})", lab.at(SOURCE).display());
    // What the run before put there is a change that nobody has heard of.
    let ended = lab.run(watched()).await;
    assert!(ended[0] == again && ended[1].starts_with("told changed"), "{ended:?}");
    assert_eq!(lab.run(watched()).await, ["r ok", "told ok"]);
    assert_eq!(updates(&apt), 2);
}

#[tokio::test]
async fn keys_are_not_put_where_others_could_exchange_them() {
    let (lab, _, _) = lab(b"", String::new(), None);
    lab.write("etc/apt/keyrings/other", "");
    std::fs::set_permissions(lab.at("etc/apt/keyrings"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let wanted = repository(AptKeySource::Text(KEY.into()), AptKeyCheck::AsGiven);
    let ended = lab.run(steps(&wanted)).await;
    assert!(ended[0].contains("can be written by others"), "{ended:?}");
    assert_eq!(lab.read(KEY_FILE), None);
}
