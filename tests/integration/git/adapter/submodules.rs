//! Repositories in repositories.

use tests::git::{Checkout, Forge, Step, beside};
use tests::server::Behaviour;

use super::lab::Lab;

#[test]
fn submodules_go_all_the_way_down() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, lab) = (forge.nested("n"), Lab::new());
    let there = lab.cloned(&forge.url("n"), &["--recurse-submodules"]);
    assert_eq!(there.read("one/two/file"), "two\n");
    for (path, repository) in ["", "one", "one/two"].iter().zip(&repositories) {
        let inner = Checkout::at(there.folder().join(path));
        assert_eq!(inner.head(), repository.id("main"), "{}", repository.name());
        assert_eq!(inner.git(&["status", "--porcelain"]), "");
        assert_eq!(inner.git(&["fsck", "--full"]), "");
    }
    let status = there.git(&["submodule", "status", "--recursive"]);
    assert!(status.lines().count() == 2 && status.lines().all(|line| line.starts_with(' ')), "{status}");
}

#[test]
fn without_the_option_they_stay_empty() {
    let Some(forge) = Forge::start() else { return };
    let (_repositories, lab) = (forge.nested("n"), Lab::new());
    let there = lab.cloned(&forge.url("n"), &[]);
    assert_eq!(beside(&there.folder().join("one")), [""; 0]);
    assert_eq!(forge.count("n-one", Step::Refs), 0);
}

#[test]
fn a_broken_submodule_fails_the_clone() {
    let Some(forge) = Forge::start() else { return };
    let _repositories = forge.nested("n");
    forge.script("n-two", Step::Refs, [Behaviour::status(404)]);
    let _ = Lab::new().fails_at_once(1, &forge.url("n"), &["--recurse-submodules"]).says("two");
    assert_eq!(forge.count("n-two", Step::Refs), 1, "{}", forge.log());
    // Each has its own attempts.
    forge.script("n-two", Step::Refs, [Behaviour::status(503), Behaviour::Ok]);
    forge.script("n-one", Step::Fetch, [Behaviour::Close { after: 100 }, Behaviour::Ok]);
    let lab = Lab::new();
    assert_eq!(lab.cloned(&forge.url("n"), &["--recurse-submodules"]).read("one/two/file"), "two\n");
    // A commit that its repository does not have.
    let _ = forge.with_submodule("lost", &"7".repeat(40), "one", "../n-two.git");
    let _ = Lab::new().fails_at_once(1, &forge.url("lost"), &["--recurse-submodules"]);
}

#[test]
fn a_hostile_submodule_is_refused() {
    let Some(forge) = Forge::start() else { return };
    let [_, _, two] = forge.nested("n");
    let commit = two.id("main");
    let was_here = forge.folder().join("was-here");
    let touch = format!("touch {}", was_here.display());
    let local = format!("file://{}", two.folder().display());
    let urls = [
        local.as_str(),
        two.folder().to_str().unwrap(),
        &format!("ext::sh -c {touch}"),
        &format!("--upload-pack={touch}"),
        &format!("ssh://-oProxyCommand={touch}/x"),
        "../../../../../../n-two.git",
        "!sh",
    ];
    for (number, url) in urls.iter().enumerate() {
        let name = format!("u{number}");
        let (_, lab) = (forge.with_submodule(&name, &commit, "one", url), Lab::new());
        let _ = lab.fails_at_once(1, &forge.url(&name), &["--recurse-submodules"]);
        assert!(lab.ssh.calls().is_empty(), "{url}");
    }
    for (number, path) in ["../outside", "/tmp/outside", "-x"].iter().enumerate() {
        let name = format!("p{number}");
        let modules = format!("[submodule \"one\"]\n\tpath = {path}\n\turl = ../n-two.git\n");
        let mut history = tests::git::History::new();
        let entries: [(&[u8], tests::git::Entry); 2] = [
            (b".gitmodules", tests::git::Entry::text(&modules)),
            (b"one", tests::git::Entry::Submodule(commit.clone())),
        ];
        history.commit("main", "path", &entries);
        forge.repository(&name).import(&history);
        let lab = Lab::new();
        let ended = lab.clone(&[&forge.url(&name), "dest", "--recurse-submodules"]);
        assert!([0, 1].contains(&ended.code), "{path}: {}", ended.text());
        lab.assert_left(if ended.code == 0 { &["dest"] } else { &[] });
        assert!(!lab.path("outside").exists() && !std::path::Path::new("/tmp/outside").exists());
    }
    assert!(!was_here.exists());
}

#[test]
fn a_chain_of_submodules_ends() {
    let Some(forge) = Forge::start() else { return };
    // Deeper than anybody needs.
    let mut commit = forge.sample("deep0").id("main");
    for depth in 1..=12 {
        let url = format!("../deep{}.git", depth - 1);
        commit = forge.with_submodule(&format!("deep{depth}"), &commit, "in", &url).id("main");
    }
    let _ = Lab::new().fails_at_once(1, &forge.url("deep12"), &["--recurse-submodules"]);
    let lab = Lab::new();
    let there = lab.cloned(&forge.url("deep3"), &["--recurse-submodules"]);
    assert_eq!(there.read("in/in/in/README"), "fifth\n");
}
