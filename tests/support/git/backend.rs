//! `git http-backend` as the application behind the hostile server.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::program::isolated;
use crate::server::{Answer, Application, Request};

/// What a client asks for in a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `GET info/refs`: what the server can do, and before version 2 its refs.
    Refs,
    /// The list of refs, in version 2.
    List,
    /// The pack.
    Fetch,
}

impl Step {
    /// The name of the script of a repository's step.
    pub(super) fn script(self, repository: &str) -> String {
        match self {
            Self::Refs => format!("/{repository}.git/info/refs"),
            Self::List => format!("/{repository}.git/git-upload-pack list"),
            Self::Fetch => format!("/{repository}.git/git-upload-pack fetch"),
        }
    }
}

/// The version of git's protocol that a server speaks, whatever the client wishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// As before there were versions.
    V0,
    /// The same, and says that it is 1.
    V1,
    /// What the client wishes.
    #[default]
    V2,
}

/// Runs `git http-backend`, one process a request.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) program: PathBuf,
    pub(super) root: PathBuf,
    pub(super) protocol: Mutex<Protocol>,
}

/// Which script a request meets.
pub(super) fn script(request: &Request) -> String {
    if !request.path().ends_with("/git-upload-pack") {
        return request.path().to_owned();
    }
    let listed = request.body.windows(15).take(64).any(|at| at == b"command=ls-refs");
    format!("{} {}", request.path(), if listed { "list" } else { "fetch" })
}

impl Application for Backend {
    fn script(&self, request: &Request) -> String {
        script(request)
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&request.body).unwrap();
        input.rewind().unwrap();
        let mut command = isolated(&self.program, Path::new("/"));
        command
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", request.path())
            .env("QUERY_STRING", request.target.split_once('?').map_or("", |(_, query)| query))
            .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(input);
        if let Some(encoding) = request.header("content-encoding") {
            command.env("HTTP_CONTENT_ENCODING", encoding);
        }
        match *self.protocol.lock().unwrap() {
            Protocol::V0 => {}
            Protocol::V1 => drop(command.env("GIT_PROTOCOL", "version=1")),
            Protocol::V2 => {
                command.env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default());
            }
        }
        read(&command.output().unwrap().stdout)
    }
}

/// What a program answers by the rules of CGI.
fn read(output: &[u8]) -> Answer {
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(output.len());
    let (head, body) = output.split_at(end);
    let mut answer =
        Answer { status: 200, body: body.get(4..).unwrap_or_default().to_vec(), ..Answer::default() };
    for line in String::from_utf8_lossy(head).split("\r\n") {
        match line.split_once(": ") {
            Some(("Status", status)) => answer.status = status.get(..3).unwrap_or("").parse().unwrap_or(500),
            Some((name, value)) => answer.headers.push((name.to_owned(), value.to_owned())),
            None => {}
        }
    }
    answer
}
