//! A network of a test's own, and names as it wants them: this test binary once more, in namespaces.

use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the process within.
const INSIDE: &str = "VPS_HEALTH_INSIDE";
/// An address of the network within, of a block that is for documents (RFC 3849).
pub(crate) const V6: &str = "2001:db8::1";

/// Loopback is up and has an address more; who asks for names gets what the folder `$1` says.
const SETUP: &str = "
    for file in hosts nsswitch.conf resolv.conf; do
        mount --bind \"$1/$file\" \"/etc/$file\" || exit 99
    done
    ip link set lo up || exit 99
    ip -6 address add 2001:db8::1/128 dev lo nodad || exit 98
    shift; exec \"$@\"";

/// Whether this is the process within. Where it is not, that one is started for the test of this name, and has passed
/// when this returns; or it is said why it cannot be.
pub(crate) fn is_inside(test: &str, hosts: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    for program in ["ip", "mount", "unshare"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        if !found.status.success() {
            tests::skip(&format!("there is no `{program}` here"));
            return false;
        }
    }
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    write("hosts", hosts);
    write("nsswitch.conf", "hosts: files dns\n");
    // Longer than anybody here waits.
    write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
    assert!(Path::new("/etc/nsswitch.conf").exists() && Path::new("/etc/resolv.conf").exists());
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-c", SETUP, "sh"]).arg(place.path()).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1").stdin(Stdio::null());
    let ended = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    match ended.status.code() {
        Some(98) => tests::skip("there is no IPv6 here"),
        Some(99) => tests::skip("no names of its own can be given to a test here"),
        _ if err.starts_with("unshare: ") => tests::skip("no network namespace can be made here"),
        // A name that nobody has would succeed, too.
        _ => assert!(ended.status.success() && out.contains("1 passed"), "{out}{err}"),
    }
    false
}
