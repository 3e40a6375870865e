//! A plan's text as a tree in which everything knows where it stands.
//!
//! The tree keeps each scalar as it was written: `1.10` stays `1.10` and `0644` is no number, until a key says what it
//! wants. It is made of the parser's events, so that limits hold while it is read.

use std::borrow::Cow;
use std::rc::Rc;

use super::document::Steps;
use super::problem::Expected;
use super::step::Place;

/// Which key a value is of: a place in [`Paths`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PathId(u32);

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) place: Place,
    /// Characters of its line, at least one.
    pub(super) length: u32,
    pub(super) path: PathId,
}

impl Spot {
    /// `length` characters of it, `from` characters behind its begin.
    pub(super) fn part(self, from: u32, length: u32) -> Self {
        let column = self.place.column.saturating_add(from);
        Self { place: Place { column, ..self.place }, length: length.max(1), ..self }
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    pub(super) spot: Spot,
    pub(super) value: Value<'t>,
    /// Events that it is made of, those of aliases as often as they are used.
    pub(super) weight: u32,
    /// Levels in it, itself counted.
    pub(super) height: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    Scalar(Scalar<'t>),
    List(Vec<Rc<Node<'t>>>),
    Map(Vec<(Key<'t>, Rc<Node<'t>>)>),
}

#[derive(Clone, Debug)]
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    /// Not in quotes, and no block of text.
    pub(super) is_plain: bool,
    /// Characters before it in its line, where it stands in one line as it is.
    pub(super) begins: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Key<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) spot: Spot,
}

impl Scalar<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        self.is_plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match &*self.text {
            "true" | "True" | "TRUE" if self.is_plain => Some(true),
            "false" | "False" | "FALSE" if self.is_plain => Some(false),
            _ => None,
        }
    }

    /// Whether whoever wrote it meant a number, right or not: `3`, `-1`, `1.5`.
    pub(super) fn begins_as_number(&self) -> bool {
        self.is_plain && self.unsigned().starts_with(|first: char| first.is_ascii_digit())
    }

    /// However many digits it has.
    fn is_whole_number(&self) -> bool {
        self.begins_as_number() && self.unsigned().bytes().all(|digit| digit.is_ascii_digit())
    }

    fn unsigned(&self) -> &str {
        self.text.strip_prefix(['+', '-']).unwrap_or(&self.text)
    }
}

impl<'t> Node<'t> {
    /// The list behind a key of a group, out of it: what is gone through is freed, but where an anchor holds it.
    pub(super) fn into_items_of(self: Rc<Self>, key: &str) -> Vec<Rc<Self>> {
        let Value::Map(entries) = Rc::unwrap_or_clone(self).value else { return Vec::new() };
        let node = entries.into_iter().find_map(|(of, node)| (of.text == key).then_some(node));
        match node.map(|node| Rc::unwrap_or_clone(node).value) {
            Some(Value::List(items)) => items,
            _ => Vec::new(),
        }
    }

    /// What stands behind a key of a group, or at a number of a list.
    pub(super) fn below(&self, segment: &str) -> Option<&Rc<Self>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.text == segment).map(|(_, node)| node),
            Value::List(items) => items.get(segment.parse::<usize>().ok()?),
            Value::Scalar(_) => None,
        }
    }

    /// The steps, in the tree of a whole plan.
    pub(super) fn steps(&self) -> &[Rc<Self>] {
        match self.below(Steps::KEY).map(|steps| &steps.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// What it is, for who expected something else.
    pub(super) fn sort(&self) -> Expected {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_nothing() => Expected::Nothing,
            Value::Scalar(scalar) if scalar.as_bool().is_some() => Expected::Bool,
            Value::Scalar(scalar) if scalar.is_whole_number() => Expected::Number,
            Value::Scalar(_) => Expected::Text,
            Value::List(_) => Expected::List,
            Value::Map(_) => Expected::Map,
        }
    }
}

/// The keys and numbers that lead to each value, each only once.
#[derive(Debug, Default)]
pub(super) struct Paths<'t>(Vec<(PathId, Segment<'t>)>);

#[derive(Debug)]
pub(super) enum Segment<'t> {
    Key(Cow<'t, str>),
    Index(u32),
}

impl<'t> Paths<'t> {
    /// The way to what is below `parent`. The way to the whole is the first.
    pub(super) fn below(&mut self, parent: PathId, segment: Segment<'t>) -> PathId {
        self.0.push((parent, segment));
        PathId(u32::try_from(self.0.len()).unwrap_or(0))
    }

    /// `steps[2].download.url`
    pub(super) fn shown(&self, path: PathId) -> String {
        let (mut parts, mut at) = (Vec::new(), path);
        // Each leads to one before it, the first to none.
        while let Some((above, segment)) = (at.0 as usize).checked_sub(1).and_then(|index| self.0.get(index))
        {
            parts.push(segment);
            at = *above;
        }
        let mut shown = String::new();
        for segment in parts.iter().rev() {
            match segment {
                Segment::Index(index) => shown.push_str(&format!("[{index}]")),
                Segment::Key(key) => {
                    if !shown.is_empty() {
                        shown.push('.');
                    }
                    shown.push_str(key);
                }
            }
        }
        shown
    }
}
