//! Servers that must prove who they are.

use tests::server::certificates::{Authority, Identity};
use tests::server::{Behaviour, Content, Proxy, Route, Server, Tls};

use crate::lab::Lab;

/// `download ARGS` with one authority trusted, and its exit code.
fn download(lab: &Lab, authority: &Authority, args: &[&str]) -> i32 {
    let roots = lab.path("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let mut command = lab.command(&[&["download"], args].concat());
    command.env("SSL_CERT_FILE", &roots).output().unwrap().status.code().unwrap()
}

#[test]
fn https_never_leads_to_http() {
    let (lab, authority, plain) = (Lab::new(), Authority::new(), Server::start());
    let secure = Server::builder().tls(Tls::With(authority.identity())).start();
    let content = Content::seeded(1, 5_000);
    plain.route("/f", Route::content(content.clone()));
    secure.route("/down", Route::only(Behaviour::redirect(plain.url("/f"))));
    secure.route("/f", Route::content(content.clone()));
    plain.route("/up", Route::only(Behaviour::redirect(secure.url("/f"))));
    assert_eq!(download(&lab, &authority, &[&secure.url("/down"), "f"]), 1);
    assert!(lab.read("f").is_none());
    assert_eq!(plain.log().of("/f").len(), 0, "not even asked");
    assert_eq!(secure.log().of("/down").len(), 1, "not tried again");
    assert_eq!(download(&lab, &authority, &[&plain.url("/up"), "f"]), 0, "the other way is well");
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn a_certificate_that_is_not_trusted_is_asked_once() {
    let authority = Authority::new();
    for identity in [Identity::self_signed(), authority.expired(), authority.for_another_host()] {
        let lab = Lab::new();
        let server = Server::builder().tls(Tls::With(identity)).start();
        server.route("/f", Route::of(10));
        assert_eq!(download(&lab, &authority, &[&server.url("/f"), "f"]), 1);
        let log = server.log();
        assert_eq!((log.connections, log.exchanges.len()), (1, 0), "no retry, and nothing was said");
        assert!(lab.read("f").is_none());
    }
}

#[test]
fn a_handshake_that_is_cut_is_tried_again() {
    let (lab, authority) = (Lab::new(), Authority::new());
    let server = Server::builder().tls(Tls::CutFirst { times: 2, then: authority.identity() }).start();
    server.route("/f", Route::of(1_000));
    assert_eq!(download(&lab, &authority, &[&server.url("/f"), "f"]), 0);
    assert_eq!(server.log().connections, 3);
}

/// Whoever sits in between can cut a connection, but not say goodbye in TLS's name.
#[test]
fn a_connection_cut_without_goodbye_is_no_end_of_a_file() {
    let (lab, authority) = (Lab::new(), Authority::new());
    let server = Server::builder().tls(Tls::With(authority.identity())).start();
    let cut = Behaviour::NoLength.and(Behaviour::Reset { after: 500 });
    server.route("/f", Route::of(1_000).then(cut));
    assert_eq!(download(&lab, &authority, &[&server.url("/f"), "f", "--retries", "2"]), 1);
    assert!(lab.read("f").is_none());
}

#[test]
fn a_certificate_that_is_itself_trusted_is_good_for_its_own_name() {
    for (names, code) in
        [(["localhost", "127.0.0.1"], 0), (["elsewhere.example.com", "other.example.com"], 1)]
    {
        let lab = Lab::new();
        let (identity, pem) = Identity::of_an_own_authority(&names);
        let server = Server::builder().tls(Tls::With(identity)).start();
        server.route("/f", Route::of(10));
        std::fs::create_dir(lab.path("roots")).unwrap();
        std::fs::write(lab.path("roots/0.pem"), pem).unwrap();
        let folders = format!("/no/such/folder:{}", lab.path("roots").display());
        for (variable, value) in
            [("SSL_CERT_FILE", lab.path("roots/0.pem").into()), ("SSL_CERT_DIR", folders.into())]
        {
            let value: std::ffi::OsString = value;
            let mut command = lab.command(&["download", &server.url("/f"), "f"]);
            let output = command.env(variable, &value).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{variable} {output:?}");
        }
    }
}

/// What a certificate calls itself is a stranger's text: it reaches a screen, or JSON, only escaped.
#[test]
fn names_in_a_certificate_are_seen_and_no_more() {
    let authority = Authority::new();
    let names: [&[u8]; 3] =
        [b"a\x1b]0;x\x07\nINFO: all is well", "\u{202e}moc.\u{200b}x".as_bytes(), b"\x9b1m\xff"];
    let subject = "s\u{1b}[31m\u{202e}\u{2028}";
    let hostile = || authority.for_raw_names(&names, subject);
    let server = Server::builder().tls(Tls::With(hostile())).start();
    let proxy = Proxy::over_tls(server.address(), &hostile());
    let url = server.url("/f");
    let download = ["download", &url, "f"];
    for (what, args, through) in [
        ("download", &download[..], None),
        ("clone", &["git", "clone", &url, "dest"], None),
        ("connectivity", &["connectivity", &url], None),
        ("proxy", &download, Some(proxy.url())),
        ("clone by proxy", &["git", "clone", &url, "dest"], Some(proxy.url())),
    ] {
        for form in [&[] as &[&str], &["-vv"], &["--json"], &["--color", "always"]] {
            let lab = Lab::new();
            std::fs::write(lab.path("roots.pem"), authority.pem()).unwrap();
            let mut command = lab.command(&[form, args].concat());
            command.env("SSL_CERT_FILE", lab.path("roots.pem"));
            if let Some(proxy) = &through {
                command.env("https_proxy", proxy);
            }
            let output = command.output().unwrap();
            let code = if what == "connectivity" { 5 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{what} {form:?}: {output:?}");
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            // Our own colours are all that there is of escapes.
            let said =
                ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m\x1b[31m"]
                    .iter()
                    .fold(
                        said,
                        |said, colour| {
                            if form.contains(&"--color") { said.replace(colour, "") } else { said }
                        },
                    );
            let is_odd = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{2028}".contains(c);
            assert!(!said.contains(is_odd), "{what} {form:?}: {said:?}");
            assert!(
                !said.lines().any(|line| line.starts_with("INFO: all is well")),
                "{what} {form:?}: {said}"
            );
            let seen = if form.contains(&"--json") { r"\\u{1b}]0;x\\u{7}" } else { r"\u{1b}]0;x\u{7}" };
            assert!(said.contains("certificate") && said.contains(seen), "{what} {form:?}: {said}");
        }
    }
}
