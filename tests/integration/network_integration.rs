//! Downloads by the real program against a server that does harm on purpose: real sockets, real kills.
//! One test for each promise; a promise without one fails `every_promise_has_its_test`.
#![allow(clippy::disallowed_methods, reason = "tests start the program and kill it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "network/destination.rs"]
mod destination;
#[path = "network/faults.rs"]
mod faults;
#[path = "network/internet.rs"]
mod internet;
#[path = "network/lab.rs"]
mod lab;
#[path = "network/resume.rs"]
mod resume;
#[path = "network/secrets.rs"]
mod secrets;
#[path = "network/sources.rs"]
mod sources;

/// What is promised of a download, and the test that would notice.
const PROMISES: [(&str, &str); 29] = [
    ("exit 0 means that DEST is complete and right", "a_download_is_complete_and_right"),
    ("anything else means that DEST is as it was", "dest_is_as_it_was_after_every_fault"),
    ("two processes never write the same part", "two_processes_share_one_dest"),
    ("a part that somebody else could have written is not used", "a_planted_part_is_not_used"),
    ("resume after kill -9 fetches only what is missing", "kill_9_and_again_fetches_only_the_rest"),
    ("a cut connection is resumed with Range", "a_cut_is_resumed"),
    ("200 to a Range restarts from zero", "a_server_that_ignores_range_restarts"),
    ("a changed ETag restarts, never splices", "a_changed_file_is_never_spliced"),
    ("a weak ETag is never resumed", "a_weak_etag_is_not_resumed"),
    ("a wrong Content-Range is never spliced", "a_wrong_content_range_is_never_spliced"),
    ("a short body is not a file", "dest_is_as_it_was_after_every_fault"),
    ("bytes are stored as sent", "an_encoded_body_is_stored_as_sent"),
    ("a digest is checked, and fetched once more from zero", "a_wrong_digest_is_fetched_once_more"),
    ("sha512, blake3 and a list of checksums are understood", "other_digests_and_lists_are_understood"),
    ("a digest already right needs no request", "what_is_right_already_is_not_fetched"),
    ("a folder, a FIFO, a missing parent are refused", "impossible_destinations_are_refused"),
    ("- writes only what is complete", "standard_output_gets_all_or_nothing"),
    ("a full disk is not retried", "a_full_disk_is_not_retried"),
    ("mirrors are tried", "mirrors_are_tried"),
    ("a mirror that lies is left for the next", "a_mirror_that_lies_is_left"),
    ("a silent server ends in the idle limit", "a_silent_server_ends_in_time"),
    ("a trickle ends in the deadline", "a_trickle_ends_in_the_deadline"),
    ("404 is asked for once", "a_404_is_asked_for_once"),
    ("Retry-After is honoured, and refused when too long", "retry_after_is_honoured"),
    ("redirects are followed, loops and other schemes are not", "redirects_have_their_rules"),
    ("credentials do not leave their host", "credentials_do_not_leave_their_host"),
    ("an endless body is cut by --max-size", "max_size_cuts_an_endless_body"),
    ("a flood of headers is an error, not a hang", "dest_is_as_it_was_after_every_fault"),
    ("secrets appear nowhere", "secrets_appear_nowhere"),
];

#[test]
fn every_promise_has_its_test() {
    let sources = [
        include_str!("network/destination.rs"),
        include_str!("network/faults.rs"),
        include_str!("network/resume.rs"),
        include_str!("network/secrets.rs"),
        include_str!("network/sources.rs"),
    ];
    for (promise, test) in PROMISES {
        let there = sources.iter().any(|source| source.contains(&format!("#[test]\nfn {test}()")));
        assert!(there, "`{promise}` has no test `{test}`");
    }
}
