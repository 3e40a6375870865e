//! Names to addresses: by the system's resolver, as calls resolve, but on few threads.
//!
//! `getaddrinfo` cannot be called off: where the name servers are silent, each question holds a thread for as long
//! as the system's resolver has patience. So there are at most [`THREADS`], and who asks for a name that is being
//! asked for waits for the same answer.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell, Semaphore};

use crate::env::Env;

/// Questions at once; the rest wait.
pub(super) const THREADS: usize = 16;

/// What the system's resolver does; a test has its own.
pub(super) type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// What a name came to, and how long the question took.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub(super) addresses: Vec<IpAddr>,
    /// Nothing where nobody had to be asked.
    pub(super) took: Option<Duration>,
}

/// Why a name came to nothing: the words are the system's.
#[derive(Clone, Debug)]
pub(super) struct Unresolved {
    pub(super) error: Arc<io::Error>,
    pub(super) took: Duration,
}

type Answer = Result<Resolved, Unresolved>;
type Questions = BTreeMap<String, Weak<Question>>;

/// A name that is being asked for. Its thread holds it to the end, so that who asks again, when others had no more
/// patience, waits for that thread and begins none.
#[derive(Default)]
struct Question {
    begun: OnceCell<()>,
    answer: OnceLock<Answer>,
    ready: Notify,
}

/// Asks the system for addresses. Shared by all probes of a process.
pub(super) struct Resolver {
    env: Env,
    resolve: Arc<Resolve>,
    threads: Arc<Semaphore>,
    /// What is being asked for.
    asked: Mutex<Questions>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

/// By the system: its hosts file, its name servers, whatever it is set to.
fn by_the_system(host: &str) -> io::Result<Vec<IpAddr>> {
    // The port is of no matter, but the standard library wants one.
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

impl Resolver {
    /// The system's.
    pub(super) fn new(env: Env) -> Self {
        Self::by(env, by_the_system)
    }

    /// Another one.
    pub(super) fn by(
        env: Env,
        resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        let threads = Arc::new(Semaphore::new(THREADS));
        Self { env, resolve: Arc::new(resolve), threads, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, Questions> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All addresses of `host`, in the order that the system prefers. Waits as long as the system does: the caller
    /// has the limit. Cancel safe; a question that was begun goes on, and holds its thread.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn resolve(&self, host: &str) -> Answer {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(Resolved { addresses: vec![address], took: None });
        }
        let question = {
            let mut asked = self.asked();
            let running = asked.get(host).and_then(Weak::upgrade);
            let question = running.unwrap_or_default();
            asked.retain(|_, question| question.strong_count() > 0);
            asked.insert(host.to_owned(), Arc::downgrade(&question));
            question
        };
        question.begun.get_or_try_init(|| self.begin(&question, host.to_owned())).await?;
        loop {
            let ready = question.ready.notified();
            if let Some(answer) = question.answer.get() {
                return answer.clone();
            }
            ready.await;
        }
    }

    async fn begin(&self, question: &Arc<Question>, host: String) -> Result<(), Unresolved> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.threads).acquire_owned().await.ok();
        let (env, resolve, question) = (self.env.clone(), Arc::clone(&self.resolve), Arc::clone(question));
        let began = env.now();
        let work = move || {
            let found = resolve(&host);
            let took = env.now().since(began);
            drop(place);
            let _ = question.answer.set(answer(found, took));
            question.ready.notify_waiters();
        };
        let thread = self.env.thread("resolver", work);
        thread.map(drop).map_err(|error| Unresolved { error: Arc::new(error), took: Duration::ZERO })
    }
}

fn answer(found: io::Result<Vec<IpAddr>>, took: Duration) -> Answer {
    // As the standard library says of a name without addresses.
    let found =
        found.and_then(|all| if all.is_empty() { Err(io::Error::other(NO_ADDRESS)) } else { Ok(all) });
    match found {
        Ok(addresses) => Ok(Resolved { addresses, took: Some(took) }),
        Err(error) => Err(Unresolved { error: Arc::new(error), took }),
    }
}

const NO_ADDRESS: &str = "failed to lookup address information: No address associated with hostname";

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, Condvar};
    use std::task::{Context, Waker};

    use super::*;

    fn local() -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }

    #[tokio::test]
    async fn an_address_is_its_own_and_asks_nobody() {
        let resolver = Resolver::by(Env::real(), |_| Err(io::Error::other("asked")));
        for (host, address) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1")] {
            let found = resolver.resolve(host).await.unwrap().addresses;
            assert_eq!(found, [address.parse::<IpAddr>().unwrap()], "{host}");
        }
    }

    #[tokio::test]
    async fn who_asks_for_the_same_name_waits_for_the_same_answer() {
        let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
        let (count, wait) = (Arc::clone(&asked), Arc::clone(&gate));
        let resolver = Resolver::by(Env::real(), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            wait.wait();
            local()
        });
        let (mut first, mut second) =
            (pin!(resolver.resolve("a.invalid")), pin!(resolver.resolve("a.invalid")));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        gate.wait();
        assert!(first.await.is_ok() && second.await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_name_that_hangs_holds_one_thread_however_often_it_is_asked_for() {
        let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
        let (count, wait) = (Arc::clone(&asked), Arc::clone(&gate));
        let resolver = Resolver::by(Env::real(), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            wait.wait();
            local()
        });
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 * THREADS {
            // Each of them loses its patience.
            assert!(pin!(resolver.resolve("hangs.invalid")).poll(&mut context).is_pending());
        }
        assert_eq!(resolver.threads.available_permits(), THREADS - 1);
        let mut last = pin!(resolver.resolve("hangs.invalid"));
        assert!(last.as_mut().poll(&mut context).is_pending());
        gate.wait();
        assert!(last.await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_silent_resolver_holds_no_more_threads_than_there_may_be() {
        type Gate = (Mutex<bool>, Condvar);
        let (running, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
        let (count, wait) = (Arc::clone(&running), Arc::clone(&gate));
        let resolver = Arc::new(Resolver::by(Env::real(), move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let open = wait.1.wait_while(wait.0.lock().unwrap(), |open| !*open);
            drop(open.unwrap());
            local()
        }));
        let names: Vec<String> = (0..3 * THREADS).map(|n| format!("h{n}.invalid")).collect();
        let mut questions: Vec<_> = names.iter().map(|name| Box::pin(resolver.resolve(name))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for question in &mut questions {
            assert!(question.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(resolver.threads.available_permits(), 0);
        assert!(running.load(Ordering::SeqCst) <= THREADS);
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        for question in questions {
            assert!(question.await.is_ok());
        }
        assert_eq!(running.load(Ordering::SeqCst), names.len());
    }
}
