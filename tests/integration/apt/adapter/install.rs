//! Installing when all goes well, and from the right places.

use std::fs;
use std::time::Duration;

use tests::apt::{Mirror, Repository};
use tests::server::{Behaviour, Exchange, Gate};

use super::{assert_installed, assert_untouched, machine, package_requests, updated};

#[test]
fn a_package_is_installed() {
    let Some((lab, main)) = machine() else { return };
    let _ = lab.apt(&["install", "lab-app", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-app", "1.0");
    assert_installed(&lab, "lab-dep", "1.0");
    assert_installed(&lab, "lab-leaf", "1.0");
    for name in ["lab-app", "lab-dep", "lab-leaf"] {
        assert_eq!(main.requests(&Mirror::deb(name, "1.0")), 1, "{name}");
    }
    assert_eq!(main.requests(Mirror::IN_RELEASE), 1);
}

#[test]
fn what_is_installed_needs_no_request() {
    let Some((lab, main)) = machine() else { return };
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    let before = main.all_requests();
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    let _ = lab.apt(&["install", "lab-leaf=1.0"]).expect(0);
    assert_eq!(main.all_requests(), before);
    // Not even where it could not be installed now.
    lab.sources(&[&Mirror::refusing(&lab, "refusing")]);
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
}

#[test]
fn a_version_is_exactly_that() {
    let Some((lab, main)) = machine() else { return };
    let later = Mirror::start(&lab, Repository::Later);
    lab.sources(&[&main, &later]);
    let _ = lab.apt(&["install", "lab-leaf=1.0"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    let _ = lab.apt(&["install", "lab-leaf=2.0"]).expect(0);
    assert_installed(&lab, "lab-leaf", "2.0");
    let _ = lab.apt(&["install", "lab-dep"]).expect(0);
    assert_installed(&lab, "lab-dep", "2.0");
}

#[test]
fn upgrade_goes_to_the_candidate() {
    let Some((lab, main)) = machine() else { return };
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    main.serve(Repository::Later);
    let _ = lab.must(&["apt-get", "update"]);
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-app", "1.0");
    let _ = lab.apt(&["install", "lab-app", "--upgrade"]).expect(0);
    assert_installed(&lab, "lab-app", "2.0");
    assert_installed(&lab, "lab-dep", "2.0");
}

#[test]
fn no_update_asks_for_no_index() {
    let Some((lab, main)) = machine() else { return };
    let _ = lab.must(&["apt-get", "update"]);
    let before = main.requests(Mirror::IN_RELEASE);
    let _ = lab.apt(&["install", "lab-leaf", "--no-update"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(main.requests(Mirror::IN_RELEASE), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some((lab, main)) = updated() else { return };
    let before = (main.all_requests(), lab.read("/var/lib/dpkg/status"));
    let _ = lab.apt(&["install", "lab-app", "--dry-run"]).expect(0).says("lab-app").says("lab-dep");
    assert_eq!((main.all_requests(), lab.read("/var/lib/dpkg/status")), before);
    assert_untouched(&lab, "lab-app");
}

#[test]
fn a_broken_repository_stops_nothing_of_a_healthy_one() {
    for fault in [Behaviour::status(404), Behaviour::status(503), Behaviour::ResetBeforeHeaders] {
        let Some((lab, main)) = machine() else { return };
        let third = Mirror::start(&lab, Repository::Third);
        third.script_all(&fault);
        lab.sources(&[&main, &third]);
        let done = lab.apt(&["install", "lab-app", "--retries", "2"]).expect(0);
        assert!(done.stderr.contains("third.example.com"), "{fault:?} is not warned of:\n{}", done.stderr);
        assert_installed(&lab, "lab-app", "1.0");
    }
}

#[test]
fn what_only_a_broken_repository_has_fails() {
    let Some((lab, main)) = machine() else { return };
    let third = Mirror::start(&lab, Repository::Third);
    third.script_all(&Behaviour::status(503));
    lab.sources(&[&main, &third]);
    let _ = lab.apt(&["install", "lab-third", "--retries", "2"]).expect(1).says("third.example.com");
    assert_untouched(&lab, "lab-third");
}

#[test]
fn packages_are_fetched_eight_at_once() {
    let Some((lab, main)) = updated() else { return };
    // Its own by what both say of themselves: only then it is under `apt_repository`.
    lab.write("/etc/os-release", "ID=lab\n");
    let gate = Gate::new();
    for number in 1..=8 {
        let hold = Behaviour::Hold { after: 1000, gate: gate.clone() };
        main.script(&Mirror::deb(&format!("lab-big{number:02}"), "1.0"), [hold]);
    }
    let running = lab.begin_apt(&["install", "lab-big"]);
    gate.wait_until_reached_by(8);
    let held = main.log().exchanges.iter().filter(|seen| seen.request.path().contains("lab-big")).count();
    assert_eq!(held, 8, "eight and no more");
    gate.open();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-big08", "1.0");
    assert_eq!(package_requests(&main), 9);
}

#[test]
fn half_as_many_after_429_and_503() {
    // One answers that it is too much, while others take so long that each is seen beside the next.
    let slow = Behaviour::Trickle { after: 0, chunk: 400, gap: Duration::from_millis(30) };
    for status in [429, 503] {
        let Some((lab, main)) = updated() else { return };
        // Its own by what both say of themselves: only then it is under `apt_repository`.
        lab.write("/etc/os-release", "ID=lab\n");
        let names = (1..=30).map(|number| format!("lab-many{number:02}"));
        let paths: Vec<String> = names.map(|name| Mirror::deb(&name, "1.0")).collect();
        for path in &paths {
            main.script(path, [slow.clone()]);
        }
        main.script(&paths[2], [Behaviour::status(status), slow.clone()]);
        let _ = lab.apt(&["install", "lab-many"]).expect(0);
        let log = main.log();
        let is_package = |seen: &Exchange| seen.request.path().starts_with("/pool/");
        assert_eq!(log.most_at_once(is_package), 8, "{status}:\n{log}");
        // When it is asked for again, its first answer has been understood.
        let [_, again] = log.of(&paths[2])[..] else { panic!("{log}") };
        let later = |seen: &Exchange| is_package(seen) && seen.at > again.at;
        assert!(log.exchanges.iter().filter(|seen| later(seen)).count() > 10, "{log}");
        assert_eq!(log.most_at_once(later), 4, "{status}:\n{log}");
    }
}

#[test]
fn more_at_once_where_that_is_configured() {
    let Some((lab, main)) = updated() else { return };
    let services =
        "performance:\n  services:\n    external_downloads:\n      bulkhead: {max_concurrent: 8}\n";
    lab.write("/etc/vps-configurator/config.yaml", services);
    let gate = Gate::new();
    for number in 1..=30 {
        let hold = Behaviour::Hold { after: 100, gate: gate.clone() };
        main.script(&Mirror::deb(&format!("lab-many{number:02}"), "1.0"), [hold]);
    }
    let running = lab.begin_apt(&["install", "lab-many"]);
    gate.wait_until_reached_by(8);
    let held = main.log().exchanges.iter().filter(|seen| seen.request.path().contains("many")).count();
    // The one that needs them all is short, and may have come already.
    assert!((8..=9).contains(&held), "{held}");
    gate.open();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-many30", "1.0");
}

#[test]
fn no_request_once_dpkg_works() {
    let Some((lab, main)) = machine() else { return };
    let slow = lab.hold_slow();
    let mut running = lab.begin_apt(&["install", "lab-app", "lab-slow"]);
    slow.wait_until_reached_by(&mut running);
    // The network goes out of the game.
    let before = main.all_requests();
    main.script_all(&Behaviour::status(500));
    slow.release();
    let _ = running.wait().expect(0);
    assert_installed(&lab, "lab-slow", "1.0");
    assert_installed(&lab, "lab-app", "1.0");
    assert_eq!(main.all_requests(), before);
}

#[test]
fn a_file_source_falls_back_to_apt() {
    let Some((lab, main)) = machine() else { return };
    for path in [Mirror::index_path(), Mirror::IN_RELEASE.into(), Mirror::deb("lab-leaf", "1.0")] {
        lab.write(&format!("/srv/repository{path}"), main.content(&path).bytes());
    }
    lab.sources(&[]);
    let key = "/usr/share/keyrings/lab.gpg";
    lab.write("/etc/apt/sources.list", format!("deb [signed-by={key}] file:/srv/repository stable main\n"));
    let done = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert!(done.stderr.contains("file:"), "it is not said:\n{}", done.stderr);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert_eq!(main.all_requests(), 0);
}

#[test]
fn a_version_with_odd_characters_is_found() {
    let version = "1.0+deb12u1~lab";
    let Some((local, main)) = machine() else { return };
    for path in [Mirror::index_path(), Mirror::IN_RELEASE.into(), Mirror::deb("lab-plus", version)] {
        local.write(&format!("/srv/repository{path}"), main.content(&path).bytes());
    }
    local.sources(&[]);
    let key = "/usr/share/keyrings/lab.gpg";
    local.write("/etc/apt/sources.list", format!("deb [signed-by={key}] file:/srv/repository stable main\n"));
    let _ = local.apt(&["install", "lab-plus"]).expect(0);
    assert_installed(&local, "lab-plus", version);
}

#[test]
fn docker_clean_takes_nothing_away() {
    let Some((lab, main)) = machine() else { return };
    let clean = "{ \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };\n";
    let text =
        format!("DPkg::Post-Invoke {clean}APT::Update::Post-Invoke {clean}Dir::Cache::pkgcache \"\";\n");
    lab.write("/etc/apt/apt.conf.d/docker-clean", text);
    let _ = lab.apt(&["install", "lab-app"]).expect(0);
    assert_installed(&lab, "lab-app", "1.0");
    assert_eq!(package_requests(&main), 2);
}

#[test]
fn passwords_of_sources_are_not_shown() {
    let Some((lab, main)) = machine() else { return };
    let source = lab.path("/etc/apt/sources.list.d/0-main.example.com.sources");
    let text = fs::read_to_string(&source).unwrap().replace("http://", "http://user:canary@");
    fs::write(&source, text).unwrap();
    let deb = Mirror::deb("lab-leaf", "1.0");
    let accept = "Basic dXNlcjpjYW5hcnk=".to_owned();
    main.script(&deb, [Behaviour::AuthRequired { accept }]);
    let done = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_installed(&lab, "lab-leaf", "1.0");
    assert!(!done.text().contains("canary"), "{}", done.text());
    main.script(&Mirror::deb("lab-dep", "1.0"), [Behaviour::status(403)]);
    let failed = lab.apt(&["install", "lab-dep", "--json"]).expect(1);
    assert!(!failed.text().contains("canary"), "{}", failed.text());
    // Nor is it anywhere that was not so before: apt has it in its sources alone.
    let found = lab.run(&["grep", "-rl", "canary", "/etc", "/var", "/root", "/run", "/tmp"]);
    assert_eq!(found.stdout.trim(), "/etc/apt/sources.list.d/0-main.example.com.sources");
}

#[test]
fn an_install_in_json() {
    let Some((lab, _main)) = updated() else { return };
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    for (args, schema) in [(&["install", "lab-app", "-n"][..], "apt.preview"), (&["update", "-n"], "preview")]
    {
        let done = lab.apt(&[args, &["--json"]].concat()).expect(0);
        assert_eq!(tests::schema::check(&read(&done.stdout)), schema);
    }
    let done = lab.apt(&["install", "lab-app", "--json"]).expect(0);
    let report = read(&done.stdout);
    let text = report.to_string();
    assert_eq!(tests::schema::check(&report), "apt.install");
    assert!(text.contains("lab-app") && text.contains("1.0"), "{report}");
    let failed = lab.apt(&["install", "lab-no-such-thing", "--json"]).expect(1);
    // Log lines may stand before it.
    let error = read(failed.stderr.lines().last().unwrap());
    assert_eq!(tests::schema::check(&error), "error");
    assert_eq!(error["code"], 1, "{error}");
}
