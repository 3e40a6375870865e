//! What is only on this machine, and what others wait for.

use std::time::Duration;

use super::{Done, Filler};
use crate::foreign::Foreign;
use crate::plan::action::{Action, Body, FileAction, Gate, GateCheck, Owner, SystemdAction, UnitState};
use crate::plan::decode::At;
use crate::plan::document::{File, GateText, Systemd};
use crate::plan::expand::{Piece, pieces};
use crate::plan::problem::{HintKind, ProblemKind};
use crate::plan::secret_text::SecretText;

/// The endings of systemd's units.
const ENDINGS: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];
/// Characters of a unit's name beside letters and digits.
const IN_UNITS: &str = ":-_.\\@";
const LONGEST_UNIT: usize = 255;
const LONGEST_HOST: usize = 253;
/// Long enough for a machine that begins with its network.
const USUAL_WAIT: Duration = Duration::from_secs(300);

impl Filler<'_> {
    pub(super) fn file(&mut self, at: &At<File>) -> Option<Action> {
        let text = &at.value;
        let (source, content) = (("source", text.source.key()), ("content", text.content.key()));
        self.just_one(at.spot, &[source, content], &text.meant);
        self.only_beside(("expand", text.expand.key()), content, &text.meant);
        let dest = text.dest.get().and_then(|dest| self.file_path(dest));
        let body = match (text.source.get(), text.content.get()) {
            (Some(source), _) => self.file_path(source).map(Body::Source),
            (None, Some(content)) => self.content(content, text.expand.value_or(false)).map(Body::Content),
            (None, None) => None,
        };
        let mode = text.mode.get().and_then(|mode| self.mode(mode));
        let owner = Owner {
            user: text.owner.get().and_then(|user| self.word(user)),
            group: text.group.get().and_then(|group| self.word(group)),
        };
        let mut action = FileAction::new(dest?, body?);
        let is_secret = matches!(&action.body, Body::Content(content) if content.secrets().next().is_some());
        action.mode = mode.unwrap_or(if is_secret { 0o600 } else { action.mode });
        action.owner = owner;
        Some(Action::File(action))
    }

    fn content(&mut self, at: &At<String>, fills_in: bool) -> Option<SecretText> {
        if fills_in {
            return self.secret_text(at);
        }
        let known = |name: &str| {
            self.vars.contains_key(name) || name.starts_with("fact.") || name.starts_with("secret.")
        };
        let first = pieces(&at.value).find_map(|piece| match piece {
            Piece::Name(reference) if known(reference.name) => Some(reference),
            _ => None,
        });
        if let Some(reference) = first {
            let kind = HintKind::NotFilledIn { reference: Foreign::new(reference.whole) };
            self.hints.push((super::text::spot_of(at, reference), kind));
        }
        Some(SecretText::from(at.value.as_str()))
    }

    pub(super) fn systemd(&mut self, at: &At<Systemd>) -> Option<Done> {
        let text = &at.value;
        let on_change = self.watched(&text.on_change);
        let keys = [
            ("state", text.state.key()),
            ("enabled", text.enabled.key()),
            ("on_change", text.on_change.key()),
        ];
        self.at_least_one(at.spot, &keys, &text.meant);
        let state = text.state.get().map(|state| state.value);
        if state == Some(UnitState::Stopped) {
            self.at_most_one(&[("state: stopped", text.state.key()), ("on_change", text.on_change.key())]);
        }
        let unit = text.unit.get().and_then(|unit| self.unit(unit))?;
        let enabled = text.enabled.get().map(|enabled| enabled.value);
        let action = SystemdAction { unit, state, enabled, on_change: Vec::new() };
        Some(Done { action: Action::Systemd(action), on_change })
    }

    fn unit(&mut self, at: &At<String>) -> Option<String> {
        let given = self.word(at)?;
        let name = if ENDINGS.iter().any(|ending| given.ends_with(ending)) {
            given.clone()
        } else {
            format!("{given}.service")
        };
        let is_one = name.len() <= LONGEST_UNIT
            && !name.starts_with(['-', '.'])
            && name.chars().all(|c| c.is_ascii_alphanumeric() || IN_UNITS.contains(c));
        if !is_one {
            self.problems.add(at.spot, ProblemKind::Unit { given: Foreign::bounded(&given, 80) });
        }
        is_one.then_some(name)
    }

    pub(super) fn gate(&mut self, at: &At<GateText>) -> Option<Action> {
        let GateText { connect, http, dns, service, exists, wait, meant } = &at.value;
        let keys = [
            ("connect", connect.key()),
            ("http", http.key()),
            ("dns", dns.key()),
            ("service", service.key()),
            ("exists", exists.key()),
        ];
        self.just_one(at.spot, &keys, meant);
        let wait = match wait.get() {
            Some(wait) => self.duration(wait),
            None => Some(USUAL_WAIT),
        };
        let check = if let Some(at) = connect.get() {
            self.host_and_port(at).map(GateCheck::Connect)
        } else if let Some(at) = http.get() {
            self.url(at).map(GateCheck::Http)
        } else if let Some(at) = dns.get() {
            self.host(at).map(GateCheck::Dns)
        } else if let Some(at) = service.get() {
            self.word(at).map(GateCheck::Service)
        } else {
            exists.get().and_then(|at| self.path(at)).map(GateCheck::Exists)
        };
        Some(Action::Gate(Gate::new(check?, wait?)))
    }

    fn host_and_port(&mut self, at: &At<String>) -> Option<String> {
        let given = self.word(at)?;
        let port = |port: &str| {
            port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        let is_host = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_host(host),
        };
        let is_one = given.rsplit_once(':').is_some_and(|(host, number)| is_host(host) && port(number));
        if !is_one {
            self.problems.add(at.spot, ProblemKind::HostPort { given: Foreign::bounded(&given, 80) });
        }
        is_one.then_some(given)
    }

    fn host(&mut self, at: &At<String>) -> Option<String> {
        let given = self.word(at)?;
        let is_one = is_host(&given);
        if !is_one {
            self.problems.add(at.spot, ProblemKind::HostName { given: Foreign::bounded(&given, 80) });
        }
        is_one.then_some(given)
    }
}

fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !host.is_empty()
        && host.len() <= LONGEST_HOST
        && !host.starts_with(['-', '.'])
        && host.chars().all(allowed)
}
