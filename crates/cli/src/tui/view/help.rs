//! All keys, and what the words mean.

use super::page::Page;
use crate::observe::words::health::dashboard::HELP;

pub(super) fn draw(page: &mut Page<'_>, end: u16) {
    for line in HELP {
        if page.at() < end {
            page.text(&format!(" {line}"));
        }
    }
}
