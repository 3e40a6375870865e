//! `cargo xtask tidy`: rules of ARCHITECTURE.md that a compiler does not know. Each names the file and
//! says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::{paths, promised::promised_tests};

/// Lines a file may have without its tests.
const LONGEST: usize = 400;
/// They name the hints and the warnings of all adapters, which is what they are for; nobody has to read the
/// adapters to read them.
const LISTS: [&str; 2] = ["hint", "warning"];
/// Folder and file names that say nothing.
const GRAB_BAGS: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];
/// What may reach the world, and the only files that may: words, and parts of the paths that may hold them.
const SEAMS: [(&str, &[&str]); 12] = [
    ("Instant::now(", &["breaker/src/time.rs"]),
    ("SystemTime::now(", &["ops/src/env/real.rs"]),
    ("tokio::time::", &["ops/src/env/real.rs"]),
    ("tokio::spawn(", &["ops/src/env/real.rs"]),
    ("std::env::var(", &["cli/src/"]),
    ("Command::new(", &["ops/src/process/", "cli/src/"]),
    ("thread::Builder", &["ops/src/env/thread.rs"]),
    ("thread::spawn(", &["ops/src/env/thread.rs"]),
    ("thread::scope(", &["ops/src/env/thread.rs"]),
    // Adapters and workflows neither wait nor repeat: what rings beside an attempt's work is a bell.
    // A check of all services is a loop of its own, over a timer that is given.
    (".sleep(", &["ops/src/env/", "ops/src/pipeline/", "retry/src/run.rs", "health/src/check/"]),
    ("sleep_until(", &["ops/src/env/", "ops/src/pipeline/"]),
    // Events are made by who tells of an operation, and nowhere else.
    ("Event {", &["ops/src/event/"]),
];
/// Whether a line has this word, and not as the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() && word.starts_with(char::is_alphabetic))
    })
}

/// Words of ours that no code may decide by: what they stood for has a type.
const DECIDED_BY_TEXT: [&str; 3] = ["kind.starts_with(", "hint.starts_with(", "cause.starts_with("];

/// What the rules of health may depend on: those of circuits, attempts and limits; the rest is for a trait object.
const KNOWN_TO_HEALTH: [&str; 4] = ["async-trait", "vps-breaker", "vps-limit", "vps-retry"];
/// Packages that the program is shipped without.
const TESTS_ONLY: [&str; 2] = ["jsonschema", "schemars"];
/// Values that are shown beside errors: what happened, what is wrong, what to do.
const SHOWN: [&str; 8] = [
    "ops/src/event/kind.rs",
    "ops/src/warning.rs",
    "ops/src/git/warning.rs",
    "ops/src/git/cause.rs",
    "ops/src/apt/facts/package_failure.rs",
    "ops/src/apt/facts/reach.rs",
    "ops/src/apt/facts/lock.rs",
    "ops/src/process/hint.rs",
];

pub(crate) fn run() -> Result<()> {
    let root = paths::root();
    let sh = Shell::new()?;
    sh.change_dir(&root);
    let mut faults = Vec::new();
    circles(&root.join("crates/ops/src"), &mut faults)?;
    promised_tests(&root, &mut faults)?;
    for folder in ["crates", "xtask/src", "tests"] {
        for file in files(&root.join(folder))? {
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            check(&name, &text, &mut faults);
        }
    }
    features(&sh, &mut faults)?;
    if faults.is_empty() {
        return Ok(());
    }
    bail!("tidy found {}:\n  {}", faults.len(), faults.join("\n  "))
}

fn check(name: &str, text: &str, faults: &mut Vec<String>) {
    let is_test = name.starts_with("tests/") || name.contains("/tests") || name.contains("_tests.rs");
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]" || is_test).count();
    if lines > LONGEST && !is_test {
        faults.push(format!("{name}: {lines} lines; split it by what it does ({LONGEST} at most)"));
    }
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    if GRAB_BAGS.contains(&&*stem) {
        faults.push(format!("{name}: a name that says nothing; name it after what is in it"));
    }
    if !name.starts_with("crates/") || is_test {
        return;
    }
    let code = text.split("#[cfg(test)]\nmod").next().unwrap_or(text);
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    for (word, allowed) in SEAMS {
        let used = code.iter().any(|line| names(line, word));
        let may = allowed.iter().any(|part| name.contains(part)) || name.contains("/testing/");
        if used && !may {
            faults.push(format!("{name}: `{word}` belongs into {}", allowed.join(" or ")));
        }
    }
    for words in DECIDED_BY_TEXT {
        if code.iter().any(|line| line.contains(words)) {
            faults.push(format!("{name}: `{words}` decides by text; give the fact a type"));
        }
    }
    if code.iter().any(|line| line.contains("mem::forget(")) {
        faults.push(format!("{name}: `mem::forget` leaks; a mistake to be found is a line of `Env`'s"));
    }
    if code.iter().any(|line| line.contains("sync::watch")) {
        faults.push(format!("{name}: tokio's watch wakes in random order; use another channel"));
    }
    foreign(name, &code, faults);
    let mut lines = code.iter();
    while let Some(line) = lines.next() {
        if line.contains("select! {") && lines.next().is_none_or(|next| next.trim() != "biased;") {
            faults.push(format!("{name}: every select! is biased, or traces are not deterministic"));
        }
    }
}

/// Errors, and what is shown beside them, hold texts as `Foreign`, which is escaped when it is made; paths in their
/// sentences are shown by `foreign::shown`. A plain text of somebody else's could not be told from one of ours.
fn foreign(name: &str, code: &[&str], faults: &mut Vec<String>) {
    if !name.contains("ops/src/") || name.contains("/testing/") {
        return;
    }
    let is_shown = SHOWN.iter().any(|file| name.ends_with(file));
    // Of the type that a line stands in: whether it is an error's.
    let (mut is_error, mut within) = (false, false);
    for line in code {
        if line.starts_with("#[derive(") {
            let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
            is_error = words.any(|word| word == "Error");
        }
        let is_type =
            ["pub enum ", "pub struct ", "pub(crate) enum ", "pub(crate) struct ", "enum ", "struct "];
        if is_type.iter().any(|start| line.starts_with(start)) {
            within = is_error || is_shown;
            is_error = false;
        }
        let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        if within && words.any(|word| word == "String") {
            faults.push(format!("{name}: `{}` in what is shown; make it a `Foreign`", line.trim()));
        }
        if (within || is_shown) && line.contains(".display()") {
            faults.push(format!("{name}: `{}` shows a path as it is; use `foreign::shown`", line.trim()));
        }
        within &= *line != "}" && !(line.ends_with(");") && line.starts_with("pub"));
    }
}

/// Modules of `ops` that import each other in a circle: a reader could begin nowhere.
fn circles(source: &Path, faults: &mut Vec<String>) -> Result<()> {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(source)? {
        let name = file.strip_prefix(source).unwrap_or(&file).display().to_string();
        if name.contains("tests") || name.starts_with("testing") || name == "lib.rs" {
            continue;
        }
        let module = name.split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let code = text.split("#[cfg(test)]\nmod").next().unwrap_or(&text);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for import in lines.flat_map(|line| line.split("crate::").skip(1)) {
            let other: String = import.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !other.is_empty() && other != module && !LISTS.contains(&&*other) {
                imports.entry(module.clone()).or_default().insert(other);
            }
        }
    }
    for module in imports.keys() {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&String> = imports.get(module).into_iter().flatten().collect();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(imports.get(next).into_iter().flatten());
            }
        }
        if reached.contains(module) {
            faults.push(format!("ops::{module} imports itself through others; let one of them not know it"));
        }
    }
    Ok(())
}

/// Features that would change what is stored or how it is tested.
fn features(sh: &Shell, faults: &mut Vec<String>) -> Result<()> {
    let tree = cmd!(sh, "cargo tree --workspace --edges features --invert reqwest").quiet().read()?;
    for feature in ["gzip", "brotli", "zstd", "deflate", "native-tls"] {
        if tree.contains(&format!("reqwest feature \"{feature}\"")) {
            faults.push(format!("reqwest's feature `{feature}` is on: it changes lengths and ranges"));
        }
    }
    for package in ["vps-breaker", "vps-limit", "vps-retry"] {
        let tree = cmd!(sh, "cargo tree --package {package} --edges normal --depth 1 --prefix none")
            .quiet()
            .read()?;
        if tree.lines().count() > 1 {
            faults.push(format!("{package} must not depend on anything by default:\n{tree}"));
        }
    }
    let tree =
        cmd!(sh, "cargo tree --package vps-health --edges normal --depth 1 --prefix none").quiet().read()?;
    let known = tree.lines().skip(1).filter_map(|line| line.split(' ').next());
    for package in known.filter(|package| !KNOWN_TO_HEALTH.contains(package)) {
        faults.push(format!("vps-health must not know {package}: it judges, and reaches nothing"));
    }
    let tree =
        cmd!(sh, "cargo tree --package vps-configurator --edges normal --prefix none").quiet().read()?;
    for package in TESTS_ONLY {
        if tree.lines().any(|line| line.starts_with(&format!("{package} "))) {
            faults.push(format!("{package} is built into the program; only tests may have it"));
        }
    }
    Ok(())
}

/// Its Rust files, and those below it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = paths::files(folder)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    Ok(files)
}
