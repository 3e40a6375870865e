//! Services, the bad ones first, each with its reason below.

use vps_ops::watch::Row;

use super::super::state::State;
use super::page::{Ink, Page, Piece, cell, plain, right};
use super::words;
use crate::cmd::health::table::spark;
use crate::observe::words::health::dashboard;
use crate::report::document::LAST_LOOKS;

/// The name's column, as narrow as it is where all columns are.
const NAME: usize = 18;
const HEALTH: usize = 10;
const NOW: usize = 6;
const P95: usize = 6;
const LOST: usize = 4;
const UP: usize = 6;
const CIRCUIT: usize = 10;
/// As many as a board has.
const MOST_LAST: usize = 60;
/// The longest circuit: held closed.
const WIDEST_CIRCUIT: usize = 11;

/// Which columns there are, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    name: usize,
    p95: bool,
    lost: bool,
    up: bool,
    circuit: usize,
    last: usize,
}

impl Columns {
    /// LOST, UP and LAST go in that order, then P95.
    fn of(width: usize, longest: usize) -> Self {
        // The sign of the selection, and a space before each column but the name's.
        let mut all =
            Self { name: NAME, p95: true, lost: true, up: true, circuit: CIRCUIT, last: LAST_LOOKS };
        if width < all.width() {
            all.lost = false;
        }
        if width < all.width() {
            all.up = false;
        }
        if width < all.width() {
            all.last = 0;
        }
        // A name of ten letters is worth more than a number.
        if width + (NAME - HEALTH) < all.width() {
            all.p95 = false;
        }
        if let Some(over) = all.width().checked_sub(width) {
            all.name = all.name.saturating_sub(over);
        }
        let mut room = width.saturating_sub(all.width());
        let mut take = |now: &mut usize, want: usize| {
            let more = want.saturating_sub(*now).min(room);
            *now += more;
            room -= more;
        };
        take(&mut all.name, longest);
        take(&mut all.circuit, WIDEST_CIRCUIT);
        if all.last > 0 {
            take(&mut all.last, MOST_LAST);
        }
        all
    }

    fn width(&self) -> usize {
        let maybe = |is_there: bool, width: usize| if is_there { width + 1 } else { 0 };
        1 + self.name
            + 1
            + HEALTH
            + 1
            + NOW
            + maybe(self.p95, P95)
            + maybe(self.lost, LOST)
            + maybe(self.up, UP)
            + 1
            + self.circuit
            + maybe(self.last > 0, self.last)
    }
}

/// The rows that are shown, and why each is as it is: found once for all who draw.
pub(super) struct Table<'s> {
    rows: Vec<(&'s Row, Option<String>)>,
}

impl<'s> Table<'s> {
    pub(super) fn of(state: &'s State) -> Self {
        let wall = state.shown().map_or(0.0, |board| board.at);
        Self { rows: state.shown_rows().map(|row| (row, words::detail(row, wall))).collect() }
    }

    /// Lines that each row takes: itself, and why.
    fn blocks(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().map(|(_, detail)| if detail.is_some() { 2 } else { 1 })
    }

    /// Lines that the whole table takes, its head included.
    pub(super) fn height(&self) -> u16 {
        let lines: usize = self.blocks().sum();
        u16::try_from(lines.max(1)).unwrap_or(u16::MAX).saturating_add(1)
    }

    /// Draws it on `height` lines, with the selection among them, and says on the next what is not seen.
    pub(super) fn draw(&self, page: &mut Page<'_>, state: &State, height: u16) {
        let end = page.at().saturating_add(height);
        let rows = &self.rows;
        let longest = rows.iter().map(|(row, _)| row.service.as_str().len()).max().unwrap_or(0);
        let columns = Columns::of(usize::from(page.width()), longest);
        page.line([(head(columns), Ink::Strong)]);
        if state.shown().is_none() {
            return;
        }
        if rows.is_empty() {
            page.text(&format!("  {}", nothing(state)));
            return;
        }
        let selected = state.selected_row().map(|row| &row.service);
        let at = rows.iter().position(|(row, _)| Some(&row.service) == selected).unwrap_or(0);
        let room = usize::from(height.saturating_sub(1));
        let blocks: Vec<usize> = self.blocks().collect();
        let (first, count) = window(&blocks, at, room);
        for (number, (row, detail)) in rows.iter().enumerate().skip(first).take(count) {
            let unicode = page.look().unicode;
            page.line(line(row, number == at, columns, unicode));
            if page.at() < end
                && let Some(detail) = detail
            {
                page.line([(format!("   {detail}"), Ink::Plain)]);
            }
        }
        page.go_to(end);
        if let Some(text) = dashboard::hidden(first, rows.len() - first - count) {
            page.line([(format!("   {text}"), Ink::Faint)]);
            page.go_to(end);
        }
    }
}

fn nothing(state: &State) -> String {
    let total = state.shown().map_or(0, |board| board.rows.len());
    if total > 0 && !state.filter.is_empty() {
        return dashboard::none_found(&state.filter);
    }
    dashboard::NO_SERVICES.to_owned()
}

/// The first of the rows that are seen, and how many: as far up as the selected one allows.
fn window(blocks: &[usize], selected: usize, room: usize) -> (usize, usize) {
    let height = |from: usize, to: usize| -> usize { blocks.iter().skip(from).take(to - from).sum() };
    let mut first = 0;
    while first < selected && height(first, selected + 1) > room {
        first += 1;
    }
    let mut end = (selected + 1).min(blocks.len());
    while end < blocks.len() && height(first, end + 1) <= room {
        end += 1;
    }
    (first, end - first)
}

fn head(columns: Columns) -> String {
    let mut text = format!(" {} {:HEALTH$} {:NOW$}", cell("SERVICE", columns.name, false), "HEALTH", "NOW");
    if columns.p95 {
        text.push_str(&format!(" {:P95$}", "P95"));
    }
    if columns.lost {
        text.push_str(&format!(" {:LOST$}", "LOST"));
    }
    if columns.up {
        text.push_str(&format!(" {:UP$}", "UP 24h"));
    }
    text.push_str(&format!(" {:width$}", "CIRCUIT", width = columns.circuit));
    if columns.last > 0 {
        text.push_str(&format!(" LAST {}", columns.last));
    }
    text
}

fn line(row: &Row, is_selected: bool, columns: Columns, unicode: bool) -> Vec<Piece> {
    let sign = if is_selected { ">" } else { " " };
    let ink = if is_selected { Ink::Strong } else { Ink::Plain };
    let mut pieces = vec![
        (format!("{sign}{} ", cell(row.service.as_str(), columns.name, unicode)), ink),
        (cell(words::status_of(row), HEALTH, unicode), Ink::of(row.status)),
    ];
    let is_probed = row.is_probed;
    let number = |text: &str, width: usize| right(if is_probed { text } else { "" }, width);
    let mut text = format!(" {}", number(&words::now(row), NOW));
    if columns.p95 {
        text.push_str(&format!(" {}", number(&words::quantile(row.p95.as_ref()), P95)));
    }
    if columns.lost {
        text.push_str(&format!(" {}", number(&words::lost(row), LOST)));
    }
    if columns.up {
        text.push_str(&format!(" {}", number(&row.uptime_day.to_string(), UP)));
    }
    pieces.push(plain(text));
    let is_closed = row.circuit.state == vps_ops::State::Closed && row.circuit.by_hand.is_none();
    let circuit = cell(&words::circuit(&row.circuit), columns.circuit, unicode);
    pieces.push((format!(" {circuit}"), if is_closed { Ink::Plain } else { Ink::Slow }));
    if columns.last > 0 && row.is_probed {
        pieces.push(plain(format!(" {}", spark(&row.recent, columns.last, unicode))));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_in_their_order_and_never_take_more_than_there_is() {
        let gone = |width: usize| {
            let columns = Columns::of(width, NAME);
            assert!(columns.width() <= width, "{width}: {columns:?}");
            assert!(columns.name >= 10, "{width}: {columns:?}");
            (columns.lost, columns.up, columns.last > 0, columns.p95)
        };
        assert_eq!(gone(80), (true, true, true, true));
        assert_eq!(gone(79), (false, true, true, true));
        assert_eq!(gone(74), (false, false, true, true));
        assert_eq!(gone(60), (false, false, false, true));
        assert_eq!(gone(40), (false, false, false, false));
        for width in 40..300 {
            gone(width);
        }
    }

    #[test]
    fn a_wide_terminal_has_room_for_a_long_name_and_then_for_more_looks() {
        let columns = Columns::of(200, 64);
        assert_eq!((columns.name, columns.last), (64, 60));
        assert_eq!(Columns::of(100, 64).last, LAST_LOOKS);
    }

    #[test]
    fn the_selected_row_is_always_among_those_that_are_seen() {
        let blocks = [2, 2, 1, 1, 1, 1, 1, 2];
        assert_eq!(window(&blocks, 0, 5), (0, 3));
        assert_eq!(window(&blocks, 4, 5), (1, 4));
        assert_eq!(window(&blocks, 7, 5), (4, 4));
        assert_eq!(window(&blocks, 7, 1), (7, 1), "even where its reason has no room");
        assert_eq!(window(&[1], 0, 9), (0, 1));
    }
}
