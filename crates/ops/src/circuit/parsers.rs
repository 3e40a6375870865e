//! What a store or a snapshot of it holds of circuits, given as anything at all.

use vps_breaker::Policy;

use super::record::Record;
use crate::env::Env;
use crate::store::{StatusSnapshot, Store as _};

/// What a parser made of some bytes: a word or two that tell inputs apart which lead to different places, and the
/// texts that a person would come to see.
type Made = (String, Vec<String>);

/// A parser's name, and the parser.
type Parser = (&'static str, fn(&[u8]) -> Made);

/// The parsers, by name.
pub(crate) const PARSERS: &[Parser] = &[("circuit_record", record), ("snapshot", snapshot)];

fn silent(shape: impl Into<String>) -> Made {
    (shape.into(), Vec::new())
}

fn record(bytes: &[u8]) -> Made {
    let Some(record) = Record::decode(bytes) else { return silent("none") };
    let env = Env::real();
    let now = env.now();
    let machine = record.current(&Policy::default(), &env, now);
    silent(format!("held {}", machine.is_held(now)))
}

fn snapshot(bytes: &[u8]) -> Made {
    let Ok(document) = serde_json::from_slice(bytes) else { return silent("no json") };
    let snapshot = StatusSnapshot { document };
    let at = snapshot.written_at().is_some();
    let Some(store) = snapshot.store() else { return silent(format!("no entries {at}")) };
    let records = store.list("").unwrap_or_default();
    let known = records.iter().filter(|(_, bytes)| Record::decode(bytes).is_some()).count();
    silent(format!("{} {} {at}", records.len().min(3), known.min(2)))
}
