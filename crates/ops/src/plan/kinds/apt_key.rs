//! The key of a repository: had, checked, and known for what it is before apt may trust it.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice};
use std::path::Path;
use std::time::Duration;

use thiserror::Error;
use vps_retry::{Class, Kind};

use super::super::action::{AptKey, AptKeyCheck, AptKeySource};
use super::super::run::{StepContext, StepError};
use super::asked::asked;
use super::file::{sweep, tagged};
use crate::download::{Algorithm, Dest, DownloadRequest, InvalidRequest, Running, Saved, parse_url};
use crate::env::fs::{Care, FsFile, FsFolder, Open};
use crate::foreign::{Foreign, shown};
use crate::process::{CommandError, Ended, ProcessSpec, Shield};

/// Keys have kilobytes; some vendors put many in one file.
pub(super) const LARGEST: u64 = 4 << 20;
/// How long gpg may take to read one.
const GPG_LIMIT: Duration = Duration::from_secs(30);
const ARMOUR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// A key that is not taken.
#[derive(Debug, Error)]
pub(super) enum KeyError {
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    #[error("the key cannot be read from {path}")]
    File {
        path: Foreign,
        #[source]
        source: io::Error,
    },
    #[error("the key that was downloaded cannot be read")]
    Spool(#[source] io::Error),
    #[error("what is to be the key is no public OpenPGP key, armoured or not")]
    NoKey,
    #[error("a key from a server is checked by its SHA-256 or its fingerprint, and has neither")]
    Unchecked,
    #[error("the key has the SHA-256 {found}, not {wanted}")]
    Digest { found: String, wanted: Foreign },
    #[error("this machine has no gpg, which a fingerprint is checked by; a SHA-256 needs none")]
    NoGpg,
    #[error("gpg cannot be asked for the fingerprint of the key")]
    Gpg(#[source] CommandError),
    #[error("gpg did not say whose key it is within {:.0}s", GPG_LIMIT.as_secs_f64())]
    Silent,
    #[error("gpg does not read the key: {said}")]
    Unread { said: Foreign },
    #[error("the key has the fingerprint {found}, not {wanted}")]
    Fingerprint { found: Foreign, wanted: Foreign },
    #[error("the file has {count} keys, of which one fingerprint says nothing: check it by its SHA-256")]
    Several { count: usize },
    #[error("{path} cannot be used for keys")]
    Folder {
        path: Foreign,
        #[source]
        source: io::Error,
    },
}

impl KeyError {
    fn into_step(self) -> StepError {
        match self {
            // Another attempt brings the same.
            Self::Digest { .. } | Self::Fingerprint { .. } | Self::Several { .. } | Self::NoKey => {
                StepError::new(&self, Kind::Integrity, Class::Permanent)
            }
            other => StepError::local(&other),
        }
    }
}

/// What a file of this content is called, as apt tells both sorts apart.
pub(super) fn ending(content: &[u8]) -> Option<&'static str> {
    let start = content.trim_ascii_start();
    if start.starts_with(ARMOUR.as_bytes()) {
        return Some("asc");
    }
    // The head of a packet that is a public key, old or new.
    matches!(content.first(), Some(0x98..=0x9b | 0xc6)).then_some("gpg")
}

pub(super) fn sha256(content: &[u8]) -> String {
    let mut running = Running::new(Algorithm::Sha256);
    running.update(content);
    running.hex()
}

/// The key, where it is on this machine.
pub(super) fn at_hand(cx: &StepContext, key: &AptKey) -> Result<Option<Vec<u8>>, StepError> {
    match &key.source {
        AptKeySource::Url(_) => Ok(None),
        AptKeySource::Text(text) => {
            let mut text = text.trim_start().to_owned();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            Ok(Some(text.into_bytes()))
        }
        AptKeySource::File(path) => {
            let path = cx.path(path);
            let unread = |source| KeyError::File { path: shown(&path), source }.into_step();
            let file = cx.env().fs().open_with(&path, Care::Way).map_err(unread)?;
            file.read_small(LARGEST).map(Some).map_err(unread)
        }
    }
}

/// The key, had and checked, and how it is written. `folder` is the machine's folder of keys.
pub(super) async fn checked(
    cx: &StepContext,
    key: &AptKey,
    folder: &Path,
) -> Result<(Vec<u8>, &'static str), StepError> {
    let content = match (at_hand(cx, key)?, &key.source) {
        (Some(content), _) => content,
        (None, AptKeySource::Url(url)) => fetched(cx, url, &key.check).await?,
        (None, _) => return Err(KeyError::NoKey.into_step()),
    };
    if let AptKeyCheck::Sha256(wanted) = &key.check {
        let found = sha256(&content);
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(KeyError::Digest { found, wanted: wanted.as_str().into() }.into_step());
        }
    }
    let ending = ending(&content).ok_or_else(|| KeyError::NoKey.into_step())?;
    if let AptKeyCheck::Fingerprint(wanted) = &key.check {
        has_fingerprint(cx, &content, wanted, folder).await?;
    }
    Ok((content, ending))
}

async fn fetched(cx: &StepContext, url: &str, check: &AptKeyCheck) -> Result<Vec<u8>, StepError> {
    if *check == AptKeyCheck::AsGiven {
        return Err(KeyError::Unchecked.into_step());
    }
    let url = parse_url("key.url", url).map_err(|error| KeyError::from(error).into_step())?;
    let request = DownloadRequest::new(url, Dest::Spool);
    let done = cx.network().downloads().run(request, &cx.options).await;
    match done.map_err(|error| StepError::of(&error))?.saved {
        Saved::Spool(spool) => spool.read(LARGEST).map_err(|error| KeyError::Spool(error).into_step()),
        _ => Err(KeyError::NoKey.into_step()),
    }
}

/// What a file for gpg to read is called: this and a number.
const HIDDEN: &str = ".key-";

/// A file for gpg to read, gone with this.
struct Shown {
    folder: std::sync::Arc<dyn FsFolder>,
    name: OsString,
    /// Has its lock: nobody takes it for what a killed run left.
    file: Box<dyn FsFile>,
}

impl Shown {
    /// In `folder`, from which what killed runs left is taken away.
    fn put(cx: &StepContext, folder: std::sync::Arc<dyn FsFolder>, content: &[u8]) -> io::Result<Self> {
        sweep(&*folder, OsStr::new(HIDDEN), cx.env().fs().us(), None);
        let name = tagged(HIDDEN.into(), cx.env().next_u64());
        let file = folder.open(&name, Open::New)?;
        // Where there are no locks, nobody sweeps.
        let _ = file.try_lock();
        let shown = Self { folder, name, file };
        shown.file.write_all_at(&mut [IoSlice::new(content)], 0)?;
        Ok(shown)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.folder.remove(&self.name);
    }
}

async fn has_fingerprint(
    cx: &StepContext,
    content: &[u8],
    wanted: &str,
    folder: &Path,
) -> Result<(), StepError> {
    let unusable = |source| KeyError::Folder { path: shown(folder), source }.into_step();
    let opened = cx.env().fs().make_folder_with(folder, Care::Alone, 0o755).map_err(unusable)?;
    let shown = Shown::put(cx, opened, content).map_err(unusable)?;
    // Nothing of the user's own gpg is read or made: its home is this folder, in which it has nothing to do.
    let spec = ProcessSpec::new("gpg")
        .args(["--batch", "--no-options", "--no-autostart", "--lock-never", "--no-keyring"])
        .args(["--trust-model", "always", "--homedir"])
        .arg(folder)
        .args(["--with-colons", "--show-keys"])
        .arg(folder.join(&shown.name))
        .variable("LC_ALL", "C.UTF-8")
        .dies_with_us();
    let (shield, mut status) = (Shield::new(), ());
    let said = cx.network().context().runner().capture(cx.env(), &spec, &shield, &mut status);
    let said = asked(cx, GPG_LIMIT, said).await.map_err(|error| {
        error.into_step(&KeyError::Silent, |error| match error {
            CommandError::NotFound { .. } => KeyError::NoGpg,
            error => KeyError::Gpg(error),
        })
    });
    drop(shown);
    let said = said?;
    if said.ended != Ended::Code(0) {
        return Err(KeyError::Unread { said: Foreign::new(said.stderr.trim()) }.into_step());
    }
    match *fingerprints(&said.stdout).as_slice() {
        [] => Err(KeyError::Unread { said: "it names no public key".into() }.into_step()),
        [found] if same(found, wanted) => Ok(()),
        [found] => Err(KeyError::Fingerprint { found: found.into(), wanted: wanted.into() }.into_step()),
        ref all => Err(KeyError::Several { count: all.len() }.into_step()),
    }
}

/// Of each primary key, by the lines `pub:...` and `fpr:::::::::FINGERPRINT:` after it.
fn fingerprints(said: &str) -> Vec<&str> {
    let (mut all, mut is_due) = (Vec::new(), false);
    for line in said.lines() {
        let mut fields = line.split(':');
        match fields.next() {
            Some("pub" | "sec") => is_due = true,
            Some("fpr") if is_due => {
                is_due = false;
                all.extend(fields.nth(8));
            }
            _ => {}
        }
    }
    all
}

/// People write them in groups.
fn same(found: &str, wanted: &str) -> bool {
    let wanted: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
    found.len() >= 40 && found.eq_ignore_ascii_case(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_beginning_and_a_private_one_is_none() {
        assert_eq!(ending(format!("\n{ARMOUR}\n\nabc").as_bytes()), Some("asc"));
        assert_eq!(ending(&[0x99, 1, 2]), Some("gpg"));
        assert_eq!(ending(&[0xc6, 1, 2]), Some("gpg"));
        for none in [&b"-----BEGIN PGP PRIVATE KEY BLOCK-----"[..], &[0x95, 3], b"<html>", b"", b"KBXf"] {
            assert_eq!(ending(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_fingerprint_of_a_primary_key_counts_and_no_other() {
        let said = "tru::1:\npub:-:4096:1:ABC:1:::-:::scSC::::::23::0:\n\
                    fpr:::::::::0123456789012345678901234567890123456789:\nuid:-::::1::X::Vendor:\n\
                    sub:-:4096:1:DEF:1::::::e::::::23:\nfpr:::::::::9999999999999999999999999999999999999999:\n";
        assert_eq!(fingerprints(said), ["0123456789012345678901234567890123456789"]);
        assert_eq!(fingerprints(&said.repeat(2)).len(), 2);
        assert!(fingerprints("fpr:::::::::01:\n").is_empty());
        let spaced = "0123 4567 8901 2345 6789  0123 4567 8901 2345 6789";
        assert!(same("0123456789012345678901234567890123456789", spaced));
        assert!(!same("0123456789", "0123456789"), "a short one anybody can make");
    }
}
