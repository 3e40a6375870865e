//! Certificates, good and bad.

use serde_json::json;
use tests::server::certificates::{Authority, Identity};
use tests::server::{Behaviour, Route, Server, Tls};

use crate::lab::Lab;
use crate::looked_at::{Said, at, lab_with, look_with};

fn trusting(lab: &Lab, authority: &Authority) -> Said {
    std::fs::write(lab.path("ca.pem"), authority.pem()).unwrap();
    let trust = lab.path("ca.pem").display().to_string();
    look_with(lab, &[("SSL_CERT_FILE", &trust)])
}

fn server(identity: std::sync::Arc<Identity>) -> Server {
    let server = Server::builder().tls(Tls::With(identity)).start();
    server.route("/", Route::of(9));
    server
}

#[test]
fn it_is_said_what_is_wrong_with_a_certificate() {
    let (ours, other) = (Authority::new(), Authority::new());
    for (identity, detail) in [
        (ours.for_another_host(), "certificate is for another name"),
        (other.identity(), "certificate of an unknown issuer"),
        (ours.expired(), "certificate expired "),
        (ours.valid_for_days(40, 400), "certificate not valid for another "),
    ] {
        let server = server(identity);
        let lab = lab_with(&at(&[server.url("/")]));
        let said = trusting(&lab, &ours);
        assert_eq!(said.code, 5, "{}", said.out);
        assert!(said.detail().starts_with(&format!("failing 2/3: {detail}")), "{}", said.out);
        assert!(server.log().exchanges.is_empty(), "nobody is asked anything");
    }
}

#[test]
fn one_that_ends_soon_is_said_and_changes_nothing() {
    let ours = Authority::new();
    for (until, is_said) in [(2, true), (300, false)] {
        let server = server(ours.valid_for_days(-60, until));
        let lab = lab_with(&at(&[server.url("/")]));
        let said = trusting(&lab, &ours);
        assert_eq!((said.code, &said.row()["now"]), (0, &json!("healthy")), "{}", said.out);
        let detail = said.detail();
        assert_eq!(detail.starts_with("certificate ends in ") && detail.ends_with(" h"), is_said, "{detail}");
        assert!(said.row()["certificate_ends"].is_string());
    }
}

#[test]
fn where_servers_say_that_our_clock_is_behind_it_is_not_the_certificate() {
    let ours = Authority::new();
    let (secure, plain) = (server(ours.valid_for_days(40, 400)), Server::start());
    let route = Route::only(Behaviour::Ok).date("Wed, 01 Jan 2098 00:00:00 GMT");
    plain.route("/", route);
    let lab = lab_with(&json!({
        "plain": {"probe": {"url": plain.url("/")}},
        "secure": {"probe": {"url": secure.url("/")}},
    }));
    let said = trusting(&lab, &ours);
    assert_eq!((said.code, &said.of("plain")["now"]), (0, &json!("healthy")), "{}", said.out);
    let detail = said.detail_of("secure");
    assert!(detail.contains("this machine's clock is ") && detail.ends_with(" d behind"), "{detail}");
}

#[test]
fn roots_that_cannot_be_read_are_no_fault_of_a_service() {
    let server = server(Authority::new().identity());
    let lab = lab_with(&at(&[server.url("/")]));
    std::fs::write(lab.path("ca.pem"), "nothing of the kind").unwrap();
    let trust = lab.path("ca.pem").display().to_string();
    let said = look_with(&lab, &[("SSL_CERT_FILE", &trust)]);
    assert_eq!(said.code, 7, "{}", said.out);
    assert_eq!(said.detail(), "not judged: this machine's trusted certificates cannot be read");
}
