//! Words of others on a screen, in a pipe, in a log and in JSON: seen, and nothing more than that.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use serde_json::Value;
use vps_ops::testing::hostile_words;

use crate::lab::Lab;
use crate::said::{Said, run, run_with};
use crate::terminal::at_terminal;

/// Clipboard, a bell, a forged line, a turned direction, a hidden sign.
const HOSTILE: &str = "\u{1b}]52;c;eA==\u{7}\u{202e}\u{200b}";

/// No character that does something else than to be seen.
fn is_fit(letter: char) -> bool {
    !letter.is_control()
        && !('\u{200b}'..='\u{200f}').contains(&letter)
        && !('\u{2028}'..='\u{202e}').contains(&letter)
        && !('\u{2066}'..='\u{2069}').contains(&letter)
}

/// Lines of ours, which is all that may end one.
fn assert_fit(text: &str) {
    for line in text.lines() {
        assert!(line.chars().all(is_fit), "{line:?}");
        assert!(!line.starts_with("forged"), "{line:?}");
    }
}

/// Every text in a value.
fn assert_fit_value(value: &Value) {
    match value {
        Value::String(text) => assert!(text.chars().all(is_fit), "{text:?}"),
        Value::Array(values) => values.iter().for_each(assert_fit_value),
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            assert!(key.chars().all(is_fit), "{key:?}");
            assert_fit_value(value);
        }),
        _ => {}
    }
}

/// A server that answers every request with these bytes.
fn raw(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/f", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A head is one read here.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_a_server_answers_moves_no_cursor() {
    let head = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
    };
    let bidi = HOSTILE.replace(['\u{1b}', '\u{7}'], "");
    for answer in [
        head(&format!("500 {bidi}"), ""),
        head("404 \u{9b}31m", &format!("Retry-After: {bidi}\r\nX-{bidi}: 1\r\n")),
        head("302 Found", &format!("Location: {bidi}://x/\r\n")),
        head("302 Found", &format!("Location: x{bidi}:y\r\n")),
        head("302 Found", &format!("Location: ftp://{bidi}/{bidi}\r\n")),
        head("302 Found", &format!("Location: http://127.0.0.1:1/{bidi}?{bidi}\r\n")),
        head("206 Part", &format!("Content-Range: {bidi}\r\nETag: \"{bidi}\"\r\n")),
        format!("SSH-2.0-{HOSTILE}\r\nforged\r\n"),
        format!("HTTP/1.1 {HOSTILE}\r\n\r\n"),
    ] {
        let url = raw(&answer);
        let lab = Lab::new();
        for args in [&[][..], &["-vv"], &["--color", "always", "-q"]] {
            let said = run(&lab, &[args, &["download", &url, "f", "--retries", "1"]].concat());
            assert_ne!(said.code, 0, "{answer:?}: {}", said.err);
            let colours = ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[0m"];
            assert_fit(&colours.iter().fold(said.err, |text, colour| text.replace(colour, "")));
            assert_fit(&said.out);
        }
        let said = run(&lab, &["--log-format", "json", "-vv", "download", &url, "f", "--retries", "1"]);
        said.json_lines().iter().for_each(assert_fit_value);
        let said = run(&lab, &["--json", "-q", "download", &url, "f", "--retries", "1"]);
        assert_fit_value(&said.error());
    }
}

#[test]
fn names_of_files_are_shown_and_forge_nothing() {
    let (lab, words) = (Lab::new(), hostile_words());
    for (number, word) in words.iter().filter(|word| !word.contains(['/', '\0'])).enumerate() {
        // A folder that is not there, in text and as JSON, and a result with that name.
        let dest = format!("no{word}/f");
        let said = run(&lab, &["download", "http://127.0.0.1:1/f", &dest, "--retries", "1"]);
        assert_fit(&said.err);
        assert!(said.err.contains('\\'), "{word:?} is not seen: {}", said.err);
        let said = run(&lab, &["--json", "-q", "download", "http://127.0.0.1:1/f", &dest]);
        assert_fit_value(&said.error());
        let file = lab.path(&format!("{number}{word}"));
        let said =
            run_with(&lab, &[("VPS_CONFIGURATOR_CONFIG", file.to_str().unwrap())], &["config", "init"]);
        assert_eq!((said.code, said.out.lines().count()), (0, 1), "{word:?}: {}", said.err);
        assert_fit(&said.out);
    }
}

#[test]
fn a_terminal_gets_our_colours_and_no_other_escapes() {
    let url = raw(&format!("HTTP/1.1 {HOSTILE}\r\n\r\n"));
    let (lab, dest) = (Lab::new(), format!("no{HOSTILE}\nforged/f"));
    for args in [["download", &url, "f"], ["download", &url, &dest]] {
        let Some(raw) = at_terminal(&lab, &[], &[&args[..], &["--retries", "1"]].concat()) else { return };
        assert!(raw.contains("error"), "{raw:?}");
        let mut rest = raw.replace("\r\n", "\n");
        // Colours, and what takes the bar away.
        for own in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[0m", "\u{1b}[2K", "\u{1b}[1A", "\r"] {
            rest = rest.replace(own, "");
        }
        assert_fit(&rest);
    }
}

#[test]
fn a_commands_own_output_and_a_downloads_body_are_left_as_they_are() {
    let lab = Lab::new();
    let said = run(&lab, &["run", "--", "printf", r"\033]52;c;x\007\n"]);
    assert_eq!(said.out, "\u{1b}]52;c;x\u{7}\n");
    let url = raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{HOSTILE}", HOSTILE.len()));
    let said = run(&lab, &["download", &url, "-"]);
    assert_eq!(said.out, HOSTILE, "{}", said.err);
}

#[test]
fn a_report_holds_nothing_that_is_not_seen() {
    let lab = Lab::new();
    let program = format!("no{HOSTILE}");
    let said = run(&lab, &["run", "--report", "report", "--retries", "1", "--", &program]);
    assert_fit(&said.err);
    let report = String::from_utf8(lab.read("report").unwrap()).unwrap();
    assert_fit(&report);
    assert_fit_value(&serde_json::from_str(&report).unwrap());
}

fn nowhere(said: &Said, secret: &str, args: &[&str]) {
    assert!(!format!("{}{}", said.out, said.err).contains(secret), "{args:?}: {}{}", said.out, said.err);
}

#[test]
fn a_password_on_a_command_line_is_not_said_again() {
    let lab = Lab::new();
    let urls = [
        "me:c4n4ry@host.invalid:team/app",
        "me:c4n4ry@host.invalid/team/app",
        "me@corp.invalid:c4n4ry@host.invalid/app",
        "https//me:c4n4ry@host.invalid/app",
        "https:/me:c4n4ry@host.invalid/app",
        "htps://me:c4n4ry@host.invalid/app",
        "https://me:c4'n4ry@:x/a",
        "https://me:c4n4ry@",
    ];
    for url in urls {
        let secret = if url.contains("c4'n4ry") { "c4'n4ry" } else { "c4n4ry" };
        for args in [
            &["git", "clone", url, "d"][..],
            &["git", "clone", url],
            &["git", "clone", url, "d", "-n"],
            &["git", "clone", "a", "b", url],
            &["git", "clone", "a", "b", "--depth", url],
            &["git", "clone", "a", "b", &format!("--branch={url}")],
            &["download", url, "f"],
            &["download", url, "f", "-n"],
            &["download", "a", "b", url],
            &["download", "https://host.invalid/f", "f", "--mirror", url],
            &["download", "https://host.invalid/f", "f", "--checksum", url],
            &["download", "https://host.invalid/f", "f", "--max-size", url],
            &["download", "https://host.invalid/f", "f", "--service", url],
            &["connectivity", "--timeout", "100ms", url],
            &["apt", "install", url],
            &["circuit-breaker", "reset", url],
            &["run", url],
            &["man", url],
            &[url],
        ] {
            for more in [&[][..], &["--json"], &["--log-format", "json", "-vv"], &["-vv"]] {
                // These would go out; what they say is tested by itself.
                if args[0] == "download" && args.len() == 3 && url.starts_with("https:/me") {
                    continue;
                }
                let all = [more, args].concat();
                nowhere(&run(&lab, &all), secret, &all);
            }
        }
    }
    let said = run(&lab, &["git", "clone", urls[0], "d"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("looks like a password") && said.err.contains("https://HOST/PATH"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_with_secrets_is_ours_alone_or_said_so() {
    let lab = Lab::new();
    let server = raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    fs::write(lab.path("headers"), "X-Token: c4n4ry\n").unwrap();
    fs::write(lab.path(".netrc"), "machine 127.0.0.1 login me password c4n4ry\n").unwrap();
    let set =
        |name: &str, mode| fs::set_permissions(lab.path(name), fs::Permissions::from_mode(mode)).unwrap();
    let with = |headers, netrc| {
        set("headers", headers);
        set(".netrc", netrc);
        run(&lab, &["download", &server, "f", "--header-file", "headers"])
    };
    let said = with(0o600, 0o600);
    assert_eq!((said.code, said.err.contains("others can")), (0, false), "{}", said.err);
    let said = with(0o644, 0o640);
    assert_eq!((said.code, said.err.matches("others can read").count()), (0, 2), "{}", said.err);
    let said = with(0o600, 0o620);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains(".netrc is not used: others can write it"), "{}", said.err);
    let said = with(0o602, 0o600);
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("--header-file headers: others can write it"), "{}", said.err);
    assert!(!said.err.contains("c4n4ry"));
}
