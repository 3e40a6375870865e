//! `${name}` in a text: where the names are. What they stand for is put in once and is not looked through again.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// As it stands.
    Text(&'t str),
    /// What this name stands for.
    Name(Reference<'t>),
    /// `${` and no name: cut, as it may go on.
    Broken(Reference<'t>),
}

/// A name in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// What stands between the braces.
    pub(super) name: &'t str,
    /// With its braces.
    pub(super) whole: &'t str,
    /// Characters of the text before it.
    pub(super) from: u32,
}

/// Characters shown of what is no reference.
const SHOWN: usize = 24;

/// The pieces of a text. `$${` stands for `${`; every other `$` for itself.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    Pieces { whole: text, rest: text, pending: None }
}

struct Pieces<'t> {
    whole: &'t str,
    rest: &'t str,
    pending: Option<Piece<'t>>,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some(piece) = self.pending.take() {
            return Some(piece);
        }
        if self.rest.is_empty() {
            return None;
        }
        let Some((before, behind)) = self.rest.find("${").and_then(|at| self.rest.split_at_checked(at))
        else {
            return Some(Piece::Text(std::mem::take(&mut self.rest)));
        };
        if let Some(before) = before.strip_suffix('$') {
            self.rest = behind.get(2..).unwrap_or_default();
            self.pending = Some(Piece::Text("${"));
            return if before.is_empty() { self.pending.take() } else { Some(Piece::Text(before)) };
        }
        let from = self.whole.len().saturating_sub(behind.len());
        let from = self.whole.get(..from).map_or(0, |before| before.chars().count());
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        let inner = behind.get(2..).unwrap_or_default();
        let piece = match inner.split_once('}') {
            Some((name, rest)) if is_name(name) => {
                let whole = behind.get(..name.len().saturating_add(3)).unwrap_or(behind);
                self.rest = rest;
                Piece::Name(Reference { name, whole, from })
            }
            _ => {
                self.rest = inner;
                Piece::Broken(Reference { name: "", whole: cut(behind), from })
            }
        };
        if before.is_empty() {
            return Some(piece);
        }
        self.pending = Some(piece);
        Some(Piece::Text(before))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.len() <= 128 && name.chars().all(allowed)
}

/// To its brace, if that is near.
fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(at, _)| at);
    let near = text.get(..end).unwrap_or(text);
    near.split_inclusive('}').next().unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(reference) => format!("<{}@{}>", reference.name, reference.from),
            Piece::Broken(reference) => format!("!{}@{}", reference.whole, reference.from),
        };
        pieces(text).map(shown).collect()
    }

    #[test]
    fn names_are_found_where_they_stand() {
        assert_eq!(shown("é${a}b${fact.os}"), ["é", "<a@1>", "b", "<fact.os@6>"]);
        assert_eq!(shown("$a $ $$ {b} }"), ["$a $ $$ {b} }"]);
        assert_eq!(shown("$${a} and $$${b}"), ["${", "a} and ", "$", "${", "b}"]);
        assert_eq!(shown(""), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_name_is_shown_as_it_stands() {
        assert_eq!(shown("${}"), ["!${}@0", "}"]);
        assert_eq!(shown("x ${a:-b} ${c}"), ["x ", "!${a:-b}@2", "a:-b} ", "<c@10>"]);
        assert_eq!(shown("${a"), ["!${a@0", "a"]);
        assert_eq!(shown("${${a}}"), ["!${${a}@0", "<a@2>", "}"]);
    }

    #[test]
    fn nothing_is_lost_and_nothing_panics_whatever_the_text() {
        let mut dice = fastrand::Rng::with_seed(7);
        let letters: Vec<char> = "a${}é. -_\n😀".chars().collect();
        for _ in 0..20_000 {
            let text: String = (0..dice.usize(..24)).filter_map(|_| dice.choice(&letters)).collect();
            let back: String = pieces(&text)
                .map(|piece| match piece {
                    Piece::Text("${") => "$${",
                    Piece::Text(text) => text,
                    Piece::Name(reference) => reference.whole,
                    Piece::Broken(_) => "${",
                })
                .collect();
            assert_eq!(back, text);
        }
    }
}
