//! Many runs of one plan at once: one works.

use std::fs;
use std::process::Child;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tests::wait_until;

use super::laws::Said;
use crate::lab::Lab;

const RUNS: usize = 64;
/// Its command waits until it is let on.
const PLAN: &str = "version: 1\nname: crowd\nsteps:\n\
    - {id: held, command: {shell: \"echo run >>log; read word <go; touch done\", creates: done}}\n\
    - {id: conf, file: {dest: conf, content: x}}\n\
    - {id: told, command: {shell: \"echo told >>log\", on_change: [conf]}}\n\
    - {id: once, command: {shell: \"echo once >>log\", once: true}}\n";

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("p.yaml"), PLAN).unwrap();
    mknodat(CWD, lab.path("go"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    lab
}

fn log(lab: &Lab) -> String {
    String::from_utf8(lab.read("log").unwrap_or_default()).unwrap()
}

fn ends(children: Vec<Child>) -> Vec<Said> {
    children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect()
}

#[test]
fn of_sixty_four_runs_at_once_one_works_and_the_others_say_who() {
    let lab = lab();
    let mut children: Vec<Child> = (0..RUNS).map(|_| lab.start(&["apply", "p.yaml"])).collect();
    wait_until("the command", || (log(&lab) == "run\n").then_some(()));
    // All others end while the one is held.
    let is_at_work = |child: &mut Child| child.try_wait().unwrap().is_none();
    let at = wait_until("the end of the others", || {
        let working: Vec<_> = (0..RUNS).filter(|at| is_at_work(&mut children[*at])).collect();
        (working.len() == 1).then(|| working[0])
    });
    let worker = children.remove(at);
    let owner = format!("error: another run is at work: process {} runs the plan crowd\n", worker.id());
    for said in ends(children) {
        assert_eq!((said.code, said.out.as_str()), (Some(7), ""), "{}", said.err);
        assert_eq!(said.err, format!("{owner}hint: wait for it with `--wait-lock 10m`\n"));
    }
    fs::write(lab.path("go"), "on\n").unwrap();
    let said = Said::from(worker.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with("crowd: 4 steps  changed 4  "), "{}", said.out);
    assert_eq!(log(&lab), "run\ntold\nonce\n");
}

#[test]
fn of_sixty_four_that_wait_for_each_other_one_works_and_the_others_find_all_done() {
    let lab = lab();
    let wait = ["apply", "p.yaml", "--wait-lock", "5m"];
    let children: Vec<Child> = (0..RUNS).map(|_| lab.start(&wait)).collect();
    wait_until("the command", || (log(&lab) == "run\n").then_some(()));
    fs::write(lab.path("go"), "on\n").unwrap();
    let said = ends(children);
    let with = |begin: &str| said.iter().filter(|said| said.out.starts_with(begin)).count();
    for one in &said {
        assert_eq!(one.code, Some(0), "{}{}", one.out, one.err);
    }
    assert_eq!((with("crowd: 4 steps  changed 4  "), with("crowd: 4 steps  ok 4  ")), (1, RUNS - 1));
    assert_eq!(log(&lab), "run\ntold\nonce\n");
}
