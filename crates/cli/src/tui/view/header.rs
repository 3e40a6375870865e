//! How many are bad, is it me, who looks, how old is it.

use vps_health::{Connection, Headline, Status};
use vps_ops::watch::Board;

use super::super::state::State;
use super::page::{Ink, Page, Piece, plain};
use super::{HIGH, words};
use crate::observe::words::health::dashboard;

pub(super) fn draw(page: &mut Page<'_>, state: &State) {
    let Some(board) = state.shown() else {
        page.text(&format!(" vps-configurator | {}", dashboard::STARTING));
        page.skip();
        if state.rows >= HIGH {
            page.skip();
        }
        return;
    };
    let age = match state.frozen_for() {
        Some(ago) => (dashboard::frozen(ago), Ink::Slow),
        None => (dashboard::age(board), Ink::Faint),
    };
    let mut first = vec![(" vps-configurator".to_owned(), Ink::Strong), plain(" | ")];
    first.extend(counts(&headline(state, board)));
    page.line_and(first, age);
    let is_offline = board.connection == Connection::Offline;
    let this = (words::this_machine(board), if is_offline { Ink::Bad } else { Ink::Plain });
    let mut second = vec![plain(" this machine: "), this];
    if let Some(next) = dashboard::next(board) {
        second.push(plain(format!(" | {next}")));
    }
    page.line(second);
    if state.rows >= HIGH {
        page.line([(format!(" {}", dashboard::who(board, state.pid)), Ink::Faint)]);
    }
}

/// Of those that are shown, whatever is looked for.
pub(super) fn headline(state: &State, board: &Board) -> Headline {
    let named = |row: &&vps_ops::watch::Row| state.only.is_empty() || state.only.contains(&row.service);
    let probed = board.rows.iter().filter(|row| row.is_probed).filter(named);
    Headline::of(probed.map(|row| (row.service.as_str(), row.status)), board.connection)
}

fn counts(headline: &Headline) -> Vec<Piece> {
    let summary = &headline.summary;
    let worst = match () {
        () if summary.unhealthy > 0 => Status::Unhealthy,
        () if summary.degraded > 0 => Status::Degraded,
        () if summary.unknown > 0 || summary.total == 0 => Status::Unknown,
        () => Status::Healthy,
    };
    vec![(words::counts(headline), Ink::of(worst))]
}
