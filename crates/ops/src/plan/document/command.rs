//! What runs code of others.

use serde_json::Value as Json;

use super::keys;
use crate::plan::decode::{At, Decode, List, Named, Problems};
use crate::plan::problem::Expected;
use crate::plan::tree::{Node, Value};

keys! {
    /// A command, and how it is known that it need not run: one of `creates`, `removes`, `unless`, `only_if`,
    /// `on_change`, `once`, or `always: true`. Of several each by itself has it run, but `only_if` keeps it from that.
    Command requires [] {
        /// A program and its arguments.
        argv: List<At<String>>,
        /// A text for `sh -eu`. Nothing is replaced in it: variables that it names are in its environment, facts as
        /// `$fact_NAME`.
        shell: String,
        /// bash runs `shell`, with pipefail.
        bash: bool,
        /// `${...}` is replaced in `shell`, too.
        expand: bool,
        /// Not where this path is there.
        creates: String,
        /// Not where this path is not there.
        removes: String,
        /// Not where this succeeds: a list (a program and its arguments) or a text for the shell.
        unless: CommandText,
        /// Not where this fails, a list or a text: it is skipped then, and what it is due for stays due.
        only_if: CommandText,
        /// After a change of one of these steps.
        on_change: List<At<String>>,
        /// Not where it was run already: `true`, or `boot` for once after each start of the machine.
        once: OnceText,
        /// A run that was ended in the middle may be begun again. Beside `once`.
        idempotent: bool,
        /// In each run.
        always: bool,
        /// Where it is run; the plan's folder unless told.
        cwd: String,
        /// Its environment beside PATH, HOME and LANG. Secrets may stand here.
        env: Named<At<String>>,
        /// Who runs it.
        user: String,
    }
}

/// What is run to see whether something else is: a list or a text.
#[derive(Debug)]
pub(in crate::plan) enum CommandText {
    /// A program and its arguments.
    Argv(At<List<At<String>>>),
    /// A text for the shell.
    Shell(At<String>),
}

impl Decode for CommandText {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(_) => At::decode(node, problems).map(Self::Argv),
            Value::Scalar(scalar) if !scalar.is_nothing() => At::decode(node, problems).map(Self::Shell),
            _ => {
                problems.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

/// `true`, `false` or `boot`.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) enum OnceText {
    /// Not at all.
    Never,
    /// As long as the step stays as it is.
    Ever,
    /// Until the machine is started again.
    Boot,
}

impl Decode for OnceText {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let read = match &node.value {
            Value::Scalar(scalar) if scalar.text == "boot" => Some(Self::Boot),
            Value::Scalar(scalar) => scalar.as_bool().map(|once| if once { Self::Ever } else { Self::Never }),
            _ => None,
        };
        if read.is_none() {
            problems.wrong_type(node, Expected::Once);
        }
        read
    }
}

keys! {
    /// A module that this program was built with.
    Module requires [name] {
        /// Which.
        name: String,
        /// What it is told; the module says what that is.
        with: Told,
    }
}

/// Anything: what a module is told. Its texts are filled in like all others.
#[derive(Debug)]
pub(in crate::plan) struct Told(pub(in crate::plan) ToldValue);

#[derive(Debug)]
pub(in crate::plan) enum ToldValue {
    Text(At<String>),
    Plain(Json),
    List(Vec<Told>),
    Map(Vec<(String, Told)>),
}

impl Decode for Told {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let value = match &node.value {
            Value::Scalar(scalar) => match plain(scalar) {
                Some(value) => ToldValue::Plain(value),
                None => ToldValue::Text(At::decode(node, problems)?),
            },
            Value::List(_) => ToldValue::List(List::decode(node, problems)?.items),
            Value::Map(entries) => {
                let read = entries.iter().filter_map(|(key, node)| {
                    Some((key.text.clone().into_owned(), Self::decode(node, problems)?))
                });
                ToldValue::Map(read.collect())
            }
        };
        Some(Self(value))
    }
}

/// What a scalar is that is no text, by YAML's core schema as far as JSON has it.
fn plain(scalar: &crate::plan::tree::Scalar<'_>) -> Option<Json> {
    if scalar.is_nothing() {
        return Some(Json::Null);
    }
    if let Some(is) = scalar.as_bool() {
        return Some(is.into());
    }
    let begins_as_one = scalar.text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    // What JSON reads as a number is one: `0644` and `1_000` are texts.
    (scalar.is_plain && begins_as_one).then(|| serde_json::from_str(&scalar.text).ok()).flatten()
}
