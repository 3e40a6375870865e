//! The terminal: taken whole, drawn on, and given back as it was, however we end.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::style::{Attribute, SetAttribute, force_color_output};
use ratatui::crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::Rect;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::state::State;
use super::view::view;

/// How the terminal was, while it is ours.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal while it is ours; given back when dropped.
#[derive(Debug)]
pub(crate) struct Terminal {
    backend: CrosstermBackend<BufWriter<Stdout>>,
    /// What is seen there.
    shown: Buffer,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where it is none, or gone.
    pub(crate) fn take() -> io::Result<Self> {
        // Whether there is colour is ours to decide.
        force_color_output(true);
        enter()?;
        let mut terminal =
            Self { backend: CrosstermBackend::new(BufWriter::new(io::stdout())), shown: Buffer::default() };
        terminal.measure()?;
        Ok(terminal)
    }

    /// Takes it again: after a stop, in which somebody else may have drawn there.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        enter()?;
        self.measure()
    }

    /// How large it is now, columns and rows; all of it is drawn anew.
    pub(crate) fn measure(&mut self) -> io::Result<()> {
        let (columns, rows) = crate::term::size(rustix::stdio::stdout());
        queue!(self.backend, SetAttribute(Attribute::Reset), Clear(ClearType::All))?;
        self.shown = Buffer::empty(Rect::new(0, 0, columns, rows));
        io::Write::flush(&mut self.backend)
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> (u16, u16) {
        (self.shown.area.width, self.shown.area.height)
    }

    /// Draws what is another than before, and writes nothing where nothing is.
    pub(crate) fn draw(&mut self, state: &State) -> io::Result<()> {
        let mut next = Buffer::empty(self.shown.area);
        view(&mut next, state);
        let updates = self.shown.diff(&next);
        if updates.is_empty() {
            return Ok(());
        }
        self.backend.draw(updates.into_iter())?;
        io::Write::flush(&mut self.backend)?;
        self.shown = next;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// No echo, no signals from keys, the other screen, no cursor. No mouse: it stays the terminal's, for selecting text.
fn enter() -> io::Result<()> {
    let mut settings = tcgetattr(rustix::stdio::stdin())?;
    let is_first = {
        let mut before = before();
        let is_first = before.is_none();
        before.get_or_insert_with(|| settings.clone());
        is_first
    };
    settings.make_raw();
    tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &settings)?;
    if is_first {
        // Twice, it would forget where the cursor was.
        execute!(io::stdout(), EnterAlternateScreen)?;
    }
    execute!(io::stdout(), Hide, MoveTo(0, 0))
}

/// Gives the terminal back, where it is ours.
pub(super) fn restore() {
    let mut before = match BEFORE.try_lock() {
        Ok(before) => before,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Only while it is being taken, by who then panicked.
        Err(TryLockError::WouldBlock) => return,
    };
    let Some(termios) = before.take() else { return };
    // A terminal that is gone needs nothing.
    drop(execute!(io::stdout(), SetAttribute(Attribute::Reset), Show, LeaveAlternateScreen));
    drop(io::stdout().flush());
    let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &termios);
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
