//! How often somebody is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use serde_json::json;
use tokio::sync::mpsc;
use vps_health::{Connection, Reason, Status};

use super::lab::{settings, virtually, wait};
use crate::env::Env;
use crate::settings::NotifyPolicy;
use crate::testing::scripted_http::{Script, ScriptedHttp};
use crate::testing::scripted_runner::ScriptedRunner;
use crate::watch::{Changed, LoggedChange, News, NotTold, Notifier, Voice};

/// Of which service, to what, after how many that were left out.
type Said = (String, String, u32);

/// Knows what was told and what was not.
#[derive(Clone, Default)]
struct Heard {
    said: Arc<Mutex<Vec<Said>>>,
    not_told: Arc<Mutex<Vec<String>>>,
}

impl Voice for Heard {
    fn news(&self, change: &LoggedChange, left_out: u32) -> News {
        let service = change.what.service().map(str::to_owned);
        let to = match &change.what {
            Changed::Status { to, .. } => to.to_string(),
            other => format!("{other:?}"),
        };
        let name = service.clone().unwrap_or_else(|| "this machine".to_owned());
        self.said.lock().unwrap().push((name, to.clone(), left_out));
        News { service, from: String::new(), to, reason: String::new(), json: vec![b'{', b'}'] }
    }

    fn not_told(&self, why: &NotTold) {
        self.not_told.lock().unwrap().push(format!("{why:?}"));
    }
}

/// Who tells, whom it asks, and what is heard.
struct Told {
    env: Env,
    tell: mpsc::UnboundedSender<LoggedChange>,
    http: Arc<ScriptedHttp>,
    heard: Heard,
    _task: crate::env::Task,
}

impl Told {
    fn by(env: Env, answer: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        let http = Arc::new(ScriptedHttp::new(env.clone(), move |_, number| answer(number)));
        let (heard, runner) = (Heard::default(), Arc::new(ScriptedRunner::new(|line| panic!("{line}"))));
        let url = "https://example.com/hook".parse().unwrap();
        let policy = NotifyPolicy {
            command: None,
            url: Some(url),
            header_file: None,
            timeout: Duration::from_secs(10),
        };
        let (voice, client) = (Box::new(heard.clone()), Arc::clone(&http));
        let notifier = Notifier::new(env.clone(), runner, client, policy, HeaderMap::new(), voice);
        let (tell, told) = mpsc::unbounded_channel();
        let task = env.spawn("notify", async move { notifier.run(told).await });
        Self { env, tell, http, heard, _task: task }
    }

    fn changes(&self, what: Changed) {
        self.tell.send(LoggedChange { at: self.env.wall().as_secs_f64(), what }).unwrap();
    }

    fn becomes(&self, service: &str, to: Status) {
        let (service, reason) = (service.into(), Reason::Answered);
        self.changes(Changed::Status { service, from: Status::Unknown, to, since: 0.0, samples: 1, reason });
    }

    /// What was told since the last time, each by one request.
    fn said(&self, asked_in_all: usize) -> Vec<Said> {
        assert_eq!(self.http.asked().len(), asked_in_all);
        std::mem::take(&mut *self.heard.said.lock().unwrap())
    }
}

fn said(service: &str, to: Status, left_out: u32) -> Said {
    (service.to_owned(), to.to_string(), left_out)
}

#[test]
fn of_a_service_somebody_is_told_once_a_minute_and_then_of_the_last_change() {
    use Status::{Degraded, Healthy, Unhealthy};
    virtually(settings(&[], &json!({})), |lab| async move {
        let told = Told::by(lab.host.process().env(), |_| Script::status(204));
        told.becomes("a", Unhealthy);
        wait(1.0).await;
        assert_eq!(told.said(1), [said("a", Unhealthy, 0)], "the first at once");
        for status in [Healthy, Unhealthy, Degraded] {
            told.becomes("a", status);
            wait(10.0).await;
        }
        assert_eq!(told.said(1), []);
        // Another one and this machine have minutes of their own.
        told.becomes("b", Unhealthy);
        told.changes(Changed::Machine { from: Connection::Online, to: Connection::Offline });
        wait(1.0).await;
        let names: Vec<String> = told.said(3).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["b", "this machine"]);
        wait(27.9).await;
        assert_eq!(told.said(3), [], "59.9 s after the first");
        wait(0.2).await;
        assert_eq!(told.said(4), [said("a", Degraded, 2)], "the last, and how many before it never are");
        wait(3_600.0).await;
        assert_eq!(told.said(4), [], "nothing is left over");
        told.becomes("a", Healthy);
        wait(0.1).await;
        assert_eq!(told.said(5), [said("a", Healthy, 0)]);
        assert!(told.heard.not_told.lock().unwrap().is_empty());
    });
}

#[test]
fn one_that_does_not_listen_is_not_told_sooner() {
    virtually(settings(&[], &json!({})), |lab| async move {
        let told = Told::by(lab.host.process().env(), |number| match number {
            1 => Script::status(204).after(Duration::from_secs(3_600)),
            _ => Script::status(500),
        });
        told.becomes("a", Status::Unhealthy);
        wait(9.9).await;
        assert!(told.heard.not_told.lock().unwrap().is_empty());
        told.becomes("a", Status::Healthy);
        wait(0.2).await;
        let why = std::mem::take(&mut *told.heard.not_told.lock().unwrap());
        assert!(why.len() == 1 && why[0].contains("Silent"), "{why:?}");
        assert_eq!(told.said(1), [said("a", Status::Unhealthy, 0)]);
        wait(49.8).await;
        assert_eq!(told.said(1), [], "59.9 s after the first");
        wait(0.2).await;
        assert_eq!(told.said(2), [said("a", Status::Healthy, 0)]);
        let why = told.heard.not_told.lock().unwrap();
        assert!(why.len() == 1 && why[0].contains("500"), "{why:?}");
    });
}
