//! Folders in which somebody else has a hand: root installs nothing that he could have put there.

use std::os::unix::fs::MetadataExt;

use tests::apt::{AptLab, Mirror};

use super::{assert_installed, assert_untouched, package_requests, updated};

/// Where archives are kept.
const ARCHIVES: &str = "/var/cache/vps-configurator/archives";

/// A neighbour's package: what root would run of it leaves a file.
pub(super) fn plant(lab: &AptLab, folder: &str) {
    let control =
        "Package: lab-leaf\nVersion: 1.0\nArchitecture: all\nMaintainer: N <n@example.com>\nDescription: x\n";
    lab.write("/tmp/planted/DEBIAN/control", control);
    lab.write("/tmp/planted/DEBIAN/postinst", "#!/bin/sh\necho neighbour >/run/lab/owned\n");
    lab.must(&["chmod", "-R", "a=rX,u+w", "/tmp/planted"]);
    lab.must(&["chmod", "755", "/tmp/planted/DEBIAN/postinst"]);
    lab.must(&["mkdir", "-p", folder]);
    lab.must(&["dpkg-deb", "--build", "/tmp/planted", &format!("{folder}/lab-leaf_1.0_all.deb")]);
    lab.must(&["chown", "65534:65534", &format!("{folder}/lab-leaf_1.0_all.deb")]);
}

/// Refused as a problem of this machine, by the folder's name; nobody was asked for the package.
fn assert_refused(lab: &AptLab, main: &Mirror, folder: &str, why: &str) {
    let before = package_requests(main);
    let refused = lab.apt(&["install", "lab-leaf"]).expect(7).says(folder).says(why);
    assert_eq!(package_requests(main), before, "{}", refused.text());
    assert_eq!(lab.read("/run/lab/owned"), "", "the neighbour's script ran");
    assert_untouched(lab, "lab-leaf");
}

#[test]
fn archives_among_other_hands_never_reach_dpkg() {
    let Some((lab, main)) = updated() else { return };
    plant(&lab, ARCHIVES);
    let above = "/var/cache/vps-configurator";
    for (folder, mode) in
        [(ARCHIVES, "777"), (ARCHIVES, "1777"), (above, "777"), ("/var/cache", "757"), (ARCHIVES, "2775")]
    {
        if mode == "2775" {
            lab.must(&["chown", ":65534", folder]);
        }
        let usual = lab.must(&["stat", "--format=%a", folder]).trim().to_owned();
        lab.must(&["chmod", mode, folder]);
        assert_refused(&lab, &main, folder, &format!("can be written by others (mode {mode})"));
        lab.must(&["chmod", &usual, folder]);
    }
    lab.must(&["chown", ":0", ARCHIVES]);
    for folder in [ARCHIVES, above] {
        lab.must(&["chown", "65534", folder]);
        assert_refused(&lab, &main, folder, "belongs to user 65534");
        lab.must(&["chown", "0", folder]);
    }
    // Mended, the planted file is what the index says it is not.
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(lab.read("/run/lab/owned"), "");
}

#[test]
fn a_neighbours_link_to_the_archives_is_not_followed() {
    let Some((lab, main)) = updated() else { return };
    plant(&lab, "/srv/elsewhere");
    lab.must(&["mkdir", "-p", "/var/cache/vps-configurator"]);
    let _ = lab.run(&["rm", "-rf", ARCHIVES]).expect(0);
    lab.must(&["ln", "-s", "/srv/elsewhere", ARCHIVES]);
    lab.must(&["chown", "-h", "65534", ARCHIVES]);
    assert_refused(&lab, &main, ARCHIVES, "links of other users are not followed");
    // As root set it, to another disk say, it is followed.
    lab.must(&["chown", "-h", "0", ARCHIVES]);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(lab.read("/run/lab/owned"), "");
}

#[test]
fn lists_among_other_hands_are_not_believed() {
    let Some((lab, main)) = updated() else { return };
    for (folder, mode) in [("/var/lib/apt/lists", "777"), ("/var/lib/apt", "1777"), ("/var/cache/apt", "777")]
    {
        lab.must(&["chmod", mode, folder]);
        if mode == "1777" {
            // Others can add to it, and exchange nothing of ours.
            let _ = lab.apt(&["install", "lab-dep"]).expect(0);
        } else {
            assert_refused(&lab, &main, folder, "can be written by others");
        }
        lab.must(&["chmod", "755", folder]);
    }
}

#[test]
fn a_planted_partial_folder_is_refused() {
    let Some((lab, main)) = updated() else { return };
    let partial = format!("{ARCHIVES}/partial");
    lab.must(&["mkdir", "-p", &partial]);
    lab.must(&["chown", "65534", &partial]);
    assert_refused(&lab, &main, &partial, "belongs to user 65534");
    // The one that apt-get fetches as may have it.
    lab.must(&["chown", "_apt", &partial]);
    lab.must(&["chmod", "700", &partial]);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn dpkg_reads_the_verified_file_where_nobody_else_looks() {
    let Some((lab, _main)) = updated() else { return };
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", "lab-slow"]);
    slow.wait_until_reached_by(&mut running);
    let find = ["find", ARCHIVES, "-mindepth", "1", "-name", "ready.*", "-type", "d"];
    let folder = lab.must(&find).trim().to_owned();
    assert_eq!(lab.must(&["stat", "--format=%a %u", &folder]), "700 0\n");
    let (given, kept) =
        (format!("{folder}/lab-slow_1.0_all.deb"), format!("{ARCHIVES}/lab-slow_1.0_all.deb"));
    let inode = |path: &str| std::fs::metadata(lab.path(path)).unwrap().ino();
    assert_eq!(inode(&given), inode(&kept), "the very file");
    slow.release();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-slow", "1.0");
    assert_eq!(lab.must(&["find", ARCHIVES, "-name", "*.deb", "-o", "-name", "ready.*"]), "");
}
