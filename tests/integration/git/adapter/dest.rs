//! DEST: what it may be, and what is never done to it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use tests::apt::Running;
use tests::git::{Entry, Forge, Step, beside};
use tests::server::{Behaviour, Gate};
use tests::wait_until;

use super::lab::Lab;

#[test]
fn a_full_folder_is_refused_untouched() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    for (folder, file) in [("dest", "dest/mine"), ("dest", "dest/.hidden")] {
        fs::create_dir(lab.path("work").join(folder)).unwrap();
        fs::write(lab.path("work").join(file), "mine").unwrap();
        let _ = lab.fails_at_once(7, &forge.url("s"), &[]).says("dest");
        let _ = lab.fails_at_once(7, &forge.url("s"), &["--update"]);
        fs::remove_dir_all(lab.path("work").join(folder)).unwrap();
    }
    assert_eq!(forge.all(), 0);
}

#[test]
fn what_is_no_folder_is_refused_untouched() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let dest = lab.path("work/dest");
    fs::write(&dest, "mine").unwrap();
    let _ = lab.fails_at_once(7, &forge.url("s"), &[]).says("dest");
    fs::remove_file(&dest).unwrap();
    // A link is somebody's: neither it nor what it leads to is changed.
    symlink("nowhere", &dest).unwrap();
    let _ = lab.fails_at_once(7, &forge.url("s"), &[]).says("dest");
    fs::remove_file(&dest).unwrap();
    assert!(Command::new("mkfifo").arg(&dest).status().unwrap().success());
    let before = beside(&lab.path("work"));
    let _ = lab.clone(&[&forge.url("s"), "dest"]).expect(7).says("dest");
    assert_eq!(beside(&lab.path("work")), before);
    assert_eq!(forge.all(), 0);
}

#[test]
fn an_empty_folder_is_kept() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let dest = lab.path("work/dest");
    fs::create_dir(&dest).unwrap();
    fs::set_permissions(&dest, fs::Permissions::from_mode(0o750)).unwrap();
    let inode = fs::metadata(&dest).unwrap().ino();
    for step in [Step::Refs, Step::List, Step::Fetch] {
        forge.script("s", step, [Behaviour::status(404)]);
        let _ = lab.fails_at_once(1, &forge.url("s"), &[]);
        forge.script("s", step, []);
        let there = fs::metadata(&dest).unwrap();
        assert_eq!((there.ino(), there.mode() & 0o777), (inode, 0o750), "{step:?}");
    }
    assert_eq!(lab.cloned(&forge.url("s"), &[]).head(), sample.id("main"));
}

#[test]
fn a_clone_that_is_there_needs_no_request() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    for more in [&[][..], &["--full"], &["--branch", "topic"], &["--branch", "v1"]] {
        lab.cloned(&forge.url("s"), more);
        let (before, asked) = (lab.work(), forge.all());
        let _ = lab.clone(&[&[&forge.url("s"), "dest"], more].concat()).expect(0);
        assert_eq!((lab.work(), forge.all()), (before, asked), "{more:?}");
        fs::remove_dir_all(lab.path("work/dest")).unwrap();
    }
}

#[test]
fn another_clone_is_refused_untouched() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, _other, lab) = (forge.sample("s"), forge.sample("t"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    let asked = forge.all();
    // The other repository, and another branch of the same.
    let _ = lab.fails_at_once(7, &forge.url("t"), &[]).says("dest");
    let _ = lab.fails_at_once(7, &forge.url("t"), &["--update"]).says("dest");
    assert_eq!(forge.all(), asked);
}

#[test]
fn a_full_disk_ends_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (_large, lab) = (forge.large("l"), Lab::new());
    let small = lab.path("work/small");
    fs::create_dir(&small).unwrap();
    // Two places where it can end: in the pack (2 MiB), and in the checkout (2 MiB more).
    for (size, name) in [("1m", "pack"), ("3m", "checkout")] {
        let inner = lab.command(&[&forge.url("l"), "small/dest"]);
        let left = lab.path("left");
        let script = "mount -t tmpfs -o size=$1 lab \"$2\" || exit 99; out=$3; folder=$2; shift 3; \
                      \"$@\"; code=$?; ls -A \"$folder\" >\"$out\"; exit $code";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh", size]);
        command.arg(&small).arg(&left).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = Running::start({
            command.current_dir(lab.path("work"));
            command
        })
        .wait();
        if !left.exists() {
            tests::skip(&format!("a small file system cannot be mounted here: {}", ended.text()));
            return;
        }
        let ended = ended.expect(7);
        assert!(!ended.text().contains("Retrying"), "{}", ended.text());
        assert_eq!(fs::read_to_string(&left).unwrap(), "", "left on the full disk, in the {name}");
        lab.assert_left(&["small"]);
        fs::remove_file(&left).unwrap();
    }
    assert_eq!((forge.count("l", Step::Refs), forge.count("l", Step::Fetch)), (2, 2), "{}", forge.log());
}

#[test]
fn a_mount_point_is_refused_before_anything_is_fetched() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let dest = lab.path("work/dest");
    fs::create_dir(&dest).unwrap();
    let inner = lab.command(&[&forge.url("s")]);
    for mount in ["mount -t tmpfs lab", "mount --bind ."] {
        let script = format!("{mount} \"$1\" || exit 99; shift; \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
        command.arg(&dest).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // An empty folder, for what is bound.
        command.current_dir(lab.path("home"));
        command.args(["--", &dest.display().to_string()]);
        let ended = Running::start(command).wait();
        if ended.code == 99 || ended.text().contains("unshare") {
            tests::skip(&format!("nothing can be mounted here: {}", ended.text()));
            return;
        }
        let _ = ended.expect(7).says("a mount point cannot be replaced");
    }
    assert_eq!(forge.all(), 0);
    lab.assert_left(&["dest"]);
}

#[test]
fn a_volume_in_what_a_dead_clone_left_is_not_swept() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let old = lab.path("work/.dest.clone-00000001");
    let (volume, kept) = (old.join("clone/volume"), lab.path("kept"));
    fs::create_dir_all(&volume).unwrap();
    fs::write(old.join("vps-configurator-clone"), "").unwrap();
    fs::write(old.join("clone/gone"), "").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(&kept).unwrap();
    // A file system of its own, and a folder of the same one.
    for mount in ["mount -t tmpfs lab", "mount --bind ../kept"] {
        let inner = lab.command(&[&forge.url("s"), "dest"]);
        let script = format!(
            "{mount} \"$1\" || exit 99; mkdir \"$1/in\"; echo kept >\"$1/in/f\"; volume=$1; shift; \
             \"$@\" || exit; test \"$(cat \"$volume/in/f\")\" = kept || exit 98"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
        command.arg(&volume).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(lab.path("work"));
        let ended = Running::start(command).wait();
        if ended.code == 99 || ended.text().contains("unshare") {
            tests::skip(&format!("nothing can be mounted here: {}", ended.text()));
            return;
        }
        let _ = ended.expect(0);
        assert!(old.join("vps-configurator-clone").exists() && !old.join("clone/gone").exists());
        fs::write(old.join("clone/gone"), "").unwrap();
        fs::remove_dir_all(lab.path("work/dest")).unwrap();
    }
}

#[test]
fn dest_is_any_path_there_can_be() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let work = lab.path("work");
    fs::create_dir_all(work.join("here/empty")).unwrap();
    symlink("here/empty", work.join("link")).unwrap();
    let (long, letters) = ("n".repeat(255), "ü".repeat(127));
    let odd = std::ffi::OsStr::from_bytes(b"\xff\n-x");
    let dests: [(&str, &std::ffi::OsStr, &std::ffi::OsStr); 10] = [
        ("here/empty", ".".as_ref(), "here/empty".as_ref()),
        ("", "./a/".as_ref(), "a".as_ref()),
        ("", "b///".as_ref(), "b".as_ref()),
        ("", "here/../c".as_ref(), "c".as_ref()),
        ("", "no-such/../d".as_ref(), "d".as_ref()),
        ("", "deep/deeper/e".as_ref(), "deep/deeper/e".as_ref()),
        ("a", "inside".as_ref(), "a/inside".as_ref()),
        ("", long.as_ref(), long.as_ref()),
        ("", letters.as_ref(), letters.as_ref()),
        ("", odd, odd),
    ];
    for (from, dest, place) in dests {
        let mut command = lab.command(&[&forge.url("s")]);
        command.arg("--").arg(dest).current_dir(work.join(from));
        let cloned = Running::start(command).wait().expect(0);
        assert_eq!(cloned.text().contains("`cd .`"), dest == ".", "{}", cloned.text());
        let there = tests::git::Checkout::at(work.join(place));
        assert_eq!(there.head(), sample.id("main"), "{dest:?}");
    }
    let left = ["a", "b", "c", "d", "deep", "here", "link", &long, &letters];
    let there = beside(&work);
    assert!(left.iter().all(|name| there.contains(&(*name).to_owned())), "{there:?}");
    assert_eq!(there.len(), left.len() + 1, "{there:?}");
    // Not replaced, and nothing fetched for it.
    let asked = forge.all();
    symlink("nowhere", work.join("dead")).unwrap();
    for dest in ["dead/", "no-such/../here", "link/../../here"] {
        let _ = lab.clone(&[&forge.url("s"), dest]).expect(7).says("name another folder");
    }
    assert_eq!(forge.all(), asked);
}

#[test]
fn without_rights_it_ends_at_once() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let root = rustix::process::geteuid().is_root();
    fs::set_permissions(lab.path("work"), fs::Permissions::from_mode(0o555)).unwrap();
    // What is only looked at is told, too.
    for (dest, more) in [("dest", &[][..]), ("dest", &["-n"]), ("a/b/dest", &["-n"])] {
        let inner = lab.command(&[&[&*forge.url("s"), dest], more].concat());
        let mut command = if root { Command::new("setpriv") } else { Command::new("env") };
        if root {
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
            // The program itself may be where nobody may look.
            let copy = lab.path("program");
            // Copied by another process: what this one has open for writing, another test's child may inherit,
            // and what is open for writing cannot be run.
            assert!(Command::new("cp").arg(inner.get_program()).arg(&copy).status().unwrap().success());
            fs::set_permissions(lab.path(""), fs::Permissions::from_mode(0o755)).unwrap();
            for open in ["state", "home", "tmp"] {
                fs::set_permissions(lab.path(open), fs::Permissions::from_mode(0o777)).unwrap();
            }
            command.arg(copy);
        } else {
            command.arg(inner.get_program());
        }
        command.args(inner.get_args()).current_dir(lab.path("work"));
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = Running::start(command).wait().expect(7);
        assert!(!ended.text().contains("Retrying"), "{}", ended.text());
    }
    fs::set_permissions(lab.path("work"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(forge.count("s", Step::Refs) <= 1, "{}", forge.log());
    lab.assert_left(&[]);
}

#[test]
fn a_local_repository_by_another_name_is_the_same_one() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let there = sample.folder().to_str().unwrap().to_owned();
    let name = sample.folder().file_name().unwrap().to_str().unwrap();
    lab.cloned(&there, &[]);
    let before = lab.work();
    for url in [format!("{there}/../{name}"), format!("file://{there}"), format!("{there}/")] {
        let again = lab.clone(&[&url, "dest"]).expect(0);
        assert!(again.text().contains("already") && lab.work() == before, "{url}: {}", again.text());
    }
    let other = forge.sample("t");
    let _ = lab.fails_at_once(7, other.folder().to_str().unwrap(), &[]).says("is a clone of");
}

#[test]
fn two_at_once_make_one_clone() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab, gate) = (forge.sample("s"), Lab::new(), Gate::new());
    let hold = Behaviour::Hold { after: 100, gate: gate.clone() };
    forge.script("s", Step::Fetch, [hold, Behaviour::Ok]);
    let first = lab.begin(&[&forge.url("s"), "dest"]);
    gate.wait_until_reached();
    let mut second = lab.begin(&[&forge.url("s"), "dest", "--timeout", "15s"]);
    // It asks too, or ends because somebody is at it: either is right.
    wait_until("the second", || (forge.all() > 3 || !second.is_running()).then_some(()));
    gate.open();
    let codes = [first.wait(), second.wait()];
    assert!(codes.iter().any(|ended| ended.code == 0), "{codes:?}");
    assert!(codes.iter().all(|ended| [0, 7].contains(&ended.code)), "{codes:?}");
    lab.assert_left(&["dest"]);
    lab.dest().assert_sound();
    assert_eq!(lab.dest().head(), sample.id("main"));
}

#[test]
fn an_empty_folder_hands_on_what_it_was_given() {
    let Some(forge) = Forge::start() else { return };
    let _sample = forge.sample("s");
    let group = 12345;
    // u::rwx, u:1:rwx, g::r-x, m::rwx, o::r-x, as the system keeps them.
    let acl: Vec<u8> =
        [(1_u16, 7_u16, u32::MAX), (2, 7, 1), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]
            .into_iter()
            .fold(vec![2, 0, 0, 0], |mut acl, (tag, rights, id)| {
                acl.extend(tag.to_le_bytes());
                acl.extend(rights.to_le_bytes());
                acl.extend(id.to_le_bytes());
                acl
            });
    for is_new in [false, true] {
        let lab = Lab::new();
        let dest = lab.path("work/dest");
        // What is to be handed on is DEST's, or where there is none that of the folder above it.
        let model = if is_new { lab.path("work") } else { dest.clone() };
        if !is_new {
            fs::create_dir(&dest).unwrap();
        }
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&model, None, Some(group)).unwrap();
        }
        let group = fs::metadata(&model).unwrap().gid();
        fs::set_permissions(&model, fs::Permissions::from_mode(0o2770)).unwrap();
        let name = "system.posix_acl_default";
        let has_acl = rustix::fs::setxattr(&model, name, &acl, rustix::fs::XattrFlags::empty()).is_ok();
        let there = lab.cloned(&forge.url("s"), &[]);
        for path in ["", "dir", ".git", ".git/objects/pack"] {
            let path = there.folder().join(path);
            let meta = fs::metadata(&path).unwrap();
            assert_eq!((meta.gid(), meta.mode() & 0o2000), (group, 0o2000), "{}", path.display());
            let read = rustix::fs::getxattr(&path, name, &mut [0_u8; 256][..]);
            assert_eq!(read.is_ok(), has_acl, "{}: {read:?}", path.display());
        }
        assert_eq!(fs::metadata(there.folder().join("README")).unwrap().gid(), group);
        if !is_new {
            // But that nobody else may write to what the next run relies on.
            assert_eq!(fs::metadata(&dest).unwrap().mode() & 0o7777, 0o2750);
        }
    }
}

#[test]
fn packs_are_as_readable_as_gits() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    let lab = Lab::new();
    for more in [&[][..], &["--update", "--full"]] {
        let _ = lab.clone(&[&[forge.url("s").as_str(), "dest"], more].concat()).expect(0);
        let own = fs::metadata(lab.path("work")).unwrap().mode();
        let folder = lab.path("work/dest/.git/objects/pack");
        let mut packs = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().mode() & 0o777;
            // What the umask takes from folders it takes from packs, too.
            assert_eq!(mode, 0o444 & own, "{:?} {mode:o}", entry.file_name());
            packs += 1;
        }
        assert!(packs >= 2, "{}", sample.id("main"));
    }
}

#[test]
fn a_clone_at_something_else_is_told_of_the_update() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    let _ = lab.cloned(&forge.url("s"), &[]);
    let failed = lab.fails_at_once(7, &forge.url("s"), &["--branch", "topic"]);
    assert!(failed.text().contains("--update") && !failed.text().contains("empty"), "{}", failed.text());
    let other = forge.sample("t");
    let failed = lab.fails_at_once(7, &forge.url(other.name()), &[]);
    assert!(!failed.text().contains("--update"), "{}", failed.text());
    // The same repository by its other name.
    let bare = forge.url("s");
    let _ = lab.clone(&[bare.trim_end_matches(".git"), "dest"]).expect(0);
}

#[test]
fn a_deep_tree_is_cloned_and_goes_again() {
    let Some(forge) = Forge::start() else { return };
    let (lab, mut history) = (Lab::new(), tests::git::History::new());
    let path = "a/".repeat(1500) + "file";
    history.commit("main", "deep", &[(path.as_bytes(), Entry::text("deep\n"))]);
    forge.repository("d").import(&history);
    let command = lab.command(&[&forge.url("d"), "dest"]);
    // With as few open files as a shell gives.
    let few = |command: &Command| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#"ulimit -n 128; exec "$0" "$@""#])
            .arg(command.get_program())
            .args(command.get_args());
        shell.env_clear().current_dir(command.get_current_dir().unwrap());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(std::process::Stdio::null());
        shell
    };
    let _ = Running::start(few(&command)).wait().expect(0);
    lab.assert_left(&["dest"]);
    // One that fails after the files are written: the modules are not there.
    let broken = "[submodule \"m\"]\n\tpath = m\n\turl = ../none.git\n";
    let commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
    history.commit(
        "main",
        "broken",
        &[(b".gitmodules", Entry::text(broken)), (b"m", Entry::Submodule(commit))],
    );
    forge.repository("e").import(&history);
    let command = lab.command(&[&forge.url("e"), "other", "--recurse-submodules"]);
    let _ = Running::start(few(&command)).wait().expect(1);
    lab.assert_left(&["dest"]);
}
