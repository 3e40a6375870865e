//! Who watches the events: log lines, and a progress bar or plain lines in its place.

mod columns;
mod format;
mod held;
mod log;
mod plan;
mod progress;
mod region;
mod rows;
mod screen;
pub(crate) mod words;

use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vps_ops::event::Observer;

use crate::args::{GlobalArgs, LogFormat};
use crate::config::Environment;
use crate::term::Term;

pub(crate) use plan::PlanView;
pub(crate) use screen::Screen;
pub(crate) use words::Words;

/// Sets up logging; call once, before the first event.
pub(crate) fn start(global: &GlobalArgs, environment: &Environment, term: Term) -> Screen {
    let level = match (global.quiet, global.verbose) {
        // The error object is all there is.
        (1, _) if global.json_errors() => "off",
        (0, 0) => "info",
        (0, 1) => "debug",
        (0, _) => "trace",
        (1, _) => "error",
        _ => "off",
    };
    // Other crates' chatter is not ours to print unless it is asked for. What the library warns of is.
    let ours = format!("off,vps_configurator={level},vps_ops={level}");
    let default = if global.verbose > 1 { level.to_owned() } else { ours };
    let asked = environment.log_filter.as_deref().map(EnvFilter::try_new).transpose();
    let (filter, wrong) = match asked {
        Ok(filter) => (filter, None),
        Err(error) => (None, Some(error)),
    };
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let bar =
        term.has_bar && global.quiet == 0 && global.verbose == 0 && global.log_format == LogFormat::Human;
    let screen = Screen::new(bar);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(screen.clone()).with_ansi(false);
    // A second start, as in a test, keeps the first one's subscriber.
    let _ = match global.log_format {
        LogFormat::Human => {
            registry.with(layer.event_format(format::Human { systemd: environment.under_systemd })).try_init()
        }
        LogFormat::Json => registry.with(layer.event_format(format::Json)).try_init(),
    };
    if let Some(error) = wrong {
        tracing::warn!("environment variable VPS_CONFIGURATOR_LOG is ignored: {error}");
    }
    screen
}

/// Everyone who watches.
pub(crate) fn observers(screen: &Screen, term: Term, format: LogFormat) -> Arc<dyn Observer> {
    let log: Arc<dyn Observer> = Arc::new(log::Log::new(Words::new(term.unicode), format));
    let progress: Arc<dyn Observer> = Arc::new(progress::Progress::new(screen.clone()));
    // The bar is taken away before the line that ends it is written.
    Arc::new(vec![progress, log])
}

/// Those of a plan, whose view says what begins and ends, and shows what is under way where it can: of its operations
/// only what goes wrong on the way is said.
pub(crate) fn observers_of_plan(
    screen: &Screen,
    term: Term,
    format: LogFormat,
    view: &Arc<PlanView>,
) -> Arc<dyn Observer> {
    let log = log::Log::new(Words::new(term.unicode), format);
    let has_rows = view.is_drawn();
    let log: Arc<dyn Observer> = Arc::new(plan::OnTheWay { log, has_rows });
    let progress: Arc<dyn Observer> =
        if has_rows { Arc::clone(view) as _ } else { Arc::new(progress::Progress::new(screen.clone())) };
    Arc::new(vec![progress, log])
}
