//! Circuits that processes share over a real store: what one does, another sees; what anybody may see.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use vps_ops::env::Env;
use vps_ops::settings::Options;
use vps_ops::store::StatusSnapshot;
use vps_ops::{Class, Classify, Judgement, NetworkOperationWrapper};

use crate::child;
use crate::lab::{self, Lab, wait};

#[derive(Debug)]
struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("down")
    }
}

impl std::error::Error for Down {}

impl Classify for Down {
    fn judge(&self) -> Judgement {
        Class::Transient.into()
    }
}

fn network(folder: &Path) -> NetworkOperationWrapper {
    let settings = r#"{"performance": {"circuit_breaker": {"failure_threshold": 1}}}"#;
    lab::network(folder, &serde_json::from_str(settings).unwrap())
}

/// One call; whether it was let through at all.
async fn call(network: &NetworkOperationWrapper, ok: bool) -> bool {
    let options = Options::new().attempts(1.try_into().unwrap());
    let outcome = network
        .execute_with_retry("github", "call", &options, |_| async move { ok.then_some(()).ok_or(Down) });
    !outcome.await.is_err_and(|error| error.is_circuit_open())
}

/// The child's part: lets go of the circuit, by another process's store.
pub(crate) fn reset(folder: &Path) {
    wait(async {
        let network = network(folder);
        network.circuit_breakers().reset("github").await.unwrap();
        network.close().await;
    });
}

#[test]
fn a_reset_by_another_process_holds_after_100_ms() {
    let lab = Lab::new();
    wait(async {
        let network = network(lab.path());
        assert!(call(&network, false).await);
        assert!(!call(&network, true).await, "it is open");
        assert!(child::start("reset", lab.path()).wait().unwrap().success());
        let reset = Instant::now();
        while !call(&network, true).await {
            assert!(reset.elapsed() < Duration::from_millis(500), "it is not seen");
            std::thread::yield_now();
        }
        // The limit is 100 ms; a busy machine may take some of its own.
        assert!(reset.elapsed() < Duration::from_millis(300), "{:?}", reset.elapsed());
    });
}

fn as_nobody(program: &str, path: &Path) -> Output {
    Command::new(program).arg(path).uid(65_534).gid(65_534).current_dir("/").output().unwrap()
}

#[test]
fn anybody_reads_the_status_and_only_root_the_store() {
    let lab = Lab::new();
    wait(async {
        let network = network(lab.path());
        assert!(call(&network, false).await);
        network.close().await;
    });
    let status = std::fs::read_to_string(lab.file("status.json")).unwrap();
    assert!(StatusSnapshot::read(Env::real().fs(), lab.path()).is_ok(), "it is ours");
    assert!(status.contains("github") && status.contains("\"open\""), "{status}");
    let mode = |name| std::fs::metadata(lab.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("status.json"), mode("state.db")), (0o644, 0o600));
    if !rustix::process::geteuid().is_root() {
        tests::skip("only root can be somebody else");
        return;
    }
    std::fs::set_permissions(lab.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let read = as_nobody("cat", &lab.file("status.json"));
    assert_eq!(String::from_utf8(read.stdout).unwrap(), status);
    let refused = as_nobody("cat", &lab.file("state.db"));
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
}
