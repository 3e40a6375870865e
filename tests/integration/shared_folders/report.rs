//! `run --report FILE`, and `--metrics-file FILE`, which is never written where it is.

use std::path::PathBuf;

use crate::place::{Place, can_start, cannot};
use crate::table::{EITHER, Name, Row, To, Who, rows};

/// Where the report is afterwards; `None` where it must not be written.
fn rule(place: &Place) -> Option<PathBuf> {
    let Row { us, folder, name } = place.row;
    let (path, beside) = (place.path(), |name: &str| place.at("shared").join(name));
    if !folder.lets_us_in(us) {
        return None;
    }
    match name {
        Name::Nothing => folder.lets_us_write(us).then_some(path),
        // In its place where we may, else in it.
        Name::File(Who::Us) => Some(path),
        Name::Link(Who::Neighbour, _) if !folder.is_alone(us) => None,
        Name::Link(_, To::Beside) => Some(beside("beside")),
        Name::Link(_, To::Outside) => Some(place.at("outside/kept")),
        Name::Link(_, To::Nowhere) => folder.lets_us_write(us).then(|| beside("nowhere")),
        // Only root can have made it; it takes all, and shows nothing.
        Name::Device => folder.is_safe_way(us).then_some(path),
        // A pipe that nobody reads among them.
        Name::File(_) | Name::Link(_, To::OutsideFolder) | Name::Fifo(_) | Name::Folder(_) => None,
    }
}

/// The same for metrics: what somebody reads at any time is only ever replaced.
fn rule_of_metrics(place: &Place) -> Option<PathBuf> {
    let Row { us, folder, name } = place.row;
    let is_replaced = matches!(name, Name::File(_) | Name::Link(_, To::Beside));
    rule(place).filter(|_| !is_replaced || folder.lets_us_write(us))
}

fn is_written_there_and_nowhere_else(
    option: &str,
    name: &'static str,
    rule: impl Fn(&Place) -> Option<PathBuf>,
    is_whole: impl Fn(&str) -> bool,
) {
    if cannot() {
        return;
    }
    for us in EITHER.into_iter().filter(|us| can_start(*us)) {
        for row in rows(us) {
            let Some(place) = Place::make(row, name) else { continue };
            let (before, wanted) = (place.seen(), rule(&place));
            let path = place.path();
            let output = place.run(&["run", option, path.to_str().unwrap(), "--", "true"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "the command's own end counts: {row:?}\n{said}");
            assert_eq!(said.contains("cannot be written"), wanted.is_none(), "{row:?}\n{said}");
            assert_eq!(place.changed(&before, wanted.as_deref()), Vec::<PathBuf>::new(), "{row:?}\n{said}");
            if let Some(written) = wanted.filter(|_| row.name != Name::Device) {
                let text = std::fs::read_to_string(&written).unwrap();
                assert!(is_whole(&text) && !text.contains("as it was"), "{row:?}: {text}");
            }
        }
    }
}

#[test]
fn a_report_is_written_where_the_user_said_and_nowhere_else() {
    let is_whole = |text: &str| text.contains("vps-configurator.run/1");
    is_written_there_and_nowhere_else("--report", "report.json", rule, is_whole);
}

#[test]
fn metrics_are_written_where_the_user_said_and_nowhere_else() {
    let is_whole = |text: &str| text.starts_with("# HELP ") && text.ends_with('\n');
    is_written_there_and_nowhere_else("--metrics-file", "all.prom", rule_of_metrics, is_whole);
}
