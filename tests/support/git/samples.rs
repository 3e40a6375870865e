//! Repositories that many tests clone.

use super::forge::Forge;
use super::history::{Entry, History};
use super::repository::Repository;
use crate::server::Content;

/// Commits of `main` in [`Forge::sample`].
pub const SAMPLE_COMMITS: usize = 5;

/// Names in [`Forge::sample`] that are easy to get wrong; each file holds its own name.
pub const ODD_NAMES: [&[u8]; 9] = [
    b"odd/with space ",
    "odd/schön ☃".as_bytes(),
    b"odd/two\nlines",
    b"odd/tab\there",
    b"odd/-dash",
    b"odd/\"quoted\"",
    b"odd/back\\slash",
    b"odd/not utf8 \xff",
    b"odd/.gitignored",
];

/// Bytes of the one file of [`Forge::large`]: they do not compress.
pub const LARGE_FILE: u64 = 2 << 20;

/// Files in [`Forge::pieces`].
pub const PIECES: usize = 32;
/// Bytes of each.
pub const PIECE: u64 = 128 << 10;

impl Forge {
    /// A repository with everything in it that a clone has to get right, in a few small files: five
    /// commits on `main`, the branches `topic` and `a/b`, the tags `v1` (with a text) and `light`, a
    /// program, links, line ends by attribute, odd names, an empty file.
    #[must_use]
    pub fn sample(&self, name: &str) -> Repository {
        let mut history = History::new();
        let text = Entry::text;
        history.commit(
            "main",
            "first",
            &[(b"README", text("first\n")), (b".gitattributes", text("*.dos text eol=crlf\n*.bin binary\n"))],
        );
        history.commit(
            "main",
            "second",
            &[
                (b"bin/run", Entry::Program(b"#!/bin/sh\necho ran\n".to_vec())),
                (b"link", Entry::Link("README".into())),
                (b"dir/dangling", Entry::Link("../nowhere".into())),
                (b"lines.dos", text("one\ntwo\n")),
                (b"lines.bin", text("one\ntwo\n")),
                (b"empty", text("")),
            ],
        );
        history.annotated_tag("v1", "main");
        let odd: Vec<_> = ODD_NAMES.iter().map(|name| (*name, Entry::File(name.to_vec()))).collect();
        history.commit("main", "third", &odd);
        history.lightweight_tag("light", "main");
        history.commit_from("topic", Some("refs/heads/main"), "topic", &[(b"topic", text("topic\n"))]);
        history.commit_from("a/b", Some("refs/heads/main"), "deep", &[(b"deep", text("deep\n"))]);
        history.commit("main", "fourth", &[(b"README", text("fourth\n"))]);
        history.commit("main", "fifth", &[(b"README", text("fifth\n")), (b"last", text("last\n"))]);
        let repository = self.repository(name);
        repository.import(&history);
        repository
    }

    /// One file that does not compress, for cuts.
    #[must_use]
    pub fn large(&self, name: &str) -> Repository {
        let repository = self.repository(name);
        let bytes = Content::seeded(11, LARGE_FILE).bytes();
        let mut history = History::new();
        history.commit("main", "first", &[(b"README", Entry::text("large\n"))]);
        history.commit("main", "large", &[(b"large", Entry::File(bytes))]);
        repository.import(&history);
        repository
    }

    /// [`PIECES`] files of [`PIECE`] bytes each that do not compress, half of them in the second of two commits,
    /// and one more on the branch `side`, with the tag `v1` (with a text) at the first commit and the tag `note` at
    /// a file that no commit has. Its server leaves out files, where it is asked to.
    #[must_use]
    pub fn pieces(&self, name: &str) -> Repository {
        let repository = self.repository(name);
        let file = |n: u64| Entry::File(Content::seeded(100 + n, PIECE).bytes());
        let names: Vec<String> = (0..PIECES).map(|n| format!("{}/{n}", n % 5)).collect();
        let entries: Vec<(&[u8], Entry)> =
            names.iter().zip(0..).map(|(name, n)| (name.as_bytes(), file(n))).collect();
        let (first, second) = entries.split_at(PIECES / 2);
        let mut history = History::new();
        history.commit("main", "first", first);
        history.annotated_tag("v1", "main");
        history.commit("main", "second", second);
        history.commit_from("side", Some("refs/heads/main"), "side", &[(b"side", file(99))]);
        repository.import(&history);
        let note = repository.write("blob", b"no commit has this\n");
        repository.git(&["tag", "--annotate", "--message=note", "note", &note]);
        repository.git(&["config", "uploadpack.allowFilter", "true"]);
        repository
    }

    /// Many small files in many folders, for stops in the checkout.
    #[must_use]
    pub fn many(&self, name: &str, files: usize) -> Repository {
        let names: Vec<String> =
            (0..files).map(|n| format!("{:02}/{:02}/{n}", n % 50, n / 50 % 20)).collect();
        let entries: Vec<(&[u8], Entry)> =
            names.iter().map(|name| (name.as_bytes(), Entry::text(name))).collect();
        let mut history = History::new();
        history.commit("main", "many", &entries);
        let repository = self.repository(name);
        repository.import(&history);
        repository
    }

    /// `name` with a submodule `one` (`../NAME-one.git`), which has one of its own, `two` (`../NAME-two.git`).
    #[must_use]
    pub fn nested(&self, name: &str) -> [Repository; 3] {
        let names = [format!("{name}-two"), format!("{name}-one"), name.to_owned()];
        let two = self.repository(&names[0]);
        let mut history = History::new();
        history.commit("main", "innermost", &[(b"file", Entry::text("two\n"))]);
        two.import(&history);
        let one = self.with_submodule(&names[1], &two.id("main"), "two", &format!("../{}.git", names[0]));
        let outer = self.with_submodule(&names[2], &one.id("main"), "one", &format!("../{}.git", names[1]));
        [outer, one, two]
    }

    /// A repository with one submodule: at `path`, from `url`, at `commit`.
    #[must_use]
    pub fn with_submodule(&self, name: &str, commit: &str, path: &str, url: &str) -> Repository {
        let modules = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
        let mut history = History::new();
        history.commit(
            "main",
            "with a submodule",
            &[
                (b".gitmodules", Entry::text(&modules)),
                (b"file", Entry::text(&format!("{name}\n"))),
                (path.as_bytes(), Entry::Submodule(commit.to_owned())),
            ],
        );
        let repository = self.repository(name);
        repository.import(&history);
        repository
    }
}
