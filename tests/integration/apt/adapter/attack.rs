//! A neighbour at work while packages are installed by a real apt-get and dpkg: in the parent of the folder of
//! archives, in that of the state, and in `/tmp`, which are all sticky, so that some installs come about.
//!
//! Each try takes a second or two. Ten thousand without apt-get and dpkg are tried by
//! `a_neighbour_gets_no_package_of_his_to_dpkg`.

use tests::apt::{AptLab, Running};
use tests::neighbour::tries;
use tests::wait_until;

use super::hands::plant;
use super::{assert_installed, assert_untouched, updated};

/// Tries at most, and at least.
const MOST: usize = 300;
const LEAST: usize = 2;

const OURS: &str = "/var/cache/vps-configurator";

/// Puts his folder, a link to it, or a link to what is root's wherever he can, takes away what he can, and counts.
const NEIGHBOUR: &str = r#"
deeds=0
did() { deeds=$((deeds + 1)); echo $deeds >/srv/his/deeds; }
number=0
while [ -e /srv/go ]; do
  number=$((number + 1))
  for at in /var/cache/vps-configurator /var/cache/state /tmp/*; do
    case $((number % 4)) in
      0) ln -s /srv/planted "$at" && did ;;
      1) cp -R /srv/planted "$at" && did ;;
      2) ln -s /etc/apt "$at" && did ;;
      3) ;;
    esac
    cp /srv/planted/archives/lab-leaf_1.0_all.deb "$at/archives/" && did
    ln -sfn /etc/shadow "$at/state.db" && did
    # Now and then, so that what he put there is met by root.
    [ $((number % 7)) = 0 ] && mv -T "$at" /srv/his/was.$number && did
    rm -rf /srv/his/was.*
  done
done 2>/dev/null
"#;

fn deeds(lab: &AptLab) -> usize {
    lab.read("/srv/his/deeds").trim().parse().unwrap_or(0)
}

/// What root has, by name, inode, owner, rights and digest.
fn roots(lab: &AptLab) -> String {
    let look = "find /etc -xdev -printf '%p %i %U %m %l\\n' | sort; find /etc -xdev -type f -exec sha256sum {} + | sort";
    lab.must(&["sh", "-c", look])
}

#[test]
fn a_neighbour_leads_no_install_and_no_update_astray() {
    let Some((lab, _main)) = updated() else { return };
    plant(&lab, "/srv/planted/archives");
    lab.must(&["cp", "/srv/planted/archives/lab-leaf_1.0_all.deb", "/srv/planted/"]);
    lab.must(&["sh", "-c", "chmod -R a+rX /srv/planted; mkdir -p /srv/his; chown 65534:65534 /srv/his"]);
    lab.must(&["sh", "-c", "chmod 1777 /var/cache /tmp; rm -rf /tmp/* /var/cache/state"]);
    lab.must(&["rm", "-rf", OURS]);
    let before = roots(&lab);
    lab.write("/srv/go", "");
    let (mut done, tries, mut neighbour) = (0, (tries() / 4).clamp(LEAST, MOST), None);
    for number in 0..=tries {
        // The first time nobody keeps it from being done.
        if number > 0 {
            assert!(done > 0, "not installed, and nobody was at work");
            neighbour.get_or_insert_with(|| lab.begin_as_nobody(&["sh", "-c", NEIGHBOUR]));
            let so_far = deeds(&lab);
            wait_until("a deed of the neighbour", || (deeds(&lab) > so_far).then_some(()));
        }
        if number % 2 == 1 {
            // Root has been there: from now on he can only add to it from outside.
            lab.must(&["sh", "-c", &format!("rm -rf {OURS}; mkdir -m 755 {OURS} || :")]);
        }
        for args in [&["update"] as &[_], &["install", "lab-leaf"]] {
            let places =
                ["env", "TMPDIR=/tmp", "STATE_DIRECTORY=/var/cache/state", "vps-configurator", "apt"];
            let ended = lab.run(&[&places, args].concat());
            assert!(matches!(ended.code, 0 | 7), "try {number}, {args:?}: {}\n{}", ended.code, ended.text());
            assert_eq!(lab.read("/run/lab/owned"), "", "try {number}: the neighbour's script ran");
            if args.len() < 2 {
                continue;
            }
            if ended.code == 0 {
                assert_eq!(lab.read("/usr/share/lab-leaf/version"), "1.0\n", "try {number}");
                assert_installed_beside(&lab);
                done += 1;
            } else {
                let status = lab.read("/var/lib/dpkg/status");
                assert!(!status.contains("Package: lab-leaf\n"), "try {number}: {}", ended.text());
            }
        }
        // He may add to a folder of his while it is removed: the next try then meets it.
        let _ = lab.run(&["rm", "-rf", OURS, "/var/cache/state"]);
    }
    let deeds = deeds(&lab);
    lab.must(&["rm", "/srv/go"]);
    let _ = neighbour.map(Running::wait);
    assert_eq!(roots(&lab), before, "nothing of root's is other than it was");
    println!("apt: {done} installed, {} refused, {deeds} deeds of the neighbour", tries + 1 - done);
    // Without him all is as always.
    let _ = lab.run(&["sh", "-c", &format!("rm -rf {OURS} /tmp/*")]);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(lab.read("/run/lab/owned"), "");
    lab.must(&["dpkg", "--purge", "lab-leaf"]);
    assert_untouched(&lab, "lab-leaf");
}

/// The neighbour runs on, so nothing is waited for to be quiet.
fn assert_installed_beside(lab: &AptLab) {
    assert_eq!(lab.installed("lab-leaf").as_deref(), Some("1.0"));
    assert_eq!(lab.audit(), "");
    lab.must(&["dpkg", "--purge", "lab-leaf"]);
}
