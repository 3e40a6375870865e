//! What is promised of a download, sentence by sentence, and the test that would notice.

/// Where a sentence's test is: beside this file, or in the adapter where no run of the program can show it.
const HERE: [(&str, &str); 12] = [
    ("destination", include_str!("destination.rs")),
    ("disk", include_str!("disk.rs")),
    ("exchange", include_str!("exchange.rs")),
    ("faults", include_str!("faults.rs")),
    ("internet", include_str!("internet.rs")),
    ("kill", include_str!("kill.rs")),
    ("pace", include_str!("pace.rs")),
    ("resume", include_str!("resume.rs")),
    ("secrets", include_str!("secrets.rs")),
    ("sources", include_str!("sources.rs")),
    ("tls", include_str!("tls.rs")),
    ("tunnel", include_str!("tunnel.rs")),
];

macro_rules! inside {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../crates/ops/src/", $name, ".rs")))
    };
}

const INSIDE: [(&str, &str); 10] = [
    inside!("download/tests/commit"),
    inside!("download/tests/hostile"),
    inside!("download/tests/limits"),
    inside!("download/tests/listed"),
    inside!("download/tests/power_loss"),
    inside!("download/tests/resume"),
    inside!("download/words"),
    inside!("http/judge"),
    inside!("http/retry_after"),
    inside!("http/words_tests"),
];

/// Chapter, sentence, file, test.
const PROMISES: [(&str, &str, &str, &str); 113] = [
    ("promise", "exit 0 means that DEST is complete and right", "faults", "a_download_is_complete_and_right"),
    (
        "promise",
        "anything else means that DEST is as it was",
        "faults",
        "dest_is_as_it_was_after_every_fault",
    ),
    (
        "promise",
        "nobody sees half a file at any instant",
        "exchange",
        "another_process_never_sees_half_a_file",
    ),
    (
        "1 part",
        "a part and its record lie beside DEST",
        "exchange",
        "a_cut_leaves_a_part_with_a_record_without_secrets",
    ),
    ("1 part", "two processes never write the same part", "resume", "two_processes_share_one_dest"),
    (
        "1 part",
        "the second takes over what the first left",
        "download/tests/hostile",
        "a_second_process_takes_over_what_the_first_one_left",
    ),
    ("1 part", "a part behind a link is not used", "resume", "a_planted_part_is_not_used"),
    (
        "1 part",
        "nor one that is not ours alone",
        "download/tests/hostile",
        "a_part_that_is_not_ours_alone_is_left_and_not_resumed",
    ),
    ("1 part", "a name that would be too long is shortened", "disk", "a_name_of_255_bytes_is_well"),
    ("1 part", "both are removed on an error for good", "exchange", "an_error_for_good_leaves_no_part"),
    ("1 part", "and when older than 7 days", "disk", "old_parts_are_removed_and_young_ones_kept"),
    (
        "1 part",
        "what has no record of ours is somebody's",
        "disk",
        "files_that_are_called_as_a_part_is_are_left_alone",
    ),
    (
        "1 part",
        "each byte comes after what says whose it is",
        "download/tests/hostile",
        "a_part_says_whose_it_is_before_its_first_byte",
    ),
    (
        "2 resume",
        "after kill -9 only what is missing is fetched",
        "resume",
        "kill_9_and_again_fetches_only_the_rest",
    ),
    (
        "2 resume",
        "at any place, as often as it comes",
        "kill",
        "kills_at_any_place_fetch_nothing_twice_and_splice_nothing",
    ),
    ("2 resume", "a cut is resumed with Range and If-Range", "resume", "a_cut_is_resumed"),
    (
        "2 resume",
        "by parts of the server's own size",
        "exchange",
        "parts_of_the_servers_own_size_are_put_together",
    ),
    ("2 resume", "a weak tag is no validator", "resume", "a_weak_etag_is_not_resumed"),
    (
        "2 resume",
        "a date is one when it lies a minute back",
        "exchange",
        "a_date_is_a_validator_only_when_it_has_settled",
    ),
    ("2 resume", "206 must begin where we are", "resume", "a_wrong_content_range_is_never_spliced"),
    ("2 resume", "and its total must agree", "exchange", "a_changed_total_restarts"),
    ("2 resume", "and there must be one", "exchange", "a_rest_without_a_total_is_not_taken_for_the_file"),
    ("2 resume", "200 restarts from zero", "resume", "a_server_that_ignores_range_restarts"),
    (
        "2 resume",
        "416 with the right total is complete, else it restarts",
        "exchange",
        "not_satisfiable_with_the_right_total_is_complete",
    ),
    ("2 resume", "a changed tag restarts, never splices", "resume", "a_changed_file_is_never_spliced"),
    ("2 resume", "with 416 too", "download/words", "all_of_another_file_is_not_all_of_ours"),
    (
        "2 resume",
        "206 without having been asked for is an error",
        "faults",
        "dest_is_as_it_was_after_every_fault",
    ),
    (
        "2 resume",
        "a redirect's end that has run out is asked for anew",
        "download/tests/resume",
        "an_expired_address_behind_a_redirect_is_asked_for_again_from_the_origin",
    ),
    ("3 length", "a short body is no file", "faults", "dest_is_as_it_was_after_every_fault"),
    (
        "3 length",
        "more than the length is not stored",
        "exchange",
        "what_comes_beyond_the_length_is_not_stored",
    ),
    ("3 length", "a broken chunk is no end of a file", "exchange", "a_broken_chunk_is_asked_for_again"),
    ("3 length", "what is plainly no archive is told", "exchange", "what_is_plainly_no_archive_is_told"),
    (
        "3 length",
        "without a length a digest decides, else there is a warning",
        "exchange",
        "without_a_length_a_digest_decides_else_there_is_a_warning",
    ),
    ("4 bytes", "identity is asked for", "exchange", "identity_is_asked_for_and_nobody_learns_who_sent_us"),
    ("4 bytes", "bytes are stored as sent", "faults", "an_encoded_body_is_stored_as_sent"),
    (
        "5 digest",
        "sha512, blake3 and a list of checksums are understood",
        "sources",
        "other_digests_and_lists_are_understood",
    ),
    ("5 digest", "a list that is of no use says so", "sources", "a_list_that_is_of_no_use_says_so"),
    ("5 digest", "lists are read as they are published", "sources", "lists_are_read_as_they_are_published"),
    (
        "5 digest",
        "and the file is not asked for then",
        "download/tests/listed",
        "a_list_without_the_file_fails_its_integrity_before_the_file_is_asked_for",
    ),
    ("5 digest", "list and file have one limit", "download/tests/listed", "both_have_one_limit"),
    (
        "5 digest",
        "a wrong one is fetched once more from zero, then exit 6",
        "faults",
        "a_wrong_digest_is_fetched_once_more",
    ),
    ("5 digest", "or from the next mirror", "sources", "a_mirror_that_lies_is_left"),
    (
        "5 digest",
        "one that is right already needs no request",
        "destination",
        "what_is_right_already_is_not_fetched",
    ),
    (
        "5 digest",
        "nor is one behind a link",
        "destination",
        "a_link_to_the_right_file_is_right_and_one_to_nothing_is_no_file_to_keep",
    ),
    (
        "6 commit",
        "file, rename, folder: in this order, synced",
        "download/tests/power_loss",
        "dest_is_old_or_new_after_any_power_loss_and_what_is_reported_done_stays_done",
    ),
    (
        "6 commit",
        "without the file's fsync a file is torn",
        "download/tests/power_loss",
        "without_the_files_fsync_the_same_search_finds_torn_files",
    ),
    (
        "6 commit",
        "without the folder's fsync a file is lost",
        "download/tests/power_loss",
        "without_the_folders_fsync_the_same_search_finds_lost_files",
    ),
    (
        "6 commit",
        "rights: asked for, or the old ones, or the umask's",
        "disk",
        "rights_are_those_asked_for_else_the_old_ones_else_by_the_umask",
    ),
    ("6 commit", "or those of the folder's default ACL", "disk", "a_folders_default_acl_decides_on_rights"),
    (
        "6 commit",
        "a mount point is refused before any request",
        "disk",
        "a_mount_point_is_refused_before_any_request",
    ),
    (
        "6 commit",
        "never those of a stranger's file",
        "download/tests/commit",
        "an_old_files_rights_are_kept_but_not_those_of_a_stranger_in_a_shared_folder",
    ),
    ("6 commit", "a link is not followed", "disk", "a_link_is_replaced_and_not_followed"),
    (
        "6 commit",
        "a folder, a FIFO, a missing parent are refused before any request",
        "destination",
        "impossible_destinations_are_refused",
    ),
    ("6 commit", "- writes only what is complete", "destination", "standard_output_gets_all_or_nothing"),
    (
        "6 commit",
        "nor to what is closed",
        "destination",
        "a_closed_standard_output_is_an_error_before_any_request",
    ),
    ("7 space", "it is asked for before the first byte", "disk", "space_is_asked_for_before_the_first_byte"),
    ("7 space", "a full disk is not retried", "destination", "a_full_disk_is_not_retried"),
    (
        "7 space",
        "one that fills up keeps what can be resumed",
        "disk",
        "a_disk_that_fills_up_keeps_only_what_can_be_resumed",
    ),
    (
        "7 space",
        "a body that does not say its length leaves others room",
        "disk",
        "a_body_without_a_length_leaves_room_and_nothing_behind",
    ),
    (
        "7 space",
        "a read-only one is told from the start",
        "disk",
        "a_folder_that_cannot_be_written_is_refused_before_any_request",
    ),
    ("7 space", "a limit of size is no file either", "disk", "a_limit_of_file_size_leaves_dest_as_it_was"),
    ("8 mirrors", "mirrors are tried", "sources", "mirrors_are_tried"),
    ("8 mirrors", "by the state of their circuits", "pace", "a_mirror_whose_circuit_is_open_is_passed_over"),
    (
        "8 mirrors",
        "another goes on only under the same digest",
        "pace",
        "a_mirror_goes_on_only_under_the_same_digest",
    ),
    ("10 limits", "connecting", "pace", "connecting_ends_at_its_limit"),
    ("10 limits", "one family of addresses is enough", "pace", "one_family_of_addresses_is_enough"),
    ("10 limits", "silence", "faults", "a_silent_server_ends_in_time"),
    (
        "10 limits",
        "a head that drips",
        "pace",
        "a_head_that_drips_ends_at_the_limit_of_silence_in_time_for_another_attempt",
    ),
    (
        "10 limits",
        "before the head, too",
        "faults",
        "silence_before_the_head_leaves_time_for_another_attempt",
    ),
    ("10 limits", "a trickle is left for a mirror", "pace", "a_trickle_is_left_for_a_mirror"),
    ("10 limits", "but never ends the only source", "pace", "a_trickle_never_ends_the_only_source"),
    ("10 limits", "before the total does", "faults", "a_trickle_ends_in_the_deadline"),
    (
        "11 redirects",
        "they are followed, loops and other schemes are not",
        "sources",
        "redirects_have_their_rules",
    ),
    ("11 redirects", "ten at most", "pace", "more_than_ten_redirects_are_refused_and_ten_are_not"),
    ("11 redirects", "never from https to http", "tls", "https_never_leads_to_http"),
    ("11 redirects", "credentials do not leave their host", "secrets", "credentials_do_not_leave_their_host"),
    (
        "11 redirects",
        "nobody learns who sent us",
        "exchange",
        "identity_is_asked_for_and_nobody_learns_who_sent_us",
    ),
    ("11 redirects", "proxies come from the environment", "exchange", "proxies_come_from_the_environment"),
    (
        "11 redirects",
        "what is no proxy is an error",
        "exchange",
        "what_is_no_proxy_is_an_error_and_the_server_is_not_asked",
    ),
    (
        "11 redirects",
        "a proxy's failure is the proxy's",
        "exchange",
        "what_the_proxy_does_is_said_of_the_proxy_and_not_held_against_the_host",
    ),
    ("11 redirects", "403 to CONNECT is said, once", "tunnel", "a_proxy_that_denies_is_asked_once_and_said"),
    (
        "11 redirects",
        "a proxy that cannot just now is asked again",
        "tunnel",
        "a_proxy_that_cannot_just_now_is_asked_again",
    ),
    ("11 redirects", "a proxy's wish to wait is kept", "tunnel", "a_proxys_wish_to_wait_is_known"),
    (
        "11 redirects",
        "what is no answer of a proxy",
        "tunnel",
        "what_is_no_answer_of_a_proxy_is_said_of_the_proxy",
    ),
    ("11 redirects", "what is the host's is the host's", "tunnel", "what_comes_after_the_proxy_is_the_hosts"),
    ("11 redirects", "a proxy over TLS must prove itself", "tunnel", "a_proxy_over_tls_must_prove_who_it_is"),
    (
        "11 redirects",
        "tunnels are used again",
        "tunnel",
        "a_tunnel_is_used_again_and_not_shared_by_two_at_once",
    ),
    ("11 redirects", "HTTP/2 goes through a tunnel", "tunnel", "many_requests_of_http_2_share_a_tunnel"),
    (
        "11 redirects",
        "bodies end through a tunnel as without",
        "tunnel",
        "a_body_that_breaks_in_a_tunnel_is_known_by_how",
    ),
    ("11 redirects", "who stops leaves nothing open", "tunnel", "who_stops_leaves_no_connection_behind"),
    ("11 redirects", "credentials come from netrc", "exchange", "credentials_come_from_netrc"),
    ("11 redirects", "secrets appear nowhere", "secrets", "secrets_appear_nowhere"),
    ("11 redirects", "secrets of netrc appear nowhere", "secrets", "a_netrc_appears_nowhere"),
    ("11 redirects", "a proxy's password appears nowhere", "secrets", "a_proxys_password_appears_nowhere"),
    ("12 size", "an endless body is cut", "faults", "max_size_cuts_an_endless_body"),
    ("12 size", "odd headers are passed over", "exchange", "odd_headers_that_nobody_needs_are_passed_over"),
    ("12 size", "a flood of headers is an error", "faults", "dest_is_as_it_was_after_every_fault"),
    (
        "13 progress",
        "bytes and where they were resumed from",
        "download/tests/limits",
        "progress_is_told_about_ten_times_a_second_with_a_first_and_a_last_word",
    ),
    ("http", "404 is asked for once", "faults", "a_404_is_asked_for_once"),
    ("http", "a URL names its host", "destination", "a_url_without_a_host_is_a_usage_error_everywhere"),
    ("http", "refused is tried again", "faults", "a_refused_connection_is_retried"),
    ("http", "every status has its row", "http/judge", "every_status_is_pinned"),
    ("http", "every kind of I/O error is a fact", "http/words_tests", "every_kind_of_io_error_is_pinned"),
    ("http", "every fact has its row", "http/judge", "every_fact_has_its_row"),
    ("http", "Retry-After is honoured, and refused when too long", "faults", "retry_after_is_honoured"),
    ("http", "as a date too", "pace", "retry_after_may_be_a_date"),
    ("http", "it may overflow", "http/retry_after", "seconds_are_digits_and_saturate"),
    ("http", "an open circuit asks nobody", "faults", "an_open_circuit_asks_nobody"),
    (
        "tls",
        "a certificate that is not trusted is asked once",
        "tls",
        "a_certificate_that_is_not_trusted_is_asked_once",
    ),
    (
        "tls",
        "one that is itself trusted is good for its own name",
        "tls",
        "a_certificate_that_is_itself_trusted_is_good_for_its_own_name",
    ),
    (
        "tls",
        "names in a certificate are seen, and do nothing",
        "tls",
        "names_in_a_certificate_are_seen_and_no_more",
    ),
    ("tls", "a handshake that is cut is tried again", "tls", "a_handshake_that_is_cut_is_tried_again"),
    (
        "tls",
        "a cut without goodbye is no end of a file",
        "tls",
        "a_connection_cut_without_goodbye_is_no_end_of_a_file",
    ),
];

/// The paragraphs of the promise; parallel ranges (9) are not made yet.
const CHAPTERS: [&str; 15] = [
    "promise",
    "1 part",
    "2 resume",
    "3 length",
    "4 bytes",
    "5 digest",
    "6 commit",
    "7 space",
    "8 mirrors",
    "10 limits",
    "11 redirects",
    "12 size",
    "13 progress",
    "http",
    "tls",
];

/// The tests of a file: the name behind each `#[test]`, however it is run.
fn tests(source: &str) -> Vec<&str> {
    let behind = source.split("test]\n").chain(source.split("start_paused = true)]\n"));
    let names = behind.filter_map(|text| {
        let text = text.trim_start();
        text.strip_prefix("async fn ").or_else(|| text.strip_prefix("fn "))?.split('(').next()
    });
    names.collect()
}

#[test]
fn every_promise_has_its_test() {
    for (chapter, sentence, file, test) in PROMISES {
        let source = HERE.iter().chain(&INSIDE).find(|(name, _)| *name == file);
        let (_, source) = source.unwrap_or_else(|| panic!("`{sentence}`: there is no file `{file}`"));
        assert!(tests(source).contains(&test), "{chapter}: `{sentence}` has no test `{test}` in `{file}`");
    }
    for chapter in CHAPTERS {
        assert!(PROMISES.iter().any(|(of, ..)| *of == chapter), "nothing of `{chapter}` is tested");
    }
}

/// The other way round: what is tested here is what is promised.
#[test]
fn every_test_has_its_promise() {
    for (file, source) in HERE.iter().filter(|(file, _)| *file != "internet") {
        for test in tests(source) {
            let promised = PROMISES.iter().any(|(_, _, of, name)| of == file && *name == test);
            assert!(promised, "`{test}` in `{file}` is no sentence of the promise");
        }
    }
}
