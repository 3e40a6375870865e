//! `vps-configurator apt` on a real apt-get and dpkg. One test for each promise; a promise without
//! one fails `every_promise_has_its_test`.

use tests::apt::{AptLab, Mirror, Repository};

mod arguments;
mod attack;
mod configured;
mod faults;
mod hands;
mod install;
mod integrity;
mod kill;
mod locks;
mod permanent;
mod repair;
mod stop;
mod terminal;
mod update;

/// What is promised of `apt`, and the test that would notice.
const PROMISES: [(&str, &str); 89] = [
    // update
    ("an update of healthy repositories is done", "an_update_of_all_is_done"),
    ("an update that fails for any index fails, and names the repository", "an_update_names_who_failed"),
    ("a refused connection is tried again, then named", "a_refusing_repository_is_tried_again_and_named"),
    ("503 and 429 are tried again, by us alone", "a_busy_repository_is_asked_again_by_us_alone"),
    ("a reset connection is tried again", "a_reset_update_is_tried_again"),
    ("a name that is not found is named", "a_lost_name_is_named"),
    ("a corrupt index is fetched again", "a_corrupt_index_is_fetched_again"),
    ("an index that stays corrupt is an end", "an_index_that_stays_corrupt_is_an_end"),
    (
        "no Release, NO_PUBKEY, unsigned, 401, 403, expired: asked once",
        "what_does_not_get_better_is_asked_once",
    ),
    ("an index 404 is the repository's own fault", "a_missing_index_is_asked_for_once"),
    ("a captive portal is told", "a_captive_portal_is_told"),
    ("a repository from the future means the clock", "a_repository_from_the_future_means_the_clock"),
    ("a silent repository ends in time", "a_silent_repository_ends_in_time"),
    ("two ports of one name do not hang", "two_ports_of_one_name_end_in_time"),
    ("redirects in a circle end in time", "a_redirect_loop_ends_in_time"),
    ("each repository has its circuit and its result", "each_repository_has_its_circuit"),
    ("an open circuit is exit 4 without a request", "an_open_circuit_asks_nobody"),
    ("malformed sources end at once", "malformed_sources_end_at_once"),
    ("json tells each repository's result", "an_update_in_json"),
    // install
    ("a package and its needs are installed", "a_package_is_installed"),
    ("what is installed needs no request", "what_is_installed_needs_no_request"),
    ("PKG=V is exactly that", "a_version_is_exactly_that"),
    ("--upgrade goes to the candidate", "upgrade_goes_to_the_candidate"),
    ("--no-update asks for no index", "no_update_asks_for_no_index"),
    ("--dry-run changes and fetches nothing", "a_dry_run_changes_nothing"),
    (
        "one broken repository stops nothing of a healthy one",
        "a_broken_repository_stops_nothing_of_a_healthy_one",
    ),
    ("what only a broken repository has is a failure", "what_only_a_broken_repository_has_fails"),
    ("an open circuit of one leaves the others", "an_open_circuit_leaves_the_others"),
    ("packages are fetched in parallel, 8 a host", "packages_are_fetched_eight_at_once"),
    ("half as many once a server was asked too much", "half_as_many_after_429_and_503"),
    ("more at once where that is configured", "more_at_once_where_that_is_configured"),
    ("no request after the first pmstatus", "no_request_once_dpkg_works"),
    ("what is not http falls back to apt, and that is said", "a_file_source_falls_back_to_apt"),
    ("docker-clean takes nothing away", "docker_clean_takes_nothing_away"),
    ("names and passwords in sources are used and never shown", "passwords_of_sources_are_not_shown"),
    ("json tells what was installed", "an_install_in_json"),
    // download
    ("503, 429, reset, short: fetched again", "a_fault_of_a_package_is_made_good"),
    ("a cut package is resumed", "a_cut_package_is_resumed"),
    ("a silent mirror ends in time", "a_silent_mirror_ends_in_time"),
    ("completed files are never fetched again", "completed_files_are_never_fetched_again"),
    ("a 404 of a package means an old index: update, then again", "an_old_index_is_updated"),
    ("a 404 that stays ends after two rounds", "a_404_that_stays_ends"),
    // integrity
    ("a flipped byte is fetched again", "a_flipped_byte_is_fetched_again"),
    ("a flipped byte anywhere never reaches dpkg", "a_flipped_byte_anywhere_never_reaches_dpkg"),
    ("a planted file of the right size is not installed", "a_planted_file_is_not_installed"),
    ("every file is verified right before dpkg", "a_file_spoiled_after_its_fetch_is_not_installed"),
    ("the strongest hash is used", "the_strongest_hash_is_used"),
    // hands
    ("archives that others could write never reach dpkg", "archives_among_other_hands_never_reach_dpkg"),
    ("another user's link to the archives is refused", "a_neighbours_link_to_the_archives_is_not_followed"),
    ("lists that others could write are not believed", "lists_among_other_hands_are_not_believed"),
    ("another user's partial folder is refused", "a_planted_partial_folder_is_refused"),
    ("dpkg gets the file that was verified", "dpkg_reads_the_verified_file_where_nobody_else_looks"),
    ("a neighbour at work leads neither astray", "a_neighbour_leads_no_install_and_no_update_astray"),
    // permanent
    ("unknown, no version, unmet, conflict: one attempt", "what_cannot_be_resolved_ends_at_once"),
    ("what is there and was asked for stays", "what_is_there_and_asked_for_stays"),
    ("a version with odd characters is found, on a disk too", "a_version_with_odd_characters_is_found"),
    ("dpkg survives us in a repair, too", "a_second_stop_in_a_repair_leaves_dpkg_to_finish"),
    ("held: one attempt, and what to do", "a_held_package_ends_at_once"),
    ("disk full: one attempt, exit 7", "a_full_disk_ends_at_once"),
    ("dpkg's full disk: exit 7", "a_full_disk_under_dpkg_is_told"),
    ("not root: exit 7", "without_rights_it_ends_at_once"),
    ("a failing script is named and not tried again", "a_failing_script_is_named"),
    ("somebody else's broken package does not hide success", "a_broken_neighbour_does_not_hide_success"),
    ("an option as a name is refused", "options_as_names_are_refused"),
    // configured
    ("apt.conf may be as quiet as it likes", "apt_conf_may_be_as_quiet_as_it_likes"),
    ("a failing hook on a new machine is warned of", "a_failing_hook_on_a_new_machine_is_warned_of"),
    ("a dead proxy is named", "a_dead_proxy_is_named"),
    ("apt's DIRECT is no proxy of the environment's", "direct_wins_over_the_environment"),
    ("lists without InRelease are lists", "lists_without_inrelease_are_lists"),
    ("apt-get's warnings are passed on", "apt_gets_warnings_are_passed_on"),
    ("package lists are as old as is configured", "lists_are_as_old_as_is_configured"),
    ("a version nobody can name stays", "a_version_that_apt_get_cannot_be_told_stays_or_is_named"),
    ("a version may end in a plus", "a_version_may_end_in_a_plus"),
    // terminal
    ("a question at the terminal is no hang", "a_question_at_the_terminal_is_no_hang"),
    ("a changed conffile is kept", "a_changed_conffile_is_kept"),
    // locks
    ("each lock is waited for and its holder named, no attempt spent", "each_lock_is_waited_for"),
    (
        "the lock of apt's own archive folder holds nobody up",
        "the_lock_of_apts_own_archives_is_nobodys_concern",
    ),
    ("a lock at the deadline is exit 7", "a_lock_at_the_deadline_is_local"),
    ("a holder that dies gives way", "a_holder_that_dies_gives_way"),
    ("a stop while waiting is at once", "a_stop_while_waiting_is_at_once"),
    // repair
    ("an interrupted dpkg is repaired", "an_interrupted_dpkg_is_repaired"),
    ("unmet needs of what is installed are mended", "unmet_needs_are_mended"),
    ("a dpkg that dies is repaired", "a_dpkg_that_dies_is_repaired"),
    // stop
    ("a stop in the download is at once and leaves nothing", "a_stop_in_the_download_is_at_once"),
    ("the deadline in the download is at once", "a_deadline_in_the_download_is_at_once"),
    ("dpkg at work is never touched by a stop", "dpkg_at_work_is_never_touched"),
    ("a second stop leaves dpkg to finish", "a_second_stop_leaves_dpkg_to_finish"),
    // kill
    ("kill -9 in any phase and again ends installed", "killed_anywhere_and_again_is_installed"),
    (
        "kill -9 of everything under dpkg and again ends installed",
        "all_killed_under_dpkg_and_again_is_installed",
    ),
];

#[test]
fn every_promise_has_its_test() {
    let sources = [
        include_str!("arguments.rs"),
        include_str!("attack.rs"),
        include_str!("configured.rs"),
        include_str!("faults.rs"),
        include_str!("hands.rs"),
        include_str!("install.rs"),
        include_str!("integrity.rs"),
        include_str!("kill.rs"),
        include_str!("locks.rs"),
        include_str!("permanent.rs"),
        include_str!("repair.rs"),
        include_str!("stop.rs"),
        include_str!("terminal.rs"),
        include_str!("update.rs"),
    ];
    for (promise, test) in PROMISES {
        let there = sources.iter().any(|source| source.contains(&format!("#[test]\nfn {test}()")));
        assert!(there, "`{promise}` has no test `{test}`");
    }
}

/// A lab with the main mirror as its source; nothing is fetched yet.
fn machine() -> Option<(AptLab, Mirror)> {
    let lab = AptLab::start()?;
    let main = Mirror::start(&lab, Repository::Main);
    lab.sources(&[&main]);
    Some((lab, main))
}

/// The same, with the lists fetched by the adapter.
fn updated() -> Option<(AptLab, Mirror)> {
    let (lab, main) = machine()?;
    let _ = lab.apt(&["update"]).expect(0);
    Some((lab, main))
}

/// Nothing runs, dpkg has nothing to say, and the package is there.
fn assert_installed(lab: &AptLab, package: &str, version: &str) {
    lab.wait_until_quiet();
    assert_eq!(lab.installed(package).as_deref(), Some(version), "{package}");
    assert_eq!(lab.audit(), "");
}

/// Nothing runs, and dpkg has never heard of the package.
fn assert_untouched(lab: &AptLab, package: &str) {
    lab.wait_until_quiet();
    assert!(!lab.read("/var/lib/dpkg/status").contains(&format!("Package: {package}\n")), "{package}");
    assert_eq!(lab.audit(), "");
}

/// Requests for anything but indexes.
fn package_requests(mirror: &Mirror) -> usize {
    mirror.log().exchanges.iter().filter(|seen| seen.request.path().starts_with("/pool/")).count()
}
