//! The other process: this test binary, started again with a task in its environment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vps_ops::env::Env;
use vps_ops::store::{SqliteStore, StateFolder};

use crate::lab::number;

const TASK: &str = "VPS_STORE_CHILD";
const FOLDER: &str = "VPS_STORE_FOLDER";

/// Starts a process that does `task` on the store in `folder`.
pub(crate) fn start(task: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::the_child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a line that the child prints.
pub(crate) fn wait_for(child: &mut Child, line: &str) {
    let stdout = child.stdout.as_mut().unwrap();
    let found = BufReader::new(stdout).lines().map_while(Result::ok).any(|one| one.contains(line));
    assert!(found, "the child did not say `{line}`");
}

/// Only does something when a test started it.
#[test]
fn the_child() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else { return };
    if task == "reset" {
        return crate::circuits::reset(Path::new(&folder));
    }
    if let Some(times) = task.strip_prefix("operate ") {
        return crate::totals::operate(Path::new(&folder), times.parse().unwrap());
    }
    let store =
        SqliteStore::open(&StateFolder::at(folder), &Env::real(), |_, _, _| None, Box::new(|_| {})).unwrap();
    let add = |key: &str| {
        use vps_ops::store::Store;
        store.update(key, &mut |bytes| Some((number(bytes) + 1).to_string().into_bytes()))
    };
    match task.split_once(' ') {
        Some(("count", times)) => {
            for _ in 0..times.parse::<u32>().unwrap() {
                while add("count").is_err() {}
            }
        }
        // Until it is killed; says each number only after it is stored.
        Some(("endless", key)) => {
            let mut acknowledged: u64 = 0;
            loop {
                if add(key).is_ok() {
                    acknowledged += 1;
                    println!("stored {acknowledged}");
                    std::io::stdout().flush().unwrap();
                }
            }
        }
        Some(("hold", key)) => {
            use vps_ops::store::Store;
            let _ = store.update(key, &mut |_| {
                println!("inside");
                std::io::stdout().flush().unwrap();
                // Stopped here by the test.
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).unwrap();
                std::thread::park();
                None
            });
        }
        other => panic!("{other:?}"),
    }
}
