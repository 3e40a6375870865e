//! Tells somebody outside of what changed: by a program, by a POST.
//!
//! At most once a minute for each service: of what changes meanwhile the last is told, with how much was left out.
//! Whatever goes wrong in here is a warning and no more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use vps_breaker::Tick;

use super::change::LoggedChange;
use crate::env::{Env, Task};
use crate::http::{HttpClient, HttpError, HttpRequest, SafeUrl};
use crate::process::{CommandError, Ended, ProcessSpec, Runner, Talk};
use crate::settings::NotifyPolicy;

/// How often somebody is told of one service.
const EACH: Duration = Duration::from_secs(60);
/// So many are told at once.
const AT_ONCE: usize = 4;

/// A change in words, as it is told.
#[derive(Clone, Debug)]
pub struct News {
    /// Whose; nothing for this machine.
    pub service: Option<String>,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// All of it, for people.
    pub reason: String,
    /// All of it as JSON.
    pub json: Vec<u8>,
}

/// Why somebody was not told.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotTold {
    /// The program ended with a failure.
    Ended {
        /// Its name.
        program: String,
        /// How.
        ended: Ended,
    },
    /// The program could not be run.
    NotRun(CommandError),
    /// The program took too long, and was ended.
    TooLong {
        /// Its name.
        program: String,
    },
    /// The server answered otherwise than that all is well. A redirect is one: it is not followed.
    Answered {
        /// Where.
        url: SafeUrl,
        /// The status.
        status: u16,
    },
    /// There was no answer.
    Failed {
        /// Where.
        url: SafeUrl,
        /// Why.
        error: HttpError,
    },
    /// There was none in time.
    Silent {
        /// Where.
        url: SafeUrl,
    },
}

/// Has the words.
pub trait Voice: Send + Sync {
    /// For a change, and for how many of the same service were left out before it.
    fn news(&self, change: &LoggedChange, left_out: u32) -> News;

    /// Says that somebody was not told.
    fn not_told(&self, why: &NotTold);
}

/// Who is told, and how.
pub struct Notifier {
    way: Arc<Way>,
}

struct Way {
    env: Env,
    runner: Arc<dyn Runner>,
    http: Arc<dyn HttpClient>,
    policy: NotifyPolicy,
    headers: HeaderMap,
    voice: Box<dyn Voice>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("policy", &self.way.policy).finish_non_exhaustive()
    }
}

/// What is known of one service, or of this machine.
#[derive(Default)]
struct Known {
    told_at: Option<Tick>,
    /// What is to be told next, and how much before it never will be.
    waits: Option<(LoggedChange, u32)>,
}

impl Known {
    fn due(&self, now: Tick) -> Option<Tick> {
        self.waits.as_ref().map(|_| self.told_at.map_or(now, |at| at.after(EACH)))
    }
}

impl Notifier {
    pub(crate) fn new(
        env: Env,
        runner: Arc<dyn Runner>,
        http: Arc<dyn HttpClient>,
        policy: NotifyPolicy,
        headers: HeaderMap,
        voice: Box<dyn Voice>,
    ) -> Self {
        Self { way: Arc::new(Way { env, runner, http, policy, headers, voice }) }
    }

    /// Tells of what is heard, until whoever says it is gone. Cancel safe: dropped, it ends what it began.
    pub async fn run(&self, mut told: mpsc::UnboundedReceiver<LoggedChange>) {
        let env = &self.way.env;
        let mut known: BTreeMap<Option<String>, Known> = BTreeMap::new();
        let (done, mut ended) = mpsc::unbounded_channel::<u64>();
        let (mut under_way, mut number) = (BTreeMap::<u64, Task>::new(), 0);
        loop {
            let now = env.now();
            for one in known.values_mut() {
                if under_way.len() >= AT_ONCE {
                    break;
                }
                if one.due(now).is_none_or(|at| at > now) {
                    continue;
                }
                let Some((change, left_out)) = one.waits.take() else { continue };
                one.told_at = Some(now);
                let (news, way, done) =
                    (self.way.voice.news(&change, left_out), Arc::clone(&self.way), done.clone());
                number += 1;
                let mine = number;
                let task = env.spawn("notify", async move {
                    way.tell(&news).await;
                    // Nobody waits any more once the watch has ended.
                    let _ = done.send(mine);
                });
                under_way.insert(mine, task);
            }
            // Of whom nothing waits and who may be told again there is nothing to know.
            known.retain(|_, one| one.waits.is_some() || one.told_at.is_some_and(|at| now.since(at) < EACH));
            let next = known.values().filter_map(|one| one.due(now)).filter(|at| *at > now).min();
            tokio::select! {
                biased;
                change = told.recv() => match change {
                    Some(change) => {
                        let one = known.entry(change.what.service().map(str::to_owned)).or_default();
                        let left_out = one.waits.as_ref().map_or(0, |(_, left_out)| left_out + 1);
                        one.waits = Some((change, left_out));
                    }
                    None => return,
                },
                Some(number) = ended.recv() => drop(under_way.remove(&number)),
                () = env.bell(next.unwrap_or_else(|| now.after(EACH))) => {}
            }
        }
    }
}

impl Way {
    async fn tell(&self, news: &News) {
        let end = self.env.now().after(self.policy.timeout);
        tokio::join!(self.run(news, end), self.post(news, end));
    }

    async fn run(&self, news: &News, end: Tick) {
        let Some((program, args)) = self.policy.command.as_ref().and_then(|command| command.split_first())
        else {
            return;
        };
        let spec = ProcessSpec::new(program)
            .args(args)
            .variable("VPS_CONFIGURATOR_SERVICE", news.service.as_deref().unwrap_or_default())
            .variable("VPS_CONFIGURATOR_FROM", &news.from)
            .variable("VPS_CONFIGURATOR_TO", &news.to)
            .variable("VPS_CONFIGURATOR_REASON", &news.reason);
        let name = spec.name();
        let mut telling = Telling(&news.json);
        let why = match self.env.until(end, self.runner.converse(&self.env, &spec, &mut telling)).await {
            Some(Ok(captured)) if captured.ended == Ended::Code(0) => return,
            Some(Ok(captured)) => NotTold::Ended { program: name, ended: captured.ended },
            Some(Err(error)) => NotTold::NotRun(error),
            None => {
                self.runner.settle(&self.env).await;
                NotTold::TooLong { program: name }
            }
        };
        self.voice.not_told(&why);
    }

    async fn post(&self, news: &News, end: Tick) {
        let Some(url) = &self.policy.url else { return };
        let mut request = HttpRequest::post(url.clone(), Bytes::from(news.json.clone()));
        request.connect_limit = end.since(self.env.now());
        request.headers = self.headers.clone();
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let url = SafeUrl::new(url);
        // A redirect is not followed: what stands in the headers is for this host alone.
        let why = match self.env.until(end, self.http.send(request)).await {
            Some(Ok(response)) if response.status.is_success() => return,
            Some(Ok(response)) => NotTold::Answered { url, status: response.status.as_u16() },
            Some(Err(error)) => NotTold::Failed { url, error },
            None => NotTold::Silent { url },
        };
        self.voice.not_told(&why);
    }
}

/// Says it, and hears whatever there is to the end.
struct Telling<'n>(&'n [u8]);

#[async_trait]
impl Talk for Telling<'_> {
    async fn talk(&mut self, mut input: ChildStdin, mut output: ChildStdout) {
        // One that does not read it has ended, or does not want to.
        let _ = input.write_all(self.0).await;
        drop(input);
        let mut heard = [0; 4_096];
        while output.read(&mut heard).await.is_ok_and(|count| count > 0) {}
    }
}
