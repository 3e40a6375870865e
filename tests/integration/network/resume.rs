//! Going on where it was, only by proof.

use tests::server::{Behaviour, Content, Gate, Route, Server};

use crate::lab::Lab;

const SIZE: u64 = 4 << 20;

#[test]
fn kill_9_and_again_fetches_only_the_rest() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    let content = Content::seeded(1, SIZE);
    let hold = Behaviour::Hold { after: SIZE / 2, gate: gate.clone() };
    server.route("/f", Route::content(content.clone()).then(hold).then(Behaviour::Ok));
    let mut child = lab.start(&["download", &server.url("/f"), "f", "--sha256", &content.sha256()]);
    gate.wait_until_reached();
    let part = lab.path(".f.part");
    while std::fs::metadata(&part).map_or(0, |meta| meta.len()) < SIZE / 2 {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    assert!(lab.read("f").is_none(), "a killed download leaves no DEST");
    assert_eq!(lab.download(&[&server.url("/f"), "f", "--sha256", &content.sha256()]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    let log = server.wait_for("the end", |log| log.of("/f").len() == 2);
    let again = log.of("/f")[1].clone();
    // What was received is what was counted; at most the last chunk may have been fetched twice.
    assert!(again.range_start().unwrap() >= SIZE / 2 - (1 << 20), "{:?}", again.range_start());
    assert!(log.sent("/f") <= SIZE + (1 << 20), "{} sent for {SIZE}", log.sent("/f"));
}

#[test]
fn a_cut_is_resumed() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(2, SIZE);
    let mut route = Route::content(content.clone());
    // Twelve cuts of one file: each gains enough not to count.
    for part in 1..=12 {
        route = route.then(Behaviour::Close { after: 300 * 1024 });
        let _ = part;
    }
    server.route("/f", route.then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert!(server.log().of("/f").len() >= 13);
    assert!(server.log().of("/f")[1].request.header("if-range").is_some());
}

#[test]
fn a_server_that_ignores_range_restarts() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(3, SIZE);
    let cut = Behaviour::Close { after: SIZE / 2 };
    server.route("/f", Route::content(content.clone()).then(cut).then(Behaviour::IgnoreRange));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn a_changed_file_is_never_spliced() {
    for honest in [true, false] {
        let (lab, server) = (Lab::new(), Server::start());
        let (old, new) = (Content::seeded(4, SIZE), Content::seeded(5, SIZE));
        let changed = Behaviour::Changed { content: new.clone(), etag: Some("\"v2\"".to_owned()) };
        let changed = if honest { changed } else { changed.and(Behaviour::IgnoreIfRange) };
        server.route("/f", Route::content(old).then(Behaviour::Close { after: SIZE / 2 }).then(changed));
        assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0, "honest: {honest}");
        assert_eq!(lab.read("f").unwrap(), new.bytes(), "one version, not two halves; honest: {honest}");
    }
}

#[test]
fn a_weak_etag_is_not_resumed() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(6, SIZE);
    let cut = Behaviour::Close { after: SIZE / 2 };
    server.route("/f", Route::content(content.clone()).etag("W/\"v1\"").then(cut).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert!(server.log().of("/f").iter().all(|exchange| exchange.range_start().is_none()));
}

#[test]
fn a_wrong_content_range_is_never_spliced() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(8, SIZE);
    let route = Route::content(content.clone())
        .then(Behaviour::Close { after: SIZE / 2 })
        .then(Behaviour::WrongContentRange { shift: 7 })
        .then(Behaviour::Ok);
    server.route("/f", route);
    let code = lab.download(&[&server.url("/f"), "f"]);
    match lab.read("f") {
        Some(bytes) => assert!(code == 0 && bytes == content.bytes(), "{code}"),
        None => assert_ne!(code, 0),
    }
}

#[test]
fn a_planted_part_is_not_used() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(9, 100_000);
    server.route("/f", Route::content(content.clone()));
    let victim = lab.path("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, lab.path(".f.part")).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn two_processes_share_one_dest() {
    let (lab, server, gate) = (Lab::new(), Server::start(), Gate::new());
    let content = Content::seeded(10, SIZE);
    let hold = Behaviour::Hold { after: SIZE / 2, gate: gate.clone() };
    server.route("/f", Route::content(content.clone()).then(hold).then(Behaviour::Ok));
    let args = ["download", &server.url("/f"), "f", "--sha256", &content.sha256()];
    let mut first = lab.start(&args);
    gate.wait_until_reached();
    let mut second = lab.start(&args);
    gate.open();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert!(server.log().sent("/f") <= SIZE + 1024, "nothing is fetched twice");
}
