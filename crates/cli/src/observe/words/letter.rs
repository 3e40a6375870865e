//! Dead letters in words.

use vps_ops::dead_letter::{
    Dropped, Letter, LetterId, LetterRequest, News, NotKept, SecretPlace, WhyDropped,
};

use crate::program;

/// What it is of: `download of https://example.com/f`.
pub(crate) fn letter_is_of(letter: &Letter) -> String {
    let kind = letter.request.kind();
    match (&letter.request, letter.target.as_str()) {
        (LetterRequest::Run(run), _) => {
            let words = run.command.iter().map(|word| word.to_os().to_string_lossy().into_owned());
            format!("{kind} of {}", words.collect::<Vec<_>>().join(" "))
        }
        (LetterRequest::PlanStep(_), target) => format!("step {target}"),
        (_, "") => kind.to_string(),
        (_, target) => format!("{kind} of {target}"),
    }
}

/// How to do again what just failed.
pub(crate) fn letter_kept(id: &LetterId, parked: bool) -> String {
    let program = program::name();
    if parked {
        return format!(
            "kept as dead letter {id}, and parked, for it failed for good again and again; `{program} dead-letter \
             retry {id} --force` does it all the same"
        );
    }
    format!("kept as dead letter {id}; do it again with `{program} dead-letter retry {id}`")
}

/// What is not as it should be; nothing where all is well.
pub(crate) fn letter_news(news: &News) -> Option<String> {
    match news {
        News::NotKept(NotKept::Secret { place }) => {
            let place = match place {
                SecretPlace::Url => "its URL has a user, a password or a query, which may be secret",
                SecretPlace::Headers => "it sends headers of which it is not known where they are from",
                _ => "its command line seems to have a secret in it",
            };
            Some(format!("no dead letter is kept of this: {place}"))
        }
        News::NotKept(NotKept::NoStore { reason }) => {
            Some(format!("no dead letter could be kept of this: {reason}"))
        }
        News::NotKept(_) => Some("no dead letter is kept of this: it cannot be written down".to_owned()),
        News::Dropped(Dropped { id, target, why, .. }) => {
            let why = match why {
                WhyDropped::TooOld => "it is older than `dead_letters.max_age`",
                _ => "there are more than `dead_letters.max_count`",
            };
            let of = if target.is_empty() { String::new() } else { format!(" ({target})") };
            Some(format!("the dead letter {id}{of} is dropped: {why}"))
        }
        News::Stays { id, reason } => Some(format!(
            "what the dead letter {id} is of was done, and the letter is still there: {reason}; drop it: `{} \
             dead-letter drop {id}`",
            program::name()
        )),
        _ => None,
    }
}
