//! One request and the head of its answer, over a connection of its own: a tunnel's `CONNECT`, a probe.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long the head of an answer may be, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// The head that is answered to `request`, and the connection behind it; what of a body came with the head is thrown away.
/// Cancel safe: dropping the future closes the connection.
///
/// # Errors
/// What the library says; [`io::ErrorKind::UnexpectedEof`] where the connection ended without an answer.
pub(crate) async fn head_of<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
) -> Result<(Parts, S), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, mut connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .ignore_invalid_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut answer = pin!(sender.send_request(request));
    let answer = poll_fn(|cx| {
        // It moves only while it is polled; what it ends with is the answer.
        let ended = connection.poll_without_shutdown(cx);
        match (answer.as_mut().poll(cx), ended) {
            (Poll::Ready(answer), _) => Poll::Ready(answer.map_err(Into::into)),
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error.into())),
            (Poll::Pending, Poll::Ready(Ok(()))) => {
                Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
            }
            (Poll::Pending, Poll::Pending) => Poll::Pending,
        }
    });
    let answer: Result<_, Box<dyn Error + Send + Sync>> = answer.await;
    Ok((answer?.into_parts().0, connection.into_parts().io.into_inner()))
}
