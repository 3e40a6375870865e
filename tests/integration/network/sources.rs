//! Where bytes come from: mirrors, redirects, lists of checksums.

use tests::server::{Behaviour, Content, Route, Server};

use crate::lab::Lab;

#[test]
fn mirrors_are_tried() {
    let (lab, first, second) = (Lab::new(), Server::start(), Server::start());
    let content = Content::seeded(1, 50_000);
    first.route("/f", Route::only(Behaviour::status(404)));
    second.route("/f", Route::content(content.clone()));
    let digest = content.sha256();
    assert_eq!(lab.download(&[&first.url("/f"), "f", "--mirror", &second.url("/f"), "--sha256", &digest]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(first.log().of("/f").len(), 1);
}

#[test]
fn a_mirror_that_lies_is_left() {
    let (lab, liar, honest) = (Lab::new(), Server::start(), Server::start());
    let content = Content::seeded(2, 50_000);
    liar.route("/f", Route::content(content.clone()).then(Behaviour::WrongByte { at: 100 }));
    honest.route("/f", Route::content(content.clone()));
    let digest = content.sha256();
    assert_eq!(lab.download(&[&liar.url("/f"), "f", "--mirror", &honest.url("/f"), "--sha256", &digest]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn redirects_have_their_rules() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(3, 5_000);
    server.route("/f", Route::content(content.clone()));
    server.route("/old", Route::only(Behaviour::redirect(server.url("/f"))));
    server.route("/file", Route::only(Behaviour::redirect("file:///etc/passwd")));
    server.route("/loop", Route::only(Behaviour::RedirectLoop));
    assert_eq!(lab.download(&[&server.url("/old"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(lab.download(&[&server.url("/file"), "g"]), 1);
    assert_eq!(server.log().of("/file").len(), 1, "not tried again");
    assert_eq!(lab.download(&[&server.url("/loop"), "g"]), 1);
    assert!(server.log().of("/loop").len() <= 11);
    assert!(lab.read("g").is_none());
}

#[test]
fn other_digests_and_lists_are_understood() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(4, 5_000);
    server.route("/f", Route::content(content.clone()));
    let list = format!("{}  other\n{} *f\n", "0".repeat(64), content.sha256());
    server.route("/SHA256SUMS", Route::content(Content::fixed(list)));
    let sums = server.url("/SHA256SUMS");
    assert_eq!(lab.download(&[&server.url("/f"), "a", "--sha512", &content.sha512()]), 0);
    assert_eq!(lab.download(&[&server.url("/f"), "b", "--checksum", &sums]), 0);
    assert_eq!(
        lab.download(&[&server.url("/f"), "c", "--checksum", &format!("blake3:{}", "0".repeat(64))]),
        6
    );
    assert_eq!(lab.read("b").unwrap(), content.bytes());
    assert!(lab.read("c").is_none());
}

#[test]
fn a_list_that_is_of_no_use_says_so() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::content(Content::seeded(4, 5_000)));
    server.route("/others", Route::content(Content::fixed(format!("{}  other\n", "0".repeat(64)))));
    server.route("/binary", Route::content(Content::fixed([0xff; 100])));
    server.route("/gone", Route::only(Behaviour::status(404)));
    let error = |list: &str| {
        let list = server.url(list);
        let output = lab.run(&["download", &server.url("/f"), "g", "--checksum", &list]);
        let said = String::from_utf8(output.stderr).unwrap();
        let (_, error) = said.split_once("error: ").unwrap();
        // Its dead letter has a name of its own.
        let error = error.lines().filter(|line| !line.contains("dead letter"));
        let error: String = error.map(|line| format!("{line}\n")).collect();
        (output.status.code(), error.replace(&list, "LIST"))
    };
    assert_eq!(error("/others"), (Some(6), "the checksum file has no line for `f`\n".to_owned()));
    let unreadable = "the list of checksums cannot be read: it is not text\n";
    assert_eq!(error("/binary"), (Some(6), unreadable.to_owned()));
    let (code, gone) = error("/gone");
    assert_eq!(code, Some(1));
    assert!(
        gone.starts_with("could not download LIST (1 attempt)\n  caused by: the server answered 404"),
        "{gone}"
    );
    assert!(gone.ends_with("hint: check the URL\n"), "{gone}");
    assert!(server.log().of("/f").is_empty() && lab.read("g").is_none());
}

#[test]
fn lists_are_read_as_they_are_published() {
    let (lab, server) = (Lab::new(), Server::start());
    let (one, two) = (Content::seeded(5, 5_000), Content::seeded(6, 5_000));
    server.route("/i/net/f", Route::content(one.clone()));
    server.route("/i/net/gtk/f", Route::content(two.clone()));
    let list =
        format!("\u{feff}{}  ./net/gtk/f\n{}  ./net/f\n{}  caf", two.sha256(), one.sha256(), one.sha256());
    server.route("/i/SUMS", Route::content(Content::fixed([list.as_bytes(), b"\xe9\n"].concat())));
    server.route("/i/MD5SUMS", Route::content(Content::fixed(format!("{}  f\n", "0".repeat(32)))));
    for (path, content) in [("/i/net/f", &one), ("/i/net/gtk/f", &two)] {
        assert_eq!(
            lab.download(&[&server.url(path), "f", "--checksum", &server.url("/i/SUMS")]),
            0,
            "{path}"
        );
        assert_eq!(lab.read("f").unwrap(), content.bytes());
    }
    let output =
        lab.run(&["download", &server.url("/i/net/f"), "g", "--checksum", &server.url("/i/MD5SUMS")]);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("only a MD5 digest"), "{output:?}");
}
