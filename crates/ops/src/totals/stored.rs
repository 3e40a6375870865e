//! The totals in the store: one record a service, and a list of the names that are told apart though nobody
//! configured them.

use std::collections::{BTreeMap, BTreeSet};

use super::counting::Whose;
use super::figures::ServiceTotals;
use super::{LISTED, NOBODY, OTHERS};
use crate::service::{ServiceName, ServiceTable};
use crate::store::{Store, StoreError};

/// Where they begin in the store; another form of them takes another number.
const PREFIX: &str = "metrics/1/";
/// The services' own, by name.
const SERVICES: &str = "metrics/1/service/";
const NOBODYS: &str = "metrics/1/nobody";
const OTHERS_KEY: &str = "metrics/1/others";
/// Names that no configuration has: hosts, and what a library's user calls his services.
const NAMES: &str = "metrics/1/names";
/// A name that is longer is not told apart.
const LONGEST: usize = 256;

/// Adds what was counted, in one transaction. What is not told apart any more goes to the others.
pub(super) fn add(
    store: &dyn Store,
    table: &ServiceTable,
    pending: &BTreeMap<Whose, ServiceTotals>,
) -> Result<(), StoreError> {
    let services: Vec<(&ServiceName, &ServiceTotals)> = pending.iter().filter_map(named).collect();
    let keys: Vec<String> = [NAMES, NOBODYS, OTHERS_KEY]
        .into_iter()
        .map(str::to_owned)
        .chain(services.iter().map(|(name, _)| format!("{SERVICES}{name}")))
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    store.update_all(&keys, &mut |values| {
        let [names, nobodys, others, own @ ..] = values else { return false };
        let mut listed = Listed::decode(names.as_deref());
        put(nobodys, pending.get(&Whose::Nobody));
        put(others, pending.get(&Whose::Others));
        for ((name, totals), value) in services.iter().zip(own) {
            let to = if listed.takes(name, table) { value } else { &mut *others };
            put(to, Some(totals));
        }
        if listed.has_grown {
            *names = listed.encode();
        }
        true
    })
}

fn put(value: &mut Option<Vec<u8>>, more: Option<&ServiceTotals>) {
    let Some(more) = more else { return };
    let mut totals = ServiceTotals::decode(value.as_deref());
    totals.plus(more);
    if let Some(bytes) = totals.encode() {
        *value = Some(bytes);
    }
}

fn named<'p>(
    (whose, totals): (&'p Whose, &'p ServiceTotals),
) -> Option<(&'p ServiceName, &'p ServiceTotals)> {
    match whose {
        Whose::Service(name) => Some((name, totals)),
        Whose::Nobody | Whose::Others => None,
    }
}

/// What the store has by label, with what was counted since, and the names that are told apart.
pub(super) fn read(
    store: &dyn Store,
    table: &ServiceTable,
    pending: &BTreeMap<Whose, ServiceTotals>,
) -> Result<(BTreeMap<String, ServiceTotals>, BTreeSet<String>), StoreError> {
    let mut listed = Listed::default();
    let mut all: BTreeMap<String, ServiceTotals> = BTreeMap::new();
    let entries = store.list(PREFIX)?;
    if let Some((_, bytes)) = entries.iter().find(|(key, _)| key == NAMES) {
        listed = Listed::decode(Some(bytes));
    }
    let mut plus = |label: &str, totals: &ServiceTotals| match all.get_mut(label) {
        Some(all) => all.plus(totals),
        None => drop(all.insert(label.to_owned(), totals.clone())),
    };
    for (key, bytes) in &entries {
        let label = match (key.as_str(), key.strip_prefix(SERVICES)) {
            (NOBODYS, _) => NOBODY,
            (OTHERS_KEY, _) => OTHERS,
            // One that was taken out of the configuration is not told of any more.
            (_, Some(name)) if listed.has(name) || table.has(name) => name,
            _ => continue,
        };
        plus(label, &ServiceTotals::decode(Some(bytes)));
    }
    for (whose, totals) in pending {
        let label = match whose {
            Whose::Nobody => NOBODY,
            Whose::Service(name) if listed.takes(name, table) => name.as_str(),
            Whose::Service(_) | Whose::Others => OTHERS,
        };
        plus(label, totals);
    }
    Ok((all, listed.names))
}

/// The names that are told apart though they are not configured.
#[derive(Default)]
struct Listed {
    names: BTreeSet<String>,
    has_grown: bool,
}

impl Listed {
    fn decode(bytes: Option<&[u8]>) -> Self {
        let names = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        Self { names, has_grown: false }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.names).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether a name is told apart; one that is new is, while there is room.
    fn takes(&mut self, name: &ServiceName, table: &ServiceTable) -> bool {
        let name = name.as_str();
        if table.has(name) || self.has(name) {
            return true;
        }
        let has_room = self.names.len() < LISTED && name.len() <= LONGEST;
        self.has_grown |= has_room && self.names.insert(name.to_owned());
        has_room
    }
}
