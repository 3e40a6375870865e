//! Planted secrets, and everywhere they must not be.

use std::fs;
use std::path::Path;

use tests::git::{Forge, Step};
use tests::server::Behaviour;

use super::lab::Lab;

const CANARY: &str = "c4n4ry";

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            search(&entry.path(), found);
        } else if kind.is_file() && String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).contains(CANARY)
        {
            found.push(entry.path().display().to_string());
        }
    }
}

/// Nothing in any of the program's folders.
fn assert_nowhere(lab: &Lab, what: &str) {
    let mut found = Vec::new();
    search(&lab.path(""), &mut found);
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[test]
fn passwords_are_used_and_never_shown() {
    let Some(forge) = Forge::start() else { return };
    let sample = forge.sample("s");
    // user:c4n4ry
    let accept = || Behaviour::AuthRequired { accept: "Basic dXNlcjpjNG40cnk=".to_owned() };
    let url = forge.url_with(&format!("user:{CANARY}"), "s");
    let token = format!("{}?token={CANARY}", forge.url("s"));
    let all = [Step::Refs, Step::List, Step::Fetch];
    for format in ["human", "json"] {
        for (number, fault) in
            [None, Some((Step::Refs, 404)), Some((Step::Fetch, 503))].into_iter().enumerate()
        {
            let lab = Lab::new();
            all.iter().for_each(|step| forge.script("s", *step, [accept()]));
            if let Some((step, status)) = fault {
                forge.script("s", step, [Behaviour::status(status)]);
            }
            let ended = lab.clone(&[&url, "dest", "-vv", "--log-format", format]);
            assert_eq!(ended.code, i32::from(fault.is_some()), "{}", ended.text());
            assert!(!ended.text().contains(CANARY), "{}", ended.text());
            assert_nowhere(&lab, &format!("{format} {number}"));
            if fault.is_none() {
                lab.dest().assert_sound();
                assert_eq!(lab.dest().head(), sample.id("main"));
                let json = lab.clone(&[&url, "dest", "--json"]).expect(0);
                assert!(!json.text().contains(CANARY), "{}", json.text());
            }
        }
    }
    for step in all {
        let seen = forge.exchanges("s", step);
        // At once, or when asked for it.
        assert!(seen.iter().any(|seen| seen.request.header("authorization").is_some()), "{step:?}");
    }
    // A wrong password, one in a query, and one in what is refused.
    all.iter().for_each(|step| forge.script("s", *step, [accept()]));
    let lab = Lab::new();
    let wrong = forge.url_with(&format!("user:not-{CANARY}"), "s");
    for url in [&*wrong, &token, &format!("ftp://user:{CANARY}@example.com/s.git")] {
        let ended = lab.clone(&[url, "dest", "-vv"]);
        assert!([1, 2].contains(&ended.code), "{}", ended.text());
        assert!(!ended.text().contains(CANARY), "{}", ended.text());
        assert_nowhere(&lab, url);
    }
}
