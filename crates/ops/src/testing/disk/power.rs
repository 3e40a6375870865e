//! What is left after the power went.

use super::file::put;
use super::state::{Inode, Pending, State};

/// The state the next boot finds.
pub(super) fn lose(state: &State, draw: &mut dyn FnMut() -> u64) -> State {
    let mut after = state.after_kill();
    // Names survive up to some point; lengths share it, since both are in the file system's journal.
    let survived = below(draw(), state.journal.len() + 1);
    let horizon = match survived {
        0 => 0,
        _ => state.journal.get(survived - 1).map_or(0, |(order, _)| *order),
    };
    after.names.clone_from(&state.durable_names);
    for (_, change) in state.journal.iter().take(survived) {
        change.apply(&mut after.names);
    }
    for inode in after.inodes.values_mut() {
        (inode.content, inode.mode) = content_and_mode(inode, horizon, draw);
        inode.durable.clone_from(&inode.content);
        inode.durable_mode = inode.mode;
        inode.pending.clear();
        inode.allocated = 0;
    }
    after.make_names_durable();
    after
}

fn content_and_mode(inode: &Inode, horizon: u64, draw: &mut dyn FnMut() -> u64) -> (Vec<u8>, u32) {
    let (mut content, mut mode) = (inode.durable.clone(), inode.durable_mode);
    // From the first change of the mode on that did not survive, the length did not either.
    let mut longest = usize::MAX;
    for pending in &inode.pending {
        match pending {
            Pending::Truncate { len, order } if *order <= horizon => content.resize(*len, 0),
            Pending::Mode { mode: changed, order } if *order <= horizon => mode = *changed,
            Pending::Truncate { .. } => {}
            Pending::Mode { .. } => longest = longest.min(content.len()),
            Pending::Write { offset, bytes } => {
                let Some((from, to)) = survivor(bytes.len(), draw) else { continue };
                put(&mut content, offset + from, bytes.get(from..to).unwrap_or_default());
                content.truncate(longest);
            }
        }
    }
    (content, mode)
}

/// Which range of a write of `len` bytes reached the disk: none, all, or a part cut anywhere.
fn survivor(len: usize, draw: &mut dyn FnMut() -> u64) -> Option<(usize, usize)> {
    match below(draw(), 4) {
        0 => None,
        1 => Some((0, len)),
        2 => Some((0, below(draw(), len + 1))),
        _ => Some((below(draw(), len + 1), len)),
    }
}

fn below(drawn: u64, limit: usize) -> usize {
    let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
    usize::try_from(drawn % limit).unwrap_or(0)
}
