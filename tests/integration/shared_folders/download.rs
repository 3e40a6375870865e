//! `download URL DEST`: what is others' stays as it is, whatever becomes of the download.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use tests::server::{Route, Server};

use crate::place::{Place, can_start, cannot};
use crate::table::{EITHER, Name, To, Who, rows};

#[test]
fn a_download_leaves_what_is_others_as_it_is() {
    if cannot() {
        return;
    }
    let server = Server::start();
    server.route("/f", Route::of(3_000));
    for us in EITHER.into_iter().filter(|us| can_start(*us)) {
        for row in rows(us) {
            let Some(place) = Place::make(row, "dest") else { continue };
            let path = place.path();
            // The file itself, whatever becomes of its name.
            let mut planted =
                matches!(row.name, Name::File(Who::Neighbour)).then(|| File::open(&path).unwrap());
            let before = place.seen();
            let output = place.run(&["download", &server.url("/f"), path.to_str().unwrap()]);
            let said = String::from_utf8_lossy(&output.stderr);
            let done = output.status.code() == Some(0);
            assert!(done || output.status.code() == Some(7), "{row:?}: {output:?}");
            // A link to a folder of ours is DEST, and then what is written is that folder.
            let goes_in = row.folder.lets_us_in(us) && matches!(row.name, Name::Link(_, To::OutsideFolder));
            if !row.folder.lets_us_write(us) && !goes_in {
                assert!(!done, "{row:?}");
            } else if matches!(row.name, Name::Nothing | Name::File(Who::Us)) {
                assert!(done, "{row:?}\n{said}");
            }
            if let Some(planted) = &mut planted {
                let mut text = String::new();
                planted.read_to_string(&mut text).unwrap();
                assert_eq!(text, "shared/dest as it was", "{row:?}");
            }
            let is_foreign_link =
                matches!(row.name, Name::Link(Who::Neighbour, _)) && !row.folder.is_alone(us);
            let leads_outside = matches!(row.name, Name::Link(_, To::Outside | To::OutsideFolder));
            if is_foreign_link || !leads_outside {
                let outside = place.at("outside");
                let changed = place.changed(&before, None);
                assert!(changed.iter().all(|path| !path.starts_with(&outside)), "{row:?}: {changed:?}");
            }
            match row.name {
                Name::Fifo(_) => {
                    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo(), "{row:?}");
                }
                Name::Device => {
                    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_char_device(), "{row:?}");
                }
                _ => {}
            }
            if let Ok(found) = fs::symlink_metadata(&path)
                && done
                && found.is_file()
                // Where only we could have put a file, its owner is kept: it is what root gave it.
                && !row.folder.is_alone(us)
            {
                assert_eq!((found.uid(), found.mode() & 0o002), (us.0, 0), "{row:?}: {said}");
            }
        }
    }
}
