//! Slow and silent servers, and mirrors instead of them.

use std::time::{Duration, Instant};

use tests::server::{Behaviour, BlackHole, Content, Route, Server};

use crate::lab::Lab;

/// Some bytes, but fewer than asked for.
fn trickle() -> Behaviour {
    Behaviour::Trickle { after: 1_000, chunk: 10, gap: Duration::from_millis(20) }
}

#[test]
fn connecting_ends_at_its_limit() {
    let (lab, nobody) = (Lab::new(), BlackHole::start());
    let started = Instant::now();
    let args = [&nobody.url("/f"), "f", "--connect-timeout", "100ms", "--retries", "2"];
    assert_eq!(lab.download(&args), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn one_family_of_addresses_is_enough() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(1_000));
    assert_eq!(lab.download(&[&server.url_at("localhost", "/f"), "f"]), 0, "nobody listens at ::1");
}

#[test]
fn a_trickle_never_ends_the_only_source() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 1_400);
    server.route("/f", Route::content(content.clone()).then(trickle()));
    let args = ["download", &server.url("/f"), "f", "--min-speed", "1MiB", "--idle-timeout", "300ms"];
    let output = lab.run(&args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(server.log().of("/f").len(), 1);
    assert!(said.contains("less than 1.0 MiB a second"), "{said}");
}

#[test]
fn a_head_that_drips_ends_at_the_limit_of_silence_in_time_for_another_attempt() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(6, 1_000);
    let drip = Behaviour::DripHead { gap: Duration::from_millis(100) };
    server.route("/f", Route::content(content.clone()).then(drip).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--idle-timeout", "500ms", "--timeout", "60s"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    let log = server.wait_for("the end of both", |log| log.open == 0);
    let [first, second] = log.of("/f")[..] else { panic!("{log}") };
    assert!(second.at > first.at + Duration::from_millis(450), "{log}");
    let lasted = first.ended.unwrap() - first.at;
    assert!(lasted < Duration::from_secs(5), "a whole head drips longer, not {lasted:?}");
}

#[test]
fn a_trickle_is_left_for_a_mirror() {
    let (lab, slow, quick) = (Lab::new(), Server::start(), Server::start());
    let content = Content::seeded(2, 1 << 20);
    slow.route("/f", Route::content(content.clone()).then(trickle()));
    quick.route("/f", Route::content(content.clone()));
    let digest = content.sha256();
    let (slow_url, quick_url) = (slow.url("/f"), quick.url("/f"));
    let args = [&slow_url, "f", "--mirror", &quick_url, "--sha256", &digest];
    let args = [&args[..], &["--min-speed", "1MiB", "--idle-timeout", "300ms"]].concat();
    assert_eq!(lab.download(&args), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    let log = slow.wait_for("the end", |log| log.open == 0);
    assert!(log.sent("/f") < 8_000, "left at the first look, not when it was silent: {log}");
}

#[test]
fn a_mirror_goes_on_only_under_the_same_digest() {
    for verified in [true, false] {
        let (lab, first, second) = (Lab::new(), Server::start(), Server::start());
        let content = Content::seeded(3, 2 << 20);
        let cut = Behaviour::Close { after: 1 << 20 };
        first.route("/f", Route::content(content.clone()).then(cut).then(Behaviour::status(500)));
        second.route("/f", Route::content(content.clone()).etag("\"another\""));
        let digest = content.sha256();
        let (a, b) = (first.url("/f"), second.url("/f"));
        let mut args = vec![a.as_str(), "f", "--mirror", &b];
        if verified {
            args.extend(["--sha256", &digest]);
        }
        assert_eq!(lab.download(&args), 0, "verified: {verified}");
        assert_eq!(lab.read("f").unwrap(), content.bytes());
        let log = second.log();
        assert_eq!(log.of("/f")[0].range_start().is_some(), verified, "{log}");
    }
}

#[test]
fn a_mirror_whose_circuit_is_open_is_passed_over() {
    let (lab, first, second) = (Lab::new(), Server::start(), Server::start());
    first.route("/f", Route::only(Behaviour::status(500)));
    second.route("/f", Route::of(1_000));
    assert_eq!(lab.download(&[&first.url("/f"), "f"]), 1);
    let before = first.log().of("/f").len();
    assert_eq!(lab.download(&[&first.url("/f"), "f", "--mirror", &second.url("/f")]), 0);
    assert_eq!((first.log().of("/f").len(), second.log().of("/f").len()), (before, 1));
}

#[test]
fn more_than_ten_redirects_are_refused_and_ten_are_not() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(4, 1_000);
    server.route("/0", Route::content(content.clone()));
    for hop in 1..=11 {
        server.route(
            &format!("/{hop}"),
            Route::only(Behaviour::redirect(server.url(&format!("/{}", hop - 1)))),
        );
    }
    assert_eq!(lab.download(&[&server.url("/10"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(lab.download(&[&server.url("/11"), "g"]), 1);
    assert_eq!(server.log().of("/11").len(), 1, "it is not tried again");
}

#[test]
fn retry_after_may_be_a_date() {
    let (lab, server) = (Lab::new(), Server::start());
    let soon = std::time::SystemTime::now() + Duration::from_secs(2);
    let date = httpdate::fmt_http_date(soon);
    server.route("/f", Route::of(10).then(Behaviour::retry_after(503, &date)).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    let waited = server.log().of("/f")[1].at - server.log().of("/f")[0].at;
    assert!(waited > Duration::from_millis(500), "{waited:?} until {date}");
}
