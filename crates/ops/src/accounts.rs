//! Users and groups, by the files of this machine.

use std::path::Path;

use crate::env::Env;

/// What a file of users or groups may have.
const LARGEST: u64 = 16 << 20;

/// Finds the number of a name.
pub(crate) type Find = fn(&Env, &str) -> Option<u32>;

/// The number of a user: its own where it is one.
pub(crate) fn user(env: &Env, name: &str) -> Option<u32> {
    number(env, "/etc/passwd", name)
}

/// The number of a group: its own where it is one.
pub(crate) fn group(env: &Env, name: &str) -> Option<u32> {
    number(env, "/etc/group", name)
}

/// Somebody who can run a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
}

/// Whom the machine knows by this name or number.
pub(crate) fn account(env: &Env, name: &str) -> Option<Account> {
    let bytes = env.fs().read_small(Path::new("/etc/passwd"), LARGEST).ok()?;
    account_in(&String::from_utf8_lossy(&bytes), name)
}

/// In a line `NAME:PASSWORD:USER:GROUP:REAL NAME:HOME:SHELL`.
fn account_in(text: &str, name: &str) -> Option<Account> {
    let number: Option<u32> = name.parse().ok();
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [known, _, uid, gid, _, home, ..] = *fields.as_slice() else { return None };
        let account = Account { uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.to_owned() };
        (known == name || number == Some(account.uid)).then_some(account)
    })
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
    fn who_runs_a_command_is_known_by_name_and_number() {
        let text = "root:x:0:0:root:/root:/bin/sh\nbad:x:1\nwww-data:x:33:34:w:/var/www:/bin/false\n";
        let web = Account { uid: 33, gid: 34, home: "/var/www".into() };
        assert_eq!(account_in(text, "www-data"), Some(web.clone()));
        assert_eq!(account_in(text, "33"), Some(web));
        assert_eq!((account_in(text, "bad"), account_in(text, "34")), (None, None));
    }

    #[test]
    fn a_name_has_the_number_of_its_line() {
        let text = "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33\nbad\nbad2:x:y\n";
        assert_eq!(find(text, "www-data"), Some(33));
        assert_eq!((find(text, "www"), find(text, "bad"), find(text, "bad2")), (None, None, None));
        assert_eq!(user(&Env::real(), "4711"), Some(4711));
        assert_eq!(user(&Env::real(), "root"), Some(0));
    }
}
