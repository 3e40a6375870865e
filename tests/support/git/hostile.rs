//! Trees that no git would make, written object by object.

use super::forge::Forge;
use super::repository::Repository;

/// What can be wrong with a tree: each would write where nothing may be written, or is not what it says.
pub const HOSTILE: [&str; 11] = [
    ".git",
    ".GIT",
    "git~1",
    ".git/hooks",
    "dotdot",
    "dot",
    "slash",
    "link and folder",
    "folder twice",
    "link out, file below",
    "zero mode",
];

const FILE: &str = "100644";
const PROGRAM: &str = "100755";
const FOLDER: &str = "40000";
const LINK: &str = "120000";

impl Forge {
    /// A repository whose `main` is one of [`HOSTILE`].
    ///
    /// # Panics
    /// If it is none of them.
    #[must_use]
    pub fn hostile(&self, name: &str, kind: &str) -> Repository {
        let repository = self.repository(name);
        let blob = repository.write("blob", b"#!/bin/sh\ntouch /tmp/was-here\n");
        let out = repository.write("blob", b"../outside");
        let tree = |entries: &[(&str, &str, &str)]| repository.write("tree", &tree(entries));
        let below = tree(&[(FILE, "file", &blob)]);
        let root = match kind {
            ".git" => tree(&[(FILE, ".git", &blob)]),
            ".GIT" => tree(&[(FOLDER, ".GIT", &below)]),
            "git~1" => tree(&[(FOLDER, "git~1", &below)]),
            ".git/hooks" => {
                let hooks = tree(&[(PROGRAM, "post-checkout", &blob)]);
                let inner = tree(&[(FOLDER, "hooks", &hooks)]);
                tree(&[(FOLDER, ".git", &inner)])
            }
            "dotdot" => tree(&[(FOLDER, "..", &below)]),
            "dot" => tree(&[(FOLDER, ".", &below)]),
            "slash" => tree(&[(FILE, "../outside", &blob)]),
            "link and folder" => tree(&[(LINK, "a", &out), (FOLDER, "a", &below)]),
            "folder twice" => {
                let other = tree(&[(LINK, "file", &out)]);
                tree(&[(FOLDER, "a", &below), (FOLDER, "a", &other)])
            }
            "link out, file below" => tree(&[(LINK, "a", &out), (FILE, "a/file", &blob)]),
            "zero mode" => tree(&[("0", "a", &blob)]),
            other => panic!("no such hostile tree: {other}"),
        };
        repository.commit_tree(&root);
        repository
    }

    /// A repository of `levels` trees, each of which is in the one above ten times: ten to the power of that many paths.
    #[must_use]
    pub fn bomb(&self, name: &str, levels: u32) -> Repository {
        let repository = self.repository(name);
        let (mut mode, mut id) = (FILE, repository.write("blob", b"x"));
        for _ in 0..levels {
            let names: Vec<String> = (0..10).map(|number| format!("d{number}")).collect();
            let entries: Vec<_> = names.iter().map(|name| (mode, &**name, &*id)).collect();
            (id, mode) = (repository.write("tree", &tree(&entries)), FOLDER);
        }
        repository.commit_tree(&id);
        repository
    }

    /// A repository of sixty thousand paths for each of so many trees, each of which is in sixty places: so few that each
    /// of its entries is taken for honest.
    #[must_use]
    pub fn many_paths(&self, name: &str, trees: usize) -> Repository {
        let repository = self.repository(name);
        let blob = repository.write("blob", b"x");
        let mut below = Vec::new();
        for number in 0..trees {
            let names: Vec<String> = (0..1000).map(|file| format!("{number:03}-{file:04}")).collect();
            let entries: Vec<_> = names.iter().map(|name| (FILE, &**name, &*blob)).collect();
            let id = repository.write("tree", &tree(&entries));
            below.extend((0..60).map(|place| (format!("{number:03}-{place:02}"), id.clone())));
        }
        let entries: Vec<_> = below.iter().map(|(name, id)| (FOLDER, &**name, &**id)).collect();
        repository.commit_tree(&repository.write("tree", &tree(&entries)));
        repository
    }

    /// A repository with one file of `length` bytes, which take little room in a pack.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn giant(&self, name: &str, length: u64) -> Repository {
        let repository = self.repository(name);
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(length).expect("as long as that");
        let path = file.path().to_str().expect("a name in text");
        let whole = ["-c", "core.bigFileThreshold=1m", "-c", "core.compression=1"];
        let blob = repository.git(&[&whole[..], &["hash-object", "-w", "--no-filters", path]].concat());
        repository.git(&["config", "core.bigFileThreshold", "1m"]);
        repository.commit_tree(&repository.write("tree", &tree(&[(FILE, "giant", &blob)])));
        repository
    }

    /// A file and a folder of one name, whatever is in that.
    #[must_use]
    pub fn named_twice(&self, name: &str, twice: &str) -> Repository {
        let repository = self.repository(name);
        let blob = repository.write("blob", b"x");
        let below = repository.write("tree", &tree(&[(FILE, "file", &blob)]));
        let root = repository.write("tree", &tree(&[(FILE, twice, &blob), (FOLDER, twice, &below)]));
        repository.commit_tree(&root);
        repository
    }

    /// Two names that differ in case only: honest here, one file elsewhere.
    #[must_use]
    pub fn same_but_for_case(&self, name: &str) -> Repository {
        let repository = self.repository(name);
        let (upper, lower) = (repository.write("blob", b"upper"), repository.write("blob", b"lower"));
        let root = repository.write("tree", &tree(&[(FILE, "NAME", &upper), (FILE, "name", &lower)]));
        repository.commit_tree(&root);
        repository
    }
}

/// The bytes of a tree object, in just this order.
fn tree(entries: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend(id.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).expect("an object id");
            u8::from_str_radix(pair, 16).expect("an object id")
        }));
    }
    bytes
}
