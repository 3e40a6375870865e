//! What this machine's apt.conf, proxies and kinds of repositories change, and must not.

use tests::apt::{Mirror, Repository};
use tests::server::Behaviour;

use super::{assert_installed, machine, updated};

#[test]
fn apt_conf_may_be_as_quiet_as_it_likes() {
    for quiet in ["1", "2"] {
        let Some((lab, _main)) = machine() else { return };
        lab.write("/etc/apt/apt.conf.d/99quiet", format!("quiet \"{quiet}\";\n"));
        let _ = lab.apt(&["update"]).expect(0).says("1 repository read");
        let _ = lab.apt(&["install", "--dry-run", "lab-app"]).expect(0).says("would install lab-dep");
        let done = lab.apt(&["install", "lab-app", "--json"]).expect(0);
        let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(report["unchanged"], false, "{report}");
        assert_installed(&lab, "lab-app", "1.0");
    }
}

#[test]
fn a_failing_hook_on_a_new_machine_is_warned_of() {
    let Some((lab, _main)) = machine() else { return };
    lab.write("/etc/apt/apt.conf.d/99hook", "APT::Update::Post-Invoke { \"false\"; };\n");
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0).says("APT::Update::Post-Invoke");
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn a_dead_proxy_is_named() {
    let Some((lab, main)) = machine() else { return };
    lab.write("/etc/apt/apt.conf.d/01proxy", "Acquire::http::Proxy \"http://localhost:9\";\n");
    let failed = lab.apt(&["update", "--retries", "4"]).expect(1);
    let _ = failed.says("leads over localhost:9").says("proxy");
    assert_eq!(main.all_requests(), 0);
    // The repository's circuit is none of the proxy's business.
    lab.write("/etc/apt/apt.conf.d/01proxy", "");
    let _ = lab.apt(&["update"]).expect(0);
}

#[test]
fn direct_wins_over_the_environment() {
    let Some((lab, main)) = machine() else { return };
    let host = main.host();
    for (package, said) in [
        ("lab-leaf", "Acquire::http::Proxy \"DIRECT\";\n".to_owned()),
        ("lab-dep", format!("Acquire::http::Proxy::{host} \"DIRECT\";\n")),
    ] {
        lab.write("/etc/apt/apt.conf.d/01proxy", said);
        let install = ["env", "http_proxy=http://localhost:9", "vps-configurator", "apt", "install", package];
        let _ = lab.run(&install).expect(0);
        assert_installed(&lab, package, "1.0");
    }
}

#[test]
fn lists_without_inrelease_are_lists() {
    let Some((lab, main)) = updated() else { return };
    // As an update leaves them where there is a Release with its signature beside it.
    let place = main.url().trim_start_matches("http://").replace('/', "_");
    let lists = format!("/var/lib/apt/lists/{place}dists_stable_");
    lab.must(&["mv", &format!("{lists}InRelease"), &format!("{lists}Release")]);
    lab.must(&["rm", "/var/cache/vps-configurator/updated"]);
    lab.write(
        "/etc/apt/sources.list.d/0-main.example.com.sources",
        format!("Types: deb\nURIs: {}\nSuites: stable\nComponents: main\nTrusted: yes\n", main.url()),
    );
    main.script_all(&Behaviour::status(503));
    main.script(&Mirror::deb("lab-leaf", "1.0"), []);
    let _ = lab.apt(&["install", "lab-leaf", "--retries", "1"]).expect(0).says("main.example.com");
    assert_installed(&lab, "lab-leaf", "1.0");
}

#[test]
fn apt_gets_warnings_are_passed_on() {
    let Some((lab, main)) = machine() else { return };
    let source = "/etc/apt/sources.list.d/0-main.example.com.sources";
    lab.write(source, lab.read(source).replace("Components: main", "Components: main contirb"));
    let _ = lab.apt(&["update"]).expect(0).says("contirb");
    let done = lab.apt(&["update", "--json"]).expect(0);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(report["warnings"].to_string().contains("contirb"), "{report}");
    assert!(main.requests(Mirror::IN_RELEASE) > 0);
}

/// What dpkg has of a version that no rule of Debian's allows, and that apt-get would take for something else.
#[test]
fn a_version_that_apt_get_cannot_be_told_stays_or_is_named() {
    let Some((lab, main)) = updated() else { return };
    let _ = lab.apt(&["install", "lab-leaf", "lab-dep"]).expect(0);
    let status = lab.read("/var/lib/dpkg/status");
    let odd: Vec<String> = status
        .split("\n\n")
        .map(|stanza| match stanza.trim_start().split('\n').next() {
            Some("Package: lab-leaf" | "Package: lab-dep") => {
                stanza.replace("Version: 1.0", "Version: 1.0*x")
            }
            _ => stanza.to_owned(),
        })
        .collect();
    lab.write("/var/lib/dpkg/status", odd.join("\n\n"));
    main.serve(Repository::Later);
    let _ = lab.apt(&["update"]).expect(0);
    // By its plain name it would become 2.0.
    let _ = lab.apt(&["install", "lab-leaf", "lab-conf"]).expect(0);
    assert_installed(&lab, "lab-conf", "2.0");
    assert_eq!(lab.installed("lab-leaf").as_deref(), Some("1.0*x"));
    // What needs a newer one of it is not had behind its back.
    let preview = lab.apt(&["install", "--dry-run", "lab-dep", "lab-app"]).expect(1);
    let failed = lab.apt(&["install", "lab-dep", "lab-app"]).expect(1);
    for said in [preview, failed] {
        let _ = said.says("`lab-dep` would change, though it is there").says("its version `1.0*x`");
    }
    assert_eq!((lab.installed("lab-dep").as_deref(), lab.installed("lab-app")), (Some("1.0*x"), None));
}

#[test]
fn a_version_may_end_in_a_plus() {
    let Some((lab, _main)) = updated() else { return };
    let _ = lab.apt(&["install", "--dry-run", "lab-end=1.0+"]).expect(0).says("would install lab-end 1.0+");
    // apt-get drops the `+` of what it does not find, and would install 1.0.
    let _ = lab
        .apt(&["install", "lab-leaf=1.0+"])
        .expect(1)
        .says("no repository has version `1.0+` of `lab-leaf`");
    assert_eq!(lab.installed("lab-leaf"), None);
}

#[test]
fn lists_are_as_old_as_is_configured() {
    let Some((lab, main)) = updated() else { return };
    let asked = || main.requests(Mirror::IN_RELEASE);
    let before = asked();
    let _ = lab.apt(&["install", "lab-leaf"]).expect(0);
    assert_eq!(asked(), before, "ten minutes are not over");
    lab.write("/etc/vps-configurator/config.yaml", "apt: {cache_valid: 0}\n");
    let _ = lab.apt(&["install", "lab-dep"]).expect(0);
    assert!(asked() > before, "old at once");
}
