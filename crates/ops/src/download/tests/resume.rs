//! Promise 2: resumed only by proof, never spliced.

use std::sync::LazyLock;

use http::header::{IF_RANGE, RANGE};

use super::lab::{DEST, Lab, asked, request, sha256};
use crate::download::DownloadHint;
use crate::hint::Advise as _;
use crate::http::Fact;
use crate::testing::scripted_http::{Script, ScriptedFile};
use vps_retry::Classify;

const CUT: usize = 300 << 10;

fn file() -> ScriptedFile {
    static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(1 << 20, 1));
    FILE.clone()
}

#[tokio::test(start_paused = true)]
async fn a_cut_transfer_goes_on_where_it_ended() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => file().answer(request),
    });
    let done = lab.run(request()).await.unwrap();
    assert_eq!(lab.content().unwrap(), file().content);
    assert_eq!((done.bytes, done.fetched, done.resumed_from), (1 << 20, 1 << 20, 300 << 10));
    let second = &lab.http.asked()[1];
    assert_eq!(asked(second, RANGE.as_str()).unwrap(), format!("bytes={CUT}-"));
    assert_eq!(asked(second, IF_RANGE.as_str()).unwrap(), "\"1\"");
    assert_eq!(lab.others(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_gained_does_not_count_as_an_attempt() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(256 << 10, Fact::Reset),
        _ => file().answer(request).cut_after((256 << 10) - 1, Fact::Reset),
    });
    let operation = lab.operation(request());
    let first = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let second = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert!(first.progressed() && !second.progressed());
    assert!(first.hints().contains(&DownloadHint::Resume.into()), "{:?}", first.hints());
    let shown = first.to_string();
    assert_eq!(shown, "connection reset by peer (example.com:443, 256.0 KiB of 1.0 MiB received)");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_begins_again_each_time_gains_nothing() {
    let lab = Lab::new(|_, _| {
        let file = ScriptedFile { etag: None, ..file() };
        file.answer(&crate::http::HttpRequest::get("http://x/".parse().unwrap())).cut_after(CUT, Fact::Reset)
    });
    let request =
        crate::download::DownloadRequest { expected: Some(sha256(&file().content).into()), ..request() };
    let operation = lab.operation(request);
    let first = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let second = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert!(first.progressed() && !second.progressed());
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_with_what_a_killed_one_left() {
    let lab = Lab::new(|request, _| file().answer(request).cut_after(CUT, Fact::Reset));
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let disk = lab.disk.after_kill();
    let next = Lab::on(disk, 1, |request, _| file().answer(request));
    let done = next.run(request()).await.unwrap();
    assert_eq!(done.resumed_from, u64::try_from(CUT).unwrap());
    assert_eq!(next.content().unwrap(), file().content);
}

#[tokio::test(start_paused = true)]
async fn a_changed_tag_restarts_and_never_splices() {
    let new = ScriptedFile { etag: Some("\"2\"".into()), ..ScriptedFile::of_len(1 << 20, 77) };
    let expected = new.content.clone();
    let lab = Lab::new(move |request, number| match number {
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => new.answer(request),
    });
    let done = lab.run(request()).await.unwrap();
    assert_eq!(lab.content().unwrap(), expected);
    assert_eq!(done.resumed_from, 0);
    assert!(lab.told.has("from zero"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_if_range_is_found_out() {
    let new = ScriptedFile { etag: Some("\"2\"".into()), ..ScriptedFile::of_len(1 << 20, 77) };
    let expected = new.content.clone();
    let lab = Lab::new(move |request, number| match number {
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => {
            let mut request = request.clone();
            request.headers.remove(IF_RANGE);
            new.answer(&request)
        }
    });
    lab.run(request()).await.unwrap();
    assert_eq!(lab.content().unwrap(), expected);
    assert_eq!(
        lab.http.asked().len(),
        3,
        "the part is refused, and everything asked for in the same attempt"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_strong_validator_or_a_digest_nothing_is_resumed() {
    for etag in [None, Some("W/\"1\"".to_owned())] {
        let weak = ScriptedFile { etag, ..file() };
        let lab = Lab::new(move |request, number| match number {
            1 => weak.answer(request).cut_after(CUT, Fact::Reset),
            _ => weak.answer(request),
        });
        lab.run(request()).await.unwrap();
        assert_eq!(asked(&lab.http.asked()[1], RANGE.as_str()), None);
        assert_eq!(lab.content().unwrap(), file().content);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_cannot_be_resumed_does_not_stay() {
    let weak = ScriptedFile { etag: None, ..file() };
    let lab = Lab::new(move |request, _| weak.answer(request).cut_after(CUT, Fact::Reset));
    let error = lab.operation(request()).attempt(&lab.attempt(0)).await.unwrap_err();
    assert!(!error.is_kept() && !error.progressed());
    assert_eq!(lab.others(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(start_paused = true)]
async fn a_damaged_part_is_found_by_the_digest_and_fetched_from_zero_once() {
    let lab = Lab::new(|request, _| file().answer(request).cut_after(CUT, Fact::Reset));
    let request =
        crate::download::DownloadRequest { expected: Some(sha256(&file().content).into()), ..request() };
    lab.operation(request.clone()).attempt(&lab.attempt(0)).await.unwrap_err();
    let disk = lab.disk.after_kill();
    let part = std::path::Path::new("/data/.file.bin.part");
    let mut content = disk.content(part).unwrap();
    content[1000] ^= 1;
    disk.plant(part, &content);
    let next = Lab::on(disk, 1, |request, _| file().answer(request));
    let done = next.run(request).await.unwrap();
    assert!(done.verified);
    assert_eq!(next.content().unwrap(), file().content);
    assert!(asked(&next.http.asked()[0], RANGE.as_str()).is_some());
    assert_eq!(asked(next.http.asked().last().unwrap(), RANGE.as_str()), None);
}

#[tokio::test(start_paused = true)]
async fn complete_but_not_committed_is_found_by_416() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).breaks(Fact::Reset),
        _ => file().answer(request),
    });
    // The whole length arrived before the reset, and only then did it break.
    let operation = lab.operation(request());
    let error = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!(error.received(), 1 << 20);
    operation.attempt(&lab.attempt(0)).await.unwrap();
    assert_eq!(lab.content().unwrap(), file().content);
}

#[tokio::test(start_paused = true)]
async fn no_resume_means_from_zero_and_nothing_kept() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => file().answer(request),
    });
    let request = crate::download::DownloadRequest { resume: false, ..request() };
    let operation = lab.operation(request);
    let error = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert!(!error.progressed() && !error.is_kept());
    operation.attempt(&lab.attempt(0)).await.unwrap();
    assert_eq!(asked(&lab.http.asked()[1], RANGE.as_str()), None);
}

#[tokio::test(start_paused = true)]
async fn an_expired_address_behind_a_redirect_is_asked_for_again_from_the_origin() {
    let lab = Lab::new(|request, number| match (request.url.host_str().unwrap(), number) {
        ("example.com", _) => Script::redirects(&format!("https://cdn.example/file?sig={number}")),
        (_, 2) => file().answer(request).cut_after(CUT, Fact::Reset),
        (_, 4) => Script::status(403),
        _ => file().answer(request),
    });
    let operation = lab.operation(request());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let done = operation.attempt(&lab.attempt(0)).await.unwrap();
    assert_eq!(done.resumed_from, u64::try_from(CUT).unwrap());
    let hosts: Vec<_> =
        lab.http.asked().iter().map(|asked| asked.url.host_str().unwrap().to_owned()).collect();
    assert_eq!(hosts, ["example.com", "cdn.example"].repeat(3));
}

#[tokio::test(start_paused = true)]
async fn a_spool_goes_on_within_its_operation() {
    let lab = Lab::new(|request, number| match number {
        1 => file().answer(request).cut_after(CUT, Fact::Reset),
        _ => file().answer(request),
    });
    let request = crate::download::DownloadRequest { dest: crate::download::Dest::Spool, ..request() };
    let done = lab.run(request).await.unwrap();
    let crate::download::Saved::Spool(spool) = &done.saved else { panic!("not spooled") };
    assert_eq!((spool.len(), done.resumed_from), (1 << 20, 300 << 10));
    let mut start = [0; 16];
    spool.read_at(&mut start, 0).unwrap();
    assert_eq!(start[..], file().content[..16]);
    assert!(lab.others().is_empty() && lab.disk.content(std::path::Path::new(DEST)).is_none());
}
