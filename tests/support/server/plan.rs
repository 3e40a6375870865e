//! One response, decided before its first byte: an honest answer, bent by a behaviour.

use std::time::Duration;

use super::application::Answer;
use super::behaviour::Behaviour;
use super::content::Content;
use super::gate::Gate;
use super::range::{Known, Selected, select};
use super::request::Request;
use super::route::Route;

/// What the client is told about the end of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length` says this.
    Length(u64),
    Chunked,
    /// The end of the connection is the end.
    Close,
}

/// What happens at a place of the body.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Reset,
    Close,
    Stall,
    Hold(Gate),
}

/// How fast the body goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) after: u64,
    pub(super) chunk: usize,
    pub(super) gap: Duration,
}

/// One response.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) status: u16,
    pub(super) garbage: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) endless_headers: bool,
    /// The time between the bytes of the head.
    pub(super) drip: Option<Duration>,
    pub(super) framing: Framing,
    pub(super) content: Content,
    /// Where in the content the body begins, and its length.
    pub(super) from: u64,
    pub(super) len: u64,
    pub(super) before_head: Option<Step>,
    pub(super) marks: Vec<(u64, Step)>,
    pub(super) pace: Option<Pace>,
}

/// What is known about the file when a request comes, after the behaviour has changed it.
#[derive(Default)]
struct Resource {
    content: Content,
    etag: Option<String>,
    last_modified: Option<String>,
    ignore_range: bool,
    ignore_if_range: bool,
}

impl Plan {
    /// The answer to `request`, the `number`th of its client or clients.
    pub(super) fn of(
        route: &Route,
        request: &Request,
        behaviour: &Behaviour,
        number: usize,
        date: &str,
    ) -> Self {
        let mut resource = Resource {
            content: route.content.clone(),
            etag: route.etag.clone(),
            last_modified: route.last_modified.clone(),
            ignore_range: false,
            ignore_if_range: false,
        };
        resource.bend(behaviour);
        let mut plan = resource.answer(request, route.date.as_deref().unwrap_or(date));
        plan.bend(behaviour, request, number);
        plan.marks.sort_by_key(|(after, _)| *after);
        plan
    }

    /// What an application answered, the `number`th of its script, bent in the same way.
    pub(super) fn answered(
        answer: &Answer,
        request: &Request,
        behaviour: &Behaviour,
        number: usize,
        date: &str,
    ) -> Self {
        let content = Content::fixed(&answer.body);
        let mut resource = Resource { content, ..Resource::default() };
        resource.bend(behaviour);
        let mut plan = Self { content: resource.content, ..Self::text(answer.status, "") };
        plan.len = plan.content.len();
        plan.framing = Framing::Length(plan.len);
        plan.set("Date", date);
        for (name, value) in &answer.headers {
            plan.set(name, value);
        }
        plan.bend(behaviour, request, number);
        plan.marks.sort_by_key(|(after, _)| *after);
        plan
    }

    /// Nothing but a status and a text.
    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            garbage: false,
            headers: Vec::new(),
            endless_headers: false,
            drip: None,
            framing: Framing::Length(body.len() as u64),
            content: Content::fixed(body),
            from: 0,
            len: body.len() as u64,
            before_head: None,
            marks: Vec::new(),
            pace: None,
        }
    }

    pub(super) fn set(&mut self, name: &str, value: impl ToString) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_string()));
    }

    fn replace(&mut self, status: u16, body: &str) {
        let kept: Vec<_> = self.headers.drain(..).filter(|(key, _)| key == "Date").collect();
        *self = Self { headers: kept, ..Self::text(status, body) };
    }

    fn bend(&mut self, behaviour: &Behaviour, request: &Request, number: usize) {
        use Behaviour as B;
        match behaviour {
            B::All(all) => all.iter().for_each(|one| self.bend(one, request, number)),
            B::Ok | B::IgnoreRange | B::IgnoreIfRange | B::Changed { .. } | B::WrongByte { .. } => {}
            B::Status { code, body } => self.replace(*code, body),
            B::Header { name, value } => self.set(name, value),
            B::Redirect { to, code } => {
                self.replace(*code, "elsewhere");
                self.set("Location", to);
            }
            B::RedirectLoop => {
                self.replace(302, "round and round");
                self.set("Location", format!("{}?round={number}", request.path()));
            }
            B::AuthRequired { accept } => {
                if request.header("authorization") != Some(accept) {
                    self.replace(401, "who are you");
                    self.set("WWW-Authenticate", "Basic realm=\"test\"");
                }
            }
            B::Reset { after } => self.marks.push((*after, Step::Reset)),
            B::Close { after } | B::ChunkedCut { after } => {
                if matches!(behaviour, B::ChunkedCut { .. }) {
                    self.framing = Framing::Chunked;
                }
                self.marks.push((*after, Step::Close));
            }
            B::Truncate { missing } => self.marks.push((self.len.saturating_sub(*missing), Step::Close)),
            B::Stall { after } => self.marks.push((*after, Step::Stall)),
            B::Hold { after, gate } => self.marks.push((*after, Step::Hold(gate.clone()))),
            B::StallBeforeHeaders => self.before_head = Some(Step::Stall),
            B::HoldBeforeHeaders { gate } => self.before_head = Some(Step::Hold(gate.clone())),
            B::ResetBeforeHeaders => self.before_head = Some(Step::Reset),
            B::CloseBeforeHeaders => self.before_head = Some(Step::Close),
            B::Trickle { after, chunk, gap } => {
                self.pace = Some(Pace { after: *after, chunk: (*chunk).max(1), gap: *gap });
            }
            B::Throttle { rate } => {
                // A hundredth of a second's worth at a time.
                let chunk = usize::try_from(rate / 100).unwrap_or(usize::MAX).max(1);
                self.pace = Some(Pace { after: 0, chunk, gap: Duration::from_millis(10) });
            }
            B::WrongContentRange { shift } => self.shift_content_range(*shift),
            B::RangeTotalChanged { total } => self.change_total(*total),
            B::UnaskedPart => {
                self.status = 206;
                // One more than there is: what is all of the file would be the file.
                let total = self.content.len() + 1;
                let range = format!("bytes {}-{}/{total}", self.from, self.from + self.len - 1);
                self.set("Content-Range", range);
            }
            B::Unsatisfiable { total } => {
                self.replace(416, "");
                if let Some(total) = total {
                    self.set("Content-Range", format!("bytes */{total}"));
                }
            }
            B::NoLength => self.framing = Framing::Close,
            B::Chunked => self.framing = Framing::Chunked,
            B::GzipEncoding => self.set("Content-Encoding", "gzip"),
            B::DeclareLength { length } => self.framing = Framing::Length(*length),
            B::MoreThanLength { extra } => self.len += extra,
            B::EndlessBody => (self.framing, self.len) = (Framing::Close, u64::MAX),
            B::HeaderFlood { count } => {
                self.headers.extend((0..*count).map(|n| (format!("X-Flood-{n}"), "flood".to_owned())));
            }
            B::EndlessHeaders => self.endless_headers = true,
            B::DripHead { gap } => self.drip = Some(*gap),
            B::HugeHeader { bytes } => self.set("X-Huge", "h".repeat(*bytes)),
            B::GarbageStatusLine => self.garbage = true,
        }
    }

    fn shift_content_range(&mut self, shift: u64) {
        if self.status == 206 {
            let (start, total) = (self.from + shift, self.content.len());
            self.set("Content-Range", format!("bytes {start}-{}/{total}", self.from + self.len - 1));
        }
    }

    fn change_total(&mut self, total: u64) {
        if self.status == 206 {
            let last = self.from + self.len - 1;
            self.set("Content-Range", format!("bytes {}-{last}/{total}", self.from));
        }
    }
}

impl Resource {
    fn bend(&mut self, behaviour: &Behaviour) {
        match behaviour {
            Behaviour::All(all) => all.iter().for_each(|one| self.bend(one)),
            Behaviour::IgnoreRange => self.ignore_range = true,
            Behaviour::IgnoreIfRange => self.ignore_if_range = true,
            Behaviour::Changed { content, etag } => {
                (self.content, self.etag) = (content.clone(), etag.clone());
            }
            Behaviour::WrongByte { at } => self.content = self.content.clone().with_wrong_byte(*at),
            _ => {}
        }
    }

    /// What a server gives that does as RFC 9110 says.
    fn answer(self, request: &Request, date: &str) -> Plan {
        let total = self.content.len();
        let known = Known { etag: self.etag.as_deref(), last_modified: self.last_modified.as_deref() };
        let selected = if self.ignore_range || request.method != "GET" {
            Selected::Whole
        } else {
            select(request, total, known, self.ignore_if_range)
        };
        let mut plan = Plan { content: self.content, ..Plan::text(200, "") };
        plan.set("Date", date);
        match selected {
            Selected::Whole => plan.len = total,
            Selected::Part { start, end } => {
                (plan.status, plan.from, plan.len) = (206, start, end - start);
                plan.set("Content-Range", format!("bytes {start}-{}/{total}", end - 1));
            }
            Selected::Nothing => {
                plan.replace(416, "");
                plan.set("Content-Range", format!("bytes */{total}"));
                return plan;
            }
        }
        plan.framing = Framing::Length(plan.len);
        plan.set("Accept-Ranges", if self.ignore_range { "none" } else { "bytes" });
        for (name, value) in [("ETag", self.etag), ("Last-Modified", self.last_modified)] {
            if let Some(value) = value {
                plan.set(name, value);
            }
        }
        plan
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
