//! By a systemctl that answers as the real one does: `tests/captures/systemd` has what that says, and a test with a real
//! systemd holds it to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use vps_retry::Class;

use super::super::tests::lab::{alone, network};
use super::{effect, prove};
use crate::env::Env;
use crate::plan::run::{Done, Proof, StepContext, StepError};
use crate::plan::{Action, SystemdAction, UnitState};
use crate::process::{Captured, Ended};
use crate::testing::scripted_runner::ScriptedRunner;

/// What the real one says where systemd does not run; seen in a container.
const NOT_BOOTED: &str = "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
                          Failed to connect to bus: Host is down\n";

const UNIT: &str = "app.service";

/// A machine with one unit.
#[derive(Clone, Debug)]
struct Machine {
    load: &'static str,
    active: &'static str,
    file: &'static str,
    outdated: bool,
    kind: &'static str,
    /// What becomes of it when it is started.
    starts_as: &'static str,
    start_fails: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            load: "loaded",
            active: "inactive",
            file: "disabled",
            outdated: false,
            kind: "simple",
            starts_as: "active",
            start_fails: false,
        }
    }
}

impl Machine {
    fn answer(&mut self, line: &str) -> Captured {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with("--")).collect();
        let ok = |text: String| Captured::new(Ended::Code(0), text, "");
        match words.get(1).copied() {
            Some("show") => {
                let reload = if self.outdated { "yes" } else { "no" };
                let Self { load, active, file, kind, .. } = self;
                ok(format!(
                    "Type={kind}\nRemainAfterExit=no\nResult=success\nNames={UNIT}\nLoadState={load}\n\
                     ActiveState={active}\nUnitFileState={file}\nNeedDaemonReload={reload}\n"
                ))
            }
            Some("daemon-reload") => {
                self.outdated = false;
                ok(String::new())
            }
            Some("start" | "restart" | "reload") if self.start_fails => Captured::new(
                Ended::Code(1),
                "",
                "Job for app.service failed because the control process exited with error code.\n",
            ),
            Some("start" | "restart") => {
                self.active = self.starts_as;
                ok(String::new())
            }
            Some("stop") => {
                self.active = "inactive";
                ok(String::new())
            }
            Some("enable") => {
                self.file = "enabled";
                ok(String::new())
            }
            Some("disable") => {
                self.file = "disabled";
                ok(String::new())
            }
            Some("status") => Captured::new(Ended::Code(3), "× app.service\nbind: address in use\n", ""),
            _ => ok(String::new()),
        }
    }
}

struct Lab {
    runner: Arc<ScriptedRunner>,
    cx: StepContext,
}

impl Lab {
    async fn new(machine: Machine, action: SystemdAction) -> Self {
        let machine = Mutex::new(machine);
        Self::answering(action, move |line| machine.lock().unwrap().answer(line)).await
    }

    async fn answering(
        action: SystemdAction,
        answer: impl Fn(&str) -> Captured + Send + Sync + 'static,
    ) -> Self {
        let runner = Arc::new(ScriptedRunner::new(answer));
        let network = network(Env::real(), Some(runner.clone()));
        Self { runner, cx: alone(&network, Path::new("/"), Action::Systemd(action)).await }
    }

    /// What systemctl was told, without options.
    fn told(&self) -> Vec<String> {
        let plain = |line: String| {
            let words = line.split(' ').skip(1).filter(|word| !word.starts_with("--"));
            words.collect::<Vec<_>>().join(" ")
        };
        self.runner.ran().into_iter().map(plain).collect()
    }

    /// What it was told that changes something.
    fn did(&self) -> Vec<String> {
        self.told()
            .into_iter()
            .filter(|line| !line.starts_with("show") && !line.starts_with("status"))
            .collect()
    }

    async fn prove(&self) -> Result<Proof, StepError> {
        let Some(Action::Systemd(action)) = self.cx.step().map(|step| &step.action) else {
            panic!("no unit")
        };
        prove(&self.cx, action).await
    }

    async fn effect(&self) -> Result<Done, StepError> {
        let Some(Action::Systemd(action)) = self.cx.step().map(|step| &step.action) else {
            panic!("no unit")
        };
        effect(&self.cx, action).await
    }
}

fn wants(state: Option<UnitState>, enabled: Option<bool>) -> SystemdAction {
    SystemdAction { unit: UNIT.into(), state, enabled, on_change: Vec::new() }
}

fn missing() -> Proof {
    Proof::Missing(Some(UNIT.into()))
}

#[tokio::test]
async fn what_is_so_is_seen_by_one_look_and_what_is_not_is_had() {
    use UnitState::{Reloaded, Restarted, Started, Stopped};
    let off = Machine::default();
    let on = Machine { active: "active", file: "enabled", ..off.clone() };
    let begins = Machine { active: "activating", ..on.clone() };
    for (machine, state, enabled, told, did) in [
        (&on, Some(Started), Some(true), false, &[][..]),
        (&on, Some(Restarted), None, false, &[]),
        (&off, Some(Stopped), Some(false), true, &[]),
        (&off, None, None, true, &[]),
        (&off, Some(Started), Some(true), true, &["enable app.service", "start app.service"]),
        (&on, Some(Stopped), Some(false), true, &["disable app.service", "stop app.service"]),
        (&on, Some(Started), Some(true), true, &["restart app.service"]),
        (&on, Some(Restarted), None, true, &["restart app.service"]),
        (&on, Some(Reloaded), None, true, &["reload app.service"]),
        (&on, None, None, true, &["restart app.service"]),
        (&on, None, Some(false), false, &["disable app.service"]),
        (
            &Machine { outdated: true, ..on.clone() },
            Some(Started),
            None,
            true,
            &["daemon-reload", "restart app.service"],
        ),
        (&Machine { active: "failed", ..on.clone() }, Some(Started), None, true, &["start app.service"]),
        // One that is on its way may have read what was there before the change.
        (&begins, Some(Started), None, true, &["restart app.service"]),
        (&begins, Some(Restarted), None, true, &["restart app.service"]),
        (&begins, Some(Reloaded), None, true, &["restart app.service"]),
        (&begins, None, None, true, &["restart app.service"]),
        (&begins, Some(Started), None, false, &["start app.service"]),
        (&begins, Some(Stopped), None, true, &["stop app.service"]),
        (
            &Machine { file: "enabled-runtime", ..on.clone() },
            None,
            Some(true),
            false,
            &["enable app.service"],
        ),
        // It stays so, whatever systemctl is told.
        (&Machine { file: "indirect", ..off.clone() }, None, Some(false), false, &[]),
        (&Machine { file: "indirect", ..off.clone() }, None, Some(true), false, &[]),
    ] {
        let mut lab = Lab::new(machine.clone(), wants(state, enabled)).await;
        lab.cx.is_told = told;
        let proof = lab.prove().await.unwrap();
        assert_eq!(lab.told(), ["show app.service"], "one look");
        assert_eq!(
            proof,
            if did.is_empty() { Proof::Satisfied(None) } else { missing() },
            "{machine:?} {state:?}"
        );
        if !did.is_empty() {
            assert!(lab.effect().await.unwrap().changed);
            assert_eq!(lab.did(), did, "{machine:?} {state:?}");
            lab.cx.is_told = false;
            assert_eq!(lab.prove().await.unwrap(), Proof::Satisfied(None), "and it is so then");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_said_with_the_last_words_of_the_unit() {
    let off = Machine::default();
    let started = wants(Some(UnitState::Started), None);
    for (machine, action, said) in [
        (
            Machine { load: "not-found", file: "", ..off.clone() },
            started.clone(),
            "systemd has no unit app.service",
        ),
        (
            Machine { load: "masked", file: "masked", ..off.clone() },
            started.clone(),
            "app.service is masked, so that nothing starts it",
        ),
        (
            Machine { load: "bad-setting", ..off.clone() },
            started.clone(),
            "systemd cannot load app.service: bad-setting",
        ),
        (
            Machine { start_fails: true, ..off.clone() },
            started.clone(),
            "systemd could not start app.service",
        ),
        (
            Machine { starts_as: "failed", ..off.clone() },
            started.clone(),
            "app.service is not as it is to be: failed, disabled",
        ),
        (
            Machine { file: "static", ..off.clone() },
            wants(None, Some(true)),
            "app.service cannot be enabled: it has no [Install] section",
        ),
        (
            Machine { load: "not-found", ..off.clone() },
            wants(Some(UnitState::Stopped), None),
            "systemd has no unit app.service",
        ),
    ] {
        let lab = Lab::new(machine, action).await;
        assert_eq!(lab.prove().await.unwrap(), missing());
        let error = lab.effect().await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.class), (said, Class::Local));
        assert_eq!(error.tail.last().unwrap(), "bind: address in use");
        if said.contains("could not start") {
            assert!(error.causes[0].starts_with("Job for app.service failed"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn one_that_ends_when_it_is_done_is_no_failure() {
    let once = Machine { kind: "oneshot", starts_as: "inactive", ..Machine::default() };
    let lab = Lab::new(once.clone(), wants(Some(UnitState::Started), None)).await;
    assert!(lab.effect().await.unwrap().changed);
    // At work when something changed: it does its work once more, and is done.
    let mut lab =
        Lab::new(Machine { active: "activating", ..once }, wants(Some(UnitState::Started), None)).await;
    lab.cx.is_told = true;
    assert!(lab.effect().await.unwrap().changed);
    assert_eq!(lab.did(), ["restart app.service"]);
}

#[tokio::test]
async fn units_that_cannot_be_read_are_said_with_all_that_systemctl_said() {
    let place = tempfile::tempdir().unwrap();
    let logs = place.path().join("logs");
    let machine = Mutex::new(Machine { outdated: true, active: "active", ..Machine::default() });
    let answer = move |line: &str| match line.contains("daemon-reload") {
        true => Captured::new(Ended::Code(1), "", "Reload failed: no space left\n"),
        false => machine.lock().unwrap().answer(line),
    };
    let mut lab = Lab::answering(wants(Some(UnitState::Stopped), None), answer).await;
    Arc::get_mut(&mut lab.cx.ground).unwrap().logs = Some(logs.clone());
    let error = lab.effect().await.unwrap_err();
    assert_eq!(error.to_string(), "systemd could not read its units again");
    assert_eq!(error.tail, ["Reload failed: no space left"]);
    let log = error.log.clone().unwrap();
    assert!(log.starts_with(&logs) && std::fs::read_to_string(log).unwrap().contains("no space left"));
}

#[tokio::test]
async fn a_machine_without_systemd_is_said_to_be_one() {
    let answer = |_: &str| Captured::new(Ended::Code(1), "", NOT_BOOTED);
    let lab = Lab::answering(wants(Some(UnitState::Started), None), answer).await;
    let error = lab.prove().await.unwrap_err();
    if Path::new("/run/systemd/system").exists() {
        return println!("skipped: systemd runs here");
    }
    assert_eq!(
        (error.to_string().as_str(), error.class),
        ("systemd does not run on this machine", Class::Local)
    );
    // The real one, where there is one.
    let network = network(Env::real(), None);
    let action = wants(Some(UnitState::Started), None);
    let cx = alone(&network, Path::new("/"), Action::Systemd(action.clone())).await;
    assert_eq!(prove(&cx, &action).await.unwrap_err().to_string(), "systemd does not run on this machine");
}

#[tokio::test]
async fn all_units_are_asked_for_at_once_and_answers_are_told_apart_by_their_order() {
    let answers: BTreeMap<&str, &str> = [("a.service", "active"), ("b.timer", "inactive")].into();
    let answer = move |line: &str| {
        let asked = line.split(' ').filter_map(|word| answers.get(word));
        let all: Vec<_> = asked.map(|active| format!("LoadState=loaded\nActiveState={active}\n")).collect();
        Captured::new(Ended::Code(0), all.join("\n"), "")
    };
    let mut lab = Lab::answering(wants(None, None), answer).await;
    let unit = |name: &str| SystemdAction { unit: name.into(), ..wants(Some(UnitState::Started), None) };
    let step = |name: &str| {
        let id = name.replace('.', "-").parse().unwrap();
        crate::plan::Step::new(id, Action::Systemd(unit(name)))
    };
    let ground = Arc::get_mut(&mut lab.cx.ground).unwrap();
    Arc::get_mut(&mut ground.plan).unwrap().steps = vec![step("b.timer"), step("a.service")];
    assert_eq!(prove(&lab.cx, &unit("a.service")).await.unwrap(), Proof::Satisfied(None));
    assert_eq!(prove(&lab.cx, &unit("b.timer")).await.unwrap(), Proof::Missing(Some("b.timer".into())));
    assert_eq!(lab.told(), ["show b.timer a.service"]);
    lab.cx.ground.units.forget().await;
    prove(&lab.cx, &unit("b.timer")).await.unwrap();
    assert_eq!(lab.told().len(), 2);
}
