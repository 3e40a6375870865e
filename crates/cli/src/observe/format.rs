//! How a log line looks: `LEVEL: message`, or one JSON object.

use std::fmt::{self, Debug};

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::report::document::LogLine;
use crate::report::{fit, one_line};

/// For people: the level and the message.
#[derive(Debug)]
pub(super) struct Human {
    /// Under systemd a line begins with its priority.
    pub(super) systemd: bool,
}

/// For programs: every field.
#[derive(Debug)]
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (word, priority) = match *event.metadata().level() {
            Level::ERROR => ("ERROR", 3),
            Level::WARN => ("WARNING", 4),
            Level::INFO => ("INFO", 6),
            Level::DEBUG => ("DEBUG", 7),
            Level::TRACE => ("TRACE", 7),
        };
        if self.systemd {
            write!(writer, "<{priority}>")?;
        }
        // Taken out again where there is no colour; the word is always there.
        let style = match *event.metadata().level() {
            Level::ERROR => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Level::WARN => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            _ => Style::new(),
        };
        writeln!(writer, "{style}{word}{style:#}: {}", fit::line(&Fields::of(event).message))
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = Fields::of(event);
        let line = LogLine {
            timestamp: crate::report::now_rfc3339(),
            level: event.metadata().level().as_str(),
            message: fields.message,
            fields: fields.others,
        };
        writeln!(writer, "{}", one_line(&line))
    }
}

/// Where in its source a library wrote its line: paths of the machine that the program was built on.
const OF_LIBRARIES: [&str; 4] = ["log.file", "log.line", "log.module_path", "log.target"];

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn set(&mut self, field: &Field, value: Value) {
        if !OF_LIBRARIES.contains(&field.name()) {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.set(field, format!("{value:?}").into());
        }
    }
}
