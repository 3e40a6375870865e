//! Promises 3, 7, 10 and 12: lengths, space, time, size.

use std::sync::LazyLock;
use std::time::Duration;

use vps_breaker::Verdict;
use vps_retry::Class;

use super::lab::{Lab, asked, request, sha256};
use crate::deadline::Deadline;
use crate::download::{DownloadRequest, Fault, Limits};
use crate::failure::Failure as _;
use crate::http::Fact;
use crate::testing::scripted_http::{Script, ScriptedFile};
use vps_retry::{Classify, Kind};

const SECOND: Duration = Duration::from_secs(1);

fn file() -> ScriptedFile {
    static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(4 << 20, 1));
    FILE.clone()
}

#[tokio::test(start_paused = true)]
async fn a_short_body_is_no_success() {
    let lab = Lab::new(|_, _| Script::status(200).header("content-length", "10").sends(b"12345"));
    let error = lab.operation(request()).attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!((error.class(), error.verdict()), (Class::Transient, Verdict::Failure));
    assert_eq!(lab.content(), None);
}

#[tokio::test(start_paused = true)]
async fn a_body_without_any_length_is_accepted_with_a_warning_or_proved() {
    let close = |_: &crate::http::HttpRequest, _| Script::status(200).sends(b"12345");
    let done = Lab::new(close).run(request()).await.unwrap();
    assert!(done.warnings.contains(&crate::download::DownloadWarning::NoLength), "{done:?}");
    let proved = DownloadRequest { expected: Some(sha256(b"12345").into()), ..request() };
    assert!(Lab::new(close).run(proved).await.unwrap().warnings.is_empty());
    let sized = DownloadRequest { size: Some(5), ..request() };
    assert!(Lab::new(close).run(sized).await.unwrap().warnings.is_empty());
    let short = DownloadRequest { size: Some(6), ..request() };
    assert_eq!(Lab::new(close).run(short).await.unwrap_err().class(), Class::Transient);
}

#[tokio::test(start_paused = true)]
async fn another_length_than_declared_is_an_integrity_failure() {
    let lab = Lab::new(|_, _| Script::status(200).header("content-length", "5").sends(b"12345"));
    let sized = DownloadRequest { size: Some(6), ..request() };
    assert_eq!(lab.run(sized).await.unwrap_err().kind(), Kind::Integrity);
}

#[tokio::test(start_paused = true)]
async fn the_disk_is_asked_before_the_first_byte() {
    let lab = Lab::new(|request, _| file().answer(request));
    lab.disk.set_free(3 << 20);
    let error = lab.run(request()).await.unwrap_err();
    assert_eq!((error.class(), error.kind(), error.received()), (Class::Local, Kind::Local, 0));
    assert!(error.to_string().contains("4.0 MiB needed, 3.0 MiB free"), "{error}");
    assert!(lab.others().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_keeps_what_can_be_resumed() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(2 << 20, Fact::Reset),
        _ => file().answer(request),
    });
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    // Somebody else took the space that was ours.
    let disk = lab.disk.after_power_loss(&mut || 1);
    disk.set_free(1 << 20);
    drop(operation);
    // Too small for its space to be taken in advance.
    let kept = Lab::new(|_, _| {
        let script = Script::status(200).header("content-length", "921600");
        script.sends(&[0; 450 << 10]).sends(&[0; 450 << 10])
    });
    kept.disk.set_free(512 << 10);
    let error = kept.run(request()).await.unwrap_err();
    assert_eq!(error.class(), Class::Local);
    assert!(matches!(error.fault(), Fault::Disk { .. }) && kept.others().is_empty(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn space_taken_by_the_part_itself_is_not_needed_twice() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(1 << 20, Fact::Reset),
        _ => file().answer(request),
    });
    // And a little for its record.
    lab.disk.set_free((4 << 20) + 1024);
    assert_eq!(lab.run(request()).await.unwrap().bytes, 4 << 20);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_the_attempt_at_the_idle_limit() {
    let lab = Lab::new(|request, _| {
        let Script { .. } = Script::status(200);
        file().answer(request).cut_after(1 << 20, Fact::Reset).falls_silent()
    });
    let _ = lab;
    let lab = Lab::new(|_, _| Script::status(200).header("content-length", "10").sends(b"1").falls_silent());
    let started = lab.env.now();
    let error = lab.operation(request()).attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!(
        (error.class(), error.verdict(), error.kind()),
        (Class::Transient, Verdict::Failure, Kind::Timeout)
    );
    assert_eq!(lab.env.now().since(started).as_secs(), 30);
    assert!(error.to_string().starts_with("no data for 30s (example.com:443, 1 B of 10 B"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_head_in_time_ends_the_attempt() {
    let lab = Lab::new(|request, _| file().answer(request).after(31 * SECOND));
    let error = lab.operation(request()).attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Transient, Kind::Timeout));
}

/// Where `bytes=N-` begins.
fn first_of(range: &str) -> usize {
    range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
}

fn trickle() -> Script {
    (0..200).fold(Script::status(200).header("content-length", "200"), |script, _| {
        script.waits(SECOND).sends(b"x")
    })
}

#[tokio::test(start_paused = true)]
async fn a_trickle_never_ends_the_only_source_but_is_told_once() {
    let lab = Lab::new(|_, _| trickle());
    let limits = Limits { min_speed: 100, ..Limits::default() };
    let done = lab.run(DownloadRequest { limits, ..request() }).await.unwrap();
    assert_eq!(done.bytes, 200);
    let warnings = lab.told.lines().iter().filter(|line| line.starts_with("warning")).count();
    assert_eq!(warnings, 1, "{:?}", lab.told.lines());
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_head_ends_at_its_limit_and_at_half_of_what_is_left() {
    for (idle, total, ends) in [(4, 600, 4), (30, 600, 30), (30, 10, 5)] {
        let lab = Lab::new(|request, _| file().answer(request).after(900 * SECOND));
        let mut attempt = lab.attempt(0);
        attempt.deadline = Deadline::after(lab.env.now(), total * SECOND);
        let limits = Limits { idle: idle * SECOND, ..Limits::default() };
        let started = lab.env.now();
        let error =
            lab.operation(DownloadRequest { limits, ..request() }).attempt(&attempt).await.unwrap_err();
        assert_eq!((error.class(), error.verdict()), (Class::Transient, Verdict::Failure));
        assert_eq!(lab.env.now().since(started), ends * SECOND, "{idle} {total}");
    }
}

/// As many seconds a byte as a file of a thousand has no time for.
#[tokio::test(start_paused = true)]
async fn an_only_source_that_trickles_is_asked_anew_twice_where_it_would_come_too_late() {
    for (total, renewed) in [(600, 2), (6_000, 0)] {
        let lab = Lab::new(|request, _| {
            let from = asked(request, "range").map_or(0, |range| first_of(&range));
            let head = match from {
                0 => Script::status(200),
                from => Script::status(206).header("content-range", &format!("bytes {from}-999/1000")),
            };
            let head = head.header("etag", "\"1\"").header("content-length", &(1000 - from).to_string());
            (from..1000).fold(head, |script, _| script.waits(2 * SECOND).sends(b"x"))
        });
        let operation = lab.operation(DownloadRequest {
            limits: Limits { min_speed: 100, ..Limits::default() },
            ..request()
        });
        let mut attempt = lab.attempt(0);
        attempt.deadline = Deadline::after(lab.env.now(), total * SECOND);
        for _ in 0..renewed {
            let error = operation.attempt(&attempt).await.unwrap_err();
            assert!(matches!(error.fault(), Fault::TooSlow { .. }) && error.is_kept(), "{error:?}");
        }
        assert_eq!(operation.attempt(&attempt).await.unwrap().bytes, 1000);
        assert_eq!(lab.http.asked().len(), 1 + renewed);
        assert!(lab.http.asked().iter().skip(1).all(|request| request.headers.contains_key("range")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rest_in_parts_is_put_together_in_one_attempt() {
    let lab = Lab::new(|request, number| {
        let Some(range) = asked(request, "range") else {
            return file().answer(request).cut_after(1 << 20, Fact::Reset);
        };
        let from: usize = first_of(&range);
        let until = (from + (1 << 20)).min(4 << 20);
        let range = format!("bytes {from}-{}/{}", until - 1, 4 << 20);
        let script = Script::status(206).header("content-range", &range).header("etag", "\"1\"");
        assert!(number <= 4);
        script.sends(&file().content[from..until])
    });
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let done = operation.attempt(&lab.attempt(0)).await.unwrap();
    assert_eq!((done.bytes, done.resumed_from), (4 << 20, 1 << 20));
    assert_eq!(lab.content().unwrap(), file().content);
    assert_eq!(lab.http.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_left_for_a_mirror() {
    let lab = Lab::new(|_, _| trickle());
    let limits = Limits { min_speed: 100, ..Limits::default() };
    let mirrors = vec![url::Url::parse("https://mirror.example/f").unwrap().into()];
    let operation = lab.operation(DownloadRequest { limits, mirrors, ..request() });
    let error = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!((error.class(), error.verdict()), (Class::Transient, Verdict::Failure));
    assert!(matches!(error.fault(), Fault::TooSlow { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_max_size_is_refused_before_or_while_it_comes() {
    let limits = Limits { max_size: Some(4), ..Limits::default() };
    for announced in [true, false] {
        let lab = Lab::new(move |_, _| {
            let script = Script::status(200).sends(b"12345");
            if announced { script.header("content-length", "5") } else { script }
        });
        let error = lab.run(DownloadRequest { limits, ..request() }).await.unwrap_err();
        assert_eq!((error.class(), error.verdict()), (Class::Permanent, Verdict::Neutral));
        assert!(lab.others().is_empty() && lab.http.asked().len() == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_reaches_the_retry() {
    let lab = Lab::new(|_, _| Script::status(503).header("retry-after", "120"));
    let error = lab.operation(request()).attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!(error.class(), Class::Throttled { at_least: Some(120 * SECOND) });
    assert_eq!(error.to_string(), "the server answered 503 Service Unavailable (example.com:443)");
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_about_ten_times_a_second_with_a_first_and_a_last_word() {
    let lab = Lab::new(|_, _| {
        let head = Script::status(200).header("content-length", "1000");
        (0..1000).fold(head, |script, _| script.waits(Duration::from_millis(10)).sends(b"x"))
    });
    lab.run(request()).await.unwrap();
    let lines = lab.told.lines();
    assert!((90..=110).contains(&lines.len()), "{}", lines.len());
    assert_eq!(
        (lines[0].as_str(), lines.last().unwrap().as_str()),
        ("progress 0 1000 0", "progress 1000 1000 0")
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_length_leaves_others_room() {
    const FREE: u64 = 8 << 20;
    // What stays free is a twentieth; a body of just the rest is taken.
    let fits = usize::try_from(FREE - FREE / 20).unwrap();
    // But for a record or so.
    for (length, announced, is_taken) in
        [(fits - 4096, false, true), (fits + 1, false, false), (fits + 1, true, true)]
    {
        let lab = Lab::new(move |_, _| {
            let script = Script::status(200);
            let script =
                if announced { script.header("content-length", &length.to_string()) } else { script };
            vec![b'x'; length].chunks(100_000).fold(script, Script::sends)
        });
        lab.disk.set_free(FREE);
        let done = lab.run(request()).await;
        assert_eq!(done.is_ok(), is_taken, "{length} {announced}");
        if let Err(error) = done {
            assert!(matches!(error.fault(), Fault::NoRoom { .. }), "{error}");
            assert_eq!((error.class(), error.verdict()), (Class::Local, Verdict::Neutral));
            assert!(error.to_string().contains("7.6 MiB that fit in `/data` with 409."), "{error}");
            assert!(lab.others().is_empty() && lab.http.asked().len() == 1);
        }
    }
}
