//! The numbers of users and groups, by the files of this machine.

use std::path::Path;

use crate::env::Env;

/// What a file of users or groups may have.
const LARGEST: u64 = 16 << 20;

/// Finds the number of a name.
pub(super) type Find = fn(&Env, &str) -> Option<u32>;

/// The number of a user: its own where it is one.
pub(super) fn user(env: &Env, name: &str) -> Option<u32> {
    number(env, "/etc/passwd", name)
}

/// The number of a group: its own where it is one.
pub(super) fn group(env: &Env, name: &str) -> Option<u32> {
    number(env, "/etc/group", name)
}

fn number(env: &Env, file: &str, name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let bytes = env.fs().read_small(Path::new(file), LARGEST).ok()?;
    find(&String::from_utf8_lossy(&bytes), name)
}

/// In a line `NAME:PASSWORD:NUMBER:...`.
fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_number_of_its_line() {
        let text = "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33\nbad\nbad2:x:y\n";
        assert_eq!(find(text, "www-data"), Some(33));
        assert_eq!((find(text, "www"), find(text, "bad"), find(text, "bad2")), (None, None, None));
        assert_eq!(user(&Env::real(), "4711"), Some(4711));
        assert_eq!(user(&Env::real(), "root"), Some(0));
    }
}
