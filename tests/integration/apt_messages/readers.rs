//! Status lines and plans as a real apt-get wrote them, and round trips of made ones.

use proptest::prelude::*;
use vps_ops::apt::{Doing, StatusLine, archives};

use crate::captured::{Captured, names};

#[test]
fn every_recorded_status_line_is_understood() {
    let mut seen = 0;
    for name in names() {
        for line in Captured::read(&name).status_text.lines() {
            // The recorder folds equal lines and says how many.
            if line.is_empty() || line.starts_with([' ', '(', '.', '[']) {
                continue;
            }
            match StatusLine::parse(line) {
                Some(StatusLine::Package { doing: Doing::Other, text, .. }) => {
                    panic!("{name}: `{text}` is not known")
                }
                Some(_) => seen += 1,
                None => panic!("{name}: `{line}` is not understood"),
            }
        }
    }
    assert!(seen > 1000, "{seen} lines");
}

#[test]
fn the_point_of_no_return_is_seen_where_dpkg_was_started() {
    for (name, started) in [
        ("ok_install", true),
        ("install_404_fix_missing", true),
        ("signal_KILL_dpkg_aptget", true),
        ("install_404_stale_index", false),
        ("signal_KILL_download", false),
        ("ok_download_only", false),
        ("update_refused", false),
    ] {
        assert_eq!(Captured::read(name).status().pm_started, started, "{name}");
    }
    let errors = Captured::read("install_postinst_fails").status().errors;
    assert_eq!((errors.len(), &*errors[0].package), (1, "lab-fail"));
}

#[test]
fn recorded_plans_are_read_and_md5_is_no_digest() {
    let plan = |name| archives(&Captured::read(name).said.stdout).unwrap();
    let forced = plan("ok_print_uris_forcehash");
    let first = &forced[0];
    assert_eq!((forced.len(), &*first.filename, first.size), (2, "lab-dep_1.0_all.deb", 225_472));
    assert_eq!(first.url, "http://repo.test:8080/main/pool/lab-dep_1.0_all.deb");
    let digest = "sha256:18e5493d3ae94257405384c830dedf53670f629b9fb14246c2a4085c11cfb7db";
    assert_eq!(first.hash.as_ref().unwrap().to_string(), digest);
    for name in ["ok_print_uris", "ok_print_uris_qq"] {
        let found = plan(name);
        assert_eq!(found.len(), 3, "{name}");
        assert!(found.iter().all(|archive| archive.hash.is_none()), "{name}");
    }
    assert!(plan("ok_print_uris_cached").is_empty());
    let lists = archives(&Captured::read("ok_update_print_uris").said.stdout);
    assert!(lists.is_err(), "the files of an update are no archives");
}

proptest! {
    #[test]
    fn a_plan_line_comes_back_as_it_was_written(
        path in "[a-z0-9/%+~.'-]{0,40}",
        filename in "[a-z0-9][a-z0-9+_~-]{0,30}(%3a[0-9]{1,3})?\\.deb",
        size in any::<u64>(),
        hex in "[0-9a-f]{64}",
    ) {
        let url = format!("http://example.com/{path}");
        let found = archives(&format!("'{url}' {filename} {size} SHA256:{hex}\n")).unwrap();
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].url, &url);
        prop_assert_eq!(&found[0].filename, &filename);
        prop_assert_eq!(found[0].size, size);
        prop_assert_eq!(found[0].hash.as_ref().unwrap().to_string(), format!("sha256:{hex}"));
    }

    #[test]
    fn a_status_line_comes_back_as_it_was_written(
        package in "[a-z0-9+.-]{2,20}(:[a-z0-9]{3,6})?",
        tenths in 0_u32..100_000,
        text in "[A-Za-z][ -~]{0,40}[!-~]",
    ) {
        let percent = format!("{}.{:03}9", tenths / 1000, tenths % 1000);
        let line = format!("pmstatus:{package}:{percent}:{text}\n");
        let Some(StatusLine::Package { package: got, percent, text: words, .. }) = StatusLine::parse(&line) else {
            return Err(TestCaseError::fail(line));
        };
        prop_assert_eq!((got, percent, words), (package, tenths, text));
    }
}
