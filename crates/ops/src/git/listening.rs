//! How much a server says, line by line as it comes: what it says without an end would fill the memory of who keeps
//! it, as gix does.
//!
//! Only lengths and beginnings of lines are looked at, and nothing is kept. What is no line of git's is let through:
//! gix ends at it.

use std::sync::Arc;

use super::excess::{self, Bound, Excess};
use super::limits::Taken;

/// Signs of a line's length.
const DIGITS: usize = 4;
/// Signs of a line's beginning that say what it is.
const BEGINNING: usize = 10;

/// Bytes that a commit at the end of a history takes in memory.
const BOUNDARY_LINE: u64 = 128;

/// Bytes that gix and we take in memory for a ref whose line has so many: it is in two lists, and in one of ours.
fn memory_of_ref(line: usize) -> u64 {
    const LISTED: u64 = 400;
    LISTED.saturating_add(bytes(line).saturating_mul(2))
}

/// Hears one side of a conversation, or one answer.
#[derive(Debug)]
pub(super) struct Listening {
    taken: Arc<Taken>,
    at: At,
    phase: Phase,
    said: Said,
}

/// Where in a line.
#[derive(Debug)]
enum At {
    Length {
        digits: [u8; DIGITS],
        have: usize,
    },
    Line {
        beginning: [u8; BEGINNING],
        have: usize,
        length: usize,
        left: usize,
    },
    /// In what is no line.
    Lost,
}

impl Default for At {
    fn default() -> Self {
        Self::Length { digits: [0; DIGITS], have: 0 }
    }
}

/// What the lines are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Refs with the first line, unless that says otherwise.
    #[default]
    Opening,
    /// The name of the service came: an end, then the opening.
    Service,
    /// What it can do, by protocol 2.
    Capabilities,
    /// Answers.
    Answers,
}

/// Bytes of each kind.
#[derive(Debug, Default)]
struct Said {
    capabilities: u64,
    refs: u64,
    acknowledgements: u64,
    boundary: u64,
    messages: u64,
    idle: u64,
}

impl Listening {
    /// What gix makes of it is charged to `taken`, whose settings are the bounds, and stays longer than this.
    pub(super) fn new(taken: &Arc<Taken>) -> Self {
        let (at, phase, said) = Default::default();
        Self { taken: Arc::clone(taken), at, phase, said }
    }

    /// To answers, whose opening came before.
    pub(super) fn of_answers(self) -> Self {
        Self { phase: Phase::Answers, ..self }
    }

    /// Hears what comes next.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn hear(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.at {
                At::Lost => return Ok(()),
                At::Length { digits, have } => {
                    if let Some(digit) = digits.get_mut(*have) {
                        *digit = *first;
                        *have += 1;
                    }
                    bytes = rest;
                    if *have == DIGITS {
                        let digits = *digits;
                        self.begin(digits)?;
                    }
                }
                At::Line { beginning, have, length, left } => {
                    let taken = bytes.len().min(*left);
                    let (now, after) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
                    bytes = after;
                    *left -= taken;
                    let wanted = BEGINNING.min(*length);
                    let before = *have;
                    for (place, byte) in beginning.iter_mut().take(wanted).skip(before).zip(now) {
                        *place = *byte;
                        *have += 1;
                    }
                    let (is_known, is_whole) = (before < wanted && *have == wanted, *left == 0);
                    let (beginning, length) = (*beginning, *length);
                    if is_known {
                        self.line(beginning.get(..wanted).unwrap_or_default(), length)?;
                    }
                    if is_whole {
                        self.at = At::default();
                    }
                }
            }
        }
        Ok(())
    }

    /// A length is whole.
    fn begin(&mut self, digits: [u8; DIGITS]) -> Result<(), Excess> {
        let length = str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
        let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        self.at = match length {
            None => At::Lost,
            Some(length) if length > DIGITS => {
                let length = length - DIGITS;
                At::Line { beginning: [0; BEGINNING], have: 0, length, left: length }
            }
            Some(length) => {
                count(&mut self.said.idle, DIGITS, Bound::IdleTalk, excess::IDLE_TALK)?;
                if length == 0 {
                    self.end();
                }
                At::default()
            }
        };
        Ok(())
    }

    /// An end of lines: what comes next is another list.
    fn end(&mut self) {
        self.phase = match self.phase {
            Phase::Service => Phase::Opening,
            _ => Phase::Answers,
        };
        self.said.refs = 0;
        self.said.acknowledgements = 0;
        self.said.boundary = 0;
    }

    /// What a line is, by its beginning, and how long all of its kind are.
    fn line(&mut self, beginning: &[u8], length: usize) -> Result<(), Excess> {
        let (said, length) = (&mut self.said, length.saturating_add(DIGITS));
        let starts = |with: &[&[u8]]| with.iter().any(|with| beginning.starts_with(with));
        match self.phase {
            Phase::Opening if starts(&[b"# service="]) => self.phase = Phase::Service,
            Phase::Opening if starts(&[b"version 2"]) => self.phase = Phase::Capabilities,
            Phase::Opening | Phase::Service if starts(&[b"version 1"]) => {}
            Phase::Opening | Phase::Service => {
                self.taken.add(memory_of_ref(length))?;
                return count(&mut said.refs, length, Bound::Refs, self.taken.settings().max_refs.0);
            }
            Phase::Capabilities => {
                return count(&mut said.capabilities, length, Bound::Capabilities, excess::CAPABILITIES);
            }
            Phase::Answers => {
                return match beginning {
                    // With nothing behind it, it only says that the other end is alive.
                    [1, _, ..] => Ok(()),
                    [1..=3, ..] => count(
                        &mut said.messages,
                        length,
                        Bound::Messages,
                        self.taken.settings().max_messages.0,
                    ),
                    _ if starts(&[b"ACK ", b"NAK", b"ready"]) => {
                        let limit = excess::ACKNOWLEDGEMENTS;
                        count(&mut said.acknowledgements, length, Bound::Acknowledgements, limit)
                    }
                    _ if starts(&[b"shallow ", b"unshallow "]) => {
                        self.taken.add(BOUNDARY_LINE)?;
                        count(&mut said.boundary, length, Bound::Boundary, excess::BOUNDARY)
                    }
                    _ => {
                        self.taken.add(memory_of_ref(length))?;
                        count(&mut said.refs, length, Bound::Refs, self.taken.settings().max_refs.0)
                    }
                };
            }
        }
        count(&mut said.idle, length, Bound::IdleTalk, excess::IDLE_TALK)
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn count(said: &mut u64, length: usize, of: Bound, limit: u64) -> Result<(), Excess> {
    *said = said.saturating_add(bytes(length));
    if *said > limit { Err(Excess::of(of, limit)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::limits::Limits;
    use crate::settings::{Bytes, GitSettings};

    /// With memory for all that is within the other bounds.
    fn hearing() -> Listening {
        let settings = GitSettings { max_memory: Bytes(4 << 30), ..GitSettings::default() };
        Listening::new(&Arc::new(Limits::new(settings).nothing()))
    }

    #[test]
    fn what_gix_makes_of_refs_is_charged_for_longer_than_they_are_heard() {
        let limits = Limits::default();
        let taken = Arc::new(limits.nothing());
        let mut listening = Listening::new(&taken);
        let refused = (0..10_000_000).find_map(|_| listening.hear(&line(REF)).err()).unwrap();
        assert_eq!(refused.of, Bound::Memory);
        drop(listening);
        assert!(taken.bytes() > 100 << 20);
    }

    fn line(text: &[u8]) -> Vec<u8> {
        [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
    }

    const REF: &[u8] = b"1111111111111111111111111111111111111111 refs/heads/a\n";
    const OPENING_2: &[&[u8]] = &[b"version 2\n", b"ls-refs\n", b"fetch=shallow\n"];

    /// What is refused of `lines` and then `again` and again, given in chunks of `chunk`; after how many bytes.
    fn refused(opening: &[u8], again: &[u8], chunk: usize) -> (Excess, u64) {
        let mut listening = hearing();
        listening.hear(opening).unwrap();
        let many: Vec<u8> = again.repeat(1000);
        let mut heard = 0;
        loop {
            for piece in many.chunks(chunk) {
                heard += piece.len() as u64;
                if let Err(excess) = listening.hear(piece) {
                    return (excess, heard);
                }
            }
            assert!(heard < 1 << 30, "it has no end");
        }
    }

    fn opening(lines: &[&[u8]]) -> Vec<u8> {
        [lines.concat_lines().as_slice(), b"0000"].concat()
    }

    trait Lines {
        fn concat_lines(&self) -> Vec<u8>;
    }

    impl Lines for [&[u8]] {
        fn concat_lines(&self) -> Vec<u8> {
            self.iter().flat_map(|text| line(text)).collect()
        }
    }

    #[test]
    fn each_kind_of_line_has_a_bound_of_its_own() {
        let v2 = opening(OPENING_2);
        let v0 = opening(&[REF]);
        let service: &[u8] = &[&line(b"# service=git-upload-pack\n")[..], b"0000"].concat();
        for (opening, again, bound, limit) in [
            (
                &line(b"version 2\n")[..],
                line(b"x=yyyyyyyyyyyyy\n"),
                Bound::Capabilities,
                excess::CAPABILITIES,
            ),
            (
                &[service, &line(b"version 2\n")].concat(),
                line(b"x"),
                Bound::Capabilities,
                excess::CAPABILITIES,
            ),
            (b"", line(REF), Bound::Refs, 64 << 20),
            (service, line(REF), Bound::Refs, 64 << 20),
            (&line(b"version 1\n"), line(REF), Bound::Refs, 64 << 20),
            (&v2, line(REF), Bound::Refs, 64 << 20),
            (&v2, line(b"NAK\n"), Bound::Acknowledgements, excess::ACKNOWLEDGEMENTS),
            (&v0, line(b"ACK 11 common\n"), Bound::Acknowledgements, excess::ACKNOWLEDGEMENTS),
            (&v0, line(b"shallow 11\n"), Bound::Boundary, excess::BOUNDARY),
            (&v2, line(b"unshallow 11\n"), Bound::Boundary, excess::BOUNDARY),
            // Another list of the same answer begins no new count.
            (
                &v2,
                [&line(b"NAK\n").repeat(9)[..], b"0001"].concat(),
                Bound::Acknowledgements,
                excess::ACKNOWLEDGEMENTS,
            ),
            (&v2, line(b"\x02counting\r"), Bound::Messages, 16 << 20),
            (&v2, line(b"\x03fatal"), Bound::Messages, 16 << 20),
            (&v2, line(b"\x01"), Bound::Messages, 16 << 20),
            // Nor does an end here.
            (&v2, [&line(b"\x02counting\r")[..], b"0000"].concat(), Bound::IdleTalk, excess::IDLE_TALK),
            (&v2, b"0000".to_vec(), Bound::IdleTalk, excess::IDLE_TALK),
        ] {
            let small = limit <= 2 << 20;
            for chunk in [1 << 16, 7].into_iter().take(1 + usize::from(small)) {
                let (found, heard) = refused(opening, &again, chunk);
                let shown = String::from_utf8_lossy(&again).into_owned();
                assert_eq!(found, Excess::of(bound, limit), "{shown:?}");
                assert!(heard <= limit * 8 + (1 << 17), "{shown:?}: {heard}");
            }
        }
    }

    #[test]
    fn a_pack_may_be_long_and_what_is_no_line_is_not_ours_to_judge() {
        let mut listening = hearing();
        listening.hear(&opening(OPENING_2)).unwrap();
        let chunk = line(&[&[1][..], &[7; 60_000]].concat());
        for _ in 0..5_000 {
            listening.hear(&chunk).unwrap();
        }
        let mut listening = hearing();
        listening.hear(b"Welcome!").unwrap();
        for _ in 0..2_000 {
            listening.hear(&[b'0'; 64 << 10]).unwrap();
        }
    }

    #[test]
    fn what_large_repositories_say_is_within_all_bounds() {
        // Half a million refs, then answers with a boundary and progress.
        let mut listening = hearing();
        listening.hear(&opening(OPENING_2)).unwrap();
        for _ in 0..500_000 {
            listening.hear(&line(REF)).unwrap();
        }
        listening.hear(b"0000").unwrap();
        for _ in 0..20 {
            listening.hear(&line(b"acknowledgments\n")).unwrap();
            for _ in 0..16_000 {
                listening.hear(&line(b"ACK 1111111111111111111111111111111111111111 common\n")).unwrap();
            }
            listening.hear(b"0000").unwrap();
        }
        for _ in 0..100_000 {
            listening.hear(&line(b"shallow 1111111111111111111111111111111111111111\n")).unwrap();
        }
        for _ in 0..36_000 {
            listening.hear(&line(b"\x02Receiving objects: 12% (123456789/1234567890), 1.00 GiB\r")).unwrap();
        }
    }
}
