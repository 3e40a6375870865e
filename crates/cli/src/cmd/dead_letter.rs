//! `dead-letter list|show|retry|drop|export`, and what is said of letters after every command.

mod again;
mod command_line;
mod plan_step;
mod several;
mod show;

use vps_ops::dead_letter::{LetterId, News};
use vps_ops::foreign::Foreign;
use vps_ops::store::{SqliteStore, StoreError};
use vps_ops::{Kind, NetworkOperationWrapper};

use crate::app::App;
use crate::args::{DeadLetterCommand, DropArgs, RetryArgs};
use crate::cmd::confirm::can_ask;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::observe::words;
use crate::program;
use crate::report::{Failure, document, print, print_json};
use crate::stdin::confirmed;

/// What is said where there are none.
const NONE: &str = "no dead letters\n";

pub(crate) async fn run(app: &App, command: DeadLetterCommand) -> Result<Exit, Failure> {
    if let DeadLetterCommand::Drop(DropArgs { all: true, yes, .. }) = &command {
        can_ask(app, *yes, "`drop --all` forgets all letters")?;
    }
    let loaded = app.config()?;
    must_reach(app, &loaded, "there are no dead letters")?;
    let network = app.network(&loaded);
    match command {
        DeadLetterCommand::List(args) => show::list(app, &network, &args).await,
        DeadLetterCommand::Show { id } => show::one(app, &network, &LetterId::named(&id)).await,
        DeadLetterCommand::Retry(args) => retry(app, &network, args).await,
        DeadLetterCommand::Drop(args) => forget(app, &network, &args).await,
        DeadLetterCommand::Export => show::export(&network).await,
    }
}

/// Fails where the store cannot be read: that there is nothing in it would not be true.
pub(super) fn must_reach(app: &App, loaded: &Loaded, nothing: &str) -> Result<(), Failure> {
    let failure = match app.state_folder(loaded) {
        None => Failure::local(format!("{nothing}: state is kept in memory only")),
        Some(folder) => {
            let warn = Box::new(|text: &str| tracing::warn!(operation = "state", "{text}"));
            match SqliteStore::open_existing(&folder, &app.env, warn) {
                Ok(_) => return Ok(()),
                Err(error) => Failure::of_error(Exit::Local, Kind::Local, &error),
            }
        }
    };
    Err(failure
        .hint(format!("see `{program} config path` for where state is kept", program = program::name())))
}

pub(super) fn failed(error: &StoreError) -> Failure {
    Failure::of_error(Exit::Local, Kind::Local, error)
        .hint(format!("see `{program} config path` for where state is kept", program = program::name()))
}

fn not_there(id: &LetterId) -> Failure {
    none_there(std::slice::from_ref(id))
}

/// Names all that are not there.
fn none_there(ids: &[LetterId]) -> Failure {
    let named: Vec<String> = ids.iter().map(|id| Foreign::from(id.as_str()).to_string()).collect();
    let what = if ids.len() == 1 { "is no dead letter" } else { "are no dead letters" };
    Failure::local(format!("there {what} {}", named.join(", ")))
        .hint(format!("see `{program} dead-letter list`", program = program::name()))
}

/// So many of something: `1 time`, `2 times`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

async fn retry(app: &App, network: &NetworkOperationWrapper, args: RetryArgs) -> Result<Exit, Failure> {
    if let ([id], false) = (&args.ids[..], args.all) {
        return again::one(app, network, &LetterId::named(id), &args).await;
    }
    several::retry(app, network, &args).await
}

async fn forget(app: &App, network: &NetworkOperationWrapper, args: &DropArgs) -> Result<Exit, Failure> {
    let letters = network.letters();
    let ids: Vec<LetterId> = if args.all {
        let all = letters.list().await.map_err(|error| failed(&error))?;
        all.iter().map(|kept| kept.id().clone()).collect()
    } else {
        args.ids.iter().map(|id| LetterId::named(id)).collect()
    };
    let must_ask = args.all && !args.yes && !ids.is_empty();
    if must_ask && !confirmed(app, &format!("drop {}?", counted(ids.len(), "dead letter"))).await? {
        return if app.global.json {
            print_json(&document::DeadLetterDrop { ids: Vec::new() })
        } else {
            print("nothing was dropped\n")
        };
    }
    let (mut dropped, mut missing, mut error) = (Vec::new(), Vec::new(), None);
    for id in ids {
        match letters.remove(&id).await {
            Ok(true) => dropped.push(id),
            // Done by somebody meanwhile.
            Ok(false) if args.all => {}
            Ok(false) => missing.push(id),
            // Those before it are gone all the same, which is said.
            Err(why) => {
                error = Some(failed(&why));
                break;
            }
        }
    }
    network.close().await;
    if app.global.json {
        print_json(&document::DeadLetterDrop { ids: dropped.iter().map(ToString::to_string).collect() })?;
    } else if app.global.quiet == 0 {
        let mut lines: String = dropped.iter().map(|id| format!("dropped {id}\n")).collect();
        if args.all && dropped.is_empty() && error.is_none() {
            lines.push_str(NONE);
        }
        print(&lines)?;
    }
    match (error, missing.is_empty()) {
        (Some(error), _) => Err(error),
        (None, true) => Ok(Exit::Done),
        (None, false) => Err(none_there(&missing)),
    }
}

/// What became of letters by a command that has ended: what went wrong is said, and its failure says how to do it again.
pub(crate) async fn told(app: &App, outcome: Result<Exit, Failure>) -> Result<Exit, Failure> {
    let Some(network) = app.network_in_use() else { return outcome };
    network.letters().settled().await;
    network.letters().news().into_iter().fold(outcome, |outcome, news| match (news, outcome) {
        (News::Kept { id, parked }, Err(failure)) => Err(failure.hint(words::letter_kept(&id, parked))),
        (news, outcome) => {
            warn(&news);
            outcome
        }
    })
}

/// Says what went wrong with letters of a network that is not the command's own.
async fn warn_of(network: &NetworkOperationWrapper) {
    network.letters().settled().await;
    network.letters().news().iter().for_each(warn);
}

fn warn(news: &News) {
    if let Some(words) = words::letter_news(news) {
        tracing::warn!(operation = "dead_letter", "{words}");
    }
}
