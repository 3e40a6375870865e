//! Who is answered.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Serving, configure};
use crate::lab::Lab;
use crate::said::run;

const TOKEN: &str = "canary-correct-horse-battery";
/// Of `anybody:canary-correct-horse-battery`.
const BASIC: &str = "YW55Ym9keTpjYW5hcnktY29ycmVjdC1ob3JzZS1iYXR0ZXJ5";

fn with_token() -> Lab {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    std::fs::write(lab.path("token"), format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(lab.path("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    lab
}

#[test]
fn only_get_and_head_are_there() {
    let lab = with_token();
    let serving = Serving::start(&lab, &[]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        for path in ["/", "/api/status", "/healthz", "/missing"] {
            let got = serving.ask(method, path, "");
            assert_eq!((got.code, got.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
}

#[test]
fn a_name_of_somebody_else_gets_nothing_to_see() {
    let lab = with_token();
    let serving = Serving::start(&lab, &["--allow-host", "status.example.com"]);
    let hosts = |hosts: &[&str], path: &str| {
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        serving.say(&format!("GET {path} HTTP/1.1\r\n{hosts}\r\n"))
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]", "Status.Example.com:443"] {
        assert_eq!(hosts(&[host], "/").code, 200, "{host}");
    }
    for path in ["/", "/api/status", "/metrics", "/healthz", "/missing"] {
        for host in ["evil.example", "evil.example:9469", "192.0.2.1"] {
            let got = hosts(&[host], path);
            assert_eq!(got.code, 421, "{host} {path}");
            assert!(!got.body.contains("mirror") && !got.body.contains("evil"), "{}", got.body);
        }
        assert_eq!(hosts(&[], path).code, 400);
        assert_eq!(hosts(&["localhost", "evil.example"], path).code, 400);
        assert_eq!(hosts(&["localhost", "localhost"], path).code, 400);
    }
    assert_eq!(hosts(&["localhost"], "http://evil.example/").code, 421);
}

#[test]
fn a_body_and_a_head_without_end_are_refused() {
    let lab = with_token();
    let serving = Serving::start(&lab, &[]);
    assert_eq!(serving.ask("GET", "/", "Content-Length: 0\r\n").code, 200);
    assert_eq!(serving.ask("GET", "/", "Content-Length: 5\r\n").code, 413);
    // All of it is sent, and the answer still heard.
    let body = format!("Content-Length: 50000\r\n\r\n{}", "x".repeat(50_000));
    assert_eq!(serving.ask("GET", "/", &body).code, 413);
    assert_eq!(serving.ask("GET", "/", "Transfer-Encoding: chunked\r\n").code, 413);
    let bomb = format!("X-Bomb: {}\r\n", "x".repeat(30_000));
    assert_eq!(serving.ask("GET", "/", &bomb).code, 431);
    assert_eq!(serving.ask("GET", "/", &"a: b\r\n".repeat(1_000)).code, 431);
    let long = format!("/{}", "x".repeat(30_000));
    assert!([414, 431].contains(&serving.get(&long).code));
    assert_eq!(serving.say("\u{16}\u{3}\u{1} is no HTTP\r\n\r\n").code, 400);
    assert_eq!(serving.get("/healthz").code, 200);
}

#[test]
fn who_asks_byte_by_byte_holds_a_place_for_five_seconds_and_no_longer() {
    let lab = with_token();
    let serving = Serving::start(&lab, &[]);
    // All places there are; who is connected first is taken first.
    let mut slow: Vec<_> = (0..64).map(|_| serving.connect()).collect();
    let began = Instant::now();
    let (is_answered, served) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for letter in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
                if is_answered.load(Ordering::Relaxed) {
                    return;
                }
                // One that was cut takes no more.
                slow.iter_mut().for_each(|stream| drop(stream.write_all(&[*letter])));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        served.store(serving.get("/healthz").code == 200, Ordering::Relaxed);
        is_answered.store(true, Ordering::Relaxed);
    });
    let took = began.elapsed().as_secs_f64();
    assert!(served.into_inner());
    assert!((4.5..9.5).contains(&took), "{took} s");
    for stream in &mut slow {
        let mut said = Vec::new();
        // Cut while something of it was unread, it is reset.
        let _ = stream.read_to_end(&mut said);
        assert_eq!(said, b"");
    }
}

#[test]
fn beyond_this_machine_a_token_is_needed() {
    let lab = with_token();
    let serve = |more: &[&str]| run(&lab, &[&["--config", "config.yaml", "serve"], more].concat());
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let said = serve(&["--listen", address]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("needs --token-file") && said.err.contains(address), "{}", said.err);
    }
    std::fs::write(lab.path("empty"), "\n").unwrap();
    std::fs::write(lab.path("open"), TOKEN).unwrap();
    std::fs::set_permissions(lab.path("open"), std::fs::Permissions::from_mode(0o666)).unwrap();
    for file in ["empty", "open", "missing", "."] {
        let said = serve(&["--listen", "0.0.0.0:0", "--token-file", file]);
        assert_eq!(said.code, 7, "{file}: {}", said.err);
        assert!(said.err.contains("token file") && !said.err.contains("canary"), "{}", said.err);
    }
    let serving = Serving::start_with(&lab, &[], &["--listen", "0.0.0.0:0", "--token-file", "token"]);
    let port = serving.address().port();
    assert!(port > 0 && serving.line.starts_with("listening on http://0.0.0.0:"), "{}", serving.line);
    let said = serving.stop(rustix::process::Signal::TERM);
    assert!(said.err.contains("plain text") && !said.err.contains("canary"), "{}", said.err);
}

#[test]
fn without_the_token_only_whether_we_live_is_said() {
    let lab = with_token();
    let serving = Serving::start(&lab, &["--token-file", "token"]);
    for path in ["/", "/style.css", "/app.js", "/api/status", "/metrics", "/readyz", "/missing"] {
        for head in [
            String::new(),
            "Authorization: Bearer wrong\r\n".to_owned(),
            format!("Authorization: Bearer {TOKEN}x\r\n"),
            format!("Authorization: {TOKEN}\r\n"),
            "Authorization: Basic YW55Ym9keTp3cm9uZw==\r\n".to_owned(),
        ] {
            let got = serving.ask("GET", path, &head);
            assert_eq!(got.code, 401, "{path} {head}");
            let ways = got.headers("www-authenticate").join(" ");
            assert!(ways.contains("Bearer realm=") && ways.contains("Basic realm="), "{ways}");
            assert!(!got.body.contains("mirror"));
        }
    }
    assert_eq!(serving.get("/healthz").code, 200);
    for head in [format!("Authorization: Bearer {TOKEN}\r\n"), format!("Authorization: Basic {BASIC}\r\n")] {
        assert_eq!(serving.ask("GET", "/", &head).code, 200, "{head}");
        assert_eq!(serving.ask("GET", "/missing", &head).code, 404, "{head}");
    }
    // Whose page it is comes first.
    let foreign = format!("GET / HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    assert_eq!(serving.say(&foreign).code, 421);
}
