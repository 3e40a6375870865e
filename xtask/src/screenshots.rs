//! `cargo xtask screenshots`: the pictures of the page in `docs/`, as a browser shows it.

use std::fs;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::{paths, prepare};

/// The page as it is sent, and what it asks for; a test of the program holds the first against what it writes.
const PAGE: &str = "crates/cli/src/web/snapshots/page.html";
const STYLE: &str = "crates/cli/src/web/style.css";

/// Each picture, and the scheme of colours that the browser is told to prefer there.
const PICTURES: [(&str, &str); 2] = [("docs/page.png", "1"), ("docs/page-dark.png", "0")];

/// In pixels: as wide as a table of six columns needs, as high as what is below it.
const SIZE: &str = "860,600";
/// What a picture may weigh in a repository, in bytes.
const MOST: u64 = 150_000;

#[expect(clippy::print_stdout, reason = "this is a command line")]
pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "screenshots takes nothing");
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    prepare::browser(&sh);
    let place = tempfile::tempdir()?;
    let page = fs::read_to_string(paths::root().join(PAGE)).context(PAGE)?;
    // From a file, nobody answers at the root; and what is shown shall not be asked for anew.
    let here = page.replace("\"/style.css\"", "\"style.css\"").replace("\"/app.js\"", "\"data:,\"");
    fs::write(place.path().join("page.html"), here)?;
    fs::copy(paths::root().join(STYLE), place.path().join("style.css")).context(STYLE)?;
    let url = format!("file://{}/page.html", place.path().display());
    for (picture, scheme) in PICTURES {
        let to = paths::root().join(picture);
        let profile = place.path().join(scheme);
        cmd!(
            sh,
            "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run
             --disable-background-networking --disable-component-update --disable-dev-shm-usage --disable-sync
             --hide-scrollbars --force-device-scale-factor=1 --window-size={SIZE}
             --blink-settings=preferredColorScheme={scheme} --user-data-dir={profile} --screenshot={to} {url}"
        )
        .quiet()
        .ignore_stderr()
        .run()
        .context("the browser of Debian's package chromium is needed")?;
        let bytes = fs::metadata(&to).context(picture)?.len();
        ensure!(bytes <= MOST, "{picture} is too large for a repository: {bytes} bytes");
        println!("wrote {picture}, {bytes} bytes");
    }
    Ok(())
}
