//! How apt is set up on this machine, from what it prints and the files it names.

use std::path::{Path, PathBuf};

use crate::apt::facts::{AptConfig, AptSetup, SourceFile};
use crate::apt::words::{configured, hosts_with_password};
use crate::env::Env;
use crate::env::fs::Open;

/// Bytes of a file of sources that are read.
const LONGEST_SOURCE: u64 = 1 << 20;
/// Bytes of an index that are read: its fields stand at its beginning.
const BEGINNING: usize = 4_096;

/// From what `apt-config dump` and `apt-get update --print-uris` print.
pub(super) fn read(env: &Env, config: &str, uris: &str) -> AptSetup {
    let config = AptConfig::parse(config);
    let sources = source_files(env, &config);
    let lists = config.lists();
    let repositories = configured(uris, &sources, |name| beginning(env, &lists.join(name)));
    let os_release = text(env, Path::new("/etc/os-release"))
        .or_else(|| text(env, Path::new("/usr/lib/os-release")))
        .unwrap_or_default();
    let with_password = passwords(env, &config);
    AptSetup { config, sources, repositories, os_release, with_password, only: None }
}

/// The machine's files of sources, in apt's order.
fn source_files(env: &Env, config: &AptConfig) -> Vec<SourceFile> {
    let parts = config.source_parts();
    let mut names = env.fs().list(&parts).unwrap_or_default();
    names.sort();
    let mut paths = vec![config.source_list()];
    paths.extend(names.into_iter().map(|name| parts.join(name)).filter(|path| is_source(path)));
    paths.into_iter().filter_map(|path| Some(SourceFile { text: text(env, &path)?, path })).collect()
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
}

/// The hosts of apt's password files.
fn passwords(env: &Env, config: &AptConfig) -> Vec<String> {
    let [file, folder] = config.auth_files();
    let mut files = vec![file];
    files.extend(env.fs().list(&folder).unwrap_or_default().iter().map(|name| folder.join(name)));
    files.iter().filter_map(|file| text(env, file)).flat_map(|text| hosts_with_password(&text)).collect()
}

/// A small file's text; links, as administrators set them, are followed.
fn text(env: &Env, path: &Path) -> Option<String> {
    let path: PathBuf = env.fs().resolve(path).ok()?;
    let bytes = env.fs().read_small(&path, LONGEST_SOURCE).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn beginning(env: &Env, path: &Path) -> Option<String> {
    let mut buffer = [0; BEGINNING];
    let read = env.fs().open(path, Open::Read).ok()?.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(buffer.get(..read)?).into_owned())
}
