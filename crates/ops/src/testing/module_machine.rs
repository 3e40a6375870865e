//! A machine of a test's own for one module: a folder for its root, fakes for its programs, and ears for what is told.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Polling, Poll};

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::NetworkOperationWrapper;
use crate::event::{Event, Observer};
use crate::foreign::Foreign;
use crate::network::Builder;
use crate::plan::module::Modules;
use crate::plan::run::{Ground, StepContext};
use crate::plan::{Action, ModuleAction, Plan, SecretName, SecretSource, Step, Variables};

/// What a module is tried with.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) with: Value,
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    pub(super) secrets: BTreeMap<String, SecretString>,
}

/// What was told of operations.
#[derive(Debug, Default)]
struct Ears(Mutex<Vec<String>>);

impl Observer for Ears {
    fn on(&self, event: &Event<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{event:?}"));
    }
}

/// One machine.
pub(super) struct Machine {
    pub(super) root: PathBuf,
    ears: Arc<Ears>,
    said: mpsc::Receiver<(usize, Foreign)>,
    cx: StepContext,
}

impl Machine {
    /// One whose files are below `root`, which is made.
    pub(super) fn new(
        root: PathBuf,
        builder: Builder,
        modules: &Arc<Modules>,
        name: &str,
        given: &Given,
    ) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        for (path, content) in &given.files {
            let path = root.join(path.strip_prefix("/").unwrap_or(path));
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            fs::write(path, content)?;
        }
        let ears = Arc::new(Ears::default());
        let step = Step::new(
            "contract".parse().map_err(io::Error::other)?,
            Action::Module(ModuleAction::new(name, given.with.clone())),
        );
        let mut plan = Plan::new("contract", root.clone(), vec![step]);
        for name in given.secrets.keys() {
            let secret: SecretName = name.parse().map_err(io::Error::other)?;
            plan.secrets.insert(secret, SecretSource::Env(name.clone()));
        }
        let variables =
            Variables::new(given.secrets.iter().map(|(name, value)| (name.clone(), value.clone())));
        let network: NetworkOperationWrapper =
            builder.observer(Arc::clone(&ears) as Arc<dyn Observer>).build();
        let (mut ground, said) = Ground::of(&network, plan, &root);
        (ground.variables, ground.modules) = (variables, Arc::clone(modules));
        let cx = StepContext::first(ground);
        Ok(Self { root, ears, said, cx })
    }

    pub(super) fn cx(&self) -> &StepContext {
        &self.cx
    }

    /// What was told of operations until now.
    pub(super) fn events(&self) -> Vec<String> {
        self.ears.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the module said it was at.
    pub(super) fn said(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.said.try_recv().ok()).map(|(_, what)| what.to_string()).collect()
    }

    /// What all files of it are, in one number.
    pub(super) fn digest(&self) -> io::Result<String> {
        let mut hash = blake3::Hasher::new();
        add(&mut hash, &self.root, Path::new(""))?;
        Ok(hash.finalize().to_hex().to_string())
    }
}

fn add(hash: &mut blake3::Hasher, root: &Path, below: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let path = root.join(below);
    let meta = fs::symlink_metadata(&path)?;
    let content = match meta.file_type() {
        kind if kind.is_symlink() => fs::read_link(&path)?.into_os_string().into_encoded_bytes(),
        kind if kind.is_file() => fs::read(&path)?,
        _ => Vec::new(),
    };
    for part in [below.as_os_str().as_encoded_bytes(), &meta.mode().to_le_bytes(), &content] {
        hash.update(&part.len().to_le_bytes());
        hash.update(part);
    }
    if meta.is_dir() {
        let mut names =
            fs::read_dir(&path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        names.iter().try_for_each(|name| add(hash, root, &below.join(name)))?;
    }
    Ok(())
}

/// A future that is dropped at one of its awaits: what it came to, if it came to its end before.
pub(super) struct Cut<F> {
    inner: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Cut<F> {
    /// Dropped at its await of this number, from 0.
    pub(super) fn at(await_of: usize, inner: F) -> Self {
        Self { inner: Box::pin(inner), left: await_of }
    }
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
        match self.inner.as_mut().poll(polling) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.left -= 1;
                Poll::Pending
            }
        }
    }
}
