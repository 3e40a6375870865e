//! What is asked for, and what is said to be here.

use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::negotiate::{Algorithm, Graph, Negotiator};
use gix::odb::store::RefreshMode;
use gix::protocol::fetch::negotiate::{self, Action, Round};
use gix::protocol::fetch::{Arguments, Negotiate, RefMap, Response, Shallow};

use super::stoppable::Stoppable;

/// Just these objects: nothing that is here is told of, so nothing is left out.
pub(super) struct JustThese<'a> {
    pub(super) ids: &'a [ObjectId],
    /// What of all that they lead to is left out.
    pub(super) filter: Option<&'static str>,
}

impl Negotiate for JustThese<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        Ok(Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        if let Some(filter) = self.filter {
            arguments.filter(filter);
        }
        for id in self.ids {
            arguments.want(id);
        }
        !self.ids.is_empty()
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        _arguments: &mut Arguments,
        _previous: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        let round = Round {
            haves_sent: 0,
            in_vain: 0,
            haves_to_send: 0,
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

/// The same repository, which does not look again for what is not there: most of what is asked of it is not.
pub(super) fn quiet(repo: &gix::Repository) -> gix::Repository {
    let mut quiet = repo.clone();
    quiet.objects.refresh = RefreshMode::Never;
    quiet.objects.unset_object_cache();
    quiet
}

/// What refs lead to and is not here, as git asks for it: the other end is told what is here, as far as it needs to
/// know.
pub(super) struct Haves<'a> {
    repo: &'a gix::Repository,
    graph: Graph<'a, 'a>,
    negotiator: Box<dyn Negotiator>,
    refs: &'a RefMap,
    shallow: &'a Shallow,
}

impl<'a> Haves<'a> {
    /// Of `repo`, where most of what is looked for is not.
    pub(super) fn new(
        repo: &'a gix::Repository,
        refs: &'a RefMap,
        shallow: &'a Shallow,
        stop: &'a AtomicBool,
    ) -> Self {
        let negotiator = Algorithm::Consecutive.into_negotiator();
        // gix looks at no stop while it marks what both have.
        let graph = Graph::new(Stoppable { inner: &repo.objects, stop }, None);
        Self { repo, graph, negotiator, refs, shallow }
    }
}

/// Nothing is left to what the server sends by itself.
const fn none(_: &gix::protocol::fetch::refmap::Mapping) -> bool {
    false
}

impl Negotiate for Haves<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        // All refs of whom it borrows from are its own, too.
        let lenders = || Ok(std::iter::empty::<(gix::refs::file::Store, gix::OdbHandle)>());
        negotiate::mark_complete_and_common_ref(
            &self.repo.objects,
            &self.repo.refs,
            lenders,
            &mut *self.negotiator,
            &mut self.graph,
            self.refs,
            self.shallow,
            none,
        )
    }

    fn add_wants(&mut self, arguments: &mut Arguments, known: &[bool]) -> bool {
        negotiate::add_wants(&self.repo.objects, arguments, self.refs, known, self.shallow, none)
    }

    fn one_round(
        &mut self,
        state: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        previous: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        negotiate::one_round(&mut *self.negotiator, &mut self.graph, state, arguments, previous)
    }
}
