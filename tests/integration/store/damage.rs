//! Whatever happened to the files: a store in any case, a warning, and nothing lost that was set aside.

use std::fs;

use vps_ops::store::{OpenError, Store};

use crate::lab::{Lab, count};

/// A store with something in it, closed.
fn used() -> Lab {
    let lab = Lab::new();
    let store = lab.open().unwrap();
    for key in 0..50 {
        store.update(&format!("circuit/{key}"), &mut |_| Some(vec![7; 200])).unwrap();
    }
    drop(store);
    lab
}

fn set_aside(lab: &Lab) -> Vec<String> {
    let names =
        fs::read_dir(lab.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".corrupt-")).collect()
}

fn survives(lab: &Lab, what: &str) {
    let store = lab.open_or_memory();
    assert_eq!(count(&*store, "count"), 1, "{what}");
    drop(store);
    let again = lab.open_or_memory();
    assert_eq!(count(&*again, "count"), 2, "{what}: a fresh store remembers again");
    assert_eq!(set_aside(lab).len(), 1, "{what}: {:?}", set_aside(lab));
    assert!(lab.warnings().iter().any(|text| text.contains("set aside")), "{what}: {:?}", lab.warnings());
}

#[test]
fn what_is_not_a_store_is_set_aside() {
    for content in ["hello, this is text\n", "SQLite format 3 but not really", &"x".repeat(50_000)] {
        let lab = Lab::new();
        fs::write(lab.file("state.db"), content).unwrap();
        survives(&lab, content.get(..12).unwrap());
        let aside = fs::read_to_string(lab.file(&set_aside(&lab)[0])).unwrap();
        assert_eq!(aside, content, "nothing of it is lost");
    }
}

/// Of many that find one that is no store at once, none sets aside what another made in its place.
#[test]
fn many_that_find_it_damaged_set_it_aside_once_and_share_the_new_one() {
    for round in 0..10 {
        let lab = used();
        if round % 2 == 0 {
            fs::write(lab.file("state.db"), "hello, this is text\n").unwrap();
        } else {
            // Ours by its looks, and damaged behind them.
            let mut bytes = fs::read(lab.file("state.db")).unwrap();
            bytes[100..4_000].fill(0xa5);
            fs::write(lab.file("state.db"), bytes).unwrap();
        }
        assert_eq!(lab.counted_at_once(8), 8, "round {round}");
        assert_eq!(set_aside(&lab).len(), 1, "round {round}: {:?}", lab.warnings());
        assert_eq!(lab.warnings().len(), 1, "round {round}: {:?}", lab.warnings());
    }
}

#[test]
fn an_emptied_store_is_damaged_not_new() {
    let lab = used();
    fs::write(lab.file("state.db"), "").unwrap();
    survives(&lab, "emptied");
}

#[test]
fn a_cut_store_is_set_aside() {
    for keep in [1, 60, 99, 100, 512, 4_095, 4_096, 8_000] {
        let lab = used();
        fs::OpenOptions::new().write(true).open(lab.file("state.db")).unwrap().set_len(keep).unwrap();
        survives(&lab, &format!("cut to {keep}"));
    }
}

#[test]
fn somebody_elses_database_is_set_aside() {
    let lab = used();
    let mut bytes = fs::read(lab.file("state.db")).unwrap();
    bytes[68..72].copy_from_slice(&[1, 2, 3, 4]);
    fs::write(lab.file("state.db"), bytes).unwrap();
    survives(&lab, "another application's");
}

#[test]
fn a_newer_store_is_never_touched() {
    let lab = used();
    let mut bytes = fs::read(lab.file("state.db")).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(lab.file("state.db"), &bytes).unwrap();
    assert!(matches!(lab.open(), Err(OpenError::Newer { .. })));
    let store = lab.open_or_memory();
    assert_eq!(count(&*store, "count"), 1);
    drop(store);
    assert_eq!(fs::read(lab.file("state.db")).unwrap(), bytes);
    assert!(set_aside(&lab).is_empty());
    assert_eq!(lab.warnings().len(), 1, "{:?}", lab.warnings());
    assert!(lab.warnings()[0].contains("newer version"));
}

/// Damages a store at each place in turn; returns how many records were still read, each of them right.
fn damaged_at(step: usize, damage: impl Fn(&mut [u8])) -> usize {
    let lab = used();
    let good = fs::read(lab.file("state.db")).unwrap();
    let mut seen = 0;
    for at in (0..good.len()).step_by(step) {
        let mut bytes = good.clone();
        damage(&mut bytes[at..]);
        for companion in ["state.db-wal", "state.db-shm"] {
            let _ = fs::remove_file(lab.file(companion));
        }
        fs::write(lab.file("state.db"), bytes).unwrap();
        let store = lab.open_or_memory();
        for (key, value) in store.list("circuit/").unwrap_or_default() {
            assert_eq!(value, vec![7; 200], "{key} damaged at {at}");
            seen += 1;
        }
        let _ = store.update("count", &mut |_| Some(vec![1]));
    }
    seen
}

#[test]
fn a_flipped_bit_is_never_a_value() {
    let seen = damaged_at(97, |bytes| bytes[0] ^= 0x10);
    assert!(seen > 1_000, "most flips leave most records alone: {seen}");
}

#[test]
fn zeros_are_never_a_value() {
    for length in [64, 512] {
        let seen = damaged_at(200, |bytes| bytes.iter_mut().take(length).for_each(|byte| *byte = 0));
        assert!(seen > 100, "most places leave some records alone: {seen}");
    }
}

#[test]
fn a_store_of_no_version_is_no_crash() {
    let lab = used();
    let mut bytes = fs::read(lab.file("state.db")).unwrap();
    bytes[60..64].copy_from_slice(&0_u32.to_be_bytes());
    fs::write(lab.file("state.db"), &bytes).unwrap();
    let store = lab.open_or_memory();
    assert_eq!(count(&*store, "count"), 1);
}

#[test]
fn a_folder_in_its_place_is_no_reason_to_stop() {
    let lab = Lab::new();
    fs::create_dir(lab.file("state.db")).unwrap();
    let store = lab.open_or_memory();
    assert_eq!(count(&*store, "count"), 1);
    assert!(!lab.warnings().is_empty());
}

#[test]
fn a_store_in_use_is_not_set_aside() {
    let lab = used();
    let user = lab.open().unwrap();
    // What a careless tool does to a file in use.
    fs::write(lab.file("state.db"), "overwritten").unwrap();
    let other = lab.open_or_memory();
    assert_eq!(count(&*other, "count"), 1, "memory takes its place");
    assert!(set_aside(&lab).is_empty(), "somebody else has it open");
    drop(user);
}
