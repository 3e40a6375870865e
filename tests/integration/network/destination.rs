//! DEST: what it may be, and what is never done to it.

use std::process::Command;

use tests::server::{Behaviour, Content, Route, Server};

use crate::lab::Lab;

#[test]
fn what_is_right_already_is_not_fetched() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 5_000);
    server.route("/f", Route::content(content.clone()));
    std::fs::write(lab.path("f"), content.bytes()).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--sha256", &content.sha256()]), 0);
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--no-clobber"]), 0);
    assert_eq!(server.log().exchanges.len(), 0);
}

#[test]
fn impossible_destinations_are_refused() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    assert!(Command::new("mkfifo").arg(lab.path("fifo")).status().unwrap().success());
    assert_eq!(lab.download(&[&server.url("/f"), "fifo"]), 7);
    assert_eq!(lab.download(&[&server.url("/f"), "missing/f"]), 7);
    assert_eq!(lab.download(&[&server.url("/f"), "/dev/null"]), 7);
    assert_eq!(lab.download(&["ftp://example.com/f", "f"]), 2);
    assert_eq!(lab.download(&[&server.url("/")]), 2, "a URL without a file name needs a DEST");
    assert_eq!(server.log().exchanges.len(), 0, "before any request");
    std::fs::create_dir(lab.path("folder")).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "folder"]), 0);
    assert!(lab.path("folder/f").is_file());
}

#[test]
fn standard_output_gets_all_or_nothing() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(2, 300_000);
    server.route(
        "/f",
        Route::content(content.clone()).then(Behaviour::Close { after: 1_000 }).then(Behaviour::Ok),
    );
    let output = lab.run(&["-q", "download", &server.url("/f"), "-"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == content.bytes(), "the file and nothing else");
    server.route("/g", Route::content(content).then(Behaviour::Close { after: 1_000 }));
    let output = lab.run(&["-q", "download", &server.url("/g"), "-", "--retries", "1"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
}

#[test]
fn a_full_disk_is_not_retried() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(4 << 20));
    let small = lab.path("small");
    std::fs::create_dir(&small).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&small).output().unwrap();
    if !mounted.status.success() {
        tests::skip("a small file system cannot be mounted here");
        return;
    }
    let code = lab.download(&[&server.url("/f"), "small/f"]);
    let left = std::fs::read_dir(&small).unwrap().count();
    let unmounted = Command::new("umount").arg(&small).status().unwrap();
    assert_eq!(code, 7);
    assert_eq!(server.log().of("/f").len(), 1);
    assert_eq!(left, 0, "nothing is left behind");
    assert!(unmounted.success());
}

#[test]
fn a_closed_standard_output_is_an_error_before_any_request() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let program = lab.command(&[]).get_program().to_owned();
    for (redirection, code, requests) in [(">&-", 7, 0), (">/dev/null", 0, 1)] {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec \"$0\" download \"$1\" - {redirection}"));
        command.arg(&program).arg(server.url("/f")).current_dir(lab.folder.path());
        let output = command.env("STATE_DIRECTORY", lab.path("state")).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(server.log().exchanges.len(), requests, "{redirection}");
    }
}

#[test]
fn a_url_without_a_host_is_a_usage_error_everywhere() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    let url = server.url("/f");
    for wrong in ["http:///f", "http:/f", "http:f", "http:\\\\f"] {
        assert_eq!(lab.download(&[wrong, "f"]), 2, "{wrong}");
        assert_eq!(lab.download(&[&url, "f", "--mirror", wrong]), 2, "{wrong}");
        assert_eq!(lab.download(&[&url, "f", "--checksum", wrong]), 2, "{wrong}");
    }
    assert_eq!(server.log().exchanges.len(), 0);
}

#[test]
fn a_link_to_the_right_file_is_right_and_one_to_nothing_is_no_file_to_keep() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 5_000);
    server.route("/f", Route::content(content.clone()));
    std::fs::write(lab.path("real"), content.bytes()).unwrap();
    std::os::unix::fs::symlink("real", lab.path("link")).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "link", "--sha256", &content.sha256()]), 0);
    assert!(std::fs::symlink_metadata(lab.path("link")).unwrap().is_symlink());
    std::os::unix::fs::symlink("nowhere", lab.path("dangling")).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "dangling", "--no-clobber"]), 7);
    assert_eq!(server.log().exchanges.len(), 0);
}
