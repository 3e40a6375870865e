//! All that the dashboard is: a plain value.

use std::collections::BTreeSet;
use std::time::Duration;

use vps_ops::service::ServiceName;
use vps_ops::watch::{Board, Row};

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) color: bool,
    /// Signs beyond ASCII.
    pub(crate) unicode: bool,
}

/// What the keys work on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Table,
    /// A part of a name is typed.
    Find,
    /// Of the selected service, from this line on.
    Details {
        from: usize,
    },
    Help,
    /// Whether this one's circuit is to be reset; what was shown goes on being shown.
    AskReset {
        service: ServiceName,
        in_details: bool,
    },
}

/// The dashboard.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The last that is known; nothing before the first look.
    pub(crate) board: Option<Board>,
    /// What stands still, where it does.
    pub(crate) frozen: Option<Board>,
    pub(crate) selected: Option<ServiceName>,
    pub(crate) mode: Mode,
    /// A part of the names that are shown.
    pub(crate) filter: String,
    /// Those that were named on the command line; all where there are none.
    pub(crate) only: BTreeSet<ServiceName>,
    /// What is to be said once, until the next key.
    pub(crate) note: Option<String>,
    pub(crate) look: Look,
    /// Our own process.
    pub(crate) pid: u32,
    /// Of the terminal.
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

impl State {
    pub(crate) fn new(look: Look, pid: u32, only: impl IntoIterator<Item = ServiceName>) -> Self {
        Self {
            board: None,
            frozen: None,
            selected: None,
            mode: Mode::Table,
            filter: String::new(),
            only: only.into_iter().collect(),
            note: None,
            look,
            pid,
            columns: 80,
            rows: 24,
        }
    }

    /// What is shown.
    pub(crate) fn shown(&self) -> Option<&Board> {
        self.frozen.as_ref().or(self.board.as_ref())
    }

    /// How long the screen has stood still.
    pub(crate) fn frozen_for(&self) -> Option<Duration> {
        let (frozen, now) = (self.frozen.as_ref()?, self.board.as_ref()?);
        // A clock that was set back has not moved.
        Some(Duration::try_from_secs_f64(now.at - frozen.at).unwrap_or_default())
    }

    /// The rows that are shown, in their order.
    pub(crate) fn shown_rows(&self) -> impl Iterator<Item = &Row> {
        let rows = self.shown().map(|board| board.rows.as_slice()).unwrap_or_default();
        let wanted = self.filter.to_lowercase();
        rows.iter().filter(move |row| {
            let is_named = self.only.is_empty() || self.only.contains(&row.service);
            is_named && row.service.as_str().to_lowercase().contains(&wanted)
        })
    }

    /// The row that is selected: the first, until one is.
    pub(crate) fn selected_row(&self) -> Option<&Row> {
        let selected = self.selected.as_ref();
        let by_name = self.shown_rows().find(|row| Some(&row.service) == selected);
        by_name.or_else(|| self.shown_rows().next())
    }
}
