//! One recorded run: its exit, what it printed, its status lines.

use std::fs;
use std::path::PathBuf;

use vps_ops::apt::{Fault, Said, StatusSummary, Step, fault};
use vps_ops::process::Ended;

pub(crate) struct Captured {
    pub(crate) ended: Ended,
    pub(crate) said: Said,
    pub(crate) status_text: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures/apt")
}

/// Every recorded run's name.
pub(crate) fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let mut names: Vec<String> =
        texts.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

impl Captured {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read(folder().join(format!("{name}.txt"))).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let section = |start: &str| {
            let (_, rest) = text.split_once(start)?;
            let (_, rest) = rest.split_once('\n')?;
            rest.split("\n--- ").next()
        };
        let status_text = section("\n--- status-fd").unwrap_or_default().to_owned();
        let stdout = section("\n--- stdout").unwrap_or_default();
        let stderr = section("\n--- stderr").unwrap_or_default();
        let (_, code) = text.split_once("# exit code: ").unwrap();
        let code = code.lines().next().unwrap();
        let ended = match code {
            // `timeout` at the other end of the pipe: apt-get itself went on and was done.
            "124" if name.starts_with("reader_dies") => Ended::Code(0),
            code if code.starts_with("none:") => Ended::Signal(9),
            code => Ended::Code(code.parse().unwrap()),
        };
        Self { ended, said: Said::new(stdout.as_bytes(), stderr.as_bytes()), status_text }
    }

    pub(crate) fn status(&self) -> StatusSummary {
        StatusSummary::of(&self.status_text)
    }

    pub(crate) fn fault(&self, step: Step) -> Option<Fault> {
        fault(step, self.ended, &self.said, &self.status())
    }
}
