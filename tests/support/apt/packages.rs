//! The packages of the lab: each is good for one thing that can go wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::base::must;
use crate::server::Content;

/// Many small packages, and several of half a MiB.
pub(super) const MANY: usize = 30;
pub(super) const BIG: usize = 8;

/// What a package is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: &'static str,
    depends: String,
    /// More lines for its control file.
    fields: &'static str,
    /// Bytes of a file that does not compress.
    data: u64,
    conffile: Option<&'static str>,
    postinst: Option<&'static str>,
}

/// Says that it is at work, notes every signal that reaches it, and ends when the test lets it.
const SLOW: &str = "\
trap 'echo TERM >>/run/lab/signals' TERM
trap 'echo INT >>/run/lab/signals' INT
trap 'echo HUP >>/run/lab/signals' HUP
if [ -e /run/lab/hold ]; then
  echo $$ >/run/lab/slow.pid
  mv /run/lab/slow.pid /run/lab/slow
  until read -r _ </run/lab/release; do :; done
fi
";

/// Fails until it is mended.
const FAIL: &str = "[ -e /run/lab/mended ] || { echo 'lab-fail: it does not work' >&2; exit 3; }\n";

/// Asks the person at the terminal, whatever debconf was told.
const ASK: &str = "printf 'lab-ask: go on? ' >/dev/tty\nread -r answer </dev/tty\n";

impl Package {
    fn new(name: &str, version: &'static str) -> Self {
        Self { name: name.to_owned(), version, ..Self::default() }
    }

    fn depends(mut self, depends: impl Into<String>) -> Self {
        self.depends = depends.into();
        self
    }

    fn data(mut self, bytes: u64) -> Self {
        self.data = bytes;
        self
    }

    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("{}_{}_all.deb", self.name, self.version)
    }

    /// What it says of itself, as in an index.
    pub(super) fn control(&self) -> String {
        let Self { name, version, fields, depends, .. } = self;
        let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Lab <lab@example.com>\n\
             {fields}{depends}Description: lab package {name}\n"
        )
    }

    /// Builds its file in `pool`.
    pub(super) fn build(&self, pool: &Path) -> PathBuf {
        let tree = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &[u8], mode| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        };
        fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
        put("DEBIAN/control", self.control().as_bytes(), 0o644);
        put(&format!("usr/share/{}/version", self.name), format!("{}\n", self.version).as_bytes(), 0o644);
        if self.data > 0 {
            let seed = self.name.bytes().map(u64::from).sum();
            put(&format!("usr/share/{}/data", self.name), &Content::seeded(seed, self.data).bytes(), 0o644);
        }
        if let Some(path) = self.conffile {
            put("DEBIAN/conffiles", format!("{path}\n").as_bytes(), 0o644);
            put(path.trim_start_matches('/'), format!("version={}\n", self.version).as_bytes(), 0o644);
        }
        if let Some(script) = self.postinst {
            put("DEBIAN/postinst", format!("#!/bin/sh\nset -e\n{script}").as_bytes(), 0o755);
        }
        let deb = pool.join(self.file());
        // Nothing is compressed: it takes time, and random bytes stay as long as they are.
        must("dpkg-deb", |run| {
            run.args(["-Znone", "--root-owner-group", "--build"])
                .arg(tree.path())
                .arg(&deb)
                .env("SOURCE_DATE_EPOCH", "1735689600");
        });
        deb
    }
}

/// All of them, of both versions.
pub(super) fn all() -> &'static [Package] {
    static ALL: LazyLock<Vec<Package>> = LazyLock::new(describe);
    &ALL
}

fn describe() -> Vec<Package> {
    let new = Package::new;
    let mut all = Vec::new();
    for version in ["1.0", "2.0"] {
        all.extend([
            new("lab-leaf", version),
            new("lab-dep", version).data(200 << 10),
            new("lab-app", version).depends(format!("lab-dep (>= {version})")).data(600 << 10),
            Package { conffile: Some("/etc/lab.conf"), ..new("lab-conf", version) },
        ]);
    }
    all.extend([
        Package { postinst: Some(SLOW), ..new("lab-slow", "1.0") },
        Package { postinst: Some(FAIL), ..new("lab-fail", "1.0") },
        Package { postinst: Some(ASK), ..new("lab-ask", "1.0") },
        Package { fields: "Essential: yes\nPriority: required\n", ..new("lab-essential", "1.0") },
        Package { fields: "Conflicts: lab-essential\n", ..new("lab-foe", "1.0") },
        Package { fields: "Conflicts: lab-leaf\n", ..new("lab-rival", "1.0") },
        // Its version has what is escaped in a file's name, and what is escaped again in a URL.
        new("lab-plus", "1.0+deb12u1~lab"),
        new("lab-end", "1.0+"),
        new("lab-unmet", "1.0").depends("lab-does-not-exist (>= 2)"),
        new("lab-huge", "1.0").data(8 << 20),
        new("lab-third", "1.0").data(100 << 10),
        new("lab-many", "1.0").depends(numbered("lab-many", MANY).join(", ")),
        new("lab-big", "1.0").depends(numbered("lab-big", BIG).join(", ")),
    ]);
    all.extend(numbered("lab-many", MANY).into_iter().map(|name| new(&name, "1.0")));
    all.extend(numbered("lab-big", BIG).into_iter().map(|name| new(&name, "1.0").data(512 << 10)));
    all
}

/// `name01`, `name02` ...
pub(super) fn numbered(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{name}{number:02}")).collect()
}
