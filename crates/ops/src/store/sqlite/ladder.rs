//! Opening a store, step by step.

use std::io;
use std::path::PathBuf;

use rusqlite::Connection;
use thiserror::Error;

use super::place::{Found, Place, is_damage};
use super::{SqliteStore, locks};
use crate::env::Env;
use crate::foreign::Foreign;
use crate::store::{FolderError, Keep, MemoryStore, Opened, StateFolder, StatusSnapshot};

/// Why a store could not be opened. Work goes on in memory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder must not hold state.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of it cannot be used.
    #[error("the state store {path} cannot be opened")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process kept it locked for too long.
    #[error("another process keeps the state store {path} locked")]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// A newer version of this program made it.
    #[error("the state store {path} was made by a newer version; it is left as it is")]
    Newer {
        /// Which.
        path: PathBuf,
    },
    /// The engine does not want it.
    #[error("the state store {path} cannot be opened: {reason}")]
    Engine {
        /// Which.
        path: PathBuf,
        /// In the engine's words.
        reason: Foreign,
    },
}

impl SqliteStore {
    /// Opens the store in `folder`, or a [`MemoryStore`] in its place after one call of `warn`.
    #[must_use]
    pub fn open_or_memory(
        folder: &StateFolder,
        env: &Env,
        keep: Keep,
        warn: impl Fn(&str) + Send + Clone + 'static,
    ) -> Opened {
        match Self::open(folder, env, keep, Box::new(warn.clone())) {
            Ok(store) => Opened { store: Box::new(store) },
            Err(error) => Self::without(folder, env, &error, &warn),
        }
    }

    /// Opens the store in `folder` if there is one, and makes nothing: for who only looks.
    #[must_use]
    pub fn look_or_memory(
        folder: &StateFolder,
        env: &Env,
        warn: impl Fn(&str) + Send + Clone + 'static,
    ) -> Opened {
        match Self::open_existing(folder, env, Box::new(warn.clone())) {
            Ok(Some(store)) => Opened { store: Box::new(store) },
            Ok(None) => Opened { store: Box::new(MemoryStore::not_made_yet()) },
            Err(error) => Self::without(folder, env, &error, &warn),
        }
    }

    /// What there is in its place, after one warning: what the snapshot beside it has, else nothing.
    fn without(folder: &StateFolder, env: &Env, error: &OpenError, warn: &impl Fn(&str)) -> Opened {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        let snapshot = StatusSnapshot::read(env.fs(), folder.path()).ok();
        let store = snapshot.as_ref().and_then(|snapshot| {
            let at = snapshot.written_at()?;
            text = format!("{text}; circuit breakers are those of {at}");
            snapshot.store()
        });
        warn(&format!("{text}; circuit breakers are not remembered after this run"));
        Opened { store: Box::new(store.unwrap_or_default().standing_in()) }
    }

    /// Opens the store in `folder` as it is; `None` where there is none. Makes nothing and sets nothing aside.
    ///
    /// # Errors
    /// [`OpenError`] says why it cannot be read.
    pub fn open_existing(
        folder: &StateFolder,
        env: &Env,
        warn: Box<dyn Fn(&str) + Send>,
    ) -> Result<Option<Self>, OpenError> {
        let folder = match folder.look(env.fs()) {
            Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            looked => Place::of(looked?, folder, env),
        };
        let path = folder.store.clone();
        let io = |source| OpenError::Io { path: path.clone(), source };
        match folder.look().map_err(io)? {
            Found::Nothing | Found::Gone => return Ok(None),
            Found::Newer => return Err(OpenError::Newer { path }),
            Found::Wrong => {
                let reason = "it is damaged or not ours".to_owned();
                return Err(OpenError::Engine { path, reason: reason.into() });
            }
            Found::Ours => {}
        }
        let lock = folder.lock().map_err(io)?;
        if !locks::shared(&lock).map_err(io)? {
            return Err(OpenError::Locked { path });
        }
        match folder.connect().map_err(io)? {
            Ok(connection) => Ok(Some(Self::over(connection, folder.standing().map_err(io)?, lock, warn))),
            Err(error) => Err(OpenError::Engine { path, reason: error.to_string().into() }),
        }
    }

    /// Opens the store in `folder`, making it where it is missing. A damaged or foreign file is set
    /// aside, with a warning; `warn` is also told, once, when the store fails later. Of what `status.json` beside a
    /// store that was set aside has, the new one begins with what `keep` says.
    ///
    /// # Errors
    /// [`OpenError`] says why work must go on without.
    pub fn open(
        folder: &StateFolder,
        env: &Env,
        keep: Keep,
        warn: Box<dyn Fn(&str) + Send>,
    ) -> Result<Self, OpenError> {
        let folder = Place::of(folder.prepare(env.fs())?, folder, env);
        let path = folder.store.clone();
        let io = |source| OpenError::Io { path: path.clone(), source };
        folder.tidy(&warn).map_err(io)?;
        let lock = folder.lock().map_err(io)?;
        for _ in 0..3 {
            if !locks::shared(&lock).map_err(io)? {
                return Err(OpenError::Locked { path });
            }
            if let Stands::Sound(connection) = Stands::at(&folder)? {
                // Who made it may have been killed before it could say so.
                if !folder.is_marked() {
                    folder.mark().map_err(io)?;
                }
                return Ok(Self::over(connection, folder.standing().map_err(io)?, lock, warn));
            }
            // To make it or to set it aside nobody else may have it open.
            lock.unlock().map_err(io)?;
            if !locks::exclusive(&lock).map_err(io)? {
                continue;
            }
            // Looked at anew: meanwhile another process may have made it, or set it aside and made it.
            let kept = match Stands::at(&folder)? {
                Stands::Sound(connection) => {
                    drop(connection);
                    lock.unlock().map_err(io)?;
                    continue;
                }
                Stands::Nothing => Vec::new(),
                Stands::Gone => folder.replace_gone(keep, &warn),
                Stands::Wrong => folder.set_aside(keep, &warn).map_err(io)?,
            };
            folder.make(&kept).map_err(io)?.map_err(|error| OpenError::Engine {
                path: path.clone(),
                reason: error.to_string().into(),
            })?;
            folder.mark().map_err(io)?;
            lock.unlock().map_err(io)?;
        }
        Err(OpenError::Locked { path })
    }
}

/// What stands where the store belongs.
enum Stands {
    Nothing,
    /// There was one.
    Gone,
    /// Damaged or not ours.
    Wrong,
    Sound(Connection),
}

impl Stands {
    /// Looks, and opens it where it is one of ours.
    fn at(folder: &Place<'_>) -> Result<Self, OpenError> {
        let path = || folder.store.clone();
        let io = |source| OpenError::Io { path: path(), source };
        match folder.look().map_err(io)? {
            Found::Nothing => Ok(Self::Nothing),
            Found::Gone => Ok(Self::Gone),
            Found::Wrong => Ok(Self::Wrong),
            Found::Newer => Err(OpenError::Newer { path: path() }),
            Found::Ours => match folder.connect().map_err(io)? {
                Ok(connection) => Ok(Self::Sound(connection)),
                Err(error) if is_damage(&error) => Ok(Self::Wrong),
                Err(error) => Err(OpenError::Engine { path: path(), reason: error.to_string().into() }),
            },
        }
    }
}
