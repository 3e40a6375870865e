//! A repository of large packages that do not compress, and one that needs them all.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::server::Content;

/// How many, and how large each is.
pub(crate) const PACKAGES: usize = 30;
pub(crate) const BYTES: u64 = 3 << 20;
/// The one that needs them all.
pub(crate) const ALL: &str = "bench-all";

/// Builds it in `folder`.
pub(crate) fn build(folder: &Path) {
    let names: Vec<String> = (1..=PACKAGES).map(|number| format!("bench-{number:02}")).collect();
    let mut index = String::new();
    for (number, name) in names.iter().enumerate() {
        let seed = u64::try_from(number).unwrap() + 1;
        add(folder, &mut index, name, "", &Content::seeded(seed, BYTES).bytes());
    }
    add(folder, &mut index, ALL, &format!("Depends: {}\n", names.join(", ")), b"");
    let architecture = text("dpkg", &["--print-architecture"]);
    let lists = folder.join(format!("dists/stable/main/binary-{architecture}"));
    fs::create_dir_all(&lists).unwrap();
    let content = Content::fixed(index.clone());
    let release = format!(
        "Origin: Debian\nSuite: stable\nCodename: stable\nArchitectures: {architecture}\nComponents: main\n\
         Date: Wed, 01 Jan 2025 00:00:00 UTC\nSHA256:\n {} {} main/binary-{architecture}/Packages\n",
        content.sha256(),
        index.len()
    );
    fs::write(lists.join("Packages"), index).unwrap();
    fs::write(folder.join("dists/stable/Release"), release).unwrap();
}

fn add(folder: &Path, index: &mut String, name: &str, depends: &str, data: &[u8]) {
    let control = format!(
        "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Bench <bench@example.com>\n\
         {depends}Description: {name}\n"
    );
    let tree = tempfile::tempdir().unwrap();
    fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
    for (path, bytes) in
        [("DEBIAN/control".to_owned(), control.as_bytes()), (format!("usr/share/bench/{name}"), data)]
    {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let file = format!("pool/{name}_1.0_all.deb");
    let deb = folder.join(&file);
    fs::create_dir_all(deb.parent().unwrap()).unwrap();
    text(
        "dpkg-deb",
        &[
            "-Znone",
            "--root-owner-group",
            "--build",
            &tree.path().display().to_string(),
            &deb.display().to_string(),
        ],
    );
    let content = Content::fixed(fs::read(&deb).unwrap());
    let size = fs::metadata(&deb).unwrap().len();
    write!(index, "{control}Filename: {file}\nSize: {size}\nSHA256: {}\n\n", content.sha256()).unwrap();
}

/// What a program of this machine prints that has to succeed.
pub(crate) fn text(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
