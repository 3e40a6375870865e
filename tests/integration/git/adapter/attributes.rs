//! What attributes make of files, held against git's own clone.

use std::fs;
use std::path::Path;

use tests::git::{Forge, git, scratch};

use super::lab::Lab;

/// Attributes, each on a file of its own for each content below.
const ATTRIBUTES: &[&str] = &[
    "",
    "text",
    "-text",
    "text=auto",
    "text eol=crlf",
    "text=auto eol=crlf",
    "eol=lf",
    "eol=crlf",
    "-text eol=crlf",
    "crlf",
    "crlf=input",
    "ident",
    "ident eol=crlf",
    "filter=nobodys",
    "text working-tree-encoding=UTF-8",
    "text working-tree-encoding=",
    "text working-tree-encoding=UTF-16",
    "text working-tree-encoding=utf-16le",
    "text working-tree-encoding=UTF-16BE eol=crlf",
    "text working-tree-encoding=UTF-16LE-BOM",
    "text working-tree-encoding=UTF-32",
    "text working-tree-encoding=UTF-32BE",
    "text working-tree-encoding=UCS-2",
    "text working-tree-encoding=UCS-4LE",
    "text working-tree-encoding=IBM437",
    "text working-tree-encoding=CP850",
    "text working-tree-encoding=ISO-8859-1 ident",
    "text working-tree-encoding=latin1",
    "text working-tree-encoding=ISO-8859-15",
    "text working-tree-encoding=WINDOWS-1252",
    "text working-tree-encoding=MACINTOSH",
    "text working-tree-encoding=EBCDIC-US",
    "text working-tree-encoding=GBK",
    "text working-tree-encoding=GB18030",
];
/// The last one has a letter that not all encodings have.
const CONTENTS: &[&[u8]] =
    &[b"", b"a\nb\n", b"a\r\nb\n", b"$Id$ $Id: x $\n$Id: f,v 1 me $\n", b"h\xc3\xa9\n"];

/// A repository with blobs stored as they are, whatever attributes say.
fn stored(folder: &Path, files: &[(String, &[u8])], attributes: &str) {
    let run = |args: &[&str]| {
        let done = git(folder).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    let _ = run(&["init", "-q", "-b", "main", "."]);
    let add = |name: &str, content: &[u8]| {
        fs::write(folder.join("content"), content).unwrap();
        let id = run(&["hash-object", "-w", "--no-filters", "content"]);
        let _ = run(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{name}")]);
    };
    for (name, content) in files {
        add(name, content);
    }
    add(".gitattributes", attributes.as_bytes());
    let commit = run(&["commit-tree", "-m", "1", &run(&["write-tree"])]);
    let _ = run(&["update-ref", "refs/heads/main", &commit]);
    fs::remove_file(folder.join("content")).unwrap();
}

#[test]
fn attributes_make_of_files_what_git_makes() {
    let Some(_forge) = Forge::start() else { return };
    let (lab, place) = (Lab::new(), scratch("attributes"));
    let (mut files, mut lines) = (Vec::new(), String::new());
    for (number, attributes) in ATTRIBUTES.iter().enumerate() {
        let is_narrow = attributes.contains("EBCDIC");
        for (which, content) in CONTENTS.iter().enumerate().filter(|(which, _)| !(is_narrow && *which == 4)) {
            files.push((format!("f{number}-{which}"), *content));
        }
        lines.push_str(&format!("f{number}-* {attributes}\n"));
    }
    stored(place.path(), &files, &lines);
    let url = format!("file://{}", place.path().display());
    let theirs = lab.path("theirs");
    let cloned = git(place.path()).args(["clone", "-q", &url, theirs.to_str().unwrap()]).output().unwrap();
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    let said = lab.clone(&[&url, "dest"]).expect(0);
    let mut differ = Vec::new();
    for (name, _) in &files {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        let (ours, theirs) = (read(lab.dest().folder()), read(&theirs));
        if ours != theirs {
            let number: usize = name
                .trim_start_matches(|letter: char| !letter.is_ascii_digit())
                .split('-')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            differ.push(format!("{name} `{}`: {ours:02x?}, by git {theirs:02x?}", ATTRIBUTES[number]));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    // Named once, however many files ask for it.
    assert_eq!(said.text().matches("nobodys").count(), 1, "{}", said.text());
}

#[test]
fn an_encoded_file_is_clean_and_goes_on_being_updated() {
    let Some(forge) = Forge::start() else { return };
    let (repository, lab) = (forge.repository("e"), Lab::new());
    let place = scratch("attributes");
    let attributes =
        "a working-tree-encoding=UTF-16LE-BOM\nb working-tree-encoding=IBM437\nc text eol=crlf\nd text\n";
    for content in [&b"1\n"[..], b"2\n"] {
        let folder = tempfile::tempdir_in(place.path()).unwrap();
        // `d` is stored with ends of lines that a commit today would not have.
        let files = ["a", "b", "c"]
            .map(|name| (name.to_owned(), "h\u{e9}\n".as_bytes()))
            .into_iter()
            .chain([("d".to_owned(), &b"x\r\n"[..]), ("e".to_owned(), content)]);
        stored(folder.path(), &files.collect::<Vec<_>>(), attributes);
        let to = repository.folder().to_str().unwrap();
        let pushed = git(folder.path()).args(["push", "-q", "-f", to, "main"]).status().unwrap();
        assert!(pushed.success());
        let _ = lab.clone(&[&forge.url("e"), "dest", "--update"]).expect(0);
        assert_eq!(fs::read(lab.dest().folder().join("e")).unwrap(), content);
        assert_eq!(fs::read(lab.dest().folder().join("b")).unwrap(), b"h\x82\n");
        for name in ["a", "b", "c"] {
            assert_eq!(lab.dest().git(&["status", "--porcelain", "--", name]), "", "{name}");
        }
        // Looked at by content from now on: the disk says something else of them.
        for name in ["a", "b", "c", "d"] {
            let path = lab.dest().folder().join(name);
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    fs::write(lab.dest().folder().join("a"), "mine").unwrap();
    let refused = lab.clone(&[&forge.url("e"), "dest", "--update"]).expect(7);
    assert!(refused.text().contains("not committed: a"), "{}", refused.text());
}

#[test]
fn what_cannot_be_encoded_is_refused_by_name() {
    let Some(_forge) = Forge::start() else { return };
    for (attribute, content, words) in [
        ("working-tree-encoding=KOI9", &b"x"[..], "`KOI9` is not known here"),
        ("working-tree-encoding=ISO-8859-1", "10 \u{20ac}".as_bytes(), "no `\u{20ac}`"),
        ("working-tree-encoding=UTF-16", b"\xff", "no text"),
        ("working-tree-encoding", b"x", "no value"),
    ] {
        let (lab, place) = (Lab::new(), scratch("attributes"));
        stored(place.path(), &[("f".to_owned(), content)], &format!("f {attribute}\n"));
        let url = format!("file://{}", place.path().display());
        let failed = lab.fails_at_once(1, &url, &[]);
        assert!(failed.text().contains(words) && failed.text().contains("f could not"), "{}", failed.text());
    }
}

#[test]
fn what_a_filter_of_ones_own_made_of_a_file_is_no_change() {
    let Some(forge) = Forge::start() else { return };
    let (repository, lab, place) = (forge.repository("e"), Lab::new(), scratch("attributes"));
    let push = |content: &[u8]| {
        let folder = tempfile::tempdir_in(place.path()).unwrap();
        let files = [("a.bin".to_owned(), &b"SECRET\n"[..]), ("t".to_owned(), content)];
        stored(folder.path(), &files, "*.bin filter=up\n");
        let to = repository.folder().to_str().unwrap();
        assert!(git(folder.path()).args(["push", "-q", "-f", to, "main"]).status().unwrap().success());
    };
    push(b"1");
    let there = lab.cloned(&forge.url("e"), &[]);
    let file = there.folder().join("a.bin");
    fs::remove_file(&file).unwrap();
    let smudge = ["-c", "filter.up.clean=tr a-z A-Z", "-c", "filter.up.smudge=tr A-Z a-z"];
    let _ = there.git(&[&smudge[..], &["checkout", "-q", "--", "a.bin"]].concat());
    assert_eq!(fs::read(&file).unwrap(), b"secret\n");
    push(b"2");
    let _ = lab.clone(&[&forge.url("e"), "dest", "--update"]).expect(0);
    assert_eq!((there.read("t"), there.read("a.bin")), ("2".to_owned(), "secret\n".to_owned()));
}
