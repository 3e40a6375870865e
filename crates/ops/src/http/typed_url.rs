//! URLs in texts of others and on command lines, whole or broken, without what is secret in them. One that was parsed
//! is a [`SafeUrl`](super::SafeUrl).

use std::borrow::Cow;

/// A word of a command line that may be a URL, also one that is none quite: without password, user and query. One that
/// has no scheme, as `me:secret@host:path`, keeps what stands before the `:`.
///
/// ```
/// use vps_ops::http::safe_word;
///
/// assert_eq!(safe_word("https://me:se'cret@host/a?t=secret"), "https://host/a?****");
/// assert_eq!(safe_word("me:sec/ret@host:a"), "me:****@host:a");
/// assert_eq!(safe_word("git@host:a"), "git@host:a");
/// ```
#[must_use]
pub fn safe_word(word: &str) -> Cow<'_, str> {
    if let Some((scheme, url)) = word.split_once("://") {
        let mut shown = format!("{scheme}://");
        // What ends a host ends no password to whoever typed it: what is behind a `:` and no port is one.
        let first = url.split(['/', '?', '#']).next().unwrap_or_default();
        let port = first.rsplit_once(':').map_or("", |(_, port)| port.trim_end_matches(']'));
        let has_password = !first.contains('@') && !port.bytes().all(|digit| digit.is_ascii_hexdigit());
        let url = url.rsplit_once('@').filter(|_| has_password).map_or(url, |(_, host)| host);
        push_safe(&mut shown, url);
        return Cow::Owned(shown);
    }
    match word.split_once(':').and_then(|(name, rest)| Some((name, rest.rsplit_once('@')?.1))) {
        Some((name, host)) => Cow::Owned(format!("{name}:****@{host}")),
        None => Cow::Borrowed(word),
    }
}

/// What follows `scheme://`, as it may be shown.
fn push_safe(shown: &mut String, url: &str) {
    shown.push_str(without_user(url.split(['?', '#']).next().unwrap_or_default()));
    if url.contains(['?', '#']) {
        shown.push_str("?****");
    }
}

/// `text` with every URL in it free of user, password, and query.
pub(crate) fn safe_urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>'));
        let (url, tail) = end.and_then(|end| after.split_at_checked(end)).unwrap_or((after, ""));
        push_safe(&mut shown, url);
        rest = tail;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// A URL without user and password.
pub(crate) fn strip_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", without_user(rest)),
        None => url.to_owned(),
    }
}

/// What follows `scheme://`, without user and password.
fn without_user(url: &str) -> &str {
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    if let Some((_, host)) = authority.rsplit_once('@') {
        let user = authority.len().saturating_sub(host.len());
        return url.get(user..).unwrap_or_default();
    }
    // A password with an unescaped `/` in it: what looks like a port is none.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port.trim_end_matches(']'));
    match path.rsplit_once('@') {
        Some((_, host)) if !port.bytes().all(|b| b.is_ascii_hexdigit()) => host,
        _ => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_typed_url_is_shown_however_it_is_broken() {
        for word in [
            "https://me:canary@host/a",
            "https://canary@host/a",
            "https://me:canary@canary@host/a",
            "https://me:can?canary@host/a",
            "https://me:can#canary@host/a",
            "https://me:xyz/canary@host/a",
            "https://host/a?canary",
            "https://host/a#canary",
            "--mirror=https://me:canary@host/a",
            "htps://me:'canary'@host",
            "https:/me:canary@host/a",
            "https:me:canary@host/a",
            "me:canary@host:team/a",
            "me:can/canary@host/a",
            "me@corp.example:canary@host/a",
            "//me:canary@host/a",
        ] {
            let shown = safe_word(word);
            assert!(!shown.contains("canary") && shown.contains("host"), "{word}: {shown}");
        }
        for word in [
            "https://host:8443/a@b",
            "git@host:team/a.git",
            "sha256:abc",
            "host:a",
            "a@b",
            "",
            "https://[::1]:80/a@b",
        ] {
            assert_eq!(safe_word(word), word);
        }
    }
}
