//! `OpenMetrics` 1.0, through its official library.

use std::fmt::{self, Result};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use vps_ops::totals::{BUCKETS, Durations};

use super::Figures;
use super::families::{self, Form, Samples};
use super::names::{MOST_LABELS, Metric, Type};

/// The figures as text, with the mark at the end that says that it is whole.
///
/// # Errors
/// Where a sample is none of its metric.
pub(super) fn render(figures: Arc<Figures>) -> std::result::Result<String, fmt::Error> {
    let mut text = String::with_capacity(figures.size());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(All(figures)));
    text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct All(Arc<Figures>);

impl Collector for All {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result {
        families::write(&self.0, &mut Open(encoder))
    }
}

struct Open<'e>(DescriptorEncoder<'e>);

impl Form for Open<'_> {
    fn metric(
        &mut self,
        metric: &'static Metric,
        write: &mut dyn FnMut(&mut dyn Samples) -> Result,
    ) -> Result {
        let unit = metric.unit.map(|unit| match unit {
            "seconds" => Unit::Seconds,
            "bytes" => Unit::Bytes,
            other => Unit::Other(other.to_owned()),
        });
        // The library adds the unit itself.
        let ending = metric.unit.map(|unit| format!("_{unit}")).unwrap_or_default();
        let name = metric.family.strip_suffix(&ending).unwrap_or(metric.family);
        let header = Some(Header { to: &mut self.0, name, unit: unit.as_ref() });
        write(&mut Family { metric, header, samples: None })
    }
}

/// What comes before the first sample.
struct Header<'h, 'e> {
    to: &'h mut DescriptorEncoder<'e>,
    name: &'h str,
    unit: Option<&'h Unit>,
}

struct Family<'h, 'e> {
    metric: &'static Metric,
    header: Option<Header<'h, 'e>>,
    samples: Option<MetricEncoder<'h>>,
}

impl Family<'_, '_> {
    /// Writes one sample with its labels, and before the first what the metric is.
    fn sample(&mut self, values: &[&str], write: impl FnOnce(&mut MetricEncoder<'_>) -> Result) -> Result {
        if let Some(Header { to, name, unit }) = self.header.take() {
            let kind = match self.metric.kind {
                Type::Counter => MetricType::Counter,
                Type::Gauge => MetricType::Gauge,
                Type::Histogram => MetricType::Histogram,
                Type::Info => MetricType::Info,
            };
            self.samples = Some(to.encode_descriptor(name, self.metric.help, unit, kind)?);
        }
        let Some(samples) = &mut self.samples else { return Err(fmt::Error) };
        if values.is_empty() {
            return write(samples);
        }
        let mut labels = [("", ""); MOST_LABELS];
        let named = self.metric.labels.iter().zip(values);
        for (label, (name, value)) in labels.iter_mut().zip(named) {
            *label = (name, value);
        }
        let labels = labels.get(..values.len()).ok_or(fmt::Error)?;
        write(&mut samples.encode_family(&labels)?)
    }
}

impl Samples for Family<'_, '_> {
    fn whole(&mut self, labels: &[&str], value: u64) -> Result {
        match self.metric.kind {
            Type::Info => {
                // Its labels are the library's to write.
                let label = self.metric.labels.first().copied().zip(labels.first().copied());
                let label = label.ok_or(fmt::Error)?;
                self.sample(&[], |to| to.encode_info(&[label]))
            }
            Type::Counter => self.sample(labels, |to| to.encode_counter::<NoLabelSet, _, f64>(&value, None)),
            Type::Gauge | Type::Histogram => self.sample(labels, |to| to.encode_gauge(&value)),
        }
    }

    fn number(&mut self, labels: &[&str], value: f64) -> Result {
        match self.metric.kind {
            Type::Counter => self.sample(labels, |to| to.encode_counter::<NoLabelSet, _, f64>(&value, None)),
            _ => self.sample(labels, |to| to.encode_gauge(&value)),
        }
    }

    fn durations(&mut self, labels: &[&str], value: &Durations) -> Result {
        let mut buckets = [(f64::INFINITY, 0); BUCKETS.len() + 1];
        for (bucket, limit) in buckets.iter_mut().zip(BUCKETS) {
            bucket.0 = limit;
        }
        for (bucket, count) in buckets.iter_mut().zip(value.buckets()) {
            bucket.1 = *count;
        }
        let (sum, count) = (value.sum().as_secs_f64(), value.count());
        self.sample(labels, |to| to.encode_histogram::<NoLabelSet>(sum, count, &buckets, None))
    }
}
