//! A plan as it is written: what keys there are. Everything else is made of these types: how they are read, the schema
//! and the reference.

mod command;
mod fetched;
mod keys;
mod machine;
#[cfg(feature = "__schema")]
mod schema;
mod step;
mod when;

use keys::{keys, words};

use super::decode::{At, Named, Number};

pub(super) use command::{Command, CommandText, Module, OnceText, Told, ToldValue};
pub(super) use fetched::{AptKeyText, AptRepositoryText, Download, Git, Packages};
pub(super) use machine::{File, GateText, Systemd};
#[cfg(feature = "__schema")]
pub use schema::plan_schema;
pub(super) use step::{Defaults, SecretText, StepText, Steps};
pub(super) use when::When;

keys! {
    /// A plan of `vps-configurator`: steps that are looked at, and done where they are not done yet.
    Document requires [version, steps] {
        /// The form of this file: 1.
        version: Number,
        /// What tells its steps from those of other plans. Needed where a step has `once` or `on_change`; its path
        /// stands in for it otherwise.
        name: String,
        /// Names for `${NAME}`: texts, taken as they are written.
        vars: Named<At<String>>,
        /// Names for `${secret.NAME}`: where each secret comes from, never what it is.
        secrets: Named<At<SecretText>>,
        /// What holds for each step that does not say otherwise.
        defaults: Defaults,
        /// What is done, in this order. The bytes of downloads, packages and clones are fetched before their turn.
        steps: Steps,
    }
}
