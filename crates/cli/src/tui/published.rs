//! The picture of the dashboard in `docs/`, which `cargo xtask docs` writes: drawn by the view itself.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::staged::{busy, state};
use super::view::view;

/// Set to `write`, what is committed is replaced instead of compared.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;
/// In tenths of a pixel, a column and a line.
const COLUMN: u32 = 78;
const LINE: u32 = 180;
const MARGIN: u32 = 160;

fn tenths(of: u32) -> String {
    format!("{}.{}", of / 10, of % 10)
}

fn colour(cell: &Cell) -> &'static str {
    match cell.fg {
        Color::Green => "#7ee08a",
        Color::Yellow => "#f2c14e",
        Color::Red => "#ff6b6b",
        _ if cell.modifier.contains(Modifier::DIM) => "#8b949e",
        _ if cell.modifier.contains(Modifier::BOLD) => "#ffffff",
        _ => "#d7dae0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn picture() -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
    view(&mut buffer, &state(busy()));
    let (width, height) = (u32::from(COLUMNS) * COLUMN + 2 * MARGIN, u32::from(ROWS) * LINE + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"ui-monospace,Menlo,Consolas,monospace\" \
         font-size=\"13\"><rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n",
        tenths(width),
        tenths(height)
    );
    for row in 0..ROWS {
        let cells: Vec<&Cell> = (0..COLUMNS).map(|column| &buffer[(column, row)]).collect();
        let mut at = 0;
        for run in cells.chunk_by(|a, b| colour(a) == colour(b)) {
            let text: String = run.iter().map(|cell| cell.symbol()).collect();
            let shown = text.trim_end();
            if !shown.is_empty() {
                let length = u32::try_from(shown.chars().count()).unwrap() * COLUMN;
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{}\" fill=\"{}\" textLength=\"{}\" xml:space=\"preserve\">{}</text>",
                    tenths(MARGIN + at * COLUMN),
                    tenths(MARGIN + 120 + u32::from(row) * LINE),
                    colour(run[0]),
                    tenths(length),
                    escaped(shown)
                );
            }
            at += u32::try_from(run.len()).unwrap();
        }
    }
    svg + "</svg>\n"
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told by whoever runs it")]
fn the_picture_is_of_what_is_drawn() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dashboard.svg");
    let wanted = picture();
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        fs::write(&file, &wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap();
    assert!(found == wanted, "run `cargo xtask docs` and look at the difference");
}
