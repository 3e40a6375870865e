//! The classic text format, `text/plain; version=0.0.4`: `node_exporter` takes no other, and refuses a whole file for one
//! line that it does not know.

use std::fmt::{Result, Write as _};

use vps_ops::totals::{BUCKETS, Durations};

use super::Figures;
use super::families::{self, Form, Samples};
use super::names::{Metric, Type};

/// The figures as text.
///
/// # Errors
/// Where a sample is none of its metric.
pub(super) fn render(figures: &Figures) -> std::result::Result<String, std::fmt::Error> {
    let mut text = Text(String::with_capacity(figures.size()));
    families::write(figures, &mut text)?;
    Ok(text.0)
}

struct Text(String);

impl Form for Text {
    fn metric(
        &mut self,
        metric: &'static Metric,
        write: &mut dyn FnMut(&mut dyn Samples) -> Result,
    ) -> Result {
        write(&mut Family { metric, text: &mut self.0, is_named: false })
    }
}

struct Family<'t> {
    metric: &'static Metric,
    text: &'t mut String,
    is_named: bool,
}

impl Family<'_> {
    /// Before the first sample, what the metric is. A counter is named as its samples are, and there is no type for
    /// information.
    fn name(&mut self) -> Result {
        if std::mem::replace(&mut self.is_named, true) {
            return Ok(());
        }
        let kind = match self.metric.kind {
            Type::Counter => "counter",
            Type::Gauge | Type::Info => "gauge",
            Type::Histogram => "histogram",
        };
        let (family, ending) = (self.metric.family, self.metric.ending());
        writeln!(self.text, "# HELP {family}{ending} {}", self.metric.help)?;
        writeln!(self.text, "# TYPE {family}{ending} {kind}")
    }

    /// Writes the start of a line, up to its value.
    fn begin(&mut self, ending: &str, labels: &str) {
        self.text.push_str(self.metric.family);
        self.text.push_str(ending);
        if !labels.is_empty() {
            self.text.push('{');
            self.text.push_str(labels);
            self.text.push('}');
        }
        self.text.push(' ');
    }

    /// The labels of a sample, without the braces.
    fn labels(&self, values: &[&str]) -> String {
        let mut labels = String::with_capacity(64);
        for (name, value) in self.metric.labels.iter().zip(values) {
            if !labels.is_empty() {
                labels.push(',');
            }
            labels.push_str(name);
            labels.push_str("=\"");
            if value.contains(['\\', '"', '\n']) {
                labels.push_str(&value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"));
            } else {
                labels.push_str(value);
            }
            labels.push('"');
        }
        labels
    }
}

impl Samples for Family<'_> {
    fn whole(&mut self, labels: &[&str], value: u64) -> Result {
        self.name()?;
        self.begin(self.metric.ending(), &self.labels(labels));
        writeln!(self.text, "{value}")
    }

    fn number(&mut self, labels: &[&str], value: f64) -> Result {
        self.name()?;
        self.begin(self.metric.ending(), &self.labels(labels));
        // With a point where it is whole, as the other form has it.
        writeln!(self.text, "{value:?}")
    }

    fn durations(&mut self, labels: &[&str], value: &Durations) -> Result {
        self.name()?;
        let mut labels = self.labels(labels);
        let without = labels.len();
        let limits = BUCKETS.into_iter().map(Some).chain([None]);
        let mut sum = 0_u64;
        for (limit, count) in limits.zip(value.buckets()) {
            sum = sum.saturating_add(*count);
            labels.truncate(without);
            labels.push_str(if without > 0 { ",le=\"" } else { "le=\"" });
            match limit {
                Some(limit) => write!(labels, "{limit:?}\"")?,
                None => labels.push_str("+Inf\""),
            }
            self.begin("_bucket", &labels);
            writeln!(self.text, "{sum}")?;
        }
        labels.truncate(without);
        self.begin("_sum", &labels);
        writeln!(self.text, "{:?}", value.sum().as_secs_f64())?;
        self.begin("_count", &labels);
        writeln!(self.text, "{}", value.count())
    }
}
