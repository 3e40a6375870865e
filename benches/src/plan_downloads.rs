//! A plan of a thousand small downloads beside `curl -Z` with as many at once, from one server on loopback that keeps
//! its connections: where waiting for the disk costs nothing, and on a real disk.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::interleaved::median;
use crate::plan::timed;
use crate::table::{note, row};

const FILES: usize = 1_000;
const BYTES: usize = 20 << 10;
/// As many as the program asks one host at once.
const AT_ONCE: &str = "4";
const ROUNDS: usize = 7;

pub(crate) fn print(binary: &Path) {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        note("1000 downloads", "curl is not installed");
        return;
    }
    let port = serve();
    // In memory nobody waits for a disk: what is left is the work.
    let places = [
        (PathBuf::from("/dev/shm"), "in memory, no disk to wait for", 1.1),
        (std::env::temp_dir(), "on a disk, each safe", 2.0),
    ];
    for (place, name, limit) in places {
        let what = format!("{FILES} downloads of 20 KiB, {name}");
        match place.is_dir().then(|| beside_curl(binary, &place, port)).flatten() {
            Some((ours, theirs)) => {
                let ratio = ours / theirs;
                let measured =
                    format!("{ratio:.2}x curl -Z ({:.0} and {:.0} ms here)", ours * 1e3, theirs * 1e3);
                row(&what, &measured, &format!("<= {limit:.1}x"), ratio <= limit);
            }
            None => note(&what, "a run failed"),
        }
    }
}

/// Seconds of both, medians of rounds that take turns.
fn beside_curl(binary: &Path, place: &Path, port: u16) -> Option<(f64, f64)> {
    let folder = place.join(format!("vps-bench-downloads-{}", std::process::id()));
    let out = folder.join("out");
    std::fs::create_dir_all(&out).ok()?;
    // A plan is read only where nobody else can write.
    Command::new("chmod").arg("go-w").arg(&folder).status().ok()?;
    let (plan, list) = (folder.join("plan.yaml"), folder.join("list"));
    std::fs::write(&plan, plan_text(&out, port, &digest(&folder)?)).ok()?;
    std::fs::write(&list, curl_text(&out, port)).ok()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let measured = (0..ROUNDS).try_for_each(|_| {
        clear(&folder, &out)?;
        let mut command = Command::new(binary);
        command.args(["-q", "apply"]).arg(&plan).env("STATE_DIRECTORY", folder.join("state"));
        ours.push(timed(command)?);
        let are_there = std::fs::read_dir(&out).ok()?.count() == FILES;
        are_there.then_some(())?;
        clear(&folder, &out)?;
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail", "--parallel", "--parallel-max", AT_ONCE, "-K"]).arg(&list);
        theirs.push(timed(command)?);
        Some(())
    });
    let _ = std::fs::remove_dir_all(&folder);
    measured?;
    Some((median(&mut ours), median(&mut theirs)))
}

/// Nothing is there, and nothing is known.
fn clear(folder: &Path, out: &Path) -> Option<()> {
    let _ = std::fs::remove_dir_all(folder.join("state"));
    std::fs::remove_dir_all(out).ok()?;
    std::fs::create_dir(out).ok()?;
    // What the round before left to be written is not this one's to wait for.
    Command::new("sync").status().ok()?.success().then_some(())
}

fn content() -> Vec<u8> {
    (0..BYTES).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect()
}

fn digest(folder: &Path) -> Option<String> {
    let file = folder.join("content");
    std::fs::write(&file, content()).ok()?;
    let said = Command::new("sha256sum").arg(&file).output().ok()?;
    Some(String::from_utf8(said.stdout).ok()?.split(' ').next()?.to_owned())
}

fn plan_text(out: &Path, port: u16, digest: &str) -> String {
    let mut text = "version: 1\nname: bench-downloads\nsteps:\n".to_owned();
    let out = out.display();
    for file in 0..FILES {
        let url = format!("http://127.0.0.1:{port}/{file}");
        let download = format!("{{url: \"{url}\", dest: {out}/{file}, sha256: {digest}}}");
        writeln!(text, "  - id: d{file}\n    download: {download}").unwrap();
    }
    text
}

fn curl_text(out: &Path, port: u16) -> String {
    let mut text = String::new();
    let out = out.display();
    for file in 0..FILES {
        writeln!(text, "url = \"http://127.0.0.1:{port}/{file}\"\noutput = \"{out}/{file}\"").unwrap();
    }
    text
}

fn serve() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    port
}

/// One request after the other on one connection, until that is closed.
fn answer(mut stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\nETag: \"1\"\r\nConnection: keep-alive\r\n\r\n"
    )
    .into_bytes();
    whole.extend(content());
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(3..) => {}
                // The empty line ends a request.
                Ok(2) => break,
                _ => return,
            }
        }
        if stream.write_all(&whole).is_err() {
            return;
        }
    }
}
