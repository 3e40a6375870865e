//! What earlier runs did is not known any more, or what this one does will not be.

use std::fs;

use super::{apply, ends, lab, text};
use crate::lab::Lab;
use crate::said::{run, run_with};

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

#[test]
fn without_a_store_what_is_watched_is_left_with_who_watches_it_and_done_once_there_is_one() {
    let lab = lab(STEPS);
    let memory = [("VPS_CONFIGURATOR_STATE__BACKEND", "memory")];
    for _ in 0..2 {
        let said = run_with(&lab, &memory, &["apply", "p.yaml"]);
        assert_eq!((said.code, lab.path("conf").exists()), (4, false), "{}", said.err);
        assert!(said.err.contains("told is done when it changes, and would not hear of it"), "{}", said.err);
    }
    assert_eq!(apply(&lab, &[]).code, 0);
    assert_eq!(text(&lab, "log"), "once\ntold\n");
}

#[test]
fn a_state_folder_that_goes_while_it_is_used_is_missed_once() {
    let lab = lab("- {id: bad, command: {shell: \"mv state gone\", creates: gone}}\n\
         - {id: more, command: {shell: \"touch more\", creates: more}}\n\
         - {id: last, command: {shell: \"touch last\", creates: last}}\n");
    let said = apply(&lab, &[]);
    assert_eq!(said.err.matches("was removed or exchanged while it was in use").count(), 1, "{}", said.err);
    assert!(said.err.contains("nothing more is remembered after this run"), "{}", said.err);
    let said = apply(&lab, &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "the next one begins anew");
}
