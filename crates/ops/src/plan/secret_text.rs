//! Text in which secrets stand by name until the moment it is used.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use super::ids::SecretName;

/// A piece of such a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What this secret is.
    Secret(SecretName),
}

/// Text that may have secrets in it. It is shown, compared and written with their names.
///
/// ```
/// use secrecy::{ExposeSecret, SecretString};
/// use vps_ops::plan::{Part, SecretText};
///
/// let text = SecretText::new([Part::Text("Bearer ".into()), Part::Secret("token".parse()?)]);
/// assert_eq!(text.to_string(), "Bearer ${secret.token}");
/// let revealed = text.reveal(|_| Ok::<_, std::convert::Infallible>(SecretString::from("canary")));
/// assert_eq!(revealed.unwrap().expose_secret(), "Bearer canary");
/// # Ok::<_, vps_ops::plan::InvalidId>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretText(Vec<Part>);

impl SecretText {
    /// One of these pieces.
    #[must_use]
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The secrets it needs.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// The text itself, where no secret is in it.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        self.secrets().next().is_none().then(|| self.to_string())
    }

    /// The text with its secrets in it, as `secret` finds them.
    ///
    /// # Errors
    /// The first that `secret` fails with.
    pub fn reveal<E>(
        &self,
        mut secret: impl FnMut(&SecretName) -> Result<SecretString, E>,
    ) -> Result<SecretString, E> {
        let mut whole = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Secret(name) => whole.push_str(secret(name)?.expose_secret()),
            }
        }
        Ok(whole.into())
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Secret(name) => write!(f, "${{secret.{name}}}"),
        })
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
