//! A request for just these objects: nothing that is here is told of, so nothing is left out.

use gix::ObjectId;
use gix::protocol::fetch::negotiate::{Action, Round, one_round};
use gix::protocol::fetch::{Arguments, Negotiate, Response};

/// What is asked for.
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
        _state: &mut one_round::State,
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
