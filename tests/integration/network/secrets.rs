//! Planted secrets, and everywhere they must not be.

use std::fs;
use std::path::Path;

use tests::server::{Behaviour, Content, Gate, Proxy, Refusing, Route, Server};
use tests::wait_until;

use crate::lab::Lab;

const CANARY: &str = "c4n4ry";

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            search(&entry.path(), found);
        } else if String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).contains(CANARY) {
            found.push(entry.path().display().to_string());
        }
    }
}

#[test]
fn secrets_appear_nowhere() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    let url = server.url(&format!("/f?token={CANARY}query"));
    let url = url.replace("http://", &format!("http://user:{CANARY}password@"));
    fs::write(lab.path("headers"), format!("Authorization: Bearer {CANARY}header\nX-Token: {CANARY}other\n"))
        .unwrap();
    let hold = Behaviour::Hold { after: 2 << 20, gate: gate.clone() };
    server.route("/f", Route::of(3 << 20).then(hold).then(Behaviour::status(500)));
    let headers = lab.path("headers").display().to_string();
    for format in ["human", "json"] {
        let args = [
            "-vv",
            "--log-format",
            format,
            "download",
            &url,
            "f",
            "--header-file",
            &headers,
            "--timeout",
            "10s",
        ];
        let mut child = lab.start(&args);
        if format == "human" {
            gate.wait_until_reached();
            // What others can see of the process: the URL was typed, so only the header file must not show.
            let line = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
            assert!(!String::from_utf8_lossy(&line).contains(&format!("{CANARY}header")));
            // The part and its record, as soon as they are there.
            wait_until("the record", || lab.path(".f.part.json").exists().then_some(()));
            let mut found = Vec::new();
            search(lab.folder.path(), &mut found);
            assert_eq!(found, [&*headers]);
            gate.open();
        }
        child.wait().unwrap();
        let output = child.wait_with_output().unwrap();
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(!text.contains(CANARY), "{text}");
        }
    }
    let output = lab.run(&["--json", "circuit-breaker", "status"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains(CANARY));
    fs::remove_file(lab.path("headers")).unwrap();
    let mut found = Vec::new();
    search(lab.folder.path(), &mut found);
    assert_eq!(found, [""; 0]);
}

/// `user:c4n4rynetrc` and `user:c4n4ryproxy` as a header carries them.
const ENCODED: [&str; 2] = ["dXNlcjpjNG40cnluZXRyYw==", "dXNlcjpjNG40cnlwcm94eQ=="];

/// Runs it at its most talkative, in both formats, and looks at all that it says and leaves.
fn nothing_shows(lab: &Lab, variables: &[(&str, &str)], args: &[&str], own: &[&str]) {
    for format in ["human", "json"] {
        let mut command = lab.command(&[&["-vv", "--log-format", format], args].concat());
        let output = command.envs(variables.iter().copied()).output().unwrap();
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(![CANARY, ENCODED[0], ENCODED[1]].iter().any(|secret| text.contains(secret)), "{text}");
        }
    }
    let mut found = Vec::new();
    search(lab.folder.path(), &mut found);
    let own: Vec<String> = own.iter().map(|name| lab.path(name).display().to_string()).collect();
    assert_eq!(found, own);
}

#[test]
fn a_netrc_appears_nowhere() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route(
        "/f",
        Route::of(50_000).then(Behaviour::AuthRequired { accept: format!("Basic {}", ENCODED[0]) }),
    );
    server
        .route("/g", Route::of(50_000).then(Behaviour::Close { after: 9_000 }).then(Behaviour::status(403)));
    fs::write(lab.path(".netrc"), format!("machine 127.0.0.1 login user password {CANARY}netrc\n")).unwrap();
    nothing_shows(&lab, &[], &["download", &server.url("/f"), "f"], &[".netrc"]);
    assert!(lab.path("f").exists(), "it was used");
    nothing_shows(&lab, &[], &["download", &server.url("/g"), "g"], &[".netrc"]);
    // One that is not understood is named, not shown.
    fs::write(lab.path(".netrc"), format!("machine 127.0.0.1 {CANARY} login\n")).unwrap();
    nothing_shows(&lab, &[], &["download", &server.url("/f"), "f"], &[".netrc"]);
}

#[test]
fn a_proxys_password_appears_nowhere() {
    let (lab, server, dead) = (Lab::new(), Server::start(), Refusing::start());
    server.route("/f", Route::of(50_000));
    let proxy = Proxy::start(server.address());
    let with_password = |url: String| url.replace("http://", &format!("http://user:{CANARY}proxy@"));
    let through = with_password(proxy.url());
    nothing_shows(&lab, &[("http_proxy", &through)], &["download", "http://example.com/f"], &[]);
    assert!(lab.path("f").exists());
    let through = with_password(dead.url(""));
    for url in ["http://example.com/g", "https://example.com/g"] {
        let variables = [("http_proxy", &*through), ("https_proxy", &*through)];
        nothing_shows(&lab, &variables, &["download", url], &[]);
    }
    let broken = format!("http://user:{CANARY}proxy@[nonsense");
    nothing_shows(&lab, &[("http_proxy", &broken)], &["download", &server.url("/f"), "h"], &[]);
}

#[test]
fn credentials_do_not_leave_their_host() {
    let (lab, first, second) = (Lab::new(), Server::start(), Server::start());
    let content = Content::seeded(1, 1_000);
    second.route("/f", Route::content(content.clone()));
    first.route("/f", Route::only(Behaviour::redirect(second.url("/f"))));
    fs::write(lab.path("headers"), "Authorization: Bearer abc\n").unwrap();
    let headers = lab.path("headers").display().to_string();
    assert_eq!(lab.download(&[&first.url("/f"), "f", "--header-file", &headers]), 0);
    assert_eq!(first.authorizations("/f"), ["Bearer abc"]);
    assert_eq!(second.authorizations("/f"), [""; 0]);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}
