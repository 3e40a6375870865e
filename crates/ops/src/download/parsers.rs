//! What servers, lists and files beside DEST say, given as anything at all.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, header};

use super::content_range::ContentRange;
use super::parse::{file_name, parse_url};
use super::record::Record;
use super::sums::{find_checksum, is_list};
use super::validator::Validator;

/// What a parser made of some bytes: a word or two that tell inputs apart which lead to different places, and the
/// texts that a person would come to see.
type Made = (String, Vec<String>);

/// A parser's name, and the parser.
type Parser = (&'static str, fn(&[u8]) -> Made);

/// The parsers, by name.
pub(crate) const PARSERS: &[Parser] = &[
    ("content_range", content_range),
    ("validator", validator),
    ("sums", sums),
    ("record", record),
    ("download_url", url),
];

fn silent(shape: impl Into<String>) -> Made {
    (shape.into(), Vec::new())
}

/// The first word of what `Debug` shows.
fn kind(shown: &impl std::fmt::Debug) -> String {
    format!("{shown:?}").chars().take_while(|one| one.is_alphabetic()).collect()
}

/// The headers of a response that has this one alone.
fn headers(bytes: &[u8], name: HeaderName) -> Option<HeaderMap> {
    Some(HeaderMap::from_iter([(name, HeaderValue::from_bytes(bytes).ok()?)]))
}

fn content_range(bytes: &[u8]) -> Made {
    let Some(headers) = headers(bytes, header::CONTENT_RANGE) else { return silent("no header") };
    match ContentRange::of(&headers) {
        None => silent("none"),
        Some(ContentRange::Part { first, last, total }) => {
            assert!(first <= last && total.is_none_or(|total| last < total), "{first}-{last}/{total:?}");
            silent(if total.is_some() { "part" } else { "part of what" })
        }
        Some(ContentRange::Unsatisfied { .. }) => silent("unsatisfied"),
    }
}

fn validator(bytes: &[u8]) -> Made {
    let mut words = Vec::new();
    for name in [header::ETAG, header::LAST_MODIFIED] {
        let Some(mut headers) = headers(bytes, name) else { return silent("no header") };
        headers.insert(header::DATE, HeaderValue::from_static("Tue, 15 Nov 1994 08:12:31 GMT"));
        let found = Validator::of(&headers);
        if let Some(found) = &found {
            assert!(
                found.header().is_some() && found.allows(&headers),
                "{found:?} is not what it was made of"
            );
        }
        words.push(if found.is_some() { "some" } else { "none" });
    }
    silent(words.join(" "))
}

fn sums(bytes: &[u8]) -> Made {
    let text = String::from_utf8_lossy(bytes);
    let list = is_list(&text);
    match find_checksum(&text, "a.tar.gz") {
        Ok(checksum) => {
            assert!(checksum.hex().bytes().all(|digit| digit.is_ascii_hexdigit()), "{checksum}");
            silent(format!("{:?} {list}", checksum.algorithm()))
        }
        // What it shows of the list is made fit for a screen where it is printed.
        Err(error) => silent(format!("{} {list}", kind(&error))),
    }
}

fn record(bytes: &[u8]) -> Made {
    match serde_json::from_slice::<Record>(bytes) {
        Ok(record) => silent(format!("resumable {}", record.origin.is_resumable())),
        Err(error) => silent(format!("{:?}", error.classify())),
    }
}

fn url(bytes: &[u8]) -> Made {
    match parse_url("URL", &String::from_utf8_lossy(bytes)) {
        Ok(url) => match file_name(&url) {
            Ok(name) => {
                let name = name.as_encoded_bytes();
                assert!(!name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..", "{url}");
                silent(format!("{} with a name", url.scheme()))
            }
            Err(_) => silent(format!("{} without a name", url.scheme())),
        },
        Err(error) => silent(kind(&error)),
    }
}
