//! A real `sshd` behind a listener of the test's, which may be silent or cut what the server sends.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::program::{finish, isolated};

/// Where the server is on most machines, out of users' way.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// What a connection meets; the last of a script repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// The server.
    #[default]
    Open,
    /// Nobody, who says nothing and does not hang up.
    Silent,
    /// The server, until it has sent so many bytes; then the connection is torn down.
    Cut(usize),
}

#[derive(Debug, Default)]
struct State {
    script: Vec<Line>,
    connections: usize,
    open: usize,
}

/// A server with a key of its own that lets in who runs the test, with one of two keys; and what a client
/// needs to come in. It ends with the test.
#[derive(Debug)]
pub struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    client: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Sshd {
    /// A fresh one; `None`, with a reason on standard output, where this machine cannot have one.
    #[must_use]
    pub fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(sshd) => Some(sshd),
            Err(reason) => {
                crate::skip(&reason);
                None
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        let missing = |program: &str| format!("`{program}` is not on this machine");
        let server = found("sshd").ok_or_else(|| missing("sshd"))?;
        let client = found("ssh").ok_or_else(|| missing("ssh"))?;
        let keygen = found("ssh-keygen").ok_or_else(|| missing("ssh-keygen"))?;
        let folder = tempfile::Builder::new().prefix("sshd").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["host", "good", "bad"] {
            let mut keygen = isolated(&keygen, folder.path());
            finish(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", name]));
        }
        let search = search_path();
        let search = search.to_string_lossy();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\nAcceptEnv GIT_PROTOCOL\n\
             SetEnv PATH={search}\n",
            path("host"),
            path("good.pub"),
        );
        fs::write(path("config"), config).unwrap();
        let mut check = isolated(&server, folder.path());
        let checked = check.args(["-t", "-f", &path("config")]).output().unwrap();
        if !checked.status.success() {
            return Err(format!("sshd: {}", String::from_utf8_lossy(&checked.stderr).trim()));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        serve(listener, server, folder.path(), &state);
        let sshd = Self { folder, port, client, state };
        sshd.know("known", "host.pub");
        sshd.know("changed", "bad.pub");
        fs::write(sshd.path("none"), "").unwrap();
        let mut probe = isolated("sh", sshd.folder.path());
        let tried = format!("{} -o BatchMode=yes -- {} true", sshd.command("good", "known"), Self::HOST);
        let tried = probe.args(["-c", &tried]).output().unwrap();
        sshd.state.lock().unwrap().connections = 0;
        if !tried.status.success() {
            let said = String::from_utf8_lossy(&tried.stderr).into_owned();
            return Err(format!("sshd lets nobody in: {}", said.trim()));
        }
        Ok(sshd)
    }

    const HOST: &str = "git.example.com";

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of known hosts.
    fn know(&self, name: &str, key: &str) {
        let key = fs::read_to_string(self.path(key)).unwrap();
        fs::write(self.path(name), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    /// For `GIT_SSH_COMMAND`: with the key `good` or `bad`, and with the server's key `known`, another one
    /// for it (`changed`), or `none`.
    #[must_use]
    pub fn command(&self, key: &str, hosts: &str) -> String {
        let (key, hosts) = (self.path(key), self.path(hosts));
        format!(
            "{} -F none -i {} -p {} -o HostName=127.0.0.1 -o User={} -o IdentitiesOnly=yes \
             -o IdentityAgent=none -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none",
            self.client.display(),
            key.display(),
            self.port,
            user(),
            hosts.display(),
        )
    }

    /// The URL of a folder of this machine, as the server has it.
    #[must_use]
    pub fn url(&self, folder: &Path) -> String {
        format!("ssh://{}{}", Self::HOST, folder.display())
    }

    /// What the next connections meet.
    pub fn script(&self, lines: impl IntoIterator<Item = Line>) {
        let mut script: Vec<Line> = lines.into_iter().collect();
        script.reverse();
        self.state.lock().unwrap().script = script;
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Connections that their client has not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.lock().unwrap().open
    }
}

/// Who runs the test, by name.
fn user() -> String {
    finish(isolated("id", Path::new("/")).arg("-un"))
}

#[expect(clippy::disallowed_methods, reason = "where a test looks for programs")]
fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn found(program: &str) -> Option<PathBuf> {
    let path = search_path();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "a listener of the test's own")]
fn serve(listener: TcpListener, server: PathBuf, folder: &Path, state: &Arc<Mutex<State>>) {
    let (folder, state) = (folder.to_owned(), Arc::clone(state));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let line = {
                let mut state = state.lock().unwrap();
                state.connections += 1;
                state.open += 1;
                match state.script.len() {
                    0 | 1 => state.script.last().copied().unwrap_or_default(),
                    _ => state.script.pop().unwrap_or_default(),
                }
            };
            let limit = match line {
                Line::Open => Some(usize::MAX),
                Line::Cut(after) => Some(after),
                Line::Silent => None,
            };
            // The server has a socket of its own, so that we see when the client ends.
            let ours = limit.map(|limit| (limit, daemon(&server, &folder)));
            if let Some((limit, ours)) = &ours {
                let (ours, client) = (ours.try_clone().unwrap(), client.try_clone().unwrap());
                let limit = *limit;
                std::thread::spawn(move || down(ours, client, limit));
            }
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                up(client, ours.map(|(_, ours)| ours));
                state.lock().unwrap().open -= 1;
            });
        }
    });
}

/// One server for one connection.
fn daemon(server: &Path, folder: &Path) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let theirs = OwnedFd::from(theirs);
    let mut command = isolated(server, folder);
    command.args(["-i", "-f", "config", "-E", "log"]);
    command.stdin(theirs.try_clone().unwrap()).stdout(Stdio::from(theirs)).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    #[expect(clippy::disallowed_methods, reason = "nobody else waits for it")]
    std::thread::spawn(move || drop(child.wait()));
    ours
}

/// From the client, to its end.
fn up(mut client: TcpStream, mut server: Option<UnixStream>) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        // A server that has ended hears no more.
        let _ = server.as_mut().map(|server| server.write_all(&buffer[..count]));
    }
    if let Some(server) = server {
        let _ = server.shutdown(Shutdown::Both);
    }
}

/// From the server, as far as it may come.
fn down(mut server: UnixStream, mut client: TcpStream, mut limit: usize) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let count = count.min(limit);
        limit -= count;
        if client.write_all(&buffer[..count]).is_err() || limit == 0 {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
