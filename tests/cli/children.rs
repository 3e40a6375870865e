//! What the programs that are started find: their environment, and their limits.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::lab::Lab;
use crate::said::Said;

/// A shell in between sets these itself.
const SHELLS: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];

type Variables = BTreeMap<String, String>;

/// What `env -0` wrote to a file.
fn found(lab: &Lab, file: &str) -> Variables {
    let text = String::from_utf8(lab.read(file).unwrap()).unwrap();
    let variables = text.split_terminator('\0').map(|line| line.split_once('=').unwrap());
    let ours = variables.filter(|(name, _)| !SHELLS.contains(name));
    ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the program itself was given.
fn given(command: &Command) -> Variables {
    let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
    command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect()
}

/// With `more`, and without what is in `taken`.
fn with(mut variables: Variables, more: &[(&str, &str)], taken: &[&str]) -> Variables {
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables.retain(|name, _| !taken.contains(&&**name));
    variables
}

fn script(lab: &Lab, name: &str, text: &str) -> String {
    let path = lab.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn a_command_finds_our_environment_and_nothing_else() {
    let lab = Lab::new();
    let mut command = lab.command(&["run", "--", "sh", "-c", "env -0 >found"]);
    command.env("TOKEN", "mine").env("GIT_DIR", "/nowhere");
    let expected = given(&command);
    assert!(command.status().unwrap().success());
    assert_eq!(found(&lab, "found"), expected);
}

#[test]
fn ssh_finds_our_environment_without_what_ties_git_to_a_repository() {
    let lab = Lab::new();
    let ssh = script(&lab, "ssh.sh", "#!/bin/sh\nenv -0 >\"${0%/*}/found\"\nexit 255\n");
    let mut command = lab.command(&["git", "clone", "git@host.invalid:a", "dest", "--retries", "1"]);
    let ties =
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_PARAMETERS", "GIT_OBJECT_DIRECTORY"];
    ties.iter().for_each(|name| {
        command.env(name, "/nowhere");
    });
    command.env("GIT_SSH_COMMAND", format!("sh {ssh}")).env("TOKEN", "mine").env("GIT_PROTOCOL", "version=0");
    let expected = with(given(&command), &[("GIT_PROTOCOL", "version=2")], &ties);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    assert_eq!(found(&lab, "found"), expected);
}

#[test]
fn apts_programs_find_our_environment_and_that_nobody_answers() {
    let lab = Lab::new();
    fs::create_dir(lab.path("bin")).unwrap();
    for program in ["apt-get", "apt-config", "dpkg", "dpkg-query"] {
        let text =
            format!("#!/bin/sh\nenv -0 >\"$HOME/{program}\"\n>>\"$HOME/ran\" echo {program}\nexit 100\n");
        script(&lab, &format!("bin/{program}"), &text);
    }
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = lab.command(&["apt", "update", "--retries", "1"]);
    command.env("PATH", path).env("TOKEN", "mine").env("DEBIAN_FRONTEND", "dialog").env("LC_ALL", "de_DE");
    let answers = [
        ("LC_ALL", "C.UTF-8"),
        ("LANGUAGE", ""),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBIAN_PRIORITY", "critical"),
        ("APT_LISTCHANGES_FRONTEND", "none"),
        ("NEEDRESTART_MODE", "a"),
        ("UCF_FORCE_CONFFOLD", "1"),
        ("PAGER", "cat"),
    ];
    let expected = with(given(&command), &answers, &[]);
    let said: Said = command.output().unwrap().into();
    let ran = String::from_utf8(lab.read("ran").unwrap_or_else(|| panic!("none ran: {}", said.err))).unwrap();
    for program in ran.lines() {
        assert_eq!(found(&lab, program), expected, "{program}");
    }
}

/// The soft limit of a process's core dumps, as `/proc/PID/limits` says it.
const LIMIT_OF: &str = "limit() { while read -r line; do case $line in 'Max core file size'*) \
                        set -- $line; echo \"$5\" ;; esac; done <\"/proc/$1/limits\"; }";

#[test]
fn we_leave_no_core_dump_and_a_command_may_leave_its_own() {
    let lab = Lab::new();
    // It may be faster than we are: ours is low again once the command was started.
    let inner = format!("{LIMIT_OF}; until [ \"$(limit $PPID)\" = 1 ]; do :; done; limit $PPID; limit $$");
    let command = lab.command(&["run", "--retries", "1", "--timeout", "20s", "--", "sh", "-c", &inner]);
    let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
    let mut outer = Command::new("sh");
    outer.args(["-c", "ulimit -S -c 8 && exec \"$0\" \"$@\""]).arg(command.get_program()).args(&words);
    outer.env_clear().envs(given(&command)).current_dir(lab.folder.path());
    let output = outer.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let limits: Vec<u64> = out.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{out}"))).collect();
    assert_eq!(limits.len(), 2, "it stays as it was: {}", String::from_utf8_lossy(&output.stderr));
    // A shell counts in blocks of 512 or 1024 bytes.
    assert_eq!(limits[0], 1, "ours: {out}");
    assert!([8 * 512, 8 * 1024].contains(&limits[1]), "the command's: {out}");
}
