//! The rows as lines: never wider than the terminal, and never more of them than leave it its last lines.

use anstyle::{AnsiColor, Style};
use vps_breaker::Tick;

use super::{Rows, Running, words};
use crate::observe::columns::{COLUMNS, cut, padded, width};
use crate::observe::words::plan::took;
use crate::report::fit;

/// Rows of the terminal that are left to what was said.
const LEFT: usize = 3;
/// What a row says is never narrower than this where kinds are told, too.
const WITH_KIND: usize = 34;
const WITHOUT_KIND: usize = 8;
/// In fewer columns nothing can be told.
const NARROWEST: usize = 16;
/// How long each picture of what turns is seen.
const PICTURE: u128 = 100;
const UNICODE: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ASCII: [&str; 4] = ["|", "/", "-", "\\"];

/// How it is looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Look {
    /// Columns and rows of the terminal.
    pub(in crate::observe) columns: usize,
    pub(in crate::observe) rows: usize,
    pub(in crate::observe) unicode: bool,
    /// How wide the columns of names and of kinds are.
    pub(in crate::observe) names: usize,
    pub(in crate::observe) kinds: usize,
}

/// One line, in pieces of one colour each.
#[derive(Debug, Default)]
pub(in crate::observe) struct Line(Vec<(Style, String)>);

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Style::new(), text.into())])
    }

    fn add(&mut self, style: Style, text: impl Into<String>) {
        self.0.push((style, text.into()));
    }

    fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// With its colours.
    pub(in crate::observe) fn painted(&self) -> String {
        self.0.iter().map(|(style, text)| format!("{style}{text}{style:#}")).collect()
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

impl Rows {
    /// What is to be seen now; nothing where there is no room or nothing goes on.
    pub(in crate::observe) fn view(&self, look: Look, now: Tick) -> Vec<Line> {
        let room = look.rows.saturating_sub(LEFT);
        if self.running.is_empty() || room == 0 || look.columns < NARROWEST {
            return Vec::new();
        }
        let under_way = self.under_way();
        let waiting = self.waiting_line(look);
        let mut lines = vec![self.header(look, now)];
        let own = room.saturating_sub(1);
        // Who waits is told where that costs no row of a step.
        let waits = waiting.filter(|_| under_way.len() < own);
        let shown = if under_way.len() > own { own.saturating_sub(1) } else { under_way.len() };
        for (at, running) in under_way.iter().take(shown) {
            lines.push(self.row(*at, running, look, now));
        }
        let more = under_way.len().saturating_sub(shown);
        if more > 0 && own > 0 {
            lines.push(Line::plain(cut(&format!("   and {more} more"), look.columns, look.unicode)));
        }
        lines.extend(waits);
        lines
    }

    /// `web 7 of 10   ok 4  changed 2  failed 1   1m02s`.
    fn header(&self, look: Look, now: Tick) -> Line {
        let counts = &self.counts;
        let edge = look.columns.min(COLUMNS);
        let time = took(now.since(self.began));
        // The time stands there whatever else has no room.
        let room = edge.saturating_sub(width(&time).saturating_add(2));
        let total = self.steps.len().saturating_sub(counts.others);
        let done = format!(" {} of {total}", counts.ended);
        let mut line = Line::default();
        let bold = Style::new().bold();
        line.add(bold, cut(&fit::line(&self.name), room.saturating_sub(width(&done)), look.unicode));
        line.add(Style::new(), cut(&done, room, look.unicode));
        let red = colour(AnsiColor::Red).bold();
        let counted = [
            ("ok", counts.ok, Style::new()),
            ("changed", counts.changed, colour(AnsiColor::Green)),
            ("skipped", counts.skipped, Style::new()),
            ("failed", counts.failed, red),
            ("blocked", counts.blocked, red),
            ("left", counts.left, colour(AnsiColor::Yellow)),
        ];
        let mut gap = "   ";
        for (word, count, style) in counted.into_iter().filter(|(_, count, _)| *count > 0) {
            let text = format!("{word} {count}");
            if line.width() + gap.len() + width(&text) > room {
                break;
            }
            line.add(Style::new(), gap);
            line.add(style, text);
            gap = "  ";
        }
        let blanks = edge.saturating_sub(line.width() + width(&time));
        line.add(Style::new(), format!("{}{time}", " ".repeat(blanks)));
        line.within(look)
    }

    /// ` ⠹ docker      packages    fetching 3 of 9  31.2 of 94.0 MiB   0:41`.
    fn row(&self, at: usize, running: &Running, look: Look, now: Tick) -> Line {
        let Some(step) = self.steps.get(at) else { return Line::default() };
        let sign = sign(running, look.unicode, now);
        let time = format!("  {:>5}", words::clock(running.took(now)));
        // A sign with a blank on each side, where a finished line has one and one blank.
        let names = look.names.min(look.columns / 4).max(WITHOUT_KIND).saturating_sub(1);
        let taken = 3 + names + 1 + width(&time);
        let with_kind = look.columns >= taken + look.kinds + 1 + WITH_KIND;
        let kind = match with_kind {
            true => padded(step.kind.as_str(), look.kinds) + " ",
            false => String::new(),
        };
        let room = look.columns.saturating_sub(taken + width(&kind));
        let said = running.words(step.kind, now);
        let mut what = String::new();
        for (index, piece) in said.pieces.iter().enumerate() {
            let more = if index == 0 { String::new() } else { "  ".to_owned() };
            let longer = what.clone() + &more + &fit::line(piece);
            if index > 0 && width(&longer) > room {
                break;
            }
            what = longer;
        }
        let what = cut(&what, room, look.unicode);
        let blanks = look.columns.min(COLUMNS).saturating_sub(taken + width(&kind));
        let mut line = Line::default();
        line.add(colour(AnsiColor::Cyan), format!(" {sign} "));
        let id = cut(&fit::line(step.id.as_str()), names, look.unicode);
        line.add(Style::new(), format!("{} {kind}", padded(&id, names)));
        let style = if said.is_warning { colour(AnsiColor::Yellow) } else { Style::new() };
        line.add(style, padded(&what, blanks));
        line.add(Style::new(), time);
        line.within(look)
    }

    /// `3 wait for app, 1 for docker`.
    fn waiting_line(&self, look: Look) -> Option<Line> {
        let mut text = String::new();
        for (index, (at, count)) in self.waiting().into_iter().enumerate() {
            let id = fit::line(self.steps.get(at)?.id.as_str()).into_owned();
            let plural = if count == 1 { "waits" } else { "wait" };
            match index {
                0 => text = format!("   {count} {plural} for {id}"),
                _ => text.push_str(&format!(", {count} for {id}")),
            }
        }
        (!text.is_empty()).then(|| Line::plain(cut(&text, look.columns, look.unicode)))
    }
}

impl Line {
    /// The same, cut where the terminal is narrower than all that a line must have.
    fn within(self, look: Look) -> Self {
        if self.width() <= look.columns {
            return self;
        }
        let mut line = Self::default();
        for (style, text) in self.0 {
            let room = look.columns.saturating_sub(line.width());
            line.add(style, cut(&text, room, look.unicode));
        }
        line
    }
}

/// What turns while a step is under way.
fn sign(running: &Running, unicode: bool, now: Tick) -> &'static str {
    let all: &[&str] = if unicode { &UNICODE } else { &ASCII };
    let turns = running.took(now).as_millis() / PICTURE;
    let at = usize::try_from(turns).unwrap_or(0).checked_rem(all.len()).unwrap_or(0);
    all.get(at).copied().unwrap_or(" ")
}
