//! What is in a repository: commits, branches and tags, told to `git fast-import`.

use std::io::Write;

/// What a path of a commit is.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A file with these bytes.
    File(Vec<u8>),
    /// A file that can be run.
    Program(Vec<u8>),
    /// A symbolic link to this.
    Link(String),
    /// A submodule at this commit.
    Submodule(String),
    /// No longer there.
    Gone,
}

impl Entry {
    /// A file with this text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::File(text.as_bytes().to_vec())
    }
}

/// Commits, in the order in which they are made; each is a second later than the one before.
///
/// ```
/// use tests::git::{Entry, Forge, History};
///
/// let Some(forge) = Forge::start() else { return };
/// let repository = forge.repository("mine");
/// let mut history = History::new();
/// history.commit("main", "first", &[(b"README", Entry::text("read me\n"))]);
/// history.lightweight_tag("v1", "main");
/// repository.import(&history);
/// assert_eq!(repository.id("v1"), repository.id("main"));
/// ```
#[derive(Clone, Debug)]
pub struct History {
    stream: Vec<u8>,
    now: u64,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { stream: Vec::new(), now: 1_700_000_000 }
    }

    fn line(&mut self, line: &str) {
        self.stream.extend_from_slice(line.as_bytes());
        self.stream.push(b'\n');
    }

    fn data(&mut self, bytes: &[u8]) {
        self.line(&format!("data {}", bytes.len()));
        self.stream.extend_from_slice(bytes);
        self.stream.push(b'\n');
    }

    fn who(&mut self, role: &str) {
        self.now += 1;
        let now = self.now;
        self.line(&format!("{role} Lab <lab@example.com> {now} +0000"));
    }

    /// A commit on top of a branch, or the first of it.
    pub fn commit(&mut self, branch: &str, message: &str, entries: &[(&[u8], Entry)]) {
        self.commit_from(branch, None, message, entries);
    }

    /// A commit on a branch that begins (again) at `start`, a revision of the repository.
    pub fn commit_from(
        &mut self,
        branch: &str,
        start: Option<&str>,
        message: &str,
        entries: &[(&[u8], Entry)],
    ) {
        self.line(&format!("commit refs/heads/{branch}"));
        self.who("committer");
        self.data(message.as_bytes());
        if let Some(start) = start {
            self.line(&format!("from {start}"));
        }
        for (path, entry) in entries {
            self.entry(path, entry);
        }
        self.line("");
    }

    fn entry(&mut self, path: &[u8], entry: &Entry) {
        let path = quoted(path);
        let (mode, bytes) = match entry {
            Entry::File(bytes) => ("100644", bytes.as_slice()),
            Entry::Program(bytes) => ("100755", bytes.as_slice()),
            Entry::Link(to) => ("120000", to.as_bytes()),
            Entry::Submodule(commit) => return self.line(&format!("M 160000 {commit} {path}")),
            Entry::Gone => return self.line(&format!("D {path}")),
        };
        self.line(&format!("M {mode} inline {path}"));
        self.data(bytes);
    }

    /// A branch that begins at `start`.
    pub fn branch(&mut self, name: &str, start: &str) {
        self.line(&format!("reset refs/heads/{name}\nfrom {start}\n"));
    }

    /// A tag that is nothing but a name.
    pub fn lightweight_tag(&mut self, name: &str, branch: &str) {
        self.line(&format!("reset refs/tags/{name}\nfrom refs/heads/{branch}\n"));
    }

    /// A tag with an author and a text.
    pub fn annotated_tag(&mut self, name: &str, branch: &str) {
        self.line(&format!("tag {name}\nfrom refs/heads/{branch}"));
        self.who("tagger");
        self.data(name.as_bytes());
    }

    pub(super) fn stream(&self) -> &[u8] {
        &self.stream
    }
}

/// A path as fast-import reads it, whatever bytes are in it.
fn quoted(path: &[u8]) -> String {
    let mut text = b"\"".to_vec();
    for byte in path {
        match byte {
            b' '..=b'~' if !b"\"\\".contains(byte) => text.push(*byte),
            other => write!(text, "\\{other:03o}").unwrap(),
        }
    }
    text.push(b'"');
    String::from_utf8(text).unwrap()
}
