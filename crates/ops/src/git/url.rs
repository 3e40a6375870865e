//! Where a repository is: what may be cloned, and how its URL may be shown and stored.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::invalid_url::InvalidGitUrl;
use super::ssh::SshAddress;
use crate::foreign::escaped;
use crate::http::SafeUrl;

/// How a repository is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Http(Url),
    Ssh(SshAddress),
    Local(PathBuf),
}

/// A URL that may be cloned from: `https`, `http`, `ssh`, `git@host:path`, `file` or a path.
///
/// What it shows, and what is stored of it, has no credentials.
///
/// ```
/// use vps_ops::git::GitUrl;
///
/// let url: GitUrl = "https://me:secret@example.com/a.git".parse().unwrap();
/// assert_eq!(url.to_string(), "https://example.com/a.git");
/// assert!("ext::sh -c id".parse::<GitUrl>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl {
    pub(super) way: Way,
    /// Without credentials, as git would understand it.
    stored: String,
    has_secret: bool,
}

impl GitUrl {
    /// As it is stored as the remote's URL: without password, and without user where that is a secret too.
    #[must_use]
    pub fn stored(&self) -> &str {
        &self.stored
    }

    /// Whether user or password were typed in it, which are stored nowhere.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.has_secret
    }

    /// Host, port and scheme of who serves it; `None` on this machine.
    #[must_use]
    pub fn server(&self) -> Option<(&str, u16, &str)> {
        match &self.way {
            Way::Http(url) => Some((
                url.host_str().unwrap_or_default(),
                url.port_or_known_default().unwrap_or(0),
                url.scheme(),
            )),
            Way::Ssh(address) => Some((&address.host, address.port.unwrap_or(22), "ssh")),
            Way::Local(_) => None,
        }
    }

    /// Whether what the user keeps for the server of `named`, the URL that the user gave, may go to this one, which a
    /// repository names: the same host, never in plain text where it was not, at its usual port or the same one.
    pub(super) fn is_at_server_of(&self, named: &Self) -> bool {
        let (Some((host, port, scheme)), Some((theirs, their_port, their_scheme))) =
            (self.server(), named.server())
        else {
            return false;
        };
        let plain = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
        let is_usual = matches!((scheme, port), ("https", 443) | ("http", 80));
        plain(host) == plain(theirs)
            && (scheme == "https" || scheme == their_scheme)
            && (is_usual || (scheme, port) == (their_scheme, their_port))
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.way, Way::Local(_))
    }

    /// The last part of its path without `.git`: the folder a clone is made in where none is named.
    #[must_use]
    pub fn folder_name(&self) -> Option<String> {
        let path = match &self.way {
            Way::Http(url) => String::from_utf8(crate::http::decoded(url.path())).ok()?,
            Way::Ssh(address) => address.path.clone(),
            Way::Local(path) => path.to_str()?.to_owned(),
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/.git").unwrap_or(path);
        let name = path.rsplit(['/', ':']).next()?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let usable = !name.is_empty() && name != "." && name != ".." && !name.starts_with('-');
        usable.then(|| name.to_owned())
    }

    /// Whether a repository whose remote is `stored` is a clone of this.
    #[must_use]
    pub fn is_that_of(&self, stored: &str) -> bool {
        let other = stored.parse::<Self>().map_or_else(|_| stored.to_owned(), |url| url.stored);
        let slashless = |text: &'_ str| text.trim_end_matches('/').to_owned();
        let (own, other) = (slashless(&self.stored), slashless(&other));
        if own == other {
            return true;
        }
        // By whatever name each of them goes.
        if self.is_local()
            && let (Some(own), Some(other)) = (repository_at(&own), repository_at(&other))
        {
            return own == other;
        }
        let bare = |text: &str| text.strip_suffix(".git").unwrap_or(text).to_owned();
        // On this machine both may be there, and two repositories.
        let are_two = || self.is_local() && Path::new(&own).exists() && Path::new(&other).exists();
        bare(&own) == bare(&other) && !are_two()
    }

    /// The URL of a module that this repository's `.gitmodules` names, which may be relative to this one.
    ///
    /// # Errors
    /// [`InvalidGitUrl`] as for any URL, and for a place on this machine unless this one is there too.
    pub fn module(&self, text: &str) -> Result<Self, InvalidGitUrl> {
        let is_relative = text == ".." || text == "." || text.starts_with("./") || text.starts_with("../");
        let url: Self = if is_relative { self.relative(text)?.parse()? } else { text.parse()? };
        if url.is_local() && !self.is_local() {
            return Err(InvalidGitUrl::LocalModule);
        }
        Ok(url)
    }

    fn relative(&self, text: &str) -> Result<String, InvalidGitUrl> {
        if text.chars().any(char::is_control) {
            return Err(InvalidGitUrl::Control);
        }
        // Credentials that were typed for a host go along to other repositories of it.
        let base = match &self.way {
            Way::Http(url) => url.as_str().to_owned(),
            _ => self.stored.clone(),
        };
        let (root, mut path) = match (&self.way, base.split_once("://")) {
            (Way::Ssh(address), _) => (address.root(), address.rest()),
            (Way::Http(_), Some((scheme, rest))) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                (format!("{scheme}://{host}/"), path.to_owned())
            }
            _ => ("/".to_owned(), base.trim_start_matches('/').to_owned()),
        };
        path.truncate(path.trim_end_matches('/').len());
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or(InvalidGitUrl::Path)?),
                part => parts.push(part),
            }
        }
        Ok(format!("{root}{}", parts.join("/")))
    }
}

impl std::str::FromStr for GitUrl {
    type Err = InvalidGitUrl;

    fn from_str(text: &str) -> Result<Self, InvalidGitUrl> {
        if text.is_empty() {
            return Err(InvalidGitUrl::Empty);
        }
        if text.starts_with('-') {
            return Err(InvalidGitUrl::OptionLike);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidGitUrl::Control);
        }
        if text.split_once("://").is_none() && has_password(text) {
            return Err(InvalidGitUrl::Password);
        }
        if let Some(helper) = helper(text) {
            return Err(InvalidGitUrl::Helper(helper.into()));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => by_scheme(text, &scheme.to_ascii_lowercase(), rest),
            // An empty variable in a script made a host of the path, or nothing of the host.
            None if is_scheme_alone(text) => Err(InvalidGitUrl::Host),
            None => match scp_like(text) {
                Some((host, path)) => of_ssh(SshAddress::scp_like(host, path)?),
                None => Ok(of_path(Path::new(text))),
            },
        }
    }
}

/// `NAME::rest` is a program to git.
fn helper(text: &str) -> Option<&str> {
    let (name, _) = text.split_once("::")?;
    is_name(name).then_some(name)
}

/// Whether a text may be the name of a scheme, or of a helper.
fn is_name(text: &str) -> bool {
    let may = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    !text.is_empty() && text.chars().all(may)
}

/// `http:/path`, `https:host`: one of our schemes without what makes a URL of it.
fn is_scheme_alone(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| {
        ["http", "https", "ssh", "git+ssh", "ssh+git", "file"].contains(&scheme.as_str())
    })
}

/// Whether a text without a scheme has what is a password in a URL: `NAME:PASSWORD@HOST` at its beginning, or behind
/// slashes where nothing on this machine is called so. A path behind `HOST:` may have an `@` of its own where `USER@`
/// stands in front of it; in its first part it is taken for a password's end there, too.
fn has_password(text: &str) -> bool {
    // An address in brackets has colons of its own.
    let rest = match text.split_once(']') {
        Some((inner, _)) if inner.starts_with('[') && inner.contains('@') => inner,
        Some((inner, rest)) if inner.starts_with('[') => rest,
        _ => text,
    };
    let Some((before, after)) = rest.split_once(':') else { return false };
    if before.contains('/') {
        let (_, name) = before.rsplit_once('/').unwrap_or_default();
        return !name.is_empty() && after.contains('@') && !Path::new(text).exists();
    }
    let first = after.split('/').next().unwrap_or_default();
    if before.contains('@') { first.contains('@') } else { after.contains('@') }
}

/// `host:path` with no slash before the colon; brackets may hold an address with colons.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let from = text.find(']').unwrap_or(0);
    let colon = text.get(from..)?.find(':')? + from;
    let (host, path) = text.split_at_checked(colon)?;
    (!host.contains('/')).then(|| (host, path.strip_prefix(':').unwrap_or(path)))
}

fn by_scheme(text: &str, scheme: &str, rest: &str) -> Result<GitUrl, InvalidGitUrl> {
    match scheme {
        "http" | "https" => of_http(text),
        "ssh" | "git+ssh" | "ssh+git" => of_ssh(SshAddress::url(rest)?),
        "file" => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(InvalidGitUrl::Host);
            }
            let path = String::from_utf8(crate::http::decoded(path)).map_err(|_| InvalidGitUrl::Path)?;
            if path.chars().any(char::is_control) {
                return Err(InvalidGitUrl::Control);
            }
            Ok(of_path(Path::new(&path)))
        }
        // What is no name of a scheme may be a password.
        scheme if !is_name(scheme) => Err(InvalidGitUrl::Host),
        scheme => Err(InvalidGitUrl::Scheme(scheme.into())),
    }
}

fn of_http(text: &str) -> Result<GitUrl, InvalidGitUrl> {
    let url = Url::parse(text).map_err(|_| InvalidGitUrl::Host)?;
    // `https:///x` would be repaired to the host `x`, and so would a backslash.
    let is_bare = text.split_once("://").is_none_or(|(_, rest)| rest.starts_with(['/', '\\']));
    if is_bare || url.host_str().is_none_or(str::is_empty) {
        return Err(InvalidGitUrl::Host);
    }
    // An escaped line break would be a line of its own to what reads the URL decoded.
    if crate::http::decoded(url.path()).iter().any(u8::is_ascii_control) {
        return Err(InvalidGitUrl::Control);
    }
    let mut plain = url.clone();
    // A URL with a host takes both.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    plain.set_query(None);
    let has_secret = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
    Ok(GitUrl { stored: plain.to_string(), has_secret, way: Way::Http(url) })
}

fn of_ssh(address: SshAddress) -> Result<GitUrl, InvalidGitUrl> {
    let has_secret = address.had_password;
    Ok(GitUrl { stored: address.to_string(), has_secret, way: Way::Ssh(address) })
}

/// Which folder on this machine git takes for the repository of that path, if there is one: by its device and number.
fn repository_at(path: &str) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let places = ["/.git", "", ".git/.git", ".git"].map(|end| PathBuf::from(format!("{path}{end}")));
    let is_one = |place: &&PathBuf| place.join("HEAD").is_file() && place.join("objects").is_dir();
    let found = std::fs::metadata(places.iter().find(is_one)?).ok()?;
    Some((found.dev(), found.ino()))
}

/// A path is stored absolute: relative ones mean the folder that was current when they were typed.
fn of_path(path: &Path) -> GitUrl {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    GitUrl { stored: path.to_string_lossy().into_owned(), has_secret: false, way: Way::Local(path) }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Http(url) => SafeUrl::new(url).fmt(f),
            _ => f.write_str(&escaped(&self.stored)),
        }
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
