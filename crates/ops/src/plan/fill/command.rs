//! A command and its guards.

use std::collections::BTreeMap;

use super::{Done, Filler};
use crate::foreign::Foreign;
use crate::plan::action::{Action, CommandAction, CommandLine, Guards, Once};
use crate::plan::decode::{At, Field};
use crate::plan::document::{Command, CommandText, OnceText};
use crate::plan::expand::{Piece, pieces};
use crate::plan::problem::ProblemKind;
use crate::plan::secret_text::SecretText;
use crate::plan::tree::Spot;

const LINES: &[&str] = &["argv", "shell"];
const GUARDS: &[&str] = &["creates", "removes", "unless", "only_if", "on_change", "once"];

impl Filler<'_> {
    pub(super) fn command(&mut self, at: &At<Command>) -> Option<Done> {
        let text = &at.value;
        self.one_of(at.spot, &[("argv", text.argv.key()), ("shell", text.shell.key())], LINES);
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
        let on_change = text.on_change.get().map(|list| {
            if list.value.is_empty() {
                self.problems.add(list.spot, ProblemKind::EmptyList);
            }
            self.names(&list.value)
        });
        let cwd = text.cwd.get().and_then(|path| self.path(path));
        let mut env = text.env.get().map(|env| self.env(&env.value.0)).unwrap_or_default();
        let user = text.user.get().and_then(|user| self.word(user));
        let line = line?;
        let lines = [Some(&line), guards.unless.as_ref(), guards.only_if.as_ref()];
        let fills_in = text.expand.value_or(false);
        for shell in lines.into_iter().flatten().filter_map(|line| shell_of(line)) {
            if !fills_in || !std::ptr::eq(shell, shell_of(&line).unwrap_or_default()) {
                self.tell_shell(shell, &mut env);
            }
        }
        let mut action = CommandAction::new(line, guards);
        action.cwd = cwd;
        action.env = env;
        action.user = user;
        Some(Done { action: Action::Command(action), on_change: on_change.unwrap_or_default() })
    }

    fn check_guards(&mut self, at: &At<Command>) {
        let text = &at.value;
        let never = matches!(text.once.get().map(|once| once.value), Some(OnceText::Never));
        let once = text.once.key().filter(|_| !never);
        let guards = [
            ("creates", text.creates.key()),
            ("removes", text.removes.key()),
            ("unless", text.unless.key()),
            ("only_if", text.only_if.key()),
            ("on_change", text.on_change.key()),
            ("once", once),
        ];
        let always = text.always.get().filter(|always| always.value).and(text.always.key());
        match (guards.iter().find(|(_, spot)| spot.is_some()), always) {
            (None, None) if !matches!(text.always, Field::Wrong { .. }) => {
                self.problems.add(at.spot, ProblemKind::NoGuard { keys: GUARDS });
            }
            (Some((first, _)), Some(spot)) => {
                self.problems.add(spot, ProblemKind::Together { first, second: "always" });
            }
            _ => {}
        }
        self.needs_name("once", once);
        self.needs_name("on_change", text.on_change.key());
        let idempotent = text.idempotent.get().filter(|is| is.value).and(text.idempotent.key());
        self.only_beside("idempotent", idempotent, "once", once);
        let is_shell = |guard: &Field<CommandText>| {
            matches!(guard.get().map(|at| &at.value), Some(CommandText::Shell(_)))
        };
        let shells = is_shell(&text.unless) || is_shell(&text.only_if);
        let shell = text.shell.key();
        self.only_beside("bash", text.bash.key(), "shell", shell.or(text.bash.key().filter(|_| shells)));
        self.only_beside("expand", text.expand.key(), "shell", shell);
    }

    pub(super) fn only_beside(
        &mut self,
        key: &'static str,
        spot: Option<Spot>,
        beside: &'static str,
        other: Option<Spot>,
    ) {
        if let (Some(spot), None) = (spot, other) {
            self.problems.add(spot, ProblemKind::OnlyBeside { key, beside });
        }
    }

    fn command_line(&mut self, text: &Command) -> Option<CommandLine> {
        if let Some(argv) = text.argv.get() {
            return self.argv(&argv.value, argv.spot);
        }
        let shell = text.shell.get()?;
        if shell.value.trim().is_empty() {
            self.problems.add(shell.spot, ProblemKind::EmptyText);
            return None;
        }
        let fills_in = text.expand.value_or(false);
        let filled = if fills_in { self.argument(shell)? } else { self.as_it_is(shell)? };
        Some(CommandLine::Shell { text: filled, bash: text.bash.value_or(false) })
    }

    /// A text for the shell, in which `${..}` is the shell's own.
    fn as_it_is(&mut self, at: &At<String>) -> Option<String> {
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
        Some(at.value.clone())
    }

    fn argv(&mut self, argv: &[At<String>], spot: Spot) -> Option<CommandLine> {
        let read: Vec<String> = argv.iter().filter_map(|at| self.argument(at)).collect();
        match (read.first(), argv.first()) {
            (_, None) => self.problems.add(spot, ProblemKind::EmptyList),
            (Some(program), Some(first)) if program.is_empty() => {
                self.problems.add(first.spot, ProblemKind::EmptyText);
            }
            _ => return Some(CommandLine::Argv(read)),
        }
        None
    }

    fn guard(&mut self, field: &Field<CommandText>, bash: bool) -> Option<CommandLine> {
        let at = field.get()?;
        match &at.value {
            CommandText::Argv(argv) => self.argv(argv, at.spot),
            CommandText::Shell(text) if text.trim().is_empty() => {
                self.problems.add(at.spot, ProblemKind::EmptyText);
                None
            }
            CommandText::Shell(text) => {
                let text = At { value: text.clone(), spot: at.spot, begins: at.begins };
                Some(CommandLine::Shell { text: self.as_it_is(&text)?, bash })
            }
        }
    }

    fn env(&mut self, env: &[(At<String>, At<String>)]) -> BTreeMap<String, SecretText> {
        let mut read = BTreeMap::new();
        for (name, value) in env {
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

fn shell_of(line: &CommandLine) -> Option<&str> {
    match line {
        CommandLine::Shell { text, .. } => Some(text),
        CommandLine::Argv(_) => None,
    }
}
