//! Who is told of a change, by a real program and a real server.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tests::server::{Behaviour, Refusing, Route, Server, Silent};
use tests::wait_until;

use crate::lab::Lab;

/// A service that is down, looked at each second, and whom that is told.
fn lab(notify: &Value) -> (Lab, Refusing) {
    let (lab, dead) = (Lab::new(), Refusing::start());
    let health = json!({
        "services": ["mine"], "interval": 1, "timeout": 0.5, "unhealthy_after": 0.4, "degraded_after": 0.2,
        "notify": notify,
    });
    let services = json!({"mine": {"probe": {"url": dead.url("/")}}});
    let all = json!({"performance": {"services": services, "health_checks": health}});
    std::fs::write(lab.path("config.yaml"), all.to_string()).unwrap();
    (lab, dead)
}

fn watch(lab: &Lab) -> Watching {
    let mut child = lab.start(&["--config", "config.yaml", "health", "--watch"]);
    let said = Arc::<Mutex<String>>::default();
    let (stderr, heard) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&said));
    let listener = std::thread::spawn(move || {
        for line in stderr.lines() {
            *heard.lock().unwrap() += &(line.unwrap() + "\n");
        }
    });
    Watching { child, said, listener: Some(listener) }
}

struct Watching {
    child: Child,
    /// On standard error.
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Watching {
    fn wait_for(&self, text: &str) {
        wait_until(text, || self.said.lock().unwrap().contains(text).then_some(()));
    }

    /// Ends it; what it said on standard error.
    fn end(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.listener.take().unwrap().join().unwrap();
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_it(value: &Value) {
    assert_eq!(tests::schema::check(value), "notify");
    assert_eq!(
        (&value["service"], &value["from"], &value["to"]),
        (&json!("mine"), &json!("unknown"), &json!("unhealthy"))
    );
    assert_eq!(value["text"], "mine UNKNOWN -> UNHEALTHY, connection refused");
    assert_eq!(value["left_out"], 0);
}

#[test]
fn a_command_is_run_as_it_stands_with_the_change_on_its_input() {
    let script = "cat > told.json; env | grep ^VPS_CONFIGURATOR_ | grep -v __ | sort > told.env; \
                  echo \"$1\" > told.arg; ps -o sid= -p $$ > told.sid; mv told.json told";
    let (lab, _dead) = lab(&json!({"command": ["sh", "-c", script, "name", "$(touch hacked) *"]}));
    let watching = watch(&lab);
    wait_until("it is told", || lab.read("told"));
    let text = |name: &str| String::from_utf8(lab.read(name).unwrap()).unwrap();
    is_it(&serde_json::from_str(&text("told")).unwrap());
    assert_eq!(
        text("told.env"),
        "VPS_CONFIGURATOR_FROM=unknown\nVPS_CONFIGURATOR_REASON=mine UNKNOWN -> UNHEALTHY, connection refused\n\
         VPS_CONFIGURATOR_SERVICE=mine\nVPS_CONFIGURATOR_TO=unhealthy\n"
    );
    assert_eq!(text("told.arg"), "$(touch hacked) *\n", "no shell of ours reads it");
    assert!(lab.read("hacked").is_none());
    let said = watching.end();
    assert!(!said.contains("health_checks.notify"), "{said}");
}

#[test]
fn a_url_is_posted_to_with_the_headers_of_a_file_and_no_redirect_is_followed() {
    let (server, other) = (Server::start(), Server::start());
    server.route("/hook", Route::only(Behaviour::redirect(other.url("/stolen"))));
    let (lab, _dead) = lab(&json!({"url": server.url("/hook"), "header_file": "headers"}));
    std::fs::write(lab.path("headers"), "Authorization: Bearer canary\n").unwrap();
    std::fs::set_permissions(lab.path("headers"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let watching = watch(&lab);
    let log = server.wait_for("it is posted", |log| !log.of("/hook").is_empty());
    let request = &log.of("/hook")[0].request;
    assert_eq!((&*request.method, request.header("content-type")), ("POST", Some("application/json")));
    assert_eq!(request.header("authorization"), Some("Bearer canary"));
    let length: usize = request.header("content-length").unwrap().parse().unwrap();
    assert!(length > 50, "{request:?}");
    watching.wait_for("answered 302");
    let said = watching.end();
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(other.log().connections, 0);
}

#[test]
fn a_header_file_that_others_can_write_is_not_used() {
    let (lab, _dead) = lab(&json!({"url": "http://127.0.0.1:9/", "header_file": "headers"}));
    std::fs::write(lab.path("headers"), "Authorization: Bearer canary\n").unwrap();
    std::fs::set_permissions(lab.path("headers"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let output = lab.run(&["--config", "config.yaml", "health", "--watch"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("others can write it") && !said.contains("canary"), "{said}");
}

#[test]
fn timeout_is_how_long_it_may_take_and_what_takes_longer_is_a_warning() {
    let silent = Silent::start();
    let script = "echo $$ > pid; exec sleep 600";
    let keys = json!({"command": ["sh", "-c", script], "url": silent.url("/"), "timeout": 0.3});
    let (lab, _dead) = lab(&keys);
    let watching = watch(&lab);
    let pid = wait_until("it runs", || lab.read("pid").filter(|pid| pid.ends_with(b"\n")));
    let pid: i32 = String::from_utf8(pid).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    wait_until("it is ended", || rustix::process::test_kill_process(pid).is_err().then_some(()));
    watching.wait_for("sh took longer than it may");
    watching.wait_for("did not answer in time");
}
