//! What a server can do to a client. Places (`after`) count bytes of the response's own body.

use std::time::Duration;

use super::content::Content;
use super::gate::Gate;

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// As the standards say.
    Ok,
    /// Several at once, applied in this order.
    All(Vec<Self>),

    /// This status with this text.
    Status {
        /// The status code.
        code: u16,
        /// The whole body.
        body: String,
    },
    /// One more header, in place of one of the same name.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Sent elsewhere.
    Redirect {
        /// The `Location`.
        to: String,
        /// 301, 302, 303, 307 or 308.
        code: u16,
    },
    /// Sent here again, with a query that differs every time, for ever.
    RedirectLoop,
    /// 401 unless the request's `Authorization` is this.
    AuthRequired {
        /// The whole value that is let in.
        accept: String,
    },

    /// The connection is reset, once the client's side has taken all bytes before.
    Reset {
        /// Bytes of the body before it.
        after: u64,
    },
    /// The connection is closed in good order, too early.
    Close {
        /// Bytes of the body before it.
        after: u64,
    },
    /// Closed this many bytes before the end.
    Truncate {
        /// Bytes that are missing.
        missing: u64,
    },
    /// Nothing more comes, and the connection stays open until the client goes.
    Stall {
        /// Bytes of the body before it.
        after: u64,
    },
    /// Waits at a gate of the test.
    Hold {
        /// Bytes of the body before it.
        after: u64,
        /// Opened by the test.
        gate: Gate,
    },
    /// The request is read, and nothing comes until the client goes.
    StallBeforeHeaders,
    /// Waits at a gate of the test before the head.
    HoldBeforeHeaders {
        /// Opened by the test.
        gate: Gate,
    },
    /// The connection is reset instead of an answer.
    ResetBeforeHeaders,
    /// The connection is closed instead of an answer.
    CloseBeforeHeaders,
    /// A few bytes at a time from a place on.
    Trickle {
        /// Bytes of the body that come at once before.
        after: u64,
        /// Bytes at a time.
        chunk: usize,
        /// Time between them.
        gap: Duration,
    },
    /// No faster than this.
    Throttle {
        /// Bytes a second.
        rate: u64,
    },

    /// The range is ignored: 200 with everything.
    IgnoreRange,
    /// The range is given even if the condition does not hold.
    IgnoreIfRange,
    /// `Content-Range` says a start that many bytes later than asked.
    WrongContentRange {
        /// By how much.
        shift: u64,
    },
    /// `Content-Range` says another total.
    RangeTotalChanged {
        /// Which.
        total: u64,
    },
    /// 206 without having been asked for a range.
    UnaskedPart,
    /// 416, whatever was asked.
    Unsatisfiable {
        /// What `Content-Range` says behind `*/`; the header is left out without.
        total: Option<u64>,
    },
    /// Another version of the file: other bytes under another tag (`None`: without one).
    Changed {
        /// The bytes.
        content: Content,
        /// The tag with its quotes.
        etag: Option<String>,
    },
    /// One byte of the file is turned over; its validators are the same.
    WrongByte {
        /// Its place in the file.
        at: u64,
    },

    /// The body ends with the connection; nothing says how long it is.
    NoLength,
    /// The body comes in chunks.
    Chunked,
    /// In chunks, and closed before the last.
    ChunkedCut {
        /// Bytes of the body before it.
        after: u64,
    },
    /// `Content-Encoding: gzip` over the bytes as they are.
    GzipEncoding,
    /// `Content-Length` says this.
    DeclareLength {
        /// What it says.
        length: u64,
    },
    /// That many bytes more than `Content-Length` says.
    MoreThanLength {
        /// How many more.
        extra: u64,
    },
    /// A body without a length and without an end.
    EndlessBody,

    /// That many headers.
    HeaderFlood {
        /// How many.
        count: usize,
    },
    /// Headers without an end.
    EndlessHeaders,
    /// The head comes byte by byte.
    DripHead {
        /// Time between them.
        gap: Duration,
    },
    /// One header of that length.
    HugeHeader {
        /// Bytes of its value.
        bytes: usize,
    },
    /// Bytes that are no status line.
    GarbageStatusLine,
}

impl Behaviour {
    /// A status without a text.
    #[must_use]
    pub const fn status(code: u16) -> Self {
        Self::Status { code, body: String::new() }
    }

    /// A status with `Retry-After`, in seconds or as a date.
    #[must_use]
    pub fn retry_after(code: u16, when: impl ToString) -> Self {
        Self::status(code).and(Self::header("Retry-After", when))
    }

    /// One more header.
    #[must_use]
    pub fn header(name: &str, value: impl ToString) -> Self {
        Self::Header { name: name.to_owned(), value: value.to_string() }
    }

    /// Sent elsewhere with 302.
    #[must_use]
    pub fn redirect(to: impl Into<String>) -> Self {
        Self::Redirect { to: to.into(), code: 302 }
    }

    /// Both at once.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            one => Self::All(vec![one, other]),
        }
    }
}
