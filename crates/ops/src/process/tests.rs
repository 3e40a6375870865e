use std::os::unix::fs::MetadataExt;

use tokio::sync::mpsc;

use super::*;
use crate::env::Env;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn shell(script: &str) -> ProcessSpec {
    ProcessSpec::new("sh").args(["-c", script])
}

/// Tells the test of each line.
struct Told(mpsc::UnboundedSender<String>);

impl Listener for Told {
    fn hear(&mut self, line: &str) {
        self.0.send(line.to_owned()).unwrap();
    }
}

#[test]
fn what_is_said_is_kept_apart() {
    let (runner, env) = (SystemRunner::new(), Env::real());
    let spec = shell("echo out; echo err >&2; echo one >&3; printf two >&3; cat; exit 3").variable("A", "b");
    let mut status = Vec::new();
    let said = block_on(runner.capture(&env, &spec, &Shield::new(), &mut status)).unwrap();
    assert_eq!(said, Captured::new(Ended::Code(3), "out\n", "err\n"));
    assert_eq!(status, ["one", "two"]);
}

#[test]
fn it_has_no_terminal_and_its_own_variables() {
    let (runner, env) = (SystemRunner::new(), Env::real());
    let spec = shell("(: </dev/tty) 2>/dev/null && echo terminal; echo \"$SAID\"").variable("SAID", "so");
    let said = block_on(runner.capture(&env, &spec, &Shield::new(), &mut ())).unwrap();
    assert_eq!(said.stdout, "so\n");
}

#[test]
fn much_that_is_said_does_not_stay_in_memory_until_the_end() {
    // What is kept, and half as much before it is worth to give anything back.
    const MOST: u64 = 49 << 20;
    let (runner, env, folder) = (SystemRunner::new(), Env::real(), tempfile::tempdir().unwrap());
    let go = folder.path().join("go");
    make_fifo(&go);
    let script = format!(
        "echo first; head -c 67108864 /dev/zero; echo $$ >&3; exec 3>&-; read line <{}; echo last",
        go.display()
    );
    let (tell, mut told) = mpsc::unbounded_channel();
    let said = block_on(async {
        let (shell, shield, mut status) = (shell(&script), Shield::new(), Told(tell));
        let captured = runner.capture(&env, &shell, &shield, &mut status);
        let look = async {
            let stdout = format!("/proc/{}/fd/1", told.recv().await.unwrap());
            // For a moment it is the pipe that the number is told on.
            let meta = || Some(std::fs::metadata(&stdout).unwrap()).filter(std::fs::Metadata::is_file);
            let held = || meta().map_or(u64::MAX, |meta| meta.blocks() * 512);
            // It is looked at now and then, also once nothing more comes on descriptor 3.
            let until = env.now().after(std::time::Duration::from_secs(20));
            while held() > MOST && env.now() < until {
                env.sleep(std::time::Duration::from_millis(5)).await;
            }
            let held = held();
            std::fs::write(&go, "go on\n").unwrap();
            held
        };
        let (said, held) = tokio::join!(captured, look);
        assert!(held <= MOST, "{held} bytes are held");
        said.unwrap()
    });
    assert_eq!(said.ended, Ended::Code(0));
    assert!(said.stdout.starts_with("first\n\0") && said.stdout.ends_with("\0last\n"));
    assert!(said.stdout.contains(&format!("[{} bytes left out]", (32 << 20) + 11)), "{}", said.stdout.len());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let (runner, env) = (SystemRunner::new(), Env::real());
    for spec in [ProcessSpec::new("no-such-program"), ProcessSpec::new("no-such-program").dies_with_us()] {
        let error = block_on(runner.capture(&env, &spec, &Shield::new(), &mut ())).unwrap_err();
        assert!(matches!(error, CommandError::NotFound { program } if program == "no-such-program"));
    }
}

#[test]
fn who_gives_up_on_it_ends_it_and_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, env) = (SystemRunner::new(), Env::real());
    let pids = folder.path().join("pids");
    let script = format!("sleep 1000 & echo $! $$ >{}; echo ready >&3; wait", pids.display());
    block_on(async {
        give_up_when_ready(&runner, &env, &shell(&script), &Shield::new()).await;
        runner.settle(&env).await;
    });
    for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
        assert!(is_gone(pid), "{pid} lives");
    }
}

#[test]
fn a_shielded_one_works_on_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (runner, env) = (SystemRunner::new(), Env::real());
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    make_fifo(&go);
    let script = format!(
        "echo ready >&3; read line <{}; echo late; echo late >&2; echo $line >{}",
        go.display(),
        done.display()
    );
    let shield = Shield::new();
    block_on(async {
        shield.raise();
        give_up_when_ready(&runner, &env, &shell(&script), &shield).await;
        assert!(!done.exists());
        std::fs::write(&go, "gone on\n").unwrap();
        runner.settle(&env).await;
    });
    // Neither a signal nor a closed pipe ended it.
    assert_eq!(std::fs::read_to_string(done).unwrap(), "gone on\n");
}

#[test]
fn an_interrupt_may_be_put_off() {
    let (runner, env) = (SystemRunner::new(), Env::real());
    // The outer one puts it off until the inner one is done.
    let inner = "echo ready >&3; read x <&4; echo done";
    let script = format!("trap 'echo put off; echo go >&5' INT; sh -c \"{inner}\" & wait; wait; exit 7");
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("go");
    make_fifo(&fifo);
    let script = format!("exec 5<>{0}; exec 4<&5; {script}", fifo.display());
    let shield = Shield::new();
    shield.raise();
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut status = Told(tell);
    let said = block_on(async {
        let (shell, asked) = (shell(&script), shield.clone());
        let captured = runner.capture(&env, &shell, &shield, &mut status);
        let ask = async {
            assert_eq!(told.recv().await.as_deref(), Some("ready"));
            assert!(asked.pid().is_some());
            asked.interrupt();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            said = captured => said.unwrap(),
            () = ask => unreachable!(),
        }
    });
    assert_eq!((said.ended, &*said.stdout), (Ended::Code(7), "put off\ndone\n"));
}

/// Reads what the process says, to its end.
#[derive(Default)]
struct Heard(String);

#[async_trait::async_trait]
impl Talk for Heard {
    async fn talk(&mut self, _input: tokio::process::ChildStdin, mut output: tokio::process::ChildStdout) {
        use tokio::io::AsyncReadExt;
        output.read_to_string(&mut self.0).await.unwrap();
    }
}

#[test]
fn a_program_to_talk_with_that_cannot_be_run_is_named() {
    let (runner, env) = (SystemRunner::new(), Env::real());
    let error = block_on(runner.converse(&env, &ProcessSpec::new("no-such-program"), &mut Heard::default()));
    assert!(matches!(error, Err(CommandError::NotFound { program }) if program == "no-such-program"));
    let error = block_on(runner.converse(&env, &ProcessSpec::new("/dev/null"), &mut Heard::default()));
    assert!(matches!(error, Err(CommandError::NotExecutable { program, .. }) if program == "/dev/null"));
}

#[test]
fn what_a_program_says_of_others_is_its_own_word() {
    let (runner, env, mut heard) = (SystemRunner::new(), Env::real(), Heard::default());
    let spec = shell("echo hello; echo 'bash: git-upload-pack: command not found' >&2; exit 127");
    let ended = block_on(runner.converse(&env, &spec, &mut heard)).unwrap();
    assert_eq!((ended.ended, &*heard.0), (Ended::Code(127), "hello\n"));
    assert!(ended.stderr.contains("command not found"));
}

fn make_fifo(path: &std::path::Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

async fn give_up_when_ready(runner: &SystemRunner, env: &Env, spec: &ProcessSpec, shield: &Shield) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut status = Told(tell);
    let captured = runner.capture(env, spec, shield, &mut status);
    tokio::select! {
        biased;
        _ = captured => panic!("it ended by itself"),
        line = told.recv() => assert_eq!(line.as_deref(), Some("ready")),
    }
}

/// Waits for the end of a process that was killed; `false` when it does not come.
fn is_gone(pid: &str) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Ok(handle) = pidfd_open(Pid::from_raw(pid.parse().unwrap()).unwrap(), PidfdFlags::empty()) else {
        return true;
    };
    let limit = Timespec { tv_sec: 5, tv_nsec: 0 };
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit)).unwrap() == 1
}

#[test]
fn who_says_too_much_is_left_and_told_to_end() {
    let (runner, env, mut heard) = (SystemRunner::new(), Env::real(), Heard::default());
    let spec = shell("echo $$; exec 1>&-; cat /dev/zero >&2");
    let error = block_on(runner.converse(&env, &spec, &mut heard)).unwrap_err();
    assert!(
        matches!(&error, CommandError::TooMuchSaid { program, limit } if program == "sh" && *limit == 16 << 20)
    );
    block_on(runner.settle(&env));
    assert!(is_gone(heard.0.trim()));
}

#[test]
fn who_says_much_while_talking_is_heard_to_the_end() {
    let (runner, env, mut heard) = (SystemRunner::new(), Env::real(), Heard::default());
    let spec = shell("head -c 3000000 /dev/zero >&2; echo done; echo last >&2");
    let captured = block_on(runner.converse(&env, &spec, &mut heard)).unwrap();
    assert_eq!((captured.ended, &*heard.0), (Ended::Code(0), "done\n"));
    assert!(
        captured.stderr.ends_with("last\n") && captured.stderr.len() < 200_000,
        "{}",
        captured.stderr.len()
    );
}
