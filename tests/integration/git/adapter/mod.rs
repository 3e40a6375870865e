//! `vps-configurator git clone` from a real git server. One test for each promise; a promise without
//! one fails `every_promise_has_its_test`.

mod arguments;
mod attack;
mod attributes;
mod bounds;
mod clone;
mod dest;
mod faults;
mod foreign;
mod hostile;
mod https;
mod kill;
mod lab;
mod memory;
mod permanent;
mod pieces;
mod redirects;
mod secrets;
mod ssh;
mod sshd;
mod stop;
mod submodules;
mod trust;
mod update;

/// What is promised of `git clone`, and the test that would notice.
const PROMISES: &[(&str, &str)] = &[
    // clone
    ("exit 0 means a complete, fsck-clean checkout", "a_clone_is_complete_and_right"),
    ("odd names, links, programs and line ends are right", "a_clone_is_complete_and_right"),
    ("one commit is fetched unless asked otherwise", "depth_is_honoured_by_every_version"),
    ("--depth and --full are honoured by v0, v1 and v2", "depth_is_honoured_by_every_version"),
    ("a branch, a deep branch, a tag", "a_ref_is_just_that"),
    ("a branch wins over a tag of its name", "a_branch_wins_over_a_tag"),
    ("--commit is exactly that commit", "a_commit_is_exactly_that"),
    ("an empty repository is an empty clone", "an_empty_repository_is_an_empty_clone"),
    ("names that differ in case only are two files", "names_that_differ_in_case_are_two_files"),
    ("few requests: refs, list, pack", "a_clone_asks_three_times"),
    ("git goes on in it", "git_goes_on_in_it"),
    ("--json tells the result", "the_result_in_json"),
    ("-n changes and asks nothing", "a_dry_run_changes_and_asks_nothing"),
    ("a local repository is cloned too", "a_local_repository_is_cloned"),
    ("TLS: a certificate that is not known is refused", "an_unknown_certificate_is_refused"),
    // attributes
    ("attributes make of a file what git makes of it", "attributes_make_of_files_what_git_makes"),
    ("a filter nobody has changes nothing, and is named once", "attributes_make_of_files_what_git_makes"),
    ("an encoded file is clean, and can be updated", "an_encoded_file_is_clean_and_goes_on_being_updated"),
    ("what cannot be encoded is refused by name", "what_cannot_be_encoded_is_refused_by_name"),
    ("what the user's filters made is no change", "what_a_filter_of_ones_own_made_of_a_file_is_no_change"),
    // arguments
    ("bad arguments end before any request", "bad_arguments_ask_nobody"),
    ("option-like URLs and refs run nothing", "bad_arguments_ask_nobody"),
    ("ext:: and control characters are refused", "bad_arguments_ask_nobody"),
    ("DEST's group and default ACL are handed on", "an_empty_folder_hands_on_what_it_was_given"),
    ("packs can be read by whom git lets read them", "packs_are_as_readable_as_gits"),
    ("a clone at something else: --update is the answer", "a_clone_at_something_else_is_told_of_the_update"),
    ("a tree may be deeper than there may be open files", "a_deep_tree_is_cloned_and_goes_again"),
    ("`update = none`: the module is left alone", "a_submodule_that_is_not_to_be_updated_stays_empty"),
    ("what an ssh server printed first is told", "what_the_server_printed_first_is_told"),
    ("an ssh path with escapes is cloned", "a_path_with_escapes_is_cloned_and_known_again"),
    // faults
    ("refused: tried again, then told", "a_refused_connection_is_tried_again"),
    ("429, 500, 503 in any step: tried again", "a_busy_server_is_asked_again"),
    ("Retry-After is honoured, and refused when too long", "retry_after_is_honoured"),
    ("a reset before, in and after the pack is made good", "a_reset_anywhere_is_made_good"),
    ("a truncated pack is made good", "a_truncated_pack_is_made_good"),
    ("a corrupted pack is fetched again", "a_corrupted_pack_is_fetched_again"),
    ("a server that gives up in the pack is told, in its words", "a_server_that_gives_up_is_told"),
    ("a pack that leaves out what it leads to is exit 6", "a_pack_with_a_hole_is_no_clone"),
    ("a pack that stays corrupted is exit 6 after two tries", "a_pack_that_stays_corrupted_is_an_end"),
    ("a silent server ends in time, in every step", "a_silent_server_ends_in_time"),
    ("a silence is waited out no longer than the idle limit", "a_silence_is_an_attempt"),
    ("silence before the first byte leaves time for another", "silence_leaves_time_for_another_attempt"),
    ("so does a head that drips", "a_head_that_drips_is_an_attempt"),
    ("a trickle ends in the deadline", "a_trickle_ends_in_the_deadline"),
    ("DEST is as it was after every fault", "dest_is_as_it_was_after_every_fault"),
    ("an open circuit asks nobody", "an_open_circuit_asks_nobody"),
    ("a host has its own circuit", "a_host_has_its_own_circuit"),
    // permanent
    ("401, 403, 404, 410: one request", "what_does_not_get_better_is_asked_once"),
    ("a portal's page is no repository", "a_portal_is_told"),
    ("a server that only knows dumb files is told", "a_portal_is_told"),
    ("no question on 401 at a terminal", "no_question_at_a_terminal"),
    ("a ref that is not there: one request, named", "a_missing_ref_is_named"),
    ("a HEAD that names no branch is no empty repository", "a_head_that_leads_nowhere_is_told"),
    ("a repository with SHA-256 is told, not called damaged", "a_repository_with_sha256_is_told"),
    ("what the server says in place of an answer is told", "a_refusal_in_gits_own_words_is_told"),
    ("a commit that is not there: one request, told", "a_missing_commit_is_told"),
    ("a tag that names no commit is told", "a_tag_that_names_no_commit_is_told"),
    // pieces
    (
        "a pack that is cut again and again comes in pieces",
        "a_pack_that_is_cut_again_and_again_comes_in_pieces",
    ),
    ("no file comes whole twice", "a_pack_that_is_cut_again_and_again_comes_in_pieces"),
    ("a clone in pieces is like any other, at any depth and ref", "a_clone_in_pieces_is_like_any_other"),
    ("a server without filters is asked for the whole again", "without_a_filter_a_pack_is_fetched_anew"),
    ("pieces that are refused: the whole, once", "a_piece_that_is_refused_is_fetched_with_all_the_rest"),
    ("an ssh that breaks off brings pieces, too", "an_ssh_that_breaks_off_brings_pieces"),
    ("a damaged piece is fetched again, and no other", "a_damaged_piece_is_fetched_again"),
    ("a branch that moves meanwhile is followed", "a_branch_that_moves_between_the_pieces_is_followed"),
    ("pieces that bring nothing end", "a_file_that_never_comes_whole_ends_it"),
    ("a stop in the pieces is at once", "a_stop_in_the_pieces_is_at_once"),
    ("kill -9 in the pieces, then again: a clone", "killed_in_the_pieces_and_again_is_a_clone"),
    // redirects
    ("a moved repository is cloned", "a_moved_repository_is_cloned"),
    ("a redirect to file, another scheme, a program is refused", "a_redirect_elsewhere_is_refused"),
    ("a redirect in circles ends", "a_redirect_in_circles_ends"),
    ("credentials do not leave their host", "credentials_do_not_leave_their_host"),
    ("a netrc's default is not for whom we are sent to, its names are", "a_netrc_names_whom_it_is_for"),
    // dest
    ("a folder with something in it is refused untouched", "a_full_folder_is_refused_untouched"),
    ("a file is refused untouched", "what_is_no_folder_is_refused_untouched"),
    ("an empty folder is kept on failure", "an_empty_folder_is_kept"),
    ("an empty folder is filled", "an_empty_folder_is_kept"),
    ("a clone that is there needs no request", "a_clone_that_is_there_needs_no_request"),
    ("another clone is refused untouched", "another_clone_is_refused_untouched"),
    ("a full disk: exit 7, one attempt, nothing left", "a_full_disk_ends_at_once"),
    ("DEST as a path may be: `.`, `..`, slashes, long, odd", "dest_is_any_path_there_can_be"),
    ("DEST is a mount point: nothing is fetched", "a_mount_point_is_refused_before_anything_is_fetched"),
    ("no permission: exit 7, nothing asked again", "without_rights_it_ends_at_once"),
    (
        "a local repository by another name is the same one",
        "a_local_repository_by_another_name_is_the_same_one",
    ),
    ("two at once make one clone", "two_at_once_make_one_clone"),
    // update
    ("--update goes forward", "an_update_goes_forward"),
    ("--update of what is new changes nothing", "an_update_of_what_is_new_changes_nothing"),
    ("--update refuses a dirty tree", "an_update_refuses_a_dirty_tree"),
    ("--update refuses commits of one's own", "an_update_refuses_own_commits"),
    ("--update that fails changes nothing", "an_update_that_fails_changes_nothing"),
    ("--update clones where nothing is", "an_update_clones_where_nothing_is"),
    ("--update goes to another branch, tag or commit", "an_update_goes_to_another_ref"),
    ("--update follows a tag that was moved", "an_update_follows_a_moved_tag"),
    ("--update keeps to the depth, or takes it all", "an_update_keeps_to_the_depth"),
    ("--update follows what was rewritten", "an_update_follows_what_was_rewritten_unless_work_would_be_lost"),
    ("--update refuses another user's clone", "an_update_refuses_another_users_clone"),
    ("--update keeps off where git is at work", "an_update_keeps_off_where_git_is_at_work"),
    ("kill -9 anywhere in an update, then again: a clone", "killed_in_an_update_and_again_is_a_clone"),
    ("--update takes the submodules along", "an_update_takes_the_submodules_along"),
    (
        "a submodule that becomes something else is not overwritten",
        "a_submodule_that_becomes_something_else_is_not_overwritten",
    ),
    ("what becomes a submodule makes way", "a_file_or_link_that_becomes_a_submodule_makes_way"),
    ("no submodule inside another's git folder", "a_submodule_inside_another_s_git_folder_is_refused"),
    ("submodules that come and go", "a_submodule_that_comes_or_goes_is_told"),
    (
        "--update without --recurse-submodules tells of them",
        "an_update_without_the_option_tells_of_submodules",
    ),
    (
        "a submodule that is not updated: all is as it was",
        "a_submodule_that_is_not_updated_keeps_all_as_it_is",
    ),
    // trust
    (
        "another user's clone is not taken, whatever it says",
        "another_users_clone_is_neither_taken_nor_updated",
    ),
    (
        "a clone that others may write is neither taken nor updated",
        "a_clone_that_others_may_write_is_neither_taken_nor_updated",
    ),
    (
        "nor one that borrows from what others may write",
        "a_clone_that_borrows_from_what_others_may_write_is_neither_taken_nor_updated",
    ),
    (
        "under any umask a clone of ours is ours alone",
        "a_clone_of_ours_is_taken_and_updated_again_under_any_umask",
    ),
    ("a clone lacks nothing that it says it is at", "a_clone_without_the_commit_that_it_says_it_has_is_none"),
    ("another user's link leads to no DEST", "a_link_of_another_user_is_not_followed_to_dest"),
    (
        "no program, filter or hook of a clone's own is run",
        "no_program_that_a_clones_configuration_names_is_run",
    ),
    ("without /proc: by name, where names hold", "without_proc_it_is_done_where_names_hold"),
    // a neighbour
    ("nobody who may rename beside DEST leads a clone astray", "a_neighbour_leads_no_clone_astray"),
    ("nor one that fills a folder", "a_neighbour_leads_no_clone_into_an_empty_folder_astray"),
    ("nor an update", "a_neighbour_leads_no_update_astray"),
    ("nor what removes a clone that failed or died", "a_neighbour_leads_no_removal_astray"),
    // submodules
    ("--recurse-submodules goes all the way down", "submodules_go_all_the_way_down"),
    ("without it they stay empty", "without_the_option_they_stay_empty"),
    ("a submodule that fails: DEST as it was", "a_broken_submodule_fails_the_clone"),
    ("a submodule's URL and path are looked at", "a_hostile_submodule_is_refused"),
    ("a chain of submodules without end ends", "a_chain_of_submodules_ends"),
    // hostile
    ("a hostile tree is refused, once, and writes nothing", "a_hostile_tree_writes_nothing"),
    // bounds
    (
        "what a server says without an end is ended by a named bound, in little memory",
        "a_server_that_does_not_stop_talking_is_ended_by_a_bound_that_is_named",
    ),
    ("a few bytes do not make a million paths", "a_tree_of_a_few_bytes_makes_no_million_paths"),
    ("a file may be larger than memory", "a_file_larger_than_the_memory_that_is_taken_is_cloned"),
    (
        "a pipe, a device, a sparse file in a clone that is there is refused by name",
        "what_would_hang_in_a_clone_that_is_there_is_refused_by_name",
    ),
    (
        "objects, refs, paths, deltas without number: little memory, or its name",
        "a_pack_of_objects_without_number_ends_by_the_memory_that_they_take",
    ),
    ("refs without number", "refs_without_number_end_by_the_memory_that_they_take"),
    ("paths without number", "paths_without_number_end_by_the_memory_that_they_take"),
    ("deltas without number", "many_deltas_by_name_take_no_more_memory_than_there_may_be"),
    ("a stop in a sweep is at once", "a_sweep_of_many_files_hears_a_stop"),
    // https
    ("a certificate that has run out, or is another host's: asked once", "a_wrong_certificate_is_asked_once"),
    ("a plain server where TLS was meant is told", "a_plain_server_is_no_tls"),
    ("a proxy is used where it should be; its password is not shown", "a_proxy_is_used_where_it_should_be"),
    ("a proxy that fails is told of as such", "a_proxy_that_fails_is_told"),
    ("a host that is not there is asked for twice", "an_unknown_host_is_asked_for_twice"),
    // secrets
    ("credentials in the URL are used and never shown or stored", "passwords_are_used_and_never_shown"),
    (
        "netrc's passwords go to no server that a repository names",
        "a_repository_chooses_no_one_who_gets_a_password",
    ),
    // words of others
    (
        "what trees, modules, refs and servers are called is seen, and no more",
        "names_in_a_repository_are_seen_and_no_more",
    ),
    ("what is said over ssh moves no cursor and forges no line", "what_is_said_over_ssh_is_seen_and_no_more"),
    ("a module's name leads nowhere but below", "a_module_whose_name_leads_elsewhere_is_refused_by_it"),
    ("a module at another port has a circuit of its own", "a_module_at_another_port_has_its_own_circuit"),
    // ssh
    ("a clone over ssh", "a_clone_over_ssh"),
    ("an ssh that dies is tried again, then told", "an_ssh_that_dies_is_tried_again"),
    ("an ssh that hangs ends in the deadline", "a_hanging_ssh_ends_in_the_deadline"),
    ("an ssh that hangs is stopped at once", "a_hanging_ssh_is_stopped_at_once"),
    ("kill -9 leaves no ssh behind, whatever starts it", "a_killed_clone_leaves_no_hanging_ssh"),
    // a real ssh
    ("a clone from a real ssh server", "a_clone_from_a_real_server"),
    ("a key that the server does not know: asked once", "a_key_that_is_not_known_is_told"),
    ("a server that is not known: no question, what to do", "a_server_that_is_not_known_is_told"),
    ("a repository that ssh does not lead to: asked once", "a_repository_that_is_not_there_is_told"),
    ("an ssh connection cut in the pack is made good", "a_cut_connection_is_made_good"),
    ("a silent ssh server is waited for no longer than the limit", "a_silent_server_is_an_attempt"),
    ("a silent ssh server: stopped at once", "a_silent_server_is_left_at_once"),
    ("kill -9 leaves no ssh behind", "a_killed_clone_leaves_no_ssh"),
    // stop
    ("a stop in any step is at once", "a_stop_in_any_step_is_at_once"),
    ("a stop between attempts is at once", "a_stop_between_attempts_is_at_once"),
    ("a stop in the checkout is at once", "a_stop_in_the_checkout_is_at_once"),
    ("a stop in a submodule is at once", "a_stop_in_a_submodule_is_at_once"),
    ("a stop in an update is at once", "a_stop_in_an_update_is_at_once"),
    // kill
    ("kill -9 in any request, then again: a clone", "killed_in_the_requests_and_again_is_a_clone"),
    ("kill -9 anywhere in the pack, then again: a clone", "killed_in_the_pack_and_again_is_a_clone"),
    ("kill -9 anywhere in the checkout, then again: a clone", "killed_in_the_checkout_and_again_is_a_clone"),
];

#[test]
fn every_promise_has_its_test() {
    let sources = [
        include_str!("arguments.rs"),
        include_str!("attack.rs"),
        include_str!("attributes.rs"),
        include_str!("bounds.rs"),
        include_str!("clone.rs"),
        include_str!("dest.rs"),
        include_str!("faults.rs"),
        include_str!("foreign.rs"),
        include_str!("hostile.rs"),
        include_str!("https.rs"),
        include_str!("kill.rs"),
        include_str!("memory.rs"),
        include_str!("permanent.rs"),
        include_str!("pieces.rs"),
        include_str!("redirects.rs"),
        include_str!("secrets.rs"),
        include_str!("ssh.rs"),
        include_str!("sshd.rs"),
        include_str!("stop.rs"),
        include_str!("submodules.rs"),
        include_str!("trust.rs"),
        include_str!("update.rs"),
    ];
    for (promise, test) in PROMISES {
        let there = sources.iter().any(|source| source.contains(&format!("#[test]\nfn {test}()")));
        assert!(there, "`{promise}` has no test `{test}`");
    }
}
