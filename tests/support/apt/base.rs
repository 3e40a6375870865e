//! What all labs stand on: a small root and the repositories, built once per target folder.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::{index, packages};
use crate::server::Content;

/// What the root can run. Some are there for apt's own scripts.
const PROGRAMS: [&str; 74] = [
    "[",
    "apt-cache",
    "apt-config",
    "apt-get",
    "apt-key",
    "apt-mark",
    "basename",
    "cat",
    "chmod",
    "chown",
    "chroot",
    "cmp",
    "cp",
    "cut",
    "date",
    "dd",
    "diff",
    "dirname",
    "dpkg",
    "dpkg-deb",
    "dpkg-divert",
    "dpkg-query",
    "dpkg-split",
    "dpkg-statoverride",
    "dpkg-trigger",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "gpgv",
    "grep",
    "gzip",
    "head",
    "id",
    "install",
    "ldconfig",
    "ln",
    "ls",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mount",
    "mv",
    "printf",
    "pwd",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "setpriv",
    "setsid",
    "sh",
    "sleep",
    "sort",
    "sqv",
    "start-stop-daemon",
    "stat",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "uniq",
    "wc",
    "which",
    "xargs",
];

/// Those that are not everywhere; apt does without.
const OPTIONAL: [&str; 5] = ["apt-key", "cmp", "setpriv", "sqv", "which"];

/// Read by them.
const DATA: [&str; 5] = [
    "/usr/lib/apt/methods",
    "/usr/lib/locale/C.utf8",
    "/usr/share/dpkg",
    "/usr/share/apt",
    "/etc/ssl/certs/ca-certificates.crt",
];

const FOLDERS: [&str; 24] = [
    "dev",
    "etc/apt/apt.conf.d",
    "etc/apt/auth.conf.d",
    "etc/apt/preferences.d",
    "etc/apt/sources.list.d",
    "etc/apt/trusted.gpg.d",
    "etc/dpkg/dpkg.cfg.d",
    "old",
    "proc",
    "root",
    "run/lab",
    "run/lock",
    "tmp",
    "usr/lib/lab",
    "usr/share/keyrings",
    "usr/share/doc",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/lib/apt/mirrors/partial",
    "var/lib/apt/periodic",
    "var/lib/dpkg/info",
    "var/lib/dpkg/updates",
    "var/log/apt",
    "var/tmp",
];

const FILES: [(&str, &str); 9] = [
    // As Debian has it: what dpkg was asked to do, and did.
    ("etc/dpkg/dpkg.cfg", "no-debsig\nlog /var/log/dpkg.log\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nadm:x:4:\nnogroup:x:65534:\n"),
    // A name that is not in /etc/hosts is looked up where nobody answers.
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("etc/resolv.conf", "nameserver 127.9.9.9\noptions timeout:1 attempts:1\n"),
    ("var/lib/dpkg/status", ""),
    ("var/lib/dpkg/available", ""),
    // Where the machine's programs are mounted.
    ("usr/bin/vps-configurator", ""),
    ("usr/lib/lab/unattended-upgr", ""),
];

/// The key of our repositories, inside the root.
pub(super) const KEYRING: &str = "/usr/share/keyrings/lab.gpg";

/// The folder of a finished base.
#[derive(Clone, Debug)]
pub(super) struct Base {
    folder: PathBuf,
}

impl Base {
    /// Finds it, or builds it. Whoever comes meanwhile waits.
    pub(super) fn get() -> Self {
        static FOUND: LazyLock<Base> = LazyLock::new(Base::find_or_build);
        FOUND.clone()
    }

    fn find_or_build() -> Self {
        let cache = target_folder().join("apt-lab");
        fs::create_dir_all(&cache).unwrap();
        let folder = cache.join(recipe());
        let lock = File::create(cache.join("lock")).unwrap();
        lock.lock().unwrap();
        if !folder.is_dir() {
            let fresh = tempfile::Builder::new().prefix("new-").tempdir_in(&cache).unwrap();
            build(fresh.path());
            commit(&fresh.keep(), &folder);
        }
        Self { folder }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    pub(super) fn pool(&self) -> PathBuf {
        self.folder.join("pool")
    }

    pub(super) fn repository(&self, repository: index::Repository) -> PathBuf {
        self.folder.join("repositories").join(repository.folder())
    }
}

#[expect(clippy::disallowed_methods, reason = "a base is there as a whole or not at all")]
fn commit(fresh: &Path, folder: &Path) {
    fs::set_permissions(fresh, Permissions::from_mode(0o755)).unwrap();
    fs::rename(fresh, folder).unwrap();
}

/// The folder that holds `debug/deps` with this test.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).expect("tests run below target").to_owned()
}

/// Another recipe, or another apt, is another base.
fn recipe() -> String {
    let versions = output("dpkg-query", |run| {
        run.args(["--show", "apt", "dpkg", "gpgv", "libc6", "coreutils"]);
    });
    let sources = [include_str!("base.rs"), include_str!("index.rs"), include_str!("packages.rs"), &versions];
    Content::fixed(sources.concat()).sha256().chars().take(12).collect()
}

fn build(folder: &Path) {
    let (root, pool) = (folder.join("root"), folder.join("pool"));
    build_root(&root);
    fs::create_dir_all(&pool).unwrap();
    for package in packages::all() {
        package.build(&pool);
    }
    index::build(&folder.join("repositories"), &pool, &root.join(KEYRING.trim_start_matches('/')));
}

fn build_root(root: &Path) {
    fs::create_dir_all(root.join("usr")).unwrap();
    // As on the machine: programs and libraries are found by the same paths.
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let usr = Path::new("/usr").join(name);
        if usr.is_dir() {
            fs::create_dir_all(root.join("usr").join(name)).unwrap();
        }
        if Path::new("/").join(name).is_symlink() {
            symlink(format!("usr/{name}"), root.join(name)).unwrap();
        }
    }
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in ["tmp", "var/tmp"] {
        fs::set_permissions(root.join(folder), Permissions::from_mode(0o1777)).unwrap();
    }
    for (path, text) in FILES {
        fs::write(root.join(path), text).unwrap();
    }
    let mut programs = Vec::new();
    for name in PROGRAMS {
        match find(name) {
            Some(path) => programs.push(path),
            None => assert!(OPTIONAL.contains(&name), "`{name}` is not on this machine"),
        }
    }
    let mut copied: BTreeSet<PathBuf> = programs.iter().cloned().collect();
    let methods = fs::read_dir("/usr/lib/apt/methods").unwrap();
    programs.extend(methods.map(|entry| entry.unwrap().path()));
    programs.push(std::env::current_exe().unwrap());
    copied.extend(libraries(&programs));
    for path in &copied {
        copy(path, root);
    }
    for path in DATA.iter().map(Path::new).filter(|path| path.exists()) {
        copy(path, root);
    }
}

/// Where a program is; `None` if it is not.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}

/// The shared libraries they need; scripts need none.
fn libraries(programs: &[PathBuf]) -> BTreeSet<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "scripts among them make it fail")]
    let asked = Command::new("ldd").args(programs).stderr(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.filter(|path| !path.ends_with(':')).map(PathBuf::from).collect()
}

/// Copies a file or a folder to the same path below `root`.
fn copy(path: &Path, root: &Path) {
    let to = root.join(path.strip_prefix("/").unwrap());
    if path.is_dir() {
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(path).unwrap() {
            copy(&entry.unwrap().path(), root);
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path, &to).unwrap_or_else(|error| panic!("{} is not copied: {error}", path.display()));
    }
}

/// Runs a program of the machine that has to succeed, and returns what it printed.
#[expect(clippy::disallowed_methods, reason = "the tools that make packages and roots")]
pub(super) fn must(program: &str, arguments: impl FnOnce(&mut Command)) -> Vec<u8> {
    let mut command = Command::new(program);
    arguments(&mut command);
    let done = command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").output();
    let done = done.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// The same, as text.
pub(super) fn output(program: &str, arguments: impl FnOnce(&mut Command)) -> String {
    String::from_utf8(must(program, arguments)).unwrap()
}
