//! Whether the attempts at one repository fetch it in pieces, and how large the next piece is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use vps_retry::Class;

use super::GitError;
use super::cause::LineFault;
use vps_retry::Classify;

/// A pack that was cut after this much is fetched in pieces from then on.
pub(super) const LARGE: u64 = 1 << 20;
/// Bytes that a piece should have.
const AIM: u64 = 4 << 20;
/// However short the connections are.
const LEAST_AIM: u64 = 64 << 10;
/// Files of the first piece.
const FIRST: usize = 64;
/// Files of one piece: what is asked for is a list of their ids.
const MOST: usize = 4096;

/// What the attempts of one step know of each other.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Bytes that came in this attempt.
    came: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    way: Way,
    /// Whether what is in the folder is gone on with.
    kept: bool,
    /// Whether this attempt brought one.
    headway: bool,
    /// Files to ask for next.
    files: usize,
    /// Bytes to ask for next.
    aim: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One pack.
    Whole,
    InPieces,
    /// The server does not serve pieces.
    Refused,
}

impl Default for State {
    fn default() -> Self {
        Self { way: Way::Whole, kept: false, headway: false, files: FIRST, aim: AIM }
    }
}

impl Pieces {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt begins; whether it is to fetch in pieces.
    pub(super) fn begin(&self) -> bool {
        self.came.store(0, Ordering::Relaxed);
        let mut state = self.state();
        state.headway = false;
        state.way == Way::InPieces
    }

    /// Whether an earlier attempt's folder is gone on with.
    pub(super) fn is_kept(&self) -> bool {
        self.state().kept
    }

    /// How many bytes came in this attempt.
    pub(super) fn received(&self, bytes: u64) {
        self.came.store(bytes, Ordering::Relaxed);
    }

    /// An attempt ended with `error`: what it is, and what the next one does.
    pub(super) fn ended(&self, error: GitError) -> GitError {
        let mut state = self.state();
        match state.way {
            Way::Whole if is_cut(&error) && self.came.load(Ordering::Relaxed) >= LARGE => {
                state.way = Way::InPieces;
            }
            Way::InPieces if state.headway && passes(error.class()) => {
                return GitError::Headway(Box::new(error));
            }
            _ => {}
        }
        error
    }

    /// Whether the server does not serve pieces: by what it offers, or by how it answered for good.
    pub(super) fn are_refused<T>(&self, outcome: &Result<T, GitError>) -> bool {
        let answer = matches!(
            outcome,
            // It may hide a file that it would send with all the rest.
            Err(error @ (GitError::Status { .. } | GitError::Remote { .. } | GitError::Protocol { .. } | GitError::RefNotFound { .. }))
                if error.class() == Class::Permanent
        );
        if answer {
            self.refuse();
        }
        self.state().way == Way::Refused
    }

    /// The server does not serve pieces.
    pub(super) fn refuse(&self) {
        let mut state = self.state();
        state.way = Way::Refused;
        state.kept = false;
    }

    /// A whole piece is in the folder.
    pub(super) fn keep(&self) {
        let mut state = self.state();
        state.kept = true;
        state.headway = true;
    }

    /// Everything is in the folder: where that turns out wrong, an attempt begins anew.
    pub(super) fn complete(&self) {
        self.state().kept = false;
    }

    /// Files to ask for at once.
    pub(super) fn files(&self) -> usize {
        self.state().files
    }

    /// A piece of this many files had this many bytes.
    pub(super) fn brought(&self, files: usize, bytes: u64) {
        self.keep();
        let mut state = self.state();
        if bytes > state.aim {
            state.files = (files / 2).max(1);
        } else if bytes < state.aim / 2 {
            state.files = state.files.saturating_mul(2).min(MOST);
        }
    }

    /// A piece of this many files was cut after this many bytes, which held `whole` of the files.
    pub(super) fn cut(&self, files: usize, bytes: u64, whole: usize) {
        let mut state = self.state();
        // A connection that just happened to end early must not make all that follows tiny.
        let fits = (bytes / 4).saturating_mul(3).max(state.aim / 2).max(LEAST_AIM);
        state.aim = state.aim.min(fits);
        state.files = (whole / 4).saturating_mul(3).max(whole / 2).min(files / 2).max(1);
    }
}

/// Whether the way there failed, and not what came.
fn is_cut(error: &GitError) -> bool {
    match error {
        GitError::Http(error) => passes(error.class()),
        GitError::CutOff | GitError::Idle { .. } | GitError::Connection { fault: LineFault::Broken, .. } => {
            true
        }
        _ => false,
    }
}

const fn passes(class: Class) -> bool {
    matches!(class, Class::Transient | Class::NotSent | Class::Throttled { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Damage;

    fn sizes(pieces: &Pieces) -> (usize, u64) {
        let state = pieces.state();
        (state.files, state.aim)
    }

    /// Steps that were cut, and go on in pieces.
    fn begun() -> Pieces {
        let pieces = Pieces::default();
        pieces.received(LARGE);
        let _ = pieces.ended(GitError::CutOff);
        assert!(pieces.begin());
        pieces
    }

    #[test]
    fn only_a_large_pack_that_was_cut_is_fetched_in_pieces() {
        let idle = || GitError::Idle { after: std::time::Duration::from_secs(1) };
        for (bytes, error, in_pieces) in [
            (LARGE, GitError::CutOff, true),
            (LARGE, idle(), true),
            (LARGE - 1, GitError::CutOff, false),
            (LARGE, Damage::Said("checksum".to_owned().into()).into(), false),
            (LARGE, GitError::Stopped, false),
        ] {
            let (pieces, told) = (Pieces::default(), format!("{bytes} {error:?}"));
            assert!(!pieces.begin());
            pieces.received(bytes);
            assert!(!pieces.ended(error).progressed(), "{told}");
            assert_eq!((pieces.begin(), pieces.is_kept()), (in_pieces, false), "{told}");
        }
    }

    #[test]
    fn an_attempt_that_brought_a_piece_made_headway() {
        let pieces = begun();
        assert!(!pieces.ended(GitError::CutOff).progressed());
        pieces.keep();
        assert!(!pieces.ended(GitError::Stopped).progressed());
        assert!(pieces.ended(GitError::CutOff).progressed());
        // The next one goes on with it, and brings nothing.
        assert!(pieces.begin() && pieces.is_kept());
        assert!(!pieces.ended(GitError::CutOff).progressed());
        pieces.complete();
        assert!(pieces.begin() && !pieces.is_kept());
    }

    #[test]
    fn what_is_refused_is_fetched_whole_from_then_on() {
        let pieces = begun();
        pieces.keep();
        assert!(!pieces.are_refused::<()>(&Err(GitError::CutOff)) && !pieces.are_refused(&Ok(())));
        assert!(pieces.are_refused::<()>(&Err(GitError::Protocol { why: "?".to_owned().into() })));
        assert!(!pieces.begin() && !pieces.is_kept());
        pieces.received(LARGE);
        assert!(!pieces.ended(GitError::CutOff).progressed());
        assert!(!pieces.begin());
    }

    #[test]
    fn a_piece_is_as_large_as_the_last_one_lets_expect() {
        let pieces = Pieces::default();
        assert_eq!(sizes(&pieces), (FIRST, AIM));
        // Large enough, too small, too large.
        for (bytes, files) in [(AIM, 64), (AIM / 2, 64), (AIM / 2 - 1, 128), (AIM + 1, 32)] {
            let pieces = Pieces::default();
            pieces.brought(FIRST, bytes);
            assert_eq!(sizes(&pieces), (files, AIM), "{bytes}");
        }
        for _ in 0..20 {
            pieces.brought(pieces.files(), 0);
        }
        assert_eq!(sizes(&pieces).0, MOST);
        pieces.brought(1, AIM + 1);
        assert_eq!(sizes(&pieces).0, 1);
    }

    #[test]
    fn after_a_cut_less_is_asked_for() {
        for (files, bytes, whole, then) in [
            (64, 2_000_000, 40, (30, AIM / 2)),
            (64, 3_200_000, 3, (1, 2_400_000)),
            (2, 100, 1, (1, AIM / 2)),
            (1, 5_000_000, 0, (1, 3_750_000)),
        ] {
            let pieces = Pieces::default();
            pieces.cut(files, bytes, whole);
            assert_eq!(sizes(&pieces), then, "{files} {bytes} {whole}");
        }
        let pieces = Pieces::default();
        (0..20).for_each(|_| pieces.cut(64, 0, 0));
        assert_eq!(sizes(&pieces), (1, LEAST_AIM));
    }
}
