//! A plan under faults: killed, finished, a failure kept, mended and done again, and then nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use super::program::Program;
use super::server::{Answer, File, Refusing, Server};
use super::{holds, mebibytes, say};
use crate::paths;

const PLAN: &str = "quickstart.yaml";
/// Files of a run that is at work.
const IN_USE: [&str; 2] = ["apply.lock", "state.db-shm"];
const BIG: u64 = 8 << 20;
const SLOW: u64 = 4 << 20;

/// What is shown: servers, the plan, and what is in the files it fetches.
struct Show<'p> {
    program: &'p Program,
    /// Whose files are big, and who is silent for a while: a circuit each.
    server: Server,
    other: Server,
    files: BTreeMap<&'static str, File>,
    _refusing: Refusing,
}

pub(super) fn show(program: &Program) -> Result<()> {
    let show = Show::prepare(program)?;
    show.killed()?;
    show.finished()?;
    show.kept()?;
    show.mended()?;
    show.again()?;
    say("done: killed, finished, mended, and each claim above was looked at")
}

impl<'p> Show<'p> {
    fn prepare(program: &'p Program) -> Result<Self> {
        let (server, other) = (Server::start()?, Server::start()?);
        let refusing = Refusing::start()?;
        let sizes = [("big", BIG), ("mirrored", 1 << 20), ("slow", SLOW), ("settings", 1 << 10)];
        let files: BTreeMap<_, _> =
            (1..).zip(sizes).map(|(seed, (name, size))| (name, File::of(seed, size))).collect();
        let digest = |name: &str| files.get(name).map(File::sha256).unwrap_or_default();
        // After the steps of the plan to begin with come some that want a server.
        let more = format!(
            "\n  - id: big\n    download: {{url: \"{here}/big\", sha256: {}, dest: quickstart/big}}\n\
             \x20 - id: mirrored\n    download: {{url: \"{nobody}/mirrored\", mirrors: [\"{here}/mirrored\"], sha256: {}, dest: quickstart/mirrored}}\n\
             \x20 - id: slow\n    download: {{url: \"{there}/slow\", sha256: {}, dest: quickstart/slow}}\n\
             \x20   circuit: slow\n\
             \x20 - id: settings\n    download: {{url: \"{here}/settings\", sha256: {}, dest: quickstart/settings}}\n\
             \x20 - id: started\n    needs: [settings]\n    command: {{shell: \"wc -c <quickstart/settings >quickstart/started\", creates: quickstart/started}}\n",
            digest("big"),
            digest("mirrored"),
            digest("slow"),
            digest("settings"),
            here = server.url(""),
            there = other.url(""),
            nobody = refusing.url(""),
        );
        let example = paths::root().join("examples").join(PLAN);
        let text = fs::read_to_string(&example).with_context(|| format!("{}", example.display()))?;
        fs::write(program.stage.path(PLAN), text + &more)?;
        // Of one service silence is not waited for as long as of all others.
        let config = "performance: {services: {slow: {timeouts: {idle: 1}}}}\n";
        fs::write(program.stage.path("vps-configurator.yaml"), config)?;
        for (name, file) in &files {
            let server = if *name == "slow" { &other } else { &server };
            server.put(&format!("/{name}"), file);
        }
        server.script("/big", [Answer::RetryAfter(1), Answer::CutAfter(BIG / 4), Answer::HoldAfter(BIG / 4)]);
        server.script("/settings", [Answer::Status(404)]);
        other.script("/slow", [Answer::HoldAfter(SLOW / 2), Answer::Whole]);
        Ok(Self { program, server, other, files, _refusing: refusing })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.program.stage.path("quickstart").join(name)
    }

    /// The stage of a step, as the program knows it.
    fn is_done(&self, step: &str) -> Result<bool> {
        let known = self.program.asked(&["plan", "status", PLAN])?;
        let steps = known.get("steps").and_then(|steps| steps.as_array()).context("no steps")?;
        let is = |value: Option<&serde_json::Value>, text: &str| value.and_then(|v| v.as_str()) == Some(text);
        Ok(steps.iter().any(|one| is(one.get("step"), step) && is(one.get("stage"), "done")))
    }

    fn killed(&self) -> Result<()> {
        say(
            "1. examples/quickstart.yaml and five steps more, against servers that are busy, cut, silent, not there;",
        )?;
        say("   and kill -9 in the middle")?;
        self.program.start(&["apply", PLAN])?;
        self.server.wait_until_held("/big")?;
        self.program.wait_for_part(&self.path("big"), BIG / 2)?;
        for step in ["opened", "mirrored", "slow"] {
            self.program.stage.wait_until(&format!("the step {step}"), || self.is_done(step))?;
        }
        self.program.kill()?;
        self.tell()?;
        holds(!self.path("big").exists(), "what was half fetched is not there yet: no half file")?;
        holds(self.path("opened-at").exists(), "what was done before the kill is there")
    }

    fn finished(&self) -> Result<()> {
        say("2. The same command again: it goes on where it was")?;
        let opened = modified(&self.path("opened-at"))?;
        self.server.script("/big", [Answer::Whole]);
        let status = self.program.run(&["apply", PLAN])?;
        self.tell()?;
        holds(status.code() == Some(1), "exit code 1: `settings` failed for good (404), `started` needs it")?;
        for name in ["big", "mirrored", "slow"] {
            let (file, server) = (self.files.get(name).context("a file")?, self.server_of(name));
            ensure!(fs::read(self.path(name))? == file.bytes(), "{name} is not what it should be");
            let (size, sent) = (mebibytes(file.size), mebibytes(server.sent(&format!("/{name}"))));
            let what =
                format!("{name}: {size}, sent in both runs together: {sent}; nothing was fetched twice");
            holds(server.sent(&format!("/{name}")) == file.size, &what)?;
        }
        holds(modified(&self.path("opened-at"))? == opened, "what may be done once was done once")?;
        holds(self.path("site/index.html.sha256").exists(), "what follows a change followed it")
    }

    fn kept(&self) -> Result<()> {
        say("3. What failed for good is kept")?;
        ensure!(self.program.run(&["dead-letter", "list"])?.success(), "the list should have been shown");
        let letters = self.program.asked(&["dead-letter", "list"])?;
        let letters = letters.get("letters").and_then(|letters| letters.as_array()).context("no letters")?;
        let of = |letter: &serde_json::Value| letter.get("step").and_then(|s| s.as_str().map(str::to_owned));
        let steps: Vec<_> = letters.iter().map(of).collect();
        holds(steps == [Some("settings".to_owned())], "one letter, of the one step that failed")
    }

    fn mended(&self) -> Result<()> {
        say("4. The file is there now: what failed is done again, and what it kept from being done")?;
        self.server.script("/settings", [Answer::Whole]);
        let status = self.program.run(&["dead-letter", "retry", "--all"])?;
        self.tell()?;
        holds(status.success(), "exit code 0")?;
        let counted = fs::read_to_string(self.path("started"))?;
        holds(counted.trim() == "1024", "`settings` is there, and `started` was done after it")?;
        let letters = self.program.asked(&["dead-letter", "list"])?;
        let left = letters.get("letters").and_then(|letters| letters.as_array()).map(Vec::len);
        holds(left == Some(0), "no letter is left")
    }

    fn again(&self) -> Result<()> {
        say("5. Once more: there is nothing to do")?;
        let (before, connections) = (below(self.program.stage.folder())?, self.connections());
        let status = self.program.run(&["apply", PLAN])?;
        self.tell()?;
        holds(status.success(), "exit code 0")?;
        holds(self.connections() == connections, "no connection was made")?;
        holds(
            below(self.program.stage.folder())? == before,
            "no file was written, of the plan's or of the state: the lock of a run is all it makes",
        )
    }

    fn server_of(&self, name: &str) -> &Server {
        if name == "slow" { &self.other } else { &self.server }
    }

    fn connections(&self) -> usize {
        self.server.connections() + self.other.connections()
    }

    fn tell(&self) -> Result<()> {
        let log: Vec<_> = [&self.server, &self.other].into_iter().flat_map(Server::log).collect();
        match log.as_slice() {
            [] => say("   (the servers saw no request)"),
            log => log.iter().try_for_each(|line| say(&format!("   (server: {line})"))),
        }
    }
}

fn modified(path: &Path) -> Result<SystemTime> {
    Ok(fs::metadata(path).with_context(|| format!("{}", path.display()))?.modified()?)
}

/// Every file below, when it was written, and what is in it; without the lock, in which each run says who it is,
/// and the memory that those who read the state share.
fn below(folder: &Path) -> Result<Vec<(PathBuf, SystemTime, Vec<u8>)>> {
    let files =
        paths::files(folder)?.into_iter().filter(|path| !IN_USE.iter().any(|name| path.ends_with(name)));
    files.map(|path| Ok((path.clone(), modified(&path)?, fs::read(&path)?))).collect()
}
