//! What a file's content would be changed to, for people.

use crate::foreign::Foreign;

/// Lines of a diff that are shown.
const MOST_LINES: usize = 200;
/// Lines around a change.
const AROUND: usize = 3;
/// Longer texts are not compared.
const LONGEST: usize = 256 << 10;
/// So many pairs of lines are compared; of more than that all lines are other ones.
const MOST_PAIRS: usize = 4_000_000;

/// What two texts differ in, as `diff -u` says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileDiff {
    /// At most 200 lines: `@@ -1,3 +1,4 @@`, and each other one after a space, `-` or `+`.
    pub lines: Vec<Foreign>,
    /// Lines that there are beside them.
    pub left_out: usize,
}

/// Why two contents are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoText {
    /// One of them is no text.
    Binary,
    /// One of them is too long.
    Long,
}

/// Compares two contents.
///
/// # Errors
/// Why they are not compared.
pub(super) fn of(old: &[u8], new: &[u8]) -> Result<FileDiff, NoText> {
    let text =
        |bytes| std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(NoText::Binary);
    if old.len().max(new.len()) > LONGEST {
        return Err(NoText::Long);
    }
    let (old, new) = (lines(text(old)?), lines(text(new)?));
    let edits = edits(&old, &new);
    let mut diff = FileDiff::default();
    for hunk in hunks(&edits) {
        let within = edits.get(hunk.clone()).unwrap_or_default();
        for line in std::iter::once(head(&edits, hunk)).chain(within.iter().map(Edit::line)) {
            match diff.lines.len() < MOST_LINES {
                true => diff.lines.push(line),
                false => diff.left_out += 1,
            }
        }
    }
    Ok(diff)
}

/// A last line without an end is another one than with it.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit<'t> {
    Same(&'t str),
    Out(&'t str),
    In(&'t str),
}

impl Edit<'_> {
    fn line(&self) -> Foreign {
        let (sign, text) = match self {
            Self::Same(text) => (' ', text),
            Self::Out(text) => ('-', text),
            Self::In(text) => ('+', text),
        };
        let end = if text.ends_with('\n') { "" } else { " (no line break)" };
        Foreign::new(&format!("{sign}{}{end}", text.trim_end_matches('\n')))
    }
}

/// The longest common lines stay.
fn edits<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Edit<'t>> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (same, old, new) = (
        old.get(..head).unwrap_or_default(),
        old.get(head..).unwrap_or_default(),
        new.get(head..).unwrap_or_default(),
    );
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, rest) = old.split_at(old.len().saturating_sub(tail));
    let new = new.get(..new.len().saturating_sub(tail)).unwrap_or_default();
    let mut edits: Vec<Edit<'t>> = same.iter().map(|line| Edit::Same(line)).collect();
    between(old, new, &mut edits);
    edits.extend(rest.iter().map(|line| Edit::Same(line)));
    edits
}

fn between<'t>(old: &[&'t str], new: &[&'t str], edits: &mut Vec<Edit<'t>>) {
    let width = new.len().saturating_add(1);
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        edits.extend(old.iter().map(|line| Edit::Out(line)));
        edits.extend(new.iter().map(|line| Edit::In(line)));
        return;
    }
    // How many lines are common from here on.
    let mut common = vec![0_u32; width.saturating_mul(old.len().saturating_add(1))];
    let at = |i: usize, j: usize| i * width + j;
    let read = |common: &[u32], i: usize, j: usize| common.get(at(i, j)).copied().unwrap_or(0);
    for (i, left) in old.iter().enumerate().rev() {
        for (j, right) in new.iter().enumerate().rev() {
            let best = match left == right {
                true => read(&common, i + 1, j + 1) + 1,
                false => read(&common, i + 1, j).max(read(&common, i, j + 1)),
            };
            if let Some(place) = common.get_mut(at(i, j)) {
                *place = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(left), Some(right)) if left == right => {
                edits.push(Edit::Same(left));
                (i, j) = (i + 1, j + 1);
            }
            (Some(left), right) if right.is_none() || read(&common, i + 1, j) >= read(&common, i, j + 1) => {
                edits.push(Edit::Out(left));
                i += 1;
            }
            (_, Some(right)) => {
                edits.push(Edit::In(right));
                j += 1;
            }
            (_, None) => return,
        }
    }
}

/// Changes with what is around them; those that meet are one.
fn hunks(edits: &[Edit<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        if matches!(edit, Edit::Same(_)) {
            continue;
        }
        let (from, to) = (at.saturating_sub(AROUND), at.saturating_add(AROUND + 1).min(edits.len()));
        match hunks.last_mut().filter(|last| last.end >= from) {
            Some(last) => last.end = to,
            None => hunks.push(from..to),
        }
    }
    hunks
}

fn head(edits: &[Edit<'_>], hunk: std::ops::Range<usize>) -> Foreign {
    let (before, within) = (edits.get(..hunk.start).unwrap_or_default(), edits.get(hunk).unwrap_or_default());
    let count = |edits: &[Edit<'_>], is: fn(&Edit<'_>) -> bool| edits.iter().filter(|edit| is(edit)).count();
    let side = |is: fn(&Edit<'_>) -> bool| {
        let (first, length) = (count(before, is), count(within, is));
        // Of nothing the line before it is told.
        format!("{},{length}", if length == 0 { first } else { first + 1 })
    };
    let old = side(|edit| !matches!(edit, Edit::In(_)));
    let new = side(|edit| !matches!(edit, Edit::Out(_)));
    format!("@@ -{old} +{new} @@").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        let diff = of(old.as_bytes(), new.as_bytes()).unwrap();
        assert_eq!(diff.left_out, 0);
        diff.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_change_stands_with_what_is_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(diff(old, old), "");
        let expected = "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(diff(old, &old.replace('5', "five")), expected);
        assert_eq!(diff("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        assert_eq!(diff("a\n", "a"), "@@ -1,1 +1,1 @@\n-a\n+a (no line break)\n");
        let apart = "1\nx\n2\n3\n4\n5\n6\n7\n8\n9\ny\n";
        assert_eq!(diff(old, apart).matches("@@ -").count(), 2);
    }

    #[test]
    fn it_is_what_diff_says() {
        let place = tempfile::tempdir().unwrap();
        let mut draw = vps_retry::SplitMix64::new(7);
        for _ in 0..40 {
            let mut text = || -> String {
                use vps_retry::Rng as _;
                (0..draw.next_u64() % 12).map(|_| format!("{}\n", draw.next_u64() % 4)).collect()
            };
            let (old, new) = (text(), text());
            let ours = diff(&old, &new);
            // Which of the shortest ways is taken differs; patch gets from one to the other by ours.
            std::fs::write(place.path().join("a"), &old).unwrap();
            if ours.is_empty() {
                assert_eq!(old, new);
                continue;
            }
            let (removed, added) = (ours.matches("\n-").count(), ours.matches("\n+").count());
            assert_eq!(old.lines().count() + added - removed, new.lines().count(), "{ours}");
            assert_eq!(applied(&old, &ours), new, "{ours}");
        }
    }

    /// What a hunk says of the lines it stands at.
    fn applied(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.lines().collect();
        let (mut new, mut at) = (String::new(), 0);
        for line in diff.lines() {
            let (sign, text) = line.split_at(1);
            match sign {
                "@" => {
                    let start = text.split([',', ' ']).find_map(|word| word.strip_prefix('-')).unwrap();
                    let length = text.split([',', ' ']).nth(2).unwrap();
                    let start: usize = start.parse().unwrap();
                    let start = if length == "0" { start } else { start - 1 };
                    old[at..start].iter().for_each(|line| new.push_str(&format!("{line}\n")));
                    at = start;
                }
                "+" => new.push_str(&format!("{text}\n")),
                _ => {
                    assert_eq!(old[at], text);
                    at += 1;
                    if sign == " " {
                        new.push_str(&format!("{text}\n"));
                    }
                }
            }
        }
        old[at..].iter().for_each(|line| new.push_str(&format!("{line}\n")));
        new
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_no_text_is_not_shown() {
        let new: String = (0..500).map(|line| format!("{line}\n")).collect();
        let diff = of(b"", new.as_bytes()).unwrap();
        assert_eq!((diff.lines.len(), diff.left_out), (200, 301));
        assert_eq!(of(b"a\0", b"b"), Err(NoText::Binary));
        assert_eq!(of(b"a", b"\xff"), Err(NoText::Binary));
        assert_eq!(of(&vec![b'a'; LONGEST + 1], b""), Err(NoText::Long));
        let huge = |letter: &str| -> Vec<u8> { format!("{letter}\n").repeat(20_000).into_bytes() };
        assert_eq!(of(&huge("a"), &huge("b")).unwrap().left_out, 40_001 - 200);
    }
}
