//! Where it listens.

use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Reply, Serving, configure};
use crate::lab::Lab;
use crate::said::run;

fn lab() -> Lab {
    let lab = Lab::new();
    configure(&lab, &[("mirror", "http://127.0.0.1:1/")]);
    lab
}

fn ask(lab: &Lab) -> Reply {
    let mut stream = UnixStream::connect(lab.path("s.sock")).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    Reply::read(stream)
}

fn serve(lab: &Lab) -> Serving {
    Serving::start_with(lab, &[], &["--listen", "unix:s.sock"])
}

#[test]
fn a_socket_is_for_owner_and_group_under_any_umask_and_goes_with_us() {
    let lab = lab();
    for umask in ["000", "077"] {
        let inner = lab.command(&["--config", "config.yaml", "serve", "--listen", "unix:s.sock"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask $0; exec \"$@\"", umask]).arg(inner.get_program()).args(inner.get_args());
        shell.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = shell.current_dir(lab.path("")).spawn().unwrap();
        let meta = tests::wait_until("the socket", || {
            std::fs::metadata(lab.path("s.sock"))
                .ok()
                .filter(|_| UnixStream::connect(lab.path("s.sock")).is_ok())
        });
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, 0o660, "umask {umask}");
        assert_eq!(ask(&lab).code, 200);
        let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, Signal::TERM).unwrap();
        child.wait().unwrap();
        assert!(!lab.path("s.sock").exists());
    }
}

#[test]
fn what_a_dead_run_left_is_replaced_and_nothing_else() {
    let lab = lab();
    drop(UnixListener::bind(lab.path("s.sock")).unwrap());
    assert!(lab.path("s.sock").exists(), "nobody listens there");
    let serving = serve(&lab);
    assert_eq!(serving.line, "listening on unix:s.sock (Ctrl-C stops)\n");
    assert_eq!(ask(&lab).code, 200);
    let args = ["--config", "config.yaml", "serve", "--listen", "unix:s.sock"];
    let said = run(&lab, &args);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("unix:s.sock: somebody else listens there"), "{}", said.err);
    assert_eq!(ask(&lab).code, 200, "who was there first goes on");
    drop(serving.stop(Signal::TERM));

    std::fs::write(lab.path("s.sock"), "mine").unwrap();
    let said = run(&lab, &args);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("unix:s.sock: what is there is no socket"), "{}", said.err);
    assert_eq!(lab.read("s.sock").unwrap(), b"mine");

    std::fs::remove_file(lab.path("s.sock")).unwrap();
    std::os::unix::fs::symlink("elsewhere", lab.path("s.sock")).unwrap();
    assert_eq!(run(&lab, &args).code, 7);
    assert!(!lab.path("elsewhere").exists());
}

#[test]
fn a_socket_of_another_user_is_named_and_left() {
    let lab = lab();
    if !rustix::process::geteuid().is_root() {
        return tests::skip("only root can make what is another user's");
    }
    drop(UnixListener::bind(lab.path("s.sock")).unwrap());
    std::os::unix::fs::chown(lab.path("s.sock"), Some(65_534), None).unwrap();
    let said = run(&lab, &["--config", "config.yaml", "serve", "--listen", "unix:s.sock"]);
    assert_eq!(said.code, 7);
    assert!(said.err.contains("belongs to another user (uid 65534)"), "{}", said.err);
    assert!(lab.path("s.sock").exists());
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let lab = lab();
    let serving = Serving::start(&lab, &[]);
    let address = serving.address().to_string();
    let args = ["--config", "config.yaml", "serve", "--listen", &address];
    let said = run(&lab, &args);
    assert_eq!(said.code, 7);
    assert!(said.err.contains(&address) && said.err.contains("somebody else listens"), "{}", said.err);
    assert!(said.err.contains("hint: ") && said.err.contains("--listen 127.0.0.1:0"), "{}", said.err);
    let error = run(&lab, &[&["--json"] as &[_], &args].concat()).error();
    assert_eq!((error["code"].as_u64(), error["kind"].as_str()), (Some(7), Some("local")));
    for wrong in ["nowhere", "127.0.0.1", "example.com:80", "unix:"] {
        assert_eq!(run(&lab, &["serve", "--listen", wrong]).code, 2, "{wrong}");
    }
}

#[test]
fn tls_is_looked_at_first_and_spoken_then() {
    let lab = lab();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(lab.path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(lab.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(lab.path("key.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let one = ["--config", "config.yaml", "serve", "--tls-cert", "cert.pem"];
    assert_eq!(run(&lab, &one).code, 2, "both or none");
    std::fs::write(lab.path("none.pem"), "nothing\n").unwrap();
    std::fs::set_permissions(lab.path("none.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    for (cert, key) in [("none.pem", "key.pem"), ("cert.pem", "none.pem"), ("missing", "key.pem")] {
        let said = run(&lab, &["--config", "config.yaml", "serve", "--tls-cert", cert, "--tls-key", key]);
        assert_eq!(said.code, 7, "{cert} {key}: {}", said.err);
        assert!(!said.err.contains("PRIVATE KEY"), "{}", said.err);
    }
    let serving = Serving::start(&lab, &["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    assert!(serving.line.starts_with("listening on https://127.0.0.1:"), "{}", serving.line);
    let mut roots = RootCertStore::empty();
    let pem = made.cert.pem();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    vps_ops::http::install_crypto_provider();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, serving.connect());
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let got = Reply::read(stream);
    assert_eq!((got.code, got.body.as_str()), (200, "ok\n"));
    // Who speaks no TLS gets nothing, and harms nobody.
    let mut plain = serving.connect();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut bytes);
    assert!(!String::from_utf8_lossy(&bytes).contains("HTTP/1.1 200"));
}
