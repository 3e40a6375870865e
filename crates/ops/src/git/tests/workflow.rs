//! What stands above the adapter: attempts, and DEST only at the end.

use std::fs;
use std::sync::Arc;

use super::lab::{builder, names};
use crate::Kind;
use crate::git::{CloneRequest, Damage, GitError};
use crate::settings::{Options, RetryConfig};
use crate::testing::scripted_git::ScriptedGit;

async fn clone(git: ScriptedGit, request: &CloneRequest) -> Result<crate::git::Cloned, Kind> {
    let network = builder().git(Arc::new(git)).build();
    let quick = RetryConfig::new().initial_delay(std::time::Duration::from_millis(1)).jitter(false);
    let network = network.with(&quick).unwrap();
    network.git_clone_resilient(request, &Options::new()).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_cut_is_tried_again_and_damage_only_twice() {
    let place = tempfile::tempdir().unwrap();
    let dest = place.path().join("dest");
    let request = CloneRequest::new("https://example.com/a".parse().unwrap(), &dest);
    let cut = ScriptedGit::new(|_, attempt| match attempt {
        1 | 2 => Err(GitError::CutOff),
        _ => Ok("x".to_owned()),
    });
    let cloned = clone(cut, &request).await.unwrap();
    assert_eq!((cloned.attempts, cloned.bytes), (3, 1));
    assert_eq!(fs::read_to_string(dest.join("file")).unwrap(), "x");
    fs::remove_dir_all(&dest).unwrap();

    let damaged = ScriptedGit::new(|_, attempt| {
        Err(GitError::Damaged { why: Damage::Said("checksum".to_owned().into()), again: attempt > 1 })
    });
    assert_eq!(clone(damaged, &request).await, Err(Kind::Integrity));
    assert_eq!(names(place.path()), [""; 0]);
}
