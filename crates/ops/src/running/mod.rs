//! What is under way on this machine: operations of all processes that share a store.
//!
//! An operation that has taken a second leaves in the store how far it is, at most once a second, and takes that out
//! when it ends. Of a process that died its operations are not shown, and are taken out by who looks next.
//!
//! ```
//! use vps_ops::env::Env;
//! use vps_ops::running::{Running, running};
//! use vps_ops::store::StoreHandle;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let (env, store) = (Env::real(), StoreHandle::in_memory());
//! let observer = Running::new(env.clone(), store.clone());
//! # drop(observer);
//! assert!(running(&env, &store).await.unwrap().is_empty());
//! # });
//! ```

mod note;
mod observer;

use std::sync::Arc;

pub use note::{Doing, RunningOperation, Waits};
pub use observer::Running;

use crate::env::Env;
use crate::store::{Store, StoreError, StoreHandle};

/// Where the notes begin in the store.
const PREFIX: &str = "running/";

/// Notes of dead processes that are taken out in one look.
const SWEPT: usize = 64;

/// All operations that are under way and have taken a second, the oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn running(env: &Env, store: &StoreHandle) -> Result<Vec<RunningOperation>, StoreError> {
    let asker = env.clone();
    let (mut found, dead) = store.ask(env, move |store| look(&asker, store)).await??;
    if !dead.is_empty() {
        store.tell(move |store| {
            for key in &dead {
                // Whoever looks next finds what could not be taken out.
                let _ = store.remove(key);
            }
        });
    }
    found.sort_by(|a, b| a.since.total_cmp(&b.since).then_with(|| a.target.as_str().cmp(b.target.as_str())));
    Ok(found)
}

type Found = (Vec<RunningOperation>, Vec<String>);

fn look(env: &Env, store: &dyn Store) -> Result<Found, StoreError> {
    let (mut alive, mut dead) = (Vec::new(), Vec::new());
    for (key, bytes) in store.list(PREFIX)? {
        match RunningOperation::decode(&bytes).filter(|operation| env.is_alive(&operation.process)) {
            Some(operation) => alive.push(operation),
            None if dead.len() < SWEPT => dead.push(key),
            None => {}
        }
    }
    Ok((alive, dead))
}

/// The key of an operation of this process.
fn key(env: &Env, id: u64) -> Arc<str> {
    let process = env.identity();
    format!("{PREFIX}{}-{}-{id}", process.pid, process.started).into()
}
