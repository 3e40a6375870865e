//! Disks that are too small, not to be written, or limited; and what a new file looks like on them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Output;
use std::time::{Duration, SystemTime};

use tests::server::{Behaviour, Content, Route, Server};

use crate::lab::Lab;

/// Runs `download URL disk/f` where `disk` is a file system of its own, made with `options`, and then
/// `after` there; `None` where that is not allowed.
fn on_disk(lab: &Lab, options: &str, url: &str, after: &str) -> Option<Output> {
    std::fs::create_dir_all(lab.path("disk")).unwrap();
    let program = lab.command(&[]).get_program().to_owned();
    let script = format!(
        "mount -t tmpfs -o mode=0755,{options} tmpfs disk || exit 99\n\
         \"$0\" download \"$1\" disk/f --retries 2; code=$?\n{after}\nexit $code"
    );
    let mut command = lab.command(&[]);
    let envs: Vec<_> = command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
    command = std::process::Command::new("unshare");
    command.env_clear().envs(envs).current_dir(lab.folder.path());
    let output = command.args(["-m", "sh", "-c", &script]).arg(program).arg(url).output().unwrap();
    if output.status.code() == Some(99) || !lab.path("disk").exists() {
        tests::skip("a file system cannot be mounted here");
        return None;
    }
    Some(output)
}

#[test]
fn space_is_asked_for_before_the_first_byte() {
    let (lab, server) = (Lab::new(), Server::builder().send_buffer(4_096).start());
    server.route("/f", Route::of(64 << 20));
    let Some(output) = on_disk(&lab, "size=1m", &server.url("/f"), "ls -A disk") else { return };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("not enough space"), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "", "nothing is left");
    let log = server.wait_for("the end", |log| log.open == 0);
    assert_eq!(log.of("/f").len(), 1, "it is not tried again");
    assert!(log.sent("/f") < 16 << 20, "{} of 64 MiB", log.sent("/f"));
}

#[test]
fn a_disk_that_fills_up_keeps_only_what_can_be_resumed() {
    for resumable in [true, false] {
        let (lab, server) = (Lab::new(), Server::start());
        // Too small for its space to be taken in advance.
        let route = Route::of(900 << 10);
        server.route("/f", if resumable { route } else { route.without_etag() });
        let Some(output) = on_disk(&lab, "size=512k", &server.url("/f"), "ls -A disk") else { return };
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(server.log().of("/f").len(), 1, "it is not tried again");
        let left = String::from_utf8(output.stdout).unwrap();
        assert_eq!(left.contains(".f.part"), resumable, "{left}");
        assert!(!left.lines().any(|name| name == "f"), "{left}");
    }
}

#[test]
fn a_body_without_a_length_leaves_room_and_nothing_behind() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(4 << 20).then(Behaviour::NoLength));
    let Some(output) = on_disk(&lab, "size=1m", &server.url("/f"), "ls -A disk") else { return };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("does not say how long the file is"), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "", "nothing is left");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_any_request() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let Some(output) = on_disk(&lab, "ro", &server.url("/f"), "") else { return };
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(server.log().exchanges.len(), 0);
}

/// As a quota does, and harder: the system kills who writes beyond it.
#[test]
fn a_limit_of_file_size_leaves_dest_as_it_was() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(4 << 20));
    std::fs::write(lab.path("f"), "as it was").unwrap();
    let program = lab.command(&[]).get_program().to_owned();
    for ignored in [true, false] {
        let trap = if ignored { "trap '' XFSZ; " } else { "" };
        let script = format!("{trap}ulimit -f 100; exec \"$0\" download \"$1\" f");
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(script).arg(&program).arg(server.url("/f"));
        command.current_dir(lab.folder.path()).env("STATE_DIRECTORY", lab.path("state"));
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(!ignored || output.status.code() == Some(7), "{output:?}");
        assert_eq!(lab.read("f").unwrap(), b"as it was");
    }
}

#[test]
fn old_parts_are_removed_and_young_ones_kept() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let age = |name: &str, days: u64| {
        std::fs::set_permissions(lab.path(name), PermissionsExt::from_mode(0o600)).unwrap();
        let then = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60 + 60);
        std::fs::File::options().write(true).open(lab.path(name)).unwrap().set_modified(then).unwrap();
    };
    let left = |name: &str| {
        let cut = Route::of(2 << 20).then(Behaviour::Close { after: 1 << 20 });
        server.route(&format!("/{name}"), cut.then(Behaviour::status(500)));
        assert_eq!(lab.download(&[&server.url(&format!("/{name}")), name, "--retries", "1"]), 1);
        [format!(".{name}.part"), format!(".{name}.part.json")]
    };
    let (old, young) = (left("old"), left("young"));
    old.iter().for_each(|name| age(name, 7));
    young.iter().for_each(|name| age(name, 6));
    // Called as ours are, with rights as ours have, and somebody's all the same.
    let others = ["mine.part", ".notes.part", ".notes.part.json", ".settings.part"];
    for name in others {
        std::fs::write(lab.path(name), "mine").unwrap();
        age(name, 90);
    }
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert!(old.iter().all(|name| !lab.path(name).exists()));
    assert!(young.iter().all(|name| lab.path(name).exists()));
    assert!(others.iter().all(|name| lab.read(name).unwrap() == b"mine"));
}

/// The same `NAME` is what makes a part's name: what lies there already is not emptied for it.
#[test]
fn files_that_are_called_as_a_part_is_are_left_alone() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    for name in [".f.part", ".f.part.json"] {
        std::fs::write(lab.path(name), "mine").unwrap();
        std::fs::set_permissions(lab.path(name), PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
        assert_eq!(lab.read(name).unwrap(), b"mine");
    }
}

#[test]
fn a_folders_default_acl_decides_on_rights() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    std::fs::create_dir(lab.path("shared")).unwrap();
    // u::rwx,g::rwx,o::- as the kernel keeps it.
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, rights) in [(1_u16, 7_u16), (4, 7), (0x20, 0)] {
        acl.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
        acl.extend(u32::MAX.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(lab.path("shared"), "system.posix_acl_default", &acl, flags).is_err() {
        return println!("skipped: no ACL on this file system");
    }
    assert_eq!(lab.download(&[&server.url("/f"), "shared/f"]), 0);
    assert_eq!(std::fs::metadata(lab.path("shared/f")).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn a_mount_point_is_refused_before_any_request() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    std::fs::create_dir_all(lab.path("disk")).unwrap();
    let program = lab.command(&[]).get_program().to_owned();
    let script = "mount -t tmpfs tmpfs disk && : > disk/f && echo old > disk/old && mount --bind disk/old disk/f || exit 99
                  \"$0\" download \"$1\" disk/f; code=$?; cat disk/f; ls -A disk; exit $code";
    let mut command = std::process::Command::new("unshare");
    command.current_dir(lab.folder.path()).env("STATE_DIRECTORY", lab.path("state"));
    let output =
        command.args(["-m", "sh", "-c", script]).arg(program).arg(server.url("/f")).output().unwrap();
    if output.status.code() == Some(99) || String::from_utf8_lossy(&output.stderr).starts_with("unshare") {
        return println!("skipped: a file system cannot be mounted here");
    }
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "old\nf\nold\n");
    assert_eq!(server.log().exchanges.len(), 0);
}

#[test]
fn a_name_of_255_bytes_is_well() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 2 << 20);
    server.route(
        "/f",
        Route::content(content.clone()).then(Behaviour::Close { after: 1 << 20 }).then(Behaviour::Ok),
    );
    let name = "n".repeat(255);
    assert_eq!(lab.download(&[&server.url("/f"), &name]), 0);
    assert_eq!(lab.read(&name).unwrap(), content.bytes());
    assert!(server.log().of("/f")[1].range_start().is_some(), "its part has a name that fits");
}

#[test]
fn rights_are_those_asked_for_else_the_old_ones_else_by_the_umask() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let program = lab.command(&[]).get_program().to_owned();
    let mode = |args: &str| {
        let script = format!("umask 027; exec \"$0\" download \"$1\" f {args}");
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(script).arg(&program).arg(server.url("/f"));
        let done = command.current_dir(lab.folder.path()).env("STATE_DIRECTORY", lab.path("state")).output();
        assert!(done.unwrap().status.success());
        std::fs::metadata(lab.path("f")).unwrap().mode() & 0o777
    };
    assert_eq!(mode(""), 0o640);
    assert_eq!(mode("--mode 0755"), 0o755);
    assert_eq!(mode(""), 0o755, "as the file it replaces");
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(2, 1_000);
    server.route("/f", Route::content(content.clone()));
    std::fs::write(lab.path("target"), "precious").unwrap();
    symlink(lab.path("target"), lab.path("f")).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("target").unwrap(), b"precious");
    assert!(std::fs::symlink_metadata(lab.path("f")).unwrap().is_file());
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}
