//! What comes over the network.

use std::collections::BTreeSet;

use http::HeaderName;
use secrecy::SecretString;

use super::Filler;
use crate::apt::PackageSpec;
use crate::download::{Algorithm, Checksum, parse_url};
use crate::foreign::Foreign;
use crate::plan::action::{Action, DownloadAction, PackagesAction, Unpack};
use crate::plan::decode::{At, Named, Quoted};
use crate::plan::document::{Download, Packages};
use crate::plan::problem::ProblemKind;
use crate::plan::secret_text::SecretText;
use crate::settings::parse_bytes;

/// More folders than an archive has in a name.
const MOST_STRIPPED: u32 = 64;

impl Filler<'_> {
    pub(super) fn packages(&mut self, at: &At<Packages>) -> Option<Action> {
        let long = &at.value.0;
        let list = long.names.get()?;
        let (mut names, mut known) = (Vec::new(), BTreeSet::new());
        for at in self.items(list) {
            let Some(text) = self.text(at) else { continue };
            match text.parse::<PackageSpec>() {
                Ok(spec) if known.insert((spec.name().to_owned(), spec.arch().map(str::to_owned))) => {
                    names.push(text);
                }
                Ok(_) => self.problems.add(at.spot, ProblemKind::PackageTwice { given: Foreign::new(&text) }),
                Err(error) => {
                    let kind = ProblemKind::Package { given: error.given, reason: error.reason };
                    self.problems.add(at.spot, kind);
                }
            }
        }
        Some(Action::Packages(PackagesAction { names, upgrade: long.upgrade.value_or(false) }))
    }

    pub(super) fn download(&mut self, at: &At<Download>) -> Option<Action> {
        let text = &at.value;
        let dest = ("dest", text.dest.key());
        self.at_least_one(at.spot, &[dest, ("unpack", text.unpack.key())], &text.meant);
        self.only_beside(("mode", text.mode.key()), dest, &text.meant);
        let url = text.url.get().and_then(|url| self.url(url));
        let mirrors =
            text.mirrors.get().map(|list| self.items(list).iter().filter_map(|url| self.url(url)).collect());
        let unpack = text.unpack.get().and_then(|unpack| {
            let strip = unpack.value.strip.get().and_then(|strip| self.number(strip, 0, MOST_STRIPPED));
            Some(Unpack::new(self.folder_path(unpack.value.to.get()?)?, strip.unwrap_or(0)))
        });
        let action = DownloadAction {
            mirrors: mirrors.unwrap_or_default(),
            dest: text.dest.get().and_then(|dest| self.file_path(dest)),
            checksum: self.checksum(text),
            size: text.size.get().and_then(|size| self.size(size)),
            mode: text.mode.get().and_then(|mode| self.mode(mode)),
            headers: text.headers.get().map(|headers| self.headers(&headers.value)).unwrap_or_default(),
            unpack,
            url: url?,
        };
        Some(Action::Download(action))
    }

    /// A URL of http or https, without user and password.
    pub(super) fn url(&mut self, at: &At<String>) -> Option<String> {
        let text = self.word(at)?;
        self.url_of(at, text)
    }

    fn url_of(&mut self, at: &At<String>, text: String) -> Option<String> {
        match parse_url("it", &text) {
            Ok(url) if url.username().is_empty() && url.password().is_none() => Some(text),
            Ok(_) => {
                self.problems.add(at.spot, ProblemKind::Userinfo);
                None
            }
            Err(error) => {
                self.problems.add(at.spot, ProblemKind::Url(error.to_string().into()));
                None
            }
        }
    }

    fn checksum(&mut self, text: &Download) -> Option<String> {
        self.at_most_one(&[
            ("sha256", text.sha256.key()),
            ("sha512", text.sha512.key()),
            ("checksum", text.checksum.key()),
        ]);
        if let Some(at) = text.sha256.get() {
            return self.digest(Algorithm::Sha256, at);
        }
        if let Some(at) = text.sha512.get() {
            return self.digest(Algorithm::Sha512, at);
        }
        let at = text.checksum.get()?;
        let given = self.word(at)?;
        if given.contains("://") {
            return self.url_of(at, given);
        }
        self.checked(at, given.parse())
    }

    pub(super) fn digest(&mut self, algorithm: Algorithm, at: &At<String>) -> Option<String> {
        let given = self.word(at)?;
        self.checked(at, Checksum::new(algorithm, &given))
    }

    fn checked(
        &mut self,
        at: &At<String>,
        checksum: Result<Checksum, crate::download::ChecksumError>,
    ) -> Option<String> {
        match checksum {
            Ok(checksum) => Some(checksum.to_string()),
            Err(error) => {
                self.problems.add(at.spot, ProblemKind::Checksum(error));
                None
            }
        }
    }

    fn size(&mut self, at: &At<String>) -> Option<u64> {
        let text = self.line(at)?;
        match parse_bytes(&text) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problems.add(at.spot, ProblemKind::Bytes(error));
                None
            }
        }
    }

    /// Rights: a text of three or four octal digits, so that nobody has to know whether `0644` is a number.
    pub(super) fn mode(&mut self, at: &At<Quoted>) -> Option<u32> {
        let inner = At { value: at.value.0.clone(), spot: at.spot, begins: at.begins };
        let text = self.text(&inner)?;
        let is_one =
            (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = is_one.then(|| u32::from_str_radix(&text, 8).ok()).flatten();
        if mode.is_none() {
            self.problems.add(at.spot, ProblemKind::Mode);
        }
        mode
    }

    fn headers(&mut self, headers: &Named<At<String>>) -> Vec<(String, SecretText)> {
        let mut read = Vec::new();
        for (name, value) in headers.right() {
            let known = name.value.parse::<HeaderName>().is_ok();
            if !known {
                self.problems
                    .add(name.spot, ProblemKind::HeaderName { given: Foreign::bounded(&name.value, 80) });
            }
            let Some(value_text) = self.secret_text(value) else { continue };
            // What a secret is shows later; what stands around it must fit now.
            let around = value_text.reveal(|_| Ok::<_, std::convert::Infallible>(SecretString::from("")));
            let fits = around.is_ok_and(|around| {
                http::HeaderValue::from_str(secrecy::ExposeSecret::expose_secret(&around)).is_ok()
            });
            if !fits {
                self.problems.add(value.spot, ProblemKind::Control);
            } else if known {
                read.push((name.value.clone(), value_text));
            }
        }
        read
    }
}
