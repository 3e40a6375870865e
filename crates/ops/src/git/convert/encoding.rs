//! The encodings that `working-tree-encoding` may name, as git's iconv writes them.

use std::collections::HashMap;

use gix::filter::plumbing::encoding::{EncoderResult, Encoding as Known};

/// A line for each encoding of one byte a letter: its names, a tab, and its letters in order of their bytes:
/// a code point, after a `+` how many are counted up from it, or after a `-` how many bytes have no letter.
const SINGLE_BYTE: &str = include_str!("single_byte.txt");

/// Names of encodings of several bytes a letter, and the one name that the crate knows of each.
const SEVERAL_BYTES: [(&str, &[&str]); 10] = [
    ("shift_jis", &["SHIFT_JIS", "SHIFT-JIS", "SJIS", "MS_KANJI", "CSSHIFTJIS"]),
    ("windows-31j", &["CP932", "WINDOWS-31J", "MS932", "CSWINDOWS31J", "SJIS-OPEN", "SJIS-WIN"]),
    ("euc-jp", &["EUC-JP", "EUCJP", "UJIS"]),
    ("iso-2022-jp", &["ISO-2022-JP", "ISO2022JP", "CSISO2022JP"]),
    ("euc-kr", &["EUC-KR", "EUCKR", "CSEUCKR"]),
    ("windows-949", &["UHC", "CP949", "MSCP949"]),
    ("gb2312", &["GB2312", "EUC-CN", "EUCCN", "CN-GB", "CSGB2312"]),
    ("gbk", &["GBK", "CP936", "MS936", "WINDOWS-936"]),
    ("gb18030", &["GB18030"]),
    ("big5", &["BIG5", "BIG-5", "BIG-FIVE", "BIGFIVE", "CN-BIG5", "CP950"]),
];

/// How letters become bytes.
#[derive(Debug)]
pub(super) enum Encoding {
    /// As it is stored.
    Utf8,
    /// Two bytes, and two more for what is beyond them.
    Utf16 { big: bool, mark: bool },
    /// Four bytes.
    Utf32 { big: bool, mark: bool },
    /// Two bytes, and nothing beyond them.
    Ucs2 { big: bool },
    /// One byte.
    SingleByte(HashMap<char, u8>),
    /// As a table of the crate says.
    Several(&'static Known),
}

impl Encoding {
    /// The one of a name, in whichever case.
    pub(super) fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let plain = name.strip_prefix("UTF").map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        // Where no order is named, iconv takes this machine's and says so by a mark.
        let native = cfg!(target_endian = "big");
        match plain {
            Some("8") => return Some(Self::Utf8),
            Some("16") => return Some(Self::Utf16 { big: native, mark: true }),
            Some("16LE") => return Some(Self::Utf16 { big: false, mark: false }),
            Some("16BE") => return Some(Self::Utf16 { big: true, mark: false }),
            Some("16LE-BOM") => return Some(Self::Utf16 { big: false, mark: true }),
            Some("16BE-BOM") => return Some(Self::Utf16 { big: true, mark: true }),
            Some("32") => return Some(Self::Utf32 { big: native, mark: true }),
            Some("32LE") => return Some(Self::Utf32 { big: false, mark: false }),
            Some("32BE") => return Some(Self::Utf32 { big: true, mark: false }),
            _ => {}
        }
        match name.as_str() {
            "UCS-2" | "UCS2" => return Some(Self::Ucs2 { big: native }),
            "UCS-2LE" | "UNICODELITTLE" => return Some(Self::Ucs2 { big: false }),
            "UCS-2BE" | "UNICODEBIG" => return Some(Self::Ucs2 { big: true }),
            "UCS-4" | "UCS4" | "UCS-4BE" => return Some(Self::Utf32 { big: true, mark: false }),
            "UCS-4LE" => return Some(Self::Utf32 { big: false, mark: false }),
            // An old name that git keeps for what it was called once.
            "LATIN-1" => return Self::of("ISO-8859-1"),
            _ => {}
        }
        let of_several = SEVERAL_BYTES.iter().find(|(_, names)| names.contains(&name.as_str()));
        if let Some((label, _)) = of_several {
            return Known::for_label(label.as_bytes()).map(Self::Several);
        }
        let lines = SINGLE_BYTE.lines().filter_map(|line| line.split_once('\t'));
        let letters = lines.filter(|(names, _)| names.split(' ').any(|one| one == name)).map(|(_, row)| row);
        letters.map(|row| Self::SingleByte(table(row))).next()
    }

    /// The bytes of a text; the letter that has none.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u8>, char> {
        let mut bytes = Vec::with_capacity(text.len().saturating_mul(2).saturating_add(4));
        match self {
            Self::Utf8 => bytes.extend_from_slice(text.as_bytes()),
            Self::Utf16 { big, mark } => {
                let mark = mark.then_some(0xfeff);
                for unit in mark.into_iter().chain(text.encode_utf16()) {
                    bytes.extend_from_slice(&two(unit, *big));
                }
            }
            Self::Utf32 { big, mark } => {
                let mark = mark.then_some(0xfeff_u32);
                for letter in mark.into_iter().chain(text.chars().map(u32::from)) {
                    bytes.extend_from_slice(&if *big { letter.to_be_bytes() } else { letter.to_le_bytes() });
                }
            }
            Self::Ucs2 { big } => {
                for letter in text.chars() {
                    let unit = u16::try_from(u32::from(letter)).map_err(|_| letter)?;
                    bytes.extend_from_slice(&two(unit, *big));
                }
            }
            Self::SingleByte(table) => {
                for letter in text.chars() {
                    bytes.push(*table.get(&letter).ok_or(letter)?);
                }
            }
            Self::Several(known) => several(known, text, &mut bytes)?,
        }
        Ok(bytes)
    }
}

fn two(unit: u16, big: bool) -> [u8; 2] {
    if big { unit.to_be_bytes() } else { unit.to_le_bytes() }
}

/// The letters of one row of the table.
fn table(row: &str) -> HashMap<char, u8> {
    let mut table = HashMap::new();
    let mut byte = 0_u32;
    for part in row.split(' ') {
        let number = |hex: &str| u32::from_str_radix(hex, 16).unwrap_or_default();
        if let Some(none) = part.strip_prefix('-') {
            byte = byte.saturating_add(number(none));
            continue;
        }
        let (first, count) = part.split_once('+').unwrap_or((part, "1"));
        for next in 0..number(count) {
            let letter = char::from_u32(number(first).saturating_add(next));
            if let (Some(letter), Ok(byte)) = (letter, u8::try_from(byte)) {
                table.insert(letter, byte);
            }
            byte = byte.saturating_add(1);
        }
    }
    table
}

fn several(known: &'static Known, text: &str, bytes: &mut Vec<u8>) -> Result<(), char> {
    let mut encoder = known.new_encoder();
    let mut rest = text;
    loop {
        let begin = bytes.len();
        // Letter by letter, where not the whole is known to be the same to both.
        let letter = rest.chars().next().map_or(0, char::len_utf8);
        let (now, last) =
            if is_the_same(known) { (rest.len(), true) } else { (letter, letter == rest.len()) };
        let (piece, after) = rest.split_at_checked(now).unwrap_or((rest, ""));
        let more = encoder.max_buffer_length_from_utf8_if_no_unmappables(piece.len());
        bytes.reserve(more.unwrap_or(piece.len()).max(16));
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(piece, bytes, last);
        match result {
            EncoderResult::Unmappable(letter) => return Err(letter),
            EncoderResult::OutputFull => {
                rest = rest.get(read..).unwrap_or_default();
                continue;
            }
            EncoderResult::InputEmpty => {}
        }
        if let (false, [first, second, ..]) = (is_the_same(known), bytes.get(begin..).unwrap_or_default())
            && !has_iconv(known.name(), *first, *second)
        {
            return Err(piece.chars().next().unwrap_or_default());
        }
        if last {
            return Ok(());
        }
        rest = after;
    }
}

/// Whether all letters are those of iconv: the others are wider as the web has them.
fn is_the_same(known: &'static Known) -> bool {
    matches!(known.name(), "gb18030" | "ISO-2022-JP")
}

/// Whether iconv has a letter of these two bytes in the encoding of that name on the web.
fn has_iconv(name: &str, first: u8, second: u8) -> bool {
    match name {
        // Rows of two makers, which iconv has elsewhere or nowhere.
        "EUC-JP" => first != 0xad && first < 0xf9,
        // Rows of others than the standard.
        "Big5" => {
            !matches!((first, second), (0xc6, 0xa1..) | (0xc7..=0xc8, _) | (0xf9, 0xd6..) | (0xfa.., _))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(name: &str, text: &str) -> Result<Vec<u8>, char> {
        Encoding::of(name).unwrap().encode(text)
    }

    #[test]
    fn each_name_gives_the_bytes_that_iconv_gives() {
        for (name, expected) in [
            ("UTF-16", &b"\xff\xfeh\0\xe9\0"[..]),
            ("utf16", b"\xff\xfeh\0\xe9\0"),
            ("UTF-16LE", b"h\0\xe9\0"),
            ("UTF-16BE", b"\0h\0\xe9"),
            ("UTF-16LE-BOM", b"\xff\xfeh\0\xe9\0"),
            ("UTF-16BE-BOM", b"\xfe\xff\0h\0\xe9"),
            ("UTF-32", b"\xff\xfe\0\0h\0\0\0\xe9\0\0\0"),
            ("UTF-32BE", b"\0\0\0h\0\0\0\xe9"),
            ("UCS-2LE", b"h\0\xe9\0"),
            ("IBM437", b"h\x82"),
            ("cp850", b"h\x82"),
            ("ISO-8859-1", b"h\xe9"),
            ("latin1", b"h\xe9"),
            ("ISO-8859-15", b"h\xe9"),
            ("WINDOWS-1252", b"h\xe9"),
            ("MACINTOSH", b"h\x8e"),
            ("EBCDIC-US", b""),
        ] {
            if expected.is_empty() {
                assert!(bytes(name, "hé").is_err(), "{name}");
            } else {
                assert_eq!(bytes(name, "hé").unwrap(), expected, "{name}");
            }
        }
        assert_eq!(bytes("EBCDIC-US", "hA").unwrap(), b"\x88\xc1");
        assert_eq!(bytes("KOI8-R", "да").unwrap(), b"\xc4\xc1");
        assert_eq!(bytes("SHIFT-JIS", "日本").unwrap(), b"\x93\xfa\x96\x7b");
        assert_eq!(bytes("EUC-JP", "日本").unwrap(), b"\xc6\xfc\xcb\xdc");
        assert_eq!(bytes("GBK", "汉字").unwrap(), b"\xba\xba\xd7\xd6");
        assert_eq!(bytes("BIG5", "漢字").unwrap(), b"\xba\x7e\xa6\x72");
        assert_eq!(bytes("EUC-KR", "한").unwrap(), b"\xc7\xd1");
        assert_eq!(bytes("ISO-2022-JP", "日a").unwrap(), b"\x1b$BF|\x1b(Ba");
        assert_eq!(bytes("SJIS", "").unwrap(), b"");
        assert_eq!(bytes("UTF-16LE", "😀").unwrap(), b"\x3d\xd8\x00\xde");
    }

    #[test]
    fn what_has_no_bytes_is_named_and_no_other_encoding_is_taken_for_it() {
        // In the encodings of the web this name means another one, which has the letter.
        assert_eq!(bytes("ISO-8859-1", "10 €"), Err('€'));
        assert_eq!(bytes("US-ASCII", "é"), Err('é'));
        assert_eq!(bytes("UCS-2", "😀"), Err('😀'));
        assert_eq!(bytes("EUC-JP", "日丨"), Err('丨'));
        assert_eq!(bytes("BIG5", "漢═"), Err('═'));
        for name in ["hz-gb-2312", "x-user-defined", "replacement", "no such", "", "UTF-99"] {
            assert!(Encoding::of(name).is_none(), "{name}");
        }
    }

    #[test]
    fn every_row_of_the_table_can_be_read() {
        for line in SINGLE_BYTE.lines() {
            let (names, row) = line.split_once('\t').unwrap();
            assert!(table(row).len() >= 94, "{names}");
        }
    }
}
