//! Boards for the tests of update and view, and for the pictures in `docs/`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::json;
use vps_health::{Certificate, FamilyChoice, Kind, Level, Outcome, Phases, Reason, Sample, Target, Verdict};
use vps_ops::running::RunningOperation;
use vps_ops::watch::{Board, LoggedChange, Row, staged};

use super::state::{Look, State};

/// 23:01:07 UTC.
pub(super) const AT: f64 = 1_700_002_867.0;
pub(super) const FULL: Look = Look { color: true, unicode: true };
const PID: u32 = 4242;

pub(super) fn target(service: &str, name: &str) -> Target {
    Target {
        service: service.to_owned(),
        name: name.to_owned(),
        host: format!("{service}.example.com:443"),
        kind: Kind::Https,
        expect: None,
        family: FamilyChoice::Any,
        is_private: false,
    }
}

fn sample(level: Level, reason: Reason, millis: u64) -> Sample {
    let verdict = if level == Level::Unhealthy { Verdict::Failure } else { Verdict::Success };
    let took = Duration::from_millis(millis);
    let mut sample =
        Sample::new(vps_health::Moment::from_millis(0), took, Outcome::new(Some(level), reason, verdict));
    sample.address = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    if level != Level::Unhealthy {
        sample.phases = Phases {
            dns: Some(Duration::from_millis(3)),
            connect: Some(Duration::from_millis(12)),
            tls: Some(Duration::from_millis(40)),
            wait: Some(took.saturating_sub(Duration::from_millis(55))),
        };
        let at = 1_700_002_867;
        sample.certificate =
            Some(Certificate { not_before_seconds: at - 86_400 * 30, not_after_seconds: at + 86_400 * 60 });
    }
    sample
}

pub(super) fn good(millis: u64) -> Sample {
    sample(Level::Healthy, Reason::Answered, millis)
}

fn slow(millis: u64) -> Sample {
    let took = Duration::from_millis(millis);
    let part = took.saturating_sub(Duration::from_millis(110));
    sample(Level::Degraded, Reason::Slow { phase: Some(vps_health::Phase::Wait), part, took }, millis)
}

pub(super) fn refused() -> Sample {
    sample(Level::Unhealthy, Reason::Refused, 1)
}

/// A service with these looks, the last of them five seconds ago, one each 30 s.
pub(super) fn service(name: &str, looks: impl IntoIterator<Item = Sample>) -> Row {
    let looks: Vec<Sample> = looks.into_iter().collect();
    let ago = |place: usize| Duration::from_secs(5 + 30 * (looks.len() - 1 - place) as u64);
    let rounds: Vec<_> =
        looks.iter().enumerate().map(|(place, look)| (ago(place), vec![look.clone()])).collect();
    staged::row(AT, &[target(name, &format!("https://{name}.example.com/"))], &rounds)
}

/// The screen of the design: one of each.
pub(super) fn board() -> Board {
    let mut docker = service("docker_hub", (0..20).map(|_| good(120)).chain((0..3).map(|_| refused())));
    docker.circuit.state = vps_ops::State::Open;
    docker.circuit.retry_after = Some(Duration::from_secs(41));
    docker.circuit.explanation = "3 failures in a row; the next call may try in 41 s".to_owned();
    let github = (0..12).map(|at| if at < 6 { good(600) } else { slow(1_310) });
    let mut board = staged::board(
        AT,
        vec![
            docker,
            service("github", github),
            service("apt_repository", (0..12).map(|_| good(210))),
            service("microsoft_packages", (0..12).map(|_| good(180))),
            staged::not_probed("external_downloads"),
        ],
    );
    board.prober = Some(PID);
    board.families = (true, true);
    board.resolver = Some(Duration::from_millis(3));
    board.next_in = Some(Duration::from_secs(4));
    board
}

/// What an operation left in the store.
#[expect(clippy::needless_pass_by_value, reason = "written out where it is used")]
pub(super) fn running(more: serde_json::Value) -> RunningOperation {
    let mut note = json!({
        "process": {"pid": 7, "started": 1, "boot_id": "b"},
        "operation": "download", "target": "https://example.com/tool.tar.gz",
        "since": AT, "at": AT, "doing": {"state": "working"},
    });
    let (Some(note_map), Some(more)) = (note.as_object_mut(), more.as_object()) else {
        panic!("objects, both of them")
    };
    note_map.extend(more.clone());
    serde_json::from_value(note).unwrap()
}

pub(super) fn change(ago: f64, what: serde_json::Value) -> LoggedChange {
    let mut change = what;
    change["at"] = json!(AT - ago);
    serde_json::from_value(change).unwrap()
}

/// Running operations and changes, too.
pub(crate) fn busy() -> Board {
    let mut board = board();
    board.running = vec![
        running(json!({"operation": "apt_install", "target": "nginx", "done_bytes": 63_963_136,
                       "total_bytes": 98_566_144, "bytes_per_second": 6_396_313})),
        running(json!({"attempt": 2, "of": 3, "doing": {"state": "retrying", "after_millis": 1_200}})),
    ];
    board.changes = vec![
        change(
            178.0,
            json!({"what": "circuit", "service": "docker_hub", "from": "closed", "to": "open",
                             "why": "3 failures in a row"}),
        ),
        change(182.0, json!({"what": "machine", "from": "offline", "to": "online"})),
    ];
    board
}

pub(super) fn state(board: Board) -> State {
    state_of(board, FULL)
}

pub(super) fn state_of(board: Board, look: Look) -> State {
    let mut state = State::new(look, PID, []);
    super::update::update(&mut state, super::message::Message::Board(Box::new(board)));
    state
}
