//! `$Id$`, as git fills it in and takes it out.

use gix::bstr::ByteSlice;
use gix::oid;

/// With the blob's id in each `$Id$`; none where there is none. What another system filled in stays.
pub(super) fn apply(text: &[u8], id: &oid) -> Option<Vec<u8>> {
    replaced(text, format!("Id: {id} $").as_bytes(), false)
}

/// With what stands in each `$Id: ...$` taken out.
pub(super) fn undo(text: &[u8]) -> Option<Vec<u8>> {
    replaced(text, b"Id$", true)
}

fn replaced(text: &[u8], by: &[u8], any: bool) -> Option<Vec<u8>> {
    let (mut done, mut rest, mut found) = (Vec::new(), text, false);
    while let Some(dollar) = rest.find_byte(b'$') {
        let (before, after) = rest.split_at(dollar.saturating_add(1));
        done.extend_from_slice(before);
        rest = after;
        if let Some(length) = mark(rest, any) {
            done.extend_from_slice(by);
            rest = rest.get(length..).unwrap_or_default();
            found = true;
        }
    }
    done.extend_from_slice(rest);
    found.then_some(done)
}

/// How long the mark is that follows a dollar, up to its second one.
fn mark(text: &[u8], any: bool) -> Option<usize> {
    if text.starts_with(b"Id$") {
        return Some(3);
    }
    let said = text.strip_prefix(b"Id:")?;
    let end = said.find_byte(b'$')?;
    let said = said.get(..end)?;
    // A blank before the last letter: another system's, which git keeps.
    let is_others =
        said.get(1..).and_then(|said| said.find_byte(b' ')).is_some_and(|at| at.saturating_add(2) < end);
    let is_kept = said.contains(&b'\n') || (is_others && !any);
    (!is_kept).then(|| end.saturating_add(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_filled_in_and_taken_out_as_git_does() {
        let id = gix::ObjectId::from_hex(b"78981922613b2afb6025042ff6bd878ac1994e85").unwrap();
        let full = "$Id: 78981922613b2afb6025042ff6bd878ac1994e85 $";
        for (before, after) in [
            ("a $Id$ b", format!("a {full} b")),
            ("$Id: abc $ $Id:$", format!("{full} {full}")),
            ("$Id: f.c,v 1.2 2004 joe $", "$Id: f.c,v 1.2 2004 joe $".to_owned()),
            ("$Id: a\n$Id$", format!("$Id: a\n{full}")),
            ("$Id: open", "$Id: open".to_owned()),
            ("$Idx$ $$Id$", format!("$Idx$ ${full}")),
        ] {
            let said = apply(before.as_bytes(), &id).unwrap_or_else(|| before.as_bytes().to_vec());
            assert_eq!(said.to_str_lossy(), after, "{before}");
        }
        assert_eq!(undo(full.as_bytes()).unwrap(), b"$Id$");
        assert_eq!(undo(b"$Id: f.c,v 1.2 2004 joe $").unwrap(), b"$Id$");
        assert_eq!(undo(b"none"), None);
    }
}
