//! Where `serve` listens: a TCP port, or a socket in the file system.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};
use vps_ops::env::Env;
use vps_ops::env::fs::{Care, FileId, FileKind, FsFolder};
use vps_ops::foreign::shown;

use super::accept::Stream;

/// What a socket's owner and group may do: connect.
const MODE: u32 = 0o660;
/// Connections that the system keeps for us until it is their turn. More would have to knock again, a second later.
const WAITING: u32 = 1024;
/// Somebody who listens is heard of at once.
const SOMEBODY: Duration = Duration::from_secs(1);

/// Where to listen, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() || path.ends_with('/') || path.ends_with("/.") {
                return Err("`unix:` needs the path of a file".to_owned());
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        let wanted = "must be IP:PORT, as 127.0.0.1:9469 or [::1]:9469, or unix:PATH";
        text.parse().map(Self::Tcp).map_err(|_| wanted.to_owned())
    }

    /// Whether only this machine gets there.
    pub(crate) fn is_of_this_machine(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// As a browser takes it, where one can.
    pub(crate) fn url(&self, with_tls: bool) -> String {
        match self {
            Self::Tcp(address) if with_tls => format!("https://{address}/"),
            Self::Tcp(address) => format!("http://{address}/"),
            Self::Unix(path) => format!("unix:{}", shown(path)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", shown(path)),
        }
    }
}

/// Why nobody can be listened to.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    #[error("cannot listen on {address}: somebody else listens there")]
    InUse { address: Address },
    #[error("cannot listen on {address}: what is there is no socket")]
    NotASocket { address: Address },
    #[error("cannot listen on {address}: the socket that is there belongs to another user (uid {owner})")]
    NotOurs { address: Address, owner: u32 },
    #[error("cannot listen on {address}")]
    Io { address: Address, source: io::Error },
}

/// A socket that listens. A socket file goes with it.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The name of a socket of ours, which is taken away when we go.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    folder: Arc<dyn FsFolder>,
    name: OsString,
    id: FileId,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another one's that has the name by now is his.
        if self.folder.is_still(&self.name, self.id) {
            // One that is left is known to be stale by the next.
            let _ = self.folder.remove(&self.name);
        }
    }
}

impl Listener {
    pub(crate) async fn bind(env: &Env, address: &Address) -> Result<Self, ListenError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address: address.clone() },
            _ => ListenError::Io { address: address.clone(), source },
        };
        match address {
            Address::Tcp(tcp) => bind_port(*tcp).map(Self::Tcp).map_err(failed),
            Address::Unix(path) => {
                let (folder, name) = env.fs().folder_of_with(path, Care::Way).map_err(failed)?;
                make_room(env, address, &*folder, name).await?;
                let listener = bind_for_group(&folder.pinned().join(name)).map_err(failed)?;
                let id = folder.look(name).map_err(failed)?.id;
                let file = SocketFile { path: path.clone(), folder, name: name.to_owned(), id };
                Ok(Self::Unix(listener, file))
            }
        }
    }

    /// Where it listens: of port 0, the one that was free.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_, file) => Ok(Address::Unix(file.path.clone())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small, and written at once.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(listener, _) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Takes a socket of ours away that nobody listens to any more; refuses everything else that has the name.
async fn make_room(
    env: &Env,
    address: &Address,
    folder: &dyn FsFolder,
    name: &std::ffi::OsStr,
) -> Result<(), ListenError> {
    let failed = |source| ListenError::Io { address: address.clone(), source };
    let there = match folder.look(name) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if there.kind != FileKind::Socket {
        return Err(ListenError::NotASocket { address: address.clone() });
    }
    if there.uid != env.fs().us().user {
        return Err(ListenError::NotOurs { address: address.clone(), owner: there.uid });
    }
    let path = folder.pinned().join(name);
    let asked = env.until(env.now().after(SOMEBODY), UnixStream::connect(&path)).await;
    match asked {
        Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            folder.remove(name).map_err(failed)
        }
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Who is too busy to be connected to is there, too.
        _ => Err(ListenError::InUse { address: address.clone() }),
    }
}

fn bind_port(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What is left of connections of the run before is not in the way.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// For owner and group from the first moment on, whatever the umask.
fn bind_for_group(path: &Path) -> io::Result<UnixListener> {
    let before = rustix::process::umask(Mode::from_raw_mode(0o777 & !MODE));
    let bound = std::os::unix::net::UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound?;
    // Where a default ACL says something else than the umask.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_socket_and_known_for_this_machines() {
        for (text, is_ours, url) in [
            ("127.0.0.1:9469", true, "http://127.0.0.1:9469/"),
            ("localhost:0", true, "http://127.0.0.1:0/"),
            ("127.9.9.9:80", true, "http://127.9.9.9:80/"),
            ("[::1]:9469", true, "http://[::1]:9469/"),
            ("[::ffff:127.0.0.1]:1", true, "http://[::ffff:127.0.0.1]:1/"),
            ("unix:/run/x.sock", true, "unix:/run/x.sock"),
            ("0.0.0.0:9469", false, "http://0.0.0.0:9469/"),
            ("[::]:9469", false, "http://[::]:9469/"),
            ("192.0.2.1:9469", false, "http://192.0.2.1:9469/"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.is_of_this_machine(), address.url(false).as_str()), (is_ours, url), "{text}");
        }
        for wrong in
            ["", "9469", ":9469", "example.com:80", "127.0.0.1", "127.0.0.1:70000", "unix:", "unix:/run/"]
        {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
