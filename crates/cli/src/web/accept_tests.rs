use std::sync::atomic::AtomicUsize;

use http::StatusCode;
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use vps_ops::testing::sim::Simulation;

use super::super::headers::plain;
use super::super::listen::Address;
use super::*;

/// Far above all that is limited here: whoever waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const ENDLESS: Duration = Duration::from_secs(3600);
const LIMITS: Limits = Limits {
    connections: 2,
    head: ENDLESS,
    whole: ENDLESS,
    head_bytes: 8 * 1024,
    linger: Duration::from_millis(50),
    drain: ENDLESS,
};
const SHORT: Duration = Duration::from_millis(50);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Answers once it may, and counts.
#[derive(Default)]
struct Answers {
    body: Bytes,
    waits: Option<Notify>,
    asked: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Answer for Answers {
    async fn answer(&self, _: Request<Incoming>) -> Response<Full<Bytes>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if let Some(waits) = &self.waits {
            waits.notified().await;
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
        let mut response = plain(StatusCode::OK, "");
        *response.body_mut() = Full::new(self.body.clone());
        response
    }
}

/// A connection with these limits, beside what its client does; what the client got.
async fn with<T>(limits: Limits, answers: &Arc<Answers>, client: impl AsyncFnOnce(DuplexStream) -> T) -> T {
    let (ours, theirs) = tokio::io::duplex(1024);
    let env = Env::real();
    let served = connection(&env, Box::new(theirs), None, limits, Arc::clone(answers));
    let both = async { tokio::join!(biased; served, client(ours)) };
    let ended = env.until(env.now().after(PATIENCE), both).await;
    ended.expect("a connection ends").1
}

async fn all_of(mut stream: impl AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    // A client may be cut.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn half_a_head_and_silence_are_ended_by_the_limit_of_the_head() {
    let limits = Limits { head: SHORT, ..LIMITS };
    for sent in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let answers = Arc::new(Answers::default());
        let said = with(limits, &answers, async |mut client| {
            client.write_all(sent.as_bytes()).await.unwrap();
            all_of(client).await
        });
        assert_eq!(said.await, "", "{sent:?}");
        assert_eq!(answers.asked.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_gets_no_more_time() {
    let limits = Limits { head: SHORT, ..LIMITS };
    let answers = Arc::new(Answers::default());
    let sent = with(limits, &answers, async |mut client| {
        let mut sent = 0;
        // As fast as they are read, for ever.
        while client.write_all(b"x").await.is_ok() {
            sent += 1;
            Env::real().sleep(Duration::from_millis(1)).await;
        }
        sent
    });
    assert!(sent.await > 0);
    assert_eq!(answers.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn who_does_not_read_its_answer_is_cut_by_the_limit_of_it_all() {
    let limits = Limits { whole: SHORT, ..LIMITS };
    let answers = Arc::new(Answers { body: vec![b'x'; 1 << 20].into(), ..Answers::default() });
    let got = with(limits, &answers, async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        Env::real().sleep(SHORT * 4).await;
        all_of(client).await.len()
    });
    assert!(got.await < 1 << 20);
    assert_eq!(answers.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_limit_of_the_head_is_none_of_the_answer() {
    let limits = Limits { head: SHORT, ..LIMITS };
    let answers = Arc::new(Answers { body: "late".into(), waits: Some(Notify::new()), ..Answers::default() });
    let said = with(limits, &answers, async |mut client| {
        client.write_all(REQUEST).await.unwrap();
        Env::real().sleep(SHORT * 4).await;
        answers.waits.as_ref().unwrap().notify_one();
        all_of(client).await
    });
    assert!(said.await.ends_with("\r\n\r\nlate"));
}

#[tokio::test]
async fn a_connection_has_one_request() {
    let answers = Arc::new(Answers { body: "ok".into(), ..Answers::default() });
    let said = with(LIMITS, &answers, async |mut client| {
        client.write_all(&[REQUEST, REQUEST].concat()).await.unwrap();
        all_of(client).await
    });
    let said = said.await;
    assert_eq!((said.matches("HTTP/1.1 ").count(), answers.asked.load(Ordering::SeqCst)), (1, 1));
    assert!(said.contains("connection: close"), "{said}");
}

#[tokio::test]
async fn a_head_without_an_end_is_refused_and_the_client_hears_why() {
    let answers = Arc::new(Answers::default());
    for line in [format!("x: {}\r\n", "y".repeat(20_000)), "a: b\r\n".repeat(200), "x".repeat(9_000)] {
        let said = with(LIMITS, &answers, async |client| {
            let (read, mut write) = tokio::io::split(client);
            let bomb = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{line}");
            // It sends on while we refuse it.
            let sent = async { drop(write.write_all(bomb.as_bytes()).await) };
            tokio::join!(biased; sent, all_of(read)).1
        });
        let said = said.await;
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
    assert_eq!(answers.asked.load(Ordering::SeqCst), 0);
}

/// A server with these limits at a port of its own, while `clients` do what they do.
async fn serving(
    limits: Limits,
    answers: &Arc<Answers>,
    clients: impl AsyncFnOnce(Address, CancellationToken),
) {
    let (env, cancel) = (Env::real(), CancellationToken::new());
    let listener = Listener::bind(&env, &Address::parse("127.0.0.1:0").unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    let served = accept(&env, listener, None, limits, Arc::clone(answers), &cancel);
    let both = async { tokio::join!(biased; served, clients(address, cancel.clone())) };
    env.until(env.now().after(PATIENCE), both).await.expect("it ends");
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let Address::Tcp(address) = address else { panic!("{address}") };
    TcpStream::connect(address).await
}

#[tokio::test]
async fn only_so_many_connections_are_answered_at_once_and_all_in_the_end() {
    let answers = Arc::new(Answers { body: "ok".into(), ..Answers::default() });
    serving(LIMITS, &answers, async |address, cancel| {
        let mut all = Vec::new();
        for _ in 0..20 {
            let mut client = connect(&address).await.unwrap();
            client.write_all(REQUEST).await.unwrap();
            all.push(client);
        }
        for client in all {
            assert!(all_of(client).await.ends_with("\r\n\r\nok"));
        }
        cancel.cancel();
    })
    .await;
    assert_eq!(answers.asked.load(Ordering::SeqCst), 20);
    assert!(answers.most.load(Ordering::SeqCst) <= LIMITS.connections);
}

#[tokio::test]
async fn silent_connections_keep_others_waiting_only_for_their_limit() {
    let answers = Arc::new(Answers { body: "ok".into(), ..Answers::default() });
    serving(Limits { head: SHORT, ..LIMITS }, &answers, async |address, cancel| {
        let silent = [connect(&address).await.unwrap(), connect(&address).await.unwrap()];
        let mut client = connect(&address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        assert!(all_of(client).await.ends_with("\r\n\r\nok"));
        drop(silent);
        cancel.cancel();
    })
    .await;
}

#[tokio::test]
async fn on_a_stop_nobody_comes_in_any_more_and_who_is_there_is_answered() {
    let answers = Arc::new(Answers { body: "ok".into(), waits: Some(Notify::new()), ..Answers::default() });
    serving(LIMITS, &answers, async |address, cancel| {
        let mut client = connect(&address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        while answers.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        while connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        answers.waits.as_ref().unwrap().notify_one();
        assert!(all_of(client).await.ends_with("\r\n\r\nok"));
    })
    .await;
}

#[tokio::test]
async fn who_is_not_done_soon_after_a_stop_is_cut() {
    let answers = Arc::new(Answers { waits: Some(Notify::new()), ..Answers::default() });
    serving(Limits { drain: SHORT, ..LIMITS }, &answers, async |address, cancel| {
        let mut client = connect(&address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        while answers.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        assert_eq!(all_of(client).await, "");
    })
    .await;
}

/// A connection of virtual time with the limits that are shipped, beside what its client does; what the client got, and
/// after how many seconds it was over.
fn usually<T>(body: usize, client: impl AsyncFnOnce(Env, DuplexStream) -> T) -> (T, f64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let env = Simulation::without_chance(7).host().process().env();
        let answers = Arc::new(Answers { body: vec![b'x'; body].into(), ..Answers::default() });
        let (ours, theirs) = tokio::io::duplex(1024);
        let began = env.now();
        let served = async {
            connection(&env, Box::new(theirs), None, Limits::USUAL, answers).await;
            env.now().since(began).as_secs_f64()
        };
        let (took, got) = tokio::join!(biased; served, client(env.clone(), ours));
        (got, took)
    })
}

fn assert_seconds(took: f64, wanted: f64) {
    assert!((took - wanted).abs() < 0.01, "{took} instead of {wanted} s");
}

#[test]
fn a_head_has_five_seconds_however_it_comes() {
    for sent in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let (said, took) = usually(2, async |_, mut client| {
            client.write_all(sent.as_bytes()).await.unwrap();
            all_of(client).await
        });
        assert_eq!(said, "", "{sent:?}");
        assert_seconds(took, 5.0);
    }
    let (sent, took) = usually(2, async |env, mut client| {
        let mut sent = 0;
        while client.write_all(b"x").await.is_ok() {
            sent += 1;
            env.sleep(Duration::from_millis(100)).await;
        }
        sent
    });
    assert_seconds(took, 5.0);
    assert!((45..=55).contains(&sent), "one byte each tenth of a second: {sent}");
    let (said, _) = usually(2, async |env, mut client| {
        env.sleep(Duration::from_millis(4_900)).await;
        client.write_all(REQUEST).await.unwrap();
        all_of(client).await
    });
    assert!(said.ends_with("\r\n\r\nxx"), "that was in time: {said}");
}

#[test]
fn all_of_a_connection_has_ten_seconds() {
    let (got, took) = usually(1 << 20, async |env, mut client| {
        client.write_all(REQUEST).await.unwrap();
        let (mut got, mut bytes) = (0, [0; 64]);
        while let Ok(count @ 1..) = client.read(&mut bytes).await {
            got += count;
            env.sleep(Duration::from_millis(100)).await;
        }
        got
    });
    assert_seconds(took, 10.0);
    assert!((1_024..1 << 20).contains(&got), "as slowly as it read: {got}");
}

#[test]
fn a_head_has_eight_kib() {
    let code = |bytes: usize| {
        let head =
            |filler: usize| format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(filler));
        let request = head(bytes - head(0).len());
        assert_eq!(request.len(), bytes);
        let (said, _) = usually(2, async |_, client| {
            let (read, mut write) = tokio::io::split(client);
            let sent = async { drop(write.write_all(request.as_bytes()).await) };
            tokio::join!(biased; sent, all_of(read)).1
        });
        said.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!([code(8 * 1024 - 1), code(8 * 1024 + 1)], ["200", "431"]);
}

#[tokio::test]
async fn sixty_four_are_answered_at_once_and_who_comes_later_once_one_is_done() {
    const CLIENTS: usize = 80;
    let answers = Arc::new(Answers { body: "ok".into(), waits: Some(Notify::new()), ..Answers::default() });
    serving(Limits { head: ENDLESS, whole: ENDLESS, ..Limits::USUAL }, &answers, async |address, cancel| {
        let mut all = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = connect(&address).await.unwrap();
            client.write_all(REQUEST).await.unwrap();
            all.push(client);
        }
        for answered in 0..CLIENTS {
            while answers.asked.load(Ordering::SeqCst) < (answered + 64).min(CLIENTS) {
                tokio::task::yield_now().await;
            }
            answers.waits.as_ref().unwrap().notify_one();
        }
        for client in all {
            assert!(all_of(client).await.ends_with("\r\n\r\nok"));
        }
        cancel.cancel();
    })
    .await;
    assert_eq!(answers.most.load(Ordering::SeqCst), 64);
}
