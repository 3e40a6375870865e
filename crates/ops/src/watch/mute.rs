//! Services that nobody is told of for a while, and services that somebody wants looked at now.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::env::Env;
use crate::service::ServiceName;
use crate::store::{Store, StoreError, StoreHandle};

const MUTED: &str = "muted/";
const ASKED: &str = "asked/";
/// A wish that nobody heard for so long is none any more, in seconds.
const WISH_LASTS: f64 = 60.0;

#[derive(Serialize, Deserialize)]
struct Until {
    /// In seconds since the Unix epoch.
    until: f64,
}

#[derive(Serialize, Deserialize)]
struct Wish {
    /// In seconds since the Unix epoch.
    at: f64,
}

/// Tells nobody of changes of `service` for so long; nothing ends that at once.
///
/// Until when that is, in seconds since the Unix epoch.
///
/// # Errors
/// When the store does not take it.
pub async fn mute(
    env: &Env,
    store: &StoreHandle,
    service: &ServiceName,
    length: Option<Duration>,
) -> Result<Option<f64>, StoreError> {
    let key = format!("{MUTED}{service}");
    let until = length.map(|length| (env.wall() + length).as_secs_f64());
    store
        .ask(env, move |store| match until {
            Some(until) => store.update(&key, &mut |_| serde_json::to_vec(&Until { until }).ok()),
            None => store.remove(&key),
        })
        .await??;
    Ok(until)
}

/// Which services are muted, and until when, in seconds since the Unix epoch.
pub(super) fn muted(store: &dyn Store, wall: f64) -> Result<BTreeMap<ServiceName, f64>, StoreError> {
    let all = store.list(MUTED)?.into_iter().filter_map(|(key, bytes)| {
        let until = serde_json::from_slice::<Until>(&bytes).ok()?.until;
        let service = ServiceName::from(key.strip_prefix(MUTED)?);
        (until > wall).then_some((service, until))
    });
    Ok(all.collect())
}

/// Wants `service` looked at now, by whichever process looks.
///
/// # Errors
/// When the store does not take it.
pub async fn ask_for(env: &Env, store: &StoreHandle, service: &ServiceName) -> Result<(), StoreError> {
    let (key, wish) = (format!("{ASKED}{service}"), Wish { at: env.wall().as_secs_f64() });
    store.ask(env, move |store| store.update(&key, &mut |_| serde_json::to_vec(&wish).ok())).await?
}

/// Takes the wishes out, those that are too old without a word.
pub(super) fn wishes(store: &dyn Store, wall: f64) -> Result<Vec<ServiceName>, StoreError> {
    let mut wanted = Vec::new();
    for (key, bytes) in store.list(ASKED)? {
        store.remove(&key)?;
        let wish = serde_json::from_slice::<Wish>(&bytes).ok();
        let is_fresh = wish.is_some_and(|wish| (wall - wish.at).abs() <= WISH_LASTS);
        if let Some(service) = key.strip_prefix(ASKED).filter(|_| is_fresh) {
            wanted.push(ServiceName::from(service));
        }
    }
    Ok(wanted)
}
