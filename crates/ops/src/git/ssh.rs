//! A repository's address over ssh, and the command that asks for it.

use std::fmt;

use super::invalid_url::InvalidGitUrl;
use crate::foreign::is_unfit;
use crate::process::ProcessSpec;

/// `[USER@]HOST[:PORT]` and a path there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SshAddress {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// As the server's shell is told it, before quoting.
    pub(super) path: String,
    /// Written as `host:path`, without a scheme.
    scp_like: bool,
    pub(super) had_password: bool,
}

impl SshAddress {
    /// `[user@]host` and `path`, as in `git@example.com:a/b.git`.
    pub(super) fn scp_like(host: &str, path: &str) -> Result<Self, InvalidGitUrl> {
        // The user may stand in the brackets, too.
        let host = within(host).filter(|inner| inner.contains('@')).unwrap_or(host);
        let (user, host) = match host.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, host),
        };
        let inner = within(host).unwrap_or(host);
        // One colon is that of a port, more are those of an address.
        match inner.split_once(':').filter(|(_, port)| !port.contains(':')) {
            Some((host, port)) => {
                let port = port.parse().map_err(|_| InvalidGitUrl::Host)?;
                Self::checked(user, host, Some(port), path, false)
            }
            None => Self::checked(user, inner, None, path, true),
        }
    }

    /// What follows `ssh://`.
    pub(super) fn url(rest: &str) -> Result<Self, InvalidGitUrl> {
        let (authority, path) = rest.split_once('/').ok_or(InvalidGitUrl::Path)?;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            Some(port) => Some(port.parse().map_err(|_| InvalidGitUrl::Host)?),
            None => None,
        };
        let path = String::from_utf8(crate::http::decoded(path)).map_err(|_| InvalidGitUrl::Path)?;
        // `/~user` is a home folder, not a path.
        let path = if path.starts_with('~') { path } else { format!("/{path}") };
        Self::checked(user, host, port, &path, false)
    }

    fn checked(
        user: Option<&str>,
        host: &str,
        port: Option<u16>,
        path: &str,
        scp_like: bool,
    ) -> Result<Self, InvalidGitUrl> {
        let had_password = user.is_some_and(|user| user.contains(':'));
        let user = user.map(|user| user.split_once(':').map_or(user, |(user, _)| user));
        let is_strange = |text: &str| {
            text.is_empty()
                || text.starts_with('-')
                || text.chars().any(|letter| letter.is_whitespace() || is_unfit(letter))
        };
        if is_strange(host) || user.is_some_and(is_strange) {
            return Err(InvalidGitUrl::Host);
        }
        let bare = path.trim_start_matches('/');
        if bare.is_empty() || bare.starts_with('-') || path.chars().any(char::is_control) {
            return Err(InvalidGitUrl::Path);
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            scp_like,
            had_password,
        })
    }

    /// The program that reaches it: `GIT_SSH_COMMAND` as a shell reads it if there is one, else ssh. It asks
    /// nothing: with nobody to answer it would wait for ever.
    pub(super) fn command(&self, configured: Option<&str>, connect_seconds: u64) -> ProcessSpec {
        let mut words: Vec<String> = vec![
            "-o".into(),
            "BatchMode=yes".into(),
            "-o".into(),
            format!("ConnectTimeout={}", connect_seconds.max(1)),
            "-o".into(),
            "SendEnv=GIT_PROTOCOL".into(),
        ];
        if let Some(port) = self.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        words.push("--".to_owned());
        words.push(match &self.user {
            Some(user) => format!("{user}@{}", self.host),
            None => self.host.clone(),
        });
        words.push(format!("git-upload-pack {}", quoted(&self.path)));
        let spec = match configured {
            Some(command) => {
                let exec = if is_one_program(command) { "exec " } else { "" };
                // Its name is what the shell's own words begin with.
                ProcessSpec::new("sh")
                    .arg("-c")
                    .arg(format!(r#"{exec}{command} "$@""#))
                    .arg("GIT_SSH_COMMAND")
            }
            None => ProcessSpec::new("ssh"),
        };
        spec.args(words).variable("GIT_PROTOCOL", "version=2")
    }
}

impl SshAddress {
    /// What stands before the path, up to where the path of another repository of the server begins.
    pub(super) fn root(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.scp_like {
            let slash = if self.path.starts_with('/') { "/" } else { "" };
            return format!("{user}{host}:{slash}");
        }
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("ssh://{user}{host}{port}/")
    }

    /// What follows that.
    pub(super) fn rest(&self) -> String {
        if self.scp_like {
            return self.path.strip_prefix('/').unwrap_or(&self.path).to_owned();
        }
        // In a URL each path is one from above: one from the user's own folder is marked as such.
        let is_own = !self.path.starts_with(['/', '~']);
        let path = self.path.trim_start_matches('/').replace('%', "%25").replace(' ', "%20");
        if is_own { format!("~/{path}") } else { path }
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.root(), self.rest())
    }
}

/// What stands in brackets.
fn within(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// Whether the shell that reads `command` can become the program it names: what then ends with us is not the
/// shell alone.
fn is_one_program(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or_default();
    !first.contains('=') && !command.contains([';', '&', '|', '<', '>', '(', ')', '`', '!', '#', '\n'])
}

/// One word to the shell at the other end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''").replace('!', r"'\!'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_one_word_to_the_servers_shell() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("/a'; id; '"), r"'/a'\''; id; '\'''");
    }

    #[test]
    fn ssh_is_told_to_ask_nothing_and_gets_the_host_behind_its_options() {
        let address = SshAddress::url("git@example.com:2222/a/b.git").unwrap();
        let spec = address.command(None, 30);
        let words: Vec<_> = spec.arguments().iter().map(|word| word.to_string_lossy()).collect();
        assert_eq!(spec.name(), "ssh");
        assert!(words.contains(&"BatchMode=yes".into()) && words.contains(&"2222".into()), "{words:?}");
        let end = words.iter().position(|word| word == "--").unwrap();
        assert_eq!(words[end + 1..], ["git@example.com", "git-upload-pack '/a/b.git'"]);
        let own = address.command(Some("ssh -i key"), 30);
        assert_eq!(own.arguments()[1], r#"exec ssh -i key "$@""#);
    }

    #[test]
    fn what_is_more_than_a_program_is_left_to_the_shell() {
        let address = SshAddress::url("example.com/a").unwrap();
        for command in ["A=b ssh", "cd /x && ssh", "(ssh)", "ssh `cat options`", "! ssh"] {
            let spec = address.command(Some(command), 30);
            assert_eq!(spec.arguments()[1].to_str().unwrap(), format!(r#"{command} "$@""#));
        }
        for command in ["ssh", "  ssh -v", "\"$HOME/my ssh\" -o A=b", "${SSH:-ssh} -4"] {
            let spec = address.command(Some(command), 30);
            assert_eq!(spec.arguments()[1].to_str().unwrap(), format!(r#"exec {command} "$@""#));
        }
    }

    #[test]
    fn a_home_folder_is_left_to_the_server() {
        assert_eq!(SshAddress::url("host/~me/a").unwrap().path, "~me/a");
        assert_eq!(SshAddress::url("host/srv/a").unwrap().path, "/srv/a");
    }
}
