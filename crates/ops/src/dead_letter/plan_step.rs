//! The letter of a plan's step.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vps_retry::{Class, Kind};

use super::letter::{Asked, EndedBy, Failure, Letter, LetterAttempt};
use super::request::{LetterOptions, LetterRequest};
use super::secret::has_secret;
use super::text::Word;
use crate::foreign::Foreign;

/// A step of a plan. It is done again by the plan's file, and only as long as that has the same step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PlanStepLetter {
    /// What the plan is remembered by.
    pub plan: String,
    /// The step's name.
    pub step: String,
    /// The plan's file; null where it came from standard input.
    pub path: Option<Word>,
    /// The hash of what the step did: an edited step has another one.
    pub hash: String,
    /// What it does, for people: secrets by their names, and nothing of what may be one.
    pub action: Value,
    /// Why it failed the last time, from the outside in.
    pub causes: Vec<Foreign>,
    /// Where all is that its command said.
    pub log: Option<Word>,
}

/// Stands for what may have a secret in it, and is in the plan.
const LEFT_OUT: &str = "(as in the plan)";
/// Of what people may write into a plan as they like, the keys: the values are in the plan, and may be secrets.
const FREE: [&str; 4] = ["content", "env", "headers", "with"];
/// Bytes of one text that are kept.
const LONGEST: usize = 2_000;

/// What is kept of what a step does. It is for people: what does it again is the plan.
pub(crate) fn kept_of(action: Value) -> Value {
    match action {
        Value::Object(keys) => {
            let kept = keys.into_iter().map(|(key, value)| {
                let value = if FREE.contains(&key.as_str()) { names_of(&key, value) } else { kept_of(value) };
                (key, value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(all) if has_secret(all.iter().filter_map(Value::as_str).map(Cow::Borrowed)) => {
            LEFT_OUT.into()
        }
        Value::Array(all) => Value::Array(all.into_iter().map(kept_of).collect()),
        Value::String(text) if text.len() > LONGEST || has_secret(std::iter::once(Cow::Borrowed(&*text))) => {
            LEFT_OUT.into()
        }
        other => other,
    }
}

/// The names of the secrets in a text, and nothing of what stands beside them.
fn secrets_in(text: &str) -> Option<String> {
    let named = text.split("${secret.").skip(1).filter_map(|rest| rest.split_once('}'));
    // What a secret of a plan may be called.
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let names: BTreeSet<&str> =
        named.map(|(name, _)| name).filter(|name| !name.is_empty() && name.chars().all(is_of_name)).collect();
    let names: Vec<String> = names.iter().map(|name| format!("${{secret.{name}}}")).collect();
    Some(names.join(" ")).filter(|names| !names.is_empty() && names.len() <= LONGEST)
}

/// The keys, and of the values the names of their secrets.
fn names_of(of: &str, value: Value) -> Value {
    let named = |value: Value| match value {
        Value::String(text) => secrets_in(&text).map_or_else(|| LEFT_OUT.into(), Value::String),
        _ => LEFT_OUT.into(),
    };
    match value {
        Value::Object(keys) => keys.into_iter().map(|(key, value)| (key, named(value))).collect(),
        Value::Array(pairs) if of == "headers" => pairs
            .into_iter()
            .filter_map(|pair| serde_json::from_value::<(String, Value)>(pair).ok())
            .map(|(key, value)| (key, named(value)))
            .collect(),
        Value::Null => Value::Null,
        Value::String(_) => named(value),
        _ => LEFT_OUT.into(),
    }
}

/// How a step failed.
#[derive(Debug)]
pub(crate) struct StepEnd {
    pub(crate) kind: Kind,
    pub(crate) class: Class,
    pub(crate) service: Option<String>,
    pub(crate) error: Foreign,
    pub(crate) attempts: u32,
    pub(crate) took: Duration,
    /// When, in seconds since the Unix epoch.
    pub(crate) at: f64,
}

impl Letter {
    /// That of a step that failed just now.
    pub(crate) fn of_step(step: PlanStepLetter, end: StepEnd) -> Self {
        let target = format!("{} of {}", step.step, step.plan).as_str().into();
        let cause = step.causes.last().unwrap_or(&end.error).clone();
        let request = LetterRequest::PlanStep(step);
        let ended_by = match end.kind {
            Kind::CircuitOpen | Kind::QueueFull => EndedBy::Circuit,
            _ => EndedBy::Failure,
        };
        let StepEnd { kind, class, service, error, attempts, took, at } = end;
        let history = vec![LetterAttempt::new(at, service.clone(), (class, kind), cause, took)];
        let asked = Asked { request, options: LetterOptions::default(), target };
        Self::new(asked, Failure { ended_by, class, kind, service, error, at, attempts, history })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edited_step_keeps_its_letter_and_begins_to_count_anew() {
        let failed = |hash: &str| {
            let step = PlanStepLetter { plan: "web".into(), step: "app".into(), ..PlanStepLetter::default() };
            let end = StepEnd {
                kind: Kind::Failed,
                class: Class::Permanent,
                service: None,
                error: "no".into(),
                attempts: 1,
                took: Duration::from_millis(5),
                at: 1.0,
            };
            Letter::of_step(PlanStepLetter { hash: hash.into(), ..step }, end)
        };
        let second = failed("a").after(Some(&failed("a")));
        assert_eq!((second.failures, second.equal_failures), (2, 2));
        let third = failed("b").after(Some(&second));
        assert_eq!((third.id == second.id, third.failures, third.equal_failures), (true, 3, 1));
    }

    #[test]
    fn what_may_be_a_secret_stays_in_the_plan() {
        let kept = kept_of(json!({"command": {
            "argv": ["migrate", "--password", "canary"],
            "env": {"A": "canary", "B": "${secret.b}"},
            "headers": [["Authorization", "Bearer ${secret.token}"], ["X-Key", "canary"]],
            "unless": {"shell": "curl https://me:canary@example.com/"},
            "creates": "/srv/done",
            "with": {"key": ["canary"]},
            "content": "canary",
            "url": "https://example.com/f?key=canary",
            "more": [{"shell": "x".repeat(3_000)}],
        }}));
        assert!(!kept.to_string().contains("canary"), "{kept}");
        let command = &kept["command"];
        assert_eq!(command["env"], json!({"A": LEFT_OUT, "B": "${secret.b}"}));
        assert_eq!(command["headers"], json!({"Authorization": "${secret.token}", "X-Key": LEFT_OUT}));
        assert_eq!(command["creates"], "/srv/done");
        assert_eq!(command["more"][0]["shell"], LEFT_OUT);
        let beside = kept_of(json!({
            "env": {
                "DSN": "postgres://app:canary@db/${secret.name}?key=canary",
                "BOTH": "${secret.b}canary${secret.a}",
                "NONE": "${secret.CANARY} ${secret.canary",
            },
            "headers": [["Cookie", "session=canary; ${secret.id}"]],
            "with": {"dsn": "canary ${secret.x}", "deep": {"key": "${secret.y}canary"}},
            "more": {"with": [["canary", "canary"]]},
            "content": "password = canary\nkey = ${secret.key}\n",
        }));
        assert!(!beside.to_string().to_ascii_lowercase().contains("canary"), "{beside}");
        let env = json!({"DSN": "${secret.name}", "BOTH": "${secret.a} ${secret.b}", "NONE": LEFT_OUT});
        assert_eq!(beside["env"], env);
        assert_eq!(beside["headers"], json!({"Cookie": "${secret.id}"}));
        assert_eq!(beside["with"], json!({"dsn": "${secret.x}", "deep": LEFT_OUT}));
        assert_eq!(beside["content"], "${secret.key}");
        let plain = json!({"packages": {"packages": ["curl", "nginx=1.22*"], "upgrade": false}});
        assert_eq!(kept_of(plain.clone()), plain);
    }
}
