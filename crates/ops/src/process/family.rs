//! What a process started that stayed in its process group: where that group is ours too, it cannot be
//! signalled as a whole.

use std::fs;

use rustix::process::{Pid, Signal, getpgrp, kill_process};

/// Processes, each by its number and the moment it began: a number alone may be somebody else's by now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Family(Vec<Member>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    pid: Pid,
    parent: i32,
    group: i32,
    began: u64,
}

impl Family {
    /// All below `pid` that are in our process group now.
    pub(super) fn below(pid: Pid) -> Self {
        let ours = getpgrp().as_raw_nonzero().get();
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let all: Vec<Member> = numbers
            .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
            .filter_map(Member::look)
            .collect();
        let mut found = vec![pid.as_raw_nonzero().get()];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            next += 1;
            let children = all.iter().filter(|one| one.parent == parent);
            for child in children.map(|one| one.pid.as_raw_nonzero().get()) {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
        }
        let below = found.get(1..).unwrap_or_default();
        Self(
            all.into_iter()
                .filter(|one| one.group == ours && below.contains(&one.pid.as_raw_nonzero().get()))
                .collect(),
        )
    }

    /// These too.
    pub(super) fn and(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Signals those that are still the same.
    pub(super) fn signal(&self, signal: Signal) {
        for one in &self.0 {
            let same = Member::look(one.pid.as_raw_nonzero().get()).is_some_and(|now| now.began == one.began);
            if same {
                // One that has ended since is what we want.
                let _ = kill_process(one.pid, signal);
            }
        }
    }
}

impl Member {
    fn look(pid: i32) -> Option<Self> {
        Self::of(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of a line of `/proc/PID/stat`, in which only the name, in parentheses, may hold anything.
    fn of(pid: i32, stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let (parent, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { pid: Pid::from_raw(pid)?, parent, group, began: fields.nth(16)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_is_read_whatever_the_name_is() {
        let line = "7 (a) b (c) S 3 5 4 34816 5 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1";
        let member = Member::of(7, line).unwrap();
        assert_eq!((member.parent, member.group, member.began), (3, 5, 12_345));
        assert_eq!(Member::of(7, "7 (a"), None);
    }
}
