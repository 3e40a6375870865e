//! No wrong byte reaches dpkg.

use tests::apt::{AptLab, Mirror, Repository};
use tests::server::Behaviour;

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
        assert!((2..=3).contains(&(main.requests(&deb) - before)), "byte {at}: {}", main.log());
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
