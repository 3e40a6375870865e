//! What the store has of services, read so that a store that is slow, or does not answer at all, loses nothing.

use std::sync::Arc;

use super::clock::moment;
use super::service::Watched;
use super::watch::{State, Watch};

/// Services that are read at once: each answer has its limit.
const AT_ONCE: usize = 50;

impl Watch {
    /// Reads what the store has of services that are not as it has them. What it does not answer now is asked for at
    /// the next visit, and nothing of such a service is written before.
    pub(super) async fn read_unread(&self) {
        let mut is_any_read = false;
        let is_all = loop {
            let some: Vec<_> = {
                let state = self.state();
                let of = |at: &usize| {
                    state.services.get(*at).map(|one| (*at, one.service.clone(), Arc::clone(&one.targets)))
                };
                state.unread.iter().filter_map(of).take(AT_ONCE).collect()
            };
            if some.is_empty() {
                break true;
            }
            let (env, timing, asked) = (self.env.clone(), self.timing, some.len());
            let read = self.store.ask(&self.env, move |store| {
                let all = some.into_iter();
                let of = |(at, service, targets)| {
                    Watched::read(service, targets, timing, &env, store).ok().map(|one| (at, one))
                };
                all.filter_map(of).collect::<Vec<_>>()
            });
            let read = read.await.unwrap_or_default();
            is_any_read |= !read.is_empty();
            let is_answered = read.len() == asked;
            let mut state = self.state();
            for (at, one) in read {
                self.go_on_from(&mut state, at, one);
            }
            if !is_answered {
                break false;
            }
        };
        if is_any_read {
            self.touched();
        }
        if !is_all && !std::mem::replace(&mut self.state().is_unread_said, true) {
            tracing::warn!(
                "what is known of some services cannot be read from the store yet; they are looked at all the same, \
                 and what the store has is kept"
            );
        }
    }

    fn go_on_from(&self, state: &mut State, at: usize, read: Watched) {
        let was_looked_at = state.is_mine && state.looked_at.contains(&at);
        state.unread.remove(&at);
        if let Some(place) = state.services.get_mut(at) {
            *place = match was_looked_at {
                true => read.with_found(place.clone(), moment(&self.env)),
                false => read,
            };
        }
    }
}
