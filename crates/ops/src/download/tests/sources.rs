//! Promises 5 and 8: digests and mirrors.

use std::sync::LazyLock;

use http::header::RANGE;
use vps_breaker::Verdict;
use vps_retry::Class;

use super::lab::{Lab, asked, request, sha256};
use crate::download::DownloadRequest;
use crate::failure::Failure as _;
use crate::http::Fact;
use crate::testing::scripted_http::{Script, ScriptedFile};
use vps_retry::{Classify, Kind};

fn file() -> ScriptedFile {
    static FILE: LazyLock<ScriptedFile> = LazyLock::new(|| ScriptedFile::of_len(1 << 20, 1));
    FILE.clone()
}

fn verified() -> DownloadRequest {
    let mirror: url::Url = "https://mirror.example/other/name".parse().unwrap();
    DownloadRequest {
        expected: Some(sha256(&file().content).into()),
        mirrors: vec![mirror.into()],
        ..request()
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_digest_is_tried_once_more_from_zero_and_then_never() {
    let lab = Lab::new(|request, _| ScriptedFile::of_len(1 << 20, 9).answer(request));
    lab.disk.plant("/data/file.bin".as_ref(), b"old");
    let operation = lab.operation(DownloadRequest { mirrors: vec![], ..verified() });
    let first = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!(
        (first.class(), first.verdict(), first.kind()),
        (Class::Transient, Verdict::Neutral, Kind::Integrity)
    );
    assert!(!first.is_kept() && !first.progressed());
    let second = operation.attempt(&lab.attempt(0)).await.unwrap_err();
    assert_eq!((second.class(), second.kind()), (Class::Permanent, Kind::Integrity));
    assert_eq!(asked(&lab.http.asked()[1], RANGE.as_str()), None);
    assert_eq!(lab.content().unwrap(), b"old");
    drop(operation);
    assert!(lab.others().is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_mirror_goes_on_under_the_same_digest_whatever_its_tag() {
    let lab = Lab::new(|request, _| match request.url.host_str() {
        Some("example.com") => file().answer(request).cut_after(300 << 10, Fact::Reset),
        _ => ScriptedFile { etag: Some("\"other\"".into()), ..file() }.answer(request),
    });
    let operation = lab.operation(verified());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let done = operation.attempt(&lab.attempt(1)).await.unwrap();
    assert_eq!((done.resumed_from, done.verified), (300 << 10, true));
    assert_eq!(done.url.as_str(), "https://mirror.example/other/name");
    assert_eq!(asked(&lab.http.asked()[1], "if-range"), None);
}

#[tokio::test(start_paused = true)]
async fn another_mirror_without_a_digest_begins_at_zero() {
    let lab = Lab::new(|request, _| match request.url.host_str() {
        Some("example.com") => file().answer(request).cut_after(300 << 10, Fact::Reset),
        _ => file().answer(request),
    });
    let operation = lab.operation(DownloadRequest { expected: None, ..verified() });
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let done = operation.attempt(&lab.attempt(1)).await.unwrap();
    assert_eq!((done.resumed_from, done.verified), (0, false));
    assert_eq!(asked(&lab.http.asked()[1], RANGE.as_str()), None);
    assert_eq!(lab.content().unwrap(), file().content);
}

#[tokio::test(start_paused = true)]
async fn a_splice_that_the_digest_refuses_is_fetched_whole() {
    let lab = Lab::new(|request, number| match number {
        1 => ScriptedFile::of_len(1 << 20, 9).answer(request).cut_after(300 << 10, Fact::Reset),
        _ => file().answer(request),
    });
    let operation = lab.operation(verified());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let spliced = operation.attempt(&lab.attempt(1)).await.unwrap_err();
    assert_eq!(spliced.kind(), Kind::Integrity);
    operation.attempt(&lab.attempt(1)).await.unwrap();
    assert_eq!(lab.content().unwrap(), file().content);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_will_never_do_costs_nothing_of_what_is_held() {
    let lab = Lab::new(|request, number| match (request.url.host_str(), number) {
        (Some("example.com"), _) => file().answer(request).cut_after(300 << 10, Fact::Reset),
        (_, 2) => Script::status(404),
        _ => file().answer(request),
    });
    let operation = lab.operation(verified());
    operation.attempt(&lab.attempt(0)).await.unwrap_err();
    let missing = operation.attempt(&lab.attempt(1)).await.unwrap_err();
    assert_eq!((missing.class(), missing.verdict()), (Class::Permanent, Verdict::Success));
    assert!(missing.is_kept());
}

#[tokio::test(start_paused = true)]
async fn a_right_dest_needs_no_request_and_a_wrong_one_is_replaced() {
    let lab = Lab::new(|request, _| file().answer(request));
    lab.disk.plant("/data/file.bin".as_ref(), &file().content);
    let done = lab.operation(verified()).prepare().await.unwrap().unwrap();
    assert!(done.unchanged && done.verified && lab.http.asked().is_empty());
    lab.disk.plant("/data/file.bin".as_ref(), b"wrong");
    assert!(lab.operation(verified()).prepare().await.unwrap().is_none());
    assert!(lab.run(verified()).await.unwrap().verified);
    assert_eq!(lab.content().unwrap(), file().content);
}

#[tokio::test(start_paused = true)]
async fn the_checksum_files_request_is_small_and_spooled() {
    let text = format!("{}  file.bin\n", sha256(&file().content).hex());
    let lab = Lab::new(move |_, _| {
        Script::status(200).header("content-length", &text.len().to_string()).sends(text.as_bytes())
    });
    let request = request();
    let sums = request.for_checksum_file("https://example.com/SHA256SUMS".parse().unwrap());
    let done = lab.run(sums).await.unwrap();
    let crate::download::Saved::Spool(spool) = &done.saved else { panic!("not spooled") };
    let text = spool.read_to_string(1 << 20).unwrap();
    let found = crate::download::find_checksum(&text, &request.listed_name().unwrap()).unwrap();
    assert_eq!(found, sha256(&file().content));
}
