use super::super::run::restored_by_a_panic;
use super::*;
use crate::observe::Screen;
use crate::own_terminal;

const SAID: &str = "something that should not happen";

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told_of() {
    let ended = own_terminal::start("tui::terminal::tests::the_child", "tui");
    let raw = &ended.raw;
    assert_eq!(ended.code, Some(101), "{raw:?}");
    let (on_screen, behind) = raw.split_once("\u{1b}[?1049l").expect("it leaves the other screen");
    assert!(on_screen.contains("\u{1b}[?1049h") && !on_screen.contains(SAID), "{raw:?}");
    // Lines begin at the left again, and what was held till then comes first.
    assert!(behind.contains("held until then\r\n") && behind.contains(&format!("{SAID}\r\n")), "{raw:?}");
    assert!(behind.find("held until then") < behind.find(SAID), "{raw:?}");
    assert!(on_screen.rfind("\u{1b}[?25h") > on_screen.rfind("\u{1b}[?25l"), "the cursor is back: {raw:?}");
    assert!(ended.is_as_before);
}

/// Does something only where the test above started it.
#[test]
fn the_child() {
    if own_terminal::started_as().is_none() {
        return;
    }
    let screen = Screen::new(false);
    restored_by_a_panic(&screen);
    screen.hold();
    // As in a release, which ends at once: nothing is dropped on the way.
    std::mem::forget(Terminal::take().unwrap());
    screen.line("held until then");
    panic!("{SAID}");
}
