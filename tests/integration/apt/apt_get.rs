//! Plain apt-get in the lab: what it does and says here is what the adapter has to understand.

use std::fs;

use rustix::process::Signal;
use tests::apt::{Lock, Mirror, Repository};
use tests::server::{Behaviour, Ending, Gate};

use crate::ground::{install, update, updated};

#[test]
fn a_flipped_byte_is_noticed_at_the_fetch() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-leaf", "1.0");
    main.script(&deb, [Behaviour::WrongByte { at: main.content(&deb).len() / 2 }]);
    let _ = install(&lab, "lab-leaf", 100).says("Hash Sum mismatch");
    assert_eq!(lab.installed("lab-leaf"), None);
    main.script(&deb, []);
    let _ = install(&lab, "lab-leaf", 0);
}

/// Why the adapter looks at every byte again: apt does not.
#[test]
fn a_flipped_byte_in_the_cache_is_not_noticed() {
    let Some((lab, _main)) = updated() else { return };
    let _ = lab.run(&["apt-get", "install", "-y", "--download-only", "lab-leaf"]).expect(0);
    let cached = lab.path("/var/cache/apt/archives/lab-leaf_1.0_all.deb");
    let mut bytes = fs::read(&cached).unwrap();
    let at = bytes.windows(3).rposition(|three| three == b"1.0").unwrap();
    bytes[at] = b'7';
    fs::write(&cached, bytes).unwrap();
    let _ = lab.run(&["apt-get", "install", "-y", "--no-download", "lab-leaf"]).expect(0);
    assert_eq!(lab.read("/usr/share/lab-leaf/version"), "7.0\n");
}

#[test]
fn each_lock_names_its_holder() {
    let Some((lab, _main)) = updated() else { return };
    for lock in Lock::ALL {
        let held = lab.hold(lock);
        let refused = match lock {
            Lock::Lists => update(&lab, 100),
            _ => install(&lab, "lab-leaf", 100),
        };
        let pid = held.pid_inside();
        let _ = refused.says(&format!("{}. It is held by process {pid} (unattended-upgr)", lock.path()));
        if lock == Lock::Archives {
            held.kill();
        } else {
            held.release();
        }
    }
    update(&lab, 0);
    let _ = install(&lab, "lab-leaf", 0);
}

#[test]
fn an_interrupted_dpkg_stops_every_install_until_it_is_repaired() {
    let Some((lab, _main)) = updated() else { return };
    lab.interrupt_dpkg();
    let _ = install(&lab, "lab-leaf", 100).says("you must manually run 'dpkg --configure -a'");
    lab.must(&["dpkg", "--configure", "-a"]);
    assert_eq!(lab.audit(), "");
    let _ = install(&lab, "lab-leaf", 0);
    lab.leave_updates_entry();
    let _ = install(&lab, "lab-conf", 100).says("you must manually run 'dpkg --configure -a'");
}

#[test]
fn what_is_unpacked_without_its_needs_is_mended_by_fix_broken() {
    let Some((lab, _main)) = updated() else { return };
    lab.unpack("lab-app", "1.0");
    let _ = install(&lab, "lab-leaf", 100).says("Unmet dependencies. Try 'apt --fix-broken install'");
    let _ = lab.run(&["apt-get", "install", "-y", "-f"]).expect(0);
    assert_eq!(lab.installed("lab-app").as_deref(), Some("1.0"));
}

#[test]
fn term_to_apt_get_under_dpkg_leaves_a_package_half_done() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut apt = lab.begin(&["apt-get", "install", "-y", "-o", "Dpkg::Use-Pty=0", "lab-slow"]);
    slow.wait_until_reached_by(&mut apt);
    apt.signal(Signal::TERM);
    // Gone before dpkg has anything to tell it.
    assert_eq!(apt.wait_alone(), 143);
    slow.release();
    lab.wait_until_quiet();
    assert!(lab.audit().contains("half configured"));
}

#[test]
fn a_failing_postinst_and_one_that_asks() {
    let Some((lab, _main)) = updated() else { return };
    let _ =
        install(&lab, "lab-fail", 100).says("lab-fail: it does not work").says("returned an error code (1)");
    lab.mend();
    lab.must(&["dpkg", "--configure", "-a"]);
    assert_eq!(lab.installed("lab-fail").as_deref(), Some("1.0"));
    let _ = install(&lab, "lab-ask", 100).says("/dev/tty: No such device");
}

#[test]
fn a_changed_conffile_is_asked_about() {
    let Some((lab, main)) = updated() else { return };
    let _ = install(&lab, "lab-conf", 0);
    lab.write("/etc/lab.conf", "mine\n");
    main.serve(Repository::Later);
    update(&lab, 0);
    let _ = install(&lab, "lab-conf", 100).says("end of file on stdin at conffile prompt");
    lab.must(&["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"]);
    assert_eq!(lab.read("/etc/lab.conf"), "mine\n");
}

#[test]
fn what_cannot_be_resolved() {
    let Some((lab, _main)) = updated() else { return };
    let _ = install(&lab, "lab-no-such-thing", 100).says("Unable to locate package lab-no-such-thing");
    let _ = install(&lab, "lab-leaf=9.9", 100).says("Version '9.9' for 'lab-leaf' was not found");
    let _ = install(&lab, "lab-unmet", 100).says("you have held broken packages");
    let _ = install(&lab, "lab-essential", 0);
    let _ = install(&lab, "lab-foe", 100).says("lab-foe : Conflicts: lab-essential");
    lab.must(&["apt-mark", "hold", "lab-leaf"]);
    let _ = install(&lab, "lab-leaf", 100).says("Held packages were changed");
}

#[test]
fn a_full_disk_and_no_rights() {
    let Some((lab, _main)) = updated() else { return };
    let nobody = lab.run_as_nobody(&["apt-get", "install", "-y", "lab-leaf"]).expect(100);
    let _ = nobody.says("are you root?");
    lab.small_disk("/usr/share/lab-huge", 1024);
    let _ = install(&lab, "lab-huge", 100).says("No space left on device");
    lab.must(&["mkdir", "-p", "/var/cache/small"]);
    lab.small_disk("/var/cache/small", 1024);
    lab.must(&["mkdir", "-p", "/var/cache/small/partial"]);
    let full = ["-o", "Dir::Cache::archives=/var/cache/small/"];
    let _ = lab
        .run(&[&["apt-get", "install", "-y"], &full[..], &["lab-huge"]].concat())
        .expect(100)
        .says("don't have enough free space");
}

#[test]
fn repositories_are_wrong_each_in_its_way() {
    for (repository, says) in [
        (Repository::Stranger, "NO_PUBKEY"),
        (Repository::Expired, "is expired"),
        (Repository::Early, "is not valid yet"),
        (Repository::Unsigned, "is not signed"),
    ] {
        let Some((lab, main)) = updated() else { return };
        let bad = Mirror::start(&lab, repository);
        lab.sources(&[&main, &bad]);
        let _ = update(&lab, 100).says(says).says(bad.host());
        // What is good is good.
        let _ = install(&lab, "lab-leaf", 0);
    }
}

#[test]
fn mirrors_fail_each_in_its_way() {
    let Some((lab, main)) = updated() else { return };
    let refusing = Mirror::refusing(&lab, "refusing");
    lab.sources(&[&main, &refusing]);
    let _ = update(&lab, 100).says("Connection refused").says("refusing.example.com");
    let third = Mirror::start(&lab, Repository::Third);
    lab.sources(&[&main, &third]);
    for (behaviour, says) in [
        (Behaviour::retry_after(503, 1), "503  "),
        (Behaviour::status(429), "429  "),
        (Behaviour::status(403), "403  "),
        (Behaviour::status(404), "does not have a Release file"),
        (Behaviour::ResetBeforeHeaders, "Failed to fetch"),
    ] {
        third.serve(Repository::Third);
        third.script_all(&behaviour);
        let _ = update(&lab, 100).says(says).says("third.example.com");
    }
    third.serve(Repository::Third);
    third.script(&Mirror::index_path(), [Behaviour::WrongByte { at: 3 }]);
    let _ = update(&lab, 100).says("Hash Sum mismatch");
    third.script(&Mirror::index_path(), [Behaviour::Truncate { missing: 9 }]);
    let _ = update(&lab, 100);
    third.serve(Repository::Third);
    update(&lab, 0);
    let _ = install(&lab, "lab-third", 0);
}

#[test]
fn a_name_nobody_knows() {
    let Some((lab, main)) = updated() else { return };
    let gone = Mirror::named(&lab, "gone", Repository::Third);
    lab.sources(&[&main, &gone]);
    lab.write("/etc/hosts", format!("127.0.0.1 {}\n", main.host()));
    let _ = update(&lab, 100).says("Temporary failure resolving 'gone.example.com'");
}

#[test]
fn an_index_gets_old() {
    let Some((lab, main)) = updated() else { return };
    main.serve(Repository::Later);
    let _ = install(&lab, "lab-app", 100).says("404  Not Found");
    update(&lab, 0);
    let _ = install(&lab, "lab-app", 0);
    assert_eq!(lab.installed("lab-app").as_deref(), Some("2.0"));
}

/// Without being told which, apt-get prints MD5 or nothing.
#[test]
fn the_hash_is_the_one_that_is_forced() {
    let Some((lab, main)) = updated() else { return };
    let strong = Mirror::start(&lab, Repository::Sha512);
    let hashes = |force: &str| {
        let force = format!("Acquire::ForceHash={force}");
        let plan = lab.must(&["apt-get", "install", "--print-uris", "-qq", "-o", &force, "lab-app"]);
        ["SHA256:", "SHA512:"].map(|hash| plan.matches(hash).count())
    };
    assert_eq!([hashes(""), hashes("SHA256"), hashes("SHA512")], [[0, 0], [2, 0], [0, 0]]);
    lab.sources(&[&strong]);
    update(&lab, 0);
    assert_eq!([hashes(""), hashes("SHA256"), hashes("SHA512")], [[0, 0], [2, 0], [0, 2]]);
    drop(main);
}

#[test]
fn a_stop_in_the_middle_of_a_download() {
    let Some((lab, main)) = updated() else { return };
    let (gate, deb) = (Gate::new(), Mirror::deb("lab-huge", "1.0"));
    main.script(&deb, [Behaviour::Hold { after: 1 << 20, gate: gate.clone() }]);
    let apt = lab.begin(&["apt-get", "install", "-y", "lab-huge"]);
    gate.wait_until_reached();
    apt.signal(Signal::TERM);
    assert_eq!(apt.wait().code, 143);
    lab.wait_until_quiet();
    let log = main.server().wait_for("the client's end", |log| log.open == 0);
    assert_eq!(log.of(&deb)[0].ending, Ending::ClientGone);
    assert_eq!(lab.audit(), "");
}
/// With `--error-on=any` a status that may pass is followed by a sentence that sounds final.
#[test]
fn a_busy_repository_is_called_unsigned() {
    let Some((lab, main)) = updated() else { return };
    let third = Mirror::start(&lab, Repository::Third);
    lab.sources(&[&main, &third]);
    for code in [500, 503, 429] {
        third.script_all(&Behaviour::status(code));
        let failed =
            update(&lab, 100).says(&format!("InRelease  {code}  ")).says("stable InRelease' is not signed.");
        assert!(!failed.text().contains("Some index files failed to download"));
    }
    third.script_all(&Behaviour::ResetBeforeHeaders);
    let failed = update(&lab, 100).says("Connection failed").says("Some index files failed to download");
    assert!(!failed.text().contains("is not signed"));
    third.script_all(&Behaviour::GarbageStatusLine);
    let _ = update(&lab, 100).says("Bad header line Bad header data");
}

#[test]
fn a_cut_package_has_many_names() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-dep", "1.0");
    // Which of its names a cut gets depends on what apt-get had read by then.
    let cut = [
        "Error reading from server - read (104: Connection reset by peer)",
        "Error reading from server. Remote end closed connection",
        "Undetermined Error",
    ];
    for (behaviour, names) in [
        (Behaviour::Reset { after: 100_000 }, &cut[..]),
        (Behaviour::Close { after: 1000 }, &cut),
        (Behaviour::ChunkedCut { after: 1000 }, &cut),
        (Behaviour::CloseBeforeHeaders, &["Connection failed"]),
        (
            Behaviour::redirect("file:///etc/passwd"),
            &["Redirection from http to 'file:/etc/passwd' is forbidden"],
        ),
    ] {
        main.script(&deb, [behaviour]);
        lab.must(&["apt-get", "clean"]);
        let failed = install(&lab, "lab-dep", 100);
        assert!(names.iter().any(|name| failed.text().contains(name)), "{}", failed.text());
    }
}

/// Nothing but a limit of our own ends this.
#[test]
fn apt_get_follows_a_redirect_loop_for_ever() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-dep", "1.0");
    main.script(&deb, [Behaviour::RedirectLoop]);
    let apt = lab.begin(&["apt-get", "install", "-y", "-o", "Acquire::Retries=0", "lab-dep"]);
    main.server().wait_for("two hundred requests", |log| log.of(&deb).len() > 200);
    apt.signal(Signal::TERM);
    assert_eq!(apt.wait().code, 143);
}
