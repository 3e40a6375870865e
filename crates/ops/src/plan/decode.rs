//! From the tree to what stands in a plan, without ending at the first thing that is wrong.
//!
//! serde ends at the first error, and a plan is to have all of its errors shown at once. So the types of
//! [`document`](super::document) are read by a trait of their own, which leaves out what is wrong, notes it and goes on.

use std::rc::Rc;

use super::problem::{Expected, ProblemKind};
use super::suggest::Suggest;
use super::tree::{Key, Node, Spot, Value};
use crate::foreign::Foreign;

/// What is wrong, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) found: Vec<(Spot, ProblemKind)>,
    pub(super) suggest: Suggest,
}

impl Problems {
    pub(super) fn add(&mut self, spot: Spot, kind: ProblemKind) {
        self.found.push((spot, kind));
    }

    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: Expected) {
        let is_quoted = matches!(&node.value, Value::Scalar(scalar) if !scalar.is_plain);
        // Where the quotes are what is wrong.
        let found = match expected {
            Expected::Number | Expected::Bool | Expected::Once if is_quoted => Expected::Quoted,
            _ => node.sort(),
        };
        self.add(node.spot, ProblemKind::WrongType { expected, found });
    }

    /// The key that was probably meant.
    pub(super) fn unknown_key(&mut self, key: &Key<'_>, known: &[&'static str]) -> Option<Foreign> {
        let near_key = self.suggest.near(&key.text, known.iter().copied());
        self.add(
            key.spot,
            ProblemKind::UnknownKey { key: Foreign::new(&key.text), near_key: near_key.clone() },
        );
        near_key
    }

    pub(super) fn none_of(&mut self, spot: Spot, given: &str, values: &'static [&'static str]) {
        let near_value = self.suggest.near(given, values.iter().copied());
        self.add(spot, ProblemKind::NoneOfThese { given: Foreign::new(given), values, near_value });
    }
}

/// Something that can stand in a plan.
pub(super) trait Decode: Sized {
    /// What `node` is; nothing where it is wrong, which is noted.
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self>;
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(in crate::plan) struct At<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
    /// Characters before a text in its line, where it stands there as it is.
    pub(super) begins: Option<u32>,
}

impl<T: Decode> Decode for At<T> {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let begins = match &node.value {
            Value::Scalar(scalar) => scalar.begins,
            _ => None,
        };
        Some(Self { value: T::decode(node, problems)?, spot: node.spot, begins })
    }
}

/// The value of a key.
#[derive(Debug, Default)]
pub(in crate::plan) enum Field<T> {
    /// The key does not stand there.
    #[default]
    Absent,
    /// It does, and its value is wrong; that was noted.
    Wrong {
        /// Where the key stands.
        key: Spot,
    },
    /// It does.
    Is {
        /// Where the key stands.
        key: Spot,
        /// What it has.
        value: At<T>,
    },
}

impl<T: Decode> Field<T> {
    pub(super) fn of(key: &Key<'_>, node: &Node<'_>, problems: &mut Problems) -> Self {
        match At::decode(node, problems) {
            Some(value) => Self::Is { key: key.spot, value },
            None => Self::Wrong { key: key.spot },
        }
    }
}

impl<T> Field<T> {
    /// What it has, where that is right.
    pub(super) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Is { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Where the key stands, if it does.
    pub(super) fn key(&self) -> Option<Spot> {
        match self {
            Self::Absent => None,
            Self::Wrong { key } | Self::Is { key, .. } => Some(*key),
        }
    }

    /// What it has, in place of what it is where it does not stand there.
    pub(super) fn value_or(&self, otherwise: T) -> T
    where
        T: Copy,
    {
        self.get().map_or(otherwise, |at| at.value)
    }
}

impl Field<bool> {
    /// Where the key stands, if it does and is on.
    pub(super) fn key_if_true(&self) -> Option<Spot> {
        self.key().filter(|_| self.value_or(false))
    }
}

impl Decode for String {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            // As it is written: a version `1.10` is not the number 1.1.
            Value::Scalar(scalar) if !scalar.is_nothing() => Some(scalar.text.clone().into_owned()),
            _ => {
                problems.wrong_type(node, Expected::Text);
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let read = match &node.value {
            Value::Scalar(scalar) => scalar.as_bool(),
            _ => None,
        };
        if read.is_none() {
            problems.wrong_type(node, Expected::Bool);
        }
        read
    }
}

/// What is meant to be a whole number, as it is written: which of them there may be is for its key to say.
#[derive(Debug)]
pub(in crate::plan) struct Number(pub(super) String);

impl Decode for Number {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.begins_as_number() => {
                Some(Self(scalar.text.clone().into_owned()))
            }
            _ => {
                problems.wrong_type(node, Expected::Number);
                None
            }
        }
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(Self::new)
    }
}

/// A list.
#[derive(Debug)]
pub(in crate::plan) struct List<T> {
    /// Those that are right.
    pub(super) items: Vec<T>,
    /// Whether all are: a list of which nothing is left is not one that was empty.
    pub(super) is_whole: bool,
}

impl<T: Decode> Decode for List<T> {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(all) => {
                let items: Vec<T> = all.iter().filter_map(|item| T::decode(item, problems)).collect();
                let is_whole = items.len() == all.len();
                Some(Self { items, is_whole })
            }
            _ => {
                problems.wrong_type(node, Expected::List);
                None
            }
        }
    }
}

/// One text, or a list of them.
#[derive(Debug)]
pub(in crate::plan) struct OneOrMore(pub(super) List<At<String>>);

impl Decode for OneOrMore {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.is_nothing() => {
                At::decode(node, problems).map(|one| Self(List { items: vec![one], is_whole: true }))
            }
            Value::List(_) => List::decode(node, problems).map(Self),
            _ => {
                problems.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

/// Names that the plan gives, and what they stand for, in the order of the file; nothing where that is wrong.
#[derive(Debug)]
pub(in crate::plan) struct Named<T>(pub(super) Vec<(At<String>, Option<T>)>);

impl<T> Named<T> {
    /// Those that stand for something.
    pub(super) fn right(&self) -> impl Iterator<Item = (&At<String>, &T)> {
        self.0.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let read = entries(node, &[], problems)?.iter().map(|(key, node)| {
            let name = At { value: key.text.clone().into_owned(), spot: key.spot, begins: None };
            (name, T::decode(node, problems))
        });
        Some(Self(read.collect()))
    }
}

/// A text that must stand in quotes, as it would be taken for something else without.
#[derive(Debug)]
pub(in crate::plan) struct Quoted(pub(super) String);

impl Decode for Quoted {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.is_plain => Some(Self(scalar.text.clone().into_owned())),
            _ => {
                problems.wrong_type(node, Expected::Quoted);
                None
            }
        }
    }
}

/// The keys of a group and their values. `known` are those that it can have, where not each can be.
pub(super) fn entries<'n, 't>(
    node: &'n Node<'t>,
    known: &'static [&'static str],
    problems: &mut Problems,
) -> Option<&'n [(Key<'t>, Rc<Node<'t>>)]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ if known.is_empty() => {
            problems.wrong_type(node, Expected::Map);
            None
        }
        _ => {
            problems.add(node.spot, ProblemKind::NoGroup { found: node.sort(), keys: known });
            None
        }
    }
}
