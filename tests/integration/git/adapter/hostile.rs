//! Trees that would write where nothing may be written.

use tests::git::{Forge, HOSTILE, Step};

use super::lab::Lab;

#[test]
fn a_hostile_tree_writes_nothing() {
    let Some(forge) = Forge::start() else { return };
    for (number, kind) in HOSTILE.iter().enumerate() {
        let (name, lab) = (format!("h{number}"), Lab::new());
        let _hostile = forge.hostile(&name, kind);
        let before = lab.work();
        let ended = lab.clone(&[&forge.url(&name), "dest"]);
        assert!([1, 6].contains(&ended.code), "{kind}: {} {}", ended.code, ended.text());
        assert_eq!(lab.work(), before, "{kind}");
        lab.assert_left(&[]);
        // A mode that means nothing may as well be damage, which is fetched once more.
        let most = if *kind == "zero mode" { 2 } else { 1 };
        assert!(forge.count(&name, Step::Fetch) <= most, "{kind}: {}", forge.log());
        assert!(!lab.path("outside").exists() && !lab.path("work/outside").exists(), "{kind}");
    }
}
