//! What a repository and its server call things, and say.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::apt::{Finished, Running};
use tests::git::{Entry, Forge, History, Step};
use tests::server::Behaviour;
use vps_ops::testing::hostile_words;

use super::lab::Lab;

/// Clipboard, a bell, a turned direction, a hidden sign, a forged line.
const HOSTILE: &str = "a\u{1b}]52;c;eA==\u{7}\u{202e}\u{200b}\nINFO: forged";

/// No character that does something else than to be seen.
fn is_fit(letter: char) -> bool {
    !letter.is_control()
        && !('\u{200b}'..='\u{200f}').contains(&letter)
        && !('\u{2028}'..='\u{202e}').contains(&letter)
        && !('\u{2066}'..='\u{2069}').contains(&letter)
}

fn assert_fit(ended: &Finished) {
    for line in ended.stderr.lines().chain(ended.stdout.lines()) {
        assert!(line.chars().all(is_fit), "{line:?}");
        assert!(!line.starts_with("INFO: forged"), "{line:?}");
    }
}

/// Each line is one JSON object, and no text in it is more than that.
fn assert_fit_json(text: &str) {
    fn look(value: &Value) {
        match value {
            Value::String(text) => assert!(text.chars().all(is_fit), "{text:?}"),
            Value::Array(values) => values.iter().for_each(look),
            Value::Object(object) => object.values().for_each(look),
            _ => {}
        }
    }
    text.lines().for_each(|line| look(&serde_json::from_str(line).unwrap()));
}

/// It fails, in every form in which that is said, and what was hostile is seen as an escape.
fn fails_fit(lab: &Lab, url: &str, more: &[&str], variable: Option<&str>) {
    for form in [&[][..], &["-vv"], &["--log-format", "json", "-vv"], &["--json", "-q"]] {
        let mut command =
            lab.command(&[&[url, "dest", "--retries", "1", "--timeout", "30s"], more, form].concat());
        // What fails often enough opens a circuit, which would be all that is said then.
        command.env("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__ENABLED", "false");
        if let Some(ssh) = variable {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        let ended = Running::start(command).wait();
        assert!([1, 6].contains(&ended.code), "{}", ended.text());
        assert_fit(&ended);
        assert!(ended.text().contains(r"\u{"), "nothing is seen of it: {}", ended.text());
        if !form.is_empty() && form != ["-vv"] {
            assert_fit_json(&ended.stderr);
        }
    }
}

#[test]
fn names_in_a_repository_are_seen_and_no_more() {
    let Some(forge) = Forge::start() else { return };
    let _twice = forge.named_twice("twice", HOSTILE);
    fails_fit(&Lab::new(), &forge.url("twice"), &[], None);
    // A module's folder and name, and its URL.
    let quoted = HOSTILE.replace('\n', "\\n");
    let commit = forge.sample("s").id("main");
    for (number, [name, path, url]) in [
        ["m", HOSTILE, "http://127.0.0.1:1/x"],
        [&quoted, "m", "http://127.0.0.1:1/x"],
        ["m\u{202e}", "m\u{202e}", "http://127.0.0.1:1/x"],
        ["m", "m", "http://127.0.0.1:1/\u{202e}x"],
        ["m", "m", "host\u{202e}:a"],
        ["m\u{202e}", "m", "ext::sh"],
    ]
    .into_iter()
    .enumerate()
    {
        let modules = format!(
            "[submodule \"{name}\"]\n\tpath = \"{}\"\n\turl = \"{url}\"\n",
            path.replace('\n', "\\n")
        );
        let mut history = History::new();
        let entries: [(&[u8], Entry); 2] =
            [(b".gitmodules", Entry::text(&modules)), (path.as_bytes(), Entry::Submodule(commit.clone()))];
        history.commit("main", "module", &entries);
        let repository = format!("m{number}");
        forge.repository(&repository).import(&history);
        let ended =
            Lab::new().clone(&[&forge.url(&repository), "dest", "--recurse-submodules", "--retries", "1"]);
        assert_eq!(ended.code, 1, "{name} {path} {url}: {}", ended.text());
        assert_fit(&ended);
    }
    // Branches that a HEAD could have named.
    let branches = forge.repository("branches");
    let mut history = History::new();
    history.commit("b\u{202e}x", "branch", &[(b"file", Entry::text("x"))]);
    branches.import(&history);
    branches.git(&["symbolic-ref", "HEAD", "refs/heads/none"]);
    fails_fit(&Lab::new(), &forge.url("branches"), &[], None);
}

/// A stand-in for ssh that says just this, on standard output and error.
fn ssh(folder: &Path, says: &[u8], stderr: &str, code: i32) -> String {
    fs::write(folder.join("says"), says).unwrap();
    fs::write(folder.join("stderr"), stderr).unwrap();
    // One that gives up in the pack goes; before that it hears all that is asked of it.
    // What ends the question comes behind its last line, and has a write of its own.
    let stays = if code == 0 { "sed -u /done/q >/dev/null; head -c 4 >/dev/null; " } else { "" };
    let script = format!("cd \"${{0%/*}}\"; cat says; cat stderr >&2; {stays}exit {code}\n");
    fs::write(folder.join("ssh.sh"), script).unwrap();
    format!("sh {}", folder.join("ssh.sh").display())
}

fn line(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

#[test]
fn what_is_said_over_ssh_is_seen_and_no_more() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let capabilities = [
        line("version 2\n"),
        line("ls-refs=unborn\n"),
        line("fetch=shallow\n"),
        line("object-format=sha1\n"),
        b"0000".to_vec(),
    ]
    .concat();
    let refs = [
        line(&format!("{id} HEAD symref-target:refs/heads/main\n")),
        line(&format!("{id} refs/heads/main\n")),
    ];
    let refs = [&capabilities[..], &refs.concat(), b"0000"].concat();
    let sideband = |text: &str| [&refs[..], &line("packfile\n"), &line(&format!("\u{3}{text}"))].concat();
    for word in hostile_words().iter().filter(|word| !word.contains('\0')) {
        let lab = Lab::new();
        let mut all: Vec<(Vec<u8>, String, i32)> = vec![
            ([&capabilities[..], &line(&format!("ERR x{word}"))].concat(), String::new(), 0),
            (sideband(&format!("fatal: x{word}\n")), String::new(), 0),
            (Vec::new(), format!("Permission denied: x{word}"), 255),
            (Vec::new(), format!("fatal: x{word}\nx{word}"), 128),
        ];
        all.push((line(&format!("ERR x{word}\n")), String::new(), 0));
        all.push((format!("Welcome! x{word}\n").into_bytes(), String::new(), 0));
        for (says, stderr, code) in all {
            let ssh = ssh(&lab.path("tmp"), &says, &stderr, code);
            let mut command = lab.command(&["host.invalid:a", "dest", "--retries", "1", "--timeout", "30s"]);
            command.env("GIT_SSH_COMMAND", &ssh);
            command.env("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__ENABLED", "false");
            let ended = Running::start(command).wait();
            assert!([1, 6].contains(&ended.code), "{word:?}: {}", ended.text());
            assert_fit(&ended);
        }
    }
    let lab = Lab::new();
    for says in [
        sideband(&format!("fatal: {HOSTILE}")),
        [&capabilities[..], &line(&format!("ERR {HOSTILE}"))].concat(),
    ] {
        let ssh = ssh(&lab.path("tmp"), &says, "", 0);
        fails_fit(&lab, "host.invalid:a", &[], Some(&ssh));
    }
    // One that is born here with such a name.
    let unborn =
        [&capabilities[..], &line("unborn HEAD symref-target:refs/heads/\u{202e}x\n"), b"0000"].concat();
    let mut command = lab.command(&["host.invalid:a", "dest", "--retries", "1"]);
    command.env("GIT_SSH_COMMAND", ssh(&lab.path("tmp"), &unborn, "", 0));
    let ended = Running::start(command).wait();
    assert_fit(&ended);
    assert!(ended.code != 0 || ended.stdout.contains(r"\u{202e}x"), "{}", ended.text());
}

#[test]
fn a_module_whose_name_leads_elsewhere_is_refused_by_it() {
    let Some(forge) = Forge::start() else { return };
    let commit = forge.sample("s").id("main");
    let place = tempfile::tempdir().unwrap();
    let outside = place.path().join("outside");
    let absolute = outside.display().to_string();
    for (number, name) in [
        &*absolute,
        &format!("/{absolute}"),
        &format!("a/..{absolute}"),
        "..",
        "../../../../outside",
        "a/../b",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        "a\\\\..\\\\b",
        "-c",
        ".git/hooks",
        "a\u{1b}b",
    ]
    .into_iter()
    .enumerate()
    {
        let modules = format!("[submodule \"{name}\"]\n\tpath = m\n\turl = ../s.git\n");
        let mut history = History::new();
        let entries: [(&[u8], Entry); 2] =
            [(b".gitmodules", Entry::text(&modules)), (b"m", Entry::Submodule(commit.clone()))];
        history.commit("main", "module", &entries);
        let repository = format!("n{number}");
        forge.repository(&repository).import(&history);
        let before = forge.count("s", Step::Refs);
        let lab = Lab::new();
        let ended = lab.fails_at_once(1, &forge.url(&repository), &["--recurse-submodules"]);
        assert!(ended.text().contains("the repository is hostile"), "{name}: {}", ended.text());
        assert_eq!(forge.count("s", Step::Refs), before, "{name}: the module was asked for");
        assert!(!outside.exists() && !lab.path("outside").exists(), "{name}");
        // Nor where such a name comes to a clone that is there.
        let _ = lab.cloned(&forge.url("s"), &[]);
        let ended = lab.clone(&[&forge.url("s"), "dest", "--recurse-submodules", "--update"]);
        assert_eq!(ended.code, 0, "{}", ended.text());
    }
}

#[test]
fn a_module_at_another_port_has_its_own_circuit() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let commit = other.sample("m").id("main");
    let _outer = forge.with_submodule("o", &commit, "sub", &other.url("m"));
    other.script("m", Step::Refs, [Behaviour::status(500)]);
    let authority = forge.url("").strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let theirs = other.url("").strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let lab = Lab::new();
    let config = format!("performance: {{services: {{lab: {{hosts: [127.0.0.1, '{authority}']}}}}}}\n");
    fs::write(lab.path("config"), config).unwrap();
    let file = lab.path("config").display().to_string();
    let failed = lab.clone(&[&forge.url("o"), "dest", "--recurse-submodules", "--config", &file]).expect(1);
    assert!(
        failed.text().contains(&format!("circuit breaker opened: external_downloads/{theirs}")),
        "{}",
        failed.text()
    );
    // The service goes on.
    other.script("m", Step::Refs, []);
    let there = lab.clone(&[&forge.url("o"), "dest", "--config", &file]).expect(0);
    assert!(!there.text().contains("circuit"), "{}", there.text());
}

#[test]
fn a_repository_chooses_no_one_who_gets_a_password() {
    let (Some(forge), Some(other)) = (Forge::start(), Forge::start()) else { return };
    let commit = other.sample("m").id("main");
    let _same = forge.sample("m");
    let told = |forge: &Forge| {
        let asked = forge.exchanges("m", Step::Refs);
        assert!(!asked.is_empty(), "{}", forge.log());
        asked.iter().any(|exchange| exchange.request.header("authorization").is_some())
    };
    let elsewhere = other.url("m").replace("127.0.0.1", "localhost");
    for (name, url) in [("port", other.url("m")), ("host", elsewhere)] {
        let _outer = forge.with_submodule(name, &commit, "sub", &url);
        let lab = Lab::new();
        let entries = "machine localhost login user password p\nmachine 127.0.0.1 login user password p\n\
                       default login anonymous password none\n";
        fs::write(lab.path("home/.netrc"), entries).unwrap();
        let _ = lab.clone(&[&forge.url(name), "dest", "--recurse-submodules"]).expect(0);
        assert!(!told(&other), "{url}");
    }
    // The user's own server knows the user, also where it is asked for a module.
    let _outer = forge.with_submodule("own", &commit, "sub", "../m.git");
    let lab = Lab::new();
    fs::write(lab.path("home/.netrc"), "machine 127.0.0.1 login user password p\n").unwrap();
    let _ = lab.clone(&[&forge.url("own"), "dest", "--recurse-submodules"]).expect(0);
    assert!(told(&forge));
    // Sent on from there, a module's password goes nowhere else.
    forge.script(
        "m",
        Step::Refs,
        [Behaviour::Redirect {
            to: other.url("m").replace("127.0.0.1", "localhost") + "/info/refs?service=git-upload-pack",
            code: 302,
        }],
    );
    let lab = Lab::new();
    fs::write(
        lab.path("home/.netrc"),
        "machine localhost login user password p\nmachine 127.0.0.1 login user password p\n",
    )
    .unwrap();
    let _ = lab.clone(&[&forge.url("own"), "dest", "--recurse-submodules"]).expect(0);
    assert!(!told(&other));
}

/// A stand-in for ssh that answers the first question, and then hears no more: it says why, and ends.
fn closes(lab: &Lab, answer: &[u8], stderr: &str, code: i32) -> String {
    let folder = lab.path("tmp");
    fs::write(folder.join("answer"), answer).unwrap();
    fs::write(folder.join("stderr"), stderr).unwrap();
    // Its output stays open a while, as that of an ssh does whose server has let go of the one before the other.
    let script =
        format!("cd \"${{0%/*}}\"; cat answer; exec 0<&-; (sleep 0.2; cat stderr >&2); exit {code}\n");
    fs::write(folder.join("closes.sh"), script).unwrap();
    format!("sh {}", folder.join("closes.sh").display())
}

#[test]
fn a_server_that_closes_early_is_told_by_its_own_words() {
    let capabilities =
        [line("version 2\n"), line("ls-refs=unborn\n"), line("fetch=shallow\n"), b"0000".to_vec()].concat();
    for (stderr, code, said) in [
        ("ERROR: Repository not found.\n", 1, "ERROR: Repository not found."),
        ("remote: permission denied for \u{1b}[31myou\n", 128, r"permission denied for \u{1b}[31myou"),
    ] {
        let lab = Lab::new();
        let mut command = lab.command(&["host.invalid:a", "dest", "--timeout", "30s"]);
        command.env("GIT_SSH_COMMAND", closes(&lab, &capabilities, stderr, code));
        let ended = Running::start(command).wait().expect(1);
        assert!(ended.text().contains(said), "{}", ended.text());
        assert!(!ended.text().contains("Retrying"), "it is refused for good: {}", ended.text());
        assert!(!ended.text().contains("the attempt has ended"), "{}", ended.text());
        assert_fit(&ended);
    }
}
