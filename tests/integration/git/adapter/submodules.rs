//! Repositories in repositories.

use tests::git::{Checkout, Entry, Forge, History, Repository, Step, beside};
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
fn a_submodule_that_is_not_to_be_updated_stays_empty() {
    let Some(forge) = Forge::start() else { return };
    let lab = Lab::new();
    let none = "../not-there.git\n\tupdate = none";
    let _outer = forge.with_submodule("o", "0123456789abcdef0123456789abcdef01234567", "sub", none);
    let there = lab.cloned(&forge.url("o"), &["--recurse-submodules"]);
    assert_eq!(beside(&there.folder().join("sub")), [""; 0]);
    let _ = lab.clone(&[&forge.url("o"), "dest", "--recurse-submodules"]).expect(0);
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
        let mut history = History::new();
        let entries: [(&[u8], Entry); 2] =
            [(b".gitmodules", Entry::text(&modules)), (b"one", Entry::Submodule(commit.clone()))];
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

/// One more commit on `main`: these paths.
fn further(repository: &Repository, entries: &[(&[u8], Entry)]) {
    let mut history = History::new();
    history.commit_from("main", Some("refs/heads/main^0"), "further", entries);
    repository.import(&history);
}

/// News in each of the three, from the innermost on.
fn news([outer, one, two]: &[Repository; 3], text: &str) {
    further(two, &[(b"file", Entry::text(text))]);
    further(one, &[(b"two", Entry::Submodule(two.id("main"))), (b"file", Entry::text(text))]);
    further(outer, &[(b"one", Entry::Submodule(one.id("main")))]);
}

fn all_as_named(lab: &Lab, repositories: &[Repository; 3]) {
    let there = lab.dest();
    for (path, repository) in ["", "one", "one/two"].iter().zip(repositories) {
        let inner = Checkout::at(there.folder().join(path));
        assert_eq!(inner.head(), repository.id("main"), "{}", repository.name());
        assert_eq!(inner.git(&["fsck", "--full"]), "");
        assert_eq!(inner.git(&["status", "--porcelain"]), "");
    }
    let status = there.git(&["submodule", "status", "--recursive"]);
    assert!(status.lines().all(|line| line.starts_with(' ')), "{status}");
}

#[test]
fn an_update_takes_the_submodules_along() {
    let Some(forge) = Forge::start() else { return };
    for (name, more) in [("n", &[][..]), ("f", &["--full"])] {
        let (repositories, lab) = (forge.nested(name), Lab::new());
        let both = [&["--recurse-submodules", "--update"], more].concat();
        // Some are there without: they come with the update.
        lab.cloned(&forge.url(name), more);
        lab.cloned(&forge.url(name), &both);
        all_as_named(&lab, &repositories);
        for round in 0..2 {
            news(&repositories, &format!("news {round}\n"));
            let there = lab.cloned(&forge.url(name), &both);
            all_as_named(&lab, &repositories);
            assert_eq!(there.read("one/two/file"), format!("news {round}\n"));
        }
        // The git folder's own time changes with what comes and goes in it.
        let work = || -> Vec<String> {
            lab.work().into_iter().filter(|line| !line.starts_with("\"dest/.git\" ")).collect()
        };
        let (requests, before) = (forge.all(), work());
        let again = lab.clone(&[&[&*forge.url(name), "dest", "--json"], &both[..]].concat()).expect(0);
        let result: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(tests::schema::check(&result), "git.clone");
        assert_eq!((&result["unchanged"], result["submodules"].as_array().unwrap().len()), (&true.into(), 2));
        assert_eq!(result["submodules"][1]["commit"], repositories[2].id("main"));
        assert!(forge.all() - requests <= 3, "the modules were asked for: {}", forge.log());
        assert!(work() == before, "it changed something");
    }
}

#[test]
fn a_submodule_that_comes_or_goes_is_told() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, lab) = (forge.nested("n"), Lab::new());
    let [outer, _, two] = &repositories;
    lab.cloned(&forge.url("n"), &["--recurse-submodules"]);
    let modules = "[submodule \"new\"]\n\tpath = deep/new\n\turl = ../n-two.git\n";
    let come = [
        (&b".gitmodules"[..], Entry::text(modules)),
        (b"one", Entry::Gone),
        (b"deep/new", Entry::Submodule(two.id("main"))),
    ];
    further(outer, &come);
    let url = forge.url("n");
    let updated = lab.clone(&[&url, "dest", "--recurse-submodules", "--update"]).expect(0);
    assert!(updated.text().contains("one belongs to it no more"), "{}", updated.text());
    assert_eq!(lab.dest().read("deep/new/file"), "two\n");
    // As git does, it stays.
    assert_eq!(lab.dest().read("one/two/file"), "two\n");
    assert_eq!(lab.dest().git(&["status", "--porcelain"]), "?? one/");
}

#[test]
fn an_update_without_the_option_tells_of_submodules() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, lab) = (forge.nested("n"), Lab::new());
    lab.cloned(&forge.url("n"), &["--recurse-submodules"]);
    let old = Checkout::at(lab.path("work/dest/one")).head();
    news(&repositories, "news\n");
    let updated = lab.clone(&[&forge.url("n"), "dest", "--update"]).expect(0);
    assert!(updated.text().contains("--recurse-submodules"), "{}", updated.text());
    assert_eq!(Checkout::at(lab.path("work/dest/one")).head(), old);
    // Nor is it all there for who asks for modules.
    let differs = lab.clone(&[&forge.url("n"), "dest", "--recurse-submodules"]).expect(7);
    assert!(differs.text().contains("has the module one at"), "{}", differs.text());
    lab.cloned(&forge.url("n"), &["--update", "--recurse-submodules"]);
    all_as_named(&lab, &repositories);
}

#[test]
fn a_submodule_that_is_not_updated_keeps_all_as_it_is() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, lab) = (forge.nested("n"), Lab::new());
    lab.cloned(&forge.url("n"), &["--recurse-submodules"]);
    news(&repositories, "news\n");
    let url = forge.url("n");
    let update = ["--recurse-submodules", "--update", "--retries", "1"];
    let outside = || -> Vec<String> {
        lab.work().into_iter().filter(|line| !line.starts_with("\"dest/.git\" ")).collect()
    };
    let before = outside();
    let refused = |code: i32, word: &str| {
        let ended = lab.clone(&[&[&*url, "dest"], &update[..]].concat()).expect(code);
        assert!(ended.text().contains(word), "{}", ended.text());
        lab.assert_left(&["dest"]);
    };
    forge.script("n-two", Step::Fetch, [Behaviour::status(404)]);
    refused(1, "one/two");
    assert!(outside() == before, "something was changed");
    forge.script("n-two", Step::Fetch, []);
    // Work in the innermost is nobody's to overwrite.
    let inner = Checkout::at(lab.path("work/dest/one/two"));
    std::fs::write(inner.folder().join("file"), "mine\n").unwrap();
    refused(7, "file");
    assert_eq!((inner.read("file").as_str(), lab.dest().read("one/file").as_str()), ("mine\n", "n-one\n"));
    inner.git(&["checkout", "--quiet", "file"]);
    inner.git(&["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    refused(7, "which no branch leads to");
    // On a branch of its own it stays.
    inner.git(&["branch", "mine"]);
    lab.cloned(&url, &update);
    all_as_named(&lab, &repositories);
    assert_ne!(inner.git(&["rev-parse", "mine"]), repositories[2].id("main"));
}

#[test]
fn a_submodule_that_becomes_something_else_is_not_overwritten() {
    let Some(forge) = Forge::start() else { return };
    type Entries = Vec<(&'static [u8], Entry)>;
    let cases: [(&str, Entries); 3] = [
        ("file", vec![(b"one", Entry::text("a file\n"))]),
        ("link", vec![(b"one", Entry::Link("file".into()))]),
        ("folder", vec![(b"one", Entry::Gone), (b"one/in", Entry::text("in a folder\n"))]),
    ];
    for (name, entries) in cases {
        let (repositories, filled, empty) = (forge.nested(name), Lab::new(), Lab::new());
        filled.cloned(&forge.url(name), &["--recurse-submodules"]);
        empty.cloned(&forge.url(name), &[]);
        std::fs::create_dir_all(empty.path("work/dest/one/nothing/in/it")).unwrap();
        let gone = [(&b".gitmodules"[..], Entry::Gone)];
        further(&repositories[0], &[&gone[..], &entries].concat());
        for more in [&[][..], &["--recurse-submodules"]] {
            let before = filled.dest().head();
            let kept = filled.clone(&[&[&*forge.url(name), "dest", "--update"], more].concat()).expect(7);
            assert!(kept.text().contains("a module that is no module any more"), "{}", kept.text());
            assert_eq!(
                (filled.dest().head(), filled.dest().read("one/two/file")),
                (before, "two\n".to_owned())
            );
        }
        assert_eq!(empty.cloned(&forge.url(name), &["--update"]).head(), repositories[0].id("main"));
    }
}

#[test]
fn a_file_or_link_that_becomes_a_submodule_makes_way() {
    let Some(forge) = Forge::start() else { return };
    let (repositories, lab) = (forge.nested("n"), Lab::new());
    let [outer, _, two] = &repositories;
    // Another clone of the same, behind a link.
    let outside = lab.path("outside");
    std::fs::create_dir(&outside).unwrap();
    let into = |lab: &Lab| lab.command(&[&forge.url("n-two"), outside.join("mod").to_str().unwrap()]);
    assert!(into(&lab).status().unwrap().success());
    let theirs = Checkout::at(outside.join("mod"));
    let before = theirs.head();
    further(outer, &[(b"a", Entry::Link(outside.to_str().unwrap().into())), (b"b", Entry::text("b\n"))]);
    lab.cloned(&forge.url("n"), &[]);
    further(two, &[(b"file", Entry::text("newer\n"))]);
    let modules = "[submodule \"m\"]\n\tpath = a/mod\n\turl = ../n-two.git\n\
                   [submodule \"b\"]\n\tpath = b\n\turl = ../n-two.git\n";
    let come = [
        (&b".gitmodules"[..], Entry::text(modules)),
        (b"one", Entry::Gone),
        (b"a", Entry::Gone),
        (b"a/mod", Entry::Submodule(two.id("main"))),
        (b"b", Entry::Submodule(two.id("main"))),
    ];
    further(outer, &come);
    let there = lab.cloned(&forge.url("n"), &["--update", "--recurse-submodules"]);
    assert_eq!((there.read("a/mod/file"), there.read("b/file")), ("newer\n".into(), "newer\n".into()));
    assert!(!there.folder().join("a").is_symlink());
    assert_eq!((theirs.head(), theirs.read("file")), (before, "two\n".to_owned()));
}

#[test]
fn a_submodule_inside_another_s_git_folder_is_refused() {
    let Some(forge) = Forge::start() else { return };
    let [_, _, two] = forge.nested("n");
    let modules = "[submodule \"m\"]\n\tpath = m\n\turl = ../n-two.git\n\
                   [submodule \"m/refs/heads/evil\"]\n\tpath = n\n\turl = ../n-two.git\n";
    let entries = [
        (&b".gitmodules"[..], Entry::text(modules)),
        (b"m", Entry::Submodule(two.id("main"))),
        (b"n", Entry::Submodule(two.id("main"))),
    ];
    let repository = forge.repository("in");
    let mut history = History::new();
    history.commit("main", "first", &[(b"file", Entry::text("x"))]);
    repository.import(&history);
    let lab = Lab::new();
    lab.cloned(&forge.url("in"), &[]);
    further(&repository, &entries);
    let both = ["--update", "--recurse-submodules"];
    let refused = lab.clone(&[&[&*forge.url("in"), "dest"], &both[..]].concat()).expect(1);
    assert!(refused.text().contains("two modules want to be kept as"), "{}", refused.text());
    lab.dest().assert_sound();
    let _ = Lab::new()
        .fails_at_once(1, &forge.url("in"), &["--recurse-submodules"])
        .says("kept inside the module");
}
