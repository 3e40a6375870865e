//! Sends one planned response, counting what the kernel takes.

use std::fmt::Write as _;
use std::io;

use super::log::{Ending, SharedLog};
use super::plan::{Framing, Plan, Step};
use super::runtime;
use super::wire::Wire;

/// Bytes of the body written at a time where nothing else limits it.
const PIECE: usize = 64 << 10;

/// What is to be done with the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    KeepAlive,
    Close,
    /// Close without a word from TLS.
    Cut,
    Reset,
    /// The client has gone.
    Drop,
}

/// Sends `plan`; `number` is the exchange in the log.
pub(super) async fn send(
    wire: &mut Wire,
    plan: &Plan,
    head_only: bool,
    log: &SharedLog,
    number: usize,
) -> Next {
    let mut sending = Sending { wire, plan, log, number };
    let (next, ending) = match sending.run(head_only).await {
        Ok(()) => match plan.framing {
            _ if head_only => (Next::KeepAlive, Ending::Complete),
            Framing::Length(length) if length == plan.len => (Next::KeepAlive, Ending::Complete),
            Framing::Length(length) if length < plan.len => (Next::Close, Ending::Complete),
            Framing::Length(_) => (Next::Cut, Ending::Closed),
            Framing::Chunked => (Next::KeepAlive, Ending::Complete),
            Framing::Close => (Next::Close, Ending::Complete),
        },
        Err(Stop::Step(Step::Reset)) => (Next::Reset, Ending::Reset),
        Err(Stop::Step(Step::Close)) => (Next::Cut, Ending::Closed),
        Err(Stop::Step(_) | Stop::Gone) => (Next::Drop, Ending::ClientGone),
    };
    log.exchange(number, |exchange| exchange.ending = ending);
    next
}

/// Why a response ended before its end.
enum Stop {
    Step(Step),
    Gone,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

struct Sending<'a> {
    wire: &'a mut Wire,
    plan: &'a Plan,
    log: &'a SharedLog,
    number: usize,
}

impl Sending<'_> {
    async fn run(&mut self, head_only: bool) -> Result<(), Stop> {
        if let Some(step) = &self.plan.before_head {
            self.step(step).await?;
        }
        self.log.exchange(self.number, |exchange| exchange.status = self.plan.status);
        let head = head(self.plan);
        match self.plan.drip {
            None => self.wire.write_all(head.as_bytes()).await?,
            Some(gap) => {
                for byte in head.as_bytes().chunks(1) {
                    self.wire.write_all(byte).await?;
                    self.pause(gap).await?;
                }
            }
        }
        while self.plan.endless_headers {
            self.wire.write_all("X-Endless: flood\r\n".repeat(1000).as_bytes()).await?;
        }
        self.wire.write_all(b"\r\n").await?;
        if head_only {
            return Ok(());
        }
        self.body().await
    }

    async fn body(&mut self) -> Result<(), Stop> {
        let mut sent = 0;
        let mut marks = self.plan.marks.iter().peekable();
        let mut buffer = vec![0; PIECE];
        loop {
            while let Some((_, step)) = marks.next_if(|(after, _)| *after <= sent) {
                self.step(step).await?;
            }
            if sent >= self.plan.len {
                break;
            }
            let until = marks.peek().map_or(self.plan.len, |(after, _)| self.plan.len.min(*after));
            let mut room = until - sent;
            if let Some(pace) = self.plan.pace {
                if sent >= pace.after {
                    if sent > 0 {
                        self.pause(pace.gap).await?;
                    }
                    room = room.min(pace.chunk as u64);
                } else {
                    room = room.min(pace.after - sent);
                }
            }
            let piece = &mut buffer[..usize::try_from(room).unwrap_or(PIECE).min(PIECE)];
            self.plan.content.read(self.plan.from + sent, piece);
            sent = self.piece(piece, sent).await?;
        }
        if self.plan.framing == Framing::Chunked {
            self.wire.write_all(b"0\r\n\r\n").await?;
        }
        Ok(())
    }

    /// Writes a piece of the body and counts it as it goes.
    async fn piece(&mut self, piece: &[u8], mut sent: u64) -> Result<u64, Stop> {
        let chunked = self.plan.framing == Framing::Chunked;
        if chunked {
            self.wire.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
        }
        let mut left = piece;
        while !left.is_empty() {
            let taken = self.wire.write(left).await?;
            left = &left[taken..];
            sent += taken as u64;
            self.log.exchange(self.number, |exchange| exchange.sent = sent);
        }
        if chunked {
            self.wire.write_all(b"\r\n").await?;
        }
        Ok(sent)
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Reset | Step::Close => Err(Stop::Step(step.clone())),
            Step::Stall => {
                self.wire.gone().await;
                Err(Stop::Gone)
            }
            Step::Hold(gate) => tokio::select! {
                biased;
                () = gate.pass() => Ok(()),
                () = self.wire.gone() => Err(Stop::Gone),
            },
        }
    }

    async fn pause(&mut self, gap: std::time::Duration) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = runtime::pause(gap) => Ok(()),
            () = self.wire.gone() => Err(Stop::Gone),
        }
    }
}

/// Status line and headers, without the empty line.
fn head(plan: &Plan) -> String {
    if plan.garbage {
        return "what would you have me say\r\n".to_owned();
    }
    let mut head = format!("HTTP/1.1 {} {}\r\n", plan.status, reason(plan.status));
    for (name, value) in &plan.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    match plan.framing {
        // These have no body and no length.
        _ if plan.status == 204 || plan.status == 304 => {}
        Framing::Length(length) => {
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        Framing::Close => head.push_str("Connection: close\r\n"),
    }
    head
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "As Scripted",
    }
}
