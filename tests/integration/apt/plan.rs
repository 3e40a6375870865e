//! Plans on a real apt-get and dpkg: what is fetched before its turn.

use tests::apt::{AptLab, Lock, Mirror, Repository};
use tests::server::Behaviour;

/// A machine with one source whose lists `vps-configurator` has read, and a plan in which something has to be let go
/// before packages have their turn.
fn held(packages: &str) -> Option<(AptLab, Mirror)> {
    let lab = AptLab::start()?;
    let main = Mirror::start(&lab, Repository::Main);
    lab.sources(&[&main]);
    let _ = lab.apt(&["update"]).expect(0);
    let hold = "{shell: \"until test -e /root/go; do sleep 0.02; done\", always: true}";
    let steps = format!("- {{id: hold, command: {hold}}}\n{packages}");
    lab.write("/root/p.yaml", format!("version: 1\nname: p\nsteps:\n{steps}"));
    Some((lab, main))
}

/// What is said of a step whose archives are there.
fn fetched(step: &str) -> String {
    format!(
        r#"{{"event":"fetched","kind":"packages","message":null,"schema":"vps-configurator.apply.event/1","seconds":null,"status":null,"step":"{step}"}}"#
    )
}

/// The events that were told of a step, in order.
fn events(said: &str, step: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let of = lines.filter(|line| line["step"] == step);
    of.filter_map(|line| line["event"].as_str().map(str::to_owned)).collect()
}

#[test]
fn archives_come_before_their_turn_whoever_has_dpkgs_lock_and_are_asked_for_once() {
    let steps = "- {id: leaf, packages: [lab-leaf]}\n- {id: app, packages: [lab-app]}\n";
    let Some((lab, main)) = held(steps) else { return };
    let locks = [Lock::Frontend, Lock::Dpkg, Lock::Lists, Lock::Archives].map(|lock| lab.hold(lock));
    let mut running = lab.begin(&["vps-configurator", "apply", "/root/p.yaml", "--json"]);
    running.wait_to_say(&fetched("app"));
    assert!(running.is_running());
    let archives = lab.must(&["ls", "/var/cache/vps-configurator/archives"]);
    for name in ["lab-app", "lab-dep", "lab-leaf"] {
        assert!(archives.contains(&format!("{name}_1.0")), "{archives}");
        assert_eq!((lab.installed(name), main.requests(&Mirror::deb(name, "1.0"))), (None, 1), "{name}");
    }
    locks.into_iter().for_each(tests::apt::HeldLock::release);
    lab.write("/root/go", "");
    let done = running.wait().expect(0);
    for step in ["leaf", "app"] {
        assert_eq!(events(&done.stdout, step), ["fetching", "fetched", "began", "ended"], "{step}");
    }
    for name in ["lab-app", "lab-dep", "lab-leaf"] {
        assert_eq!(lab.installed(name).as_deref(), Some("1.0"));
        assert_eq!(main.requests(&Mirror::deb(name, "1.0")), 1, "{name}");
    }
    assert_eq!((main.requests(Mirror::IN_RELEASE), lab.audit()), (1, String::new()));
}

#[test]
fn of_what_fails_before_its_turn_nothing_is_said() {
    let Some((lab, main)) = held("- {id: app, packages: [lab-app]}\n- {id: bad, packages: [lab-nope]}\n")
    else {
        return;
    };
    let deb = Mirror::deb("lab-app", "1.0");
    main.script(&deb, [Behaviour::status(404), Behaviour::Ok]);
    let mut running = lab.begin(&["vps-configurator", "apply", "/root/p.yaml"]);
    // The two are one set until it is seen that it cannot be had; then each is fetched alone.
    main.server().wait_for("the archive is asked for", |log| {
        log.exchanges.iter().any(|one| one.request.path() == deb)
    });
    assert!(running.is_running());
    lab.write("/root/go", "");
    let done = running.wait().expect(1);
    let said = done.stderr.matches("404").count();
    assert_eq!(said, 0, "{}", done.text());
    assert!(done.text().contains("lab-nope"), "{}", done.text());
    assert_eq!(lab.installed("lab-app").as_deref(), Some("1.0"));
    let letters = lab.must(&["vps-configurator", "dead-letter", "list", "--json"]);
    assert_eq!((letters.matches("lab-app").count(), letters.contains("\"bad\"")), (0, true), "{letters}");
}

#[test]
fn a_broken_dpkg_is_the_installs_to_mend_and_to_speak_of() {
    let Some((lab, main)) = held("- {id: app, packages: [lab-app]}\n") else { return };
    lab.interrupt_dpkg();
    let states = || lab.must(&["dpkg-query", "--show", "--showformat=${Package} ${Status}\\n"]);
    let before = states();
    let mut running = lab.begin(&["vps-configurator", "apply", "/root/p.yaml", "--json"]);
    // Whatever apt-get makes of it, the fetch ends, and nothing is mended before the turn of the step.
    main.server().wait_for("the archive is asked for", |log| {
        log.exchanges.iter().any(|one| one.request.path() == Mirror::deb("lab-app", "1.0"))
    });
    assert!(running.is_running());
    assert_eq!(states(), before);
    lab.write("/root/go", "");
    let done = running.wait().expect(0);
    assert_eq!(events(&done.stdout, "app").last().map(String::as_str), Some("ended"));
    assert_eq!((lab.installed("lab-app").as_deref(), lab.audit().as_str()), (Some("1.0"), ""));
}
