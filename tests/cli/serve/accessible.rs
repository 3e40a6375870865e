//! What a checker of accessibility asks of a page (the rules of axe by their names), asked without a browser.

use super::html::{Tag, tags};

/// Elements that a person acts on.
const CONTROLS: [&str; 5] = ["a", "button", "input", "select", "textarea"];
/// Languages, headings, landmarks, tables, names: everything that is wrong.
pub(super) fn faults(page: &str) -> Vec<String> {
    let tags = tags(page);
    let mut faults = Vec::new();
    let mut fault = |rule: &str, tag: &Tag| faults.push(format!("{rule}: {tag:?}"));
    let begun = || tags.iter().enumerate().filter(|(_, tag)| !tag.is_end);
    let text = |at: usize| text_of(&tags, at);
    let (mut level, mut tables) = (0, Vec::new());
    for (at, tag) in begun() {
        let label = tag.attribute("aria-label").unwrap_or_default();
        match tag.name.as_str() {
            "html" if tag.attribute("lang").is_none_or(str::is_empty) => fault("html-has-lang", tag),
            "title" if text(at).is_empty() => fault("document-title", tag),
            "meta" if tag.attribute("name") == Some("viewport") => {
                let content = tag.attribute("content").unwrap_or_default();
                if content.contains("user-scalable=no") || content.contains("maximum-scale") {
                    fault("meta-viewport", tag);
                }
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let found = usize::from(tag.name.as_bytes()[1] - b'0');
                if found > level + 1 || (found == 1 && level > 0) {
                    fault("heading-order", tag);
                }
                if text(at).is_empty() {
                    fault("empty-heading", tag);
                }
                level = found;
            }
            "nav" | "section" if label.is_empty() => fault("landmark-unique", tag),
            "table" => tables.push(at),
            "caption" if text(at).is_empty() => fault("table-name", tag),
            "th" if text(at).is_empty() => fault("empty-table-header", tag),
            "th" if !["col", "row"].contains(&tag.attribute("scope").unwrap_or_default()) => {
                fault("scope-attr-valid", tag);
            }
            "img" if tag.attribute("alt").is_none() => fault("image-alt", tag),
            name if CONTROLS.contains(&name) && text(at).is_empty() && label.is_empty() => {
                fault("control-name", tag);
            }
            _ => {}
        }
        if tag.attribute("tabindex").is_some_and(|index| !["0", "-1"].contains(&index)) {
            fault("tabindex", tag);
        }
    }
    for at in tables {
        let within = within(&tags, at);
        if within.first().is_none_or(|tag| tag.name != "caption") {
            fault("table-name", &tags[at]);
        }
        let columns = within.iter().filter(|tag| tag.attribute("scope") == Some("col")).count();
        for row in within.split(|tag| tag.name == "tr" && !tag.is_end).skip(1) {
            let cells = row.iter().filter(|tag| !tag.is_end && ["th", "td"].contains(&tag.name.as_str()));
            let span = |cell: &Tag| cell.attribute("colspan").map_or(1, |span| span.parse().unwrap());
            if cells.clone().map(span).sum::<usize>() != columns {
                fault("td-has-header", &row[0]);
            }
        }
    }
    for (name, count) in [("h1", 1), ("main", 1), ("title", 1)] {
        if begun().filter(|(_, tag)| tag.name == name).count() != count {
            faults.push(format!("not one {name}"));
        }
    }
    faults
}

/// The tags between the one at `at` and its end.
fn within(tags: &[Tag], at: usize) -> &[Tag] {
    let mut depth = 0;
    for (end, tag) in tags.iter().enumerate().skip(at) {
        if tag.name == tags[at].name {
            depth += if tag.is_end { -1 } else { 1 };
        }
        if depth == 0 {
            return &tags[at + 1..end];
        }
    }
    &[]
}

/// All text of the element, as it is read out.
fn text_of(tags: &[Tag], at: usize) -> String {
    let inner = within(tags, at).iter().map(|tag| tag.text.as_str());
    std::iter::once(tags[at].text.as_str()).chain(inner).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[test]
fn each_fault_is_found() {
    let good = "<html lang=\"en\"><head><title>a</title></head><body><main><h1>a</h1><h2>b</h2>\
                <table><caption>c</caption><tr><th scope=\"col\">d</th></tr><tr><td>e</td></tr></table>\
                <nav aria-label=\"f\"><a href=\"/\"><span>g</span></a></nav></main></body></html>";
    assert_eq!(faults(good), Vec::<String>::new());
    for (from, to, rule) in [
        (" lang=\"en\"", "", "html-has-lang"),
        ("<title>a</title>", "<title></title>", "document-title"),
        ("<h1>a</h1>", "<h1></h1>", "empty-heading"),
        ("<h1>a</h1>", "", "heading-order"),
        ("<h1>a</h1>", "", "not one h1"),
        ("<h2>b</h2>", "<h3>b</h3>", "heading-order"),
        ("<h2>b</h2>", "<h1>b</h1>", "not one h1"),
        ("<caption>c</caption>", "", "table-name"),
        (">c<", "><", "table-name"),
        (" scope=\"col\"", "", "scope-attr-valid"),
        (">d<", "><", "empty-table-header"),
        ("<td>e</td>", "<td>e</td><td>e</td>", "td-has-header"),
        (" aria-label=\"f\"", "", "landmark-unique"),
        (">g<", "><", "control-name"),
        ("<a href", "<a tabindex=\"3\" href", "tabindex"),
        ("<h2>b</h2>", "<h2>b</h2><img src=\"/\"></img>", "image-alt"),
    ] {
        let found = faults(&good.replacen(from, to, 1));
        assert!(found.iter().any(|fault| fault.starts_with(rule)), "{rule}: {found:?}");
    }
}
