//! `git clone --depth 1` beside git itself, from git's own server on loopback.
//!
//! The server's answers are kept: from the second time on they cost nothing, so that what is measured
//! is the clients.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::download::{binary, children};
use crate::interleaved::median;
use crate::table::{head, note, row};

const SIZES: [(&str, usize, usize); 2] = [("5k", 5_000, 11), ("40k", 40_000, 5)];

/// A request, and git's answer to it: head and body.
type Kept = Arc<Mutex<HashMap<Vec<u8>, Arc<Vec<u8>>>>>;

/// git, without anybody's settings.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    command
}

pub(crate) fn print() {
    let Some(binary) = binary() else {
        println!("\nno release binary: run `cargo xtask bench git`");
        return;
    };
    head("git clone (medians of interleaved runs)");
    let found = Command::new("git").arg("--exec-path").output().map(|output| output.stdout);
    let backend =
        Path::new(String::from_utf8_lossy(&found.unwrap_or_default()).trim()).join("git-http-backend");
    if !backend.is_file() {
        note("git clone", "git, or its http-backend, is not installed");
        return;
    }
    let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let folder = base.join(format!("vps-bench-git-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = serve(backend, folder.clone());
    for (name, files, rounds) in SIZES {
        repository(&folder, name, files);
        let url = format!("http://127.0.0.1:{port}/{name}.git");
        let what = format!("{name} files, depth 1, http");
        let Some((wall, cpu)) = compare(&binary, &url, &folder, rounds) else {
            note(&what, "a clone failed");
            continue;
        };
        let measured = format!("wall {wall:.2}x, CPU {cpu:.2}x git");
        row(&what, &measured, "wall <= 0.8x, CPU <= 0.6x git", wall <= 0.8 && cpu <= 0.6);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// Text files of some 1 to 3 KiB that look like source: they compress as well.
fn repository(root: &Path, name: &str, files: usize) {
    let folder = root.join(format!("{name}.git"));
    let path = folder.display().to_string();
    assert!(git(root).args(["init", "--quiet", "--bare", "-b", "main", &path]).status().unwrap().success());
    let stream = root.join("stream");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&stream).unwrap());
    writeln!(out, "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 0\n")
        .unwrap();
    let mut seed = 1_u64;
    for file in 0..files {
        let mut text = String::new();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for line in 0..20 + (seed >> 59) * 2 {
            text.push_str(&format!(
                "    let value_{line} = call_{:x}(argument_{});\n",
                seed.rotate_left(line as u32),
                line * 7
            ));
        }
        writeln!(
            out,
            "M 100644 inline {}/{}/{file}.rs\ndata {}\n{text}",
            file % 40,
            file / 40 % 40,
            text.len()
        )
        .unwrap();
    }
    drop(out);
    let input = std::fs::File::open(&stream).unwrap();
    assert!(git(&folder).args(["fast-import", "--quiet"]).stdin(input).status().unwrap().success());
    // As a forge keeps it.
    assert!(git(&folder).args(["repack", "-adq"]).status().unwrap().success());
}

fn compare(binary: &Path, url: &str, folder: &Path, rounds: usize) -> Option<(f64, f64)> {
    let dest = folder.join("dest");
    let ours = || {
        let mut command = Command::new(binary);
        command.args(["-q", "git", "clone", url]).arg(&dest).env("STATE_DIRECTORY", folder.join("state"));
        command
    };
    let theirs = || {
        let mut command = git(folder);
        command.args(["clone", "--quiet", "--depth", "1", url]).arg(&dest);
        command
    };
    // The first of each is for the server to know the answers.
    timed(ours(), &dest)?;
    timed(theirs(), &dest)?;
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (a, b) = if round % 2 == 0 {
            let a = timed(ours(), &dest)?;
            (a, timed(theirs(), &dest)?)
        } else {
            let b = timed(theirs(), &dest)?;
            (timed(ours(), &dest)?, b)
        };
        walls.push(a.0 / b.0);
        cpus.push(a.1 / b.1.max(1.0));
    }
    Some((median(&mut walls), median(&mut cpus)))
}

/// Seconds and CPU ticks of a clone that succeeds.
fn timed(mut command: Command, dest: &Path) -> Option<(f64, f64)> {
    let (cpu, start) = (children(), Instant::now());
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let measured = (start.elapsed().as_secs_f64(), children() - cpu);
    let there = dest.join(".git/HEAD").is_file();
    let _ = std::fs::remove_dir_all(dest);
    (status.success() && there).then_some(measured)
}

fn serve(backend: PathBuf, root: PathBuf) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept = Kept::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (backend, root, kept) = (backend.clone(), root.clone(), Arc::clone(&kept));
            std::thread::spawn(move || connection(stream, &backend, &root, &kept));
        }
    });
    port
}

/// One request after another.
fn connection(mut stream: TcpStream, backend: &Path, root: &Path, kept: &Kept) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = Request::read(&mut reader) {
        let key = request.key();
        let known = kept.lock().unwrap().get(&key).cloned();
        let answer = known.unwrap_or_else(|| {
            let answer = Arc::new(request.ask(backend, root));
            kept.lock().unwrap().insert(key, Arc::clone(&answer));
            answer
        });
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

struct Request {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let first = line(reader)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = HashMap::new();
        loop {
            let line = line(reader)?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = Vec::new();
        if headers.contains_key("transfer-encoding") {
            loop {
                let size = u64::from_str_radix(line(reader)?.trim(), 16).ok()?;
                reader.by_ref().take(size).read_to_end(&mut body).ok()?;
                line(reader)?;
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = headers.get("content-length") {
            reader.by_ref().take(length.parse().ok()?).read_to_end(&mut body).ok()?;
        }
        Some(Self { method, target, headers, body })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn key(&self) -> Vec<u8> {
        let head = format!("{} {} {}\n", self.method, self.target, self.header("git-protocol"));
        [head.as_bytes(), &self.body].concat()
    }

    /// What git answers, as it goes over the wire.
    fn ask(&self, backend: &Path, root: &Path) -> Vec<u8> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut child = Command::new(backend)
            .env("GIT_PROJECT_ROOT", root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_PROTOCOL", self.header("git-protocol"))
            .env("REQUEST_METHOD", &self.method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", self.header("content-type"))
            .env("CONTENT_LENGTH", self.body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", self.header("content-encoding"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Smaller than a pipe: git does not wait for it to be read.
        child.stdin.take().unwrap().write_all(&self.body).unwrap();
        let output = child.wait_with_output().unwrap().stdout;
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
        let (head, body) = output.split_at(end);
        let body = body.get(4..).unwrap_or_default();
        let head = String::from_utf8_lossy(head);
        let status =
            head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
        let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n", body.len());
        [answer.as_bytes(), body].concat()
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}
