//! What happens, as values: logs, bars, metrics and traces are observers of this one stream.
//!
//! ```
//! use std::sync::Mutex;
//! use vps_ops::event::{Event, Observer};
//!
//! #[derive(Default)]
//! struct Words(Mutex<Vec<String>>);
//! impl Observer for Words {
//!     fn on(&self, event: &Event<'_>) {
//!         self.0.lock().unwrap().push(format!("{} {}", event.operation.kind, event.kind.name()));
//!     }
//! }
//! let words = Words::default();
//! assert!(words.0.lock().unwrap().is_empty());
//! ```

mod kind;
mod teller;

use std::fmt;
use std::sync::Arc;

use vps_breaker::Tick;

use crate::operation::{Operation, OperationKind};
use crate::service::ServiceName;

pub use crate::warning::Warning;
pub use kind::{Awaited, EventKind, Failed};
pub(crate) use teller::{Teller, Voice};

/// The number of an operation within its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The operation that the caller named: what steps and looks are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// Which.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
}

/// One thing that happened to one operation. Who keeps some of it clones what it keeps, which is cheap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// When, in the pipeline's time.
    pub at: Tick,
    /// Whose number it is.
    pub id: OperationId,
    /// What the operation is.
    pub operation: &'a Operation,
    /// The operation that the caller named; itself unless a workflow runs several.
    pub root: Root,
    /// Whose service it is about, as far as one is known.
    pub service: Option<ServiceName>,
    /// What happened.
    pub kind: EventKind,
}

impl Event<'_> {
    /// Whether it is about what the caller named, and not about a step of that or a look.
    #[must_use]
    pub fn is_of_root(&self) -> bool {
        self.id == self.root.id
    }
}

/// Sees every event, in order, on the thread it happens on. Must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// Called once for each event.
    fn on(&self, event: &Event<'_>);
}

/// Sees nothing.
impl Observer for () {
    fn on(&self, _event: &Event<'_>) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on(&self, event: &Event<'_>) {
        (**self).on(event);
    }
}

/// Several observers, told in order.
impl Observer for Vec<Arc<dyn Observer>> {
    fn on(&self, event: &Event<'_>) {
        for observer in self {
            observer.on(event);
        }
    }
}
