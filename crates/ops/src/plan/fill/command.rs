//! A command and its guards.

use std::collections::BTreeMap;

use super::keys::{Stated, is_meant};
use super::{Done, Filler};
use crate::foreign::Foreign;
use crate::plan::action::{Action, CommandAction, CommandLine, Guards, Once};
use crate::plan::decode::{At, Field, List, Named};
use crate::plan::document::{Command, CommandText, OnceText};
use crate::plan::expand::{Piece, pieces};
use crate::plan::problem::ProblemKind;
use crate::plan::secret_text::SecretText;
use crate::plan::tree::Spot;

impl Filler<'_> {
    pub(super) fn command(&mut self, at: &At<Command>) -> Option<Done> {
        let text = &at.value;
        self.just_one(at.spot, &[("argv", text.argv.key()), ("shell", text.shell.key())], &text.meant);
        self.check_guards(at);
        let line = self.command_line(text);
        let bash = text.bash.value_or(false);
        let guards = Guards {
            creates: text.creates.get().and_then(|path| self.path(path)),
            removes: text.removes.get().and_then(|path| self.path(path)),
            unless: self.guard(&text.unless, bash),
            only_if: self.guard(&text.only_if, bash),
            on_change: Vec::new(),
            once: match text.once.get().map(|once| once.value) {
                Some(OnceText::Ever) => Some(Once::Ever),
                Some(OnceText::Boot) => Some(Once::Boot),
                Some(OnceText::Never) | None => None,
            },
            idempotent: text.idempotent.value_or(false),
            always: text.always.value_or(false),
        };
        let on_change = self.watched(&text.on_change);
        let cwd = text.cwd.get().and_then(|path| self.path(path));
        let mut env = text.env.get().map(|env| self.env(&env.value)).unwrap_or_default();
        let user = text.user.get().and_then(|user| self.word(user));
        let line = line?;
        // A text that was filled in has its variables; a guard's never is.
        let told = if text.expand.value_or(false) { None } else { Some(&line) };
        for line in [told, guards.unless.as_ref(), guards.only_if.as_ref()].into_iter().flatten() {
            if let CommandLine::Shell { text, .. } = line {
                self.tell_shell(text, &mut env);
            }
        }
        let mut action = CommandAction::new(line, guards);
        action.cwd = cwd;
        action.env = env;
        action.user = user;
        Some(Done { action: Action::Command(action), on_change })
    }

    fn check_guards(&mut self, at: &At<Command>) {
        let text = &at.value;
        let never = matches!(text.once.get().map(|once| once.value), Some(OnceText::Never));
        let once = ("once", text.once.key().filter(|_| !never));
        let guards = [
            ("creates", text.creates.key()),
            ("removes", text.removes.key()),
            ("unless", text.unless.key()),
            ("only_if", text.only_if.key()),
            ("on_change", text.on_change.key()),
            once,
        ];
        let first = guards.into_iter().find(|(_, spot)| spot.is_some());
        let always = ("always", text.always.key_if_true());
        match first {
            Some(first) => self.at_most_one(&[first, always]),
            None => {
                let is_meant = |(key, _): &Stated| is_meant(key, &text.meant);
                let is_said = always.1.is_some() || matches!(text.always, Field::Wrong { .. });
                if !is_said && !guards.iter().chain([&always]).any(is_meant) {
                    let keys = guards.iter().map(|(key, _)| *key).collect();
                    self.problems.add(at.spot, ProblemKind::NoGuard { keys });
                }
            }
        }
        self.needs_name(once);
        self.only_beside(("idempotent", text.idempotent.key_if_true()), once, &text.meant);
        let is_shell = |guard: &Field<CommandText>| {
            matches!(guard.get().map(|at| &at.value), Some(CommandText::Shell(_)))
        };
        let shell = ("shell", text.shell.key());
        if !is_shell(&text.unless) && !is_shell(&text.only_if) {
            self.only_beside(("bash", text.bash.key()), shell, &text.meant);
        }
        self.only_beside(("expand", text.expand.key()), shell, &text.meant);
    }

    fn command_line(&mut self, text: &Command) -> Option<CommandLine> {
        if let Some(argv) = text.argv.get() {
            return self.argv(argv);
        }
        let shell = text.shell.get()?;
        let bash = text.bash.value_or(false);
        if text.expand.value_or(false) {
            let filled = self.argument(shell)?;
            return self.shell(shell.spot, filled, bash);
        }
        self.as_it_is(shell, bash)
    }

    fn shell(&mut self, spot: Spot, text: String, bash: bool) -> Option<CommandLine> {
        if text.trim().is_empty() {
            self.problems.add(spot, ProblemKind::EmptyText);
            return None;
        }
        Some(CommandLine::Shell { text, bash })
    }

    /// A text for the shell, in which `${..}` is the shell's own.
    fn as_it_is(&mut self, at: &At<String>, bash: bool) -> Option<CommandLine> {
        if at.value.contains('\0') {
            self.problems.add(at.spot, ProblemKind::Control);
            return None;
        }
        // The shell would say that these are bad substitutions, once everything before it was done.
        for piece in pieces(&at.value) {
            let Piece::Name(reference) = piece else { continue };
            let meant = match reference.name.split_once('.') {
                Some(("fact", name)) => format!("$fact_{name}"),
                Some(_) | None => continue,
            };
            let kind = ProblemKind::Undefined {
                reference: Foreign::new(reference.whole),
                near_name: Some(Foreign::new(&meant)),
            };
            self.problems.add(super::text::spot_of(at, reference), kind);
        }
        self.shell(at.spot, at.value.clone(), bash)
    }

    fn argv(&mut self, argv: &At<List<At<String>>>) -> Option<CommandLine> {
        let all = self.items(argv);
        let read: Vec<Option<String>> = all.iter().map(|at| self.argument(at)).collect();
        if let (Some(Some(program)), Some(first)) = (read.first(), all.first())
            && program.is_empty()
        {
            self.problems.add(first.spot, ProblemKind::EmptyText);
        }
        read.into_iter().collect::<Option<_>>().map(CommandLine::Argv)
    }

    fn guard(&mut self, field: &Field<CommandText>, bash: bool) -> Option<CommandLine> {
        let at = field.get()?;
        match &at.value {
            CommandText::Argv(argv) => self.argv(argv),
            CommandText::Shell(text) => self.as_it_is(text, bash),
        }
    }

    fn env(&mut self, env: &Named<At<String>>) -> BTreeMap<String, SecretText> {
        let mut read = BTreeMap::new();
        for (name, value) in env.right() {
            let is_name = self.env_name(&name.value, name.spot);
            if let Some(value) = self.secret_text(value).filter(|_| is_name) {
                read.insert(name.value.clone(), value);
            }
        }
        read
    }

    /// Gives a shell the variables that its text names, unless the step says what they are. Just those: a step is
    /// known again by what it is told, and is not to be another one because of a variable that it does not use.
    fn tell_shell(&self, shell: &str, env: &mut BTreeMap<String, SecretText>) {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for word in shell.split(|c| !is_of_name(c)).filter(|word| !word.is_empty()) {
            let fact = || word.strip_prefix("fact_").and_then(|name| self.fact(name));
            let item = || self.item.clone().filter(|_| word == "item");
            if let Some(value) = self.vars.get(word).cloned().or_else(fact).or_else(item) {
                env.entry(word.to_owned()).or_insert_with(|| SecretText::from(value.as_str()));
            }
        }
    }
}
