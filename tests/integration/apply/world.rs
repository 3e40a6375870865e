//! What the world does to the plan, and how it is mended.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use tests::archives::{Thing, gzip, tar};
use tests::git::{Forge, Step};
use tests::server::{Behaviour, Content, Refusing, Route, Server};

use super::steps;
use crate::lab::Lab;

pub(crate) const SMALL: u64 = 3_000;
pub(crate) const LARGE: u64 = 1 << 20;
const HALF: u64 = LARGE / 2;

/// What happens to a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Busy,
    TooMany,
    Cut,
    Reset,
    ResetAtOnce,
    ClosedAtOnce,
    Redirected,
    ChunkedCut,
    Truncated,
    Stall,
    /// The first of its places refuses; it has a mirror.
    Elsewhere,
    OtherContent,
    NotThere,
    Refused,
    RedirectLoop,
    Forbidden,
    /// The head never comes.
    Silent,
}

impl Fault {
    pub(crate) const fn of(g: usize, n: usize) -> Self {
        match (g, n) {
            (1, 3) => Self::OtherContent,
            (2, 3) => Self::NotThere,
            (3, 3) => Self::Refused,
            (4, 3) => Self::RedirectLoop,
            (5, 3) => Self::Forbidden,
            (6, 3) => Self::Silent,
            (_, 3) => Self::None,
            (0, 0) => Self::TooMany,
            (0, 1) => Self::Stall,
            _ => match (g * 4 + n) % 11 {
                0 | 9 => Self::Busy,
                1 | 10 => Self::Cut,
                2 => Self::ResetAtOnce,
                3 => Self::Redirected,
                4 => Self::ClosedAtOnce,
                5 => Self::ChunkedCut,
                6 => Self::Elsewhere,
                7 => Self::Truncated,
                _ => Self::Reset,
            },
        }
    }

    /// What those meet who ask for it.
    fn route(self, content: Content, id: &str) -> Route {
        let route = Route::content(content);
        match self {
            Self::None | Self::Elsewhere | Self::Refused => route,
            Self::Busy => route.times(2, &Behaviour::status(503)).then(Behaviour::Ok),
            Self::TooMany => route.then(Behaviour::retry_after(429, 1)).then(Behaviour::Ok),
            Self::Cut => route.then(Behaviour::Close { after: HALF }).then(Behaviour::Ok),
            Self::Reset => route.then(Behaviour::Reset { after: HALF }).then(Behaviour::Ok),
            Self::ResetAtOnce => route.then(Behaviour::ResetBeforeHeaders).then(Behaviour::Ok),
            Self::ClosedAtOnce => route.then(Behaviour::CloseBeforeHeaders).then(Behaviour::Ok),
            Self::Redirected => Route::only(Behaviour::redirect(format!("/elsewhere-{id}"))),
            Self::ChunkedCut => route.then(Behaviour::ChunkedCut { after: HALF }).then(Behaviour::Chunked),
            Self::Truncated => route.then(Behaviour::Truncate { missing: 1 }).then(Behaviour::Ok),
            Self::Stall => route.then(Behaviour::Stall { after: HALF }).then(Behaviour::Ok),
            Self::OtherContent => route.then(Behaviour::WrongByte { at: 7 }),
            Self::NotThere => route.then(Behaviour::status(404)),
            Self::Forbidden => route.then(Behaviour::status(403)),
            Self::RedirectLoop => route.then(Behaviour::RedirectLoop),
            Self::Silent => route.then(Behaviour::StallBeforeHeaders),
        }
    }
}

/// What a download is to be.
pub(crate) fn file(g: usize, n: usize) -> Content {
    let seed = u64::try_from(g * 10 + n).unwrap();
    Content::seeded(seed, steps::size(Fault::of(g, n)))
}

fn things(g: usize) -> Vec<Thing> {
    let file = |name: &str| Thing::file(name, format!("{name} of {g}").repeat(100));
    vec![Thing::folder("bin"), file("bin/app"), file("readme"), Thing::link("link", "bin/app")]
}

pub(crate) fn archive(g: usize) -> Vec<u8> {
    gzip(&tar(&things(g)))
}

/// One that would write outside of its folder.
fn hostile() -> Vec<u8> {
    gzip(&tar(&[Thing::file("readme", "x"), Thing::file("../escaped", "x")]))
}

/// Where the plan's servers are.
pub(crate) struct Places {
    pub(crate) server: Server,
    /// A port that refuses, until it is mended.
    pub(crate) refusing: Option<Refusing>,
    pub(crate) mended: Option<Server>,
    /// The URL of a repository and a commit of it, where there is git.
    pub(crate) clones: Option<(String, String)>,
}

/// A repository that is cloned in all worlds of a thread.
pub(crate) struct Repository {
    pub(crate) forge: Forge,
    commit: String,
}

impl Repository {
    pub(crate) fn make() -> Option<Self> {
        let forge = Forge::start()?;
        let commit = forge.sample("sample").id("main");
        Some(Self { forge, commit })
    }
}

/// A folder with the plan, and servers of its own.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) places: Places,
    pub(crate) secret: String,
}

impl World {
    pub(crate) fn make(seed: u64, repository: Option<&Repository>) -> Self {
        let server = Server::builder().send_buffer(64 << 10).start();
        for g in 0..steps::GROUPS {
            for n in 0..5 {
                let (id, fault) = (format!("down-{g}-{n}"), Fault::of(g, n));
                server.route(&format!("/{id}"), fault.route(file(g, n), &id));
                server.route(&format!("/elsewhere-{id}"), Route::content(file(g, n)));
            }
            let content = if g == 7 { hostile() } else { archive(g) };
            server.route(&format!("/tree-{g}.tar.gz"), Route::content(Content::fixed(content)));
        }
        server.route("/gate", Route::of(1).then(Behaviour::status(503)).then(Behaviour::Ok));
        if let Some(repository) = repository {
            let script = [Behaviour::status(503), Behaviour::Close { after: 40 }, Behaviour::Ok];
            repository.forge.script("sample", Step::Fetch, script);
        }
        let clones = repository.map(|one| (one.forge.url("sample"), one.commit.clone()));
        let places = Places { server, refusing: Some(Refusing::start()), mended: None, clones };
        let (lab, secret) = (Lab::new(), format!("c4n4ry-{seed}-0f-a-secret"));
        for folder in ["log", "made", "told", "kill", "lists"] {
            fs::create_dir(lab.path(folder)).unwrap();
        }
        fs::write(lab.path("blocked"), "no folder").unwrap();
        fs::write(lab.path("key"), format!("{secret}\n")).unwrap();
        fs::set_permissions(lab.path("key"), Permissions::from_mode(0o600)).unwrap();
        let world = Self { lab, places, secret };
        world.write_plan(1);
        world
    }

    pub(crate) fn write_plan(&self, version: u32) {
        fs::write(self.lab.path("p.yaml"), steps::plan(version, &self.places)).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.lab.command(args);
        // An open circuit is tried again soon, and silence is soon too long.
        command.env("VPS_CONFIGURATOR_PERFORMANCE__CIRCUIT_BREAKER__TIMEOUT", "0.2");
        command.env("VPS_CONFIGURATOR_PERFORMANCE__TIMEOUTS__IDLE", "1.5");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// All faults go.
    pub(crate) fn mend(&mut self) {
        let port = self.places.refusing.take().unwrap().listen();
        for g in 0..steps::GROUPS {
            for n in 0..5 {
                self.places.server.route(&format!("/down-{g}-{n}"), Route::content(file(g, n)));
                port.route(&format!("/down-{g}-{n}"), Route::content(file(g, n)));
            }
        }
        let right = Route::content(Content::fixed(archive(7))).etag("\"v2\"");
        self.places.server.route("/tree-7.tar.gz", right);
        self.places.mended = Some(port);
        fs::write(self.lab.path("mended"), "").unwrap();
        fs::remove_file(self.lab.path("blocked")).unwrap();
    }
}
