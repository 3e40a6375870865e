//! What needs the internet: `cargo xtask test --slow`.

use crate::lab::Lab;

#[test]
fn a_real_url_works_the_same_way() {
    if !tests::is_slow() {
        tests::skip("uses the internet; run `cargo xtask test --slow`");
        return;
    }
    let lab = Lab::new();
    if lab.run(&["connectivity", "--timeout", "10s"]).status.code() == Some(5) {
        tests::skip("there is no internet here");
        return;
    }
    assert_eq!(lab.download(&["https://example.com/index.html", "page", "--timeout", "60s"]), 0);
    assert!(lab.read("page").is_some_and(|page| !page.is_empty()));
}
