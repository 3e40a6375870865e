//! Faults of the server, and that none of them reaches DEST.

use std::time::{Duration, Instant};

use tests::server::{Behaviour, Content, Refusing, Route, Server};

use crate::lab::{Lab, sha256};

#[test]
fn a_download_is_complete_and_right() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(7, 300_000);
    server.route("/f", Route::content(content.clone()));
    assert_eq!(lab.download(&[&server.url("/f"), "--sha256", &content.sha256()]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    let left: Vec<_> =
        std::fs::read_dir(lab.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the file and the state, no part: {left:?}");
}

#[test]
fn dest_is_as_it_was_after_every_fault() {
    let faults = [
        Behaviour::Reset { after: 100 },
        Behaviour::Close { after: 100 },
        Behaviour::Truncate { missing: 1 },
        Behaviour::ResetBeforeHeaders,
        Behaviour::CloseBeforeHeaders,
        Behaviour::ChunkedCut { after: 100 },
        Behaviour::HeaderFlood { count: 5_000 },
        Behaviour::EndlessHeaders,
        Behaviour::GarbageStatusLine,
        Behaviour::RedirectLoop,
        Behaviour::UnaskedPart,
        Behaviour::status(500),
        Behaviour::status(503),
        Behaviour::status(403),
        Behaviour::status(511),
        Behaviour::Unsatisfiable { total: None },
    ];
    for fault in faults {
        let (lab, server) = (Lab::new(), Server::start());
        server.route("/f", Route::of(10_000).then(fault.clone()));
        std::fs::write(lab.path("f"), "as it was").unwrap();
        let code =
            lab.download(&[&server.url("/f"), "f", "--no-resume", "--timeout", "5s", "--retries", "2"]);
        // What was sent is not what was asked for: that is integrity.
        let expected = if matches!(fault, Behaviour::UnaskedPart) { 6 } else { 1 };
        assert_eq!(code, expected, "{fault:?}");
        assert_eq!(lab.read("f").unwrap(), b"as it was", "{fault:?}");
    }
}

#[test]
fn a_refused_connection_is_retried() {
    let (lab, refusing) = (Lab::new(), Refusing::start());
    let output = lab.run(&["download", &refusing.url("/f"), "f"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("All 3 attempts failed"), "{text}");
}

#[test]
fn a_404_is_asked_for_once() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::only(Behaviour::status(404)));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 1);
    assert_eq!(server.log().of("/f").len(), 1);
}

#[test]
fn retry_after_is_honoured() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::retry_after(429, 1)).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    let log = server.log();
    let times: Vec<Duration> = log.of("/f").iter().map(|exchange| exchange.at).collect();
    assert!(times[1] - times[0] >= Duration::from_secs(1), "{times:?}");

    server.route("/late", Route::of(10).then(Behaviour::retry_after(503, 4_000)));
    let started = Instant::now();
    let output = lab.run(&["download", &server.url("/late"), "g"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(server.log().of("/late").len(), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("4000s"), "{output:?}");
}

#[test]
fn a_silent_server_ends_in_time() {
    for silent in [Behaviour::StallBeforeHeaders, Behaviour::Stall { after: 100 }] {
        let (lab, server) = (Lab::new(), Server::start());
        server.route("/f", Route::of(10_000).then(silent.clone()));
        let args = ["--idle-timeout", "200ms", "--timeout", "1s", "--retries", "2"];
        let started = Instant::now();
        let code = lab.download(&[&[server.url("/f").as_str(), "f"][..], &args].concat());
        assert_eq!(code, 1, "{silent:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{silent:?}");
        assert!(lab.read("f").is_none());
    }
}

#[test]
fn a_trickle_ends_in_the_deadline() {
    let (lab, server) = (Lab::new(), Server::start());
    let trickle = Behaviour::Trickle { after: 10, chunk: 1, gap: Duration::from_millis(20) };
    server.route("/f", Route::of(1 << 20).then(trickle));
    let started = Instant::now();
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--timeout", "700ms"]), 1);
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(lab.read("f").is_none());
}

#[test]
fn a_wrong_digest_is_fetched_once_more() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(50_000));
    std::fs::write(lab.path("f"), "as it was").unwrap();
    let wrong = "0".repeat(64);
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--sha256", &wrong]), 6);
    assert_eq!(lab.read("f").unwrap(), b"as it was");
    let log = server.log();
    assert_eq!(log.of("/f").len(), 2, "once more, from zero");
    assert!(log.of("/f").iter().all(|exchange| exchange.range_start().is_none()));
}

#[test]
fn an_encoded_body_is_stored_as_sent() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(3, 5_000);
    server
        .route("/f.gz", Route::content(content.clone()).then(Behaviour::header("Content-Encoding", "gzip")));
    assert_eq!(lab.download(&[&server.url("/f.gz")]), 0);
    assert_eq!(sha256(&lab.read("f.gz").unwrap()), content.sha256());
}

#[test]
fn max_size_cuts_an_endless_body() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10).then(Behaviour::EndlessBody));
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--max-size", "1MiB", "--timeout", "20s"]), 1);
    assert_eq!(server.log().of("/f").len(), 1, "it is not tried again");
    assert!(lab.read("f").is_none());
}

#[test]
fn an_open_circuit_asks_nobody() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::only(Behaviour::status(500)));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 1);
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 4);
    assert_eq!(server.log().of("/f").len(), 3);
    let name =
        format!("external_downloads/{}", server.url("").trim_start_matches("http://").trim_end_matches('/'));
    assert!(lab.run(&["circuit-breaker", "reset", &name]).status.success());
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 1);
    assert_eq!(server.log().of("/f").len(), 6, "the reset is seen by the next process");
}

/// Before the head of an answer as in the middle of one: each attempt leaves time for the next.
#[test]
fn silence_before_the_head_leaves_time_for_another_attempt() {
    for args in
        [["--idle-timeout", "300ms", "--timeout", "20s"], ["--idle-timeout", "30s", "--timeout", "4s"]]
    {
        let (lab, server) = (Lab::new(), Server::start());
        let content = Content::seeded(5, 1_000);
        let route = Route::content(content.clone()).then(Behaviour::StallBeforeHeaders).then(Behaviour::Ok);
        server.route("/f", route);
        let started = Instant::now();
        assert_eq!(lab.download(&[&[server.url("/f").as_str(), "f"][..], &args].concat()), 0, "{args:?}");
        assert_eq!(lab.read("f").unwrap(), content.bytes());
        assert!(started.elapsed() < Duration::from_secs(15), "{args:?}");
    }
}
