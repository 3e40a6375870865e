//! `health_checks.notify`: whoever watches tells of what changes.

use tokio::sync::mpsc;
use vps_ops::NetworkOperationWrapper;
use vps_ops::env::Task;
use vps_ops::process::Ended;
use vps_ops::watch::{LoggedChange, News, NotTold, Notifier, Voice};

use super::header_file;
use crate::app::App;
use crate::report::{Failure, document, fit, line_of};

/// Whoever watches says what changed, if somebody is to be told; that goes on for as long as the task is kept.
pub(crate) type Telling = (Option<mpsc::UnboundedSender<LoggedChange>>, Option<Task>);

/// Begins to tell, by the configuration.
pub(crate) fn start(app: &App, network: &NetworkOperationWrapper) -> Result<Telling, Failure> {
    let Some(notifier) = notifier(app, network)? else { return Ok((None, None)) };
    let (tell, told) = mpsc::unbounded_channel();
    Ok((Some(tell), Some(app.env.spawn("notify", async move { notifier.run(told).await }))))
}

fn notifier(app: &App, network: &NetworkOperationWrapper) -> Result<Option<Notifier>, Failure> {
    let Some(policy) = &network.policies().health().notify else { return Ok(None) };
    let headers = policy
        .header_file
        .as_deref()
        .map(|path| header_file::read(app, "health_checks.notify.header_file", path, Failure::local));
    Ok(network.notifier(headers.transpose()?.unwrap_or_default(), Box::new(Words)))
}

struct Words;

impl Voice for Words {
    fn news(&self, change: &LoggedChange, left_out: u32) -> News {
        let told = document::News::of(change, left_out);
        let json = line_of(&told).into_bytes();
        let document::Change { service, from, to, text, .. } = told.change;
        News {
            service,
            from: from.to_owned(),
            to: to.to_owned(),
            reason: fit::line(&text).into_owned(),
            json,
        }
    }

    fn not_told(&self, why: &NotTold) {
        let why = match why {
            NotTold::Ended { program, ended: Ended::Code(code) } => format!("{program} ended with {code}"),
            NotTold::Ended { program, .. } => format!("{program} was killed"),
            NotTold::NotRun(error) => error.to_string(),
            NotTold::TooLong { program } => format!("{program} took longer than it may, and was ended"),
            NotTold::Answered { url, status } => format!("{url} answered {status}"),
            NotTold::Failed { url, error } => format!("{url}: {error}"),
            NotTold::Silent { url } => format!("{url} did not answer in time"),
            _ => "for a reason that this version has no words for".to_owned(),
        };
        tracing::warn!("health_checks.notify: {why}");
    }
}
