//! kill -9 at places drawn from a seed, again and again, while the server counts.

use tests::server::{Behaviour, Content, Gate, Route, Server};
use vps_retry::{Rng, SplitMix64};

use crate::lab::Lab;

const SIZE: u64 = 6 << 20;
/// From here on a part has a record, and what is on the way when a process dies: what may come twice.
const UNRECORDED: u64 = 256 << 10;
const ON_THE_WAY: u64 = 64 << 10;

/// Kills in a normal run, and with `cargo xtask test --slow`.
const KILLS: u64 = 24;
const MANY_KILLS: u64 = 500;

#[test]
fn kills_at_any_place_fetch_nothing_twice_and_splice_nothing() {
    let kills = if tests::is_slow() { MANY_KILLS } else { KILLS };
    let mut draw = SplitMix64::new(11);
    let (mut killed, mut resumed) = (0, 0);
    for file in 0.. {
        if killed >= kills {
            break;
        }
        let (lab, server) = (Lab::new(), Server::start());
        let content = Content::seeded(file, SIZE);
        std::fs::write(lab.path("f"), "as it was").unwrap();
        let mut held = 0;
        // With a digest and without, one file is killed up to four times.
        let digest = content.sha256();
        let url = server.url("/f");
        let mut args = vec!["download", &url, "f"];
        if file % 2 == 0 {
            args.extend(["--sha256", &digest]);
        }
        for _ in 0..=draw.next_u64() % 4 {
            let more = 1 + draw.next_u64() % (SIZE / 3);
            if held + more >= SIZE {
                break;
            }
            let gate = Gate::new();
            let hold = Behaviour::Hold { after: more, gate: gate.clone() };
            server.route("/f", Route::content(content.clone()).then(hold));
            let mut child = lab.start(&args);
            gate.wait_until_reached();
            // Some die in the middle of what has arrived, some after all of it was written.
            if draw.next_u64().is_multiple_of(2) {
                let arrived = || std::fs::metadata(lab.path(".f.part")).map_or(0, |meta| meta.len());
                while arrived() < held + more {
                    std::thread::yield_now();
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
            gate.open();
            killed += 1;
            let log = server.wait_for("the end", |log| log.open == 0);
            let asked = log.of("/f").last().unwrap().range_start().unwrap_or(0);
            resumed += u64::from(asked > 0);
            assert_eq!(lab.read("f").unwrap(), b"as it was", "{args:?}");
            held = std::fs::metadata(lab.path(".f.part")).map_or(0, |meta| meta.len());
            assert!(held <= asked + more, "{held} of {asked} + {more}");
            // What the part holds is the file's own bytes, never anybody else's.
            let part = std::fs::read(lab.path(".f.part")).unwrap_or_default();
            assert!(part == content.slice(0, part.len()), "the part is not the file's beginning");
            let recorded = lab.path(".f.part.json").exists();
            held = if recorded { held } else { 0 };
            assert!(recorded || part.len() as u64 <= UNRECORDED + (1 << 20), "{} unrecorded", part.len());
        }
        server.route("/f", Route::content(content.clone()));
        assert_eq!(lab.download(&args[1..]), 0, "{args:?}");
        assert_eq!(lab.read("f").unwrap(), content.bytes(), "{args:?}");
        let log = server.log();
        let last = log.of("/f").last().unwrap().range_start().unwrap_or(0);
        assert!(last + ON_THE_WAY >= held, "asked from {last} though {held} were there");
        assert!(!lab.path(".f.part").exists() && !lab.path(".f.part.json").exists());
    }
    println!("{killed} kills, {resumed} of the runs between them resumed");
    assert!(resumed > killed / 5, "kills far enough into a file to matter: {resumed} of {killed}");
}
