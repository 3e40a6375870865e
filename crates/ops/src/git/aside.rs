//! Work on what others made, off the runtime's thread: it hears when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::GitError;
use super::running::broke_down;
use crate::env::{Env, StopOnDrop};

/// Does `work` on a thread of its own, which is told to stop when the future is dropped. It is not waited for then: it
/// may hang in what somebody put there meanwhile.
pub(crate) async fn aside<T: Send + 'static>(
    env: &Env,
    work: impl FnOnce(&AtomicBool) -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let done = env.thread("git aside", move || work(&stop));
    let done = done.map_err(|error| GitError::local("start a thread", error))?;
    done.await.unwrap_or_else(|_| Err(broke_down()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_is_not_waited_for_is_told_to_stop() {
        let env = Env::real();
        assert!(!aside(&env, |stop| Ok(stop.load(Ordering::Relaxed))).await.unwrap());
        let (begun, begin) = tokio::sync::oneshot::channel();
        let (tell, told) = mpsc::channel();
        let working = aside(&env, move |stop| {
            let _ = begun.send(());
            while !stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let _ = tell.send(());
            Ok(())
        });
        tokio::select! {
            biased;
            _ = working => panic!("it ended by itself"),
            begun = begin => begun.unwrap(),
        }
        told.recv().unwrap();
    }

    #[tokio::test]
    async fn a_thread_that_breaks_down_is_an_error() {
        let broken = aside::<()>(&Env::real(), |_| panic!("on purpose")).await;
        assert!(matches!(broken, Err(GitError::Protocol { .. })));
    }
}
