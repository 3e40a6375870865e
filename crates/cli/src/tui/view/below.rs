//! What runs, and what changed: below the table, in what it leaves.

use super::super::state::State;
use super::page::{Ink, Page, cell, columns, plain};
use super::words;

/// Lines that each may have though the table wants them: its title, an empty line before it, and so many.
const SURE_OF_RUNNING: u16 = 3;
const SURE_OF_CHANGES: u16 = 3;
const AROUND: u16 = 2;
/// Lines of a table that is never made smaller for what is below it.
const SMALLEST_TABLE: u16 = 6;

/// Who has how many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) table: u16,
    /// Without title and empty line.
    running: u16,
    changes: u16,
}

impl Plan {
    /// Of the lines from `at` to `end`, where the whole table would take `wanted`.
    pub(super) fn of(state: &State, at: u16, end: u16, wanted: u16) -> Self {
        let room = end.saturating_sub(at);
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let (running, changes) =
            state.shown().map_or((0, 0), |board| (count(board.running.len()), count(board.changes.len())));
        let with_title = |lines: u16| if lines == 0 { 0 } else { lines.saturating_add(AROUND) };
        let sure = with_title(running.min(SURE_OF_RUNNING)) + with_title(changes.min(SURE_OF_CHANGES));
        let table = wanted.min(room.saturating_sub(sure).max(SMALLEST_TABLE)).min(room);
        let mut left = room.saturating_sub(table);
        let mut take = |lines: u16, spare: u16| {
            let taken = lines.min(left.saturating_sub(AROUND + spare));
            left = left.saturating_sub(with_title(taken));
            taken
        };
        let running = take(running, with_title(changes.min(SURE_OF_CHANGES)));
        let changes = take(changes, 0);
        Self { table, running, changes }
    }
}

pub(super) fn draw(page: &mut Page<'_>, state: &State, plan: &Plan) {
    let Some(board) = state.shown() else { return };
    if plan.running > 0 {
        page.skip();
        page.line([(format!(" RUNNING {}", board.running.len()), Ink::Strong)]);
        let shown = board.running.iter().take(usize::from(plan.running));
        let shown: Vec<(String, String)> = shown.map(words::running).collect();
        // What it does is seen whole, as far as a third of the width is left for what it is.
        let width = usize::from(page.width());
        let doing = shown.iter().map(|(_, doing)| columns(doing)).max().unwrap_or(0);
        let named = shown.iter().map(|(what, _)| columns(what)).max().unwrap_or(0);
        let room = width.saturating_sub(doing + 5).max(width / 3).min(named.max(width / 3));
        for (what, doing) in shown {
            let what = cell(&what, room, page.look().unicode);
            page.text(&format!("  {what}  {doing}"));
        }
    }
    if plan.changes > 0 {
        page.skip();
        page.line([(" EVENTS".to_owned(), Ink::Strong)]);
        for change in board.changes.iter().take(usize::from(plan.changes)) {
            let time = (format!("  {} ", words::moment(change.at, board.at)), Ink::Faint);
            page.line([time, plain(words::change(change))]);
        }
    }
}
