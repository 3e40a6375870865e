//! What attributes make of a file's bytes on their way to the disk, as git does it: `ident`, then ends of lines
//! (`text`, `eol`), then `working-tree-encoding`. No `filter` is run: none is configured here, and then git changes
//! nothing either.

mod encoding;
mod ident;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use gix::attrs::StateRef;
use gix::attrs::search::Outcome;
use gix::bstr::{BStr, ByteSlice};
use gix::filter::plumbing::eol::{self, AttributesDigest, AutoCrlf, Configuration, Mode as Eol};
use gix::index::entry::Mode;
use gix::oid;
use gix::worktree::Stack;
use gix::worktree::stack::State;
use gix::worktree::stack::state::attributes::Source;

use self::encoding::Encoding;
use super::objects::Objects;
use super::{GitError, words};
use crate::foreign::{Foreign, escaped};

const DOING: &str = "convert the files";
/// In the order in which they are looked at below.
const ATTRIBUTES: [&str; 6] = ["crlf", "ident", "filter", "eol", "text", "working-tree-encoding"];

/// Converts files of one commit; a clone of it is for another thread.
#[derive(Clone)]
pub(super) struct Converter {
    /// Where the repository has any.
    attributes: Option<(Stack, Outcome)>,
    eol: Configuration,
    encodings: HashMap<String, Arc<Encoding>>,
    /// Names of filters that files ask for.
    pub(super) filters: BTreeSet<String>,
}

/// What is asked for a file.
struct Rules {
    ident: bool,
    eol: AttributesDigest,
    encoding: Option<Arc<Encoding>>,
}

impl Converter {
    pub(super) fn new(repo: &gix::Repository, index: &gix::index::State) -> Result<Self, GitError> {
        let options = repo.checkout_options(Source::IdMapping).map_err(|error| words::of(DOING, &error))?;
        let name = |path: &BStr| path.rsplit_str("/").next() == Some(b".gitattributes");
        let has_attributes = index.entries().iter().any(|entry| name(entry.path(index)))
            || repo.common_dir().join("info/attributes").exists();
        let attributes = has_attributes.then(|| {
            let state = State::AttributesStack(options.attributes);
            let case = options.fs.ignore_case;
            let stack = Stack::from_state_and_ignore_case("", case, state, index, index.path_backing());
            let found = stack.selected_attribute_matches(ATTRIBUTES);
            (stack, found)
        });
        let mut filters = options.filters;
        let eol = filters.options_mut().eol_config;
        Ok(Self { attributes, eol, encodings: HashMap::new(), filters: BTreeSet::new() })
    }

    /// What a blob is on the disk.
    pub(super) fn written<'a>(
        &mut self,
        objects: &Objects,
        path: &BStr,
        mode: Mode,
        id: &oid,
        blob: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, GitError> {
        let rules = self.rules(objects, path, mode)?;
        // git makes no mark where nothing follows.
        if blob.is_empty() {
            return Ok(Cow::Borrowed(blob));
        }
        let mut bytes = Cow::Borrowed(blob);
        if rules.ident
            && let Some(marked) = ident::apply(&bytes, id)
        {
            bytes = Cow::Owned(marked);
        }
        let mut converted = Vec::new();
        let is_converted = eol::convert_to_worktree(&bytes, rules.eol, &mut converted, self.eol)
            .map_err(|error| words::of(DOING, &error))?;
        if is_converted {
            bytes = Cow::Owned(converted);
        }
        if let Some(encoding) = rules.encoding {
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                refused(path, "its attributes name an encoding, but it is no text".to_owned())
            })?;
            let encoded = encoding.encode(text).map_err(|letter| {
                let letter = escaped(letter.encode_utf8(&mut [0; 4])).into_owned();
                refused(path, format!("the encoding that its attributes name has no `{letter}`"))
            })?;
            bytes = Cow::Owned(encoded);
        }
        Ok(bytes)
    }

    /// What git would store of a file of one's own; an encoded one is taken for what it is.
    pub(super) fn stored<'a>(
        &mut self,
        objects: &Objects,
        path: &BStr,
        mode: Mode,
        file: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, GitError> {
        let rules = self.rules(objects, path, mode)?;
        let mut bytes = Cow::Borrowed(file);
        if rules.encoding.is_some() {
            return Ok(bytes);
        }
        let mut converted = Vec::new();
        let options = eol::convert_to_git::Options { round_trip_check: None, config: self.eol };
        let is_converted =
            eol::convert_to_git(&bytes, rules.eol, &mut converted, &mut |_: &mut Vec<u8>| Ok(None), options)
                .map_err(|error| words::of(DOING, &error))?;
        if is_converted {
            bytes = Cow::Owned(converted);
        }
        if rules.ident
            && let Some(plain) = ident::undo(&bytes)
        {
            bytes = Cow::Owned(plain);
        }
        Ok(bytes)
    }

    /// Whether a file is written as it is stored, whatever is in it.
    pub(super) fn is_plain(&mut self, objects: &Objects, path: &BStr, mode: Mode) -> Result<bool, GitError> {
        let rules = self.rules(objects, path, mode)?;
        Ok(!rules.ident && rules.encoding.is_none() && rules.eol.to_eol(self.eol) != Some(Eol::CrLf))
    }

    /// Whether a file asks for a filter.
    pub(super) fn is_filtered(
        &mut self,
        objects: &Objects,
        path: &BStr,
        mode: Mode,
    ) -> Result<bool, GitError> {
        let Some((stack, found)) = &mut self.attributes else { return Ok(false) };
        look(stack, found, objects, path, mode)?;
        Ok(found.iter_selected().nth(2).is_some_and(|asked| asked.assignment.state.as_bstr().is_some()))
    }

    fn rules(&mut self, objects: &Objects, path: &BStr, mode: Mode) -> Result<Rules, GitError> {
        let Some((stack, found)) = &mut self.attributes else {
            return Ok(Rules { ident: false, eol: self.eol.auto_crlf.into(), encoding: None });
        };
        look(stack, found, objects, path, mode)?;
        let mut states = found.iter_selected().map(|one| one.assignment.state);
        let mut next = || states.next().unwrap_or(StateRef::Unspecified);
        let (crlf, ident, filter, eol, text, encoding) = (next(), next(), next(), next(), next(), next());
        if let Some(filter) = filter.as_bstr() {
            let filter = filter.to_str_lossy();
            if !self.filters.contains(filter.as_ref()) {
                self.filters.insert(filter.into_owned());
            }
        }
        let eol = ends_of_lines(crlf, text, eol, self.eol);
        let encoding = match encoding {
            StateRef::Unspecified => None,
            StateRef::Set | StateRef::Unset => {
                return Err(refused(path, "`working-tree-encoding` has no value".to_owned()));
            }
            StateRef::Value(name) => {
                let name = name.as_bstr().to_str_lossy();
                encoding_of(&mut self.encodings, &name).map_err(|why| refused(path, why))?
            }
        };
        Ok(Rules { ident: ident.is_set(), eol, encoding })
    }
}

fn look(
    stack: &mut Stack,
    found: &mut Outcome,
    objects: &Objects,
    path: &BStr,
    mode: Mode,
) -> Result<(), GitError> {
    found.reset();
    let at = stack.at_entry(path, Some(mode), objects).map_err(|error| words::of_any(DOING, error))?;
    at.matching_attributes(found);
    Ok(())
}

fn refused(path: &BStr, why: String) -> GitError {
    GitError::Checkout { path: Foreign::of_bytes(path), why: why.into() }
}

/// The encoding of a name; none where nothing changes by it.
fn encoding_of(
    known: &mut HashMap<String, Arc<Encoding>>,
    name: &str,
) -> Result<Option<Arc<Encoding>>, String> {
    if name.is_empty() {
        return Ok(None);
    }
    let encoding = match known.get(name) {
        Some(encoding) => Arc::clone(encoding),
        None => {
            let unknown = || format!("the encoding `{}` is not known here", Foreign::new(name));
            let encoding = Arc::new(Encoding::of(name).ok_or_else(unknown)?);
            known.insert(name.to_owned(), Arc::clone(&encoding));
            encoding
        }
    };
    Ok(Some(encoding).filter(|encoding| !matches!(**encoding, Encoding::Utf8)))
}

/// What becomes of ends of lines, by git's order: `text` before the older `crlf`, `eol` makes text of a file.
fn ends_of_lines(
    crlf: StateRef<'_>,
    text: StateRef<'_>,
    eol: StateRef<'_>,
    config: Configuration,
) -> AttributesDigest {
    use AttributesDigest::{Binary, Text, TextAuto, TextAutoCrlf, TextAutoInput, TextCrlf, TextInput};
    let kind = |state: StateRef<'_>| match state {
        StateRef::Set => Some(Text),
        StateRef::Unset => Some(Binary),
        StateRef::Value(value) if value.as_bstr() == "input" => Some(TextInput),
        StateRef::Value(value) if value.as_bstr() == "auto" => Some(TextAuto),
        StateRef::Value(_) | StateRef::Unspecified => None,
    };
    let end = eol.as_bstr().and_then(|value| match value.as_bytes() {
        b"lf" => Some(Eol::Lf),
        b"crlf" => Some(Eol::CrLf),
        _ => None,
    });
    match (kind(text).or_else(|| kind(crlf)), end) {
        (Some(Binary), _) => Binary,
        (Some(TextAuto), Some(Eol::Lf)) => TextAutoInput,
        (Some(TextAuto), Some(Eol::CrLf)) => TextAutoCrlf,
        (_, Some(Eol::Lf)) => TextInput,
        (_, Some(Eol::CrLf)) => TextCrlf,
        (None, None) => config.auto_crlf.into(),
        (Some(Text), None) => match (config.auto_crlf, config.eol) {
            (AutoCrlf::Enabled, _) | (AutoCrlf::Disabled, Some(Eol::CrLf)) => TextCrlf,
            _ => TextInput,
        },
        (Some(kind), None) => kind,
    }
}
