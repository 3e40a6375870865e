//! Mistakes that a simulation plants in the shipped code, to see that a law finds each of them.
//!
//! Each strikes in exactly one line. Without the private feature `__mistakes` none does, and the compiler
//! takes the lines out.

/// A mistake that could be made.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mistake {
    /// A server's wish to wait is not heeded.
    RetryAfterIgnored,
    /// Retries go on when the allowance for them is used up.
    BudgetIgnored,
    /// Each call has a bulkhead to itself.
    BulkheadOfItsOwn,
    /// An attempt does not hear of a stop.
    CancelNotTold,
    /// An attempt does not know when it must have ended.
    DeadlineNotTold,
    /// A dropped permit does not give its slot back.
    DroppedPermitKept,
    /// What must end by itself is cut.
    CutHalfWay,
    /// A stored lease does not say whose it is.
    LeaseWithoutHolder,
    /// A service that was left out is called.
    LeftOutMemberCalled,
    /// The deadline is looked at before a pause only.
    LimitOnlyBeforePause,
    /// Members are settled by the attempt's verdict and not by their own.
    MembersSettledAlike,
    /// There is one attempt more than was asked for.
    OneAttemptTooMany,
    /// What other processes did is not looked at.
    OthersNotLookedAt,
    /// A place in the bulkhead is never given back.
    PlaceLeaked,
    /// A probe's lease is not renewed.
    ProbeNotRenewed,
    /// A circuit that opened does not stop the retries.
    RetryAfterOpen,
    /// An event shows a whole error, with what is secret.
    SecretInEvent,
    /// A probe's slot is taken without asking the store.
    SlotInMemoryOnly,
    /// A result of an earlier state counts.
    StaleResultCounts,
    /// An end is told twice.
    ToldTwice,
    /// A stored circuit is written without reading it first.
    UpdateWithoutReading,
}

#[cfg(feature = "__mistakes")]
impl Mistake {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::RetryAfterIgnored,
        Self::BudgetIgnored,
        Self::BulkheadOfItsOwn,
        Self::CancelNotTold,
        Self::DeadlineNotTold,
        Self::DroppedPermitKept,
        Self::CutHalfWay,
        Self::LeaseWithoutHolder,
        Self::LeftOutMemberCalled,
        Self::LimitOnlyBeforePause,
        Self::MembersSettledAlike,
        Self::OneAttemptTooMany,
        Self::OthersNotLookedAt,
        Self::PlaceLeaked,
        Self::ProbeNotRenewed,
        Self::RetryAfterOpen,
        Self::SecretInEvent,
        Self::SlotInMemoryOnly,
        Self::StaleResultCounts,
        Self::ToldTwice,
        Self::UpdateWithoutReading,
    ];
}
