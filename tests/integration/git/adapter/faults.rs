//! Faults of the server and of the way there.

use std::time::{Duration, Instant};

use tests::git::{Forge, LARGE_FILE, Step};
use tests::server::{Behaviour, Refusing, Silent};

use super::lab::Lab;

const STEPS: [Step; 3] = [Step::Refs, Step::List, Step::Fetch];
const HALF: u64 = LARGE_FILE / 2;

#[test]
fn a_refused_connection_is_tried_again() {
    let (lab, refusing) = (Lab::new(), Refusing::start());
    let _ = lab.fails(1, &refusing.url("/s.git"), &[]).says("All 3 attempts failed");
}

#[test]
fn a_busy_server_is_asked_again() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for status in [408, 425, 429, 500, 502, 503, 504] {
        for step in if status == 503 { &STEPS[..] } else { &STEPS[..1] } {
            let (lab, before) = (Lab::new(), forge.count("s", *step));
            forge.script("s", *step, [Behaviour::status(status), Behaviour::Ok]);
            assert_eq!(lab.cloned(&forge.url("s"), &[]).head(), sample.id("main"));
            assert_eq!(forge.count("s", *step) - before, 2, "{status} {step:?}");
        }
    }
}

#[test]
fn retry_after_is_honoured() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    for step in [Step::Refs, Step::Fetch] {
        forge.script("s", step, [Behaviour::retry_after(429, 1), Behaviour::Ok]);
    }
    lab.cloned(&forge.url("s"), &[]);
    for step in [Step::Refs, Step::Fetch] {
        let seen = forge.exchanges("s", step);
        let refused = seen.iter().position(|seen| seen.status == 429).unwrap();
        let gap = seen[refused + 1].at - seen[refused].at;
        assert!(gap >= Duration::from_secs(1), "{gap:?}: {}", forge.log());
    }

    let lab = Lab::new();
    let before = forge.all();
    forge.script("s", Step::Refs, [Behaviour::retry_after(503, 4_000)]);
    let begin = Instant::now();
    let _ = lab.fails(1, &forge.url("s"), &[]).says("4000s");
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(forge.all() - before, 1);
}

#[test]
fn a_reset_anywhere_is_made_good() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    for (step, fault) in [
        (Step::Refs, Behaviour::ResetBeforeHeaders),
        (Step::Refs, Behaviour::Reset { after: 50 }),
        (Step::List, Behaviour::ResetBeforeHeaders),
        (Step::List, Behaviour::Reset { after: 10 }),
        (Step::Fetch, Behaviour::ResetBeforeHeaders),
        (Step::Fetch, Behaviour::Reset { after: 0 }),
        (Step::Fetch, Behaviour::Reset { after: 10 }),
        (Step::Fetch, Behaviour::Reset { after: HALF }),
    ] {
        let lab = Lab::new();
        forge.script("l", step, [fault.clone(), Behaviour::Ok]);
        assert_eq!(lab.cloned(&forge.url("l"), &[]).head(), large.id("main"), "{fault:?}");
    }
    // Behind the last byte: nothing is missing but the end.
    let size = forge.exchanges("l", Step::Fetch).pop().unwrap().planned;
    forge.script("l", Step::Fetch, [Behaviour::Chunked.and(Behaviour::Reset { after: size }), Behaviour::Ok]);
    let lab = Lab::new();
    assert_eq!(lab.cloned(&forge.url("l"), &[]).head(), large.id("main"));
}

#[test]
fn a_truncated_pack_is_made_good() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    for fault in [
        Behaviour::Close { after: HALF },
        Behaviour::ChunkedCut { after: HALF },
        // As long as it says, and cut all the same.
        Behaviour::DeclareLength { length: HALF }.and(Behaviour::Close { after: HALF }),
        Behaviour::NoLength.and(Behaviour::Close { after: HALF }),
        Behaviour::Truncate { missing: 30 },
    ] {
        let (lab, before) = (Lab::new(), forge.count("l", Step::Fetch));
        forge.script("l", Step::Fetch, [fault.clone(), Behaviour::Ok]);
        assert_eq!(lab.cloned(&forge.url("l"), &[]).head(), large.id("main"), "{fault:?}");
        assert_eq!(forge.count("l", Step::Fetch) - before, 2, "{fault:?}");
    }
}

#[test]
fn a_corrupted_pack_is_fetched_again() {
    let Some(forge) = Forge::start() else { return };
    let large = forge.large("l");
    // The head of the pack, an object, and close to the checksum at the end.
    for at in [200, HALF, LARGE_FILE - 10] {
        let lab = Lab::new();
        forge.script("l", Step::Fetch, [Behaviour::WrongByte { at }, Behaviour::Ok]);
        assert_eq!(lab.cloned(&forge.url("l"), &[]).head(), large.id("main"), "{at}");
    }
}

#[test]
fn a_pack_that_stays_corrupted_is_an_end() {
    let Some(forge) = Forge::start() else { return };
    let (_large, lab) = (forge.large("l"), Lab::new());
    forge.script("l", Step::Fetch, [Behaviour::WrongByte { at: HALF }]);
    let _ = lab.fails(6, &forge.url("l"), &["--retries", "5"]);
    assert_eq!(forge.count("l", Step::Fetch), 2, "{}", forge.log());
}

#[test]
fn a_silent_server_ends_in_time() {
    let Some(forge) = Forge::start() else { return };
    let (_large, silent) = (forge.large("l"), Silent::start());
    let begin = Instant::now();
    let _ = Lab::new().fails(1, &silent.url("/l.git"), &["--timeout", "300ms"]);
    for (step, fault) in [
        (Step::Refs, Behaviour::StallBeforeHeaders),
        (Step::Refs, Behaviour::Stall { after: 20 }),
        (Step::List, Behaviour::StallBeforeHeaders),
        (Step::List, Behaviour::Stall { after: 20 }),
        (Step::Fetch, Behaviour::StallBeforeHeaders),
        (Step::Fetch, Behaviour::Stall { after: 0 }),
        (Step::Fetch, Behaviour::Stall { after: HALF }),
    ] {
        forge.script("l", step, [fault.clone()]);
        let _ = Lab::new().fails(1, &forge.url("l"), &["--timeout", "500ms"]);
        forge.script("l", step, []);
        forge.server().wait_for("the client's end", |log| log.open == 0);
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_silence_is_an_attempt() {
    let Some(forge) = Forge::start() else { return };
    let (large, lab) = (forge.large("l"), Lab::new());
    forge.script("l", Step::Fetch, [Behaviour::Stall { after: HALF }, Behaviour::Ok]);
    let there = lab.cloned(&forge.url("l"), &["--idle-timeout", "1s"]);
    assert_eq!(there.head(), large.id("main"));
    assert_eq!(forge.count("l", Step::Fetch), 2);
}

#[test]
fn silence_leaves_time_for_another_attempt() {
    let Some(forge) = Forge::start() else { return };
    let _sample = forge.sample("s");
    for step in [Step::Refs, Step::List, Step::Fetch] {
        // The limit of silence, or half of the total, which is what is left of it after nothing.
        for limits in [&["--idle-timeout", "500ms", "--timeout", "20s"][..], &["--timeout", "4s"]] {
            let begin = Instant::now();
            forge.script("s", step, [Behaviour::StallBeforeHeaders, Behaviour::Ok]);
            let _ = Lab::new().cloned(&forge.url("s"), limits);
            assert!(begin.elapsed() < Duration::from_secs(10), "{step:?} {limits:?}: {:?}", begin.elapsed());
        }
    }
}

#[test]
fn a_head_that_drips_is_an_attempt() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    let drip = Behaviour::DripHead { gap: Duration::from_millis(100) };
    for step in STEPS {
        let (lab, before) = (Lab::new(), forge.count("s", step));
        forge.script("s", step, [drip.clone(), Behaviour::Ok]);
        let there = lab.cloned(&forge.url("s"), &["--idle-timeout", "500ms", "--timeout", "60s"]);
        assert_eq!(there.head(), sample.id("main"));
        assert_eq!(forge.count("s", step) - before, 2, "{step:?}");
        let asked = forge.exchanges("s", step);
        let [.., first, second] = &asked[..] else { panic!("{step:?}") };
        let lasted = first.ended.unwrap() - first.at;
        assert!(second.at > first.at + Duration::from_millis(450), "{step:?}");
        assert!(lasted < Duration::from_secs(5), "{step:?}: a whole head drips longer, not {lasted:?}");
    }
}

#[test]
fn a_trickle_ends_in_the_deadline() {
    let Some(forge) = Forge::start() else { return };
    let (_large, gap) = (forge.large("l"), Duration::from_millis(20));
    for (step, after) in [(Step::Refs, 10), (Step::Fetch, HALF)] {
        let begin = Instant::now();
        forge.script("l", step, [Behaviour::Trickle { after, chunk: 1, gap }]);
        let _ = Lab::new().fails(1, &forge.url("l"), &["--timeout", "700ms"]);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        forge.script("l", step, []);
    }
}

#[test]
fn dest_is_as_it_was_after_every_fault() {
    let Some(forge) = Forge::start() else { return };
    let _large = forge.large("l");
    for (step, fault) in [
        (Step::Refs, Behaviour::GarbageStatusLine),
        (Step::Refs, Behaviour::EndlessHeaders),
        (Step::Refs, Behaviour::HugeHeader { bytes: 1 << 20 }),
        (Step::Refs, Behaviour::WrongByte { at: 2 }),
        (Step::Refs, Behaviour::Truncate { missing: 1 }),
        (Step::List, Behaviour::status(500)),
        (Step::List, Behaviour::WrongByte { at: 1 }),
        (Step::List, Behaviour::Close { after: 20 }),
        (Step::Fetch, Behaviour::status(503)),
        (Step::Fetch, Behaviour::status(403)),
        (Step::Fetch, Behaviour::WrongByte { at: 1 }),
        (Step::Fetch, Behaviour::CloseBeforeHeaders),
        (Step::Fetch, Behaviour::Close { after: HALF }),
        (Step::Fetch, Behaviour::Reset { after: HALF }),
    ] {
        // An empty folder is there: it stays, with nothing in it.
        let lab = Lab::new();
        std::fs::create_dir(lab.path("work/dest")).unwrap();
        forge.script("l", step, [fault.clone()]);
        let before = lab.work();
        let failed = lab.clone(&[&forge.url("l"), "dest", "--retries", "2", "--timeout", "10s"]);
        assert!([1, 6].contains(&failed.code), "{fault:?}: {}", failed.text());
        assert_eq!(lab.work(), before, "{fault:?}");
        lab.assert_left(&["dest"]);
        forge.script("l", step, []);
    }
}

#[test]
fn an_open_circuit_asks_nobody() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    forge.script("s", Step::Refs, [Behaviour::status(500)]);
    let _ = lab.fails(1, &forge.url("s"), &[]);
    let before = forge.log().connections;
    let _ = lab.fails(4, &forge.url("s"), &[]);
    assert_eq!((forge.log().connections, forge.count("s", Step::Refs)), (before, 3));
    // Another machine knows nothing of it.
    forge.script("s", Step::Refs, []);
    assert_eq!(Lab::new().cloned(&forge.url("s"), &[]).head(), sample.id("main"));
}

#[test]
fn a_host_has_its_own_circuit() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let (_sample, theirs, lab) = (forge.sample("s"), other.sample("s"), Lab::new());
    forge.script("s", Step::Refs, [Behaviour::status(500)]);
    let _ = lab.fails(1, &forge.url("s"), &[]);
    let _ = lab.fails(4, &forge.url("s"), &[]);
    assert_eq!(lab.cloned(&other.url("s"), &[]).head(), theirs.id("main"));
}

#[test]
fn a_pack_with_a_hole_is_no_clone() {
    let Some(forge) = Forge::start() else { return };
    let (line, lab) = (forge.repository("s"), Lab::new());
    let tree = line.git(&["mktree"]);
    let first = line.git(&["commit-tree", "-m", "first", &tree]);
    let second = line.git(&["commit-tree", "-m", "second", "-p", &first, &tree]);
    let third = line.git(&["commit-tree", "-m", "third", "-p", &second, &tree]);
    line.git(&["update-ref", "refs/heads/main", &third]);
    // The server takes the second for the first, and does not say so.
    let info = line.folder().join("info");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("grafts"), format!("{second}\n")).unwrap();
    for more in ["--full", "--depth=5"] {
        let failed = lab.fails(6, &forge.url("s"), &[more]).says("is missing");
        assert_eq!(failed.text().matches("Retrying").count(), 1, "{}", failed.text());
    }
    // What is whole in itself is taken.
    lab.cloned(&forge.url("s"), &["--depth", "1"]);
}

#[test]
fn a_server_that_gives_up_is_told() {
    let Some(forge) = Forge::start() else { return };
    let (broken, lab) = (forge.repository("s"), Lab::new());
    let tree = broken.git(&["mktree"]);
    let first = broken.git(&["commit-tree", "-m", "first", &tree]);
    let second = broken.git(&["commit-tree", "-m", "second", "-p", &first, &tree]);
    broken.git(&["update-ref", "refs/heads/main", &second]);
    let (folder, name) = first.split_at(2);
    std::fs::remove_file(broken.folder().join("objects").join(folder).join(name)).unwrap();
    let failed = lab.fails(1, &forge.url("s"), &["--full"]).says("repository corruption").says("git fsck");
    assert_eq!(failed.text().matches("Retrying").count(), 2, "{}", failed.text());
    let path = broken.folder().display().to_string();
    let _ = lab.fails(1, &path, &["--full"]).says("repository corruption").says("git fsck");
}
