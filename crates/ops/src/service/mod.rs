//! Which service a host belongs to, and what a service is called.
//!
//! ```
//! use vps_ops::service::{ServiceName, ServiceTable};
//!
//! let table = ServiceTable::default();
//! assert_eq!(table.of_host("github.com", 443, "https").as_str(), "github");
//! assert_eq!(table.of_host("example.com", 443, "https").as_str(), "external_downloads/example.com");
//! assert_eq!(table.of_host("example.com", 8443, "https").as_str(), "external_downloads/example.com:8443");
//! ```

mod name;
mod table;

pub use name::ServiceName;
pub use table::{ServiceTable, UnknownService};
