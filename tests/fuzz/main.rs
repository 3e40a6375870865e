//! Anything at all where servers, programs and files of others are read: no panic, no flood, no text that moves a
//! cursor, and twice the same. One corpus a parser is kept beside this, and one dictionary for all.
//!
//! A plain run takes some seconds. `VPS_CONFIGURATOR_FUZZ=N` makes N tries a parser, from other numbers each
//! time if `VPS_CONFIGURATOR_SEED` says so; with `VPS_CONFIGURATOR_FUZZ_KEEP=1` an input that led where none of the
//! corpus did is kept in it.
#![allow(clippy::disallowed_methods, reason = "how long to run and what to keep is said by the environment")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod mutate;
mod plan;
mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use vps_ops::testing::parsers::{Parser, parsers};

use crate::mutate::{Dice, mutated};

/// Tries a parser, unless more are asked for.
const TRIES: usize = 500;
/// Tries in which each planted fault is found.
const ENOUGH: usize = 2_000;
/// Bytes of an input that is kept, and inputs of one parser.
const LONGEST: usize = 2 << 10;
const MOST: usize = 64;

fn all() -> Vec<Parser> {
    let mut all = parsers();
    all.push(("plan", plan::plan));
    all.push(("settings", settings::settings));
    all
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

fn folder(parser: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(parser)
}

fn corpus(parser: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder(parser)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn dictionary() -> Vec<Vec<u8>> {
    let text = include_str!("dictionary.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let unescaped = |line: &str| {
        line.replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\r", "\r")
            .replace("\\0", "\0")
            .replace("\\e", "\u{1b}")
    };
    lines.map(|line| unescaped(line).into_bytes()).collect()
}

/// Where an input led, held against what holds for all parsers.
fn tried(parse: fn(&[u8]) -> (String, Vec<String>), input: &[u8]) -> String {
    let (shape, shown) = parse(input);
    for text in &shown {
        // What a person wrote himself stands in an error on as many lines as he wrote.
        let moves = |one: char| one.is_control() && !['\n', '\t'].contains(&one);
        assert!(!text.contains(moves), "it moves the cursor: {text:?}");
        assert!(text.chars().count() < 40_000, "{} characters", text.chars().count());
    }
    assert_eq!(parse(input).0, shape, "it is read in two ways");
    shape
}

/// Makes `tries` inputs of what is known; `Err` has the first that a law does not hold for, and why.
fn fuzz(parser: Parser, tries: usize, known: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, (Vec<u8>, String)> {
    let (name, parse) = parser;
    let words = dictionary();
    let mut dice = Dice::named(name, number("VPS_CONFIGURATOR_SEED", 1) as u64);
    let (mut shapes, mut found, mut known) = (BTreeSet::new(), Vec::new(), known.to_vec());
    let first = known.len();
    for n in 0..first.saturating_add(tries) {
        let as_known = known.get(n).filter(|_| n < first).cloned();
        let input = as_known.unwrap_or_else(|| mutated(&mut dice, &known, &words));
        let shape = catch_unwind(AssertUnwindSafe(|| tried(parse, &input))).map_err(|why| {
            let why = why.downcast_ref::<String>().cloned();
            (input.clone(), why.unwrap_or_else(|| "it panicked".to_owned()))
        })?;
        if shapes.insert(shape) && n >= first && input.len() <= LONGEST {
            found.push(input.clone());
            known.push(input);
        }
    }
    Ok(found)
}

#[test]
fn nothing_that_is_read_breaks_who_reads_it() {
    let tries = number("VPS_CONFIGURATOR_FUZZ", TRIES);
    let keep = number("VPS_CONFIGURATOR_FUZZ_KEEP", 0) == 1;
    for parser in all() {
        let known = corpus(parser.0);
        let found = fuzz(parser, tries, &known).unwrap_or_else(|(input, why)| {
            panic!("{}: {why}\n{:?}", parser.0, String::from_utf8_lossy(&input))
        });
        if keep {
            fs::create_dir_all(folder(parser.0)).unwrap();
            for (number, input) in (known.len()..MOST).zip(&found) {
                fs::write(folder(parser.0).join(format!("found-{number:02}")), input).unwrap();
            }
            println!("{}: {} known, {} new", parser.0, known.len(), found.len());
        }
    }
}

#[test]
fn each_parser_has_a_corpus_that_leads_to_several_places() {
    let parsers = all();
    for (name, parse) in &parsers {
        let shapes: BTreeSet<_> = corpus(name).iter().map(|input| tried(*parse, input)).collect();
        assert!(shapes.len() >= 3, "{name}: {shapes:?}");
    }
    for entry in fs::read_dir(folder("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(parsers.iter().any(|(parser, _)| *parser == name), "nothing reads the corpus `{name}`");
    }
}

/// What the tries are good for: each of these is found by them.
#[test]
fn planted_faults_are_found() {
    fn token(bytes: &[u8]) -> (String, Vec<String>) {
        assert!(!bytes.windows(8).any(|eight| eight == b"bytes */"), "a token");
        (String::new(), Vec::new())
    }
    fn cursor(bytes: &[u8]) -> (String, Vec<String>) {
        (String::new(), vec![String::from_utf8_lossy(bytes).into_owned()])
    }
    fn two_ways(bytes: &[u8]) -> (String, Vec<String>) {
        static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let call = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let odd = bytes.contains(&0) && call % 2 == 1;
        (odd.to_string(), Vec::new())
    }
    fn index(bytes: &[u8]) -> (String, Vec<String>) {
        let text = String::from_utf8_lossy(bytes);
        let cut = text.find(':').map_or(0, |at| at + 2);
        (text.split_at(cut).1.is_empty().to_string(), Vec::new())
    }
    for planted in
        [("token", token as fn(&[u8]) -> _), ("cursor", cursor), ("two_ways", two_ways), ("index", index)]
    {
        assert!(fuzz(planted, ENOUGH, &[]).is_err(), "{} is not found", planted.0);
    }
}
