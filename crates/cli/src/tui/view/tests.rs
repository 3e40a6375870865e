use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::json;
use vps_health::Connection;
use vps_ops::watch::{Board, staged as made};

use super::super::message::{Key, Message};
use super::super::staged::{self, AT, FULL, board, busy, good, refused, service, state, state_of};
use super::super::state::{Look, State};
use super::super::update::update;
use super::*;

/// What is seen, each line without what is empty at its end.
fn seen(state: &mut State, columns: u16, rows: u16) -> String {
    let text = drawn(state, columns, rows).to_string();
    let lines = text.lines().map(|line| line.trim_start_matches('"').trim_end_matches('"').trim_end());
    lines.map(|line| format!("{line}\n")).collect()
}

fn drawn(state: &mut State, columns: u16, rows: u16) -> TestBackend {
    update(state, Message::Resized { columns, rows });
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view(frame.buffer_mut(), state)).unwrap();
    terminal.backend().clone()
}

fn pressed(mut state: State, keys: &[Key]) -> State {
    for key in keys {
        update(&mut state, Message::Key(*key));
    }
    state
}

macro_rules! golden {
    ($name:literal, $state:expr, $columns:literal, $rows:literal) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
            insta::assert_snapshot!($name, seen(&mut $state, $columns, $rows));
        })
    };
}

#[test]
fn one_screen_at_three_sizes() {
    golden!("80x24", state(busy()), 80, 24);
    golden!("60x20", state(busy()), 60, 20);
    golden!("200x60", state(busy()), 200, 60);
}

#[test]
fn where_there_is_no_room_a_sentence_remains() {
    golden!("39x9", state(busy()), 39, 9);
    assert_eq!(seen(&mut state(busy()), 80, 9).lines().filter(|line| !line.is_empty()).count(), 1);
    for (columns, rows) in [(1, 1), (2, 60), (40, 10), (41, 11), (300, 3)] {
        seen(&mut state(busy()), columns, rows);
        seen(&mut pressed(state(busy()), &[Key::Enter]), columns, rows);
        seen(&mut pressed(state(busy()), &[Key::Char('?')]), columns, rows);
    }
}

#[test]
fn colour_only_repeats_what_words_say() {
    let plain = Look { color: false, unicode: true };
    let (mut with, mut without) = (state(busy()), state_of(busy(), plain));
    assert_eq!(seen(&mut with, 80, 24), seen(&mut without, 80, 24));
    let colours = |state: &mut State| {
        let backend = drawn(state, 80, 24);
        let cells = backend.buffer().content().iter();
        let mut all: Vec<_> = cells.map(|cell| cell.fg).filter(|colour| *colour != Color::Reset).collect();
        all.sort_by_key(|colour| format!("{colour:?}"));
        all.dedup();
        all
    };
    assert_eq!(colours(&mut with), [Color::Green, Color::Red, Color::Yellow]);
    assert_eq!(colours(&mut without), []);
    let backend = drawn(&mut without, 80, 24);
    assert!(backend.buffer().content().iter().all(|cell| cell.modifier.is_empty()), "nor bold");
}

#[test]
fn without_unicode_all_of_it_is_ascii() {
    let ascii = Look { color: false, unicode: false };
    golden!("ascii", state_of(busy(), ascii), 80, 24);
    let mut foreign = busy();
    foreign.running = vec![staged::running(json!({"target": "https://example.com/naïve/\u{202e}x"}))];
    let mut everything = vec![state_of(foreign, ascii)];
    everything.push(pressed(state_of(busy(), ascii), &[Key::Enter]));
    everything.push(pressed(state_of(busy(), ascii), &[Key::Char('?')]));
    for mut state in everything {
        let text = seen(&mut state, 60, 20);
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn words_of_others_move_nothing() {
    let mut board = busy();
    board.running = vec![staged::running(json!({"target": "a\u{1b}[2Jb\nc"}))];
    let text = seen(&mut state(board), 120, 24);
    assert!(text.contains(r"download a\u{1b}[2Jb\nc"), "{text}");
}

#[test]
fn details_help_and_questions() {
    golden!("details", pressed(state(busy()), &[Key::Down, Key::Enter]), 80, 24);
    golden!("details-failed", pressed(state(busy()), &[Key::Enter]), 60, 20);
    golden!("help", pressed(state(busy()), &[Key::Char('?')]), 80, 30);
    golden!("reset", pressed(state(busy()), &[Key::Char('r')]), 80, 24);
    golden!("find", pressed(state(busy()), &[Key::Char('/'), Key::Char('h'), Key::Char('u')]), 80, 24);
    golden!("found", pressed(state(busy()), &[Key::Char('/'), Key::Char('g'), Key::Enter]), 80, 24);
    golden!("found-none", pressed(state(busy()), &[Key::Char('/'), Key::Char('z')]), 80, 24);
}

#[test]
fn several_targets_and_a_probe_and_a_circuit_that_disagree() {
    let targets = [
        staged::target("apt_repository", "https://a.example.com/"),
        staged::target("apt_repository", "https://b.example.com/"),
    ];
    let round = |ago: u64| (Duration::from_secs(ago), vec![good(20), refused()]);
    let mut row = made::row(AT, &targets, &[round(65), round(35), round(5)]);
    row.disagreement = Some(vps_health::Disagreement::CallsWorkProbeFails);
    row.circuit.succeeded_at = Some(AT - 20.0);
    let board = made::board(AT, vec![row]);
    golden!("details-targets", pressed(state(board), &[Key::Enter]), 80, 30);
}

#[test]
fn frozen_is_said_and_how_old_it_is() {
    let mut state = pressed(state(busy()), &[Key::Char('f')]);
    let before = seen(&mut state, 80, 24);
    update(&mut state, Message::Board(Box::new(made::board(AT + 75.0, Vec::new()))));
    let after = seen(&mut state, 80, 24);
    assert!(after.lines().next().unwrap().ends_with("FROZEN, 1m 15s old"), "{after}");
    let below = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(below(&before), below(&after), "it stands still");
    golden!("frozen", state, 80, 24);
    for columns in [40, 50, 60] {
        let text = seen(&mut state, columns, 20);
        assert!(text.lines().next().unwrap().contains("FROZEN, 1m 15s old"), "{text}");
    }
}

#[test]
fn nothing_to_look_at() {
    golden!("empty", state(made::board(AT, Vec::new())), 80, 24);
    golden!("before-the-first", State::new(FULL, 1, []), 80, 24);
}

#[test]
fn a_machine_that_is_offline_says_so_first() {
    let mut board = busy();
    board.connection = Connection::Offline;
    (board.families, board.resolver) = ((false, false), None);
    golden!("offline", state(board), 80, 24);
}

#[test]
fn what_is_too_old_is_stale_and_who_should_have_looked_is_named() {
    let mut board = board();
    board.prober = Some(99);
    for row in &mut board.rows {
        row.is_stale = row.is_probed;
        if let Some(last) = &mut row.last {
            last.ago = Duration::from_secs(95);
        }
    }
    golden!("stale", state(board), 80, 24);
}

#[test]
fn fifty_services_scroll_and_the_selected_one_is_seen() {
    let fifty = || {
        let rows = (0..50).map(|number| service(&format!("service-{number:02}"), [good(20)]));
        let mut board = made::board(AT, rows.collect());
        board.changes = busy().changes;
        board
    };
    golden!("fifty", state(fifty()), 80, 24);
    let mut last = pressed(state(fifty()), &[Key::End]);
    golden!("fifty-last", last, 80, 24);
    let mut walked = state(fifty());
    for number in 0..50 {
        let text = seen(&mut walked, 80, 24);
        assert!(text.contains(&format!("\n>service-{number:02} ")), "{number}\n{text}");
        walked = pressed(walked, &[Key::Down]);
    }
}

#[test]
fn a_long_name_is_cut_and_whole_where_there_is_room() {
    let name = "a-service-whose-name-takes-all-of-the-64-letters-that-one-may-ha";
    assert_eq!(name.len(), 64);
    let board = || made::board(AT, vec![service(name, [good(20)]), service("b", [refused()])]);
    golden!("long-name", state(board()), 80, 24);
    assert!(seen(&mut state(board()), 200, 60).contains(name));
    assert!(seen(&mut pressed(state(board()), &[Key::Enter]), 80, 24).contains(name));
    let asked = seen(&mut pressed(state(board()), &[Key::Char('r')]), 80, 24);
    assert!(asked.contains(&format!("{name}? y yes")), "{asked}");
}

#[test]
fn only_the_named_ones_are_shown_and_counted() {
    let mut state = State::new(FULL, 1, [vps_ops::service::ServiceName::from("github")]);
    update(&mut state, Message::Board(Box::new(board())));
    let text = seen(&mut state, 80, 24);
    assert!(text.starts_with(" vps-configurator | 1 DEGRADED "), "{text}");
    assert!(text.contains(">github") && !text.contains("docker_hub"), "{text}");
}

#[test]
fn no_text_is_ever_wider_than_its_screen() {
    let mut long: Board = busy();
    let hosts = "h".repeat(400);
    long.running.push(staged::running(json!({"target": hosts})));
    for columns in [40, 60, 79, 80, 81, 120] {
        let text = seen(&mut state(long.clone()), columns, 24);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns), "{columns}: {widest}");
        assert!(text.contains('…'), "what is cut says so: {text}");
    }
}
