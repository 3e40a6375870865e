//! What one run of the program said.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use serde_json::Value;

use crate::lab::Lab;

pub(crate) struct Said {
    /// The exit code; 128 and the number of the signal that ended it, as a shell has it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let status = output.status;
        Self {
            code: status.code().or(status.signal().map(|signal| signal + 128)).unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// The one JSON object of standard output, which is as its schema says.
    pub(crate) fn json(&self) -> Value {
        checked(&self.out)
    }

    /// Standard error, where every line is a JSON object as its schema says.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.err.lines().map(checked).collect()
    }

    /// The error object at the end of standard error, which is as its schema says.
    pub(crate) fn error(&self) -> Value {
        checked(self.err.lines().last().unwrap_or_default())
    }
}

fn checked(text: &str) -> Value {
    let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let _ = tests::schema::check(&value);
    value
}

pub(crate) fn run(lab: &Lab, args: &[&str]) -> Said {
    lab.run(args).into()
}

/// A run with these variables too.
pub(crate) fn run_with(lab: &Lab, variables: &[(&str, &str)], args: &[&str]) -> Said {
    lab.command(args).envs(variables.iter().copied()).output().unwrap().into()
}

/// Whether a program is there; tests of it skip with a word where it is not.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        tests::skip(&format!("there is no `{program}` here"));
    }
    found.status.success()
}

/// What differs from run to run: ports, folders, times.
pub(crate) const MASKS: [(&str, &str); 8] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"/\S*/\.tmp\w+", "LAB"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r#""(\w+_seconds)": [0-9.]+(e-\d+)?"#, r#""$1": SECONDS"#),
    (r"\b\d+\.\d+s\b", "SECONDS"),
    (r"dead letter [0-9a-z]{8}\b", "dead letter ID"),
    (r"dead-letter retry [0-9a-z]{8}\b", "dead-letter retry ID"),
    (r#""by": ".*""#, r#""by": "SOMEBODY""#),
];

/// Compares with what stands in `snapshots/`; `INSTA_UPDATE=always` writes it.
macro_rules! golden {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            filters => crate::said::MASKS.to_vec(),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!($name, $text) })
    };
}
pub(crate) use golden;
