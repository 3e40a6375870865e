//! The real binary beside curl, wget, wget2 and aria2, against a server of our own on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::interleaved::median;
use crate::table::{head, note, row};

const LARGE: u64 = 2 << 30;
const SMALL: u64 = 6;
const BLOCK: usize = 1 << 20;

struct Tool {
    name: &'static str,
    args: fn(&str, &str) -> Vec<String>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const PEERS: [Tool; 4] = [
    Tool { name: "curl", args: |url, dest| words(&["-sS", "-o", dest, url]) },
    Tool { name: "wget", args: |url, dest| words(&["-q", "-O", dest, url]) },
    Tool { name: "wget2", args: |url, dest| words(&["-q", "-O", dest, url]) },
    Tool {
        name: "aria2c",
        args: |url, dest| words(&["-q", "--allow-overwrite=true", "-d", "/", "-o", dest, url]),
    },
];

fn serve() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let block = vec![0x5A_u8; BLOCK];
        for mut stream in listener.incoming().flatten() {
            let block = block.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut path, mut line) = (String::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if path.is_empty() {
                        path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    }
                    line.clear();
                }
                let size = if path == "/large" { LARGE } else { SMALL };
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: \"1\"\r\nConnection: close\r\n\r\n"
                );
                let mut left = size;
                while left > 0 {
                    let now = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
                    if stream.write_all(&block[..now]).is_err() {
                        return;
                    }
                    left -= now as u64;
                }
            });
        }
    });
    port
}

/// CPU ticks of all children that ended.
pub(crate) fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    field(13) + field(14)
}

fn timed(program: &Path, args: &[String], state: &Path) -> Option<(f64, f64)> {
    let (cpu, start) = (children(), Instant::now());
    let status = Command::new(program)
        .args(args)
        .env("STATE_DIRECTORY", state)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let wall = start.elapsed().as_secs_f64();
    status.success().then(|| (wall, children() - cpu))
}

pub(crate) fn print() {
    let Some(binary) = binary() else {
        println!("\nno release binary: run `cargo xtask bench download`");
        return;
    };
    let folder =
        if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let folder = folder.join(format!("vps-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let dest = folder.join("file").display().to_string();
    let port = serve();
    let ours = |url: &str, more: &[&str]| -> Vec<String> {
        let mut args = words(&["-q", "download", url, &dest]);
        args.extend(words(more));
        args
    };
    head("download (medians of interleaved runs)");
    let large = format!("http://127.0.0.1:{port}/large");
    let small = format!("http://127.0.0.1:{port}/small");
    for peer in &PEERS {
        if Command::new(peer.name).arg("--version").stdout(Stdio::null()).status().is_err() {
            note(peer.name, "not installed");
            continue;
        }
        let theirs = |url: &str| {
            (peer.args)(url, if peer.name == "aria2c" { dest.trim_start_matches('/') } else { &dest })
        };
        let (wall, cpu) = compare(&binary, &ours(&large, &[]), peer.name, &theirs(&large), &folder, 5);
        let target = peer.name == "curl";
        let text = format!("wall {wall:.2}x, CPU {cpu:.2}x {}", peer.name);
        if target {
            row("2 GiB, http", &text, "wall <= 0.8x, CPU <= 0.75x curl", wall <= 0.8 && cpu <= 0.75);
        } else {
            note("2 GiB, http", &text);
        }
        let (wall, _) = compare(&binary, &ours(&small, &[]), peer.name, &theirs(&small), &folder, 21);
        let text = format!("{wall:.2}x {}", peer.name);
        match peer.name {
            "curl" => row("one tiny file, whole process", &text, "<= 0.6x curl", wall <= 0.6),
            "wget" => row("one tiny file, whole process", &text, "<= 1.0x wget", wall <= 1.0),
            _ => note("one tiny file, whole process", &text),
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}

fn compare(
    binary: &Path,
    ours: &[String],
    peer: &str,
    theirs: &[String],
    folder: &Path,
    rounds: usize,
) -> (f64, f64) {
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    let file = folder.join("file");
    let state = folder.join("state");
    for _ in 0..rounds {
        let _ = std::fs::remove_file(&file);
        let Some(a) = timed(binary, ours, &state) else { continue };
        let _ = std::fs::remove_file(&file);
        let Some(b) = timed(Path::new(peer), theirs, &state) else { continue };
        walls.push(a.0 / b.0);
        cpus.push(a.1 / b.1.max(1.0));
    }
    (median(&mut walls), median(&mut cpus))
}

pub(crate) fn binary() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    // TARGET/benches/release/benches, beside TARGET/release/vps-configurator.
    let target = own.parent()?.parent()?.parent()?;
    let beside = target.join("release/vps-configurator");
    beside.is_file().then_some(beside)
}
