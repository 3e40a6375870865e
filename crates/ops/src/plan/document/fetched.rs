//! What comes over the network.

use super::keys;
use crate::plan::decode::{At, Decode, Field, List, Named, Number, OneOrMore, Problems, Quoted};
use crate::plan::problem::Expected;
use crate::plan::tree::{Node, Value};

keys! {
    /// Packages, the long form.
    PackagesLong requires [names] {
        /// As `apt install` takes them: `nginx`, `nginx=1.22*`, `libc6:arm64`.
        names: List<At<String>>,
        /// Whether what is installed is brought up to date, too.
        upgrade: bool,
    }
}

/// A list of packages, or its long form.
#[derive(Debug)]
pub(in crate::plan) struct Packages(pub(in crate::plan) PackagesLong);

impl Decode for Packages {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(_) => {
                let value = At::decode(node, problems)?;
                let names = Field::Is { key: node.spot, value };
                Some(Self(PackagesLong { names, ..PackagesLong::default() }))
            }
            Value::Map(_) => PackagesLong::decode(node, problems).map(Self),
            Value::Scalar(_) => {
                problems.wrong_type(node, Expected::ListOrMap);
                None
            }
        }
    }
}

keys! {
    /// A repository of packages: a deb822 file of apt's, and the key it is signed with.
    AptRepositoryText requires [uris, suites, key] {
        /// The files' name without its ending; the step's `id` unless told.
        name: String,
        /// `deb`, `deb-src`; `deb` unless told.
        types: OneOrMore,
        /// Where it is.
        uris: OneOrMore,
        /// Its suites: `bookworm`, or a path that ends in `/`.
        suites: OneOrMore,
        /// Its components; none where a suite is a path.
        components: OneOrMore,
        /// For which architectures; all unless told.
        architectures: OneOrMore,
        /// The key it is signed with: one of `url`, `file`, `text`.
        key: AptKeyText,
    }
}

keys! {
    /// The key of a repository: where it comes from, and what it must be. One from a server is checked.
    AptKeyText requires [] {
        /// A server.
        url: String,
        /// A file, beside the plan or by its whole path.
        file: String,
        /// The key itself, in ASCII armour.
        text: String,
        /// What the file must be: 64 hexadecimal digits.
        sha256: String,
        /// What its primary key must be: 40 or 64 hexadecimal digits. It takes gpg.
        fingerprint: String,
    }
}

keys! {
    /// A file from a server.
    Download requires [url] {
        /// http or https, without user and password.
        url: String,
        /// Further places of the same file, in order.
        mirrors: OneOrMore,
        /// Where it is to be: the file itself, never a folder for it. Needed unless it is unpacked.
        dest: String,
        /// What it must be: 64 hexadecimal digits.
        sha256: String,
        /// What it must be: 128 hexadecimal digits.
        sha512: String,
        /// `ALGO:HEX`, or the URL of a list of digests.
        checksum: String,
        /// Its length: bytes, or `10MiB`. Without a digest only this is looked at, and that a file is there.
        size: String,
        /// Its rights: "0644", in quotes.
        mode: Quoted,
        /// Sent with each request to the server of `url`. Secrets may stand here.
        headers: Named<At<String>>,
        /// Where the content of the archive goes.
        unpack: UnpackText,
    }
}

keys! {
    /// Where the content of an archive goes.
    UnpackText requires [to] {
        /// The folder, which is the archive's alone.
        to: String,
        /// How many folders of each name in it are left out.
        strip: Number,
    }
}

keys! {
    /// A clone of a git repository.
    Git requires [url, dest] {
        /// As `git clone` takes it, without password.
        url: String,
        /// Where the clone is to be.
        dest: String,
        /// A branch or a tag; the repository's own unless told.
        branch: String,
        /// A commit: 40 hexadecimal digits.
        commit: String,
        /// Commits of history; 1 unless told.
        depth: Number,
        /// All of the history.
        full: bool,
        /// Its submodules, too.
        submodules: bool,
        /// A clone that is there follows its branch, which asks the server in each run.
        update: bool,
    }
}
