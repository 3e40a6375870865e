//! What earlier runs did is not known any more, or what this one does will not be.

use std::fs;

use super::{apply, ends, lab, text};
use crate::lab::Lab;
use crate::said::run;

const STEPS: &str = "- {id: conf, file: {dest: conf, content: x}}\n\
     - {id: once, command: {shell: \"echo once >>log\", once: true}}\n\
     - {id: told, command: {shell: \"echo told >>log\", on_change: [conf]}}\n";

fn damage(lab: &Lab) {
    for file in ["state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(lab.path("state").join(file)));
    }
    fs::write(lab.path("state/state.db"), "no store at all").unwrap();
}

#[test]
fn after_a_damaged_store_what_only_it_knew_is_left_and_asked_for() {
    let lab = lab(STEPS);
    assert_eq!(apply(&lab, &[]).code, 0);
    damage(&lab);
    let said = apply(&lab, &[]);
    assert_eq!((said.code, text(&lab, "log").as_str()), (4, "once\ntold\n"), "{}", said.err);
    assert!(said.err.contains("with what was known of plans and the dead letters"), "{}", said.err);
    assert!(said.err.contains("--rerun once  (or --mark-done once, if it was done)\n"), "{}", said.err);
    let (code, steps) = ends(&lab, &[]);
    assert_eq!(
        (code, steps.join(", ").as_str()),
        (4, "conf satisfied, once lost, told lost"),
        "nor does the next run know"
    );
    let status = run(&lab, &["plan", "status", "p.yaml"]);
    assert!(status.out.contains("whether it was done was lost with a damaged store"), "{}", status.out);
    let said = apply(&lab, &["--mark-done", "once", "--rerun", "told"]);
    assert_eq!((said.code, text(&lab, "log").as_str()), (0, "once\ntold\ntold\n"), "{}", said.err);
    assert_eq!(apply(&lab, &[]).code, 0);
    assert_eq!(text(&lab, "log"), "once\ntold\ntold\n");
}
