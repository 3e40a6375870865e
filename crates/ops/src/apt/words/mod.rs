//! What apt-get and dpkg say, read: text in, facts out, and nothing else. What a fact means is `judge`'s.

mod classify;
mod config;
mod dpkg;
mod failed;
mod fetched;
mod index_targets;
mod installed;
mod keyring;
mod locks;
mod passwords;
mod plan;
mod reasons;
mod release_files;
mod repositories;
mod rows;
mod run;
mod said;
mod sources;
mod status;
mod status_file;
mod subject;
mod uris;
mod way;

pub use classify::fault;
pub(super) use fetched::warnings;
pub use installed::DPKG_FORMAT;
pub(super) use passwords::hosts_with_password;
pub(super) use plan::{is_called, is_had};
pub(super) use release_files::repositories as configured;
pub use repositories::repositories;
pub use run::Step;
pub use said::{Message, Said, Severity};
pub(super) use sources::{Left, without_lines, without_stanzas};
pub use status::{Doing, StatusLine, StatusSummary};
pub use uris::archives;
