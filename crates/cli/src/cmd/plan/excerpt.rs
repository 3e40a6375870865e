//! The line that a problem is in, and what of it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use vps_ops::foreign::escaped;
use vps_ops::plan::Place;

/// Characters of a line before and behind the place: a plan in JSON may be one line.
const BEFORE: usize = 60;
const BEHIND: usize = 60;

/// The line, and the one before it, with a mark below as many characters as are meant. Nothing where there is no such
/// line.
pub(super) fn of(lines: &[&str], place: Place, length: u32) -> String {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (line, column) = (number(place.line), number(place.column).saturating_sub(1));
    let Some(text) = line.checked_sub(1).and_then(|index| lines.get(index)) else { return String::new() };
    let mut source = String::new();
    let mut first = line;
    if let Some(above) = line.checked_sub(2).and_then(|index| lines.get(index)).filter(|_| column <= BEFORE) {
        source.push_str(&cut(above, 0, BEFORE + BEHIND));
        source.push('\n');
        first = line - 1;
    }
    let from = column.saturating_sub(BEFORE);
    if from > 0 {
        source.push('…');
    }
    source.push_str(&cut(text, from, column - from));
    let begin = source.len();
    source.push_str(&cut(text, column, number(length).min(BEHIND)));
    let end = source.len();
    source.push_str(&cut(text, column.saturating_add(number(length).min(BEHIND)), BEHIND));
    let mark = AnnotationKind::Primary.span(begin..end.max(begin.saturating_add(1)));
    let snippet = Snippet::source(source).line_start(first).fold(false).annotation(mark);
    let rendered = Renderer::plain().render(&[Group::with_level(Level::ERROR).element(snippet)]);
    let lines: Vec<&str> = rendered.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Some characters, fit to be shown. Escaped here, so that the mark is below what is seen.
fn cut(text: &str, from: usize, characters: usize) -> String {
    let part: String = text.chars().skip(from).take(characters).collect();
    escaped(&part).into_owned()
}

#[cfg(test)]
mod tests {
    use vps_ops::plan::{Facts, Origin, Plan};

    fn excerpts(text: &str) -> String {
        let origin = Origin { path: None, folder: "/srv".into() };
        let invalid = Plan::parse(text, &origin, &Facts::default(), &[]).unwrap_err();
        let lines: Vec<&str> = text.lines().collect();
        let shown = invalid
            .problems
            .iter()
            .map(|problem| format!("{problem}\n{}\n\n", super::of(&lines, problem.place, problem.length)));
        shown.collect()
    }

    #[test]
    fn the_mark_is_below_what_is_meant_whatever_stands_before_it() {
        insta::assert_snapshot!(excerpts(
            "version: 1\nsteps:\n- id: tools\n  pakages: [curl]\n- {id: \"日本\u{202e}\", packages: [jq, '${x}']}\n"
        ));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let step = |id: &str| format!("{{\"id\": \"{id}\", \"packages\": [\"jq\"]}}");
        let wrong = "{\"id\": \"z\", \"pakages\": []}";
        let steps = [step("a"), wrong.to_owned(), step("b"), step("c"), step("d")].join(", ");
        let long = format!("{{\"version\": 1, \"steps\": [{steps}]}}");
        insta::assert_snapshot!(excerpts(&long));
    }

    #[test]
    fn a_place_behind_the_end_is_none() {
        insta::assert_snapshot!(excerpts("version: [1"));
    }
}
