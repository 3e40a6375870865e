//! `config init`.

use std::path::PathBuf;

use crate::place::{Place, can_start, cannot};
use crate::table::{EITHER, Name, rows};

#[test]
fn a_first_configuration_takes_no_ones_place() {
    if cannot() {
        return;
    }
    for us in EITHER.into_iter().filter(|us| can_start(*us)) {
        for row in rows(us) {
            let Some(place) = Place::make(row, "c.yaml") else { continue };
            let is_written = row.name == Name::Nothing && row.folder.lets_us_write(us);
            let (before, path) = (place.seen(), place.path());
            let output = place.run(&["--config", path.to_str().unwrap(), "config", "init"]);
            let said = String::from_utf8_lossy(&output.stderr);
            let code = if is_written { 0 } else { 7 };
            assert_eq!(output.status.code(), Some(code), "{row:?}\n{said}");
            let written = is_written.then_some(path);
            assert_eq!(place.changed(&before, written.as_deref()), Vec::<PathBuf>::new(), "{row:?}\n{said}");
            if let Some(path) = written {
                assert!(std::fs::read_to_string(path).unwrap().contains("circuit_breaker"), "{row:?}");
            }
        }
    }
}
