//! Where secrets come from, at the moment they are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::action::Action;
use super::ids::SecretName;
use super::secret_text::SecretText;
use super::step::{Plan, SecretSource, Step};
use crate::env::Env;
use crate::env::fs::{Care, FileKind};
use crate::foreign::{Foreign, shown};

/// A secret is a line or a key, not a file system.
const LARGEST: u64 = 1 << 20;
/// Where systemd leaves credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// What a command has of our environment.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];
/// Where programs are, where nobody says otherwise.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What nobody else may do with the file of a secret: read it, or write it as its group.
const OTHERS: u32 = 0o027;

/// A secret that cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The plan does not say where it comes from.
    #[error("the plan has no secret `{name}`")]
    Unknown {
        /// Which.
        name: SecretName,
    },
    /// Its file cannot be read.
    #[error("the secret `{name}` cannot be read from {path}")]
    File {
        /// Which.
        name: SecretName,
        /// The file.
        path: Foreign,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read its file.
    #[error("the secret `{name}` is no secret: others can read {path} (mode {mode:o})")]
    Readable {
        /// Which.
        name: SecretName,
        /// The file.
        path: Foreign,
        /// Its mode.
        mode: u32,
    },
    /// It is no text.
    #[error("the secret `{name}` is not UTF-8 text")]
    NoText {
        /// Which.
        name: SecretName,
    },
    /// There is nothing in it: what uses it would be without it, and nobody would see that.
    #[error("the secret `{name}` is empty")]
    Empty {
        /// Which.
        name: SecretName,
    },
    /// The variable is set to what is no text.
    #[error("the secret `{name}` comes from {variable}, which is set to what is not UTF-8 text")]
    NoTextIn {
        /// Which.
        name: SecretName,
        /// The variable.
        variable: Foreign,
    },
    /// The variable is not set, or the service manager gave no credentials.
    #[error("the secret `{name}` comes from {variable}, which is not set")]
    NotSet {
        /// Which.
        name: SecretName,
        /// The variable.
        variable: Foreign,
    },
}

/// Variables of the environment, as far as secrets come from them. They show their names only.
#[derive(Clone, Default)]
pub struct Variables {
    known: BTreeMap<String, SecretString>,
    /// Those that are set to what is no text.
    no_text: BTreeSet<String>,
}

impl Variables {
    /// Those of these names and values.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (String, SecretString)>) -> Self {
        Self { known: all.into_iter().collect(), no_text: BTreeSet::new() }
    }

    /// The same beside those of these names, which are set to what is no UTF-8 text: a secret that comes from one of
    /// them is an error that names it.
    #[must_use]
    pub fn with_no_text(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { no_text: names.into_iter().collect(), ..self }
    }

    /// What a variable is that is no secret.
    pub(crate) fn plain(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(ExposeSecret::expose_secret)
    }

    /// All that programs of a plan have of our environment; of whoever has another home, with that.
    pub(crate) fn inherited<'v>(
        &'v self,
        home: Option<&'v str>,
    ) -> impl Iterator<Item = (&'static str, &'v str)> {
        INHERITED.into_iter().filter_map(move |name| {
            let ours = self.plain(name);
            let value = match name {
                "HOME" => Some(home.or(ours).unwrap_or("/")),
                "PATH" => Some(ours.unwrap_or(PROGRAMS)),
                _ => ours,
            };
            Some((name, value?))
        })
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys().chain(&self.no_text)).finish()
    }
}

impl Plan {
    /// The names of the variables that its secrets come from, and of those that its commands and modules are given.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let runs = |step: &Step| matches!(step.action, Action::Command(_) | Action::Module(_));
        let inherited: &[&str] = if self.steps.iter().any(runs) { &INHERITED } else { &[] };
        let of_secrets = self.secrets.values().filter_map(|source| match source {
            SecretSource::Env(name) => Some(name.as_str()),
            SecretSource::Credential(_) => Some(CREDENTIALS),
            SecretSource::File(_) => None,
        });
        of_secrets.chain(inherited.iter().copied())
    }
}

/// The text with its secrets in it.
pub(crate) fn reveal(
    env: &Env,
    plan: &Plan,
    variables: &Variables,
    text: &SecretText,
) -> Result<SecretString, SecretError> {
    text.reveal(|name| read(env, plan, variables, name))
}

fn read(
    env: &Env,
    plan: &Plan,
    variables: &Variables,
    name: &SecretName,
) -> Result<SecretString, SecretError> {
    let source = plan.secrets.get(name).ok_or_else(|| SecretError::Unknown { name: name.clone() })?;
    let variable = |variable: &str| {
        let missing = || match variables.no_text.contains(variable) {
            true => SecretError::NoTextIn { name: name.clone(), variable: variable.into() },
            false => SecretError::NotSet { name: name.clone(), variable: variable.into() },
        };
        variables.known.get(variable).cloned().ok_or_else(missing)
    };
    let secret = match source {
        SecretSource::Env(of) => variable(of),
        SecretSource::Credential(of) => {
            let folder = variable(CREDENTIALS)?;
            of_file(env, name, &Path::new(folder.expose_secret()).join(of))
        }
        SecretSource::File(path) => of_file(env, name, &plan.folder.join(path)),
    }?;
    match secret.expose_secret().trim().is_empty() {
        true => Err(SecretError::Empty { name: name.clone() }),
        false => Ok(secret),
    }
}

/// All secrets of the plan that can be had now: what is shown or kept may hold any of them, whoever put it there.
pub(crate) fn known(env: &Env, plan: &Plan, variables: &Variables) -> Vec<SecretString> {
    plan.secrets.keys().filter_map(|name| read(env, plan, variables, name).ok()).collect()
}

fn of_file(env: &Env, name: &SecretName, path: &Path) -> Result<SecretString, SecretError> {
    let unreadable = |source| SecretError::File { name: name.clone(), path: shown(path), source };
    let file = env.fs().open_with(path, Care::Way).map_err(unreadable)?;
    let meta = file.meta().map_err(unreadable)?;
    if meta.kind != FileKind::File {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    if meta.mode & OTHERS != 0 {
        return Err(SecretError::Readable { name: name.clone(), path: shown(path), mode: meta.mode });
    }
    let bytes = file.read_small(LARGEST).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NoText { name: name.clone() })?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Part;

    fn plan(source: SecretSource) -> Plan {
        let mut plan = Plan::new("p", "/", Vec::new());
        plan.secrets.insert("token".parse().unwrap(), source);
        plan
    }

    fn revealed(plan: &Plan, variables: &Variables) -> Result<String, String> {
        let text = SecretText::new([Part::Text("<".into()), Part::Secret("token".parse().unwrap())]);
        let revealed = reveal(&Env::real(), plan, variables, &text);
        revealed.map(|text| text.expose_secret().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_comes_from_its_source_and_from_nowhere_else() {
        let none = Variables::default();
        let known = Variables::new([("TOKEN".to_owned(), "canary".into())]);
        let by_variable = plan(SecretSource::Env("TOKEN".into()));
        assert_eq!(revealed(&by_variable, &known).unwrap(), "<canary");
        let not_set = "the secret `token` comes from TOKEN, which is not set";
        assert_eq!(revealed(&by_variable, &none).unwrap_err(), not_set);
        let no_text = Variables::default().with_no_text(["TOKEN".to_owned()]);
        let said = "the secret `token` comes from TOKEN, which is set to what is not UTF-8 text";
        assert_eq!(revealed(&by_variable, &no_text).unwrap_err(), said);
        assert_eq!(by_variable.variables().collect::<Vec<_>>(), ["TOKEN"]);
        for empty in ["", " ", "\n"] {
            let empty = Variables::new([("TOKEN".to_owned(), empty.into())]);
            assert_eq!(revealed(&by_variable, &empty).unwrap_err(), "the secret `token` is empty");
        }
        assert!(!format!("{known:?}").contains("canary"));
        assert!(
            revealed(&Plan::new("p", "/", Vec::new()), &known).unwrap_err().contains("no secret `token`")
        );
    }

    #[test]
    fn a_file_that_others_can_read_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "canary\n\n").unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            revealed(&plan(SecretSource::File(path.clone())), &Variables::default())
        };
        assert_eq!(mode(0o600).unwrap(), "<canary\n", "the last line break is the editor's");
        assert_eq!(mode(0o640).unwrap(), "<canary\n");
        assert!(mode(0o644).unwrap_err().contains("is no secret: others can read"));
        let directory = folder.path().to_str().unwrap().to_owned();
        let given = Variables::new([(CREDENTIALS.to_owned(), directory.into())]);
        mode(0o400).unwrap();
        assert_eq!(revealed(&plan(SecretSource::Credential("token".into())), &given).unwrap(), "<canary\n");
    }
}
