//! Where the demo takes place, and how it is cleared away: at the end, and at Ctrl-C.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// How long one thing may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// A folder, and the program that runs in it at the moment.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    running: Running,
}

type Running = Arc<Mutex<Option<Child>>>;

impl Stage {
    pub(super) fn set() -> Result<Self> {
        let stage =
            Self { folder: tempfile::tempdir().context("no temporary folder")?, running: Running::default() };
        let (running, folder) = (Arc::clone(&stage.running), stage.folder.path().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Listening before anything is started.
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::spawn(move || {
            let number = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = interrupt.recv() => 2,
                    _ = terminate.recv() => 15,
                }
            });
            clear(&running, &folder);
            std::process::exit(128 + number);
        });
        Ok(stage)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the program here.
    pub(super) fn start(&self, mut command: Command) -> Result<()> {
        let mut running = lock(&self.running);
        let child =
            command.current_dir(self.folder.path()).spawn().context("the binary cannot be started")?;
        *running = Some(child);
        Ok(())
    }

    /// Waits for it. Looks again and again, so that Ctrl-C finds it to be ended.
    pub(super) fn wait(&self) -> Result<ExitStatus> {
        let mut ended = None;
        self.wait_until("the end of the program", || {
            if let Some(child) = lock(&self.running).as_mut() {
                ended = child.try_wait()?;
            }
            Ok(ended.is_some())
        })?;
        ended.context("no program was begun")
    }

    /// Looks again and again.
    pub(super) fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if is_so()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("waited in vain for {what}")
    }

    /// Kills it with SIGKILL.
    pub(super) fn kill(&self) -> Result<()> {
        if let Some(child) = lock(&self.running).as_mut() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        clear(&self.running, self.folder.path());
    }
}

/// Nothing is left behind: no process and no file.
fn clear(running: &Running, folder: &Path) {
    // Kept, so that nothing more is started.
    let mut running = lock(running);
    if let Some(child) = running.as_mut() {
        // One that has ended already is what we want.
        drop(child.kill());
        drop(child.wait());
    }
    drop(std::fs::remove_dir_all(folder));
}

fn lock(running: &Mutex<Option<Child>>) -> std::sync::MutexGuard<'_, Option<Child>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
