use super::*;
use crate::own_terminal;

const SAID: &str = "something that should not happen";

/// How it ends, what was drawn before the panic was told, and what came then.
fn panicked(child: &str) -> (own_terminal::Ended, String) {
    let ended = own_terminal::start("observe::screen::tests::the_child", child);
    assert_eq!(ended.code, Some(101), "{:?}", ended.raw);
    assert!(ended.is_as_before, "nothing of the terminal is changed");
    assert!(!ended.raw.contains("\u{1b}[?25l"), "the cursor is never hidden: {:?}", ended.raw);
    let (_, behind) = ended.raw.split_once("\u{1b}[2Ka row\r\n\u{1b}[2Kanother\r\n").expect("rows");
    let behind = behind.to_owned();
    assert!(behind.contains(&format!("{SAID}\r\n")), "{behind:?}");
    (ended, behind)
}

#[test]
fn a_panic_takes_the_rows_away_before_it_is_told_of() {
    let (_, behind) = panicked("panics");
    assert!(behind.starts_with("\r\u{1b}[2A\u{1b}[J"), "{behind:?}");
    assert!(!behind.contains("a row"), "{behind:?}");
}

#[test]
fn who_panics_while_it_draws_is_told_of_all_the_same() {
    // They are left: whoever draws has them, and nobody is waited for.
    let (_, behind) = panicked("panics while it draws");
    assert!(!behind.starts_with("\r\u{1b}[2A"), "{behind:?}");
}

/// Does something only where a test above started it.
#[test]
fn the_child() {
    let Some(child) = own_terminal::started_as() else { return };
    let screen = Screen::new(true);
    screen.clear_rows_before_a_panic();
    screen.draw(vec!["a row".to_owned(), "another".to_owned()]);
    let _drawing = (child != "panics").then(|| screen.region.lock());
    panic!("{SAID}");
}
