//! https through proxies: who said what, and what becomes of the connections.

use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version};
use tests::server::certificates::{Authority, Identity};
use tests::server::{Behaviour, Content, Ending, Gate, Log, Proxy, Refusing, Route, Server, Silent, Tls};
use vps_ops::http::{
    Connection, Fact, HttpClient, HttpError, HttpRequest, HttpResponse, Proxies, ReqwestClient, Trust, Verify,
};
use vps_ops::{Class, Classify, Failure, Verdict};

use crate::lab::Lab;

/// `download ARGS` through `proxy`, with one authority trusted.
fn download(lab: &Lab, authority: &Authority, proxy: &str, args: &[&str]) -> Output {
    let roots = lab.path("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let mut command = lab.command(&[&["download"], args].concat());
    command.env("SSL_CERT_FILE", &roots).env("https_proxy", proxy).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_proxy_that_denies_is_asked_once_and_said() {
    let authority = Authority::new();
    let secure = Server::builder().tls(Tls::With(authority.identity())).start();
    secure.route("/f", Route::of(10));
    for (answer, words, hint) in [
        ("403 Forbidden", "the proxy answered 403 Forbidden: ", "whoever runs it may allow the host"),
        ("404 Nope", "the proxy answered 404 Not Found: ", "whoever runs it may allow the host"),
        ("302 Found\r\nLocation: http://127.0.0.1/", "the proxy answered 302 Found: ", "`no_proxy`"),
        ("501 Never", "the proxy answered 501 Not Implemented: ", "`no_proxy`"),
        ("407 Who", "the proxy wants a user and a password: ", "USER:PASSWORD"),
    ] {
        let (lab, proxy) = (Lab::new(), Proxy::that_refuses(secure.address(), &[answer]));
        let output = download(&lab, &authority, &proxy.url(), &[&secure.url("/f"), "f"]);
        let said = said(&output);
        assert_eq!((output.status.code(), proxy.seen().len()), (Some(1), 1), "{said}");
        assert!(said.contains(&format!("{words}{}", proxy.address())), "{said}");
        assert!(said.contains(&secure.address().to_string()) && said.contains(hint), "{said}");
    }
    assert_eq!(secure.log().connections, 0);
}

#[test]
fn a_proxy_that_cannot_just_now_is_asked_again() {
    let (lab, authority) = (Lab::new(), Authority::new());
    let secure = Server::builder().tls(Tls::With(authority.identity())).start();
    let content = Content::seeded(3, 40_000);
    secure.route("/f", Route::content(content.clone()));
    let answers = ["502 Bad Gateway", "503 Not now\r\nRetry-After: 0", "504 Late", "429 Slowly"];
    let proxy = Proxy::that_refuses(secure.address(), &answers);
    let output = download(&lab, &authority, &proxy.url(), &[&secure.url("/f"), "f", "--retries", "9"]);
    let words = said(&output);
    assert!(output.status.success(), "{words}");
    assert_eq!(lab.read("f").unwrap(), content.bytes());
    assert_eq!(proxy.seen().len(), 5);
    assert!(words.contains("The proxy answered 502 Bad Gateway"), "{words}");
    // However often it is the proxy's failure, it is not the host's.
    let proxy = Proxy::that_refuses(secure.address(), &["502 Bad Gateway"; 9]);
    let output = download(&lab, &authority, &proxy.url(), &[&secure.url("/f"), "g", "--retries", "9"]);
    assert_eq!((output.status.code(), proxy.seen().len()), (Some(1), 9), "{}", said(&output));
    let status = lab.run(&["circuit-breaker", "status"]);
    assert!(!String::from_utf8_lossy(&status.stdout).contains(" open "), "{status:?}");
}

/// A client that trusts `authority` and goes through `proxy`, and the folder that must stay meanwhile.
fn client(authority: &Authority, proxy: &str) -> (ReqwestClient, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let proxies = Proxies::read(|name| (name == "https_proxy").then(|| proxy.into()));
    let trust = Trust { cert_file: Some(file), ..Trust::default() };
    (ReqwestClient::new(trust).with_proxies(proxies), folder)
}

fn request(url: &str) -> HttpRequest {
    let mut request = HttpRequest::get(url.parse().unwrap());
    request.connect_limit = Duration::from_secs(20);
    request
}

/// Asks for a file that nobody has, within `limit`.
async fn fails(authority: &Authority, proxy: &str, url: &str, limit: Duration) -> HttpError {
    let (client, _folder) = client(authority, proxy);
    let mut request = request(url);
    request.connect_limit = limit;
    client.send(request).await.unwrap_err()
}

async fn all_of(response: HttpResponse) -> Result<Vec<u8>, HttpError> {
    let (mut body, mut bytes) = (response.body, Vec::new());
    while let Some(chunk) = body.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_proxys_wish_to_wait_is_known() {
    let (authority, proxy) = (Authority::new(), Server::start());
    proxy.route("a.test:443", Route::only(Behaviour::retry_after(503, 7)));
    let error = fails(&authority, &proxy.url(""), "https://a.test/", LONG).await;
    let wait = Some(Duration::from_secs(7));
    assert_eq!(error.fact(), Fact::ProxyStatus(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!((error.class(), error.verdict()), (Class::Throttled { at_least: wait }, Verdict::Neutral));
}

#[tokio::test]
async fn what_is_no_answer_of_a_proxy_is_said_of_the_proxy() {
    let (authority, bad) = (Authority::new(), Server::start());
    for (behaviour, fact) in [
        (Behaviour::GarbageStatusLine, Fact::NotHttp),
        (Behaviour::EndlessHeaders, Fact::HeaderFlood),
        (Behaviour::HugeHeader { bytes: 200 << 10 }, Fact::HeaderFlood),
        (Behaviour::HeaderFlood { count: 500 }, Fact::HeaderFlood),
        (Behaviour::CloseBeforeHeaders, Fact::HandshakeCut),
        (Behaviour::ResetBeforeHeaders, Fact::HandshakeCut),
    ] {
        bad.route("a.test:443", Route::only(behaviour));
        let error = fails(&authority, &bad.url(""), "https://a.test/", LONG).await;
        assert_eq!(error.fact(), fact, "{error:?}");
        assert_eq!(error.proxy(), Some(&*bad.address().to_string()), "{error:?}");
        assert_eq!((error.host(), error.verdict()), (Some("a.test:443"), Verdict::Neutral), "{error:?}");
    }
    assert_eq!(bad.log().exchanges.len(), 6, "nothing is asked for twice");
    let (silent, refusing) = (Silent::start(), Refusing::start());
    bad.route("a.test:443", Route::only(Behaviour::StallBeforeHeaders));
    for (address, fact, limit) in [
        (silent.address(), Fact::ConnectTimeout, SHORT),
        (bad.address(), Fact::ConnectTimeout, SHORT),
        (refusing.address(), Fact::Refused, LONG),
    ] {
        let error = fails(&authority, &format!("http://{address}"), "https://a.test/", limit).await;
        assert_eq!((error.fact(), error.proxy()), (fact, Some(&*address.to_string())), "{error:?}");
        assert_eq!((error.class(), error.verdict()), (Class::NotSent, Verdict::Neutral));
    }
}

#[tokio::test]
async fn what_comes_after_the_proxy_is_the_hosts() {
    let authority = Authority::new();
    for (tls, fact, limit) in [
        (Tls::Stall, Fact::ConnectTimeout, SHORT),
        (Tls::Cut, Fact::HandshakeCut, LONG),
        (Tls::With(Identity::self_signed()), Fact::Certificate, LONG),
        (Tls::With(authority.for_another_host()), Fact::Certificate, LONG),
    ] {
        let server = Server::builder().tls(tls).start();
        let proxy = Proxy::start(server.address());
        let error = fails(&authority, &proxy.url(), &server.url("/f"), limit).await;
        assert_eq!((error.fact(), error.proxy()), (fact, None), "{error:?}");
        assert_eq!((error.verdict(), proxy.seen().len()), (Verdict::Failure, 1), "{error:?}");
    }
    let server = Server::builder().tls(Tls::With(Identity::self_signed())).start();
    server.route("/f", Route::of(10));
    let proxy = Proxy::start(server.address());
    let (client, _folder) = client(&authority, &proxy.url());
    let mut insecure = request(&server.url("/f"));
    insecure.verify = Verify::Nothing;
    assert_eq!(client.send(insecure).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_proxy_over_tls_must_prove_who_it_is() {
    let authority = Authority::new();
    let server = Server::builder().tls(Tls::With(authority.identity())).start();
    let content = Content::seeded(4, 100_000);
    server.route("/f", Route::content(content.clone()));
    let proxy = Proxy::over_tls(server.address(), &authority.identity());
    let through = proxy.url().replacen("://", "://me:c4n4ry@", 1);
    let (client, _folder) = client(&authority, &through);
    let response = client.send(request(&server.url("/f"))).await.unwrap();
    assert_eq!(response.peer, Some(proxy.address()));
    assert_eq!(all_of(response).await.unwrap(), content.bytes());
    let seen = proxy.seen();
    let header = |name| seen[0].request.header(name).unwrap_or_default();
    let target = server.address().to_string();
    assert_eq!((&*seen[0].request.method, &*seen[0].request.target), ("CONNECT", &*target));
    assert_eq!((header("host"), header("proxy-authorization")), (&*target, "Basic bWU6YzRuNHJ5"));
    assert!(header("user-agent").starts_with("vps-configurator/"));
    assert!(!server.log().exchanges[0].request.headers.iter().any(|(name, _)| name.starts_with("proxy")));

    let proxy = Proxy::over_tls(server.address(), &Identity::self_signed());
    let error = fails(&authority, &proxy.url(), &server.url("/f"), LONG).await;
    assert_eq!((error.fact(), error.proxy()), (Fact::Certificate, Some(&*proxy.address().to_string())));
    assert_eq!((error.verdict(), proxy.seen().len()), (Verdict::Neutral, 0));
}

#[tokio::test]
async fn a_tunnel_is_used_again_and_not_shared_by_two_at_once() {
    let authority = Authority::new();
    let server = Server::builder().tls(Tls::With(authority.identity())).start();
    server.route("/f", Route::of(5_000));
    let proxy = Proxy::start(server.address());
    let (client, _folder) = client(&authority, &proxy.url());
    let get = |path| client.send(request(&server.url(path)));
    for _ in 0..3 {
        let response = get("/f").await.unwrap();
        assert_eq!(response.version, Version::HTTP_11);
        assert_eq!(all_of(response).await.unwrap().len(), 5_000);
    }
    assert_eq!((proxy.seen().len(), server.log().exchanges.len()), (1, 3));
    let gate = Gate::new();
    server.route("/held", Route::of(5_000).then(Behaviour::Hold { after: 1_000, gate: gate.clone() }));
    let (first, second) = (get("/held").await.unwrap(), get("/f").await.unwrap());
    gate.open();
    assert_eq!(proxy.seen().len(), 2, "while a body lasts, its connection is its own");
    assert_eq!(all_of(second).await.unwrap().len() + all_of(first).await.unwrap().len(), 10_000);
}

/// A server of HTTP/2 that gives back what it is sent.
async fn echo(authority: &Authority) -> SocketAddr {
    let tls = tokio_rustls::TlsAcceptor::from(authority.identity().config_for(&["h2", "http/1.1"]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = tls.accept(stream).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let (head, mut sent) = (http::Response::new(()), request.into_body());
                    tokio::spawn(async move {
                        let mut back = respond.send_response(head, false).unwrap();
                        while let Some(Ok(bytes)) = sent.data().await {
                            let _ = sent.flow_control().release_capacity(bytes.len());
                            back.send_data(bytes, false).unwrap();
                        }
                        back.send_data(bytes::Bytes::new(), true).unwrap();
                    });
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn many_requests_of_http_2_share_a_tunnel() {
    let authority = Authority::new();
    let address = echo(&authority).await;
    let proxy = Proxy::start(address);
    let (client, _folder) = client(&authority, &proxy.url());
    let post = async |text: &'static str| {
        let url = format!("https://{address}/").parse().unwrap();
        let mut request = HttpRequest::post(url, bytes::Bytes::from_static(text.as_bytes()));
        request.connection = Connection::Shared;
        let response = client.send(request).await.unwrap();
        assert_eq!((response.version, response.peer), (Version::HTTP_2, Some(proxy.address())));
        assert_eq!(all_of(response).await.unwrap(), text.as_bytes());
    };
    post("first").await;
    tokio::join!(post("second"), post("third"), post("fourth"));
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_in_a_tunnel_is_known_by_how() {
    let authority = Authority::new();
    let server = Server::builder().tls(Tls::With(authority.identity())).start();
    let proxy = Proxy::start(server.address());
    let (client, _folder) = client(&authority, &proxy.url());
    for (behaviour, fact) in [
        (Behaviour::Close { after: 1_000 }, Some(Fact::EarlyEnd)),
        (Behaviour::NoLength.and(Behaviour::Reset { after: 1_000 }), Some(Fact::EarlyEnd)),
        (Behaviour::ChunkedCut { after: 1_000 }, Some(Fact::EarlyEnd)),
        (Behaviour::Chunked, None),
    ] {
        server.route("/f", Route::of(9_000).then(behaviour));
        let ended = all_of(client.send(request(&server.url("/f"))).await.unwrap()).await;
        let error = ended.as_ref().err();
        assert_eq!(error.map(HttpError::fact), fact, "{ended:?}");
        assert_eq!(error.and_then(HttpError::proxy), None);
        assert_eq!(ended.ok().map(|bytes| bytes.len()), fact.is_none().then_some(9_000));
    }
}

/// Waits for a log on another thread: ours runs the connections.
async fn wait(server: &Arc<Server>, what: &'static str, holds: fn(&Log) -> bool) -> Log {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || server.wait_for(what, holds)).await.unwrap()
}

#[tokio::test]
async fn who_stops_leaves_no_connection_behind() {
    let authority = Authority::new();
    let gone = async |server: &Arc<Server>, path: &str| {
        let log = wait(server, "the connection to end", |log| log.open == 0).await;
        assert_eq!(log.of(path)[0].ending, Ending::ClientGone);
    };
    // While the proxy thinks.
    let thinking = Arc::new(Server::start());
    thinking.route("a.test:443", Route::only(Behaviour::StallBeforeHeaders));
    let (asking, _folder) = client(&authority, &thinking.url(""));
    let asked = tokio::spawn(async move { asking.send(request("https://a.test/")).await.map(drop) });
    let _ = wait(&thinking, "CONNECT", |log| !log.exchanges.is_empty()).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    gone(&thinking, "a.test:443").await;
    // While a body comes.
    let server = Arc::new(Server::builder().tls(Tls::With(authority.identity())).start());
    server.route("/f", Route::of(9_000).then(Behaviour::Stall { after: 1_000 }));
    let proxy = Proxy::start(server.address());
    let (client, _folder) = client(&authority, &proxy.url());
    let mut response = client.send(request(&server.url("/f"))).await.unwrap();
    assert!(response.body.chunk().await.unwrap().is_some());
    drop(response);
    gone(&server, "/f").await;
}
