//! A plan's text, and what becomes of it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::*;

pub(super) fn facts() -> Facts {
    Facts {
        os: "debian".into(),
        os_version: "12".into(),
        codename: "bookworm".into(),
        arch: "amd64".into(),
        hostname: "host".into(),
        container: false,
        root: true,
    }
}

fn read(text: &str) -> Result<(Plan, Vec<Hint>), InvalidPlan> {
    let origin = Origin { path: Some("/srv/plan.yaml".into()), folder: "/srv".into() };
    Plan::parse(text, &origin, &facts(), &["node_repo"])
}

pub(super) fn problems(text: &str) -> Vec<String> {
    let problems = read(text).map_or_else(|invalid| invalid.problems, |_| Vec::new());
    problems.iter().map(ToString::to_string).collect()
}

const BEFORE: &str =
    "version: 1\nname: x\nvars: {release: '1.4'}\nsecrets: {token: {env: T}}\nsteps:\n- id: a\n  ";

/// With the places within the step's own lines.
pub(super) fn problems_of_step(lines: &str) -> Vec<String> {
    let found = read(&format!("{BEFORE}{lines}\n")).map_or_else(|invalid| invalid.problems, |_| Vec::new());
    let lines_before = u32::try_from(BEFORE.lines().count()).unwrap() - 1;
    let moved = found.into_iter().map(|mut problem| {
        problem.place.line -= lines_before;
        if problem.place.line == 1 {
            problem.place.column -= 2;
        }
        problem.to_string().replace("steps[0].", "")
    });
    moved.collect()
}

fn plan(text: &str) -> Plan {
    read(text).unwrap_or_else(|invalid| panic!("{:#?}\n{text}", invalid.problems)).0
}

fn step(lines: &str) -> Step {
    plan(&format!("{BEFORE}{lines}\n")).steps.remove(0)
}

fn json(lines: &str) -> String {
    serde_json::to_string(&step(lines).action).unwrap()
}

fn hints(text: &str) -> Vec<String> {
    let hints = read(text).unwrap_or_else(|invalid| panic!("{invalid:?}")).1;
    let shown = hints
        .iter()
        .map(|hint| format!("{}:{}: {}: {}", hint.place.line, hint.place.column, hint.key, hint.kind));
    shown.collect()
}

const EXAMPLE: &str = r#"
# yaml-language-server: $schema=./plan.schema.json
version: 1
name: web
vars: {release: "1.4.2", base: https://example.com/app}
secrets: {token: {file: /etc/app/token}}
steps:
  - id: online
    gate: {connect: "example.com:443", wait: 5m}
  - id: base
    packages: [curl, jq, nginx=1.22*]
  - id: docker-repo
    when: {os: [debian, ubuntu], arch: [amd64, arm64]}
    apt_repository:
      uris: ["https://download.example.com/linux/${fact.os}"]
      suites: ["${fact.codename}"]
      components: [stable]
      key: {url: "https://download.example.com/key.asc", sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
  - id: docker
    needs: [docker-repo]
    packages: [docker-ce]
    on_failure: continue
  - id: app
    needs: [online]
    download:
      url: ${base}/app-${release}-${fact.arch}.tar.gz
      sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
      headers: {Authorization: "Bearer ${secret.token}"}
      unpack: {to: /opt/app, strip: 1}
  - id: themes
    git: {url: https://example.com/themes.git, dest: /opt/themes, commit: 6f1ed002ab5595859014ebf0951522d9b8a6f2a1}
  - id: conf
    file: {dest: /etc/nginx/conf.d/app.conf, source: files/app.conf, mode: "0644"}
  - id: migrate
    needs: [app, conf]
    command: {argv: [/opt/app/bin/migrate, --to, "${release}"], once: true}
  - id: nginx
    systemd: {unit: nginx, state: reloaded, enabled: true, on_change: [conf, app]}
"#;

#[test]
fn a_plan_is_read_and_filled_in() {
    let (plan, hints) = read(EXAMPLE).unwrap();
    assert_eq!(hints, []);
    assert_eq!((plan.name.as_str(), plan.steps.len()), ("web", 9));
    assert_eq!(plan.path.as_deref(), Some(Path::new("/srv/plan.yaml")));
    let step = |id: &str| plan.step(&id.parse().unwrap()).unwrap();
    assert_eq!(step("online").place, Place { line: 8, column: 5 });
    let Action::Gate(gate) = &step("online").action else { panic!() };
    assert_eq!(gate, &Gate::new(GateCheck::Connect("example.com:443".into()), Duration::from_secs(300)));
    let Action::AptRepository(repository) = &step("docker-repo").action else { panic!() };
    assert_eq!(repository.uris, ["https://download.example.com/linux/debian"]);
    assert_eq!(
        (&*repository.name, &*repository.types, &*repository.suites),
        ("docker-repo", &["deb".to_owned()][..], &["bookworm".to_owned()][..])
    );
    let Action::Download(download) = &step("app").action else { panic!() };
    assert_eq!(download.url, "https://example.com/app/app-1.4.2-amd64.tar.gz");
    assert!(download.checksum.as_deref().unwrap().starts_with("sha256:2c26"));
    assert_eq!(download.headers[0].1.to_string(), "Bearer ${secret.token}");
    assert_eq!(download.headers[0].1.secrets().count(), 1);
    assert_eq!(step("app").needs, Needs::Steps(vec!["online".parse().unwrap()]));
    assert_eq!(step("docker").on_failure, OnFailure::Continue);
    let Action::File(file) = &step("conf").action else { panic!() };
    assert_eq!((&file.body, file.mode), (&Body::Source("/srv/files/app.conf".into()), 0o644));
    let Action::Systemd(unit) = &step("nginx").action else { panic!() };
    assert_eq!((&*unit.unit, unit.on_change.len()), ("nginx.service", 2));
    assert_eq!(step("nginx").needs, Needs::Order);
    assert_eq!(plan.sources().map(|(_, path)| path).collect::<Vec<_>>(), [Path::new("/srv/files/app.conf")]);
}

#[test]
fn json_is_yaml() {
    let text = r#"{"version": 1, "steps": [{"id": "a", "packages": {"names": ["jq"], "upgrade": true}}]}"#;
    let plan = plan(text);
    assert_eq!(plan.name, "/srv/plan.yaml");
    assert_eq!(
        serde_json::to_string(&plan.steps[0].action).unwrap(),
        r#"{"packages":{"names":["jq"],"upgrade":true}}"#
    );
}

#[test]
fn a_value_is_put_in_once_and_is_never_looked_through() {
    let text = |value: &str| {
        format!(
            "version: 1\nvars: {{v: '{value}', w: no}}\nsteps:\n- {{id: a, command: {{argv: [x, '${{v}}', 'a${{v}}$${{w}}'], always: true}}}}\n"
        )
    };
    for value in ["${w}", "$${w}", "$", "a: b, c", "${fact.os}", "-x", "${v}"] {
        let Action::Command(command) = &plan(&text(value)).steps[0].action else { panic!() };
        assert_eq!(
            command.line,
            CommandLine::Argv(vec!["x".into(), value.into(), format!("a{value}${{w}}")])
        );
    }
    assert_eq!(
        hints(&text("${w}")),
        ["2:11: vars.v: `${w}` stays as it is: values are filled in once, and are not looked through again"]
    );
    let mut dice = fastrand::Rng::with_seed(3);
    let letters: Vec<char> = "w${}v.a".chars().collect();
    for _ in 0..2_000 {
        let value: String = (0..dice.usize(1..12)).filter_map(|_| dice.choice(&letters)).collect();
        let Action::Command(command) = &plan(&text(&value)).steps[0].action else { panic!() };
        assert!(matches!(&command.line, CommandLine::Argv(argv) if argv[1] == value), "{value}");
    }
}

#[test]
fn scalars_are_taken_as_they_are_written() {
    let text = "version: 1\nvars: {a: 1.10, b: 0644, c: yes, d: true, e: 1e3}\nsteps:\n- {id: a, command: {argv: [x, '${a}', '${b}', '${c}', '${d}', '${e}', 007, false], always: true}}\n";
    let Action::Command(command) = &plan(text).steps[0].action else { panic!() };
    let words = ["x", "1.10", "0644", "yes", "true", "1e3", "007", "false"].map(String::from);
    assert_eq!(command.line, CommandLine::Argv(words.to_vec()));
}

#[test]
fn a_shell_has_the_variables_that_it_names_in_its_environment() {
    let of = |line: &str| match step(line).action {
        Action::Command(command) => command,
        _ => panic!(),
    };
    let command = of("command: {shell: 'echo ${release} $fact_os $other', always: true}");
    assert_eq!(
        command.line,
        CommandLine::Shell { text: "echo ${release} $fact_os $other".into(), bash: false }
    );
    let env: Vec<_> = command.env.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    assert_eq!(env, [("fact_os", "debian".to_owned()), ("release", "1.4".to_owned())]);
    // What it does not name does not make it another step.
    assert!(of("command: {shell: 'true', always: true}").env.is_empty());
    // What the step says holds.
    let own = of("command: {shell: 'echo $release', env: {release: 'x${secret.token}'}, always: true}");
    assert_eq!(own.env["release"].to_string(), "x${secret.token}");
    let filled =
        of("command: {shell: 'echo ${release}', expand: true, unless: 'test $release', always: false}");
    assert_eq!(filled.line, CommandLine::Shell { text: "echo 1.4".into(), bash: false });
    assert_eq!(filled.guards.unless, Some(CommandLine::Shell { text: "test $release".into(), bash: false }));
    assert_eq!(filled.env.len(), 1, "the guard names it");
}

#[test]
fn a_files_content_is_as_it_stands_unless_told() {
    let of = |line: &str| match step(line).action {
        Action::File(file) => (file.body, file.mode),
        _ => panic!(),
    };
    assert_eq!(
        of("file: {dest: a, content: '${release} ${x:-1}'}"),
        (Body::Content("${release} ${x:-1}".into()), 0o644)
    );
    assert_eq!(
        of("file: {dest: a, content: '${release}', expand: true}"),
        (Body::Content("1.4".into()), 0o644)
    );
    let (body, mode) = of("file: {dest: a, content: 'k=${secret.token}', expand: true}");
    assert_eq!(
        body,
        Body::Content(SecretText::new([Part::Text("k=".into()), Part::Secret("token".parse().unwrap())]))
    );
    assert_eq!(mode, 0o600, "a secret is in it");
    assert_eq!(of("file: {dest: a, content: '${secret.token}', expand: true, mode: '640'}").1, 0o640);
    let text = format!("{BEFORE}file: {{dest: a, content: 'a ${{release}}'}}\n");
    assert_eq!(
        hints(&text),
        [
            "7:31: steps[0].file.content: `${release}` stays as it is here; `expand: true` beside it fills it in"
        ]
    );
}

#[test]
fn a_step_is_done_for_each_item() {
    let text = "version: 1\nname: x\nsteps:\n- {id: site, was: old, each: [a, b c], when: {var: {item: a}}, file: {dest: 'sites/${item}', content: x}}\n- {id: one, needs: ['site[a]'], packages: [jq]}\n- {id: all, needs: [site, 'site[a]'], packages: [jq]}\n- {id: unit, systemd: {unit: x, on_change: [site]}}\n";
    let plan = plan(text);
    let ids: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["site[a]", "site[b c]", "one", "all", "unit"]);
    assert_eq!(plan.steps[1].was.as_ref().unwrap().as_str(), "old[b c]");
    let Action::File(file) = &plan.steps[1].action else { panic!() };
    assert_eq!(file.dest, Path::new("/srv/sites/b c"));
    assert_eq!(
        plan.steps.iter().map(|step| step.is_wanted(&plan.facts)).collect::<Vec<_>>(),
        [Some(true), Some(false), Some(true), Some(true), Some(true)]
    );
    let needs = |index: usize| match &plan.steps[index].needs {
        Needs::Steps(needs) => needs.iter().map(StepId::as_str).collect::<Vec<_>>(),
        Needs::Order => panic!(),
    };
    assert_eq!(needs(2), ["site[a]"]);
    assert_eq!(needs(3), ["site[a]", "site[b c]"]);
    let Action::Systemd(unit) = &plan.steps[4].action else { panic!() };
    assert_eq!(unit.on_change.len(), 2);
}

#[test]
fn what_holds_for_all_steps_holds_unless_one_says_otherwise() {
    let text = "version: 1\ndefaults: {retries: 5, timeout: 1m, on_failure: stop, circuit: github}\nsteps:\n- {id: a, packages: [jq]}\n- {id: b, packages: [jq], retries: 1, timeout: 2m, on_failure: continue, circuit: own}\n";
    let said: Vec<_> = plan(text)
        .steps
        .iter()
        .map(|step| {
            let circuit = step.circuit.as_ref().map(ToString::to_string).unwrap();
            (step.attempts.unwrap().get(), step.timeout.unwrap().as_secs(), step.on_failure, circuit)
        })
        .collect();
    assert_eq!(
        said,
        [(5, 60, OnFailure::Stop, "github".to_owned()), (1, 120, OnFailure::Continue, "own".to_owned())]
    );
}

#[test]
fn conditions_are_known_as_far_as_facts_go() {
    let known = |when: &str| step(&format!("when: {when}\n  packages: [jq]")).is_wanted(&facts());
    for (when, is) in [
        ("{os: debian, arch: [arm64, amd64]}", Some(true)),
        ("{os: ubuntu}", Some(false)),
        ("{os_version: 12, codename: bookworm, root: true, container: false}", Some(true)),
        ("{var: {release: ['1.3', 1.4]}}", Some(true)),
        ("{var: {release: 1.3}}", Some(false)),
        ("{exists: /a}", None),
        ("{os: ubuntu, missing: a}", Some(false)),
        ("{not: {os: ubuntu}}", Some(true)),
        ("{not: {os: debian, exists: /a}}", None),
        ("{any: [{os: ubuntu}, {root: true}]}", Some(true)),
        ("{any: [{os: ubuntu}, {exists: /a}]}", None),
        ("{any: [{os: ubuntu}]}", Some(false)),
    ] {
        assert_eq!(known(when), is, "{when}");
    }
    assert_eq!(
        step("when: {exists: [a, ./b/, /c]}\n  packages: [jq]").when,
        [Condition::Exists(vec!["/srv/a".into(), "/srv/b".into(), "/c".into()])]
    );
}

#[test]
fn paths_below_what_another_step_makes_are_told_of() {
    let text = |needs: &str| {
        format!(
            "version: 1\nname: x\nsteps:\n- {{id: site, git: {{url: https://example.com/s.git, dest: /srv/site}}}}\n- {{id: mid, needs: [site], packages: [jq]}}\n- {{id: conf, {needs}file: {{dest: site/conf, content: x}}}}\n"
        )
    };
    assert_eq!(
        hints(&text("")),
        [
            "6:8: steps[2].id: /srv/site/conf is made by the step `site`: name it in `needs`, or this is also tried where that one failed"
        ]
    );
    assert_eq!(hints(&text("needs: [mid], ")), <[&str; 0]>::default());
    // Also of what makes a folder itself.
    let inner = text("").replace(
        "file: {dest: site/conf, content: x}",
        "git: {url: https://example.com/c.git, dest: site/conf}",
    );
    assert_eq!(hints(&inner), hints(&text("")));
}

#[test]
fn a_gate_that_no_step_needs_is_told_of_where_it_looks_as_if_it_held_others_back() {
    let text = |gate: &str, other: &str| {
        format!(
            "version: 1\nname: x\nsteps:\n- {{id: net, {gate}gate: {{dns: example.com}}}}\n- {{id: b, {other}packages: [jq]}}\n- {{id: end, gate: {{dns: example.com}}}}\n"
        )
    };
    let told = [
        "4:8: steps[0].id: no step needs this gate, so nothing is held back when it fails: write `needs: [net]` in those that are to wait for it, or `on_failure: stop` here",
    ];
    assert_eq!(hints(&text("", "")), told, "but not of the last one, which nothing comes after");
    assert_eq!(hints(&text("", "needs: [], ")), told);
    let nothing = <[&str; 0]>::default();
    assert_eq!(hints(&text("", "needs: [net], ")), nothing);
    assert_eq!(hints(&text("on_failure: stop, ", "")), nothing);
    assert_eq!(hints(&text("on_failure: continue, ", "")), nothing, "that is what it says");
    let each = text("each: [a, b], ", "needs: [net], ");
    assert_eq!(hints(&each), nothing, "its name stands for all of its items");
    assert_eq!(
        hints(&each.replace("[net]", "['net[a]']")),
        [told[0].replace("4:8: steps[0].id", "4:23: steps[0].each[1]").replace("[net]", "[\"net[b]\"]")]
    );
}

#[test]
fn a_source_that_is_not_there_is_told_of_unless_a_step_before_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    std::fs::write(folder.join("there"), "x").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
    let origin = Origin { path: None, folder: folder.clone() };
    let env = crate::env::Env::real();
    let missed = |steps: &str| {
        let text = format!("version: 1\nname: x\nsteps:\n{steps}");
        let (plan, _) = Plan::parse(&text, &origin, &facts(), &[]).unwrap();
        let missed = plan.missing_sources(&**env.fs(), &text).into_iter().map(|hint| hint.to_string());
        missed.map(|said| said.replace(folder.to_str().unwrap(), "F")).collect::<Vec<_>>()
    };
    let conf = "- {id: conf, file: {dest: out, source: in/a}}\n";
    let of = |place: &str, key: &str, path: &str, why: &str| {
        format!("{place}: steps[{key}: {path} is not there on this machine, and {why}")
    };
    let (put, made) = (
        "no step before makes it: the step fails unless it is put there",
        "is to be made by a command, a module or a package before: no step says that it makes it",
    );
    let told = of("4:40", "0].file.source", "F/in/a", put);
    assert_eq!(missed(conf), std::slice::from_ref(&told));
    // Each source, and the items of a step once.
    assert_eq!(
        missed(
            "- {id: a, file: {dest: out, source: there}}\n- {id: b, file: {dest: b, source: dangling}}\n- {id: c, each: [x, y], file: {dest: '${item}', source: s}}\n- {id: d, apt_repository: {uris: 'https://example.com', suites: s, components: m, key: {file: k.asc}}}\n"
        ),
        [
            of("5:35", "1].file.source", "F/dangling", put),
            of("6:57", "2].file.source", "F/s", put),
            of("7:95", "3].apt_repository.key.file", "F/k.asc", put),
        ]
    );
    // What is not done here, or only where something is there, misses nothing.
    for when in ["{os: plan9}", "{exists: in/a}"] {
        let conf = conf.replace("conf,", &format!("conf, when: {when},"));
        assert_eq!(missed(&conf), <[&str; 0]>::default(), "{when}");
    }
    let after = |step: &str| missed(&format!("- {{id: m, {step}}}\n{conf}"));
    for maker in [
        "git: {url: 'https://example.com/r.git', dest: in}",
        "download: {url: 'https://example.com/a', dest: in/a}",
        "download: {url: 'https://example.com/a.zip', unpack: {to: in}}",
        "file: {dest: in/a, content: x}",
        "command: {argv: [make], creates: in}",
    ] {
        assert_eq!(after(maker), <[&str; 0]>::default(), "{maker}");
        // Nobody says that it comes before.
        let alone = conf.replace("conf,", "conf, needs: [],");
        let step = format!("- {{id: m, {maker}}}\n{alone}");
        assert_eq!(missed(&step).len(), 1, "{maker}");
        // It comes after; or it stands below, and is needed.
        let step = format!("{conf}- {{id: m, {maker}}}\n");
        assert_eq!(missed(&step), std::slice::from_ref(&told), "{maker}");
        let conf = alone.replace("[]", "[b]");
        let b = "- {id: b, needs: [m], packages: [jq]}";
        let step = format!("{conf}{b}\n- {{id: m, needs: [], {maker}}}\n");
        assert_eq!(missed(&step), <[&str; 0]>::default(), "{maker}");
    }
    for maker in ["command: {argv: [make], always: true}", "packages: [jq]"] {
        assert_eq!(after(maker), [of("5:40", "1].file.source", "F/in/a", made)], "{maker}");
    }
    for other in ["gate: {dns: example.com}", "command: {argv: [make], creates: inn}"] {
        assert_eq!(after(other).len(), 1, "{other}");
    }
}

#[test]
fn a_path_that_two_steps_make_is_told_of_but_not_where_each_has_its_condition() {
    let text = |first: &str, second: &str| {
        format!("version: 1\nname: x\nsteps:\n- {{id: a, {first}}}\n- {{id: b, {second}}}\n")
    };
    let (file, when) = ("file: {dest: /srv/x, content: y}", "when: {os: debian}, ");
    let site = "download: {url: https://example.com/s.zip, dest: ./z, unpack: {to: x}}";
    let told = [
        "5:8: steps[1].id: /srv/x is what the step `a` makes, too: each run does both again, and one of them stays",
    ];
    assert_eq!(hints(&text(file, file)), told);
    assert_eq!(hints(&text(site, file)), told);
    assert_eq!(hints(&text(&format!("{when}{file}"), file)), told, "it may hold");
    assert_eq!(hints(&text(&format!("{when}{file}"), &format!("{when}{file}"))), <[&str; 0]>::default());
    assert_eq!(hints(&text(file, "file: {dest: /srv/xy, content: y}")), <[&str; 0]>::default());
}

#[test]
fn actions_are_the_same_for_the_same_work() {
    assert_eq!(
        json("git: {url: ./repo, dest: x/../r, full: true}"),
        r#"{"git":{"url":"/srv/repo","dest":"/srv/x/../r","branch":null,"commit":null,"depth":null,"full":true,"submodules":false,"update":false}}"#
    );
    assert_eq!(
        json("module: {name: node_repo, with: {major: 20, tag: '${release}', list: [1.5, ~, true, 0644]}}"),
        r#"{"module":{"name":"node_repo","with":{"list":[1.5,null,true,"0644"],"major":20,"tag":"1.4"}}}"#
    );
    assert_eq!(
        json("command: {argv: [a], creates: b, cwd: c, user: www-data, once: boot, idempotent: true}"),
        r#"{"command":{"line":{"argv":["a"]},"guards":{"creates":"/srv/b","removes":null,"unless":null,"only_if":null,"on_change":[],"once":"boot","idempotent":true,"always":false},"cwd":"/srv/c","env":{},"user":"www-data"}}"#
    );
}

#[test]
fn limits_hold() {
    let step = "steps: [{id: a, packages: [jq]}]\n";
    let padded = |bytes: usize| {
        let mut text = format!("version: 1\n{step}#");
        text.push_str(&"x".repeat(bytes - text.len()));
        text
    };
    assert!(read(&padded(4 << 20)).is_ok());
    assert_eq!(problems(&padded((4 << 20) + 1)), ["1:1: a plan has at most 4 MiB"]);
    let deep =
        |levels: usize| format!("version: 1\nvars: {}{}\n{step}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(problems(&deep(15)), ["2:7: vars: expected a group of keys, found a list"]);
    assert_eq!(
        problems(&deep(16)),
        ["2:22: vars[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: a plan is at most 16 levels deep"]
    );
    // Nested so far that nothing but a limit ends it.
    assert_eq!(problems(&"[".repeat(100_000)).len(), 1);
    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        writeln!(bomb, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", ")).unwrap();
    }
    assert_eq!(
        problems(&bomb),
        ["6:10: a5[0]: a plan has at most 200,000 values and keys, counting what aliases stand for"]
    );
    // Deep by what aliases stand for.
    let nested = (1..20).fold("a0: &a0 x\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{}]\n", level - 1)
    });
    assert_eq!(problems(&nested), ["17:12: a16[0]: a plan is at most 16 levels deep"]);
    let many = |steps: usize| {
        let items = (0..steps).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        format!("version: 1\nsteps:\n- {{id: a, each: [{items}], packages: [jq]}}\n")
    };
    assert_eq!(plan(&many(10_000)).steps.len(), 10_000);
    assert_eq!(
        problems(&many(10_001)),
        ["3:3: steps[0]: a plan has at most 10,000 steps, counting those of each item"]
    );
    // A long value that is used often.
    let items = (0..9_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let long = format!(
        "version: 1\nvars: {{v: {}}}\nsteps:\n- {{id: a, each: [{items}], command: {{argv: [x, '${{v}}'], always: true}}}}\n",
        "x".repeat(100_000)
    );
    assert_eq!(
        problems(&long),
        ["4:52929: steps[0].command.argv[1]: filled in, a plan has at most 64 MiB of text"]
    );
}

#[test]
fn aliases_stand_for_what_they_name() {
    let text = "version: 1\nsteps:\n- id: a\n  download: &d {url: https://example.com/a, dest: &x /a}\n- {id: b, download: *d}\n- {id: c, file: {dest: *x, content: y}}\n";
    let plan = plan(text);
    assert_eq!(plan.steps[0].action, plan.steps[1].action);
    assert_eq!(
        problems(
            "version: 1\nsteps: [{id: a, download: {<<: {url: x}, url: https://example.com/a, dest: /a}}]"
        ),
        ["2:28: steps[0].download.<<: there is no key `<<` here",]
    );
    assert_eq!(problems("a: &a [*a]"), ["1:8: a[0]: the alias stands in what it stands for"]);
}

#[test]
fn nothing_panics_and_each_problem_has_a_place_in_the_text() {
    let mut dice = fastrand::Rng::with_seed(11);
    let words = [
        "version: 1\n",
        "steps:\n",
        "- id: a\n",
        "  ",
        "- ",
        "${",
        "}",
        ": ",
        "[",
        "]",
        "{",
        ",",
        "'",
        "\"",
        "*a",
        "&a ",
        "|\n",
        "\n",
        "é",
        "packages",
        "\t",
        "!x ",
        "? ",
        "---\n",
        "needs: [a]",
        "each: [a, b]",
        "%YAML",
        "\u{0}",
        "\u{202e}",
    ];
    let example: Vec<char> = EXAMPLE.chars().collect();
    for round in 0..1_500 {
        let text: String = if round % 2 == 0 {
            (0..dice.usize(..30)).filter_map(|_| dice.choice(words)).collect()
        } else {
            let at = dice.usize(..example.len());
            let cut = dice.usize(..8);
            let new = dice.choice(words).unwrap();
            example[..at]
                .iter()
                .copied()
                .chain(new.chars())
                .chain(example[(at + cut).min(example.len())..].iter().copied())
                .collect()
        };
        let Err(invalid) = read(&text) else { continue };
        assert!(!invalid.problems.is_empty());
        let lines = u32::try_from(text.split('\n').count()).unwrap();
        for problem in &invalid.problems {
            let Place { line, column } = problem.place;
            assert!(
                line >= 1 && line <= lines + 1 && column >= 1 && problem.length >= 1,
                "{problem} in {text:?}"
            );
            assert!(!problem.to_string().contains(char::is_control), "{problem}");
        }
        assert!(invalid.problems.is_sorted_by_key(|problem| problem.place));
        assert_eq!(read(&text).unwrap_err(), invalid, "twice the same");
    }
}

#[test]
fn steps_meet_that_work_at_one_path_or_one_below_the_other() {
    let text = |steps: &[&str]| {
        let steps: String =
            steps.iter().enumerate().map(|(at, step)| format!("- {{id: s{at}, {step}}}\n")).collect();
        plan(&format!("version: 1\nsteps:\n{steps}"))
    };
    let git = |dest: &str| format!("git: {{url: 'https://example.com/r.git', dest: {dest}}}");
    let met = |steps: &[&str]| below::meet(text(steps).steps.iter().enumerate());
    assert_eq!(met(&[&git("x"), &git("x/in"), &git("xy"), &git("x-y/x"), &git("y/x")]), [(1, vec![0])]);
    assert_eq!(
        met(&[&git("x/in/a"), &git("x/in"), &git("x/on"), &git("x")]),
        [(1, vec![0]), (3, vec![0, 1, 2])]
    );
    let (file, tree) = (
        "download: {url: 'https://example.com/a', dest: x/f}",
        "download: {url: 'https://example.com/a.zip', dest: a.zip, unpack: {to: x}}",
    );
    assert_eq!(
        met(&[file, tree, file, "download: {url: 'https://example.com/a', dest: a.zip}"]),
        [(1, vec![0]), (2, vec![0, 1]), (3, vec![1])]
    );
}
