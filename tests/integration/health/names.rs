//! Names: nobody says what they stand for, or one of their addresses leads nowhere.

use std::net::UdpSocket;
use std::time::Instant;

use serde_json::json;
use tests::server::{BlackHole, Route, Server};

use crate::looked_at::{lab_with, look};
use crate::own_network::{V6, is_inside};

#[test]
fn a_name_server_that_is_silent_through_the_whole_look_is_told_of() {
    let hosts = "127.0.0.1 localhost known.example.com\n";
    let test = "names::a_name_server_that_is_silent_through_the_whole_look_is_told_of";
    if !is_inside(test, hosts) {
        return;
    }
    // It takes every question and answers none.
    let nobody = UdpSocket::bind("127.0.0.1:53").unwrap();
    let server = Server::start();
    server.route("/", Route::of(10));
    let port = server.address().port();
    let of = |host: &str| json!({"probe": {"url": format!("http://{host}:{port}/")}});
    let began = Instant::now();
    let lab = lab_with(&json!({"known": of("known.example.com"), "silent": of("silent.example.com")}));
    let said = look(&lab);
    assert!(began.elapsed().as_secs() < 8, "the system's resolver waits for half a minute, and we do not");
    assert_eq!(said.code, 5, "{}", said.out);
    assert_eq!(said.detail_of("silent"), "failing 2/3: timed out after 1s while resolving", "{}", said.out);
    let last = &said.of("silent")["last"];
    assert!(last["dns_seconds"].as_f64().unwrap() > 0.9 && last["connect_seconds"].is_null(), "{last}");
    assert_eq!(said.of("known")["now"], "healthy", "another name waits for nobody: {}", said.out);
    assert_eq!(said.json["this_machine"]["connection"], "online");

    // Silent for every name, it is this machine's.
    let lab = lab_with(&json!({"one": of("one.example.com"), "two": of("two.example.com")}));
    let said = look(&lab);
    assert_eq!(said.code, 7, "{}", said.out);
    for name in ["one", "two"] {
        assert_eq!(said.of(name)["status"], "unknown", "{}", said.out);
        let detail = said.detail_of(name);
        assert!(detail.ends_with(": no resolver of this machine answers"), "{detail}");
    }
    nobody.set_nonblocking(true).unwrap();
    assert!(nobody.recv(&mut [0; 512]).is_ok(), "it was asked");
}

#[test]
fn a_family_that_leads_nowhere_costs_its_head_start_and_with_both_is_degraded() {
    let hosts = format!("127.0.0.1 localhost dual.example.com\n{V6} dual.example.com\n");
    let test = "names::a_family_that_leads_nowhere_costs_its_head_start_and_with_both_is_degraded";
    if !is_inside(test, &hosts) {
        return;
    }
    let server = Server::start();
    server.route("/", Route::of(10));
    let port = server.address().port();
    let _hole = BlackHole::start_at(format!("[{V6}]:{port}").parse().unwrap());
    let of = |family: &str| json!({"probe": {"url": format!("http://dual.example.com:{port}/"), "family": family}});
    let lab = lab_with(&json!({"any": of("any"), "both": of("both"), "four": of("v4"), "six": of("v6")}));
    let said = look(&lab);
    assert_eq!(said.code, 5, "{}", said.out);
    for (name, now, detail) in [
        ("any", "healthy", ""),
        (
            "both",
            "degraded",
            "degrading 2/3: 1 of 2 targets bad; URL over IPv6: timed out after 1s while connecting",
        ),
        ("four", "healthy", ""),
        ("six", "unhealthy", "failing 2/3: timed out after 1s while connecting"),
    ] {
        let url = format!("http://dual.example.com:{port}/");
        assert_eq!(said.of(name)["now"], now, "{name}: {}", said.out);
        assert_eq!(said.of(name)["status"], now, "{name}: {}", said.out);
        assert_eq!(said.detail_of(name), detail.replace("URL", &url), "{name}: {}", said.out);
    }
    // The system puts IPv6 first, so that was tried first, and given up on for no longer than that.
    let connected = said.of("any")["last"]["connect_seconds"].as_f64().unwrap();
    assert!((0.3..0.9).contains(&connected), "{connected} s");
    assert_eq!(said.of("any")["targets"][0]["family"], "v4");
    let straight = said.of("four")["last"]["connect_seconds"].as_f64().unwrap();
    assert!(straight < connected, "{straight} s");
}
