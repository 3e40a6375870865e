//! A plan that is satisfied, run once more by the real binary: alone, and the same files beside Ansible and pyinfra, where
//! those are in PATH.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::download::{binary, children};
use crate::interleaved::median;
use crate::table::{head, note, row};

const ROUNDS: usize = 11;
/// Ansible takes half a second for each.
const BESIDE: usize = 50;
const ROUNDS_BESIDE: usize = 3;

pub(crate) fn print() {
    let Some(binary) = binary() else {
        println!("\nno release binary: run `cargo xtask bench plan`");
        return;
    };
    head("a plan whose steps are satisfied (medians)");
    let folder = std::env::temp_dir().join(format!("vps-bench-plan-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("out")).unwrap();
    // A plan is read only where nobody else can write.
    Command::new("chmod").arg("go-w").arg(&folder).status().unwrap();
    for (steps, wall_limit, cpu_limit) in [(1_000, 100.0, 50.0), (10_000, 600.0, 500.0)] {
        let plan = plan(&folder, steps, true);
        let Some((wall, cpu)) = ours(&binary, &folder, &["-q", "apply", &plan], ROUNDS) else {
            note(&format!("{steps} steps"), "a run failed");
            continue;
        };
        let measured = format!("{wall:.0} ms, CPU {cpu:.0} ms here");
        let target = format!("<= {wall_limit:.0} ms, CPU <= {cpu_limit:.0} ms");
        row(&format!("{steps} steps"), &measured, &target, wall <= wall_limit && cpu <= cpu_limit);
    }
    let checked = ours(&binary, &folder, &["-q", "plan", "check", &plan(&folder, 1_000, true)], ROUNDS);
    let wall = checked.map_or(f64::NAN, |(wall, _)| wall);
    row("plan check of 1000 steps", &format!("{wall:.0} ms here"), "<= 60 ms", wall <= 60.0);
    match peak(&binary, &folder, &plan(&folder, 10_000, true)) {
        Some(mib) => row("10000 steps, most memory", &format!("{mib:.0} MiB"), "<= 32 MiB", mib <= 32.0),
        None => note("10000 steps, most memory", "it was gone before it was looked at"),
    }
    crate::plan_downloads::print(&binary);
    beside(&binary, &folder);
    let _ = std::fs::remove_dir_all(&folder);
}

/// Half files, half commands that are guarded by what they make; or files alone.
fn plan(folder: &Path, steps: usize, with_commands: bool) -> String {
    let mut text = format!("version: 1\nname: bench-{steps}-{with_commands}\nsteps:\n");
    let out = folder.join("out");
    let out = out.display();
    for step in 0..steps {
        let dest = format!("{out}/{step}");
        let done = match with_commands && step % 2 == 1 {
            true => {
                write!(text, "  - id: s{step}\n    command: {{argv: [touch, {dest}], creates: {dest}}}\n")
            }
            false => {
                write!(text, "  - id: s{step}\n    file: {{dest: {dest}, content: \"{}\"}}\n", words(step))
            }
        };
        done.unwrap();
        std::fs::write(&dest, words(step)).unwrap();
    }
    let path = folder.join(format!("{steps}-{with_commands}.yaml"));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn words(step: usize) -> String {
    format!("what is in file {step}")
}

/// Milliseconds and CPU milliseconds of a run after one that made all so.
fn ours(binary: &Path, folder: &Path, args: &[&str], rounds: usize) -> Option<(f64, f64)> {
    let command = || {
        let mut command = Command::new(binary);
        command.args(args).env("STATE_DIRECTORY", folder.join("state"));
        command
    };
    timed(command())?;
    let (mut walls, cpu) = (Vec::new(), children());
    for _ in 0..rounds {
        walls.push(timed(command())? * 1e3);
    }
    // Ticks of 10 ms: of one run they would say little.
    let cpu = (children() - cpu) * 10.0 / rounds as f64;
    Some((median(&mut walls), cpu))
}

pub(crate) fn timed(mut command: Command) -> Option<f64> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    status.success().then(|| start.elapsed().as_secs_f64())
}

/// The most memory that a run had, as far as the system said before it ended.
fn peak(binary: &Path, folder: &Path, plan: &str) -> Option<f64> {
    let mut command = Command::new(binary);
    command.args(["-q", "apply", plan]).env("STATE_DIRECTORY", folder.join("state")).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let status = format!("/proc/{}/status", child.id());
    let mut most = None;
    while child.try_wait().ok()?.is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
        most = kib.or(most);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    most.map(|kib| kib / 1024.0)
}

fn beside(binary: &Path, folder: &Path) {
    let plan = plan(folder, BESIDE, false);
    let (mut book, mut deploy) = (
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  vars:\n    ansible_python_interpreter: \"{{ ansible_playbook_python }}\"\n  tasks:\n".to_owned(),
        "from io import StringIO\nfrom pyinfra.operations import files\n".to_owned(),
    );
    for step in 0..BESIDE {
        let dest = folder.join("out").join(step.to_string());
        let (dest, content) = (dest.display(), words(step));
        let task = "    - ansible.builtin.copy:";
        writeln!(book, "{task} {{dest: \"{dest}\", content: \"{content}\", mode: \"0644\"}}").unwrap();
        writeln!(deploy, "files.put(src=StringIO(\"{content}\"), dest=\"{dest}\", mode=\"644\")").unwrap();
    }
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (book, deploy) = (write("book.yml", &book), write("deploy.py", &deploy));
    let ansible = || {
        let mut command = Command::new("ansible-playbook");
        command.args(["-i", "localhost,"]).arg(&book).current_dir(folder);
        command
    };
    let pyinfra = || {
        let mut command = Command::new("pyinfra");
        command.args(["-y", "@local"]).arg(&deploy).current_dir(folder);
        command
    };
    let peers: [(&str, &dyn Fn() -> Command); 2] = [("ansible", &ansible), ("pyinfra", &pyinfra)];
    for (name, theirs) in peers {
        let what = format!("{BESIDE} files beside {name}");
        if timed(theirs()).is_none() {
            note(&what, "not installed, or it failed");
            continue;
        }
        let (mut walls, cpu) = (Vec::new(), children());
        for _ in 0..ROUNDS_BESIDE {
            walls.extend(timed(theirs()));
        }
        let cpu = (children() - cpu) * 10.0 / ROUNDS_BESIDE as f64;
        let wall = median(&mut walls) * 1e3;
        let Some(own) = ours(binary, folder, &["-q", "apply", &plan], ROUNDS) else { continue };
        let measured = format!(
            "wall {:.4}x, CPU {:.4}x ({:.0} ms and {:.0} ms here)",
            own.0 / wall,
            own.1 / cpu,
            own.0,
            wall
        );
        row(&what, &measured, "wall <= 0.1x, CPU <= 0.1x", own.0 <= wall / 10.0 && own.1 <= cpu / 10.0);
    }
}
