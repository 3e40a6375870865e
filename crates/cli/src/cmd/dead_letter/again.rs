//! `dead-letter retry ID`: the real operation, as its own command does it.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::Parser as _;
use vps_ops::dead_letter::{LeaseError, Leased, Letter, LetterId, LetterRequest, RunLetter, Word};
use vps_ops::foreign::{Foreign, shown};
use vps_ops::process::Input;
use vps_ops::{Kind, NetworkOperationWrapper};

use super::{command_line, failed, not_there, plan_step};
use crate::app::App;
use crate::args::{Cli, Command, RetryArgs};
use crate::cmd;
use crate::exit::Exit;
use crate::observe::words;
use crate::program;
use crate::report::Failure;

/// Variables that are missing and are named.
const NAMED: usize = 8;

/// Does it again. Ends as its own command would.
pub(super) async fn one(
    app: &App,
    network: &NetworkOperationWrapper,
    id: &LetterId,
    args: &RetryArgs,
) -> Result<Exit, Failure> {
    let leased = lease(network, id, args.force).await.map_err(|error| not_had(&error))?;
    let request = &leased.letter().request;
    if args.set.iter().any(|setting| !setting.fits(request)) {
        let failure =
            Failure::usage(format!("`{}` has no such option", words::letter_is_of(leased.letter())));
        give_back(network, leased, false).await?;
        return Err(failure);
    }
    let outcome = Box::pin(carry_out(app, network, leased.letter(), args)).await;
    let given_back = give_back(network, leased, is_done(&outcome)).await;
    if let (Err(failure), Err(_)) = (&given_back, &outcome) {
        // What was done again failed: that is what its user has to know first.
        tracing::warn!(operation = "dead_letter", "{}", failure.message);
    } else {
        given_back?;
    }
    outcome.map(|again| again.exit)
}

/// How it ended that was done again.
pub(super) struct Again {
    pub(super) exit: Exit,
    /// Whether the operation was done. A reader of standard output that is gone does not change that.
    pub(super) is_done: bool,
    /// Whether somebody has to say whether it was done before.
    pub(super) is_undecided: bool,
}

pub(super) async fn lease(
    network: &NetworkOperationWrapper,
    id: &LetterId,
    force: bool,
) -> Result<Leased, LeaseError> {
    network.letters().lease(id, force).await
}

/// Whether the operation was done.
pub(super) fn is_done(outcome: &Result<Again, Failure>) -> bool {
    outcome.as_ref().is_ok_and(|again| again.is_done)
}

/// The letter goes if its operation was done, and else is anybody's again.
pub(super) async fn give_back(
    network: &NetworkOperationWrapper,
    leased: Leased,
    is_done: bool,
) -> Result<(), Failure> {
    let letters = network.letters();
    let given = if is_done { letters.done(leased).await } else { letters.release(leased).await };
    given.map_err(|error| failed(&error))
}

pub(super) fn not_had(error: &LeaseError) -> Failure {
    let failure = Failure::of_error(Exit::Local, Kind::Local, error);
    match error {
        LeaseError::NotThere { id } => not_there(id),
        LeaseError::Parked { letter } => failure
            .hint(format!("see what it failed with: `{} dead-letter show {}`", program::name(), letter.id))
            .hint("`--force` does it again all the same"),
        LeaseError::Store(error) => failed(error),
        _ => failure,
    }
}

/// Runs the command that does it again, over the network that is there.
pub(super) async fn carry_out(
    app: &App,
    network: &NetworkOperationWrapper,
    letter: &Letter,
    args: &RetryArgs,
) -> Result<Again, Failure> {
    if let LetterRequest::PlanStep(step) = &letter.request {
        return plan_step::again(app, step, args).await;
    }
    let options = args.over(letter);
    let unknown = || Failure::local("this version does not know how to do that again");
    let words = command_line::words(&letter.request, &options).ok_or_else(unknown)?;
    let command = match Cli::try_parse_from(&words) {
        Ok(cli) => cli.command,
        // An option that another version had, or one set by hand that the command does not have.
        Err(error) => {
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default();
            return Err(Failure::usage(first.strip_prefix("error: ").unwrap_or(first)));
        }
    };
    let exit = match (command, &letter.request) {
        (Command::Download(args), _) => cmd::download::again(app, network, &args).await,
        (Command::Apt(command), _) => cmd::apt::again(app, network, &command).await,
        #[cfg(feature = "git")]
        (Command::Git(command), _) => cmd::git::again(app, network, &command).await,
        (Command::Run(run), LetterRequest::Run(letter)) => {
            let folder = surroundings(app, letter, args.force)?;
            cmd::run::again(app, network, run, folder.as_deref()).await
        }
        _ => Err(unknown()),
    }?;
    Ok(Again { exit, is_done: true, is_undecided: false })
}

/// Where a command is to run; an error where it would not find what it found then.
fn surroundings(app: &App, letter: &RunLetter, force: bool) -> Result<Option<PathBuf>, Failure> {
    let refused = |text: String| Failure::new(Exit::REFUSED, Kind::Local, text);
    if letter.reads_input && !force && !Input::ours().must_be_given_again() {
        return Err(refused("it was given something on standard input, which is not kept".to_owned())
            .hint("give it the same on standard input again, or `--force` to run it with what there is"));
    }
    let folder = letter.folder.as_ref().map(|folder| PathBuf::from(folder.to_os()));
    if let Some(missing) = folder.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(refused(format!("the folder that it ran in is not there: {}", shown(missing))));
    }
    let is_set = |name: &Word| app.environment.all.iter().any(|(set, _)| *set == name.to_os());
    let missing: Vec<String> = letter
        .variables
        .iter()
        .filter(|name| !is_set(name))
        .map(|name| Foreign::from(OsStr::to_string_lossy(&name.to_os()).as_ref()).to_string())
        .collect();
    if !missing.is_empty() {
        let more = missing.len().saturating_sub(NAMED);
        let named = missing.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        tracing::warn!(operation = "run", "variables that were set then are not set now: {named}{more}");
    }
    Ok(folder)
}
