//! The folder of apt's archives, and apt-get's own in it.

use std::path::PathBuf;
use std::sync::Arc;

use vps_ops::apt::{Apt as _, AptGet};
use vps_ops::env::Env;
use vps_ops::process::SystemRunner;
use vps_ops::service::ServiceTable;

use crate::place::{Place, cannot};
use crate::table::{Name, Us, Who, rows};

#[test]
fn archives_are_kept_in_a_folder_of_roots_alone() {
    if cannot() {
        return;
    }
    let mut all = rows(Us(0));
    // What root made there is used.
    all.extend(rows(Us(0)).into_iter().map(|row| crate::table::Row { name: Name::Folder(Who::Us), ..row }));
    for row in all {
        let Some(place) = Place::make(row, "partial") else { continue };
        let is_used =
            row.folder.is_alone(row.us) && [Name::Nothing, Name::Folder(Who::Us)].contains(&row.name);
        let apt = AptGet::new(Env::real(), Arc::new(SystemRunner::new()), ServiceTable::default());
        let apt = apt.with_archives(place.at("shared"));
        let before = place.seen();
        let made = apt.make_room(1);
        assert_eq!(made.is_ok(), is_used, "{row:?}: {made:?}");
        let written = is_used.then(|| place.path());
        assert_eq!(place.changed(&before, written.as_deref()), Vec::<PathBuf>::new(), "{row:?}");
    }
}
