//! How it goes on, is told of, and ends.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tests::server::{Route, Server};
use tests::wait_until;

use super::{Reply, Serving, configure};
use crate::lab::Lab;

#[test]
fn a_signal_ends_it_cleanly_and_is_how_it_ends() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let lab = Lab::new();
        configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
        let serving = Serving::start(&lab, &[]);
        assert!(serving.line.starts_with("listening on http://127.0.0.1:"), "{}", serving.line);
        assert!(serving.line.ends_with("/ (Ctrl-C stops)\n"), "{}", serving.line);
        let said = serving.stop(signal);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{}", said.err);
    }
}

#[test]
fn who_is_being_answered_is_answered_and_who_is_silent_is_not_waited_for_long() {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    let serving = Serving::start(&lab, &[]);
    // It has asked half; the stop leaves it the time to ask the rest.
    let mut slow = serving.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").unwrap();
    assert_eq!(serving.get("/healthz").code, 200, "it was taken before this one");
    let address = serving.address();
    serving.signal(Signal::TERM);
    wait_until("the listener to close", || std::net::TcpStream::connect(address).is_err().then_some(()));
    slow.write_all(b"alhost\r\n\r\n").unwrap();
    assert_eq!(Reply::read(slow).code, 200);
    let silent_is_cut = serving.stop(Signal::CONT);
    assert_eq!(silent_is_cut.code, 143, "{}", silent_is_cut.err);
}

#[test]
fn as_json_one_line_says_where() {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    let serving = Serving::start(&lab, &["--json"]);
    let value: serde_json::Value = serde_json::from_str(&serving.line).unwrap();
    let _ = tests::schema::check(&value);
    assert_eq!(value["listening"], format!("http://{}/", serving.address()));
    assert_eq!(value["pid"], serving.id());
}

#[test]
fn a_service_manager_hears_of_start_life_state_and_end() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let path = lab.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let serving = Serving::start_with(&lab, &variables, &["--listen", "127.0.0.1:0"]);
    let hear = || {
        let mut bytes = [0; 4096];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1", "first, and once it listens");
    let until = |wanted: &str| {
        // Each is a datagram of its own.
        while hear() != wanted {}
    };
    until("STATUS=the 1 service is HEALTHY");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    serving.signal(Signal::TERM);
    until("STOPPING=1");
    assert_eq!(serving.stop(Signal::CONT).code, 143);
}

#[test]
fn the_watchdog_of_another_process_is_not_ours() {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    let path = lab.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let variables =
        [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let serving = Serving::start_with(&lab, &variables, &["--listen", "127.0.0.1:0"]);
    wait_until("a look", || serving.get("/").body.contains("failing").then_some(()));
    assert_eq!(serving.stop(Signal::TERM).code, 143);
    socket.set_nonblocking(true).unwrap();
    let mut bytes = [0; 4096];
    while let Ok(count) = socket.recv(&mut bytes) {
        assert_ne!(&bytes[..count], b"WATCHDOG=1");
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_thousand_connections_at_once_are_all_answered_in_little_memory() {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 2_000) {
        return tests::skip("not enough descriptors for a thousand connections");
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    configure(&lab, &[("mirror", &server.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    assert_eq!(serving.get("/").code, 200);
    let before = resident_kib(serving.id());
    let mut all: Vec<_> = (0..1_000).map(|_| serving.connect()).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", serving.address());
    // The first ones hold all places until they have asked, and they ask last.
    for stream in all.iter_mut().rev() {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let more = resident_kib(serving.id()).saturating_sub(before);
    let answered = all.into_iter().map(Reply::read).filter(|reply| reply.code == 200).count();
    assert_eq!(answered, 1_000);
    let more = more.max(resident_kib(serving.id()).saturating_sub(before));
    assert!(more < 16 * 1024, "{more} KiB");
    assert_eq!(serving.get("/healthz").code, 200);
}
