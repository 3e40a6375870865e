//! Lines at the bottom of a terminal that are drawn again and again, while others scroll away above them.
//!
//! The cursor stands below them at the beginning of a line, and is never hidden: whoever is killed leaves a terminal
//! that can be used. Nothing else of the terminal is changed, so that nothing has to be given back.

use std::fmt::Write as _;

/// What stands there now.
#[derive(Debug, Default)]
pub(super) struct Region {
    lines: Vec<String>,
}

impl Region {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What is to be written so that these lines stand there instead; nothing where they do.
    pub(super) fn draw(&mut self, lines: Vec<String>) -> String {
        if self.lines == lines {
            return String::new();
        }
        let mut out = self.to_its_top();
        // Line by line, so that it does not flicker.
        for line in &lines {
            // Writing to memory does not fail.
            let _ = writeln!(out, "\u{1b}[2K{line}");
        }
        if lines.len() < self.lines.len() {
            out.push_str("\u{1b}[J");
        }
        self.lines = lines;
        out
    }

    /// What is to be written so that `line` stands above.
    pub(super) fn above(&self, line: &str) -> String {
        let mut out = self.to_its_top();
        if !self.is_empty() {
            out.push_str("\u{1b}[J");
        }
        let _ = writeln!(out, "{line}");
        self.lines.iter().for_each(|line| {
            let _ = writeln!(out, "{line}");
        });
        out
    }

    /// What is to be written so that nothing stands there.
    pub(super) fn clear(&mut self) -> String {
        let mut out = self.to_its_top();
        if !self.is_empty() {
            out.push_str("\u{1b}[J");
        }
        self.lines.clear();
        out
    }

    /// Leaves what stands there where it is: somebody else has written below it.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
    }

    fn to_its_top(&self) -> String {
        match self.lines.len() {
            0 => String::new(),
            lines => format!("\r\u{1b}[{lines}A"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn it_is_drawn_where_it_stood_and_only_where_it_is_another() {
        let mut region = Region::default();
        assert_eq!(region.draw(lines("ab")), "\u{1b}[2Ka\n\u{1b}[2Kb\n");
        assert_eq!(region.draw(lines("ab")), "");
        assert_eq!(region.draw(lines("abc")), "\r\u{1b}[2A\u{1b}[2Ka\n\u{1b}[2Kb\n\u{1b}[2Kc\n");
        assert_eq!(region.draw(lines("d")), "\r\u{1b}[3A\u{1b}[2Kd\n\u{1b}[J");
        assert_eq!(region.above("said"), "\r\u{1b}[1A\u{1b}[Jsaid\nd\n");
        assert_eq!((region.clear(), region.clear()), ("\r\u{1b}[1A\u{1b}[J".to_owned(), String::new()));
        assert_eq!(region.above("said"), "said\n");
        region.draw(lines("e"));
        region.forget();
        assert_eq!(region.draw(lines("f")), "\u{1b}[2Kf\n", "what stood there stays");
    }
}
