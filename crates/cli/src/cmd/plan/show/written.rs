//! What a step does, in the words of a plan's file: as it would be written with all filled in.

use serde::Serialize;
use serde_json::{Map, Value};
use vps_ops::plan::{
    Action, AptKeyCheck, AptKeySource, AptRepository, Body, CommandAction, CommandLine, DownloadAction,
    FileAction, Gate, GateCheck, GitAction, Once, PackagesAction, SystemdAction,
};

/// What stands under the key of its kind. What is not said has no key.
pub(super) fn of(action: &Action) -> Map<String, Value> {
    let mut keys = Keys::default();
    match action {
        Action::Packages(action) => packages(action, &mut keys),
        Action::AptRepository(action) => apt_repository(action, &mut keys),
        Action::Download(action) => download(action, &mut keys),
        Action::Git(action) => git(action, &mut keys),
        Action::File(action) => file(action, &mut keys),
        Action::Command(action) => command(action, &mut keys),
        Action::Systemd(action) => systemd(action, &mut keys),
        Action::Gate(action) => gate(action, &mut keys),
        Action::Module(action) => {
            keys.put("name", &action.name);
            keys.put("with", &action.with);
        }
        // One that is newer than this list is shown as the library has it.
        other => keys.put(other.kind().as_str(), other),
    }
    keys.0
}

/// Keys that say something.
#[derive(Default)]
struct Keys(Map<String, Value>);

impl Keys {
    /// But for what is as it is without it: nothing, `false`, an empty list or group.
    fn put(&mut self, key: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        let says_nothing = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(keys) => keys.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
        };
        if !says_nothing {
            self.0.insert(key.to_owned(), value);
        }
    }

    fn mode(&mut self, mode: Option<u32>) {
        self.put("mode", mode.map(|mode| format!("{mode:04o}")));
    }
}

fn packages(action: &PackagesAction, keys: &mut Keys) {
    keys.put("names", &action.names);
    keys.put("upgrade", action.upgrade);
}

fn apt_repository(action: &AptRepository, keys: &mut Keys) {
    keys.put("name", &action.name);
    keys.put("types", &action.types);
    keys.put("uris", &action.uris);
    keys.put("suites", &action.suites);
    keys.put("components", &action.components);
    keys.put("architectures", &action.architectures);
    let mut key = Keys::default();
    match &action.key.source {
        AptKeySource::Url(url) => key.put("url", url),
        AptKeySource::File(file) => key.put("file", file),
        AptKeySource::Text(text) => key.put("text", text),
        other => key.put("source", other),
    }
    match &action.key.check {
        AptKeyCheck::AsGiven => {}
        AptKeyCheck::Sha256(digest) => key.put("sha256", digest),
        AptKeyCheck::Fingerprint(fingerprint) => key.put("fingerprint", fingerprint),
        other => key.put("check", other),
    }
    keys.put("key", key.0);
}

fn download(action: &DownloadAction, keys: &mut Keys) {
    keys.put("url", &action.url);
    keys.put("mirrors", &action.mirrors);
    keys.put("dest", &action.dest);
    keys.put("checksum", &action.checksum);
    keys.put("size", action.size);
    keys.mode(action.mode);
    let mut headers = Keys::default();
    action.headers.iter().for_each(|(name, value)| headers.put(name, value));
    keys.put("headers", headers.0);
    if let Some(unpack) = &action.unpack {
        let mut inner = Keys::default();
        inner.put("to", &unpack.to);
        inner.put("strip", (unpack.strip > 0).then_some(unpack.strip));
        keys.put("unpack", inner.0);
    }
}

fn git(action: &GitAction, keys: &mut Keys) {
    keys.put("url", &action.url);
    keys.put("dest", &action.dest);
    keys.put("branch", &action.branch);
    keys.put("commit", &action.commit);
    keys.put("depth", action.depth);
    keys.put("full", action.full);
    keys.put("submodules", action.submodules);
    keys.put("update", action.update);
}

fn file(action: &FileAction, keys: &mut Keys) {
    keys.put("dest", &action.dest);
    match &action.body {
        Body::Source(source) => keys.put("source", source),
        Body::Content(content) => keys.put("content", content),
        other => keys.put("body", other),
    }
    keys.mode(Some(action.mode));
    keys.put("owner", &action.owner.user);
    keys.put("group", &action.owner.group);
}

fn command(action: &CommandAction, keys: &mut Keys) {
    match &action.line {
        CommandLine::Argv(argv) => keys.put("argv", argv),
        CommandLine::Shell { text, bash } => {
            keys.put("shell", text);
            keys.put("bash", bash);
        }
        other => keys.put("line", other),
    }
    let guards = &action.guards;
    keys.put("creates", &guards.creates);
    keys.put("removes", &guards.removes);
    keys.put("unless", guards.unless.as_ref().map(asked));
    keys.put("only_if", guards.only_if.as_ref().map(asked));
    keys.put("on_change", &guards.on_change);
    keys.put(
        "once",
        match guards.once {
            None => Value::Null,
            Some(Once::Ever) => true.into(),
            Some(Once::Boot) => "boot".into(),
        },
    );
    keys.put("idempotent", guards.idempotent);
    keys.put("always", guards.always);
    keys.put("cwd", &action.cwd);
    keys.put("env", &action.env);
    keys.put("user", &action.user);
}

/// A guard that is run: a list, or a text for the shell.
fn asked(line: &CommandLine) -> Value {
    let written = match line {
        CommandLine::Argv(argv) => serde_json::to_value(argv),
        CommandLine::Shell { text, .. } => serde_json::to_value(text),
        other => serde_json::to_value(other),
    };
    written.unwrap_or_default()
}

fn systemd(action: &SystemdAction, keys: &mut Keys) {
    keys.put("unit", &action.unit);
    keys.put("state", action.state);
    // Without the key it is as it is.
    if let Some(enabled) = action.enabled {
        keys.0.insert("enabled".to_owned(), enabled.into());
    }
    keys.put("on_change", &action.on_change);
}

fn gate(action: &Gate, keys: &mut Keys) {
    match &action.check {
        GateCheck::Connect(host) => keys.put("connect", host),
        GateCheck::Http(url) => keys.put("http", url),
        GateCheck::Dns(host) => keys.put("dns", host),
        GateCheck::Service(service) => keys.put("service", service),
        GateCheck::Exists(path) => keys.put("exists", path),
        other => keys.put("check", other),
    }
    keys.put("wait", humantime::format_duration(action.wait).to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vps_ops::plan::{Facts, Origin, Plan};

    use super::*;

    /// Everything that a plan's file can say of what steps do. What is shown of it is a plan of the same work: no key
    /// that the file does not have, and none lost.
    const ALL: &str = r#"
version: 1
name: all
secrets: {token: {env: TOKEN}}
steps:
- {id: p, packages: {names: [jq, curl=8*], upgrade: true}}
- {id: p2, packages: [jq]}
- id: r
  apt_repository:
    name: here
    types: [deb, deb-src]
    uris: https://example.com/debian
    suites: [stable]
    components: [main]
    architectures: [amd64]
    key: {url: https://example.com/k.asc, fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567}
- id: r2
  apt_repository: {uris: https://example.com/d, suites: s/, key: {file: k.asc}}
- id: r3
  apt_repository:
    uris: https://example.com/d
    suites: s/
    key: {url: https://example.com/k.asc, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
- id: d
  download:
    url: https://example.com/a.tgz
    mirrors: [https://example.org/a.tgz]
    dest: a.tgz
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    size: 10KiB
    mode: "0640"
    headers: {Authorization: "Bearer ${secret.token}", X-One: "1"}
    unpack: {to: app, strip: 1}
- {id: d2, download: {url: https://example.com/a.tgz, unpack: {to: app2}}}
- {id: g, git: {url: https://example.com/g.git, dest: g, branch: main, depth: 3, submodules: true, update: true}}
- {id: g2, git: {url: https://example.com/g.git, dest: g2, commit: 6f1ed002ab5595859014ebf0951522d9b8a6f2a1, full: true}}
- {id: f, file: {dest: f, source: in, owner: root, group: adm, mode: "0600"}}
- {id: f2, file: {dest: f2, content: ""}}
- {id: f3, file: {dest: f3, content: "a ${secret.token}", expand: true}}
- {id: c, command: {argv: [make, -j], creates: out, removes: in, unless: [test, -e, x], only_if: test -e y, on_change: [f], cwd: w, env: {A: "${secret.token}"}, user: nobody}}
- {id: c2, command: {shell: "echo $HOME", bash: true, once: true, idempotent: true}}
- {id: c3, command: {shell: echo, once: boot}}
- {id: c4, command: {argv: [echo], always: true}}
- {id: s, systemd: {unit: nginx, state: reloaded, enabled: false, on_change: [f, c]}}
- {id: w, on_failure: stop, gate: {connect: "example.com:443", wait: 90s}}
- {id: w2, on_failure: stop, gate: {http: https://example.com, wait: 1500ms}}
- {id: w3, on_failure: stop, gate: {service: github}}
- {id: w4, on_failure: stop, gate: {exists: x}}
- {id: w5, on_failure: stop, gate: {dns: example.com}}
- {id: m, module: {name: one, with: {a: [1, {b: null}]}}}
"#;

    fn plan(text: &str) -> Plan {
        let origin = Origin { path: None, folder: "/srv".into() };
        match Plan::parse(text, &origin, &Facts::default(), &["one"]) {
            Ok((plan, _)) => plan,
            Err(invalid) => panic!("{:#?}\n{text}", invalid.problems),
        }
    }

    #[test]
    fn what_is_shown_is_a_plan_of_the_same_work() {
        let first = plan(ALL);
        let shown = first.steps.iter().map(|step| {
            let mut keys = of(&step.action);
            // Filled in already, and to be so again: the secrets of a content are.
            if keys.get("content").is_some_and(|content| content.to_string().contains("${secret.")) {
                keys.insert("expand".into(), true.into());
            }
            json!({ "id": step.id, "on_failure": step.on_failure, step.action.kind().as_str(): keys })
        });
        let steps: Vec<Value> = shown.collect();
        let text = json!({
            "version": 1,
            "name": "all",
            "secrets": { "token": { "env": "TOKEN" } },
            "steps": steps,
        });
        let second = plan(&text.to_string());
        for (first, second) in first.steps.iter().zip(&second.steps) {
            assert_eq!(first.action, second.action, "{text:#}");
        }
        assert_eq!(first.steps.len(), second.steps.len());
    }

    #[test]
    fn what_is_not_said_has_no_key() {
        let shown = |id: &str| {
            let plan = plan(ALL);
            Value::Object(of(&plan.step(&id.parse().unwrap()).unwrap().action))
        };
        assert_eq!(shown("p2"), json!({ "names": ["jq"] }));
        assert_eq!(shown("f2"), json!({ "dest": "/srv/f2", "content": "", "mode": "0644" }));
        assert_eq!(
            shown("d2"),
            json!({ "url": "https://example.com/a.tgz", "unpack": { "to": "/srv/app2" } })
        );
        assert_eq!(shown("c3"), json!({ "shell": "echo", "once": "boot" }));
        assert_eq!(shown("w2"), json!({ "http": "https://example.com", "wait": "1s 500ms" }));
        assert_eq!(shown("s")["enabled"], false);
    }
}
