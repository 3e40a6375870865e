//! The plan: 200 steps of each kind that needs no root, in ten groups.

use std::fmt::Write as _;

use super::world::{Fault, LARGE, Places, SMALL, archive, file};
use crate::lab::sha256;

/// Of twenty steps each.
pub(crate) const GROUPS: usize = 10;
pub(crate) const STEPS: usize = GROUPS * 20;
/// Where a command is killed with its run, or its run alone: before what it does, and after it.
const BEFORE: &str = "[ ! -e kill/before-NAME ] || { rm kill/before-NAME; kill -9 $PPID; }";
const AFTER: &str = "[ ! -e kill/after-NAME ] || { rm kill/after-NAME; kill -9 $PPID; }";

/// What cannot be done, each with a part of why.
pub(crate) const HOPELESS: [(&str, &str); 9] = [
    ("down-1-3", "sha256"),
    ("down-2-3", "404"),
    ("down-3-3", "refused"),
    ("down-4-3", "redirect"),
    ("down-5-3", "403"),
    ("down-6-3", "timed out"),
    ("tree-7", ".."),
    ("made-8-2", "code 3"),
    ("file-9-3", "not a directory"),
];
/// What needs one of those.
pub(crate) const BEHIND: [&str; 6] = ["after-1", "after-2", "after-3", "after-4", "after-5", "after-6"];

/// What a command does between the places where it may be killed.
fn shell(id: &str, what: &str) -> String {
    let (before, after) = (BEFORE.replace("NAME", id), AFTER.replace("NAME", id));
    format!("shell: |\n        {before}\n        {what}\n        {after}\n")
}

/// Where a command can kill its run.
pub(crate) fn kill_points() -> Vec<String> {
    let commands = (0..GROUPS).flat_map(|g| {
        let made = (0..3).map(move |n| format!("made-{g}-{n}"));
        made.chain([format!("once-{g}"), format!("told-{g}")])
    });
    // The one that fails does not come to its end.
    let can = commands.filter(|id| id != "made-8-2");
    can.flat_map(|id| [format!("before-{id}"), format!("after-{id}")]).collect()
}

fn download(text: &mut String, g: usize, n: usize, places: &Places) {
    let id = format!("down-{g}-{n}");
    let fault = Fault::of(g, n);
    let here = places.server.url(&format!("/{id}"));
    let nobody = || places.refusing.as_ref().map_or_else(|| here.clone(), |port| port.url(&format!("/{id}")));
    let (url, more) = match fault {
        Fault::Refused => (nobody(), String::new()),
        Fault::Elsewhere => (nobody(), format!("      mirrors: [\"{here}\"]\n")),
        _ => (here.clone(), String::new()),
    };
    let digest = sha256(&file(g, n).bytes());
    let _ = write!(
        text,
        "  - id: {id}\n    circuit: circuit-{g}-{n}\n    download:\n      url: {url}\n{more}      sha256: {digest}\n      \
         dest: out/{id}\n      headers: {{X-Token: \"${{secret.token}}\"}}\n"
    );
    if fault == Fault::Silent {
        text.push_str("    timeout: 0.5\n");
    }
}

fn group(text: &mut String, g: usize, version: u32, places: &Places) {
    let mut step = |id: String, what: String| {
        let _ = write!(text, "  - id: {id}\n    {what}");
    };
    step(format!("conf-{g}"), format!("file: {{dest: out/conf-{g}, content: version {version} of {g}}}\n"));
    for n in 0..4 {
        let dest = if (g, n) == (9, 3) { "blocked/file".into() } else { format!("out/sub-{n}/file-{g}") };
        step(
            format!("file-{g}-{n}"),
            format!("file: {{dest: {dest}, content: file {g}-{n}, mode: \"0640\"}}\n"),
        );
    }
    for n in 0..5 {
        download(text, g, n, places);
    }
    let mut step = |id: String, what: String| {
        let _ = write!(text, "  - id: {id}\n    {what}");
    };
    // One that cannot be told by its digest comes right once the server has the right one.
    let digest = if g == 7 { String::new() } else { format!("sha256: {}, ", sha256(&archive(g))) };
    let url = places.server.url(&format!("/tree-{g}.tar.gz"));
    step(
        format!("tree-{g}"),
        format!(
            "circuit: tree-{g}\n    download: {{url: \"{url}\", {digest}unpack: {{to: out/tree-{g}}}}}\n"
        ),
    );
    match &places.clones {
        Some((url, commit)) if g.is_multiple_of(2) => {
            let what = format!("git: {{url: \"{url}\", dest: out/clone-{g}, commit: {commit}}}\n");
            step(format!("clone-{g}"), format!("circuit: clone-{g}\n    {what}"));
        }
        _ => step(format!("clone-{g}"), format!("file: {{dest: out/clone-{g}, content: none}}\n")),
    }
    for n in 0..3 {
        let id = format!("made-{g}-{n}");
        let work = match (g, n) {
            (8, 2) => "[ -e mended ] || exit 3; echo made >made/8-2".to_owned(),
            // Whoever looks at processes sees no secret.
            (_, 1) => format!(
                "echo $T; echo $T >&2; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\000' ' ' >lists/{g} || :; echo made >made/{g}-1"
            ),
            _ => format!("echo made >made/{g}-{n}"),
        };
        let what = shell(&id, &work);
        let env = "      env: {T: \"${secret.token}\"}\n";
        step(id, format!("command:\n      {what}{env}      creates: made/{g}-{n}\n"));
    }
    let id = format!("once-{g}");
    let what = shell(&id, &format!("echo once >>log/once-{g}"));
    step(id, format!("command:\n      {what}      once: true\n"));
    let id = format!("told-{g}");
    let what = shell(&id, &format!("cp out/conf-{g} told/{g}; echo told >>log/told-{g}"));
    step(id, format!("command:\n      {what}      on_change: [conf-{g}, file-{g}-0]\n"));
    let gate = match g {
        9 => format!("http: \"{}\"", places.server.url("/gate")),
        8 => format!("connect: \"{}\"", places.server.address()),
        _ => format!("exists: made/{g}-0"),
    };
    step(format!("gate-{g}"), format!("gate: {{{gate}, wait: 30s}}\n"));
    let behind = format!("needs: [gate-{g}]\n    file: {{dest: out/behind-{g}, content: behind}}\n");
    step(format!("behind-{g}"), behind);
    let after = format!("needs: [down-{g}-3]\n    file: {{dest: out/after-{g}, content: after}}\n");
    step(format!("after-{g}"), after);
}

/// The whole plan, in this version of the files that commands are told of.
pub(crate) fn plan(version: u32, places: &Places) -> String {
    let mut text = "version: 1\nname: hostile\nsecrets: {token: {file: key}}\nsteps:\n".to_owned();
    (0..GROUPS).for_each(|g| group(&mut text, g, version, places));
    text
}

/// How large a download is: those whose bodies are cut are worth going on with.
pub(crate) const fn size(fault: Fault) -> u64 {
    match fault {
        Fault::Cut | Fault::Reset | Fault::ChunkedCut | Fault::Truncated | Fault::Stall => LARGE,
        _ => SMALL,
    }
}
