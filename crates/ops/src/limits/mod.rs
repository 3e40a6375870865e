//! Limits of our own: how many calls to a service are under way at once, in this process.
//!
//! The [`pipeline`](crate::pipeline) takes a place for each attempt, after a look at the circuit and
//! before entering it. Waiting for one costs no attempt and is nobody's failure; only the operation's
//! deadline counts it. An attempt must not run another operation for the same service through the
//! pipeline: where there is one place, it would wait for itself.
//!
//! ```
//! use std::sync::Arc;
//! use vps_ops::limits::Bulkheads;
//! use vps_ops::settings::Settings;
//!
//! let bulkheads = Bulkheads::new(Arc::new(Settings::default().check().unwrap()));
//! let github = bulkheads.of(&"github".into());
//! let _place = github.try_enter().unwrap();
//! assert_eq!(github.usage().max_concurrent, 4);
//! assert_eq!(bulkheads.usage()["github"].inside, 1);
//! ```

mod bulkheads;
mod error;

pub use bulkheads::Bulkheads;
pub use error::BulkheadError;
pub use vps_limit::{Bulkhead, Usage};
