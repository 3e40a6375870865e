//! The page that `cargo xtask screenshots` has a browser show, which `cargo xtask docs` writes.

use std::fs;
use std::path::Path;

use super::page::render;
use crate::tui::staged::busy;

/// Set to `write`, what is committed is replaced instead of compared.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told by whoever runs it")]
fn the_picture_of_the_page_is_of_what_is_sent() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/snapshots/page.html");
    let wanted = render(&busy(), 1, "W/\"picture\"").unwrap();
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        fs::write(&file, &wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "run `cargo xtask docs` and `cargo xtask screenshots`, and look at the difference"
    );
}
