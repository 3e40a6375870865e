//! Standard error, shared by log lines and a progress bar without shredding either.

use std::borrow::Cow;
use std::collections::VecDeque;
#[cfg(feature = "tui")]
use std::io::IsTerminal as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use super::region::Region;
use crate::report::fit;

/// Standard error with or without a bar.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bar: Option<Arc<ProgressBar>>,
    /// Rows that are drawn again and again, where there are any.
    region: Arc<Mutex<Region>>,
    /// Lines that wait until the whole terminal is ours to write to again; `None` where they need not.
    held: Arc<Mutex<Option<Held>>>,
    /// Whether the cursor stands behind a question.
    is_asked: Arc<AtomicBool>,
}

/// Lines that wait.
#[derive(Debug, Default)]
struct Held {
    lines: VecDeque<String>,
    /// How many there were, those that are gone included.
    count: u64,
}

/// Lines that are held at most; the oldest go first.
const MOST_HELD: usize = 1_000;

impl Screen {
    pub(crate) fn new(with_bar: bool) -> Self {
        let bar = with_bar.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            Arc::new(bar)
        });
        Self { bar, region: Arc::default(), held: Arc::default(), is_asked: Arc::default() }
    }

    /// The bar, where there is one.
    pub(crate) fn bar(&self) -> Option<&ProgressBar> {
        self.bar.as_deref()
    }

    /// Shows the bar from now on.
    pub(crate) fn show(&self, total: Option<u64>) {
        let Some(bar) = self.bar() else { return };
        let template = bytes_at(columns(), total.is_some());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if let Some(total) = total {
            bar.set_length(total);
        }
        if bar.is_finished() {
            // Taken away before a pause, and back for the next attempt.
            bar.reset();
        }
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
    }

    /// Shows a bar of steps in its place: thousandths of a percent, and what is done now.
    pub(crate) fn show_step(&self, percent: u32, text: &str) {
        let Some(bar) = self.bar() else { return };
        if let Ok(style) = ProgressStyle::with_template(steps_at(columns())) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_length(100_000);
        if bar.is_finished() {
            bar.reset();
        }
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        bar.set_position(u64::from(percent));
        bar.set_message(fit::line(text).into_owned());
    }

    /// Whether rows can be drawn.
    pub(super) fn has_rows(&self) -> bool {
        self.bar.is_some()
    }

    /// Has these rows stand below all lines, instead of those that do.
    pub(super) fn draw(&self, rows: Vec<String>) {
        let mut region = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        put(&region.draw(rows));
    }

    /// Leaves the rows where they are, since somebody else has written below them: they are drawn anew.
    pub(super) fn forget_rows(&self) {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }

    /// Has the rows taken away before a panic is told, from now on: a release ends by it.
    pub(super) fn clear_rows_before_a_panic(&self) {
        static HOOK: Once = Once::new();

        HOOK.call_once(|| {
            let (region, before) = (Arc::clone(&self.region), std::panic::take_hook());
            std::panic::set_hook(Box::new(move |panic| {
                // Whoever holds it may be who panics.
                if let Ok(mut region) = region.try_lock() {
                    put(&region.clear());
                }
                before(panic);
            }));
        });
    }

    /// Takes the bar and the rows away.
    pub(crate) fn clear(&self) {
        put(&self.region.lock().unwrap_or_else(PoisonError::into_inner).clear());
        if let Some(bar) = self.bar() {
            bar.finish_and_clear();
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// One whole line to standard error.
    pub(crate) fn line(&self, text: &str) {
        self.write(&fit::line(text));
    }

    /// What was made fit already, behind a label in a style of ours.
    pub(crate) fn labelled(&self, style: anstyle::Style, label: &str, fit: &str) {
        self.write(&format!("{style}{label}{style:#}: {fit}"));
    }

    /// The same behind a mark.
    pub(crate) fn marked(&self, style: anstyle::Style, mark: &str, fit: &str) {
        self.write(&format!("{style}{mark}{style:#} {fit}"));
    }

    /// A question, with the cursor left behind it: who says something before it is answered begins a line of his own.
    pub(crate) fn ask(&self, question: &str) {
        put(&format!("{} [y/N] ", fit::line(question)));
        self.is_asked.store(true, Ordering::Release);
    }

    /// Whoever answered has ended the line.
    pub(crate) fn is_answered(&self) {
        self.is_asked.store(false, Ordering::Release);
    }

    /// Holds lines back from now on, where they would go to a terminal that something else is drawn on.
    #[cfg(feature = "tui")]
    pub(crate) fn hold(&self) {
        if io::stderr().is_terminal() {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
        }
    }

    /// The last line that is held, and how many there were.
    #[cfg(feature = "tui")]
    pub(crate) fn last_held(&self) -> Option<(u64, String)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref()?;
        Some((held.count, held.lines.back()?.clone()))
    }

    /// Writes what was held, and holds nothing more.
    #[cfg(feature = "tui")]
    pub(crate) fn release(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        for line in held.into_iter().flat_map(|held| held.lines) {
            self.write(&line);
        }
    }

    /// A reader that is gone is nobody's concern.
    fn write(&self, line: &str) {
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            if held.lines.len() == MOST_HELD {
                held.lines.pop_front();
            }
            held.lines.push_back(line.to_owned());
            held.count += 1;
            return;
        }
        if self.is_asked.swap(false, Ordering::AcqRel) {
            put("\n");
        }
        let region = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        if !region.is_empty() {
            put(&region.above(&coloured(line)));
            return;
        }
        let write = || {
            let mut stderr = anstream::stderr().lock();
            drop(writeln!(stderr, "{line}"));
        };
        match self.bar() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Writes to the terminal what moves its cursor, in one piece. A reader that is gone is nobody's concern.
fn put(text: &str) {
    if !text.is_empty() {
        let mut stderr = io::stderr().lock();
        drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
    }
}

/// The text as it is, or without its colours where there are to be none.
pub(super) fn coloured(text: &str) -> Cow<'_, str> {
    match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => Cow::Owned(anstream::adapter::strip_str(text).to_string()),
        _ => Cow::Borrowed(text),
    }
}

/// How wide the terminal is now.
fn columns() -> u16 {
    crate::term::size(rustix::stdio::stderr()).0
}

/// What of a bar of bytes fits: a line that is wider than the terminal would be drawn again and again below itself.
fn bytes_at(columns: u16, has_total: bool) -> &'static str {
    match (columns, has_total) {
        (..40, true) => "{bytes} {percent}%",
        (40..76, true) => "{wide_bar} {bytes}/{total_bytes}",
        (_, true) => "{bar:28} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
        (..40, false) => "{spinner} {bytes}",
        (_, false) => "{spinner} {bytes} {binary_bytes_per_sec}",
    }
}

/// The same of a bar of steps.
fn steps_at(columns: u16) -> &'static str {
    match columns {
        ..40 => "{percent:>3}% {wide_msg}",
        40..76 => "{bar:10} {percent:>3}% {wide_msg}",
        _ => "{bar:28} {percent:>3}% {wide_msg}",
    }
}

/// Collects one event, and writes it at once.
#[derive(Debug)]
pub(crate) struct EventWriter {
    screen: Screen,
    line: Vec<u8>,
}

impl Write for EventWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            let text = String::from_utf8_lossy(&self.line);
            // Made fit by its format, which has put our colours around it.
            self.screen.write(text.trim_end_matches('\n'));
        }
    }
}

impl<'w> MakeWriter<'w> for Screen {
    type Writer = EventWriter;

    fn make_writer(&'w self) -> EventWriter {
        EventWriter { screen: self.clone(), line: Vec::new() }
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
