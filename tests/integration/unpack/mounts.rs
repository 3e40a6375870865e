//! What is mounted below a folder that is replaced, or swept: really mounted, in a namespace of this test's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::archives::{Thing, tar};
use vps_ops::unpack::UnpackError;

use crate::lab::Lab;

/// Set where the test runs once more, in its own namespace.
const INSIDE: &str = "VPS_TEST_OWN_MOUNTS";

/// Whether this is inside. Outside it runs the test of that name there.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let able = "mount -t tmpfs lab /mnt && umount /mnt && mount --bind /tmp /mnt && umount /mnt || exit 99; exec \"$@\"";
    command.args(["sh", "-c", able, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1").stdin(Stdio::null());
    let Ok(ended) = command.output() else {
        tests::skip("there is no unshare here");
        return false;
    };
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    if ended.status.code() == Some(99) || err.starts_with("unshare: ") {
        tests::skip("nothing can be mounted here");
    } else {
        // A name that nobody has would succeed, too.
        assert!(ended.status.success() && out.contains("1 passed"), "{out}{err}");
    }
    false
}

fn mount(args: &[&str], at: &Path) {
    assert!(Command::new("mount").args(args).arg(at).status().unwrap().success(), "{args:?}");
}

/// A volume with a file, mounted at a new folder: of a file system of its own, or bound from elsewhere on the same one.
fn volumes(elsewhere: &Path) -> [Vec<&str>; 2] {
    [vec!["-t", "tmpfs", "lab"], vec!["--bind", elsewhere.to_str().unwrap()]]
}

fn trees() -> [Vec<u8>; 2] {
    [tar(&[Thing::file("data-of-one/f", "one")]), tar(&[Thing::file("f", "two")])]
}

#[test]
fn a_folder_with_a_volume_in_it_is_not_replaced_until_that_is_unmounted() {
    if !is_inside("mounts::a_folder_with_a_volume_in_it_is_not_replaced_until_that_is_unmounted") {
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    for volume in volumes(elsewhere.path()) {
        let (lab, [one, two]) = (Lab::new(), trees());
        lab.unpack(&one).unwrap();
        let at = lab.to().join("data-of-one/volume");
        fs::create_dir(&at).unwrap();
        mount(&volume, &at);
        fs::write(at.join("kept"), "kept").unwrap();
        let error = lab.unpack(&two).unwrap_err();
        assert!(matches!(&error, UnpackError::MountedBelow { mounted, .. } if *mounted == at), "{error:?}");
        assert_eq!(fs::read(at.join("kept")).unwrap(), b"kept");
        assert!(lab.is_unpacked(&one) && lab.names() == ["to"]);
        assert!(Command::new("umount").arg(&at).status().unwrap().success());
        assert!(lab.unpack(&two).unwrap().warnings.is_empty());
        assert_eq!(lab.tree(), ["f 644 two"]);
    }
}

#[test]
fn a_sweep_removes_what_a_dead_run_left_and_nothing_of_a_volume_in_it() {
    if !is_inside("mounts::a_sweep_removes_what_a_dead_run_left_and_nothing_of_a_volume_in_it") {
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    for volume in volumes(elsewhere.path()) {
        let (lab, [one, _]) = (Lab::new(), trees());
        let left = lab.place().join(".to.unpack-00000001");
        let at = left.join("tree/d/volume");
        fs::create_dir_all(&at).unwrap();
        fs::write(left.join("vps-configurator-unpack"), "").unwrap();
        fs::write(left.join("tree/d/gone"), "").unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o700)).unwrap();
        mount(&volume, &at);
        fs::create_dir(at.join("in")).unwrap();
        fs::write(at.join("in/kept"), "kept").unwrap();
        lab.unpack(&one).unwrap();
        assert_eq!(fs::read(at.join("in/kept")).unwrap(), b"kept");
        assert!(!left.join("tree/d/gone").exists());
        // Still known for ours: it goes once nothing is mounted there.
        assert!(Command::new("umount").arg(&at).status().unwrap().success());
        lab.unpack(&one).unwrap();
        assert_eq!(lab.names(), ["to"]);
    }
}
