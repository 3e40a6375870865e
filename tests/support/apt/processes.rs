//! Who is running in a lab, seen from outside.

use std::collections::BTreeSet;
use std::fs;

/// A process of a lab.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number as the machine counts.
    pub pid: i32,
    /// What it is called: the program's name, at most 15 letters.
    pub name: String,
    /// Its command line, with spaces between.
    pub args: String,
}

/// All that live in the process namespace of `init`, but for itself; the dead whom nobody waited for
/// do not count.
pub(super) fn beside(init: i32) -> Vec<Process> {
    let Some(namespace) = namespace(init) else { return Vec::new() };
    let all =
        pids().into_iter().filter(|&pid| pid != init && self::namespace(pid).as_ref() == Some(&namespace));
    all.filter_map(|pid| {
        let (name, state, _) = stat(pid)?;
        let args = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let args = String::from_utf8_lossy(&args).replace('\0', " ").trim().to_owned();
        (state != 'Z' && state != 'X').then_some(Process { pid, name, args })
    })
    .collect()
}

/// The first child of a process.
pub(super) fn child_of(parent: i32) -> Option<i32> {
    pids().into_iter().find(|&pid| stat(pid).is_some_and(|(_, _, of)| of == parent))
}

fn namespace(pid: i32) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

fn pids() -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Name, state and parent.
fn stat(pid: i32) -> Option<(String, char, i32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let mut words = tail.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((head.split_once('(')?.1.to_owned(), state, words.next()?.parse().ok()?))
}
