//! Planted secrets, and everywhere they must not be.

use std::fs;
use std::path::Path;

use tests::server::{Behaviour, Content, Gate, Route, Server};

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
    let hold = Behaviour::Hold { after: 1_000, gate: gate.clone() };
    server.route("/f", Route::of(50_000).then(hold).then(Behaviour::status(500)));
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
