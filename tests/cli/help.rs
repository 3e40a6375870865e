//! Help: there for everything, short and long, and true.

use crate::lab::Lab;
use crate::said::{golden, run};

/// Every command, as words, the program itself as none: found in the help itself.
fn commands(lab: &Lab) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while let Some(words) = found.get(next).cloned() {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("-h");
        let said = run(lab, &args);
        let listed = said.out.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            if name != "help" && line.starts_with("  ") && !line.starts_with("   ") {
                found.push([words.clone(), vec![name.to_owned()]].concat());
            }
        }
        next += 1;
    }
    found
}

#[test]
fn every_command_explains_itself() {
    let lab = Lab::new();
    let commands = commands(&lab);
    assert!(commands.len() > 13, "{commands:?}");
    for words in commands {
        for flag in ["-h", "--help"] {
            let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
            args.push(flag);
            let said = run(&lab, &args);
            assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
            let usage = format!(
                "Usage: vps-configurator{}",
                words.iter().fold(String::new(), |all, word| all + " " + word)
            );
            assert!(said.out.contains(&usage), "{args:?}\n{}", said.out);
            let longest = said.out.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(130), "{args:?}: {longest:?}");
        }
    }
    assert!(!lab.path("state").exists(), "help touches nothing");
}

#[test]
fn every_long_help_has_an_example() {
    let lab = Lab::new();
    for words in commands(&lab) {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let said = run(&lab, &args);
        assert!(said.out.contains("Examples:\n  vps-configurator "), "{args:?}\n{}", said.out);
    }
}

/// What stands under a heading of the long help.
fn under(said: &str, heading: &str) -> String {
    let lines = said.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_long_help_has_the_exit_codes_that_it_can_end_with() {
    let lab = Lab::new();
    let mut text = String::new();
    for words in commands(&lab) {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let said = run(&lab, &args);
        let codes = under(&said.out, "Exit codes:");
        assert!(codes.contains("stopped by SIGHUP"), "{args:?}\n{}", said.out);
        text += &format!("{}\n{codes}\n", args.join(" "));
    }
    golden!("help-exit-codes", text);
}

#[test]
fn long_help_begins_with_examples_and_ends_with_codes_and_a_link() {
    let lab = Lab::new();
    for args in
        [&["--help"] as &[_], &["download", "--help"], &["run", "--help"], &["apt", "install", "--help"]]
    {
        let said = run(&lab, args);
        assert!(said.out.starts_with("Examples:\n"), "{}", said.out);
        assert!(said.out.trim_end().lines().last().unwrap().starts_with("Documentation: https://"));
        assert!(!args[0].starts_with("-") || said.out.contains("all processes of this machine share"));
    }
    // The longer description, which the short help leaves out.
    let longer: [(&[&str], &str); 4] = [
        (&["download"], "as it was"),
        (&["run"], "half of it"),
        (&["apt", "install"], "never dpkg"),
        (&["apt", "update"], "circuit breaker"),
    ];
    for (command, words) in longer {
        let unwrapped = |flag| {
            run(&lab, &[command, &[flag]].concat()).out.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert!(unwrapped("--help").contains(words), "{}", unwrapped("--help"));
        assert!(!unwrapped("-h").contains(words), "{}", unwrapped("-h"));
    }
    let short = run(&lab, &["-h"]);
    assert!(short.out.lines().count() < 40, "{}", short.out);
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let lab = Lab::new();
    let plan = "version: 1\nsteps: [{id: app, file: {dest: app, content: x}}]\n";
    std::fs::write(lab.path("web.yaml"), plan).unwrap();
    let mut tried = 0;
    let pages = [
        &["--help"] as &[_],
        &["apply", "--help"],
        &["download", "--help"],
        &["run", "--help"],
        &["apt", "update", "--help"],
        &["apt", "install", "--help"],
        &["circuit-breaker", "--help"],
        &["circuit-breaker", "status", "--help"],
        &["circuit-breaker", "reset", "--help"],
        &["circuit-breaker", "open", "--help"],
        &["circuit-breaker", "close", "--help"],
        &["config", "show", "--help"],
        &["config", "check", "--help"],
        &["config", "path", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ];
    for args in pages {
        let said = run(&lab, args);
        for line in said.out.lines().filter_map(|line| line.trim().strip_prefix("vps-configurator ")) {
            let line = line.split(" | ").next().unwrap().replace("HEX", &"0".repeat(64));
            let mut words: Vec<&str> = line.split_whitespace().collect();
            if ["apply", "download", "run"].contains(&words[0]) && !words.contains(&"--dry-run") {
                words.insert(1, "--dry-run");
            }
            // Where the line was too long for the page.
            if words.last() == Some(&"--checksum") {
                words.push("https://a.example.com/SHA256SUMS");
            }
            tried += 1;
            if words[0] == "apt" {
                // This machine's packages are not ours to touch: all of it is understood but the last word.
                words.push("--no-such-option");
                let said = run(&lab, &words);
                assert_eq!(said.code, 2, "{words:?}: {}", said.err);
                assert!(said.err.contains("--no-such-option"), "{words:?}: {}", said.err);
                continue;
            }
            let said = run(&lab, &words);
            assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        }
    }
    assert!(tried >= 10, "{tried}");
}

#[test]
fn a_group_alone_prints_its_help() {
    let lab = Lab::new();
    for args in [&[] as &[_], &["circuit-breaker"], &["breaker"], &["dlq"], &["config"], &["apt"]] {
        // Whatever our variables say.
        let variables = [("VPS_CONFIGURATOR_CONFIG", "missing"), ("VPS_CONFIGURATOR_LOG_FORMAT", "bogus")];
        for said in [run(&lab, args), crate::said::run_with(&lab, &variables, args)] {
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}");
            assert!(said.err.contains("Commands:"), "{args:?}: {}", said.err);
        }
    }
}

#[test]
fn the_version_is_known() {
    let said = run(&Lab::new(), &["--version"]);
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("vps-configurator 0."), "{}", said.out);
}
