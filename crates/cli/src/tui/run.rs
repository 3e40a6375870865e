//! The loop: keys, what the watch found, signals; draws what changed, at most four times a second.

use std::io;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};
use tokio::sync::mpsc;
use vps_breaker::Tick;
use vps_ops::NetworkOperationWrapper;
use vps_ops::env::{Env, Task};
use vps_ops::service::ServiceName;
use vps_ops::watch::{Watch, ask_for};

use super::input::Input;
use super::keys::Keys;
use super::message::{Effect, Key, Message};
use super::signals::{self, Heard, Signals};
use super::state::{Look, State};
use super::terminal::{self, Terminal};
use super::update::update;
use crate::app::App;
use crate::config::Loaded;
use crate::observe::Screen;
use crate::observe::words::health::dashboard as words;

/// How often it is drawn at most, and how often it is seen whether there is something new.
const DRAWS: Duration = Duration::from_millis(250);
/// With more services than these something changes all the time: what there is to see is looked at as often as ages are.
const MANY: usize = 100;
/// Ages and waits are looked at so often.
const AGES: Duration = Duration::from_secs(1);
/// How long the rest of a key may take to come.
const REST_OF_KEY: Duration = Duration::from_millis(50);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Somebody wanted it to, or a signal did.
    Told,
    /// There is no terminal any more.
    Gone,
}

/// Shows what `watch` finds of `services`, of all where there are none, until it is told to end.
///
/// # Errors
/// Where the terminal cannot be taken or drawn on.
pub(crate) async fn run(
    app: &App,
    loaded: &Loaded,
    network: &NetworkOperationWrapper,
    watch: &Watch,
    services: Vec<ServiceName>,
) -> io::Result<Ended> {
    let input = Input::open()?;
    let mut signals = Signals::listen()?;
    let look = Look { color: has_color(), unicode: app.term.unicode };
    restored_by_a_panic(&app.screen);
    app.screen.hold();
    let ended = async {
        let mut up =
            Up::start(app, loaded, network, watch, State::new(look, app.env.identity().pid, services))?;
        up.run(&input, &mut signals).await
    };
    let ended = ended.await;
    // By now the terminal is as it was.
    app.screen.release();
    match ended {
        // Written to a terminal that is gone.
        Err(error) if is_gone(&error) => Ok(Ended::Gone),
        ended => ended,
    }
}

fn is_gone(error: &io::Error) -> bool {
    let gone = [rustix::io::Errno::IO, rustix::io::Errno::PIPE, rustix::io::Errno::NXIO];
    gone.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn has_color() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// A release ends at once in a panic: nothing else would give the terminal back.
pub(super) fn restored_by_a_panic(screen: &Screen) {
    let (screen, before) = (screen.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        super::give_back_terminal(&screen);
        before(panic);
    }));
}

/// The dashboard while it is up.
struct Up<'a> {
    app: &'a App,
    loaded: &'a Loaded,
    network: &'a NetworkOperationWrapper,
    watch: &'a Watch,
    state: State,
    terminal: Terminal,
    keys: Keys,
    /// Version of what is shown, when that was asked for, and how many lines were held then.
    seen: Option<u64>,
    seen_at: Tick,
    /// How many services there were then.
    shown: usize,
    said: u64,
    /// What is being done, and what came of it.
    tasks: Vec<Task>,
    tell: mpsc::UnboundedSender<String>,
    told: mpsc::UnboundedReceiver<String>,
}

impl<'a> Up<'a> {
    fn start(
        app: &'a App,
        loaded: &'a Loaded,
        network: &'a NetworkOperationWrapper,
        watch: &'a Watch,
        state: State,
    ) -> io::Result<Self> {
        let terminal = Terminal::take()?;
        let (tell, told) = mpsc::unbounded_channel();
        let (keys, seen_at) = (Keys::default(), app.env.now());
        let tasks = Vec::new();
        let mut up = Self {
            app,
            loaded,
            network,
            watch,
            state,
            terminal,
            keys,
            seen: None,
            seen_at,
            shown: 0,
            said: 0,
            tasks,
            tell,
            told,
        };
        up.measured();
        up.look();
        Ok(up)
    }

    fn env(&self) -> &'a Env {
        &self.app.env
    }

    async fn run(&mut self, input: &Input, signals: &mut Signals) -> io::Result<Ended> {
        let watching = Box::pin(self.watch.run(&self.app.cancel));
        tokio::pin!(watching);
        let (mut is_new, mut draw_at, mut look_at) = (true, self.env().now(), self.env().now().after(DRAWS));
        let mut rest_at = None;
        loop {
            let now = self.env().now();
            if is_new && now >= draw_at {
                self.terminal.draw(&self.state)?;
                (is_new, draw_at) = (false, now.after(DRAWS));
            }
            let wake = if is_new { draw_at.min(look_at) } else { look_at };
            let bell = self.env().bell(rest_at.map_or(wake, |rest: Tick| rest.min(wake)));
            let mut pressed = Vec::new();
            tokio::select! {
                biased;
                () = self.app.cancel.cancelled() => return Ok(Ended::Told),
                () = &mut watching => return Ok(Ended::Told),
                bytes = input.read() => {
                    let Some(bytes) = bytes else { return Ok(Ended::Gone) };
                    pressed = self.keys.read(&bytes);
                    rest_at = self.keys.is_waiting().then(|| self.env().now().after(REST_OF_KEY));
                }
                heard = signals.next() => {
                    self.heard(heard)?;
                    is_new = true;
                }
                Some(said) = self.told.recv() => {
                    self.tasks.retain(|task| !task.is_finished());
                    update(&mut self.state, Message::Said(said));
                    is_new = true;
                }
                () = bell => {}
            }
            let now = self.env().now();
            if rest_at.is_some_and(|rest| now >= rest) {
                rest_at = None;
                pressed.extend(self.keys.give_up());
            }
            for key in pressed {
                is_new = true;
                if self.press(key)? {
                    return Ok(Ended::Told);
                }
            }
            if now >= look_at {
                look_at = now.after(DRAWS);
                is_new |= self.look();
            }
        }
    }

    /// Does what a key wants; whether that is the end.
    fn press(&mut self, key: Key) -> io::Result<bool> {
        for effect in update(&mut self.state, Message::Key(key)) {
            match effect {
                Effect::Quit => return Ok(true),
                // To all of our group, as the terminal would: we hear of it, too.
                Effect::Suspend => drop(kill_current_process_group(Signal::TSTP)),
                Effect::Probe(service) => self.probe(service),
                Effect::Reset(service) => self.reset(service),
            }
        }
        Ok(false)
    }

    /// Takes in what there is to see, where it may be another than before.
    fn look(&mut self) -> bool {
        let held = self.app.screen.last_held();
        let mut is_new = false;
        if let Some((count, line)) = held.filter(|(count, _)| *count != self.said) {
            self.said = count;
            let line = anstream::adapter::strip_str(&line).to_string();
            update(&mut self.state, Message::Said(line));
            is_new = true;
        }
        let (version, now) = (self.watch.version(), self.env().now());
        if !is_worth_a_look(self.seen != Some(version), self.shown, now.since(self.seen_at)) {
            return is_new;
        }
        (self.seen, self.seen_at) = (Some(version), now);
        let board = self.watch.board();
        self.shown = board.rows.len();
        update(&mut self.state, Message::Board(Box::new(board)));
        true
    }

    fn measured(&mut self) {
        let (columns, rows) = self.terminal.size();
        update(&mut self.state, Message::Resized { columns, rows });
    }

    fn heard(&mut self, heard: Heard) -> io::Result<()> {
        match heard {
            Heard::Resized => self.terminal.measure()?,
            Heard::Continued => self.terminal.take_again()?,
            Heard::Stop => {
                // It is others' until somebody has us go on.
                terminal::restore();
                signals::stop();
                self.terminal.take_again()?;
            }
        }
        self.measured();
        Ok(())
    }

    fn probe(&mut self, service: ServiceName) {
        let (env, store) = (self.env().clone(), self.network.health().store().clone());
        self.begin(async move {
            match ask_for(&env, &store, &service).await {
                Ok(()) => words::asked_for(service.as_str()),
                Err(error) => words::not_asked_for(service.as_str(), &error.to_string()),
            }
        });
    }

    fn reset(&mut self, service: ServiceName) {
        // As the command does: an order that ends with this process is none.
        if let Err(failure) = self.app.must_remember(self.loaded) {
            let said = words::not_reset(service.as_str(), &failure.message);
            update(&mut self.state, Message::Said(said));
            return;
        }
        let circuits = self.network.circuit_breakers().clone();
        self.begin(async move {
            match circuits.reset(service.as_str()).await {
                Ok(names) => words::was_reset(&names.iter().map(ToString::to_string).collect::<Vec<_>>()),
                Err(error) => words::not_reset(service.as_str(), &error.to_string()),
            }
        });
    }

    fn begin(&mut self, work: impl Future<Output = String> + Send + 'static) {
        let tell = self.tell.clone();
        let task = self.env().spawn("dashboard", async move {
            // Nobody listens any more once the dashboard has ended.
            drop(tell.send(work.await));
        });
        self.tasks.push(task);
    }
}

/// Whether there may be something else to see than so long ago.
fn is_worth_a_look(is_new: bool, services: usize, ago: Duration) -> bool {
    ago >= AGES || (is_new && services <= MANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_seen_at_once_but_of_very_many_services_once_a_second() {
        for (is_new, services, millis, worth) in [
            (true, 0, 0, true),
            (true, MANY, 250, true),
            (true, MANY + 1, 250, false),
            (true, MANY + 1, 1_000, true),
            (false, 5, 750, false),
            (false, 5, 1_000, true),
        ] {
            let is = is_worth_a_look(is_new, services, Duration::from_millis(millis));
            assert_eq!(is, worth, "{is_new}, {services} services, {millis} ms");
        }
    }
}
