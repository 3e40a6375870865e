//! A place where a response waits until the test lets it go on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a test waits for something that must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Holds responses until it is opened; it stays open then. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
    opened: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    open: bool,
    arrivals: usize,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets go whatever waits here, now and later.
    pub fn open(&self) {
        self.shared.state.lock().unwrap().open = true;
        self.shared.opened.notify_waiters();
    }

    /// Blocks until a response has got here; everything before this place has been sent then.
    ///
    /// # Panics
    /// If none gets here in time.
    pub fn wait_until_reached(&self) {
        self.wait_until_reached_by(1);
    }

    /// Blocks until `n` responses have got here.
    ///
    /// # Panics
    /// If they do not get here in time.
    pub fn wait_until_reached_by(&self, n: usize) {
        let state = self.shared.state.lock().unwrap();
        let (state, waited) =
            self.shared.arrived.wait_timeout_while(state, PATIENCE, |state| state.arrivals < n).unwrap();
        assert!(!waited.timed_out(), "{} of {n} responses reached the gate", state.arrivals);
    }

    /// Waits on the server's side.
    pub(super) async fn pass(&self) {
        let opened = self.shared.opened.notified();
        tokio::pin!(opened);
        // Listening before looking: an opening in between must not be missed.
        opened.as_mut().enable();
        {
            let mut state = self.shared.state.lock().unwrap();
            state.arrivals += 1;
            self.shared.arrived.notify_all();
            if state.open {
                return;
            }
        }
        opened.await;
    }
}
