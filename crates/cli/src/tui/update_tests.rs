use vps_ops::service::ServiceName;

use super::super::staged::{board, good, refused, service, state};
use super::*;

fn press(state: &mut State, keys: &[Key]) -> Vec<Effect> {
    keys.iter().flat_map(|key| update(state, Message::Key(*key))).collect()
}

fn type_in(state: &mut State, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|letter| update(state, Message::Key(Key::Char(letter)))).collect()
}

fn selected(state: &State) -> &str {
    state.selected_row().map_or("", |row| row.service.as_str())
}

#[test]
fn q_escape_and_ctrl_c_end_it() {
    for key in [Key::Char('q'), Key::Esc, Key::Ctrl('c')] {
        assert_eq!(press(&mut state(board()), &[key]), [Effect::Quit], "{key:?}");
    }
    for mode in [Key::Enter, Key::Char('?')] {
        assert_eq!(press(&mut state(board()), &[mode, Key::Char('q')]), [Effect::Quit], "{mode:?}");
        let mut state = state(board());
        assert_eq!(press(&mut state, &[mode, Key::Esc]), [], "the first goes back");
        assert_eq!(state.mode, Mode::Table);
    }
    for mode in [Key::Enter, Key::Char('?'), Key::Char('/'), Key::Char('r')] {
        assert_eq!(press(&mut state(board()), &[mode, Key::Ctrl('c')]), [Effect::Quit], "{mode:?}");
        assert_eq!(press(&mut state(board()), &[mode, Key::Ctrl('z')]), [Effect::Suspend], "{mode:?}");
    }
}

#[test]
fn arrows_and_letters_select_and_stay_within_the_table() {
    let mut state = state(board());
    assert_eq!(selected(&state), "docker_hub", "the worst one, first");
    press(&mut state, &[Key::Up]);
    assert_eq!(selected(&state), "docker_hub");
    press(&mut state, &[Key::Down, Key::Char('j')]);
    assert_eq!(selected(&state), "apt_repository");
    press(&mut state, &[Key::Char('k')]);
    assert_eq!(selected(&state), "github");
    press(&mut state, &[Key::End, Key::Down]);
    assert_eq!(selected(&state), "external_downloads");
    press(&mut state, &[Key::Home]);
    assert_eq!(selected(&state), "docker_hub");
    update(&mut state, Message::Resized { columns: 80, rows: 10 });
    press(&mut state, &[Key::PageDown]);
    assert_eq!(selected(&state), "apt_repository", "a page is what a low terminal shows");
    press(&mut state, &[Key::PageUp]);
    assert_eq!(selected(&state), "docker_hub");
}

#[test]
fn the_selection_stays_on_its_service_when_the_order_changes() {
    let mut state = state(board());
    assert_eq!(selected(&state), "docker_hub");
    // Without a key, too: who reads a row does not want it to become another.
    let better = vps_ops::watch::staged::board(
        super::super::staged::AT,
        vec![
            service("docker_hub", (0..3).map(|_| good(10))),
            service("apt_repository", (0..3).map(|_| refused())),
        ],
    );
    update(&mut state, Message::Board(Box::new(better)));
    assert_eq!(state.shown_rows().next().unwrap().service.as_str(), "apt_repository");
    assert_eq!(selected(&state), "docker_hub");
    let gone = vps_ops::watch::staged::board(super::super::staged::AT, vec![service("b", [good(1)])]);
    update(&mut state, Message::Board(Box::new(gone)));
    assert_eq!(selected(&state), "b", "the first, where it is gone");
}

#[test]
fn p_has_the_selected_one_looked_at() {
    let mut state = state(board());
    let github = [Effect::Probe(ServiceName::from("github"))];
    assert_eq!(press(&mut state, &[Key::Down, Key::Char('p')]), github);
    assert_eq!(press(&mut state, &[Key::Enter, Key::Char('p')]), github, "in details, too");
    press(&mut state, &[Key::Esc, Key::End]);
    assert_eq!(press(&mut state, &[Key::Char('p')]), []);
    assert_eq!(state.note.as_deref(), Some("external_downloads has no target to look at"));
}

#[test]
fn r_asks_first_and_only_y_is_yes() {
    for no in [Key::Char('n'), Key::Esc, Key::Enter, Key::Char('q'), Key::Char('r'), Key::Down] {
        let mut state = state(board());
        assert_eq!(press(&mut state, &[Key::Char('r'), no]), [], "{no:?}");
        assert_eq!((&state.mode, state.note.as_deref()), (&Mode::Table, Some("nothing was reset")), "{no:?}");
    }
    let mut state = state(board());
    press(&mut state, &[Key::Char('r')]);
    // What is asked about stays, whatever becomes of the table meanwhile.
    update(&mut state, Message::Board(Box::new(vps_ops::watch::staged::board(0.0, Vec::new()))));
    assert_eq!(press(&mut state, &[Key::Char('y')]), [Effect::Reset(ServiceName::from("docker_hub"))]);
    assert_eq!(state.note, None);
    update(&mut state, Message::Said("reset the circuit of docker_hub".to_owned()));
    assert_eq!(state.note.as_deref(), Some("reset the circuit of docker_hub"));
    press(&mut state, &[Key::Down]);
    assert_eq!(state.note, None, "said until the next key");
}

#[test]
fn in_details_a_reset_goes_back_there() {
    let mut state = state(board());
    press(&mut state, &[Key::Enter, Key::Char('r'), Key::Char('n')]);
    assert_eq!(state.mode, Mode::Details { from: 0 });
}

#[test]
fn f_holds_the_screen_and_lets_it_go() {
    let mut state = state(board());
    press(&mut state, &[Key::Char('f')]);
    let mut later = vps_ops::watch::staged::board(super::super::staged::AT + 12.0, Vec::new());
    later.prober = Some(1);
    update(&mut state, Message::Board(Box::new(later)));
    assert_eq!(state.shown_rows().count(), 5);
    assert_eq!(state.frozen_for(), Some(std::time::Duration::from_secs(12)));
    press(&mut state, &[Key::Down]);
    assert_eq!(selected(&state), "github", "the selection is ours, and moves");
    press(&mut state, &[Key::Char('f')]);
    assert_eq!((state.shown_rows().count(), state.frozen_for()), (0, None));
}

#[test]
fn a_part_of_a_name_is_found_kept_and_let_go() {
    let mut state = state(board());
    assert_eq!(press(&mut state, &[Key::Char('/')]), []);
    assert_eq!(type_in(&mut state, "Qub"), [], "letters are letters there");
    assert_eq!(state.shown_rows().count(), 0);
    press(&mut state, &[Key::Backspace, Key::Backspace, Key::Backspace]);
    type_in(&mut state, "HUB");
    assert_eq!(
        state.shown_rows().map(|row| row.service.as_str()).collect::<Vec<_>>(),
        ["docker_hub", "github"]
    );
    press(&mut state, &[Key::Down]);
    assert_eq!(selected(&state), "github");
    press(&mut state, &[Key::Enter]);
    assert_eq!((&state.mode, state.shown_rows().count()), (&Mode::Table, 2), "kept");
    assert_eq!(press(&mut state, &[Key::Esc]), [], "the first lets it go");
    assert_eq!(state.shown_rows().count(), 5);
    assert_eq!(press(&mut state, &[Key::Esc]), [Effect::Quit]);
    type_in(&mut state, "/zzz");
    press(&mut state, &[Key::Esc]);
    assert_eq!((state.filter.as_str(), &state.mode), ("", &Mode::Table));
}

#[test]
fn details_scroll_no_further_than_there_is_something() {
    let mut state = state(board());
    update(&mut state, Message::Resized { columns: 80, rows: 12 });
    press(&mut state, &[Key::Enter, Key::End]);
    let Mode::Details { from: last } = state.mode else { panic!("{:?}", state.mode) };
    assert!(last > 0);
    press(&mut state, &[Key::Down, Key::PageDown]);
    assert_eq!(state.mode, Mode::Details { from: last });
    press(&mut state, &[Key::Up]);
    assert_eq!(state.mode, Mode::Details { from: last - 1 });
    press(&mut state, &[Key::Home]);
    assert_eq!(state.mode, Mode::Details { from: 0 });
}

#[test]
fn without_any_service_no_key_does_harm() {
    for key in [Key::Enter, Key::Char('p'), Key::Char('r'), Key::Char('f'), Key::Down, Key::End, Key::Other] {
        let mut state = State::new(super::super::staged::FULL, 1, []);
        assert_eq!(press(&mut state, &[key]), [], "{key:?}");
        assert_eq!(state.mode, Mode::Table, "{key:?}");
    }
}
