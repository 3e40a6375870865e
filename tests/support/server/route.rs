//! A path of the server: a file, how it is known, and what happens to those who ask for it.

use super::behaviour::Behaviour;
use super::content::Content;

/// A file and its script: the first request meets the first behaviour, the second the second; the
/// last one repeats. `HEAD` is answered as the standards say and does not count, unless
/// [`script_head`](Route::script_head) says so.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) content: Content,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) date: Option<String>,
    pub(super) script: Vec<Behaviour>,
    pub(super) cycle: bool,
    pub(super) head: bool,
}

impl Route {
    /// A file of that many bytes, with a strong tag.
    #[must_use]
    pub fn of(len: u64) -> Self {
        Self::content(Content::seeded(len, len))
    }

    /// A file of these bytes, with a strong tag.
    #[must_use]
    pub fn content(content: Content) -> Self {
        Self {
            content,
            etag: Some("\"v1\"".to_owned()),
            last_modified: None,
            date: None,
            script: Vec::new(),
            cycle: false,
            head: false,
        }
    }

    /// Nothing but this behaviour.
    #[must_use]
    pub fn only(behaviour: Behaviour) -> Self {
        Self::content(Content::fixed("")).then(behaviour)
    }

    /// Another tag, as it is sent: `"a"`, or `W/"a"` for a weak one.
    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    /// No tag.
    #[must_use]
    pub fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    /// `Last-Modified` as it is sent.
    #[must_use]
    pub fn last_modified(mut self, date: &str) -> Self {
        self.last_modified = Some(date.to_owned());
        self
    }

    /// `Date` as it is sent; the present by default.
    #[must_use]
    pub fn date(mut self, date: &str) -> Self {
        self.date = Some(date.to_owned());
        self
    }

    /// What the next request meets.
    #[must_use]
    pub fn then(mut self, behaviour: Behaviour) -> Self {
        self.script.push(behaviour);
        self
    }

    /// What the next `n` requests meet.
    #[must_use]
    pub fn times(mut self, n: usize, behaviour: &Behaviour) -> Self {
        self.script.extend(std::iter::repeat_n(behaviour, n).cloned());
        self
    }

    /// After the last behaviour comes the first again.
    #[must_use]
    pub fn cycle(mut self) -> Self {
        self.cycle = true;
        self
    }

    /// `HEAD` meets the script too.
    #[must_use]
    pub fn script_head(mut self) -> Self {
        self.head = true;
        self
    }

    /// What the request with this number (from 0) meets.
    pub(super) fn behaviour(&self, number: usize) -> Behaviour {
        let at = if self.cycle { number % self.script.len().max(1) } else { number };
        self.script.get(at).or(self.script.last()).cloned().unwrap_or(Behaviour::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_behaviour_repeats_or_the_script_starts_again() {
        let code = |route: &Route, number| match route.behaviour(number) {
            Behaviour::Status { code, .. } => code,
            _ => 200,
        };
        let route = Route::of(1).times(2, &Behaviour::status(500)).then(Behaviour::status(404));
        assert_eq!([0, 1, 2, 3, 9].map(|n| code(&route, n)), [500, 500, 404, 404, 404]);
        assert_eq!([0, 2, 3, 5].map(|n| code(&route.clone().cycle(), n)), [500, 404, 500, 404]);
        assert_eq!(code(&Route::of(1).cycle(), 7), 200);
    }
}
