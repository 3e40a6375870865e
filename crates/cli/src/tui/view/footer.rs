//! What was said last, and the keys.

use super::super::state::{Mode, State};
use super::page::{Ink, Page, Piece, columns, plain, wrapped};
use crate::observe::words::health::dashboard as words;

pub(super) fn draw(page: &mut Page<'_>, state: &State) {
    if let Mode::AskReset { service, .. } = &state.mode {
        return question(page, &words::reset_question(service.as_str()));
    }
    match &state.note {
        Some(note) => page.line([(format!(" {note}"), Ink::Strong)]),
        // What is found stays found.
        None if !state.filter.is_empty() && state.mode == Mode::Table => {
            page.text(&format!(" {}", words::filtered(&state.filter)));
        }
        None => page.skip(),
    }
    match &state.mode {
        Mode::Find => page.line([plain(format!(" /{}_  ", state.filter)), plain(words::KEYS_OF_FIND)]),
        Mode::Table | Mode::AskReset { .. } => keys(page, &words::KEYS),
        Mode::Details { .. } => keys(page, &words::KEYS_OF_DETAILS),
        Mode::Help => keys(page, &words::KEYS_OF_HELP),
    }
}

/// On both lines, where one does not hold it: a name that is cut could be another's.
fn question(page: &mut Page<'_>, text: &str) {
    let lines = wrapped(text, usize::from(page.width()).saturating_sub(1));
    if lines.len() < 2 {
        page.skip();
    }
    for line in lines {
        page.line([(format!(" {line}"), Ink::Slow)]);
    }
}

/// As many as fit; the last one always does.
fn keys(page: &mut Page<'_>, all: &[(&str, &str)]) {
    let Some((last, others)) = all.split_last() else { return };
    let width = |(key, what): &(&str, &str)| columns(key) + columns(what) + 3;
    // Before the first there is one space, not two.
    let mut room = usize::from(page.width() + 1).saturating_sub(width(last));
    let mut pieces: Vec<Piece> = Vec::new();
    let fitting = others.iter().take_while(|one| {
        let fits = width(one) <= room;
        room = room.saturating_sub(width(one));
        fits
    });
    for (number, (key, what)) in fitting.chain([last]).enumerate() {
        let gap = if number == 0 { " " } else { "  " };
        pieces.push((format!("{gap}{key}"), Ink::Strong));
        pieces.push(plain(format!(" {what}")));
    }
    page.line(pieces);
}
