//! A list of sources without those whose circuits are open.

use crate::apt::facts::show::strip_user;

/// A repository as a source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apt) struct Left<'r> {
    /// Its URI, with or without a slash at the end.
    pub(in crate::apt) uri: &'r str,
}

impl Left<'_> {
    fn is(&self, uri: &str) -> bool {
        // A repository is known without the user and password of its source.
        strip_user(self.uri).trim_end_matches('/') == strip_user(uri).trim_end_matches('/')
    }
}

/// A file of lines such as `deb [options] URI suite component...`, without the lines of `left`.
pub(in crate::apt) fn without_lines(text: &str, left: &[Left<'_>]) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        if !uri_of_line(line).is_some_and(|uri| left.iter().any(|left| left.is(uri))) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The URI of a source's line: the word after the type and the options in brackets.
fn uri_of_line(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("deb-src").or_else(|| rest.strip_prefix("deb"))?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1.trim_start(),
        None => rest,
    };
    rest.split_whitespace().next()
}

/// A file of stanzas with a field `URIs:`, without the URIs of `left`; a stanza that has no other is left out.
pub(in crate::apt) fn without_stanzas(text: &str, left: &[Left<'_>]) -> String {
    let mut kept = String::new();
    for stanza in stanzas(text) {
        if let Some(stanza) = without_uris(&stanza, left) {
            kept.push_str(&stanza);
            kept.push('\n');
        }
    }
    kept
}

fn stanzas(text: &str) -> Vec<Vec<&str>> {
    let mut stanzas = vec![Vec::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            stanzas.push(Vec::new());
        } else if let Some(stanza) = stanzas.last_mut() {
            stanza.push(line);
        }
    }
    stanzas.retain(|stanza| !stanza.is_empty());
    stanzas
}

/// A stanza with the URIs that are not left out, or nothing if none remains.
fn without_uris(stanza: &[&str], left: &[Left<'_>]) -> Option<String> {
    let (mut text, mut in_uris, mut had, mut remaining) = (String::new(), false, false, Vec::new());
    for line in stanza {
        let folded = line.starts_with([' ', '\t']);
        let field = line.split_once(':').filter(|_| !folded && !line.starts_with('#'));
        if let Some((name, value)) = field {
            in_uris = name.trim().eq_ignore_ascii_case("URIs");
            if in_uris {
                had = true;
                remaining.extend(value.split_whitespace());
                continue;
            }
        } else if folded && in_uris {
            remaining.extend(line.split_whitespace());
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    remaining.retain(|uri| !left.iter().any(|left| left.is(uri)));
    if had && remaining.is_empty() {
        return None;
    }
    if had {
        text.push_str(&format!("URIs: {}\n", remaining.join(" ")));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: [Left<'_>; 1] = [Left { uri: "http://gone.example.com/debian" }];

    #[test]
    fn a_line_of_one_that_is_left_out_goes() {
        let text = "# comment\ndeb http://a.example.com/debian stable main\ndeb [signed-by=/k arch=amd64] http://gone.example.com/debian/ stable main\ndeb-src\thttp://me:pw@gone.example.com/debian stable main\n";
        let kept = without_lines(text, &GONE);
        assert_eq!(kept, "# comment\ndeb http://a.example.com/debian stable main\n");
    }

    #[test]
    fn a_longer_address_is_another_one() {
        let text = "deb http://gone.example.com/debian-security stable main\ndebian http://gone.example.com/debian x\n";
        assert_eq!(without_lines(text, &GONE), text);
    }

    #[test]
    fn a_stanza_keeps_its_other_addresses() {
        let text = "Types: deb\nURIs: http://gone.example.com/debian/\n http://b.example.com/debian\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n\n# nothing but a comment\n\nTypes: deb\nURIs: http://gone.example.com/debian\nSuites: stable\n";
        let kept = without_stanzas(text, &GONE);
        assert!(kept.contains("URIs: http://b.example.com/debian\n"), "{kept}");
        assert!(kept.contains("Signed-By:\n -----BEGIN\n .\n abc\n"), "{kept}");
        assert!(!kept.contains("gone.example.com"), "{kept}");
        assert_eq!(kept.matches("Types:").count(), 1, "{kept}");
    }
}
