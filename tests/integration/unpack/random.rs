//! Random trees, packed and unpacked: what comes out is what went in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tests::archives::{Thing, What, gzip, tar, xz, zip, zstandard};

use crate::lab::Lab;

/// Names out of few, so that trees have depth.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c d"), Just("ü"), Just("e\\f"), Just("..."), Just("-g")]
        .prop_map(str::to_owned)
}

/// Names of files with their content; a file that would be a folder of others, too, is left out.
fn trees() -> impl Strategy<Value = BTreeMap<String, (Vec<u8>, bool)>> {
    let path = prop::collection::vec(name(), 1..5).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (any::<u8>(), 500_usize..1_100).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::btree_map(path, (content, any::<bool>()), 1..12).prop_map(|mut tree| {
        let names: Vec<_> = tree.keys().cloned().collect();
        tree.retain(|name, _| !names.iter().any(|other| other.starts_with(&format!("{name}/"))));
        tree
    })
}

fn expected(tree: &BTreeMap<String, (Vec<u8>, bool)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, (content, is_program)) in tree {
        let mode = if *is_program { 755 } else { 644 };
        lines.push(format!("{name} {mode} {}", String::from_utf8_lossy(content)));
        let mut above = name.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            lines.push(format!("{folder}/ 755"));
            above = folder;
        }
    }
    lines.sort();
    lines.dedup();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_packed_comes_out_of_each_format(tree in trees(), order in any::<u64>()) {
        let mut things: Vec<_> = tree
            .iter()
            .map(|(name, (content, is_program))| {
                let mode = if *is_program { 0o755 } else { 0o644 };
                Thing::new(name, What::File(content.clone()), mode)
            })
            .collect();
        let middle = usize::try_from(order % things.len() as u64).unwrap();
        things.rotate_left(middle);
        let tarred = tar(&things);
        let mut archives = vec![tarred.clone(), gzip(&tarred), xz(&tarred), zstandard(&tarred)];
        // A zip's names have no backslash.
        if !tree.keys().any(|name| name.contains('\\')) {
            archives.push(zip(&things));
        }
        for archive in archives {
            let lab = Lab::new();
            lab.unpack(&archive).unwrap();
            prop_assert_eq!(lab.tree(), expected(&tree));
            prop_assert_eq!(lab.names(), ["to"]);
        }
    }
}
