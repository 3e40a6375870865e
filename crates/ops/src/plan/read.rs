//! From the parser's events to the tree, within limits.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::problem::ProblemKind;
use super::step::Place;
use super::tree::{Key, Node, PathId, Paths, Scalar, Segment, Spot, Value};
use crate::foreign::Foreign;

/// Bytes of a plan.
pub(super) const LARGEST: usize = 4 << 20;
/// A thousand steps have some 15,000; each is counted as often as an alias stands for it.
const MOST_EVENTS: u32 = 200_000;
const DEEPEST: u32 = 16;

/// What was read, and what is wrong with it. Without a tree there is at least one problem.
pub(super) struct Read<'t> {
    pub(super) tree: Option<Rc<Node<'t>>>,
    pub(super) paths: Paths<'t>,
    pub(super) problems: Vec<(Spot, ProblemKind)>,
}

pub(super) fn read(text: &str) -> Read<'_> {
    let mut reader = Reader::default();
    let tree = match reader.read(text) {
        Ok(tree) => Some(tree),
        Err(problem) => {
            reader.problems.push(problem);
            None
        }
    };
    Read { tree, paths: reader.paths, problems: reader.problems }
}

type Fatal = (Spot, ProblemKind);

#[derive(Default)]
struct Reader<'t> {
    paths: Paths<'t>,
    open: Vec<Open<'t>>,
    anchors: HashMap<usize, Rc<Node<'t>>>,
    root: Option<Rc<Node<'t>>>,
    events: u32,
    problems: Vec<Fatal>,
}

/// A list or group whose end was not seen yet.
struct Open<'t> {
    spot: Spot,
    anchor: usize,
    weight: u32,
    height: u32,
    value: Filling<'t>,
}

enum Filling<'t> {
    List(Vec<Rc<Node<'t>>>),
    Map { entries: Vec<(Key<'t>, Rc<Node<'t>>)>, first: HashMap<Cow<'t, str>, Place>, key: Option<Key<'t>> },
}

impl<'t> Reader<'t> {
    fn read(&mut self, text: &'t str) -> Result<Rc<Node<'t>>, Fatal> {
        if text.len() > LARGEST {
            return Err((Spot::default(), ProblemKind::TooLarge));
        }
        let options = granit_parser::options! { emit_comments: false };
        let mut documents = 0_u32;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| broken(&error))?;
            self.events = self.events.saturating_add(1);
            if self.events > MOST_EVENTS {
                return Err((spot(span, PathId::default()), ProblemKind::TooMuch));
            }
            match event {
                Event::DocumentStart(..) => {
                    documents = documents.saturating_add(1);
                    if documents > 1 {
                        return Err((spot(span, PathId::default()), ProblemKind::SecondDocument));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(text, style, anchor, tag.as_deref(), span)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.open(span, anchor, tag.as_deref(), Filling::List(Vec::new()))?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    let map = Filling::Map { entries: Vec::new(), first: HashMap::new(), key: None };
                    self.open(span, anchor, tag.as_deref(), map)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(),
                Event::Alias(anchor) => self.alias(anchor, span)?,
                _ => {}
            }
        }
        let nothing =
            |root: &Rc<Node<'_>>| matches!(&root.value, Value::Scalar(scalar) if scalar.is_nothing());
        let empty = Spot { place: Place { line: 1, column: 1 }, length: 1, path: PathId::default() };
        self.root.take().filter(|root| !nothing(root)).ok_or((empty, ProblemKind::Empty))
    }

    /// The way to what comes next, and whether that is a key.
    fn next(&mut self) -> Next {
        match self.open.last_mut() {
            None => Next::Value(PathId::default(), None),
            Some(Open { spot, value: Filling::List(items), .. }) => {
                let index = u32::try_from(items.len()).unwrap_or(u32::MAX);
                Next::Value(self.paths.below(spot.path, Segment::Index(index)), None)
            }
            Some(Open { value: Filling::Map { key: Some(key), .. }, .. }) => {
                Next::Value(key.spot.path, Some(key.spot))
            }
            Some(Open { spot, .. }) => Next::Key(spot.path),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Fatal> {
        let (path, of_key) = match self.next() {
            Next::Key(above) => {
                let path = self.paths.below(above, Segment::Key(text.clone()));
                let key = Key { text, spot: spot(span, path) };
                if anchor != 0 {
                    self.anchors.insert(anchor, node_of(&key));
                }
                self.set_key(key);
                return Ok(());
            }
            Next::Value(path, of_key) => (path, of_key),
        };
        let mut place = spot(span, path);
        if style == ScalarStyle::Plain && span.start.index() == span.end.index() {
            // It stands nowhere: its key does.
            place = of_key.unwrap_or(place);
        }
        let is_text = self.tagged(tag, place);
        let is_plain = style == ScalarStyle::Plain && !is_text;
        let begins = begins(&text, style, place.length, is_one_line(span));
        let value = Value::Scalar(Scalar { text, is_plain, begins });
        self.put(Rc::new(Node { spot: place, value, weight: 1, height: 1 }), anchor);
        Ok(())
    }

    /// Whether a tag says that a scalar is a text; one that says something unknown is a problem.
    fn tagged(&mut self, tag: Option<&Tag>, spot: Spot) -> bool {
        let Some(tag) = tag else { return false };
        let shown = tag.to_string();
        let known = ["bool", "float", "int", "map", "null", "seq"];
        let is = |name: &str| shown == format!("!!{name}") || shown == format!("tag:yaml.org,2002:{name}");
        if shown == "!" || is("str") {
            return true;
        }
        if !known.into_iter().any(is) {
            self.problems.push((spot, ProblemKind::Tag(Foreign::new(&shown))));
        }
        false
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<&Tag>,
        value: Filling<'t>,
    ) -> Result<(), Fatal> {
        let path = match self.next() {
            Next::Value(path, _) => path,
            Next::Key(path) => return Err((spot(span, path), ProblemKind::KeyIsNoText)),
        };
        let spot = spot(span, path);
        if self.open.len() >= DEEPEST as usize {
            return Err((spot, ProblemKind::TooDeep));
        }
        self.tagged(tag, spot);
        self.open.push(Open { spot, anchor, weight: 1, height: 1, value });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let value = match open.value {
            // Most are shorter than what they grew by, and there are many.
            Filling::List(mut items) => {
                items.shrink_to_fit();
                Value::List(items)
            }
            Filling::Map { mut entries, .. } => {
                entries.shrink_to_fit();
                Value::Map(entries)
            }
        };
        let node =
            Node { spot: open.spot, value, weight: open.weight.saturating_add(1), height: open.height };
        self.put(Rc::new(node), open.anchor);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fatal> {
        let next = self.next();
        let at = match next {
            Next::Key(path) | Next::Value(path, _) => spot(span, path),
        };
        let node = self.anchors.get(&anchor).cloned().ok_or((at, ProblemKind::AliasInItself))?;
        self.events = self.events.saturating_add(node.weight);
        if self.events > MOST_EVENTS {
            return Err((at, ProblemKind::TooMuch));
        }
        let depth = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        // A scalar is no level.
        if depth.saturating_add(node.height).saturating_sub(1) > DEEPEST {
            return Err((at, ProblemKind::TooDeep));
        }
        match (next, &node.value) {
            (Next::Value(..), _) => self.put(node, 0),
            (Next::Key(above), Value::Scalar(scalar)) => {
                let path = self.paths.below(above, Segment::Key(scalar.text.clone()));
                self.set_key(Key { text: scalar.text.clone(), spot: spot(span, path) });
            }
            (Next::Key(_), _) => return Err((at, ProblemKind::KeyIsNoText)),
        }
        Ok(())
    }

    fn set_key(&mut self, new: Key<'t>) {
        let Some(Open { value: Filling::Map { first, key, .. }, weight, .. }) = self.open.last_mut() else {
            return;
        };
        *weight = weight.saturating_add(1);
        match first.get(&new.text) {
            Some(place) => self.problems.push((new.spot, ProblemKind::DuplicateKey { first: *place })),
            None => {
                first.insert(new.text.clone(), new.spot.place);
            }
        }
        *key = Some(new);
    }

    fn put(&mut self, node: Rc<Node<'t>>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.weight = open.weight.saturating_add(node.weight);
        open.height = open.height.max(node.height.saturating_add(1));
        match &mut open.value {
            Filling::List(items) => items.push(node),
            Filling::Map { entries, key, .. } => entries.extend(key.take().map(|key| (key, node))),
        }
    }
}

enum Next {
    Key(PathId),
    /// And where its key stands.
    Value(PathId, Option<Spot>),
}

/// A key that an alias stands for.
fn node_of<'t>(key: &Key<'t>) -> Rc<Node<'t>> {
    let value = Value::Scalar(Scalar { text: key.text.clone(), is_plain: true, begins: Some(0) });
    Rc::new(Node { spot: key.spot, value, weight: 1, height: 1 })
}

fn place(marker: &Marker) -> Place {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: number(marker.line()).max(1), column: number(marker.col()).saturating_add(1) }
}

fn is_one_line(span: Span) -> bool {
    span.start.line() == span.end.line()
}

fn spot(span: Span, path: PathId) -> Spot {
    let length = if is_one_line(span) { span.end.col().saturating_sub(span.start.col()) } else { 1 };
    Spot { place: place(&span.start), length: u32::try_from(length).unwrap_or(1).max(1), path }
}

/// Characters before a text in its line, where nothing in it is written in another way than it is.
fn begins(text: &str, style: ScalarStyle, length: u32, is_one_line: bool) -> Option<u32> {
    let quotes = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1_u32,
        _ => return None,
    };
    let as_written = text.chars().count() == (length as usize).checked_sub(quotes as usize * 2)?;
    (is_one_line && as_written).then_some(quotes)
}

fn broken(error: &ScanError) -> Fatal {
    let spot = Spot { place: place(error.marker()), length: 1, path: PathId::default() };
    (spot, ProblemKind::Syntax(Foreign::new(&error.kind().to_string())))
}
