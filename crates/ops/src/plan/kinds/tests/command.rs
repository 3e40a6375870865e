//! Commands of this machine: when they are run, what they find, what is kept of what they say.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vps_retry::{Class, Kind};

use super::super::{effect, prove, verify};
use super::lab::{alone, id, network};
use crate::env::Env;
use crate::plan::run::{Done, Proof, StepContext, StepError};
use crate::plan::{
    Action, CommandAction, CommandLine, Guards, Once, Part, Plan, SecretSource, SecretText, Step, Variables,
};

fn shell(text: &str) -> CommandLine {
    CommandLine::Shell { text: text.into(), bash: false }
}

fn argv(words: &[&str]) -> CommandLine {
    CommandLine::Argv(words.iter().map(|word| (*word).into()).collect())
}

fn always() -> Guards {
    Guards { always: true, ..Guards::default() }
}

async fn context(place: &Path, action: CommandAction) -> StepContext {
    alone(&network(Env::real(), None), place, Action::Command(action)).await
}

/// A context with changes of its ground.
async fn ground(place: &Path, action: CommandAction, secret: Option<&str>) -> StepContext {
    let mut cx = context(place, action).await;
    let ground = Arc::get_mut(&mut cx.ground).unwrap();
    ground.logs = Some(place.join("logs"));
    let mut variables =
        vec![("PATH".to_owned(), "/usr/bin:/bin".into()), ("HOME".to_owned(), "/home/us".into())];
    if let Some(secret) = secret {
        variables.push(("TOKEN".to_owned(), secret.into()));
        let plan = Arc::get_mut(&mut ground.plan).unwrap();
        plan.secrets.insert("token".parse().unwrap(), SecretSource::Env("TOKEN".into()));
    }
    ground.variables = Variables::new(variables);
    cx
}

async fn memo(cx: &mut StepContext, change: impl FnOnce(&mut crate::plan::run::Memo)) {
    let step = cx.step().unwrap().clone();
    let mut journal = cx.journal.lock().unwrap();
    journal.note(&step.id, None, |memo| {
        memo.hash = step.hash();
        change(memo);
    });
    let memo = journal.memo(&step.id, None).cloned();
    drop(journal);
    (cx.memo, cx.last) = (memo.clone(), memo);
}

async fn run(cx: &StepContext) -> Result<Done, StepError> {
    effect(cx, None).await
}

/// One guard of each sort, that says that it need not be run, or that it must be.
const GUARDS: [&str; 6] = ["creates", "removes", "unless", "only_if", "on_change", "once"];

async fn asked(place: &Path, all: &[(&str, bool)]) -> Proof {
    let (there, gone) = (place.join("there"), place.join("gone"));
    let (mut guards, mut is_told, mut was_done) = (Guards::default(), false, false);
    for (guard, is_needed) in all {
        match *guard {
            "creates" => guards.creates = Some(if *is_needed { gone.clone() } else { there.clone() }),
            "removes" => guards.removes = Some(if *is_needed { there.clone() } else { gone.clone() }),
            "unless" => guards.unless = Some(argv(&[if *is_needed { "false" } else { "true" }])),
            "only_if" => guards.only_if = Some(shell(if *is_needed { "exit 0" } else { "exit 3" })),
            "on_change" => (guards.on_change, is_told) = (vec![id("other")], *is_needed),
            _ => (guards.once, was_done) = (Some(Once::Ever), !*is_needed),
        }
    }
    let mut cx = context(place, CommandAction::new(argv(&["it"]), guards)).await;
    cx.is_told = is_told;
    if was_done {
        memo(&mut cx, |memo| memo.done_now(0)).await;
    }
    prove(&cx).await.unwrap()
}

#[tokio::test]
async fn where_guards_meet_each_alone_has_it_run_but_only_if_keeps_it_from_that() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("there"), "").unwrap();
    for (at, one) in GUARDS.iter().enumerate() {
        for is_needed in [true, false] {
            let alone = asked(place.path(), &[(one, is_needed)]).await;
            let needless = if *one == "only_if" { Proof::DoesNotApply } else { Proof::Satisfied(None) };
            assert_eq!(alone == needless, !is_needed, "{one}");
        }
        for other in &GUARDS[at + 1..] {
            for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
                let proof = asked(place.path(), &[(one, first), (other, second)]).await;
                let is_needed = match (*one, *other) {
                    ("only_if", _) | (_, "only_if") => first && second,
                    _ => first || second,
                };
                // Who would not be run anyway is not asked for his condition; `unless` is asked after it.
                let is_kept = match (*one, *other) {
                    ("only_if", "unless") => !first,
                    ("unless", "only_if") => !second,
                    ("only_if", _) => !first && second,
                    (_, "only_if") => !second && first,
                    _ => false,
                };
                let expected = match (is_needed, is_kept) {
                    (true, _) => Proof::Missing(Some("it".into())),
                    (false, true) => Proof::DoesNotApply,
                    (false, false) => Proof::Satisfied(None),
                };
                assert_eq!(proof, expected, "{one} {first}, {other} {second}");
            }
        }
    }
    let cx = context(place.path(), CommandAction::new(argv(&["it"]), always())).await;
    assert_eq!(prove(&cx).await.unwrap(), Proof::Missing(Some("it".into())));
}

#[tokio::test]
async fn once_is_for_the_boot_or_as_long_as_it_is_the_same_work() {
    let place = tempfile::tempdir().unwrap();
    for (once, boot, done) in [
        (Once::Ever, "another", true),
        (Once::Boot, "another", false),
        (Once::Boot, Env::real().identity().boot_id.as_str(), true),
    ] {
        let guards = Guards { once: Some(once), ..Guards::default() };
        let mut cx = context(place.path(), CommandAction::new(argv(&["it"]), guards)).await;
        let stamp = json!({ "boot": boot });
        memo(&mut cx, |memo| {
            memo.done_now(0);
            memo.stamp = Some(stamp.clone());
        })
        .await;
        assert_eq!(prove(&cx).await.unwrap() == Proof::Satisfied(None), done, "{once:?} {boot}");
        cx.is_asked = true;
        assert_ne!(prove(&cx).await.unwrap(), Proof::Satisfied(None), "somebody asked for it");
    }
}

#[tokio::test]
async fn a_guard_that_cannot_be_asked_is_no_answer() {
    let place = tempfile::tempdir().unwrap();
    for (line, said) in [
        (argv(&["no-such-program"]), "the guard `no-such-program` cannot be asked"),
        (shell("kill -9 $$"), "the guard `sh` cannot be asked"),
        (argv(&[]), "the command has no words"),
    ] {
        let guards = Guards { unless: Some(line), ..Guards::default() };
        let cx = context(place.path(), CommandAction::new(argv(&["it"]), guards)).await;
        assert_eq!(prove(&cx).await.unwrap_err().to_string(), said);
    }
    let guards = Guards { only_if: Some(argv(&["false"])), ..Guards::default() };
    let action = CommandAction { cwd: Some("not/yet".into()), ..CommandAction::new(argv(&["it"]), guards) };
    let cx = context(place.path(), action).await;
    assert_ne!(prove(&cx).await.unwrap(), Proof::Satisfied(None), "where it is to run comes later");
    assert!(
        run(&cx).await.unwrap_err().to_string().ends_with("not/yet, where it is to be run, is no folder")
    );
}

#[tokio::test]
async fn it_finds_an_empty_input_its_own_variables_and_a_session_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("in")).unwrap();
    let text = "cat; umask; pwd; env | sort; test \"$(ps -o sid= -p $$ | tr -d ' ')\" = $$ && echo leads";
    let mut action = CommandAction::new(shell(text), always());
    action.cwd = Some("in".into());
    action.env.insert("ONE".into(), "1".into());
    let cx = ground(place.path(), action, None).await;
    run(&cx).await.unwrap();
    let logs: Vec<_> =
        std::fs::read_dir(place.path().join("logs")).unwrap().map(|log| log.unwrap()).collect();
    let said = std::fs::read_to_string(logs[0].path()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "0022");
    assert!(lines[1].ends_with("/in"));
    let names: Vec<&str> =
        lines[2..].iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let extra = |name: &&str| !["HOME", "ONE", "PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name);
    assert!(names.contains(&"ONE") && !names.iter().any(extra), "{names:?}");
    assert!(lines.contains(&"HOME=/home/us") && lines.contains(&"PATH=/usr/bin:/bin"), "{said}");
    if Path::new("/usr/bin/ps").exists() || Path::new("/bin/ps").exists() {
        assert_eq!(lines.last(), Some(&"leads"));
    }
    let mode = std::fs::metadata(logs[0].path()).unwrap().permissions().mode();
    assert_eq!((logs.len(), mode & 0o777), (1, 0o600));
    // A new log takes away those of steps that nobody has run for long, and nothing else.
    let at = |name: &str| place.path().join("logs").join(name);
    let long_ago = std::time::UNIX_EPOCH + Env::real().wall() - Duration::from_secs(91 * 24 * 3600);
    std::fs::remove_file(logs[0].path()).unwrap();
    for (name, is_old) in [("gone-01234567.log", true), ("young-01234567.log", false), ("mine.txt", true)] {
        let file = std::fs::File::options().create(true).truncate(false).write(true).open(at(name)).unwrap();
        if is_old {
            file.set_modified(long_ago).unwrap();
        }
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    run(&cx).await.unwrap();
    let is_there = ["gone-01234567.log", "young-01234567.log", "mine.txt"].map(|name| at(name).exists());
    assert_eq!(is_there, [false, true, true]);
}

#[tokio::test]
async fn as_somebody_else_it_has_neither_our_groups_nor_our_home() {
    if Env::real().fs().user() != 0 {
        return println!("skipped: only root runs commands as others");
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = "id -u; id -G; echo $HOME; cat /proc/self/status | grep CapEff; echo seen >/dev/stderr";
    let action = CommandAction { user: Some("daemon".into()), ..CommandAction::new(shell(text), always()) };
    let cx = ground(place.path(), action, None).await;
    run(&cx).await.unwrap();
    let logs: Vec<_> =
        std::fs::read_dir(place.path().join("logs")).unwrap().map(|log| log.unwrap()).collect();
    let said = std::fs::read_to_string(logs[0].path()).unwrap();
    assert!(said.ends_with("seen\n"), "{said}");
    let action = CommandAction { user: Some("no-such".into()), ..CommandAction::new(shell(text), always()) };
    let cx = ground(place.path(), action, None).await;
    assert_eq!(run(&cx).await.unwrap_err().to_string(), "this machine has no user `no-such`");
}

#[tokio::test]
async fn a_failure_has_its_code_its_last_lines_and_its_log_without_secrets() {
    let place = tempfile::tempdir().unwrap();
    let key = "canary-1\nsecond-line-of-canary\n";
    let text =
        "echo start; echo \"$KEY\"; echo \"by $KEY\" >&2; for i in $(seq 30); do echo $i; done; exit 7";
    let mut action = CommandAction::new(shell(text), always());
    let secret = SecretText::new([Part::Secret("token".parse().unwrap())]);
    action.env.insert("KEY".into(), secret);
    let cx = ground(place.path(), action, Some(key)).await;
    let error = run(&cx).await.unwrap_err();
    assert_eq!((error.code, error.kind, error.class), (Some(7), Kind::Failed, Class::Permanent));
    assert_eq!(error.causes, ["`sh` ended with code 7"]);
    assert_eq!((error.tail.len(), &*error.tail[0], &*error.tail[19]), (20, "11", "30"));
    let log = std::fs::read_to_string(error.log.as_ref().unwrap()).unwrap();
    assert!(log.starts_with("start\n***") && !log.contains("canary"), "{log}");
    assert!(!format!("{error:?} {cx:?}").contains("canary"));
}

#[tokio::test]
async fn errors_are_told_apart() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("no-program"), "").unwrap();
    for (line, cause, code) in [
        (argv(&["no-such-program"]), "`no-such-program` was not found", None),
        (argv(&["./no-program"]), "`./no-program` cannot be executed", None),
        (shell("no-such-program"), "`sh` ended with code 127", Some(127)),
        (shell("echo start: not found >&2; exit 127"), "`sh` ended with code 127", Some(127)),
        (shell("kill -6 $$"), "`sh` was ended by signal 6", None),
        (shell("false; echo no"), "`sh` ended with code 1", Some(1)),
        (shell("echo $unset"), "`sh` ended with code 2", Some(2)),
        (CommandLine::Shell { text: "false | true".into(), bash: true }, "`bash` ended with code 1", Some(1)),
    ] {
        let cx = context(place.path(), CommandAction::new(line, always())).await;
        let error = run(&cx).await.unwrap_err();
        assert_eq!((&*error.causes[0], error.code, error.attempts), (cause, code, 1));
    }
}

#[tokio::test]
async fn what_was_to_be_made_and_was_not_is_known_afterwards() {
    let place = tempfile::tempdir().unwrap();
    let guards = Guards { creates: Some("made".into()), once: Some(Once::Ever), ..Guards::default() };
    let cx = context(place.path(), CommandAction::new(shell("true"), guards.clone())).await;
    run(&cx).await.unwrap();
    assert!(matches!(verify(&cx).await.unwrap(), Proof::Missing(Some(path)) if path.ends_with("made")));
    let cx = context(place.path(), CommandAction::new(shell("touch made"), guards)).await;
    run(&cx).await.unwrap();
    assert_eq!(verify(&cx).await.unwrap(), Proof::Satisfied(None));
}

#[tokio::test]
async fn it_is_tried_again_only_where_that_was_asked_for_and_may_be() {
    let place = tempfile::tempdir().unwrap();
    let tried = |guards: Guards| {
        let place = place.path().to_owned();
        async move {
            let _ = std::fs::remove_file(place.join("tries"));
            let text = "echo try >>tries; echo said; test $(wc -l <tries) = 2";
            let mut cx = ground(&place, CommandAction::new(shell(text), guards), None).await;
            cx.options.attempts = std::num::NonZeroU32::new(3);
            cx.options.total = Some(Duration::from_secs(60));
            let done = run(&cx).await;
            (done.is_ok(), std::fs::read_to_string(place.join("tries")).unwrap().lines().count())
        }
    };
    let once = Guards { once: Some(Once::Ever), ..Guards::default() };
    assert_eq!(tried(once.clone()).await, (false, 1), "nobody knows what half of it did");
    assert_eq!(tried(Guards { idempotent: true, ..once }).await, (true, 2));
    assert_eq!(tried(always()).await, (true, 2));
}

#[tokio::test]
async fn at_its_limit_it_is_told_to_end_and_its_last_words_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let text = "trap 'echo told; exit 0' TERM; echo $$ >pid; echo begun; sleep 1000 & wait";
    let mut cx = ground(place.path(), CommandAction::new(shell(text), always()), None).await;
    cx.options.total = Some(Duration::from_millis(400));
    let error = run(&cx).await.unwrap_err();
    assert_eq!((error.kind, &*error.tail), (Kind::Timeout, &["begun".into(), "told".into()][..]));
    let pid = std::fs::read_to_string(place.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    let stop = cx.options.cancel.clone();
    cx.options.total = None;
    let (stopped, ()) = tokio::join!(run(&cx), async {
        let _ = std::fs::remove_file(place.path().join("pid"));
        tokio::task::yield_now().await;
        stop.cancel();
    });
    assert_eq!(stopped.unwrap_err().kind, Kind::Cancelled);
}

#[tokio::test]
async fn who_begins_is_written_down_before_it_does_anything() {
    use crate::process::{Begin, CommandError, ProcessSpec, Runner, SystemRunner, Transcript};

    /// Looks whether anything was done, and says no.
    struct Refusing(PathBuf);

    #[async_trait::async_trait]
    impl Begin for Refusing {
        async fn begins(&self, leader: &crate::env::ProcessIdentity) -> bool {
            let env = Env::real();
            assert!(env.is_alive(leader) && leader.started != 0);
            env.bell(env.now().after(Duration::from_millis(30))).await;
            assert!(!self.0.exists());
            false
        }
    }

    let place = tempfile::tempdir().unwrap();
    let (runner, env, said) = (SystemRunner::new(), Env::real(), Transcript::new().unwrap());
    let made = place.path().join("made");
    let spec = ProcessSpec::new("touch").arg(&made);
    let refused = runner.work(&env, &spec, &Refusing(made.clone()), &said).await;
    assert!(matches!(refused, Err(CommandError::NotBegun { .. })));
    runner.settle(&env).await;
    assert!(!made.exists());
    runner.work(&env, &spec, &(), &said).await.unwrap();
    assert!(made.exists());
    let cx = context(place.path(), CommandAction::new(argv(&["true"]), always())).await;
    run(&cx).await.unwrap();
    let leader = cx.journal.lock().unwrap().memo(&id("it"), None).unwrap().leader.clone().unwrap();
    assert_eq!(leader.boot_id, env.identity().boot_id);
    assert!(!env.is_alive(&leader));
}

#[tokio::test]
async fn marks_that_nobody_would_keep_are_not_relied_on() {
    use crate::plan::run::{ApplyOptions, Deferral, Outcome, apply};
    use crate::store::{MemoryStore, StoreHandle};

    let place = tempfile::tempdir().unwrap();
    let network = network(Env::real(), None);
    let plan = || {
        let guards = Guards { once: Some(Once::Ever), ..Guards::default() };
        let once = CommandAction::new(shell("echo run >>ran"), guards);
        let free = CommandAction::new(shell("true"), always());
        let steps = [("once", once), ("free", free)]
            .map(|(name, action)| Step::new(id(name), Action::Command(action)));
        Arc::new(Plan::new("test", place.path(), steps.into()))
    };
    let options = ApplyOptions::default();
    let applied = apply(&network, &StoreHandle::in_memory(), plan(), &options, &()).await.unwrap();
    assert!(matches!(applied.steps[0].outcome, Outcome::Deferred(Deferral::NoJournal)));
    assert!(matches!(applied.steps[1].outcome, Outcome::Done { changed: true, .. }));
    let store = StoreHandle::inline(MemoryStore::outliving());
    for _ in 0..2 {
        apply(&network, &store, plan(), &options, &()).await.unwrap();
    }
    let mut again = ApplyOptions::default();
    again.selection.rerun = vec![id("once")];
    apply(&network, &store, plan(), &again, &()).await.unwrap();
    assert_eq!(std::fs::read_to_string(place.path().join("ran")).unwrap(), "run\nrun\n");
    std::fs::remove_file(place.path().join("ran")).unwrap();
    let (store, mut marked) = (StoreHandle::inline(MemoryStore::outliving()), ApplyOptions::default());
    marked.selection.mark_done = vec![id("once")];
    apply(&network, &store, plan(), &marked, &()).await.unwrap();
    let applied = apply(&network, &store, plan(), &options, &()).await.unwrap();
    assert!(matches!(applied.steps[0].outcome, Outcome::Satisfied) && !place.path().join("ran").exists());
}

#[tokio::test]
async fn a_command_that_takes_too_long_ran_too_long_and_owes_no_answer() {
    let place = tempfile::tempdir().unwrap();
    let action = CommandAction::new(argv(&["sleep", "1000"]), always());
    let mut cx = context(place.path(), action).await;
    cx.options.total = Some(Duration::from_millis(200));
    let failed = effect(&cx, None).await.unwrap_err();
    let said = failed.causes.first().unwrap().to_string();
    assert!(said.starts_with("ran longer than 0."), "{said}");
}

#[tokio::test]
async fn of_a_program_that_cannot_be_run_only_that_is_said() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("plain"), "").unwrap();
    std::fs::set_permissions(place.path().join("plain"), std::fs::Permissions::from_mode(0o644)).unwrap();
    for (program, why) in
        [("no-such-program", "`no-such-program` was not found"), ("./plain", "cannot be executed")]
    {
        let cx = ground(place.path(), CommandAction::new(argv(&[program]), always()), None).await;
        let failed = effect(&cx, None).await.unwrap_err();
        assert!(failed.causes.first().unwrap().to_string().contains(why), "{failed:?}");
        assert!(failed.tail.is_empty() && failed.log.is_none(), "our own words are no words of the program");
    }
}
