//! Every rule of a plan, and what is said where it is broken.

use super::tests::{problems, problems_of_step};
use super::{Facts, Origin, Plan};

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(problems(text), expected, "{text}");
}

/// What is wrong with a step that has these lines behind its `- id: a`; places are in them.
#[track_caller]
fn step_says(lines: &str, expected: &[&str]) {
    assert_eq!(problems_of_step(lines), expected, "{lines}");
}

#[test]
fn the_whole_of_a_plan() {
    says("", &["1:1: the plan is empty"]);
    says("# nothing\n---\n", &["1:1: the plan is empty"]);
    let keys = "its keys are `version`, `name`, `vars`, `secrets`, `defaults`, `steps`";
    says("- a", &[&format!("1:1: expected a group of keys, found a list; {keys}")]);
    says("version: 1", &["1:1: `steps` is missing"]);
    says("{}", &["1:1: `version` is missing", "1:1: `steps` is missing"]);
    says(
        "version: 2\nsteps: []",
        &["1:10: version: only `version: 1` is known", "2:8: steps: the list is empty"],
    );
    says(
        "version: one\nsteps: [{}]",
        &[
            "1:10: version: expected a whole number, found a text",
            "2:9: steps[0]: `id` is missing",
            "2:9: steps[0]: a step does one thing: one of `packages`, `apt_repository`, `download`, `git`, `file`, `command`, `systemd`, `gate`, `module` is missing",
        ],
    );
    says("version: 1\nsteps:\n", &["2:1: steps: expected a list, found nothing"]);
    says(
        "version: 1\nversion: 1\nsteps: [{id: a, packages: [jq]}]",
        &["2:1: version: the key stands here twice; it is in line 1 already"],
    );
    says(
        "version: 1\nvar: {}\nsteps: [{id: a, packages: [jq]}]",
        &["2:1: var: there is no key `var` here; did you mean `vars`?"],
    );
    says("version: 1\nsteps: [{id: a, packages: [jq]}]\n---\n{}", &["3:1: only one document is read"]);
    says("version: 1\n\tx: 1", &["1:10: this is not YAML: while scanning a plain scalar, found a tab"]);
    says(
        "version: !x 1\nsteps: [{id: a, packages: [jq]}]",
        &["1:13: version: the tag `!x` means nothing here"],
    );
    says("version: 1\n? [a]\n: 1\n", &["2:3: a key is a text"]);
    says("a: *b", &["1:4: this is not YAML: while parsing node, found unknown anchor"]);
    says(
        "version: 1\nname: A b\nsteps: [{id: a, packages: [jq]}]",
        &["2:7: name: `A b` is no name: `A` is none of a-z, 0-9, `.`, `_`, `-`"],
    );
}

#[test]
fn names_of_steps_and_whom_they_wait_for() {
    says(
        "version: 1\nsteps:\n- {id: a, packages: [jq]}\n- {id: a, packages: [jq]}\n- {id: A, packages: [jq]}\n",
        &[
            "4:8: steps[1].id: there is a step `a` already, in line 3",
            "5:8: steps[2].id: `A` is no name: `A` is none of a-z, 0-9, `.`, `_`, `-`",
        ],
    );
    // A step of one object that stands there twice.
    says(
        "version: 1\nsteps:\n- &one {id: a, packages: [jq]}\n- *one\n",
        &["3:13: steps[0].id: there is a step `a` already, in line 3"],
    );
    says(
        "version: 1\nsteps:\n- {id: alpha, needs: [alpah, alpha], packages: [jq]}\n",
        &[
            "3:23: steps[0].needs[0]: there is no step `alpah`; did you mean `alpha`?",
            "3:30: steps[0].needs[1]: a step cannot wait for itself",
        ],
    );
    // Whom a step names that is wrong itself.
    says(
        "version: 1\nname: x\nsteps:\n- {id: beta, needs: [alpah], packages: []}\n- {id: alpha, command: {argv: [], on_change: [gamma, beta]}}\n",
        &[
            "4:22: steps[0].needs[0]: there is no step `alpah`; did you mean `alpha`?",
            "4:40: steps[0].packages: the list is empty",
            "5:31: steps[1].command.argv: the list is empty",
            "5:47: steps[1].command.on_change[0]: there is no step `gamma`",
        ],
    );
    // What was meant by another key is not missed, too; what was not is.
    says(
        "version: 1\nsteps:\n- {id: a, downlaod: {}}\n- {id: b, git: {ur: x}}\n- {id: c, frobnicate: 1}\n",
        &[
            "3:11: steps[0].downlaod: there is no key `downlaod` here; did you mean `download`?",
            "4:16: steps[1].git: `dest` is missing",
            "4:17: steps[1].git.ur: there is no key `ur` here; did you mean `url`?",
            "5:3: steps[2]: a step does one thing: one of `packages`, `apt_repository`, `download`, `git`, `file`, `command`, `systemd`, `gate`, `module` is missing",
            "5:11: steps[2].frobnicate: there is no key `frobnicate` here",
        ],
    );
    // Who needs a step that is wrong is not wrong, too.
    says(
        "version: 1\nsteps:\n- {id: a, packages: []}\n- {id: b, needs: [a], packages: [jq]}\n- {id: c, gate: {}}\n- {id: d, needs: [c], packages: [jq]}\n",
        &[
            "3:21: steps[0].packages: the list is empty",
            "5:17: steps[2].gate: one of `connect`, `http`, `dns`, `service`, `exists` is missing",
        ],
    );
    says(
        "version: 1\nsteps:\n- {id: a, was: b, packages: [jq]}\n- {id: b, was: x, packages: [jq]}\n- {id: c, was: x, packages: [jq]}\n",
        &[
            "3:16: steps[0].was: `b` is the name of a step of today; `was` is one that no step has any more",
            "5:16: steps[2].was: `x` is what another step was already",
        ],
    );
    says(
        "version: 1\nsteps:\n- {id: a, packages: [jq], file: {dest: /a, content: x}, frobnicate: 1}\n",
        &[
            "3:27: steps[0].file: a step does one thing, and this one has `packages` already: write two steps",
            "3:57: steps[0].frobnicate: there is no key `frobnicate` here",
        ],
    );
}

/// Whichever of the two it is that is wrong, and each of the items.
#[test]
fn a_name_that_is_there_twice_is_told_of_whatever_else_is_wrong_with_its_steps() {
    says(
        "version: 1\nsteps:\n- {id: a, packages: [jq]}\n- {id: a, packages: []}\n- {id: b, pakages: [jq]}\n- {id: b, packages: [jq]}\n- {id: b, git: {}}\n",
        &[
            "4:8: steps[1].id: there is a step `a` already, in line 3",
            "4:21: steps[1].packages: the list is empty",
            "5:11: steps[2].pakages: there is no key `pakages` here; did you mean `packages`?",
            "6:8: steps[3].id: there is a step `b` already, in line 5",
            "7:8: steps[4].id: there is a step `b` already, in line 5",
            "7:16: steps[4].git: `url` is missing",
            "7:16: steps[4].git: `dest` is missing",
        ],
    );
    says(
        "version: 1\nsteps:\n- {id: a, each: [x, y, y], packages: ['${nothing}']}\n- {id: a, each: [x], packages: [jq]}\n- {id: a, packages: [jq]}\n",
        &[
            "3:24: steps[0].each[2]: there is a step `a[y]` already, in line 3",
            "3:40: steps[0].packages[0]: `${nothing}` is not defined",
            "4:18: steps[1].each[0]: there is a step `a[x]` already, in line 3",
        ],
    );
    // Not more than that is said of whoever names one of them, nor of what is no name at all.
    says(
        "version: 1\nsteps:\n- {id: a, packages: []}\n- {id: a, needs: [a], packages: [jq]}\n- {id: A, packages: [jq]}\n- {id: A, packages: [jq]}\n",
        &[
            "3:21: steps[0].packages: the list is empty",
            "4:8: steps[1].id: there is a step `a` already, in line 3",
            "5:8: steps[2].id: `A` is no name: `A` is none of a-z, 0-9, `.`, `_`, `-`",
            "6:8: steps[3].id: `A` is no name: `A` is none of a-z, 0-9, `.`, `_`, `-`",
        ],
    );
}

/// What is said of a step of a name that is none, or of items that are none, and not of who names it.
#[test]
fn whoever_names_a_step_that_is_wrong_is_not_wrong_too() {
    let named = |step: &str, names: &str| {
        format!(
            "version: 1\nname: x\nsteps:\n- {step}\n- {{id: b, needs: [{names}], packages: [jq]}}\n- {{id: c, systemd: {{unit: u, on_change: [{names}]}}}}\n"
        )
    };
    let items = |index: u8, column: u8| {
        format!(
            "4:{column}: steps[0].each[{index}]: an item of `each` is a text of 1 to 128 characters that can be seen"
        )
    };
    let no_group = format!(
        "4:3: steps[0]: expected a group of keys, found a text; its keys are {}",
        "id was each needs when on_failure timeout retries circuit packages apt_repository download git file command systemd gate module"
            .split(' ')
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let (first, second) = (items(0, 18), items(1, 21));
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "{id: Web, packages: [jq]}",
            "Web",
            &["4:8: steps[0].id: `Web` is no name: `W` is none of a-z, 0-9, `.`, `_`, `-`"],
        ),
        (
            "{id: 'a b[c]', packages: [jq]}",
            "'a b[c]'",
            &["4:8: steps[0].id: `a b[c]` is no name: ` ` is none of a-z, 0-9, `.`, `_`, `-`"],
        ),
        (
            "{id: Web, each: [x, y], packages: [jq]}",
            "Web, 'Web[y]'",
            &["4:8: steps[0].id: `Web` is no name: `W` is none of a-z, 0-9, `.`, `_`, `-`"],
        ),
        ("{id: [web], packages: [jq]}", "web", &["4:8: steps[0].id: expected a text, found a list"]),
        (
            "{idd: web, packages: [jq]}",
            "web",
            &["4:4: steps[0].idd: there is no key `idd` here; did you mean `id`?"],
        ),
        ("{packages: [jq]}", "web", &["4:3: steps[0]: `id` is missing"]),
        ("web", "web", &[&no_group]),
        (
            "{id: a, each: x, packages: [jq]}",
            "a, 'a[x]'",
            &["4:17: steps[0].each: expected a list, found a text"],
        ),
        ("{id: a, each: [], packages: [jq]}", "a, 'a[x]'", &["4:17: steps[0].each: the list is empty"]),
        ("{id: a, each: ['', xx], packages: ['${item}']}", "a, 'a[z]'", &[&first]),
        ("{id: a, each: [x, ''], packages: [jq]}", "a, 'a[x]', 'a[z]'", &[&second]),
        (
            "{id: a, each: [x, [y]], packages: [jq]}",
            "a, 'a[y]'",
            &["4:21: steps[0].each[1]: expected a text, found a list"],
        ),
        (
            "{id: a, each: [[y]], packages: [jq]}",
            "a, 'a[y]'",
            &["4:18: steps[0].each[0]: expected a text, found a list"],
        ),
        // All else is said of a step whose items are wrong.
        (
            "{id: a, each: x, packages: ['-${item}', J]}",
            "a",
            &[
                "4:17: steps[0].each: expected a list, found a text",
                "4:43: steps[0].packages[1]: `J` is no package to install: a name has at least two of a-z, 0-9, `+`, `-` and `.`, the first of them a letter or a digit",
            ],
        ),
    ];
    for (step, names, expected) in cases {
        says(&named(step, names), expected);
    }
    // One that nothing is wrong with has no such item.
    says(
        "version: 1\nsteps:\n- {id: a, each: [x], packages: [jq]}\n- {id: b, needs: ['a[y]'], packages: [jq]}\n",
        &["4:19: steps[1].needs[0]: there is no step `a[y]`; did you mean `a[x]`?"],
    );
}

#[test]
fn whoever_uses_a_value_that_is_wrong_is_not_wrong_too() {
    says(
        "version: 1\nvars: {one: , a-b: x, three: [x]}\nsecrets: {t: text, U: {env: X}, v: {}}\nsteps:\n- id: a\n  when: {var: {one: x, a-b: y}}\n  download: {url: 'https://example.com/${one}${a-b}', dest: '${three}', headers: {A: '${secret.t}${secret.U}${secret.v}'}}\n",
        &[
            "2:8: vars.one: expected a text, found nothing",
            "2:15: vars.a-b: `a-b` is no name of a variable: it has a-z, A-Z, 0-9 and `_`, no digit first, 64 at most",
            "2:30: vars.three: expected a text, found a list",
            "3:14: secrets.t: expected a group of keys, found a text; its keys are `file`, `credential`, `env`",
            "3:20: secrets.U: `U` is no name: `U` is none of a-z, 0-9, `.`, `_`, `-`",
            "3:36: secrets.v: one of `file`, `credential`, `env` is missing",
        ],
    );
    // A list of which nothing is right is not empty, too.
    step_says("packages: [[jq]]", &["1:12: packages[0]: expected a text, found a list"]);
}

/// A key that was meant by one that there is not is not missed, too.
#[test]
fn what_is_written_nearly_right_is_said_once() {
    let sha256 = "0".repeat(64);
    let key = format!("{{url: https://example.com/k, sha265: {sha256}}}");
    for (lines, meant) in [
        ("command: {argv: [a], create: /a}".to_owned(), "creates"),
        ("command: {argv: [a], alway: true}".to_owned(), "always"),
        ("command: {argvv: [a], always: true}".to_owned(), "argv"),
        ("command: {shel: a, expand: true, bash: true, always: true}".to_owned(), "shell"),
        ("download: {url: https://example.com/a, desta: /a, mode: '0644'}".to_owned(), "dest"),
        ("file: {dest: a, contents: b, expand: true}".to_owned(), "content"),
        ("systemd: {unit: a, sate: started}".to_owned(), "state"),
        (
            "apt_repository: {uris: https://example.com/d, suites: a, component: b, key: {text: k}}"
                .to_owned(),
            "components",
        ),
        (format!("apt_repository: {{uris: https://example.com/d, suites: a/, key: {key}}}"), "sha256"),
        ("when: {oss: debian}\n  packages: [jq]".to_owned(), "os"),
    ] {
        let said = problems_of_step(&lines);
        assert_eq!(said.len(), 1, "{lines}: {said:#?}");
        assert!(said[0].ends_with(&format!("did you mean `{meant}`?")), "{said:?}");
    }
    says(
        "version: 1\nnmae: x\nsteps: [{id: a, command: {argv: [a], once: true}}]",
        &["2:1: nmae: there is no key `nmae` here; did you mean `name`?"],
    );
}

#[test]
fn what_a_text_must_be_is_asked_of_it_filled_in() {
    let with =
        |dir: &str, step: &str| format!("version: 1\nvars: {{v: '{dir}'}}\nsteps:\n- id: a\n  {step}\n");
    for dir in ["/etc/", "/etc/.", "/etc/..", "/", ".", ".."] {
        let said = problems(&with(dir, "file: {dest: '${v}', content: x}"));
        assert_eq!(said.len(), 1, "{dir}: {said:?}");
        assert!(said[0].starts_with("5:16: steps[0].file.dest: /"), "{said:?}");
        assert!(said[0].ends_with("names a folder; write the name of a file in it"), "{said:?}");
    }
    for (dir, step) in [
        ("a", "file: {dest: '/etc/${v}', content: x}"),
        (
            "https://example.com/SHA256SUMS",
            "download: {url: https://example.com/a, dest: /a, checksum: '${v}'}",
        ),
    ] {
        assert_eq!(problems(&with(dir, step)), [""; 0], "{step}");
    }
    says(
        &with(" ", "command: {shell: '${v}', expand: true, always: true}"),
        &["5:20: steps[0].command.shell: it is empty"],
    );
}

#[test]
fn steps_in_a_ring_are_named() {
    says(
        "version: 1\nsteps:\n- {id: a, needs: [c], packages: [jq]}\n- {id: b, needs: [a], packages: [jq]}\n- {id: c, needs: [b], packages: [jq]}\n",
        &[
            "3:19: steps[0].needs[0]: the steps wait for each other: `a` needs `c`, `c` needs `b`, `b` needs `a`",
        ],
    );
    // The one below has no needs of its own, and so comes after all above it.
    says(
        "version: 1\nsteps:\n- {id: a, needs: [c], packages: [jq]}\n- {id: b, packages: [jq]}\n- {id: c, packages: [jq]}\n",
        &[
            "3:19: steps[0].needs[0]: the steps wait for each other: `a` needs `c`, `c` has no `needs` and stands below `a`",
        ],
    );
    says(
        "version: 1\nname: x\nsteps:\n- {id: a, needs: [], systemd: {unit: a, on_change: [b]}}\n- {id: b, packages: [jq]}\n",
        &[
            "4:53: steps[0].systemd.on_change[0]: the steps wait for each other: `a` watches `b`, `b` has no `needs` and stands below `a`",
        ],
    );
    // One whose needs are wrong is not taken for one that has none.
    says(
        "version: 1\nsteps:\n- {id: a, needs: [b], packages: [jq]}\n- {id: b, needs: a, packages: [jq]}\n",
        &["4:18: steps[1].needs: expected a list, found a text"],
    );
    let rings = problems(
        "version: 1\nsteps:\n- {id: a, needs: [b], packages: [jq]}\n- {id: b, needs: [a], packages: [jq]}\n- {id: c, needs: [d], packages: [jq]}\n- {id: d, needs: [c], packages: [jq]}\n",
    );
    assert_eq!(rings.len(), 2, "each is said: {rings:?}");
}

#[test]
fn what_every_step_may_have() {
    // Whatever is written as a number: what it is, and what it can be.
    for given in [
        "0",
        "-1",
        "+5",
        "1001",
        "4294967297",
        "99999999999999999999999",
        "-99999999999999999999",
        "1.5",
        "1_0",
    ] {
        step_says(
            &format!("retries: {given}\n  packages: [jq]"),
            &[&format!("1:10: retries: expected a whole number from 1 to 1000, found `{given}`")],
        );
    }
    step_says(
        "retries: '3'\n  packages: [jq]",
        &["1:10: retries: expected a whole number, found a text in quotes"],
    );
    step_says("retries: three\n  packages: [jq]", &["1:10: retries: expected a whole number, found a text"]);
    step_says(
        "needs: 99999999999999999999\n  packages: [jq]",
        &["1:8: needs: expected a list, found a whole number"],
    );
    step_says(
        "timeout: soon\n  packages: [jq]",
        &[
            "1:10: timeout: `soon` is not a duration: expected number at 0; write seconds, or `90s`, `5m`, `1h 30m`",
        ],
    );
    step_says("timeout: 0\n  packages: [jq]", &["1:10: timeout: it must be longer than nothing"]);
    step_says(
        "on_failure: skip\n  packages: [jq]",
        &[
            "1:13: on_failure: `skip` is none of `skip-dependents`, `stop`, `continue`; did you mean `skip-dependents`?",
        ],
    );
    step_says("circuit: a b\n  packages: [jq]", &["1:10: circuit: `a b` is not one word"]);
    step_says("needs: b\n  packages: [jq]", &["1:8: needs: expected a list, found a text"]);
    step_says("when: {}\n  packages: [jq]", &["1:7: when: it says nothing"]);
    step_says(
        "when: {not: {}, any: [], os: [], exists: [], missing: [], var: {}}\n  packages: [jq]",
        &[
            "1:13: when.not: it says nothing",
            "1:22: when.any: the list is empty",
            "1:30: when.os: the list is empty",
            "1:42: when.exists: the list is empty",
            "1:55: when.missing: the list is empty",
            "1:64: when.var: it says nothing",
        ],
    );
    step_says(
        "when: {var: {nothing: x}}\n  packages: [jq]",
        &["1:14: when.var.nothing: `nothing` is not defined"],
    );
    step_says(
        "when: {root: yes}\n  packages: [jq]",
        &["1:14: when.root: expected true or false, found a text"],
    );
    step_says("each: []\n  packages: [jq]", &["1:7: each: the list is empty"]);
    step_says("each: ${list}\n  packages: [jq]", &["1:7: each: expected a list, found a text"]);
    step_says(
        "each: [\"a\\nb\", '']\n  packages: [jq]",
        &[
            "1:8: each[0]: an item of `each` is a text of 1 to 128 characters that can be seen",
            "1:16: each[1]: an item of `each` is a text of 1 to 128 characters that can be seen",
        ],
    );
    step_says(
        "each: [b, b]\n  packages: [jq]",
        &["1:11: each[1]: there is a step `a[b]` already, in line 7"],
    );
    // Said once, whatever the number of items.
    step_says(
        "each: [b, c]\n  packages: ['-${item}']",
        &["2:14: packages[0]: `-b` is no package to install: apt-get would take it for an option"],
    );
}

#[test]
fn texts_are_filled_in_with_what_there_is() {
    step_says(
        "packages: ['${relase}']",
        &["1:13: packages[0]: `${relase}` is not defined; did you mean `release`?"],
    );
    step_says(
        "packages: ['a-${fact.oss}']",
        &["1:15: packages[0]: `${fact.oss}` is not defined; did you mean `fact.os`?"],
    );
    step_says("packages: ['${item}']", &["1:13: packages[0]: `${item}` is not defined"]);
    step_says(
        "packages: ['${release:-1}']",
        &[
            "1:13: packages[0]: `${release:-1}` names nothing: a reference is `${name}`; `$${` stands for `${`",
        ],
    );
    step_says(
        "packages: ['x${secret.token}']",
        &["1:12: packages[0]: a secret can stand in `headers`, `env` and `file.content` only"],
    );
    step_says(
        "command: {argv: [a, '${secret.token}'], always: true}",
        &["1:21: command.argv[1]: a secret can stand in `headers`, `env` and `file.content` only"],
    );
    step_says(
        "download: {url: 'https://example.com/${secret.tokn}', dest: /a, headers: {A: '${secret.tokn}'}}",
        &[
            "1:38: download.url: `${secret.tokn}` is not defined; did you mean `secret.token`?",
            "1:79: download.headers.A: `${secret.tokn}` is not defined; did you mean `secret.token`?",
        ],
    );
    step_says(
        "command: {shell: 'echo ${fact.os}', always: true}",
        &["1:24: command.shell: `${fact.os}` is not defined; did you mean `$fact_os`?"],
    );
    // In a text of several lines the place is that of the text.
    step_says(
        "file: {dest: /a, expand: true, content: \"a\\n${x}\"}",
        &["1:41: file.content: `${x}` is not defined"],
    );
}

#[test]
fn names_that_a_plan_gives() {
    let with = |lines: &str| format!("version: 1\n{lines}\nsteps: [{{id: a, packages: [jq]}}]");
    says(
        &with("vars: {a-b: 1, 1a: 2, PATH: x, item: y, good: }"),
        &[
            "2:8: vars.a-b: `a-b` is no name of a variable: it has a-z, A-Z, 0-9 and `_`, no digit first, 64 at most",
            "2:16: vars.1a: `1a` is no name of a variable: it has a-z, A-Z, 0-9 and `_`, no digit first, 64 at most",
            "2:23: vars.PATH: `PATH` means something else already: take another name",
            "2:32: vars.item: `item` means something else already: take another name",
            "2:41: vars.good: expected a text, found nothing",
        ],
    );
    says(
        &with(
            "secrets: {a: {}, b: {file: /a, env: B}, c: text, d: {env: A=B}, e: {credential: ../x}, F: {env: X}}",
        ),
        &[
            "2:14: secrets.a: one of `file`, `credential`, `env` is missing",
            "2:32: secrets.b.env: `file` and `env` do not go together",
            "2:44: secrets.c: expected a group of keys, found a text; its keys are `file`, `credential`, `env`",
            "2:59: secrets.d.env: `A=B` is no name of an environment variable",
            "2:81: secrets.e.credential: this is no path",
            "2:88: secrets.F: `F` is no name: `F` is none of a-z, 0-9, `.`, `_`, `-`",
        ],
    );
}

#[test]
fn packages_and_their_repositories() {
    step_says("packages: []", &["1:11: packages: the list is empty"]);
    step_says("packages: curl", &["1:11: packages: expected a list or a group of keys, found a text"]);
    step_says("packages: {upgrade: true}", &["1:11: packages: `names` is missing"]);
    step_says(
        "packages: [jq, jq, Curl, nginx-]",
        &[
            "1:16: packages[1]: `jq` is in this list twice",
            "1:20: packages[2]: `Curl` is no package to install: a name has at least two of a-z, 0-9, `+`, `-` and `.`, the first of them a letter or a digit",
            "1:26: packages[3]: `nginx-` is no package to install: apt-get removes what ends in `-`; nothing is removed here",
        ],
    );
    let repository =
        |rest: &str| format!("apt_repository: {{uris: https://example.com/d, suites: stable, {rest}}}");
    step_says(
        "apt_repository: {}",
        &[
            "1:17: apt_repository: `uris` is missing",
            "1:17: apt_repository: `suites` is missing",
            "1:17: apt_repository: `key` is missing",
        ],
    );
    step_says(&repository("key: {text: x}"), &["1:17: apt_repository: `components` is missing"]);
    step_says(
        "apt_repository: {uris: https://me:x@example.com/d, suites: a/, components: main, types: rpm, key: {url: https://example.com/k}}",
        &[
            "1:24: apt_repository.uris: a URL in a plan has no user and no password: use `secrets` and `headers`, or a netrc file",
            "1:64: apt_repository.components: `suites` and `components` do not go together",
            "1:89: apt_repository.types: `rpm` is none of `deb`, `deb-src`",
            "1:99: apt_repository.key: a key from a server is held against its `sha256` or `fingerprint`: one of them is missing",
        ],
    );
    step_says(
        &repository("components: \"a\\nTrusted: yes\", key: {file: k.asc, fingerprint: abc}"),
        &[
            "1:75: apt_repository.components: a control character cannot stand here",
            "1:126: apt_repository.key.fingerprint: a fingerprint has 40 or 64 hexadecimal digits",
        ],
    );
    step_says(
        &repository("components: main, name: ../x, key: {}"),
        &[
            "1:87: apt_repository.name: `../x` cannot be a file's name: give it a `name` of a-z, A-Z, 0-9, `.`, `_`, `-`",
            "1:98: apt_repository.key: one of `url`, `file`, `text` is missing",
        ],
    );
}

#[test]
fn downloads_and_clones() {
    let download = |rest: &str| format!("download: {{url: https://example.com/a, {rest}}}");
    step_says(
        "download: {}",
        &["1:11: download: `url` is missing", "1:11: download: one of `dest`, `unpack` is missing"],
    );
    step_says(
        "download: {url: ftp://example.com/a, dest: /a}",
        &["1:17: download.url: it is a `ftp` URL; only http and https can be downloaded"],
    );
    step_says(
        "download: {url: 'https://u:p@example.com/a', mirrors: [example.com], dest: /a/}",
        &[
            "1:17: download.url: a URL in a plan has no user and no password: use `secrets` and `headers`, or a netrc file",
            "1:56: download.mirrors[0]: it is not a URL: relative URL without a base; write it as `https://host/path/file`",
            "1:76: download.dest: /a names a folder; write the name of a file in it",
        ],
    );
    step_says(
        &download("dest: /a, sha256: abc, checksum: 'md5:0'"),
        &[
            "1:58: download.sha256: a sha256 digest has 64 hexadecimal digits, not 3",
            "1:63: download.checksum: `sha256` and `checksum` do not go together",
        ],
    );
    step_says(
        &download("dest: /a, checksum: 'md5:0'"),
        &["1:60: download.checksum: the algorithm `md5` is not known; known are sha256, sha512 and blake3"],
    );
    step_says(
        &download("unpack: {to: /, strip: 99}, mode: '0644', size: big"),
        &[
            "1:53: download.unpack.to: this is no path",
            "1:63: download.unpack.strip: expected a whole number from 0 to 64, found `99`",
            "1:68: download.mode: `mode` means something only beside `dest`",
            "1:88: download.size: `big` is not a number of bytes: it does not begin with a number; write it as `1024`, `64KiB` or `2GiB`",
        ],
    );
    step_says(
        &download("dest: /a, headers: {'a b': c, X-Y: \"a\\nb\"}"),
        &[
            "1:60: download.headers.a b: `a b` is no name of a header",
            "1:75: download.headers.X-Y: a control character cannot stand here",
        ],
    );
    step_says(
        "git: {url: 'https://example.com/r.git?token=x', dest: r}",
        &[
            "1:12: git.url: the URL of a repository in a plan has no `?`: what stands behind it may be a secret",
        ],
    );
    step_says(
        "git: {url: 'https://u:p@example.com/r.git', dest: r, branch: a..b, commit: abc, depth: 0, full: true, update: true}",
        &[
            "1:12: git.url: a URL in a plan has no user and no password: use `secrets` and `headers`, or a netrc file",
            "1:62: git.branch: `a..b` is no name of a branch or tag",
            "1:68: git.commit: `branch` and `commit` do not go together",
            "1:76: git.commit: `abc` is no commit: its full id has 40 hexadecimal digits",
            "1:88: git.depth: expected a whole number from 1 to 4294967295, found `0`",
            "1:91: git.full: `depth` and `full` do not go together",
            "1:103: git.update: `commit` and `update` do not go together",
        ],
    );
    step_says(
        "git: {url: 'ext::sh -c id', dest: r}",
        &["1:12: git.url: `ext::` URLs run programs and are refused"],
    );
}

#[test]
fn files_and_commands() {
    step_says("file: {dest: a}", &["1:7: file: one of `source`, `content` is missing"]);
    step_says(
        "file: {dest: a, source: b, content: c}",
        &["1:28: file.content: `source` and `content` do not go together"],
    );
    step_says(
        "file: {dest: a, source: b, expand: true}",
        &["1:28: file.expand: `expand` means something only beside `content`"],
    );
    step_says(
        "file: {dest: a, content: b, mode: 0644}",
        &["1:35: file.mode: expected a text in quotes, found a whole number"],
    );
    for mode in ["0944", "u+x", "64", "00644", ""] {
        let text = format!("file: {{dest: a, content: b, mode: '{mode}'}}");
        step_says(
            &text,
            &["1:35: file.mode: rights are written as text of octal digits, such as \"0644\", in quotes"],
        );
    }
    step_says(
        "file: {dest: \"a\\0\", content: b}",
        &["1:14: file.dest: a control character cannot stand here"],
    );
    step_says(
        "command: {argv: [a]}",
        &[
            "1:10: command: say when it need not run: one of `creates`, `removes`, `unless`, `only_if`, `on_change`, `once`; or `always: true`",
        ],
    );
    step_says(
        "command: {argv: [a], once: false, always: false}",
        &[
            "1:10: command: say when it need not run: one of `creates`, `removes`, `unless`, `only_if`, `on_change`, `once`; or `always: true`",
        ],
    );
    step_says("command: {always: true}", &["1:10: command: one of `argv`, `shell` is missing"]);
    step_says(
        "command: {argv: [], creates: /a, always: true}",
        &[
            "1:17: command.argv: the list is empty",
            "1:34: command.always: `creates` and `always` do not go together",
        ],
    );
    step_says(
        "command: {argv: [''], shell: '', always: true, idempotent: true}",
        &[
            "1:18: command.argv[0]: it is empty",
            "1:23: command.shell: `argv` and `shell` do not go together",
            "1:48: command.idempotent: `idempotent` means something only beside `once`",
        ],
    );
    step_says(
        "command: {argv: [a], bash: true, expand: true, unless: {}, once: twice}",
        &[
            "1:22: command.bash: `bash` means something only beside `shell`",
            "1:34: command.expand: `expand` means something only beside `shell`",
            "1:56: command.unless: expected a text or a list, found a group of keys",
            "1:66: command.once: expected true, false or boot, found a text",
        ],
    );
    step_says(
        "command: {argv: [a], on_change: [b], env: {'A=B': c}}",
        &[
            "1:34: command.on_change[0]: there is no step `b`",
            "1:44: command.env.A=B: `A=B` is no name of an environment variable",
        ],
    );
}

#[test]
fn units_gates_and_modules() {
    step_says("systemd: {unit: a}", &["1:10: systemd: one of `state`, `enabled`, `on_change` is missing"]);
    step_says(
        "systemd: {unit: a/b, state: running}",
        &[
            "1:17: systemd.unit: `a/b` is no unit of systemd",
            "1:29: systemd.state: `running` is none of `started`, `stopped`, `restarted`, `reloaded`",
        ],
    );
    step_says(
        "systemd: {unit: a, state: stopped, on_change: [b]}",
        &[
            "1:36: systemd.on_change: `state: stopped` and `on_change` do not go together",
            "1:48: systemd.on_change[0]: there is no step `b`",
        ],
    );
    step_says(
        "gate: {connect: example.com, dns: x}",
        &[
            "1:17: gate.connect: `example.com` is no host and port: write it as `example.com:443`",
            "1:30: gate.dns: `connect` and `dns` do not go together",
        ],
    );
    for host in ["example.com:0", "example.com:65536", ":1", "[::g]:1", "a b:1"] {
        assert_eq!(problems_of_step(&format!("gate: {{connect: '{host}'}}")).len(), 1, "{host}");
    }
    step_says(
        "gate: {dns: a/b, wait: x}",
        &[
            "1:13: gate.dns: `a/b` is no name of a host",
            "1:24: gate.wait: `x` is not a duration: expected number at 0; write seconds, or `90s`, `5m`, `1h 30m`",
        ],
    );
    step_says(
        "module: {name: node_rep}",
        &["1:16: module.name: there is no module `node_rep`; did you mean `node_repo`?"],
    );
    step_says(
        "module: {name: node_repo, with: {a: ['${x}']}}",
        &["1:39: module.with.a[0]: `${x}` is not defined"],
    );
}

#[test]
fn a_program_without_modules_says_so() {
    let origin = Origin { path: None, folder: "/srv".into() };
    let text = "version: 1\nsteps: [{id: a, module: {name: node}}]";
    let invalid = Plan::parse(text, &origin, &Facts::default(), &[]).unwrap_err();
    let said = invalid.problems[0].to_string();
    assert!(said.starts_with("2:32: steps[0].module.name: there is no module `node`: this program has none"));
    assert_eq!(invalid.problems.len(), 1);
}

#[test]
fn what_is_remembered_needs_a_name() {
    says(
        "version: 1\nsteps:\n- {id: a, command: {argv: [a], once: true}}\n- {id: b, command: {argv: [a], on_change: [a]}}\n- {id: c, systemd: {unit: a, on_change: [a]}}\n",
        &[
            "3:32: steps[0].command.once: `once` is remembered by the plan's name: give it one, `name: ...` at the top",
            "4:32: steps[1].command.on_change: `on_change` is remembered by the plan's name: give it one, `name: ...` at the top",
            "5:30: steps[2].systemd.on_change: `on_change` is remembered by the plan's name: give it one, `name: ...` at the top",
        ],
    );
}
