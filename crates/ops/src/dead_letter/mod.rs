//! Dead letters: what is kept of operations that failed, so that they can be done again.
//!
//! A root that ends badly leaves one letter in the store, however often it fails; its success takes the letter out.
//! [`Letters`] observes the one stream of events, so that no command has to think of it. A letter has what it takes to
//! do the operation again, and no secret: those stand in it by name (a header file's, a variable's), and a request that
//! cannot be written without one is not kept.
//!
//! A step of a plan that failed leaves one, too, and the operations in it leave none of their own.
//!
//! What leaves none: an operation that somebody stopped, one that made no sense, one that this machine kept from
//! beginning, and a program that is not there.
//!
//! ```
//! use vps_ops::NetworkOperationWrapper;
//! use vps_ops::dead_letter::Surroundings;
//! use vps_ops::process::{ProcessSpec, RetryOn};
//! use vps_ops::settings::{Options, Settings};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
//!     .dead_letters(Surroundings::new("/"))
//!     .build();
//! let once = Options::new().attempts(std::num::NonZeroU32::MIN);
//! let failed = network.run_with_retry(&ProcessSpec::new("false"), &RetryOn::default(), &once).await;
//! assert!(failed.is_err());
//! network.close().await;
//! let letters = network.letters().list().await.unwrap();
//! assert_eq!(letters.len(), 1);
//! # });
//! ```

mod convert;
mod id;
mod letter;
mod letters;
mod news;
mod observer;
mod plan_step;
mod request;
mod rule;
mod secret;
mod stored;
#[cfg(test)]
mod tests;
mod text;
mod turns;

pub use convert::Surroundings;
pub use id::LetterId;
pub use letter::{EndedBy, Letter, LetterAttempt, VERSION};
pub use letters::{LeaseError, Leased, Letters};
pub use news::{Dropped, News, NotKept, SecretPlace, WhyDropped};
pub use plan_step::PlanStepLetter;
pub(crate) use plan_step::{StepEnd, kept_of};
pub use request::{CloneLetter, DownloadLetter, InstallLetter, LetterOptions, LetterRequest, RunLetter};
pub use stored::Kept;
pub(crate) use stored::names;
pub use text::Word;
pub use turns::{Outcome, Rate, Turn, in_turn};
