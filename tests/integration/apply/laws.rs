//! What must hold whatever was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use serde_json::Value;
use tests::server::{Exchange, Log};

use super::seen;
use super::steps::{self, BEHIND, GROUPS, HOPELESS};
use super::world::{Fault, World, file};

/// Of a file that is cut by a kill: what may not have been noted yet, and what was on the way.
const CHUNK: u64 = (256 << 10) + (128 << 10);

pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// What there was right after the kill.
pub(crate) struct Killed {
    /// The steps that are known to be done.
    done: BTreeSet<String>,
    log: Log,
    /// Bytes of each file, or of its part.
    had: BTreeMap<String, u64>,
}

impl Killed {
    fn had(&self, id: &str) -> u64 {
        self.had.get(id).copied().unwrap_or(0)
    }
}

impl World {
    pub(crate) fn killed(&self) -> Killed {
        let length = |name: String| self.lab.path("out").join(name).metadata().ok().map(|meta| meta.len());
        let ids = (0..GROUPS).flat_map(|g| (0..5).map(move |n| format!("down-{g}-{n}")));
        let had = ids.filter_map(|id| {
            let there = length(id.clone()).or_else(|| length(format!(".{id}.part")))?;
            Some((id, there))
        });
        Killed { had: had.collect(), done: self.known_done(), log: self.places.server.log() }
    }

    pub(crate) fn said(&self, args: &[&str]) -> Said {
        let said = Said::from(self.run(args));
        for text in [&said.out, &said.err] {
            assert!(!text.contains(&self.secret), "{args:?} says the secret: {text}");
        }
        said
    }

    pub(crate) fn asked(&self, args: &[&str]) -> Value {
        let said = self.said(&[&["--json"], args].concat());
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    pub(crate) fn log(&self, name: &str) -> String {
        String::from_utf8(self.lab.read(name).unwrap_or_default()).unwrap()
    }

    /// The steps that are known to be done.
    pub(crate) fn known_done(&self) -> BTreeSet<String> {
        let known = self.asked(&["plan", "status", "p.yaml"]);
        let steps = known["steps"].as_array().unwrap().clone();
        let done = steps.iter().filter(|step| step["stage"] == "done");
        done.map(|step| step["step"].as_str().unwrap().to_owned()).collect()
    }

    /// The line of the plan where a step stands.
    fn line(&self, id: &str) -> usize {
        let plan = self.log("p.yaml");
        1 + plan.lines().position(|line| line == format!("  - id: {id}")).unwrap()
    }

    /// A run that was not killed says of each step that could not be done why, where it stands, and what comes next.
    pub(crate) fn assert_tells(&self, said: &Said) {
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
        for (id, cause) in HOPELESS {
            let begin = format!("error: p.yaml:{}: {id}: ", self.line(id));
            let at = said.err.find(&begin).unwrap_or_else(|| panic!("not said: {begin}\n{}", said.err));
            let own = said.err.get(at + "error".len()..).unwrap().split("\nerror: ").next().unwrap();
            assert!(own.contains(cause), "{id}: not said why ({cause}): {own}");
        }
        let blocked = said.err.lines().filter(|line| line.contains("not done: it needs down-")).count();
        assert_eq!(blocked, BEHIND.len(), "{}", said.err);
        let next = "\nnext: vps-configurator apply p.yaml  (once the cause is gone)\n";
        assert!(said.err.ends_with(next), "{}", said.err);
        let errors = said.err.matches("error: p.yaml:").count();
        assert_eq!(errors, HOPELESS.len(), "{}", said.err);
    }

    /// Each of those is kept once.
    pub(crate) fn assert_kept(&self) {
        let letters = self.asked(&["dead-letter", "list"])["letters"].as_array().unwrap().clone();
        let mut steps: Vec<_> = letters.iter().map(|letter| letter["step"].as_str().unwrap()).collect();
        steps.sort_unstable();
        let mut wanted = HOPELESS.map(|(id, _)| id);
        wanted.sort_unstable();
        assert_eq!(steps, wanted);
    }

    /// What may be done once was done once, and who watches a file was told of its last content.
    pub(crate) fn assert_done(&self, version: u32) {
        for g in 0..GROUPS {
            assert_eq!(self.log(&format!("log/once-{g}")), "once\n", "once-{g}");
            assert_eq!(self.log(&format!("told/{g}")), format!("version {version} of {g}"), "told-{g}");
        }
    }

    /// Nothing of a download was sent twice, but for what was on the way when it was killed; and of those that were
    /// done by then nobody asked again.
    pub(crate) fn assert_fetched_once(&self, killed: &Killed, told: &str) {
        let log = self.places.server.log();
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        let name = |one: &Exchange| {
            one.request.path().trim_start_matches('/').trim_start_matches("elsewhere-").to_owned()
        };
        let is_file = |one: &&Exchange| (200..300).contains(&one.status);
        let (until, after) = log.exchanges.split_at(killed.log.exchanges.len());
        // The last one of each file is the one that the kill may have cut: what the kernel had for whom was killed was
        // not read by him, and is no fault of his.
        let files: Vec<(String, &Exchange)> =
            until.iter().filter(is_file).map(|one| (name(one), one)).collect();
        let last: BTreeMap<&str, usize> =
            files.iter().enumerate().map(|(at, (id, _))| (id.as_str(), at)).collect();
        for (at, (id, one)) in files.iter().enumerate() {
            let read = match last.get(id.as_str()) == Some(&at) {
                true => killed.had(id).saturating_sub(one.from).min(one.sent),
                false => one.sent,
            };
            *sent.entry(id.clone()).or_default() += read;
        }
        for one in after.iter().filter(is_file) {
            *sent.entry(name(one)).or_default() += one.sent;
        }
        for g in 0..GROUPS {
            for n in 0..5 {
                let (id, size) = (format!("down-{g}-{n}"), file(g, n).len());
                if HOPELESS.iter().any(|(hopeless, _)| *hopeless == id) {
                    continue;
                }
                let sent = sent.get(&id).copied().unwrap_or(0);
                let is_large = steps::size(Fault::of(g, n)) > CHUNK;
                let most = size + if is_large { CHUNK } else { size };
                assert!(
                    (size..=most).contains(&sent),
                    "{told}: {id}: {sent} bytes were sent of {size}\n{log}"
                );
            }
        }
        for one in after {
            let id = one.request.path().trim_start_matches('/').trim_end_matches(".tar.gz");
            assert!(!killed.done.contains(id), "{told}: {id} was done, and asked for again: {one}");
        }
    }

    /// There is nothing to do, and nothing is done: no connection, no file written, no program run.
    pub(crate) fn assert_rests(&self, told: &str) {
        let connections = || {
            let mended = self.places.mended.as_ref().map_or(0, |server| server.log().connections);
            self.places.server.log().connections + mended
        };
        let (files, asked) = (seen::all(self), connections());
        // Whatever is run by its name would be found to be missing.
        let output = self.command(&["apply", "p.yaml"]).env("PATH", self.lab.path("nothing")).output();
        let said = Said::from(output.unwrap());
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{told}: {}", said.out);
        assert!(
            said.out.starts_with(&format!("hostile: {} steps  ok {0}  ", steps::STEPS)),
            "{told}: {}",
            said.out
        );
        assert_eq!(connections(), asked, "{told}");
        let now = seen::all(self);
        let differs: Vec<_> = files
            .keys()
            .chain(now.keys())
            .filter(|path| files.get(*path) != now.get(*path))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        assert!(differs.is_empty(), "{told}: written: {differs:?}");
    }

    /// Nobody but the server and the commands has had the secret.
    pub(crate) fn assert_secret(&self, told: &str) {
        assert_eq!(seen::with_secret(self), [] as [std::path::PathBuf; 0], "{told}");
        let letters = self.said(&["dead-letter", "export"]);
        assert_eq!(letters.code, Some(0));
        let log = self.places.server.log();
        let has = |one: &Exchange| one.request.header("x-token") == Some(self.secret.as_str());
        assert!(log.exchanges.iter().any(has), "the server had it");
    }
}
