//! How many are bad, is it me, who looks, how old is it.

use vps_health::{Connection, Headline, Status};
use vps_ops::watch::Board;

use super::super::state::State;
use super::page::{Ink, Page, Piece, columns, plain};
use super::{HIGH, words};
use crate::observe::words::health::dashboard;

pub(super) fn draw(page: &mut Page<'_>, state: &State) {
    let Some(board) = state.shown() else {
        page.text(&format!(" {} | {}", dashboard::NAME, dashboard::STARTING));
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
    first(page, counts(&headline(state, board)), age);
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

/// Our name goes where there is no room for it. How old it all is stays, and comes first where it would be cut.
fn first(page: &mut Page<'_>, counts: Piece, age: Piece) {
    let room = usize::from(page.width()).saturating_sub(columns(&counts.0) + columns(&age.0) + 2);
    let name = (format!(" {} ", dashboard::NAME), Ink::Strong);
    if room > columns(&name.0) + 2 {
        page.line_and(vec![name, plain("| "), counts], age);
    } else if room > 0 {
        page.line_and(vec![plain(" "), counts], age);
    } else {
        page.line([plain(" "), age, plain(" | "), counts]);
    }
}

/// Of those that are shown, whatever is looked for.
pub(super) fn headline(state: &State, board: &Board) -> Headline {
    let named = |row: &&vps_ops::watch::Row| state.only.is_empty() || state.only.contains(&row.service);
    let probed = board.rows.iter().filter(|row| row.is_probed).filter(named);
    Headline::of(probed.map(|row| (row.service.as_str(), row.status)), board.connection)
}

fn counts(headline: &Headline) -> Piece {
    let summary = &headline.summary;
    let worst = match () {
        () if summary.unhealthy > 0 => Status::Unhealthy,
        () if summary.degraded > 0 => Status::Degraded,
        () if summary.unknown > 0 || summary.total == 0 => Status::Unknown,
        () => Status::Healthy,
    };
    (words::counts(headline), Ink::of(worst))
}
