//! Who holds which lock, from what apt-get and dpkg say.

use super::said::Said;
use crate::apt::facts::{Holder, Lock};

/// Where dpkg's own locks are, where it names only what they are for.
const OF_DPKG: [(&str, &str); 2] = [
    ("dpkg: error: dpkg frontend lock ", "/var/lib/dpkg/lock-frontend"),
    ("dpkg: error: dpkg status database ", "/var/lib/dpkg/lock"),
];

impl Lock {
    /// The lock a run could not have; the one whose holder is named before one whose is not.
    #[must_use]
    pub fn held(said: &Said) -> Option<Self> {
        let mut found = None;
        for text in said.lines() {
            let Some(lock) = refused(text) else { continue };
            if lock.holder.is_some() {
                return Some(lock);
            }
            found = found.or(Some(lock));
        }
        // After it gave up waiting, apt-get names the lock but not the holder; its last line of waiting does.
        let waited = said.lines().filter_map(Self::waited_for).last();
        found.map(|lock| waited.filter(|waited| waited.path == lock.path).unwrap_or(lock))
    }

    /// A line that says that apt-get waits for a lock.
    #[must_use]
    pub fn waited_for(line: &str) -> Option<Self> {
        could_not_get(line.trim().strip_prefix("Waiting for cache lock: ")?)
    }
}

fn refused(line: &str) -> Option<Lock> {
    for (start, path) in OF_DPKG {
        if let Some(rest) = line.strip_prefix(start).filter(|rest| rest.contains("locked by another process"))
        {
            let pid = rest.split_once("pid ").and_then(|(_, pid)| pid.trim().parse().ok());
            let holder = pid.map(|pid| Holder { pid, program: String::new().into() });
            return Some(Lock { path: path.into(), holder });
        }
    }
    let text = line.strip_prefix("E: ").or_else(|| line.strip_prefix("Error: "))?;
    if let Some(lock) = could_not_get(text) {
        return Some(lock);
    }
    let (_, rest) = text.split_once("Unable to acquire the dpkg frontend lock (")?;
    let (path, rest) = rest.split_once(')')?;
    rest.contains("is another process using it").then(|| Lock { path: path.into(), holder: None })
}

fn could_not_get(text: &str) -> Option<Lock> {
    let rest = text.strip_prefix("Could not get lock ")?;
    // Before apt 1.9: `... /lock - open (11: Resource temporarily unavailable)`.
    let (path, rest) = rest
        .split_once(". It is held by process ")
        .unwrap_or_else(|| (rest.split(" - open").next().unwrap_or(rest).trim_end_matches('.'), ""));
    let (pid, program) = rest.trim_end_matches('.').split_once(' ').unwrap_or((rest, ""));
    let program = program.trim_start_matches('(').trim_end_matches(')');
    let holder = pid.trim_end_matches('.').parse().ok();
    let holder = holder.map(|pid| Holder { pid, program: program.into() });
    Some(Lock { path: path.into(), holder })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(stdout: &str, stderr: &str) -> Option<String> {
        Lock::held(&Said::new(stdout.as_bytes(), stderr.as_bytes())).map(|lock| lock.to_string())
    }

    #[test]
    fn every_way_to_say_it_is_understood() {
        for (text, shown) in [
            (
                "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 2919 (python3)\n\
                 E: Unable to lock directory /var/lib/apt/lists/",
                "`/var/lib/apt/lists/lock` is held by python3 (process 2919)",
            ),
            (
                "E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)",
                "`/var/lib/dpkg/lock` is held by another process",
            ),
            (
                "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
                "`/var/lib/dpkg/lock-frontend` is held by another process",
            ),
            (
                "dpkg: error: dpkg frontend lock was locked by another process with pid 77\nNote: removing",
                "`/var/lib/dpkg/lock-frontend` is held by process 77",
            ),
            (
                "dpkg: error: dpkg status database is locked by another process",
                "`/var/lib/dpkg/lock` is held by another process",
            ),
        ] {
            assert_eq!(held("", text).unwrap(), shown);
        }
    }

    #[test]
    fn a_missing_right_is_no_lock_that_is_held() {
        for text in [
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?",
            "E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)",
            "E: Unable to lock directory /var/lib/apt/lists/",
            "a script says: E: Could not get lock /x. It is held by process 1 (y)",
            "",
        ] {
            assert_eq!(held("", text), None, "{text}");
        }
    }

    #[test]
    fn the_holder_that_was_waited_for_is_named() {
        let waiting = "Waiting for cache lock: Could not get lock /l. It is held by process 5 (apt)...\n";
        let text = "E: Unable to acquire the dpkg frontend lock (/l), is another process using it?";
        assert_eq!(held(waiting, text).unwrap(), "`/l` is held by apt (process 5)");
        assert_eq!(held(waiting, ""), None, "it got the lock in the end");
    }
}
