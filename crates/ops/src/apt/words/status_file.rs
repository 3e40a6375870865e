//! What dpkg has, as its status file and the updates beside it say: read in a millisecond, where `dpkg-query` takes a
//! process.

use std::collections::BTreeMap;

use super::installed::{provided, state};
use crate::apt::facts::{Installed, InstalledPackage};

/// Packages that are taken note of: more than a distribution has.
const MOST: usize = 200_000;

/// The fields of a stanza that are asked for.
#[derive(Default)]
struct Stanza<'t> {
    name: &'t str,
    status: &'t str,
    arch: &'t str,
    version: &'t str,
    provides: &'t str,
}

impl Installed {
    /// Of the text of dpkg's status file, and of the texts of its updates in the order of their numbers: what a run of
    /// dpkg had to say and did not come to write into the status file. What is no stanza of a package is passed over,
    /// so that it counts as not installed.
    #[must_use]
    pub fn of_status<'t>(status: &'t str, updates: impl IntoIterator<Item = &'t str>) -> Self {
        let mut packages = Vec::new();
        read(status, &mut |package| {
            if packages.len() < MOST {
                packages.push(package);
            }
        });
        let mut newer = BTreeMap::new();
        for update in updates {
            read(update, &mut |package: InstalledPackage| {
                if newer.len() < MOST {
                    newer.insert((package.name.clone(), package.arch.clone()), package);
                }
            });
        }
        if !newer.is_empty() {
            packages.retain(|package| !newer.contains_key(&(package.name.clone(), package.arch.clone())));
            packages.extend(newer.into_values());
        }
        Self { packages }
    }
}

/// Each package of a text of stanzas.
fn read(text: &str, found: &mut dyn FnMut(InstalledPackage)) {
    let mut stanza = Stanza::default();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim_ascii().is_empty() {
            found_in(&std::mem::take(&mut stanza), found);
            continue;
        }
        // A line that begins with a space belongs to the field above. Most are of descriptions and of configuration
        // files: none of the fields asked for is folded.
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let place = match field.len() {
            6 if field.eq_ignore_ascii_case("Status") => &mut stanza.status,
            7 if field.eq_ignore_ascii_case("Package") => &mut stanza.name,
            7 if field.eq_ignore_ascii_case("Version") => &mut stanza.version,
            8 if field.eq_ignore_ascii_case("Provides") => &mut stanza.provides,
            12 if field.eq_ignore_ascii_case("Architecture") => &mut stanza.arch,
            _ => continue,
        };
        *place = value.trim_ascii();
    }
    found_in(&stanza, found);
}

fn found_in(stanza: &Stanza<'_>, found: &mut dyn FnMut(InstalledPackage)) {
    // `install ok installed`: what is wanted, whether dpkg wants it again, how far it is.
    let mut words = stanza.status.split_ascii_whitespace();
    let (Some(want), Some(flag), Some(word), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return;
    };
    let Some(state) = state(word).filter(|_| !stanza.name.is_empty()) else { return };
    found(InstalledPackage {
        name: stanza.name.to_owned(),
        arch: stanza.arch.to_owned(),
        version: stanza.version.to_owned(),
        state,
        held: want == "hold",
        reinstall_required: flag != "ok",
        provides: provided(stanza.provides).collect(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: dpkg\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\n\
        Version: 1.21.22\nDescription: package manager\n Status: half of it\n Package: none\n\n\
        Package: nginx\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\n\
        Provides: httpd, nginx-abi-1.22.1-7 (= 1), libx:any\nConffiles:\n /etc/nginx/nginx.conf 00\n\n\
        package: libc6\nSTATUS: install ok installed\nArchitecture: i386\nVersion: 2.36\n\n\n\
        Package: again\nStatus: install reinstreq installed\nArchitecture: amd64\nVersion: 1\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
        Package: odd\nStatus: install ok dancing\nVersion: 1\n\n\
        Status: install ok installed\nVersion: 1\n\nno field\n\n\
        Package: last\nStatus: install ok unpacked\nArchitecture: all\nVersion: 3";

    fn has(installed: &Installed, spec: &str) -> bool {
        installed.satisfies(&spec.parse().unwrap())
    }

    #[test]
    fn a_status_file_says_what_dpkg_query_says() {
        let installed = Installed::of_status(STATUS, []);
        let asked = Installed::parse(
            "install\tinstalled\tok\tdpkg\tamd64\t1.21.22\t\n\
             hold\tinstalled\tok\tnginx\tamd64\t1.22.1-9\thttpd, nginx-abi-1.22.1-7 (= 1), libx:any\n\
             install\tinstalled\tok\tlibc6\ti386\t2.36\t\n\
             install\tinstalled\treinstreq\tagain\tamd64\t1\t\n\
             deinstall\tconfig-files\tok\tgone\tamd64\t1\t\n\
             install\tunpacked\tok\tlast\tall\t3\t\n",
        );
        assert_eq!(installed, asked);
        for (spec, is) in [
            ("nginx=1.22*", true),
            ("nginx=1.23*", false),
            ("httpd", true),
            ("libx", true),
            ("libc6", false),
            ("libc6:i386", true),
            ("again", false),
            ("last", false),
        ] {
            assert_eq!(has(&installed, spec), is, "{spec}");
        }
    }

    #[test]
    fn what_dpkg_did_not_come_to_write_counts_before_the_file_and_the_last_of_it_before_the_first() {
        let one = "Package: nginx\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 1.23\n";
        let two = "Package: last\nStatus: install ok installed\nArchitecture: all\nVersion: 3\n";
        let three = "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.24\n";
        assert!(!has(&Installed::of_status(STATUS, [one, two]), "nginx"));
        let installed = Installed::of_status(STATUS, [one, two, three]);
        assert!(has(&installed, "nginx=1.24") && has(&installed, "last") && has(&installed, "dpkg"));
        assert_eq!(installed.iter().filter(|package| package.name == "nginx").count(), 1);
    }

    #[test]
    fn what_is_no_status_file_has_nothing_in_it() {
        for text in [
            "",
            "\n\n\n",
            ":\n:::",
            "Package:\nStatus: install ok installed\n",
            "Package: x\nStatus: a b c d\n",
        ] {
            assert_eq!(Installed::of_status(text, [text]).iter().count(), 0, "{text:?}");
        }
    }
}
