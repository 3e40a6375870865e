//! `dead-letter retry` of several: service by service, one of each first, and no faster than asked for.

use std::sync::Mutex;
use std::sync::PoisonError;

use vps_ops::dead_letter::{Kept, LeaseError, Letter, LetterId, LetterRequest, Outcome, Rate, Turn, in_turn};
use vps_ops::{Kind, NetworkOperationWrapper};

use super::again::{Again, carry_out, give_back, is_done, lease, not_had};
use super::{NONE, failed, none_there, warn};
use crate::app::App;
use crate::args::RetryArgs;
use crate::exit::Exit;
use crate::observe::words;
use crate::report::document::{DeadLetterRetry, DeadLetterTurn, TurnResult};
use crate::report::{Failure, FailureKind, print, print_json};

pub(super) async fn retry(
    app: &App,
    network: &NetworkOperationWrapper,
    args: &RetryArgs,
) -> Result<Exit, Failure> {
    let all = network.letters().list().await.map_err(|error| failed(&error))?;
    let wanted = chosen(all, args)?;
    if wanted.is_empty() && !app.global.json {
        return if app.global.quiet == 0 { print(NONE) } else { Ok(Exit::Done) };
    }
    let count = wanted.len();
    let silent = app.global.json.then(|| app.silent());
    // What came of each, in the order in which it was tried.
    let codes: Mutex<Vec<(LetterId, TurnResult, u8)>> = Mutex::default();
    let rate = Rate::a_minute(args.rate);
    let turns = in_turn(&app.env, wanted, rate, &app.cancel, |letter| async {
        // What is said next names no letter.
        if count > 1 {
            let number = codes.lock().unwrap_or_else(PoisonError::into_inner).len() + 1;
            let what = words::letter_is_of(&letter);
            tracing::info!(operation = "dead_letter", "{} ({number} of {count}): {what}", letter.id);
        }
        let (result, exit) = turn(app, silent.as_ref(), network, letter.clone(), args).await;
        codes.lock().unwrap_or_else(PoisonError::into_inner).push((letter.id, result, exit.code()));
        match result {
            TurnResult::Done => Outcome::Done,
            TurnResult::Refused => Outcome::Refused,
            TurnResult::Failed => Outcome::Failed,
            _ => Outcome::NotHad,
        }
    })
    .await;
    network.close().await;
    let codes = codes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tried = |letter: &Letter| codes.iter().find(|(id, _, _)| *id == letter.id);
    let turns = turns.into_iter().map(|(letter, turn)| {
        let (result, code) = match (turn, tried(&letter)) {
            (Turn::Stopped, _) => (TurnResult::Stopped, None),
            (_, Some((_, result, code))) => (*result, Some(*code)),
            (_, None) => (TurnResult::Left, None),
        };
        DeadLetterTurn {
            id: letter.id.to_string(),
            operation: letter.request.kind(),
            target: letter.target.to_string(),
            plan: match &letter.request {
                LetterRequest::PlanStep(step) => Some(step.plan.clone()),
                _ => None,
            },
            service: letter.service.clone(),
            result,
            code: code
                .filter(|_| matches!(result, TurnResult::Done | TurnResult::Failed | TurnResult::Refused)),
        }
    });
    tell(app, &DeadLetterRetry { letters: turns.collect() })
}

/// The letters that were asked for.
fn chosen(all: Vec<Kept>, args: &RetryArgs) -> Result<Vec<Letter>, Failure> {
    let is_wanted = |id: &LetterId| args.all || args.ids.iter().any(|named| LetterId::named(named) == *id);
    let named = args.ids.iter().map(|id| LetterId::named(id));
    let missing: Vec<_> = named.filter(|id| all.iter().all(|kept| kept.id() != id)).collect();
    if !missing.is_empty() {
        return Err(none_there(&missing));
    }
    let mut letters = Vec::new();
    for kept in all.into_iter().filter(|kept| is_wanted(kept.id())) {
        match kept {
            Kept::Letter(letter) => letters.push(*letter),
            kept => tracing::warn!(
                operation = "dead_letter",
                "{} was written by a newer version and is left",
                kept.id()
            ),
        }
    }
    Ok(letters)
}

/// Does one again, and says how it failed if it did.
async fn turn(
    app: &App,
    silent: Option<&App>,
    network: &NetworkOperationWrapper,
    letter: Letter,
    args: &RetryArgs,
) -> (TurnResult, Exit) {
    if matches!(&letter.request, LetterRequest::Download(download) if download.dest.is_none()) {
        tracing::warn!(operation = "dead_letter", "{} goes to standard output: do it again alone", letter.id);
        return (TurnResult::Alone, Exit::Local);
    }
    let leased = match lease(network, &letter.id, args.force).await {
        Ok(leased) => leased,
        Err(error) => {
            let result = match &error {
                LeaseError::Parked { .. } => TurnResult::Parked,
                LeaseError::NotThere { .. } => TurnResult::Gone,
                _ => TurnResult::Held,
            };
            if result != TurnResult::Gone {
                let failure = not_had(&error);
                tracing::warn!(operation = "dead_letter", "{}", failure.message);
            }
            return (result, Exit::Local);
        }
    };
    let doing = silent.unwrap_or(app);
    let outcome = Box::pin(carry_out(doing, network, leased.letter(), args)).await;
    if let Err(failure) = give_back(network, leased, is_done(&outcome)).await {
        tracing::warn!(operation = "dead_letter", "{}", failure.message);
    }
    network.letters().settled().await;
    network.letters().news().iter().for_each(warn);
    match outcome {
        Ok(Again { exit, is_done: true, .. }) => (TurnResult::Done, exit),
        Ok(Again { exit, is_undecided: true, .. }) => (TurnResult::Undecided, exit),
        Ok(Again { exit: exit @ Exit::CircuitOpen, .. }) => (TurnResult::Refused, exit),
        Ok(Again { exit: exit @ Exit::Signal(_), .. }) => (TurnResult::Stopped, exit),
        Ok(Again { exit, .. }) => (TurnResult::Failed, exit),
        Err(failure) => {
            let failure = failure.ended_by(app.stopped.by());
            doing.tell(&failure);
            let result = match failure.kind {
                FailureKind::Of(Kind::CircuitOpen | Kind::QueueFull) => TurnResult::Refused,
                FailureKind::Of(Kind::Cancelled) => TurnResult::Stopped,
                _ => TurnResult::Failed,
            };
            (result, failure.exit)
        }
    }
}

fn tell(app: &App, retried: &DeadLetterRetry) -> Result<Exit, Failure> {
    let count = |result| retried.letters.iter().filter(|turn| turn.result == result).count();
    let (done, failures, refused) =
        (count(TurnResult::Done), count(TurnResult::Failed), count(TurnResult::Refused));
    let not_had = count(TurnResult::Parked) + count(TurnResult::Held) + count(TurnResult::Alone);
    let left = count(TurnResult::Left) + count(TurnResult::Undecided) + not_had;
    if app.global.json {
        print_json(retried)?;
    } else {
        let lines = retried.letters.iter().filter(|turn| turn.result == TurnResult::Left).map(|turn| {
            let service = turn.plan.as_ref().or(turn.service.as_ref()).map_or("", String::as_str);
            format!("left {}: the first of {service} was not done\n", turn.id)
        });
        let text: String = lines.collect();
        let stopped = match count(TurnResult::Stopped) {
            0 => String::new(),
            stopped => format!(", {stopped} stopped or not begun"),
        };
        let sum =
            format!("{done} done, {failures} failed, {refused} refused by a circuit, {left} left{stopped}\n");
        if app.global.quiet == 0 {
            print(&(text + &sum))?;
        }
    }
    if let (true, Some(signal)) = (app.cancel.is_cancelled(), app.stopped.by()) {
        return Ok(Exit::Signal(signal));
    }
    Ok(match (failures + not_had, refused + count(TurnResult::Left) + count(TurnResult::Undecided)) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::CircuitOpen,
        _ => Exit::Failed,
    })
}
