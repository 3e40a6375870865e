use std::collections::BTreeMap;

use super::*;

#[test]
fn no_text_is_markup_or_unseen() {
    assert_eq!(escaped("<b a='\"'>&amp;"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;amp;");
    assert_eq!(escaped("a\u{202e}b\x1b"), "a\\u{202e}b\\u{1b}");
}

#[test]
fn a_page_is_a_number_from_one_on() {
    assert_eq!(number(Some("page=3")), 3);
    assert_eq!(number(Some("a=b&page=2")), 2);
    for query in [None, Some(""), Some("page=0"), Some("page=-1"), Some("page=x"), Some("pages=2")] {
        assert_eq!(number(query), 1, "{query:?}");
    }
}

#[test]
fn the_script_is_small_and_makes_no_markup_of_texts() {
    assert!(SCRIPT.len() <= 3_000, "{}", SCRIPT.len());
    for way in ["innerHTML =", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
        assert!(!SCRIPT.contains(way), "{way}");
    }
    assert!(SCRIPT.contains("\"/api/status\"") && SCRIPT.contains("If-None-Match"));
    assert!(SCRIPT.contains("document.hidden") && SCRIPT.contains("visibilitychange"));
}

/// The colours between `from` and the end of that block.
fn colours(from: &str) -> BTreeMap<&'static str, [u8; 3]> {
    let block = STYLE.split_once(from).unwrap().1.split_once('}').unwrap().0;
    let pairs = block.split([';', '{']).filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    let part = |hex: &str, at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    pairs.map(|(name, hex)| (name, [part(hex, 0), part(hex, 2), part(hex, 4)])).collect()
}

/// The contrast of two colours, as WCAG 2 computes it.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [r, g, b] = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

const DAY: &str = ":root {";
const NIGHT: &str = "(prefers-color-scheme: dark) {\n  :root {";

#[test]
fn every_text_can_be_read_by_day_and_by_night() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
    assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.01);
    let used: Vec<&str> = STYLE
        .split("color: var(--")
        .skip(1)
        .map(|rest| rest.split_once(')').unwrap().0)
        .filter(|name| *name != "paper")
        .collect();
    assert!(used.len() >= 7, "{used:?}");
    // These are all pairs there are: one paper, no colour that has no name, and nothing to see through.
    let papers: Vec<&str> = STYLE.split("background").skip(1).collect();
    assert!(papers.len() == 1 && papers[0].starts_with(": var(--paper)"), "{papers:?}");
    for line in STYLE.lines().filter(|line| !line.trim().starts_with("--")) {
        let is_named = |word: &str| !line.contains(word);
        assert!(
            ["rgb", "hsl", "opacity", "filter", ": #", "currentcolor"].into_iter().all(is_named),
            "{line}"
        );
    }
    let names = |from| colours(from).into_keys().collect::<Vec<_>>();
    assert_eq!(names(DAY), names(NIGHT), "each has its colour at night");
    for from in [DAY, NIGHT] {
        let colours = colours(from);
        for name in &used {
            let found = contrast(colours[name], colours["paper"]);
            // AA for small text.
            assert!(found >= 4.5, "{from} {name}: {found:.2}");
        }
    }
}

#[test]
fn who_wants_no_motion_has_none() {
    assert!(STYLE.contains("@media (prefers-reduced-motion: reduce)"));
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "nothing is fetched");
}
