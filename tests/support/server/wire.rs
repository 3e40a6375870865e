//! A connection, plain or under TLS, and the ways to end it.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::runtime;

/// A connection to a client.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
        }
    }

    /// Writes some; what it returns the kernel has taken (under TLS: the session).
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes).await,
            Self::Tls(stream) => {
                let taken = stream.write(bytes).await?;
                stream.flush().await?;
                Ok(taken)
            }
        }
    }

    pub(super) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.write(bytes).await?;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Returns when the client has gone; what it still sends is thrown away.
    pub(super) async fn gone(&mut self) {
        let mut buffer = [0; 1024];
        while self.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    }

    /// Ends with FIN (under TLS with `close_notify` before), and waits until the client goes too:
    /// closing with unread bytes would turn it into a reset.
    pub(super) async fn close(mut self) {
        let ended = match &mut self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
        };
        if ended.is_ok() {
            runtime::within(runtime::LINGER, self.gone()).await;
        }
    }

    /// Ends with FIN without a word from TLS, as a cut connection looks.
    pub(super) async fn cut(self) {
        match self {
            Self::Plain(_) => self.close().await,
            Self::Tls(stream) => {
                let (tcp, _) = stream.into_inner();
                Self::Plain(tcp).close().await;
            }
        }
    }

    /// Ends with RST, after the client's kernel has all that was written.
    pub(super) async fn reset(self) {
        runtime::drained(self.tcp()).await;
        let _ = self.tcp().set_zero_linger();
    }
}
