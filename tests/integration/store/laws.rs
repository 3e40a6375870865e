//! What holds for every store.

use vps_ops::store::{MemoryStore, Store, mark};

use crate::lab::{Lab, count, number};

fn check(store: &dyn Store) {
    assert_eq!(store.load("a").unwrap(), None);
    for key in ["b/2", "a", "b/1", "c", "b"] {
        store.update(key, &mut |_| Some(key.as_bytes().to_vec())).unwrap();
    }
    let keys: Vec<String> = store.list("b").unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["b", "b/1", "b/2"]);
    assert_eq!(store.list("").unwrap().len(), 5);
    for most in 1..=4 {
        assert_eq!(in_parts(store, "b", most), store.list("b").unwrap(), "{most} at once");
        assert_eq!(in_parts(store, "", most), store.list("").unwrap(), "{most} at once");
        assert_eq!(in_parts(store, "none", most), []);
    }
    store
        .update("a", &mut |bytes| {
            assert_eq!(bytes, Some(&b"a"[..]));
            None
        })
        .unwrap();
    assert_eq!(store.load("a").unwrap(), Some(b"a".to_vec()), "None leaves it as it is");
    store.remove("a").unwrap();
    assert_eq!(store.load("a").unwrap(), None);
    several_keys_at_once(store);
    let marked = |key: &str, bytes: &[u8]| (key.to_owned(), mark(key, bytes));
    let marks = [marked("b", b"b"), marked("b/1", b"again"), marked("b/2", b"other")];
    assert_eq!(store.marks("b").unwrap(), marks);
    assert_ne!(marked("b/1", b"other").1, marks[1].1);
    for expected in 1..=5 {
        assert_eq!(count(store, "count"), expected);
    }
}

/// Everything under a prefix, so many at once.
fn in_parts(store: &dyn Store, prefix: &str, most: usize) -> Vec<(String, Vec<u8>)> {
    let (mut all, mut after) = (Vec::new(), Some(String::new()));
    while let Some(from) = after {
        let page = store.page(prefix, &from, most).unwrap();
        assert!(page.rows.len() <= most);
        all.extend(page.rows);
        after = page.more;
    }
    all
}

fn several_keys_at_once(store: &dyn Store) {
    let keys = ["b/1", "b/2", "new"];
    store
        .update_all(&keys, &mut |values| {
            assert_eq!(*values, [Some(b"b/1".to_vec()), Some(b"b/2".to_vec()), None]);
            values.reverse();
            false
        })
        .unwrap();
    assert_eq!(store.load("b/1").unwrap(), Some(b"b/1".to_vec()), "false leaves them as they are");
    store
        .update_all(&keys, &mut |values| {
            values.swap(0, 2);
            true
        })
        .unwrap();
    assert_eq!(
        keys.map(|key| store.load(key).unwrap()),
        [None, Some(b"b/2".to_vec()), Some(b"b/1".to_vec())]
    );
    store.put_all(&[("b/1", b"again"), ("b/2", b"other")]).unwrap();
    assert_eq!(
        keys.map(|key| store.load(key).unwrap()),
        [Some(b"again".to_vec()), Some(b"other".to_vec()), Some(b"b/1".to_vec())]
    );
}

#[test]
fn memory_is_a_store() {
    check(&MemoryStore::new());
}

#[test]
fn a_file_is_a_store() {
    let lab = Lab::new();
    check(&lab.open().unwrap());
    assert_eq!(lab.warnings(), [""; 0]);
}

#[test]
fn it_is_there_after_it_was_closed() {
    let lab = Lab::new();
    count(&lab.open().unwrap(), "count");
    assert_eq!(number(lab.open().unwrap().load("count").unwrap().as_deref()), 1);
}

#[test]
fn the_version_moves_when_another_connection_writes() {
    let lab = Lab::new();
    let (ours, other) = (lab.open().unwrap(), lab.open().unwrap());
    let before = ours.version().unwrap();
    assert_eq!(ours.version().unwrap(), before);
    count(&other, "count");
    assert_ne!(ours.version().unwrap(), before);
}

#[test]
fn threads_lose_no_update() {
    let lab = Lab::new();
    drop(lab.open().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = lab.open().unwrap();
                for _ in 0..50 {
                    while store
                        .update("count", &mut |bytes| Some((number(bytes) + 1).to_string().into_bytes()))
                        .is_err()
                    {}
                }
            });
        }
    });
    assert_eq!(number(lab.open().unwrap().load("count").unwrap().as_deref()), 200);
}
