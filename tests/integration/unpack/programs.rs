//! Archives that other programs made, where there are such programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use tests::skip;

use crate::lab::Lab;

/// Runs a line of the shell, which leaves an archive; nothing where it cannot.
fn made(folder: &Path, line: &str) -> Option<Vec<u8>> {
    let mut shell = Command::new("sh");
    shell.args(["-euc", line]).current_dir(folder).stdin(Stdio::null());
    let output = shell.output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        skip(&format!("`{line}` does not run here: {}", said.trim()));
        return None;
    }
    Some(fs::read(folder.join("archive")).unwrap())
}

#[test]
fn what_the_usual_programs_pack_is_unpacked() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("top");
    fs::create_dir_all(top.join("d").join("n".repeat(150))).unwrap();
    fs::write(top.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(top.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(top.join("d/text"), "text\n".repeat(40_000)).unwrap();
    fs::write(top.join("d").join("n".repeat(150)).join("ü"), "").unwrap();
    symlink("d/text", top.join("link")).unwrap();
    let listed = |lab: &Lab| -> Vec<_> {
        lab.tree().iter().map(|line| line.chars().take(170).collect::<String>()).collect()
    };
    let python = "python3 -c 'import shutil; shutil.make_archive(\"made\", FORMAT, \".\", \"top\")'";
    let mut first = None;
    for (line, has_links) in [
        ("tar -cf archive top".to_owned(), true),
        ("tar --format=pax -czf archive ./top".to_owned(), true),
        ("tar --format=gnu -cJf archive top".to_owned(), true),
        ("tar --format=pax -cf - top | zstd -q -19 --long=27 > archive".to_owned(), true),
        ("tar -cf - top | zstd -q > archive".to_owned(), true),
        ("tar -cf - top | xz -9e -T2 > archive".to_owned(), true),
        ("rm -f made.zip; zip -qry made top; mv made.zip archive".to_owned(), true),
        ("cd top; zip -qr - . > ../archive".to_owned(), false),
        (python.replace("FORMAT", "\"gztar\"") + "; mv made.tar.gz archive", true),
        (python.replace("FORMAT", "\"xztar\"") + "; mv made.tar.xz archive", true),
        (python.replace("FORMAT", "\"zip\"") + "; mv made.zip archive", false),
    ] {
        let _ = fs::remove_file(place.path().join("archive"));
        let Some(archive) = made(place.path(), &line) else { continue };
        let mut lab = Lab::new();
        lab.strip = u32::from(!line.starts_with("cd top"));
        lab.unpack(&archive).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        assert_eq!(fs::read(lab.to().join("link")).unwrap(), fs::read(top.join("d/text")).unwrap(), "{line}");
        if has_links {
            let tree = listed(&lab);
            assert_eq!(first.get_or_insert_with(|| tree.clone()), &tree, "{line}");
        }
    }
}
