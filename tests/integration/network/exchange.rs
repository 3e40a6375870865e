//! What is asked, and what an answer is worth.

use tests::server::{Behaviour, Content, Gate, Proxy, Route, Server};

use crate::lab::Lab;

const SIZE: u64 = 2 << 20;

#[test]
fn another_process_never_sees_half_a_file() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, SIZE);
    let gates: Vec<Gate> = (0..4).map(|_| Gate::new()).collect();
    let held =
        gates.iter().zip(1..).map(|(gate, at)| Behaviour::Hold { after: at * SIZE / 4, gate: gate.clone() });
    server.route("/f", Route::content(content.clone()).then(Behaviour::All(held.collect())));
    std::fs::write(lab.path("f"), "as it was").unwrap();
    let mut child = lab.start(&["download", &server.url("/f"), "f"]);
    for gate in gates {
        gate.wait_until_reached();
        assert_eq!(lab.read("f").unwrap(), b"as it was");
        gate.open();
    }
    // Until its end, whatever is there is the old file or the new one.
    while child.try_wait().unwrap().is_none() {
        let seen = lab.read("f").unwrap();
        assert!(seen == b"as it was" || seen == content.bytes(), "{} bytes", seen.len());
    }
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn identity_is_asked_for_and_nobody_learns_who_sent_us() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(SIZE).then(Behaviour::Close { after: SIZE / 2 }).then(Behaviour::Ok));
    server.route("/old", Route::only(Behaviour::redirect(server.url("/f"))));
    assert_eq!(lab.download(&[&server.url("/old?token=c4n4ry"), "f"]), 0);
    let log = server.log();
    assert!(log.exchanges.len() >= 4, "asked again, from the origin");
    for exchange in &log.exchanges {
        assert_eq!(exchange.request.header("accept-encoding"), Some("identity"), "{exchange}");
        assert_eq!(exchange.request.header("referer"), None, "{exchange}");
    }
}

#[test]
fn not_satisfiable_with_the_right_total_is_complete() {
    for right in [true, false] {
        let (lab, server) = (Lab::new(), Server::start());
        let content = Content::seeded(2, SIZE);
        // Everything comes but the end: in chunks nothing else says how long it is.
        let mut route = Route::content(content.clone()).then(Behaviour::ChunkedCut { after: SIZE });
        if !right {
            route = route.then(Behaviour::Unsatisfiable { total: Some(SIZE - 1) });
        }
        server.route("/f", route.then(Behaviour::Ok));
        assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0, "right: {right}");
        assert_eq!(lab.read("f").unwrap(), content.bytes());
        let log = server.wait_for("the end", |log| log.open == 0);
        assert_eq!(log.of("/f")[1].status, 416);
        assert_eq!(log.of("/f").len(), if right { 2 } else { 3 }, "{log}");
        assert!(right || log.of("/f")[2].range_start().is_none(), "{log}");
    }
}

#[test]
fn a_changed_total_restarts() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(3, SIZE);
    let route = Route::content(content.clone()).then(Behaviour::Close { after: SIZE / 2 });
    server.route("/f", route.then(Behaviour::RangeTotalChanged { total: SIZE + 5 }).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert!(server.log().of("/f")[2].range_start().is_none(), "from zero");
}

/// A server may give less than the rest: without a length nothing would tell that more was to come.
#[test]
fn a_rest_without_a_total_is_not_taken_for_the_file() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(4, SIZE);
    let cut = Behaviour::ChunkedCut { after: SIZE / 2 };
    let (from, last) = (SIZE / 2, SIZE / 2 + 99_999);
    let short = Behaviour::header("Content-Range", format!("bytes {from}-{last}/*")).and(Behaviour::Chunked);
    server.route("/f", Route::content(content.clone()).then(cut).then(short).then(Behaviour::Ok));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert!(server.log().of("/f")[2].range_start().is_none(), "from zero: {}", server.log());
}

#[test]
fn a_date_is_a_validator_only_when_it_has_settled() {
    for (modified, settled) in
        [("Sun, 06 Nov 1994 08:00:00 GMT", true), ("Sun, 06 Nov 1994 08:59:30 GMT", false)]
    {
        let (lab, server) = (Lab::new(), Server::start());
        let content = Content::seeded(5, SIZE);
        let route = Route::content(content.clone()).without_etag().last_modified(modified);
        let route = route.date("Sun, 06 Nov 1994 09:00:00 GMT").then(Behaviour::Close { after: SIZE / 2 });
        server.route("/f", route.then(Behaviour::Ok));
        assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
        assert_eq!(lab.read("f").unwrap(), content.bytes());
        let log = server.log();
        assert_eq!(log.of("/f")[1].request.header("if-range"), settled.then_some(modified));
        assert_eq!(log.of("/f")[1].range_start().is_some(), settled);
    }
}

#[test]
fn without_a_length_a_digest_decides_else_there_is_a_warning() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(6, 50_000);
    server.route("/f", Route::content(content.clone()).then(Behaviour::NoLength));
    let cut = Behaviour::NoLength.and(Behaviour::Close { after: 20_000 });
    server.route("/cut", Route::content(content.clone()).then(cut));
    let run = |args: &[&str]| {
        let output = lab.run(&[&["download"], args].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&[&server.url("/f"), "a"]);
    assert!(code == Some(0) && said.contains("did not say how long"), "{said}");
    let (code, said) = run(&[&server.url("/f"), "b", "--sha256", &content.sha256()]);
    assert!(code == Some(0) && !said.contains("did not say how long"), "{said}");
    assert_eq!(run(&[&server.url("/cut"), "c", "--sha256", &content.sha256()]).0, Some(6));
    assert!(lab.read("c").is_none());
}

#[test]
fn what_comes_beyond_the_length_is_not_stored() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(7, 50_000);
    server.route("/f", Route::content(content.clone()).then(Behaviour::MoreThanLength { extra: 500 }));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), content.bytes());
}

#[test]
fn an_error_for_good_leaves_no_part() {
    let (lab, server) = (Lab::new(), Server::start());
    server
        .route("/f", Route::of(SIZE).then(Behaviour::Close { after: SIZE / 2 }).then(Behaviour::status(404)));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 1);
    assert_eq!(server.log().of("/f").len(), 2);
    assert!(!lab.path(".f.part").exists() && !lab.path(".f.part.json").exists());
}

#[test]
fn a_cut_leaves_a_part_with_a_record_without_secrets() {
    let (lab, server) = (Lab::new(), Server::start());
    server
        .route("/f", Route::of(SIZE).then(Behaviour::Close { after: SIZE / 2 }).then(Behaviour::status(500)));
    assert_eq!(lab.download(&[&server.url("/f?token=c4n4ry"), "f", "--retries", "2"]), 1);
    assert_eq!(std::fs::metadata(lab.path(".f.part")).unwrap().len(), SIZE / 2);
    let record = std::fs::read_to_string(lab.path(".f.part.json")).unwrap();
    for word in ["validator", "total", "synced", "seal"] {
        assert!(record.contains(word), "{record}");
    }
    assert!(!record.contains("c4n4ry"));
}

#[test]
fn credentials_come_from_netrc() {
    let (lab, server) = (Lab::new(), Server::start());
    let accept = "Basic YW5uOnMzY3IzdA==".to_owned();
    server.route("/f", Route::of(10).then(Behaviour::AuthRequired { accept: accept.clone() }));
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 1);
    std::fs::write(lab.path(".netrc"), "machine 127.0.0.1 login ann password s3cr3t\n").unwrap();
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(lab.path(".netrc"), rights).unwrap();
    assert_eq!(lab.download(&[&server.url("/f"), "f"]), 0);
    assert_eq!(server.authorizations("/f"), [accept]);
}

#[test]
fn proxies_come_from_the_environment() {
    let (lab, server) = (Lab::new(), Server::start());
    let proxy = Proxy::start(server.address());
    server.route("/f", Route::of(1_000));
    let url = proxy.url().replace("http://", "http://user:c4n4ry@");
    let output = |asked: &str, none: &str| {
        let mut command = lab.command(&["-vv", "download", asked, "f"]);
        command.env("http_proxy", &url).env("no_proxy", none).output().unwrap()
    };
    let through = output("http://files.example.com/f", "");
    assert!(through.status.success(), "{through:?}");
    assert_eq!(proxy.seen().len(), 1);
    assert!(!String::from_utf8_lossy(&through.stderr).contains("c4n4ry"));
    assert!(output(&server.url("/f"), "127.0.0.1").status.success());
    assert_eq!(proxy.seen().len(), 1, "not for those it is not for");
}

/// A server of one answer for each connection, as odd as it likes.
fn answers(with: impl Fn(usize) -> Vec<u8> + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/f", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = std::io::Write::write_all(&mut stream, &with(number));
        }
    });
    url
}

#[test]
fn odd_headers_that_nobody_needs_are_passed_over() {
    for odd in ["X-A : b", "Set-Cookie: a=\x7fb", "X-A: a\x01b", "X-A: a\r\n b", "X A: b"] {
        let lab = Lab::new();
        let url = answers(move |_| {
            format!("HTTP/1.1 200 OK\r\n{odd}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                .into_bytes()
        });
        assert_eq!(lab.download(&[&url, "f"]), 0, "{odd:?}");
        assert_eq!(lab.read("f").unwrap(), b"ok");
    }
    let lab = Lab::new();
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let url = answers(move |_| two.as_bytes().to_vec());
    assert_eq!(lab.download(&[&url, "f"]), 1);
}

#[test]
fn a_broken_chunk_is_asked_for_again() {
    let lab = Lab::new();
    let url = answers(|number| {
        let chunk = if number == 0 { "zz\r\nok" } else { "2\r\nok\r\n0\r\n\r\n" };
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}")
            .into_bytes()
    });
    assert_eq!(lab.download(&[&url, "f"]), 0);
    assert_eq!(lab.read("f").unwrap(), b"ok");
}

#[test]
fn parts_of_the_servers_own_size_are_put_together() {
    let lab = Lab::new();
    let content = Content::seeded(8, 1 << 20).bytes();
    let whole = content.clone();
    let url = answers(move |number| {
        let total = whole.len();
        let (first, last) =
            if number == 0 { (0, total) } else { ((4 + number) * (64 << 10), (5 + number) * (64 << 10)) };
        let head = match number {
            0 => "200 OK\r\n".to_owned(),
            _ => format!("206 Partial Content\r\nContent-Range: bytes {first}-{}/{total}\r\n", last - 1),
        };
        let length = last - first;
        let head =
            format!("HTTP/1.1 {head}ETag: \"1\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        // The first is cut.
        let body = if number == 0 { &whole[..5 * (64 << 10)] } else { &whole[first..last] };
        [head.as_bytes(), body].concat()
    });
    let output = lab.run(&["download", &url, "f"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lab.read("f").unwrap(), content);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("circuit"), "{output:?}");
}

#[test]
fn what_is_plainly_no_archive_is_told() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(9, 100);
    let page = || {
        Route::content(content.clone()).then(Behaviour::header("Content-Type", "text/html; charset=utf-8"))
    };
    server.route("/a.tar.gz", page());
    server.route("/a.html", page());
    server.route("/empty.zip", Route::of(0));
    let said = |args: &[&str]| {
        let output = lab.run(&[&["download"], args].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&[&server.url("/a.tar.gz")]).contains("a web page"));
    assert!(said(&[&server.url("/empty.zip")]).contains("is empty"));
    assert!(!said(&[&server.url("/a.html")]).contains("a web page"));
    assert!(!said(&[&server.url("/a.tar.gz"), "b", "--sha256", &content.sha256()]).contains("a web page"));
}

#[test]
fn what_is_no_proxy_is_an_error_and_the_server_is_not_asked() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/f", Route::of(10));
    for wrong in ["http//127.0.0.1:9", "\"http://127.0.0.1:9\"", "htp://127.0.0.1:9", "socks5://127.0.0.1:9"]
    {
        let mut command = lab.command(&["download", &server.url("/f"), "f"]);
        let output = command.env("http_proxy", wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{wrong} {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("`http_proxy`"), "{output:?}");
    }
    assert_eq!(server.log().exchanges.len(), 0);
    let mut command = lab.command(&["download", &server.url("/f"), "f"]);
    let output = command.env("http_proxy", "http://127.0.0.1:9").env("no_proxy", "*").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_the_proxy_does_is_said_of_the_proxy_and_not_held_against_the_host() {
    let lab = Lab::new();
    let denies =
        answers(|_| b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec());
    for (proxy, retried) in [(denies.trim_end_matches("/f"), false), ("http://127.0.0.1:9", true)] {
        let mut command = lab.command(&["download", "https://origin.test/f", "f"]);
        let output = command.env("https_proxy", proxy).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(proxy.trim_start_matches("http://")) && said.contains("no_proxy"), "{said}");
        assert_eq!(said.contains("All 3 attempts failed"), retried, "{said}");
        let status = lab.run(&["circuit-breaker", "status"]);
        assert!(!String::from_utf8_lossy(&status.stdout).contains(" open "), "{status:?}");
    }
}
