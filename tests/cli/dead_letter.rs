//! `dead-letter`: what is kept of operations that failed, and that it is done again for real.

mod kept;
mod many;
mod of_plans;
mod retried;

use serde_json::Value;

use crate::lab::Lab;
use crate::said::{Said, run};

/// All letters, as `dead-letter list --json` has them.
fn letters(lab: &Lab) -> Vec<Value> {
    let said = run(lab, &["--json", "dead-letter", "list"]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.json()["letters"].as_array().unwrap().clone()
}

/// The only letter there is.
fn only(lab: &Lab) -> Value {
    let mut all = letters(lab);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().unwrap().to_owned()
}

/// Fails, and says which letter is kept.
fn fails(lab: &Lab, args: &[&str]) -> (Said, String) {
    let said = run(lab, args);
    assert_ne!(said.code, 0, "{args:?}: {}", said.out);
    let (_, kept) =
        said.err.rsplit_once("kept as dead letter ").unwrap_or_else(|| panic!("{args:?}: {}", said.err));
    let id = kept.split([';', ',']).next().unwrap().to_owned();
    (said, id)
}

fn retry(lab: &Lab, id: &str) -> Said {
    run(lab, &["dead-letter", "retry", id])
}
