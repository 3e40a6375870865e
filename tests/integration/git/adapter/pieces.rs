//! Packs that are cut again and again: what is whole stays, and the rest is fetched in pieces.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::process::Signal;
use tests::apt::Finished;
use tests::git::{
    BREAK, Checkout, Entry, Forge, History, LARGE_FILE, PIECE, PIECES, Protocol, SshMood, Step, beside,
};
use tests::server::{Behaviour, Ending, Exchange, Gate};

use super::lab::Lab;
use super::ssh;

/// Bytes after which answers are cut.
const CUT: u64 = 5 << 18;
const ALL: u64 = PIECES as u64 * PIECE;

fn cut() -> Behaviour {
    Behaviour::Close { after: CUT }
}

fn held(after: u64, gate: &Gate) -> Behaviour {
    Behaviour::Hold { after, gate: gate.clone() }
}

/// The ids that a request wants.
fn wants(exchange: &Exchange) -> Vec<String> {
    let body = String::from_utf8_lossy(&exchange.request.body);
    body.lines().filter_map(|line| line.split_once("want ")).map(|(_, id)| id.to_owned()).collect()
}

fn has_filter(exchange: &Exchange) -> bool {
    String::from_utf8_lossy(&exchange.request.body).contains("filter blob:none")
}

/// What a clone has besides its files, but for how its objects are packed.
fn inside(clone: &Checkout) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                walk(root, &path, found);
            } else if name != "index" {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                // A log says when.
                let text = if path.starts_with(root.join("logs")) {
                    let who = |line: &str| line.rsplit_once("> ").map(|(who, _)| who.to_owned());
                    text.lines().filter_map(who).collect()
                } else {
                    text
                };
                found.insert(path.strip_prefix(root).unwrap().display().to_string(), text);
            }
        }
    }
    let (git, mut found) = (clone.folder().join(".git"), BTreeMap::new());
    walk(&git, &git, &mut found);
    found.retain(|name, _| !name.starts_with("objects/pack/pack-"));
    let mut objects: Vec<String> =
        clone.git(&["cat-file", "--batch-all-objects", "--batch-check"]).lines().map(str::to_owned).collect();
    objects.sort();
    found.insert("objects".to_owned(), objects.join("\n"));
    found.insert("files".to_owned(), clone.git(&["ls-files", "--stage"]));
    found
}

#[test]
fn a_pack_that_is_cut_again_and_again_comes_in_pieces() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    for (more, fault) in [(&[][..], cut()), (&["--full"], Behaviour::Reset { after: CUT })] {
        let before = forge.count("p", Step::Fetch);
        forge.script("p", Step::Fetch, [fault]);
        assert_eq!(Lab::new().cloned(&forge.url("p"), more).head(), repository.id("main"));
        let seen = forge.exchanges("p", Step::Fetch).split_off(before);
        let sent: u64 = seen.iter().map(|seen| seen.sent).sum();
        assert!(sent < 3 * ALL, "{sent} bytes of {ALL}:\n{}", forge.log());
        let mut whole = BTreeMap::<String, u32>::new();
        for id in seen.iter().filter(|seen| seen.ending == Ending::Complete).flat_map(wants) {
            *whole.entry(id).or_default() += 1;
        }
        assert!(whole.len() > PIECES && whole.values().all(|&times| times == 1), "{whole:?}");
    }
}

#[test]
fn a_clone_in_pieces_is_like_any_other() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    let commit = repository.id("main~1");
    let asked: [&[&str]; 6] = [
        &[],
        &["--full"],
        &["--depth", "2", "--branch", "side"],
        &["--branch", "v1"],
        &["--commit", &commit],
        &["--full", "--commit", &commit],
    ];
    for more in asked {
        forge.script("p", Step::Fetch, []);
        let usual = Lab::new();
        let usual = (usual.cloned(&forge.url("p"), more), usual);
        forge.script("p", Step::Fetch, [cut(), Behaviour::Ok]);
        let before = forge.count("p", Step::Fetch);
        let lab = Lab::new();
        let there = lab.cloned(&forge.url("p"), more);
        let seen = forge.exchanges("p", Step::Fetch).split_off(before);
        assert_eq!(seen.iter().map(has_filter).collect::<Vec<_>>(), [false, true, false], "{more:?}");
        assert_eq!(inside(&there), inside(&usual.0), "{more:?}");
    }
}

#[test]
fn without_a_filter_a_pack_is_fetched_anew() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    forge.script("p", Step::Fetch, [cut()]);
    let words = |failed: &Finished| {
        let text = failed.text();
        text.lines().filter(|line| line.contains("caused by")).map(str::to_owned).collect::<Vec<_>>()
    };
    let once = Lab::new().fails(1, &forge.url("p"), &["--retries", "1"]);
    assert!(!words(&once).is_empty());
    repository.git(&["config", "uploadpack.allowFilter", "false"]);
    for protocol in [Protocol::V0, Protocol::V1, Protocol::V2] {
        forge.speak(protocol);
        forge.script("p", Step::Fetch, [cut()]);
        let before = forge.count("p", Step::Fetch);
        let failed = Lab::new().fails(1, &forge.url("p"), &[]);
        assert_eq!(words(&failed), words(&once));
        let seen = forge.exchanges("p", Step::Fetch).split_off(before);
        assert_eq!((seen.len(), seen.iter().any(has_filter)), (3, false), "{protocol:?}: {}", forge.log());
        forge.script("p", Step::Fetch, [cut(), Behaviour::Ok]);
        assert_eq!(Lab::new().cloned(&forge.url("p"), &[]).head(), repository.id("main"));
    }
}

#[test]
fn a_piece_that_is_refused_is_fetched_with_all_the_rest() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    let words = format!("ERR upload-pack: not our ref {}", repository.id("main:0/0"));
    let error = Behaviour::Status { code: 200, body: format!("{:04x}{words}", words.len() + 4) }
        .and(Behaviour::header("Content-Type", "application/x-git-upload-pack-result"));
    for refusal in [error, Behaviour::status(400)] {
        let before = forge.count("p", Step::Fetch);
        forge.script("p", Step::Fetch, [cut(), Behaviour::Ok, refusal, Behaviour::Ok]);
        let lab = Lab::new();
        let there = lab.cloned(&forge.url("p"), &["--retries", "2"]);
        assert_eq!(there.head(), repository.id("main"));
        let seen = forge.exchanges("p", Step::Fetch).split_off(before);
        assert_eq!(seen.len(), 4, "{}", forge.log());
        assert_eq!(beside(&there.folder().join(".git/objects/pack")).len(), 2, "it holds pieces, too");
    }
}

#[test]
fn an_ssh_that_breaks_off_brings_pieces() {
    let Some(forge) = Forge::start() else { return };
    let (repository, lab) = (forge.pieces("p"), Lab::new());
    lab.ssh.set(SshMood::Breaks);
    assert_eq!(lab.cloned(&ssh::url(&repository), &[]).head(), repository.id("main"));
    let calls = lab.ssh.calls().iter().filter(|(_, words)| !words.contains("[-G]")).count();
    assert!((ALL / BREAK..10).contains(&(calls as u64)), "{calls}");
    // And where it leaves out nothing, none.
    repository.git(&["config", "uploadpack.allowFilter", "false"]);
    let lab = Lab::new();
    lab.ssh.set(SshMood::Breaks);
    let _ = lab.fails(1, &ssh::url(&repository), &[]).says("All 3 attempts failed");
}

#[test]
fn a_damaged_piece_is_fetched_again() {
    let Some(forge) = Forge::start() else { return };
    let (repository, lab) = (forge.pieces("p"), Lab::new());
    let before = forge.count("p", Step::Fetch);
    forge.script("p", Step::Fetch, [cut(), Behaviour::Ok, Behaviour::WrongByte { at: CUT }, Behaviour::Ok]);
    assert_eq!(lab.cloned(&forge.url("p"), &[]).head(), repository.id("main"));
    let seen = forge.exchanges("p", Step::Fetch).split_off(before);
    assert_eq!(seen.iter().filter(|seen| has_filter(seen)).count(), 1, "{}", forge.log());
}

#[test]
fn a_branch_that_moves_between_the_pieces_is_followed() {
    let Some(forge) = Forge::start() else { return };
    for more in [&[][..], &["--full"]] {
        let (lab, gate, name) = (Lab::new(), Gate::new(), format!("p{}", more.len()));
        let repository = forge.pieces(&name);
        // The first files come whole, the second ones do not.
        let moves = held(500, &gate).and(cut());
        forge.script(&name, Step::Fetch, [cut(), Behaviour::Ok, cut(), Behaviour::Ok, moves, Behaviour::Ok]);
        let url = forge.url(&name);
        let running = lab.begin(&[&[&url, "dest"], more].concat());
        gate.wait_until_reached();
        let (mut history, main) = (History::new(), repository.id("main"));
        history.commit_from("main", Some(&main), "new", &[(b"new", Entry::text("new\n"))]);
        repository.import(&history);
        gate.open();
        let _ = running.wait().expect(0);
        lab.assert_left(&["dest"]);
        lab.dest().assert_sound();
        assert_eq!(lab.dest().head(), repository.id("main"));
        let shallow = if more.is_empty() { lab.dest().head() + "\n" } else { String::new() };
        assert_eq!(lab.dest().read(".git/shallow"), shallow);
        let seen = forge.exchanges(&name, Step::Fetch);
        let whole = seen.iter().filter(|seen| seen.ending == Ending::Complete && !has_filter(seen));
        let mut whole: Vec<String> = whole.flat_map(wants).collect();
        let all = whole.len();
        whole.sort();
        whole.dedup();
        assert_eq!(whole.len(), all, "{}", forge.log());
    }
}

#[test]
fn a_file_that_never_comes_whole_ends_it() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    large.git(&["config", "uploadpack.allowFilter", "true"]);
    forge.script("l", Step::Fetch, [Behaviour::Close { after: LARGE_FILE / 2 + 1000 }]);
    let _ = Lab::new().fails(1, &forge.url("l"), &[]);
    // One whole, commits and folders with the small file and half a large one, and two more of that.
    let fetched = forge.exchanges("l", Step::Fetch);
    assert!((5..=7).contains(&fetched.len()), "{}", forge.log());
}

#[test]
fn a_stop_in_the_pieces_is_at_once() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    for (number, signal, place) in
        [(1, Signal::INT, Some(CUT)), (1, Signal::TERM, None), (0, Signal::INT, Some(500))]
    {
        let (lab, gate) = (Lab::new(), Gate::new());
        let hold = match place {
            Some(after) => held(after, &gate),
            None => Behaviour::HoldBeforeHeaders { gate: gate.clone() },
        };
        let mut script = vec![cut()];
        script.extend((0..number).map(|_| Behaviour::Ok));
        script.push(hold);
        forge.script("p", Step::Fetch, script);
        let before = lab.work();
        let running = lab.begin(&[&forge.url("p"), "dest"]);
        gate.wait_until_reached();
        lab.stop(running, signal, &before);
        forge.server().wait_for("the client's end", |log| log.open == 0);
        gate.open();
        forge.script("p", Step::Fetch, []);
        assert_eq!(lab.cloned(&forge.url("p"), &[]).head(), repository.id("main"));
    }
}

#[test]
fn killed_in_the_pieces_and_again_is_a_clone() {
    let Some(forge) = Forge::start() else { return };
    let repository = forge.pieces("p");
    // In the commits and folders, at the first byte of the first files, and in the second files.
    let scripts: [fn(&Gate) -> Vec<Behaviour>; 3] = [
        |gate| vec![cut(), held(500, gate)],
        |gate| vec![cut(), Behaviour::Ok, held(0, gate)],
        |gate| vec![cut(), Behaviour::Ok, cut(), Behaviour::Ok, held(PIECE / 2, gate)],
    ];
    for script in scripts {
        let (lab, gate) = (Lab::new(), Gate::new());
        forge.script("p", Step::Fetch, script(&gate).into_iter().chain([Behaviour::Ok]));
        let running = lab.begin(&[&forge.url("p"), "dest"]);
        gate.wait_until_reached();
        running.signal(Signal::KILL);
        assert_eq!(running.wait_alone(), 137);
        gate.open();
        assert_eq!(lab.cloned(&forge.url("p"), &[]).head(), repository.id("main"));
    }
}
