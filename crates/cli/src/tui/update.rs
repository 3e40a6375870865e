//! What a message does to the dashboard, and what is to be done for it. Pure.

use super::message::{Effect, Key, Message};
use super::state::{Mode, State};
use super::view::details;
use crate::observe::words::NOTHING_RESET;
use crate::observe::words::health::dashboard as words;

/// Rows that are not the table's, about: a page is the rest.
const AROUND: u16 = 8;
/// The longest part of a name that is looked for.
const LONGEST_FILTER: usize = 64;

pub(crate) fn update(state: &mut State, message: Message) -> Vec<Effect> {
    match message {
        Message::Board(board) => {
            state.board = Some(*board);
            hold_selection(state);
        }
        Message::Resized { columns, rows } => (state.columns, state.rows) = (columns, rows),
        Message::Said(text) => state.note = Some(text),
        Message::Key(key) => return pressed(state, key),
    }
    Vec::new()
}

/// Keeps the first one selected from now on, so that it stays the same when the order changes.
fn hold_selection(state: &mut State) {
    let is_shown = state.shown_rows().any(|row| Some(&row.service) == state.selected.as_ref());
    if !is_shown && state.filter.is_empty() {
        let first = state.shown_rows().next().map(|row| row.service.clone());
        state.selected = first;
    }
}

fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    match key {
        Key::Ctrl('c') => return vec![Effect::Quit],
        Key::Ctrl('z') => return vec![Effect::Suspend],
        Key::Other => return Vec::new(),
        _ => {}
    }
    state.note = None;
    match state.mode.clone() {
        Mode::Table => in_table(state, key),
        Mode::Find => in_find(state, key),
        Mode::Details { from } => in_details(state, key, from),
        Mode::Help => in_help(state, key),
        Mode::AskReset { service, in_details } => {
            state.mode = if in_details { Mode::Details { from: 0 } } else { Mode::Table };
            if matches!(key, Key::Char('y' | 'Y')) {
                return vec![Effect::Reset(service)];
            }
            state.note = Some(NOTHING_RESET.to_owned());
            Vec::new()
        }
    }
}

fn in_table(state: &mut State, key: Key) -> Vec<Effect> {
    match key {
        Key::Char('q') => return vec![Effect::Quit],
        Key::Esc if state.filter.is_empty() => return vec![Effect::Quit],
        Key::Esc => state.filter.clear(),
        Key::Enter if state.selected_row().is_some() => state.mode = Mode::Details { from: 0 },
        Key::Char('/') => state.mode = Mode::Find,
        Key::Char('?') => state.mode = Mode::Help,
        key => return anywhere(state, key, false),
    }
    Vec::new()
}

/// Keys of the table and of details.
fn anywhere(state: &mut State, key: Key, in_details: bool) -> Vec<Effect> {
    match key {
        Key::Char('p') => return probe(state),
        Key::Char('r') => {
            if let Some(row) = state.selected_row() {
                state.mode = Mode::AskReset { service: row.service.clone(), in_details };
            }
        }
        Key::Char('f') => state.frozen = if state.frozen.is_some() { None } else { state.board.clone() },
        key => select(state, key),
    }
    Vec::new()
}

fn probe(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.selected_row() else { return Vec::new() };
    if row.is_probed {
        return vec![Effect::Probe(row.service.clone())];
    }
    state.note = Some(words::has_no_target(row.service.as_str()));
    Vec::new()
}

fn select(state: &mut State, key: Key) {
    let names: Vec<_> = state.shown_rows().map(|row| row.service.clone()).collect();
    let selected = state.selected_row().map(|row| row.service.clone());
    let now = names.iter().position(|name| Some(name) == selected.as_ref()).unwrap_or(0);
    if let Some(then) = moved(now, names.len(), page(state), key) {
        state.selected = names.get(then).cloned();
    }
}

fn page(state: &State) -> usize {
    usize::from(state.rows.saturating_sub(AROUND)).max(1)
}

/// Where a key leads among `count`; nowhere where it is none of these.
fn moved(now: usize, count: usize, page: usize, key: Key) -> Option<usize> {
    let last = count.saturating_sub(1);
    let then = match key {
        Key::Up | Key::Char('k') => now.saturating_sub(1),
        Key::Down | Key::Char('j') => now.saturating_add(1),
        Key::PageUp => now.saturating_sub(page),
        Key::PageDown => now.saturating_add(page),
        Key::Home => 0,
        Key::End => last,
        _ => return None,
    };
    Some(then.min(last))
}

fn in_find(state: &mut State, key: Key) -> Vec<Effect> {
    match key {
        Key::Esc => {
            state.filter.clear();
            state.mode = Mode::Table;
        }
        Key::Enter => state.mode = Mode::Table,
        Key::Backspace => drop(state.filter.pop()),
        Key::Char(letter) if state.filter.chars().count() < LONGEST_FILTER => state.filter.push(letter),
        Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End => select(state, key),
        _ => {}
    }
    Vec::new()
}

fn in_details(state: &mut State, key: Key, from: usize) -> Vec<Effect> {
    match key {
        Key::Char('q') => return vec![Effect::Quit],
        Key::Esc | Key::Enter => state.mode = Mode::Table,
        key => match moved(from, details::scrolls(state).saturating_add(1), page(state), key) {
            Some(from) => state.mode = Mode::Details { from },
            None => return anywhere(state, key, true),
        },
    }
    Vec::new()
}

fn in_help(state: &mut State, key: Key) -> Vec<Effect> {
    match key {
        Key::Char('q') => return vec![Effect::Quit],
        Key::Esc | Key::Enter | Key::Char('?') => state.mode = Mode::Table,
        _ => {}
    }
    Vec::new()
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
