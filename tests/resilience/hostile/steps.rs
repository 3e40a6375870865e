//! The plan, what the world does to it, and what must come of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use vps_ops::env::Env;
use vps_ops::http::{Fact, HttpRequest};
use vps_ops::plan::{
    Action, Body, CommandAction, CommandLine, DownloadAction, FileAction, Gate, GateCheck, Guards, Needs,
    Once, PackagesAction, Plan, Step, StepId, SystemdAction, UnitState,
};
use vps_ops::testing::scripted_apt::ScriptedApt;
use vps_ops::testing::scripted_http::{Script, ScriptedHttp};

use crate::machine::Life;

/// Of twenty-one steps each.
pub(crate) const GROUPS: u32 = 10;
/// Whose server is down until then.
const DOWN: &str = "down.example.com";
const UP_AT: Duration = Duration::from_secs(600);
/// When somebody else makes what a gate waits for.
pub(crate) const OPENS_AT: Duration = Duration::from_secs(240);
pub(crate) const GATE: &str = "/data/gate";

/// What the world does to a download.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    Busy,
    ResetAtOnce,
    CutShort,
    OtherContent,
    NotThere,
    Down,
}

impl Fault {
    fn of(group: u32, number: u32) -> Self {
        match (group, number) {
            (1, 3) => Self::OtherContent,
            (2, 3) => Self::NotThere,
            (3, 0..=2) => Self::Down,
            _ => match (group * 5 + number) % 5 {
                0 => Self::Busy,
                1 => Self::ResetAtOnce,
                2 => Self::CutShort,
                _ => Self::None,
            },
        }
    }
}

/// What cannot be done, each with a part of why.
pub(crate) const HOPELESS: [(&str, &str); 3] =
    [("down-1-3", "sha256"), ("down-2-3", "404"), ("make-4-4", "code 3")];
/// What needs one of those.
pub(crate) const BEHIND_HOPELESS: [&str; 3] = ["after-1", "after-2", "late-4"];

pub(crate) fn id(name: &str) -> StepId {
    name.parse().unwrap()
}

pub(crate) fn conf(group: &str) -> String {
    format!("/data/conf-{group}")
}

fn content(group: u32, number: u32) -> Vec<u8> {
    format!("what {group}-{number} is. ").repeat(200).into_bytes()
}

fn host(group: u32, number: u32) -> String {
    match Fault::of(group, number) {
        Fault::Down => DOWN.to_owned(),
        _ => format!("h{group}-{number}.example.com"),
    }
}

fn needing(mut step: Step, needs: &[String]) -> Step {
    step.needs = Needs::Steps(needs.iter().map(|name| id(name)).collect());
    step
}

fn file(name: &str, text: &str) -> Step {
    let action = FileAction::new(format!("/data/{name}"), Body::Content(text.into()));
    Step::new(id(name), Action::File(action))
}

fn command(name: &str, words: &[&str], guards: impl FnOnce(&mut Guards)) -> Step {
    let mut own = Guards::default();
    guards(&mut own);
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Step::new(id(name), Action::Command(CommandAction::new(CommandLine::Argv(words), own)))
}

fn download(group: u32, number: u32) -> Step {
    let mut action = DownloadAction::default();
    action.url = format!("https://{}/{group}-{number}", host(group, number));
    action.dest = Some(format!("/data/down-{group}-{number}").into());
    let digest: String =
        Sha256::digest(content(group, number)).iter().map(|byte| format!("{byte:02x}")).collect();
    action.checksum = Some(format!("sha256:{digest}"));
    Step::new(id(&format!("down-{group}-{number}")), Action::Download(action))
}

fn packages(group: u32) -> Step {
    let mut action = PackagesAction::default();
    action.names = vec![format!("pkg-{group}")];
    Step::new(id(&format!("pkg-{group}")), Action::Packages(action))
}

/// What a package's archive is called, and how often it is asked for until it comes whole.
pub(crate) fn archive(group: u32) -> (String, u32) {
    let asked = match group % 3 {
        0 => 3,
        1 => 2,
        _ => 1,
    };
    (format!("pkg-{group}_1_all.deb"), asked)
}

fn archive_content(group: u32) -> Vec<u8> {
    format!("the archive of {group}. ").repeat(200).into_bytes()
}

/// The machine's apt, whose lists are fresh.
pub(crate) fn apt(life: &Life) -> ScriptedApt {
    let with = |apt: ScriptedApt, group| {
        let name = format!("pkg-{group}");
        apt.with_package(&name, "1").with_archive(&name, &archive(group).0, &archive_content(group))
    };
    (0..GROUPS).fold(ScriptedApt::new(), with).on_disk(&life.disk).with_fresh_lists()
}

fn deb(group: u32, times: u32) -> Script {
    let whole = Script::status(200).sends(&archive_content(group));
    match group % 3 {
        0 if times <= 2 => Script::status(503),
        1 if times == 1 => whole.cut_after(1_000, Fact::EarlyEnd),
        _ => whole,
    }
}

fn group(number: u32, version: u32) -> Vec<Step> {
    let g = number;
    let conf_id = format!("conf-{g}");
    let mut steps = vec![file(&conf_id, &format!("version {version} of {g}"))];
    steps.extend((0..3).map(|n| file(&format!("file-{g}-{n}"), &format!("file {g}-{n}"))));
    steps.extend((0..5).map(|n| download(g, n)));
    if g == 5 {
        let gate = Gate::new(GateCheck::Exists(GATE.into()), Duration::from_secs(1_000));
        steps.push(Step::new(id("gate"), Action::Gate(gate)));
        steps.push(needing(file("behind-gate", "open"), &["gate".into()]));
    }
    for n in 0..5 {
        let made = format!("/data/make-{g}-{n}");
        let program = if (g, n) == (4, 4) { "refuse" } else { "make" };
        let made = made.as_str();
        steps.push(command(&format!("make-{g}-{n}"), &[program, made], |guards| {
            guards.creates = Some(made.into());
        }));
    }
    steps.push(command(&format!("once-{g}"), &["migrate", &g.to_string()], |guards| {
        guards.once = Some(Once::Ever);
    }));
    steps.push(command(&format!("reload-{g}"), &["reload", &g.to_string()], |guards| {
        guards.on_change = vec![id(&conf_id)];
    }));
    steps.push(packages(g));
    let mut unit = SystemdAction::default();
    (unit.unit, unit.state) = (format!("{g}.service"), Some(UnitState::Started));
    unit.on_change = vec![id(&conf_id)];
    steps.push(Step::new(id(&format!("unit-{g}")), Action::Systemd(unit)));
    steps.push(needing(file(&format!("after-{g}"), "after"), &[format!("down-{g}-3")]));
    steps.push(needing(file(&format!("late-{g}"), "late"), &[format!("make-{g}-4"), format!("down-{g}-0")]));
    steps
}

pub(crate) fn plan(version: u32) -> Arc<Plan> {
    let steps = (0..GROUPS).flat_map(|number| group(number, version)).collect();
    Arc::new(Plan::new("hostile", "/data", steps))
}

/// All servers there are.
pub(crate) fn servers(env: Env, life: &Life) -> ScriptedHttp {
    let life = life.clone();
    ScriptedHttp::new(env, move |request, _| answer(&life, request))
}

fn answer(life: &Life, request: &HttpRequest) -> Script {
    let address = request.url.as_str();
    if !life.event() {
        return Script::status(200).falls_silent();
    }
    life.note(format_args!("GET {address}"));
    let times = life.asked(address);
    if let Some(group) = (0..GROUPS).find(|group| request.url.path() == format!("/{}", archive(*group).0)) {
        return deb(group, times);
    }
    let mut numbers = request.url.path().trim_start_matches('/').split('-').map(|n| n.parse().unwrap_or(0));
    let (group, number) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let right = content(group, number);
    let whole = || Script::status(200).sends(&right);
    match Fault::of(group, number) {
        Fault::Busy if times <= 2 => Script::status(503),
        Fault::ResetAtOnce if times == 1 => Script::fails(Fact::Reset),
        Fault::CutShort if times == 1 => whole().cut_after(1_000, Fact::EarlyEnd),
        Fault::OtherContent => Script::status(200).sends(b"something else"),
        Fault::NotThere => Script::status(404),
        Fault::Down if life.clock() < UP_AT => Script::status(503),
        _ => whole(),
    }
}

/// Somebody else opens the gate.
pub(crate) async fn open_gate(life: &Life) {
    tokio::time::sleep(OPENS_AT.saturating_sub(life.clock())).await;
    if life.disk.content(Path::new(GATE)).is_none() {
        life.disk.plant(Path::new(GATE), b"");
    }
    std::future::pending::<()>().await;
}
