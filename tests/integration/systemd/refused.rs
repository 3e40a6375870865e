//! What systemd does not do, in our words and its own.

use std::os::unix::fs::symlink;

use crate::booted::Booted;

#[test]
fn what_cannot_be_had_is_said() {
    let broken = "[Service]\nType=oneshot\nExecStart=/bin/false\n";
    let units = [
        ("static.service", "[Service]\nExecStart=/bin/sleep infinity\n"),
        ("broken.service", broken),
        ("bad.service", "[Service]\nType=simple\n"),
    ];
    let Some(booted) = Booted::with(&units) else { return };
    symlink("/dev/null", booted.lab.path("etc/masked.service")).unwrap();
    for (unit, keys, why) in [
        ("nowhere", "state: started", "systemd has no unit nowhere.service"),
        ("masked", "state: started", "masked.service is masked, so that nothing starts it"),
        ("static", "enabled: true", "static.service cannot be enabled: it has no [Install] section"),
        ("bad", "state: started", "systemd cannot load bad.service: bad-setting"),
        ("broken", "state: started", "systemd could not start broken.service"),
    ] {
        let said = booted.apply(&format!("  - {{id: it, systemd: {{unit: {unit}, {keys}}}}}\n"));
        assert_eq!(said.code, 1, "{unit}: {}", said.err);
        assert!(said.err.contains(&format!("error: plan.yaml:4: it: {why}\n")), "{unit}: {}", said.err);
        assert!(said.err.contains(&format!("{unit}.service")), "{}", said.err);
    }
    // Its own words come with it.
    let said = booted.run(&["apply", "plan.yaml"]);
    assert!(said.err.contains("  | ") && said.err.contains("status=1/FAILURE"), "{}", said.err);
    // What has done its work is no failure.
    booted.unit("broken.service", &broken.replace("/bin/false", "/bin/true"));
    assert_eq!(booted.systemctl(&["daemon-reload"]).code, 0);
    let said = booted.run(&["apply", "plan.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
