//! How the dashboard is seen: pure, all of it from the state.

mod below;
pub(crate) mod details;
mod footer;
mod header;
mod help;
mod page;
mod table;

use ratatui::buffer::Buffer;

use self::page::Page;
use self::table::Table;
use super::state::{Mode, State};
use crate::observe::words::health as words;

/// Below this a sentence is all there is room for.
const NARROWEST: u16 = 40;
const LOWEST: u16 = 10;
/// From this height on there is room for who looks.
const HIGH: u16 = 16;

/// Lines above what is shown for `rows` in all, the empty one behind them included.
pub(crate) const fn lines_of_header(rows: u16) -> u16 {
    if rows < HIGH { 3 } else { 4 }
}

/// The empty line or what is said, and the keys.
const FOOTER: u16 = 2;

/// Draws all of it; `buffer` is empty before.
pub(crate) fn view(buffer: &mut Buffer, state: &State) {
    let (width, height) = (buffer.area.width, buffer.area.height);
    let mut page = Page::new(buffer, state.look);
    if width < NARROWEST || height < LOWEST {
        return sentence(&mut page, state);
    }
    header::draw(&mut page, state);
    page.skip();
    let end = height.saturating_sub(FOOTER);
    match &state.mode {
        Mode::Help => help::draw(&mut page, end),
        Mode::Details { from } => details::draw(&mut page, state, *from, end),
        Mode::AskReset { in_details: true, .. } => details::draw(&mut page, state, 0, end),
        Mode::Table | Mode::Find | Mode::AskReset { .. } => {
            let table = Table::of(state);
            let plan = below::Plan::of(state, page.at(), end, table.height());
            table.draw(&mut page, state, plan.table);
            below::draw(&mut page, state, &plan);
        }
    }
    page.go_to(end);
    footer::draw(&mut page, state);
}

/// What remains where there is no room.
fn sentence(page: &mut Page<'_>, state: &State) {
    let text = state.shown().map_or_else(
        || words::dashboard::STARTING.to_owned(),
        |board| words::sentence(&header::headline(state, board)),
    );
    for line in page::wrapped(&text, usize::from(page.width())) {
        page.text(&line);
    }
}

#[cfg(test)]
mod tests;
