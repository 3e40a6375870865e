//! What a client sent.

use std::fmt;

/// The longest head that is read.
const LONGEST: usize = 1 << 20;

/// A request: its head, and its body where the server reads one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, `CONNECT` ...
    pub method: String,
    /// What stands after the method: path and query, or a whole URL at a proxy.
    pub target: String,
    /// Names in lower case, in the order they came in.
    pub headers: Vec<(String, String)>,
    /// What came behind the head, without the framing of chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of the first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Reads a head, up to and with its empty line; `None` if it is not one.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        if !first.next()?.starts_with("HTTP/1.") {
            return None;
        }
        let mut headers = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Self { method, target, headers, body: Vec::new() })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)?;
        for name in ["range", "if-range"] {
            if let Some(value) = self.header(name) {
                write!(f, " {name}: {value}")?;
            }
        }
        Ok(())
    }
}

/// Gathers bytes until a head is complete.
#[derive(Debug, Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
}

impl HeadBuffer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line without its end, if it is there.
    pub(super) fn line(&mut self) -> Option<String> {
        let end = self.bytes.windows(2).position(|two| two == b"\r\n")?;
        let line: Vec<u8> = self.bytes.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// The next `count` bytes, if they are there.
    pub(super) fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        (self.bytes.len() >= count).then(|| self.bytes.drain(..count).collect())
    }

    /// The next request: `Err` if it cannot become one, `Ok(None)` if more is needed.
    pub(super) fn next(&mut self) -> Result<Option<Request>, ()> {
        let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if self.bytes.len() > LONGEST { Err(()) } else { Ok(None) };
        };
        let head: Vec<u8> = self.bytes.drain(..end + 4).collect();
        Request::parse(&head).map(Some).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_one_after_another() {
        let mut buffer = HeadBuffer::default();
        buffer.push(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nRange:  bytes=1-\r\n\r\nHEAD /b HTTP/1.0\r\n\r");
        let first = buffer.next().unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.path()), ("GET", "/a"));
        assert_eq!(first.header("range"), Some("bytes=1-"));
        assert_eq!(first.to_string(), "GET /a?b=c range: bytes=1-");
        assert_eq!(buffer.next(), Ok(None));
        buffer.push(b"\n");
        assert_eq!(buffer.next().unwrap().unwrap().method, "HEAD");
        assert!(buffer.bytes.is_empty());
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for bytes in [&b"\x16\x03\x01\r\n\r\n"[..], b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nnocolon\r\n\r\n"] {
            let mut buffer = HeadBuffer::default();
            buffer.push(bytes);
            assert_eq!(buffer.next(), Err(()), "{bytes:?}");
        }
        let mut endless = HeadBuffer::default();
        endless.push(&vec![b'a'; LONGEST + 1]);
        assert_eq!(endless.next(), Err(()));
    }
}
