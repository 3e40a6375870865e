//! Everything of one service.

use vps_ops::watch::Row;

use super::super::state::State;
use super::page::{Ink, Page, Piece, plain, wrapped};
use super::{FOOTER, lines_of_header, words};
use crate::observe::words::health::dashboard;

/// The column of what each line is about.
const LABEL: usize = 15;

/// How many lines further down it can be looked at.
pub(crate) fn scrolls(state: &State) -> usize {
    let room = state.rows.saturating_sub(lines_of_header(state.rows) + FOOTER);
    lines(state, usize::from(state.columns)).len().saturating_sub(usize::from(room))
}

pub(super) fn draw(page: &mut Page<'_>, state: &State, from: usize, end: u16) {
    let lines = lines(state, usize::from(page.width()));
    let room = usize::from(end.saturating_sub(page.at()));
    let from = from.min(lines.len().saturating_sub(room));
    for line in lines.into_iter().skip(from).take(room) {
        page.line(line);
    }
}

fn lines(state: &State, width: usize) -> Vec<Vec<Piece>> {
    let (Some(row), Some(board)) = (state.selected_row(), state.shown()) else {
        return vec![vec![plain(format!(" {}", dashboard::NO_SERVICES))]];
    };
    let wall = board.at;
    let mut list = List { width, lines: Vec::new() };
    list.lines.push(vec![
        (format!(" {}", row.service), Ink::Strong),
        plain("  "),
        (words::status_of(row).to_owned(), Ink::of(row.status)),
    ]);
    if let Some(detail) = words::detail(row, wall) {
        list.more("", &detail);
    }
    list.lines.push(Vec::new());
    list.more("probes say", &dashboard::verdict_of_probes(row, wall));
    list.more("calls say", &dashboard::verdict_of_circuit(&row.circuit, wall));
    if row.is_probed {
        looked_at(&mut list, row, wall);
    }
    list.lines
}

fn looked_at(list: &mut List, row: &Row, wall: f64) {
    if let Some(last) = &row.last {
        list.more("last look", &dashboard::look(last, wall));
        list.maybe("phases", dashboard::phases(&last.phases));
    }
    list.maybe("spread", dashboard::spread(row));
    list.maybe("certificate", row.certificate.map(|one| words::expiry(&one, wall)));
    list.more("up 24 hours", &dashboard::uptime(&row.uptime_day));
    list.more("up 90 days", &dashboard::uptime(&row.uptime_90_days));
    for target in &row.targets {
        list.lines.push(Vec::new());
        list.more("target", &target.name);
        list.maybe("address", dashboard::address(target));
        let is_one = row.targets.len() == 1;
        if let Some(last) = target.last.as_ref().filter(|_| !is_one) {
            list.more("last look", &dashboard::look(last, wall));
            list.maybe("phases", dashboard::phases(&last.phases));
        }
    }
}

struct List {
    width: usize,
    lines: Vec<Vec<Piece>>,
}

impl List {
    fn more(&mut self, label: &str, text: &str) {
        let room = self.width.saturating_sub(LABEL + 1).max(10);
        for (number, part) in wrapped(text, room).into_iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            self.lines.push(vec![(format!(" {label:LABEL$}"), Ink::Faint), plain(part)]);
        }
    }

    fn maybe(&mut self, label: &str, text: Option<String>) {
        if let Some(text) = text {
            self.more(label, &text);
        }
    }
}
