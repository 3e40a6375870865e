//! What the order of the steps says, and what it is told.

/// How a step ended, as far as others mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Others may go on.
    Well,
    /// Who needs it is not done.
    Failed,
    /// It is left for a later run, and so is who needs it.
    Left,
}

/// Something to begin, or to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Bytes for these steps may be fetched, unseen, as one.
    Fetch(Vec<usize>),
    /// These steps may be done, as one.
    Act(Vec<usize>),
    /// This step is not done, because of another one.
    Blocked(usize, Blocked),
}

/// What a fetch leaves until the turn of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing that takes room here.
    Nothing,
    /// Something that is kept open.
    Held,
    /// It is to be fetched once package lists were read.
    Later,
}

/// Why a step is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// This one, which it needs, failed or is blocked itself.
    Failed(usize),
    /// This one, which it needs, is left for later.
    Left(usize),
}
