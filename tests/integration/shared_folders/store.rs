//! The state folder.

use std::path::PathBuf;

use crate::place::{Place, can_start, cannot};
use crate::table::{EITHER, Who, rows};

#[test]
fn state_is_kept_in_a_folder_of_ours_alone_whatever_stands_in_it() {
    if cannot() {
        return;
    }
    for (name, us) in
        ["state.db", "state.lock", "state.meta"].into_iter().flat_map(|name| EITHER.map(|us| (name, us)))
    {
        if !can_start(us) {
            continue;
        }
        for row in rows(us) {
            let Some(place) = Place::make(row, name) else { continue };
            let is_ours = row.folder.owner == Who::Us && row.folder.mode & 0o022 == 0 && !row.folder.list;
            let before = place.seen();
            let mut command = place.command(&["circuit-breaker", "open", "docker_hub"]);
            let output = command.env("STATE_DIRECTORY", place.at("shared")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(if is_ours { 0 } else { 7 }), "{name}: {row:?}\n{said}");
            let changed = place.changed(&before, None);
            if is_ours {
                // What stood there is set aside; what it led to is as it was.
                let shared = place.at("shared");
                let is_state = |path: &PathBuf| {
                    let name = path.file_name().unwrap().to_string_lossy();
                    *path == shared || (path.starts_with(&shared) && name.starts_with("stat"))
                };
                assert!(changed.iter().all(is_state), "{row:?}: {changed:?}");
                assert!(place.path().metadata().unwrap().is_file(), "{row:?}");
            } else {
                assert_eq!(changed, Vec::<PathBuf>::new(), "{name}: {row:?}\n{said}");
                assert!(said.contains(place.at("shared").to_str().unwrap()), "it is named: {row:?}\n{said}");
            }
        }
    }
}
