//! Who was let in to an attempt that calls several services, and how each of them did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use vps_breaker::Verdict;

use crate::service::ServiceName;

/// The members of one attempt: cheap to clone, and all clones are the same.
///
/// ```
/// use vps_ops::Verdict;
///
/// # fn show(attempt: vps_ops::Attempt) {
/// for repository in attempt.members.left_out() {
///     attempt.warn(format!("{repository} is not read: its circuit is open"));
/// }
/// for repository in attempt.members.admitted() {
///     // ... read it ...
///     attempt.members.report(repository, Verdict::Success);
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// `None` without members, which costs nothing.
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    admitted: Vec<ServiceName>,
    left_out: Vec<ServiceName>,
    reports: Mutex<BTreeMap<ServiceName, Verdict>>,
}

impl Members {
    pub(crate) fn new(admitted: Vec<ServiceName>, left_out: Vec<ServiceName>) -> Self {
        Self { inner: Some(Arc::new(Inner { admitted, left_out, reports: Mutex::default() })) }
    }

    /// The services to call, in order of name.
    #[must_use]
    pub fn admitted(&self) -> &[ServiceName] {
        self.inner.as_ref().map_or(&[], |inner| &inner.admitted)
    }

    /// The services not to call: their circuits are open, and they were not required.
    #[must_use]
    pub fn left_out(&self) -> &[ServiceName] {
        self.inner.as_ref().map_or(&[], |inner| &inner.left_out)
    }

    /// Says how a service did, as soon as it is known: what is not reported when the attempt ends is a
    /// success if the whole attempt is one, and else says nothing about the service.
    ///
    /// Of several reports a failure holds, then a success. A service that was not let in is not told.
    pub fn report(&self, service: &ServiceName, verdict: Verdict) {
        let Some(inner) = &self.inner else { return };
        if !inner.admitted.contains(service) {
            return;
        }
        let mut reports = inner.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let held = reports.entry(service.clone()).or_insert(verdict);
        if verdict == Verdict::Failure || *held == Verdict::Neutral {
            *held = verdict;
        }
    }

    /// What a service's circuit is told at the end of an attempt that as a whole was `whole`.
    pub(crate) fn verdict(&self, service: &ServiceName, whole: Verdict) -> Verdict {
        match (self.reported(service), whole) {
            (Some(reported), _) => reported,
            (None, Verdict::Success) => Verdict::Success,
            (None, _) if self.inner.is_some() => Verdict::Neutral,
            (None, whole) => whole,
        }
    }

    /// What was said of a service so far.
    pub(crate) fn reported(&self, service: &ServiceName) -> Option<Verdict> {
        let reports = self.inner.as_ref()?.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.get(service).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_made_good_by_what_follows() {
        let name = ServiceName::from("one");
        for (reports, expected) in [
            (vec![Verdict::Neutral, Verdict::Success, Verdict::Neutral], Verdict::Success),
            (vec![Verdict::Success, Verdict::Failure, Verdict::Success], Verdict::Failure),
            (vec![Verdict::Failure, Verdict::Neutral], Verdict::Failure),
            (vec![Verdict::Neutral], Verdict::Neutral),
        ] {
            let members = Members::new(vec![name.clone()], Vec::new());
            reports.iter().for_each(|verdict| members.report(&name, *verdict));
            assert_eq!(members.verdict(&name, Verdict::Success), expected, "{reports:?}");
        }
    }

    #[test]
    fn silence_is_good_news_only_of_an_attempt_that_succeeded() {
        let (name, other) = (ServiceName::from("one"), ServiceName::from("other"));
        let members = Members::new(vec![name.clone()], vec![other.clone()]);
        members.report(&other, Verdict::Failure);
        assert_eq!(members.verdict(&other, Verdict::Neutral), Verdict::Neutral);
        assert_eq!(members.verdict(&name, Verdict::Success), Verdict::Success);
        assert_eq!(members.verdict(&name, Verdict::Failure), Verdict::Neutral);
        // Without members the attempt's own verdict holds.
        assert_eq!(Members::default().verdict(&name, Verdict::Failure), Verdict::Failure);
    }
}
