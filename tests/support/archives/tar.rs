//! Tars.

use super::{Thing, What};

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// A header with all its fields and a right sum, for whatever is wished.
#[must_use]
pub fn header(name: &[u8], flag: u8, size: u64, link: &[u8], mode: u32, modified: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.get(..100).unwrap_or(name));
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0001750\x000001750\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}").as_bytes());
    } else {
        put(124, &[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
    }
    put(136, format!("{modified:011o}").as_bytes());
    put(156, &[flag]);
    put(157, link.get(..100).unwrap_or(link));
    put(257, b"ustar\x0000");
    summed(block)
}

/// The same block with the sum that it should have.
fn summed(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Content with what fills its last block.
fn padded(content: &[u8]) -> Vec<u8> {
    let mut padded = content.to_vec();
    padded.resize(content.len().div_ceil(BLOCK) * BLOCK, 0);
    padded
}

/// A header of that sort with its content.
#[must_use]
pub fn with_flag(name: &str, flag: u8, content: &[u8], link: &str) -> Vec<u8> {
    let header = header(name.as_bytes(), flag, content.len() as u64, link.as_bytes(), 0o644, 0);
    [header, padded(content)].concat()
}

/// A record of a pax header.
#[must_use]
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let digits = |len: usize| len.to_string().len();
    let mut len = rest.len() + 1;
    while len != rest.len() + digits(len) {
        len = rest.len() + digits(len);
    }
    [len.to_string().as_bytes(), &rest].concat()
}

/// A pax header with those records.
#[must_use]
pub fn pax(flag: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let content: Vec<_> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    with_flag("././@PaxHeader", flag, &content, "")
}

/// What says the end.
#[must_use]
pub fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}

/// A tar of these things; what does not fit into a header has one of pax before it, or of GNU every other time.
#[must_use]
pub fn tar(things: &[Thing]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (number, Thing { name, what, mode, modified }) in things.iter().enumerate() {
        let (flag, content, link) = match what {
            What::File(content) => (b'0', &content[..], ""),
            What::Folder => (b'5', &[][..], ""),
            What::Link(says) => (b'2', &[][..], says.as_str()),
            What::HardLink(of) => (b'1', &[][..], of.as_str()),
        };
        for (text, key, gnu) in [(&name[..], "path", b'L'), (link.as_bytes(), "linkpath", b'K')] {
            if text.len() > 100 {
                archive.extend(match number % 2 {
                    0 => pax(b'x', &[(key, text)]),
                    _ => with_flag("././@LongLink", gnu, &[text, b"\0"].concat(), ""),
                });
                // Only one of the two kinds for one entry.
                if number % 2 == 0 && link.len() > 100 && name.len() > 100 {
                    archive.truncate(archive.len() - pax(b'x', &[(key, text)]).len());
                    if key == "path" {
                        archive.extend(pax(b'x', &[("path", name), ("linkpath", link.as_bytes())]));
                    }
                }
            }
        }
        let size = content.len() as u64;
        archive.extend(header(name, flag, size, link.as_bytes(), *mode, *modified));
        archive.extend(padded(content));
    }
    archive.extend(end());
    archive
}
