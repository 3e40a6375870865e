//! Answers of every kind.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tests::server::{Behaviour, Refusing, Route, Server};
use tests::wait_until;

use crate::looked_at::{at, configure, lab_with, look, probed};

/// One service for each behaviour, all at one server.
fn services(server: &Server, cases: &[(&str, Behaviour)]) -> Value {
    let mut all = Map::new();
    for (name, behaviour) in cases {
        server.route(&format!("/{name}"), Route::of(1 << 20).then(behaviour.clone()).script_head());
        all.insert((*name).to_owned(), json!({"probe": {"url": server.url(&format!("/{name}"))}}));
    }
    all.into()
}

#[test]
fn each_answer_is_what_it_says_to_the_word() {
    let server = Server::start();
    let status = Behaviour::status;
    let cases: &[(&str, Behaviour, &str, &str)] = &[
        ("ok", Behaviour::Ok, "healthy", ""),
        ("there", Behaviour::redirect("https://elsewhere.example.com/"), "healthy", ""),
        ("private", status(401), "healthy", ""),
        ("gone", status(404), "healthy", ""),
        ("slow_client", status(408), "unhealthy", "failing 2/3: answered 408"),
        ("broken", status(500), "unhealthy", "failing 2/3: answered 500"),
        ("busy", Behaviour::retry_after(503, 1), "unhealthy", "failing 2/3: answered 503"),
        (
            "throttled",
            Behaviour::retry_after(429, 60),
            "degraded",
            "degrading 1/3: throttled, answered 429; asks to be left alone for 1m",
        ),
        ("garbled", Behaviour::GarbageStatusLine, "unhealthy", "failing 2/3: the answer is not HTTP"),
        ("reset", Behaviour::ResetBeforeHeaders, "unhealthy", "failing 2/3: connection reset"),
        (
            "cut",
            Behaviour::CloseBeforeHeaders,
            "unhealthy",
            "failing 2/3: connection closed before an answer",
        ),
    ];
    let list: Vec<(&str, Behaviour)> = cases.iter().map(|(name, what, ..)| (*name, what.clone())).collect();
    let lab = lab_with(&services(&server, &list));
    let said = look(&lab);
    assert_eq!(said.code, 5, "{}", said.out);
    for (name, _, now, detail) in cases {
        assert_eq!(said.of(name)["now"], *now, "{name}: {}", said.out);
        assert_eq!(said.detail_of(name), *detail, "{name}: {}", said.out);
        // A time for each look that was answered.
        let recent = said.of(name)["recent"].as_array().unwrap();
        let is_answered = *now != "unhealthy" || detail.contains("answered ");
        assert!(
            !recent.is_empty() && recent.iter().all(|took| took.is_f64() == is_answered),
            "{name}: {recent:?}"
        );
    }
    for exchange in &server.log().exchanges {
        let asked = &exchange.request;
        assert!(exchange.sent == 0 || asked.method == "GET", "{asked:?}");
        assert!(asked.header("user-agent").is_some() && asked.header("accept") == Some("*/*"), "{asked:?}");
        assert_eq!(asked.header("connection"), Some("close"));
        let may_get = ["/garbled", "/reset", "/cut"].contains(&asked.path());
        assert!(asked.method == "HEAD" || may_get, "no page is fetched: {asked:?}");
    }
}

#[test]
fn who_wants_to_be_left_alone_is_not_asked_by_the_next_run_either() {
    let server = Server::start();
    let both = [("mine", Behaviour::retry_after(429, 600)), ("other", Behaviour::Ok)];
    let lab = lab_with(&services(&server, &both));
    look(&lab);
    // Looked at together: once the one is asked again, what was found of the other is as old.
    wait_until("what was found is not fresh any more", || {
        look(&lab);
        (server.log().of("/other").len() > 1).then_some(())
    });
    let said = look(&lab);
    assert_eq!((said.code, &said.row()["now"]), (0, &json!("degraded")));
    assert_eq!(server.log().of("/mine").len(), 1);
}

#[test]
fn where_head_is_refused_one_get_tells_and_no_page_is_fetched() {
    for first in [Behaviour::status(405), Behaviour::status(501), Behaviour::CloseBeforeHeaders] {
        let server = Server::builder().send_buffer(16 << 10).start();
        server.route("/", Route::of(50 << 20).then(first.clone()).then(Behaviour::Ok).script_head());
        let lab = lab_with(&at(&[server.url("/")]));
        let said = look(&lab);
        assert_eq!((said.code, said.detail()), (0, ""), "{first:?}: {}", said.out);
        let log = server.wait_for("the end", |log| log.open == 0);
        let methods: Vec<&str> = log.exchanges.iter().map(|one| one.request.method.as_str()).collect();
        assert_eq!(methods, ["HEAD", "GET"], "{first:?}: in one turn");
        assert!(log.sent("/") < 8 << 20, "{first:?}: cut after the head: {}", log.sent("/"));
    }
}

#[test]
fn what_is_expected_is_at_the_end_of_three_redirects_and_no_further() {
    let server = Server::start();
    let drip = || Behaviour::DripHead { gap: Duration::from_millis(1) };
    let hop = |to: &str| Route::only(Behaviour::redirect(to)).script_head();
    server.route("/1", hop("/2"));
    server.route("/2", Route::only(Behaviour::redirect("/3").and(drip())).script_head());
    server.route("/3", hop("/4"));
    server.route("/4", hop("/5"));
    server.route("/5", Route::of(9));
    let of = |path: &str, expect: Value| json!({"probe": {"url": server.url(path), "expect": expect}});
    let lab = lab_with(&json!({
        "three": of("/2", json!(["200-299"])),
        "four": of("/1", json!(["200-299"])),
        "itself": of("/1", json!([302])),
        "other": of("/5", json!([204])),
    }));
    let said = look(&lab);
    assert_eq!(said.of("three")["now"], "healthy", "{}", said.out);
    assert_eq!(said.detail_of("four"), "failing 2/3: answered 302, which is not expected");
    assert_eq!(said.of("itself")["now"], "healthy", "one that is expected is not followed: {}", said.out);
    assert_eq!(said.detail_of("other"), "failing 2/3: answered 200, which is not expected");
    let took = |name: &str| said.of(name)["last"]["took_seconds"].as_f64().unwrap();
    assert!(took("three") > 0.1 && took("other") < 0.1, "the first head drips: {}", said.json);
}

#[test]
fn several_places_are_one_service_and_the_bad_ones_are_named() {
    let (server, dead) = (Server::start(), Refusing::start());
    server.route("/", Route::of(9));
    let lab = lab_with(&at(&[server.url("/"), dead.url("/")]));
    let said = look(&lab);
    assert_eq!((said.code, &said.row()["now"]), (0, &json!("degraded")));
    assert_eq!(
        said.detail(),
        format!("degrading 2/3: 1 of 2 targets bad; {}: connection refused", dead.url("/"))
    );
    configure(&lab, &at(&[dead.url("/"), dead.url("/b")]));
    let said = look(&lab);
    assert_eq!((said.code, &said.row()["now"]), (5, &json!("unhealthy")));
}

#[test]
fn a_network_to_log_in_to_says_nothing_of_services() {
    let server = Server::start();
    server.route("/511", Route::only(Behaviour::status(511)).script_head());
    let lab = lab_with(&at(&[server.url("/511")]));
    let said = look(&lab);
    assert_eq!(said.code, 7, "{}", said.out);
    assert_eq!(said.detail(), "not judged: a network to log in to answers for everybody");
    assert_eq!(said.row()["now"], Value::Null);
}

/// Addresses of this machine that look like those of others: what is private is exempt.
#[test]
fn two_plain_hosts_that_send_to_one_foreign_host_are_such_a_network() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return tests::skip("there is no IPv6 here");
    }
    let server = Server::start();
    for path in ["/one", "/two"] {
        let to = Behaviour::redirect("http://login.example.com/");
        server.route(path, Route::only(to).script_head());
    }
    let (one, two) = (server.url_at("0.0.0.0", "/one"), server.url_at("[::ffff:127.0.0.1]", "/two"));
    let lab = lab_with(&json!({"one": {"probe": {"url": one}}, "two": {"probe": {"url": two}}}));
    let said = look(&lab);
    assert_eq!(said.code, 7, "{}", said.out);
    for name in ["one", "two"] {
        assert_eq!(said.detail_of(name), "not judged: a network to log in to answers for everybody");
    }
    // One alone may be a mirror's.
    configure(&lab, &json!({"three": {"probe": {"url": server.url_at("0.0.0.0", "/one")}}}));
    assert_eq!(look(&lab).of("three")["now"], "healthy");
}

#[test]
fn a_page_to_log_in_to_is_no_expected_answer_of_whoever_was_asked() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return tests::skip("there is no IPv6 here");
    }
    let server = Server::start();
    // The page of such a network, which is there for whatever is asked, and by more than one step.
    server.route("/one", Route::only(Behaviour::redirect(server.url("/from/one"))).script_head());
    server.route("/two", Route::only(Behaviour::redirect(server.url("/log-in"))).script_head());
    server.route("/from/one", Route::only(Behaviour::redirect("/log-in")).script_head());
    server.route("/log-in", Route::of(9));
    let of = |host: &str, path: &str| json!({"probe": {"url": server.url_at(host, path), "expect": [200]}});
    let one = of("0.0.0.0", "/one");
    let lab = lab_with(&json!({"one": one, "two": of("[::ffff:127.0.0.1]", "/two")}));
    let said = look(&lab);
    assert_eq!(server.log().of("/log-in").len(), 2, "both were led there: {}", said.out);
    assert_eq!(said.code, 7, "{}", said.out);
    for name in ["one", "two"] {
        assert_eq!(said.detail_of(name), "not judged: a network to log in to answers for everybody");
    }
    // One alone may be a mirror's, and what is at the end of it counts.
    configure(&lab, &json!({"three": one}));
    assert_eq!(look(&lab).of("three")["now"], "healthy");
}

#[test]
fn a_family_that_is_dead_is_named() {
    use std::net::{TcpListener, ToSocketAddrs};
    let both = ("localhost", 0).to_socket_addrs().unwrap().any(|address| address.is_ipv6());
    if !both || TcpListener::bind("[::1]:0").is_err() {
        return tests::skip("localhost has no IPv6 here");
    }
    let server = Server::start();
    server.route("/", Route::of(9));
    let url = server.url_at("localhost", "/");
    let lab = lab_with(&probed(&json!({"url": url, "family": "both"})));
    let said = look(&lab);
    assert_eq!((said.code, &said.row()["now"]), (0, &json!("degraded")), "{}", said.out);
    assert_eq!(
        said.detail(),
        format!("degrading 2/3: 1 of 2 targets bad; {url} over IPv6: connection refused")
    );
    for (family, code) in [("v4", 0), ("v6", 5), ("any", 0)] {
        let lab = lab_with(&probed(&json!({"url": url, "family": family})));
        assert_eq!(look(&lab).code, code, "{family}");
    }
}
