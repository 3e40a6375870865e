//! A step as the order sees it.

/// What runs beside what: of each lane so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// apt and dpkg: one.
    Apt,
    /// systemd: one.
    Systemd,
    /// Commands: one, or as many as the user says.
    Command,
    /// Modules that name no lane: one.
    Module,
    /// What waits for something outside.
    Gate,
    /// Files of this machine, downloads, clones.
    Files,
}

/// What is known of a step before anything runs.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) lane: Lane,
    /// Just these must have ended well; else all above must have ended.
    pub(crate) needs: Option<Vec<usize>>,
    /// These must have ended, whichever way.
    pub(crate) after: Vec<usize>,
    /// These, too, and well.
    pub(crate) must: Vec<usize>,
    /// Of several that are equal otherwise the highest is first.
    pub(crate) priority: i32,
    /// Whether it waits for no neighbour of its sort in the order of the file.
    pub(crate) joins: bool,
    /// Whether steps of its sort that follow it directly are done with it.
    pub(crate) merges: bool,
    /// Whether there is something to fetch before its turn.
    pub(crate) fetches: bool,
    /// Whether bytes for those who need it may be another thing before it ended.
    pub(crate) decides: Decides,
}

/// What a step decides for the bytes that others fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decides {
    /// Nothing.
    Nothing,
    /// Those of whoever needs it.
    Dependents,
    /// Those, and packages below it.
    Packages,
    /// Those of all below it: they wait for a gate.
    All,
}

/// For each step the place before which all must have ended. Neighbours that join do not wait for one another.
pub(super) fn barriers(nodes: &[Node]) -> Vec<usize> {
    let mut begun = 0;
    let mut joined = false;
    let barrier = |(at, node): (usize, &Node)| {
        if !(node.joins && joined) {
            begun = at;
        }
        joined = node.joins;
        begun
    };
    nodes.iter().enumerate().map(barrier).collect()
}

/// For each step how many follow it at most, one needing the other.
pub(super) fn heights(nodes: &[Node]) -> Vec<usize> {
    let mut counts: Vec<usize> = vec![0; nodes.len()];
    for node in nodes {
        for on in node.needs.iter().flatten() {
            if let Some(count) = counts.get_mut(*on) {
                *count += 1;
            }
        }
    }
    let mut heights = vec![0_usize; nodes.len()];
    let mut free: Vec<usize> = (0..nodes.len()).filter(|at| counts.get(*at) == Some(&0)).collect();
    while let Some(at) = free.pop() {
        let height = heights.get(at).copied().unwrap_or_default() + 1;
        for on in nodes.get(at).iter().flat_map(|node| node.needs.iter().flatten()) {
            if let (Some(own), Some(count)) = (heights.get_mut(*on), counts.get_mut(*on)) {
                *own = (*own).max(height);
                *count -= 1;
                if *count == 0 {
                    free.push(*on);
                }
            }
        }
    }
    heights
}
