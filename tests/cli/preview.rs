//! `-n` looks at DEST as the run itself would, says what that would do, ends as it would end, and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use tests::server::{Content, Route, Server};

use crate::lab::{Lab, sha256};
use crate::said::{Said, run};

/// Every file and folder, how long it is and when it was changed.
fn all_below(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, meta) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        if meta.is_dir() && !path.ends_with("state") {
            all.append(&mut all_below(&path));
        }
        // A store that is there is read, for which its engine has files beside it come and go.
        if !path.ends_with("state") {
            all.insert(path, (meta.len(), meta.modified().unwrap()));
        }
    }
    all
}

/// A preview, and that it left everything as it was.
fn preview(lab: &Lab, args: &[&str]) -> Said {
    let before = all_below(lab.folder.path());
    let (command, rest) = args.split_first().unwrap();
    let said = match *command {
        "git" => run(lab, &[&["git", "clone", "-n"], rest].concat()),
        command => run(lab, &[&[command, "-n"], rest].concat()),
    };
    let after = all_below(lab.folder.path());
    let changed: Vec<_> = after.iter().filter(|(path, meta)| before.get(*path) != Some(meta)).collect();
    assert!(changed.is_empty() && after.len() == before.len(), "{args:?}: {changed:?}");
    said
}

fn would(lab: &Lab, args: &[&str], words: &str) {
    let said = preview(lab, args);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
    assert!(said.out.starts_with(&format!("would {words}")), "{args:?}: {}", said.out);
    let asks = !words.starts_with("leave");
    assert_eq!(
        said.out.contains("(circuit ") || said.out.contains("(no circuit"),
        asks,
        "{args:?}: {}",
        said.out
    );
}

/// The preview of what would fail says so as the run itself does, but for the lines on the way.
fn fails(lab: &Lab, args: &[&str], code: i32, words: &str) {
    let said = preview(lab, args);
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}: {}", said.err);
    assert!(said.err.contains(words), "{args:?}: {}", said.err);
    let real = match *args.first().unwrap() {
        "git" => run(lab, &[&["-q", "git", "clone"], args.split_first().unwrap().1].concat()),
        _ => run(lab, &[&["-q"], args].concat()),
    };
    let plain = |said: &Said| said.err.replace(" (1 attempt)", "");
    assert_eq!((real.code, plain(&real)), (code, plain(&said)), "{args:?}");
}

#[test]
fn of_a_download() {
    let (lab, server) = (Lab::new(), Server::start());
    let content = Content::seeded(1, 1_000);
    let (right, wrong) = (sha256(&content.bytes()), "0".repeat(64));
    fs::write(lab.path("there"), content.bytes()).unwrap();
    fs::create_dir_all(lab.path("folder/f")).unwrap();
    std::os::unix::fs::symlink("nowhere", lab.path("dangling")).unwrap();
    let (url, sums) = (server.url("/f"), server.url("/SHA256SUMS"));
    let to = |rest: &str| format!("download {url} to {rest}");
    would(&lab, &["download", &url], &to("f: 3 attempts"));
    would(&lab, &["download", &url, "-"], &to("standard output: 3"));
    would(&lab, &["download", &url, "there"], &to("there, in place of what is there: 3"));
    let kept = "leave there as it is: it is there already";
    would(&lab, &["download", &url, "there", "--no-clobber"], kept);
    would(&lab, &["download", &url, "there", "--no-clobber", "--checksum", &sums], kept);
    would(
        &lab,
        &["download", &url, "there", "--sha256", &right],
        "leave there as it is: it is the right file",
    );
    let not_right = to("there, in place of what is there, which is not the right file: 3");
    would(&lab, &["download", &url, "there", "--sha256", &wrong], &not_right);
    let listed = to("there, in place of what is there unless that is right: 3");
    would(&lab, &["download", &url, "there", "--checksum", &sums], &listed);
    let said = preview(&lab, &["download", &url, "--checksum", &sums]);
    assert!(said.out.contains(&format!("\n  {sums} (circuit ")), "the list is asked for, too: {}", said.out);
    fails(&lab, &["download", &url, "folder"], 7, "`folder/f` is a folder");
    fails(&lab, &["download", &url, "folder", "--checksum", &sums], 7, "`folder/f` is a folder");
    fails(&lab, &["download", &url, "none/f"], 7, "mkdir -p none");
    fails(&lab, &["download", &url, "/dev/null"], 7, "/dev/null");
    fails(&lab, &["download", &url, "dangling", "--no-clobber"], 7, "a link to nothing");
    let json = run(&lab, &["--json", "download", "-n", &url, "there", "--no-clobber"]).json();
    assert_eq!((json["action"].as_str(), json["steps"].as_array().map(Vec::len)), (Some(kept), Some(0)));
    assert_eq!(server.log().exchanges.len(), 0, "nobody is asked");
}

#[test]
fn what_is_kept_or_cannot_be_replaced_needs_no_list() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/SHA256SUMS", Route::of(10));
    fs::write(lab.path("f"), "kept").unwrap();
    let args = ["download", &server.url("/f"), "f", "--checksum", &server.url("/SHA256SUMS"), "--no-clobber"];
    let said = run(&lab, &args);
    assert_eq!((said.code, lab.read("f").unwrap()), (0, b"kept".to_vec()), "{}", said.err);
    assert_eq!(server.log().exchanges.len(), 0);
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").args(args);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn of_a_clone() {
    if !crate::said::is_there("git") {
        return;
    }
    let lab = Lab::new();
    fs::create_dir_all(lab.path("source")).unwrap();
    fs::create_dir_all(lab.path("empty")).unwrap();
    fs::create_dir_all(lab.path("full")).unwrap();
    fs::write(lab.path("full/x"), "x").unwrap();
    let source = lab.path("source");
    git(&source, &["init", "--quiet", "--initial-branch", "main"]);
    git(&source, &["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let (id, url) = (git(&source, &["rev-parse", "HEAD"]), source.to_str().unwrap());
    would(&lab, &["git", url, "dest"], &format!("clone {url} to "));
    would(&lab, &["git", url, "empty"], &format!("clone {url} to "));
    fails(&lab, &["git", url, "full"], 7, "is not empty");
    fails(&lab, &["git", url, "full/x"], 7, "is no folder");
    fails(&lab, &["git", url, "full", "--update"], 7, "could not clone");
    assert_eq!(run(&lab, &["git", "clone", url, "dest"]).code, 0);
    let dest = lab.path("dest");
    let dest = dest.to_str().unwrap();
    would(&lab, &["git", url, dest], &format!("leave {dest} as it is: it is what is asked for already"));
    would(&lab, &["git", url, dest, "--update"], &format!("update {dest} from {url}, unless"));
    would(&lab, &["git", url, dest, "--update", "--commit", &id], &format!("leave {dest} as it is"));
    fails(&lab, &["git", url, dest, "--branch", "other"], 7, "other");
    fails(&lab, &["git", &format!("{url}x"), dest], 7, "is a clone of");
}
