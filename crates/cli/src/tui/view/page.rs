//! A page that is written from top to bottom: the one way to the screen for every text.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use vps_health::Status;

use super::super::state::Look;
use crate::report::fit;

/// Colours repeat what words say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ink {
    #[default]
    Plain,
    Strong,
    Faint,
    Good,
    Slow,
    Bad,
}

impl Ink {
    pub(super) const fn of(status: Status) -> Self {
        match status {
            Status::Healthy => Self::Good,
            Status::Degraded => Self::Slow,
            Status::Unhealthy => Self::Bad,
            Status::Unknown => Self::Faint,
        }
    }

    fn style(self, look: Look) -> Style {
        if !look.color {
            return Style::new();
        }
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().add_modifier(Modifier::BOLD),
            Self::Faint => Style::new().add_modifier(Modifier::DIM),
            Self::Good => Style::new().fg(Color::Green),
            Self::Slow => Style::new().fg(Color::Yellow),
            Self::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

/// A piece of a line.
pub(super) type Piece = (String, Ink);

pub(super) fn plain(text: impl Into<String>) -> Piece {
    (text.into(), Ink::Plain)
}

/// The page and how far it is written.
pub(super) struct Page<'b> {
    buffer: &'b mut Buffer,
    look: Look,
    at: u16,
}

impl<'b> Page<'b> {
    pub(super) fn new(buffer: &'b mut Buffer, look: Look) -> Self {
        Self { buffer, look, at: 0 }
    }

    pub(super) fn width(&self) -> u16 {
        self.buffer.area.width
    }

    pub(super) fn look(&self) -> Look {
        self.look
    }

    pub(super) fn at(&self) -> u16 {
        self.at
    }

    pub(super) fn go_to(&mut self, at: u16) {
        self.at = at;
    }

    pub(super) fn skip(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.line([plain(text)]);
    }

    /// One line, cut where it does not fit; what is below the page is not written.
    pub(super) fn line(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        let at = self.at;
        self.skip();
        if at >= self.buffer.area.height {
            return;
        }
        let look = self.look;
        let spans: Vec<Span<'_>> = pieces
            .into_iter()
            .map(|(text, ink)| Span::styled(safe(&text, look.unicode), ink.style(look)))
            .collect();
        let line = Line::from(spans);
        let width = self.width();
        let is_cut = line.width() > usize::from(width);
        self.buffer.set_line(0, at, &line, width);
        if is_cut && let Some(cell) = self.buffer.cell_mut((width.saturating_sub(1), at)) {
            cell.set_symbol(ellipsis(look.unicode));
        }
    }

    /// A line with something at its end, which goes where there is no room for it.
    pub(super) fn line_and(&mut self, mut pieces: Vec<Piece>, end: Piece) {
        let width = usize::from(self.width());
        let used: usize = pieces.iter().map(|(text, _)| columns(text)).sum();
        // One column stays free at the right.
        if let Some(room) = width.checked_sub(used + columns(&end.0) + 1).filter(|room| *room > 0) {
            pieces.push(plain(" ".repeat(room)));
            pieces.push(end);
        }
        self.line(pieces);
    }
}

/// What stands for what was cut.
pub(super) const fn ellipsis(unicode: bool) -> &'static str {
    if unicode { "…" } else { "~" }
}

/// Fit for a screen, whatever it is: nothing that moves the cursor, and nothing that it cannot show.
fn safe(text: &str, unicode: bool) -> String {
    let text = fit::line(text);
    if unicode {
        return text.into_owned();
    }
    text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
}

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// Exactly so wide: cut, or filled up with spaces.
pub(super) fn cell(text: &str, width: usize, unicode: bool) -> String {
    let text = fit::line(text);
    let mut used = columns(&text);
    let mut cut = text.into_owned();
    if used > width {
        while used + 1 > width && cut.pop().is_some() {
            used = columns(&cut);
        }
        cut.push_str(ellipsis(unicode));
        used += 1;
    }
    cut.push_str(&" ".repeat(width.saturating_sub(used)));
    cut
}

/// The same, at the right.
pub(super) fn right(text: &str, width: usize) -> String {
    let room = width.saturating_sub(columns(text));
    format!("{}{text}", " ".repeat(room))
}

/// Lines of this width at most, broken at spaces where there are any.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in fit::line(text).split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        // A word that no line holds is broken anywhere.
        while columns(&line) + columns(&word) > width {
            let fits = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let head =
                fits.take_while(|end| word.get(..*end).is_some_and(|head| columns(head) <= width)).last();
            let rest = word.split_off(head.unwrap_or(word.len()));
            lines.push(std::mem::replace(&mut word, rest));
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}
