//! An archive of a repository that is a folder of this machine, brought to where the others are.

use std::io::{self, IoSlice};
use std::path::Path;

use crate::env::Env;
use crate::env::fs::{Clobber, Open};

/// Copies a file; at `to` there is the whole of it or what was there before.
pub(super) fn copy(env: &Env, from: &Path, to: &Path) -> io::Result<()> {
    let fs = env.fs();
    let source = fs.open(&fs.resolve(from)?, Open::Read)?;
    let temporary = to.with_extension(format!("{:016x}", env.next_u64()));
    let file = fs.open(&temporary, Open::New)?;
    let copied = (|| {
        let (mut buffer, mut at) = (vec![0; 256 << 10], 0);
        loop {
            let read = source.read_at(&mut buffer, at)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            file.write_all_at(&mut [IoSlice::new(bytes)], at)?;
            at += u64::try_from(read).unwrap_or(u64::MAX);
        }
        file.set_mode(0o644)?;
        fs.rename(&temporary, to, Clobber::Replace)
    })();
    if copied.is_err() {
        // What matters is the first error.
        let _ = fs.remove(&temporary);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to_1_all.deb"));
        let content: Vec<u8> = (0..700_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        std::fs::write(&from, &content).unwrap();
        copy(&Env::real(), &from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), content);
        assert!(copy(&Env::real(), &folder.path().join("gone"), &to).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
