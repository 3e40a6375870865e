//! No wrong byte reaches dpkg.

use tests::apt::{AptLab, Mirror, Repository};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::{assert_installed, assert_untouched, machine, updated};

/// dpkg has not been started for anything.
fn assert_no_dpkg(lab: &AptLab) {
    assert_eq!(lab.read("/var/log/dpkg.log"), "");
    assert_untouched(lab, "lab-leaf");
}

#[test]
fn a_flipped_byte_is_fetched_again() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-leaf", "1.0");
    main.script(&deb, [Behaviour::WrongByte { at: 5000 }, Behaviour::Ok]);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(main.requests(&deb), 2);
}

#[test]
fn a_flipped_byte_anywhere_never_reaches_dpkg() {
    let Some((lab, main)) = updated() else { return };
    let deb = Mirror::deb("lab-leaf", "1.0");
    let size = main.content(&deb).len();
    for at in [0, 70, 1000, size / 2, size - 1] {
        main.script(&deb, [Behaviour::WrongByte { at }]);
        let before = main.requests(&deb);
        let _ = lab.apt(&["install", "lab-leaf"]).expect(6).says("lab-leaf");
        assert_no_dpkg(&lab);
        // Twice, then the same once more after an update: the mirror may be in the middle of its own.
        assert!((2..=4).contains(&(main.requests(&deb) - before)), "byte {at}: {}", main.log());
    }
    main.script(&deb, []);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn a_planted_file_is_not_installed() {
    let Some((lab, main)) = updated() else { return };
    let deb = main.content(&Mirror::deb("lab-leaf", "1.0"));
    let right = deb.bytes();
    let at = right.windows(4).rposition(|four| four == b"1.0\n").unwrap() as u64;
    let wrong = deb.with_wrong_byte(at).bytes();
    // Whatever folder it uses: apt's, or one that it made.
    let _ = lab.apt(&["install", "lab-dep"]).expect(0);
    let folders = lab.must(&["find", "/var/cache", "-type", "d"]);
    for folder in folders.lines() {
        lab.write(&format!("{folder}/lab-leaf_1.0_all.deb"), &wrong);
    }
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(lab.read("/usr/share/lab-leaf/version"), "1.0\n");
}

/// Verified right before dpkg, not only when it came.
#[test]
fn a_file_spoiled_after_its_fetch_is_not_installed() {
    let Some((lab, main)) = updated() else { return };
    let (gate, held) = (Gate::new(), Mirror::deb("lab-app", "1.0"));
    main.script(&held, [Behaviour::Hold { after: 1000, gate: gate.clone() }]);
    let running = lab.begin_apt(&["install", "lab-app"]);
    gate.wait_until_reached();
    let find = ["find", "/var/cache", "-name", "lab-dep_1.0_all.deb"];
    let fetched = wait_until("lab-dep to be fetched", || {
        let found = lab.must(&find).trim().to_owned();
        (!found.is_empty()).then_some(found)
    });
    assert_eq!(fetched.lines().count(), 1, "{fetched}");
    let deb = main.content(&Mirror::deb("lab-dep", "1.0"));
    let at = deb.bytes().windows(4).rposition(|four| four == b"1.0\n").unwrap() as u64;
    lab.write(&fetched, deb.with_wrong_byte(at).bytes());
    gate.open();
    let ended = running.wait();
    assert!([0, 6].contains(&ended.code), "{}", ended.text());
    // Fetched once more, or refused; but never this.
    let version = lab.read("/usr/share/lab-dep/version");
    assert_eq!(version, if ended.code == 0 { "1.0\n" } else { "" });
    assert_eq!(lab.audit(), "");
}

#[test]
fn the_strongest_hash_is_used() {
    let Some((lab, _main)) = machine() else { return };
    let strong = Mirror::start(&lab, Repository::Sha512);
    lab.sources(&[&strong]);
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-app", "1.0");
    // Of the two hashes apt has in its lists now, the stronger is spoiled: the weaker does not count.
    for list in lab.must(&["find", "/var/lib/apt/lists", "-name", "*_Packages"]).lines() {
        let text = lab.read(list);
        let spoiled = text.lines().map(|line| match line.strip_prefix("SHA512: ") {
            Some(_) => format!("SHA512: {}\n", "0".repeat(128)),
            None => format!("{line}\n"),
        });
        lab.write(list, spoiled.collect::<String>());
    }
    lab.must(&["rm", "-f", "/var/cache/apt/pkgcache.bin", "/var/cache/apt/srcpkgcache.bin"]);
    let _ = lab.apt(&["install", "lab-leaf", "--no-update"]).expect(6);
    assert_untouched(&lab, "lab-leaf");
}
