//! Whose clone is taken and updated, and what of its own configuration counts.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use tests::git::{Forge, beside, git, snapshot};

use super::lab::Lab;
use super::update::later;

const OTHER: u32 = 65_534;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// All of a clone that says it is what is asked for, and is another user's.
#[test]
fn another_users_clone_is_neither_taken_nor_updated() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &["--full"]);
    let dest = lab.path("work/dest");
    let commit = sample.id("main");
    let asked = forge.all();
    if chown(&dest, Some(OTHER), Some(OTHER)).is_err() {
        tests::skip("only root can give a folder away");
        return;
    }
    let wants = [&[][..], &["--commit", &commit], &["--update"], &["--full", "--recurse-submodules"]];
    for path in ["", ".git", ".git/config"] {
        chown(&dest, Some(0), Some(0)).unwrap();
        chown(dest.join(path), Some(OTHER), Some(OTHER)).unwrap();
        for want in wants {
            let refused = lab.fails_at_once(7, &forge.url("s"), want);
            let _ = refused.says("another user (uid 65534)").says("sudo -u '#65534'");
        }
        chown(dest.join(path), Some(0), Some(0)).unwrap();
    }
    assert_eq!(forge.all(), asked);
    let _ = lab.clone(&[&forge.url("s"), "dest", "--commit", &commit]).expect(0);
}

#[test]
fn a_clone_that_others_may_write_is_neither_taken_nor_updated() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &[]);
    later(&sample);
    let (dest, asked) = (lab.path("work/dest"), forge.all());
    fs::create_dir_all(dest.join(".git/info")).unwrap();
    fs::write(dest.join(".git/info/attributes"), "").unwrap();
    for path in ["", ".git", ".git/config", ".git/info/attributes", ".git/objects/pack"] {
        let path = dest.join(path);
        let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
        set(&path, mode | 0o002);
        for want in [&[][..], &["--update"]] {
            let refused = lab.fails_at_once(7, &forge.url("s"), want);
            let _ = refused.says("may be written by others").says("chmod -R go-w");
        }
        set(&path, mode);
    }
    assert_eq!(forge.all(), asked);
    // What is in it may be anybody's: no link there is followed, and nothing is written through one.
    fs::create_dir(dest.join("uploads")).unwrap();
    set(&dest.join("uploads"), 0o777);
    let _ = lab.clone(&[&forge.url("s"), "dest", "--update"]).expect(0);
    assert_eq!(lab.dest().head(), sample.id("main"));
}

/// Who lends it objects says what is in it.
#[test]
fn a_clone_that_borrows_from_what_others_may_write_is_neither_taken_nor_updated() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    lab.cloned(&forge.url("s"), &["--full"]);
    let lender = lab.path("home/lender");
    let _ = sample.git(&["clone", "-q", "--bare", &forge.url("s"), lender.to_str().unwrap()]);
    let objects = lender.join("objects");
    let alternates = lab.path("work/dest/.git/objects/info/alternates");
    fs::write(alternates, format!("{}\n", objects.display())).unwrap();
    let _ = lab.clone(&[&forge.url("s"), "dest"]).expect(0);
    let asked = forge.all();
    for (path, mode) in [(&objects, 0o777), (&objects.join("pack"), 0o775), (&lender, 0o777)] {
        let before = fs::metadata(path).unwrap().mode() & 0o7777;
        let _ = chown(path, None, Some(OTHER));
        set(path, mode);
        for want in [&[][..], &["--update"]] {
            let refused = lab.clone(&[&[&*forge.url("s"), "dest"], want].concat()).expect(7);
            let _ = refused.says(path.to_str().unwrap()).says("may ");
        }
        set(path, before);
    }
    assert_eq!(forge.all(), asked);
    let _ = lab.clone(&[&forge.url("s"), "dest", "--update"]).expect(0);
}

/// Whatever the umask, nobody else may write to what the next run relies on; the files keep what it leaves them.
#[test]
fn a_clone_of_ours_is_taken_and_updated_again_under_any_umask() {
    let Some(forge) = Forge::start() else { return };
    for (umask, file) in [("000", 0o666), ("002", 0o664), ("022", 0o644), ("077", 0o600)] {
        let name = format!("n{umask}");
        let ([outer, ..], lab) = (forge.nested(&name), Lab::new());
        // What is made there has another group than ours.
        let _ = chown(lab.path("work"), None, Some(OTHER));
        set(&lab.path("work"), 0o2775);
        let run = |more: &[&str]| {
            let url = forge.url(&name);
            let inner = lab.command(&[&[&*url, "dest", "--recurse-submodules"], more].concat());
            let mut command = Command::new("sh");
            command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
            command.arg(inner.get_program()).args(inner.get_args());
            command.env_clear().current_dir(lab.path("work"));
            command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            tests::apt::Running::start(command).wait()
        };
        let others_write = || -> Vec<std::path::PathBuf> {
            let mut todo = vec![lab.path("work/dest/.git")];
            let mut found = Vec::new();
            while let Some(path) = todo.pop() {
                let meta = fs::symlink_metadata(&path).unwrap();
                if meta.mode() & 0o022 != 0 {
                    found.push(path.clone());
                }
                if meta.is_dir() {
                    todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                }
            }
            let places = ["", "one", "one/.git", "one/two", "one/two/.git"]
                .map(|name| lab.path("work/dest").join(name));
            found.extend(places.into_iter().filter(|path| fs::metadata(path).unwrap().mode() & 0o022 != 0));
            found
        };
        let first = run(&[]).expect(0);
        assert!(!first.text().contains("others may write"), "{umask}: {}", first.text());
        assert_eq!(others_write(), [""; 0].map(std::path::PathBuf::from), "{umask}");
        assert_eq!(fs::metadata(lab.path("work/dest/one/two/file")).unwrap().mode() & 0o777, file);
        let _ = run(&[]).expect(0).says("already");
        later(&outer);
        let _ = run(&["--update"]).expect(0);
        assert_eq!(others_write(), [""; 0].map(std::path::PathBuf::from), "{umask}, updated");
        assert_eq!(lab.dest().head(), outer.id("main"));
        let _ = run(&["--update"]).expect(0);
        // Who opens it by hand is told so.
        set(&lab.path("work/dest/.git"), 0o777);
        let _ = run(&["--update"]).expect(7).says("may be written by others");
    }
}

/// A HEAD and a configuration are soon written.
#[test]
fn a_clone_without_the_commit_that_it_says_it_has_is_none() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let there = lab.path("work/dest/.git");
    for folder in ["objects", "refs"] {
        fs::create_dir_all(there.join(folder)).unwrap();
    }
    let (url, commit) = (forge.url("s"), sample.id("main"));
    fs::write(there.join("HEAD"), format!("{commit}\n")).unwrap();
    let config = format!("[core]\n\trepositoryformatversion = 0\n[remote \"origin\"]\n\turl = {url}\n");
    fs::write(there.join("config"), config).unwrap();
    let _ = lab.fails_at_once(7, &url, &["--commit", &commit]).says("lacks");
    assert_eq!(forge.all(), 0);
}

#[test]
fn a_link_of_another_user_is_not_followed_to_dest() {
    let Some(forge) = Forge::start() else { return };
    let (_sample, lab) = (forge.sample("s"), Lab::new());
    fs::create_dir(lab.path("other")).unwrap();
    let link = lab.path("work/link");
    symlink("../other", &link).unwrap();
    let ours = lab.clone(&[&forge.url("s"), "link/ours"]).expect(0);
    assert!(lab.path("other/ours/.git").exists(), "{}", ours.text());
    if std::os::unix::fs::lchown(&link, Some(OTHER), Some(OTHER)).is_err() {
        tests::skip("only root can give a link away");
        return;
    }
    for dest in ["link/dest", "link/dest/../x", "link"] {
        let refused = lab.clone(&[&forge.url("s"), dest]).expect(7);
        let _ = refused.says("belongs to user 65534").says("name the folder");
    }
    assert_eq!(beside(&lab.path("other")), ["ours"]);
}

/// Everything of a configuration that names a program, by git's manual, and where git would go by it.
fn programs(program: &str, elsewhere: &str) -> String {
    format!(
        "[core]\n\tfsmonitor = {program}\n\tsshCommand = {program}\n\thooksPath = {program}.d\n\
         \teditor = {program}\n\tpager = {program}\n\taskPass = {program}\n\tgitProxy = {program}\n\
         \talternateRefsCommand = {program}\n\
         [credential]\n\thelper = !{program}\n\
         [filter \"x\"]\n\tclean = {program}\n\tsmudge = {program}\n\tprocess = {program}\n\trequired = true\n\
         [diff]\n\texternal = {program}\n[diff \"x\"]\n\ttextconv = {program}\n\tcommand = {program}\n\
         [merge \"x\"]\n\tdriver = {program}\n\
         [gpg]\n\tprogram = {program}\n[alias]\n\tfetch = !{program}\n[uploadpack]\n\tpackObjectsHook = {program}\n\
         [remote \"origin\"]\n\tuploadpack = {program}\n\treceivepack = {program}\n\tproxy = {elsewhere}\n\tvcs = x\n\
         [http]\n\tproxy = {elsewhere}\n\tsslVerify = false\n\textraHeader = X-Mine: 1\n\
         [protocol]\n\tallow = never\n[protocol \"http\"]\n\tallow = never\n\
         [url \"{elsewhere}\"]\n\tinsteadOf = http\n\tinsteadOf = /\n\
         [include]\n\tpath = {program}.more\n"
    )
}

#[test]
fn no_program_that_a_clones_configuration_names_is_run() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    for url in [forge.url("s"), sample.folder().to_str().unwrap().to_owned()] {
        let lab = Lab::new();
        lab.cloned(&url, &[]);
        let (program, ran) = (lab.path("program"), lab.path("ran"));
        let hooks = lab.path("program.d");
        fs::create_dir(&hooks).unwrap();
        let script = format!("#!/bin/sh\necho $0 $* >>'{}'\ncat\n", ran.display());
        let own = lab.path("work/dest/.git/hooks");
        fs::create_dir_all(&own).unwrap();
        let hooks = [&hooks, &own].into_iter().flat_map(|folder| {
            let names = ["post-checkout", "post-merge", "post-index-change", "reference-transaction"];
            names.map(|name| folder.join(name))
        });
        for path in hooks.chain([program.clone()]) {
            fs::write(&path, &script).unwrap();
            set(&path, 0o755);
        }
        fs::write(lab.path("program.more"), format!("[filter \"y\"]\n\tsmudge = {}\n", program.display()))
            .unwrap();
        let git_folder = lab.path("work/dest/.git");
        let mut config = fs::read_to_string(git_folder.join("config")).unwrap();
        config.push_str(&programs(program.to_str().unwrap(), "http://127.0.0.1:1/"));
        fs::write(git_folder.join("config"), config).unwrap();
        fs::create_dir_all(git_folder.join("info")).unwrap();
        fs::write(git_folder.join("info/attributes"), "* filter=x diff=x merge=x\nbin/* filter=y\n").unwrap();
        // Looked at by content.
        let readme = lab.path("work/dest/README");
        fs::copy(&readme, lab.path("readme")).unwrap();
        fs::rename(lab.path("readme"), &readme).unwrap();
        later(&sample);
        let _ = lab.clone(&[&url, "dest", "--update"]).expect(0);
        assert!(!ran.exists(), "{url}: {}", fs::read_to_string(ran).unwrap());
        let head = git(lab.path("work/dest")).args(["rev-parse", "HEAD"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&head.stdout).trim_end(), sample.id("main"));
        // git itself would have run it.
        let mut checkout = git(lab.path("work/dest"));
        let _ = checkout.args(["-c", "core.fsmonitor=", "checkout", "-f", "HEAD", "--", "."]).output();
        let _ = git(lab.path("work/dest")).args(["status"]).output();
        assert!(ran.exists(), "the test proves nothing");
    }
}

/// Without the system's own paths for descriptors a name has to do, where nobody else may rename.
#[test]
fn without_proc_it_is_done_where_names_hold() {
    let Some(forge) = Forge::start() else { return };
    let (sample, lab) = (forge.sample("s"), Lab::new());
    let script = "mount -t tmpfs none /proc && exec \"$@\"";
    let hidden = |args: &[&str]| {
        let inner = lab.command(args);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().current_dir(lab.path("work"));
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let probe = Command::new("unshare").args(["--mount", "sh", "-c", script, "sh", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        tests::skip("/proc cannot be hidden here");
        return;
    }
    let url = forge.url("s");
    let (code, said) = hidden(&[&url, "dest"]);
    assert_eq!(code, Some(0), "{said}");
    lab.assert_left(&["dest"]);
    lab.dest().assert_sound();
    later(&sample);
    let (code, said) = hidden(&[&url, "dest", "--update"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(lab.dest().head(), sample.id("main"));
    set(&lab.path("work"), 0o777);
    let before = snapshot(&lab.path("work"));
    for args in [&[&*url, "other"][..], &[&url, "dest", "--update"]] {
        let (code, said) = hidden(args);
        assert_eq!(code, Some(7), "{said}");
        assert!(said.contains("others may rename in"), "{said}");
    }
    // But for the folder's own times.
    assert!(snapshot(&lab.path("work"))[1..] == before[1..]);
    lab.assert_left(&["dest"]);
}
