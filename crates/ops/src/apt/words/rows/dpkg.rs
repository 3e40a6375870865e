//! What became of dpkg, and of what runs beside it.

use crate::apt::facts::{Fault, PackageTrouble, show};
use crate::apt::words::run::{Run, Step};
use crate::process::Ended;

// A signal from outside. A shell in between turns it into a code, and then nothing was said.
pub(in crate::apt::words) fn stopped(run: &Run<'_>) -> Option<Fault> {
    let signal = match run.ended {
        Ended::Signal(signal) => signal,
        Ended::Code(code @ 129..=192) if run.error("").is_none() => code - 128,
        Ended::Code(_) => return None,
    };
    Some(Fault::Stopped { signal, in_dpkg: run.status.pm_started })
}

pub(in crate::apt::words) fn dpkg_died(run: &Run<'_>) -> Option<Fault> {
    let died = run.error("dpkg exited unexpectedly").or_else(|| run.error("dpkg received a"));
    died.map(|_| Fault::DpkgDied)
}

pub(in crate::apt::words) fn disk_full_in_dpkg(run: &Run<'_>) -> Option<Fault> {
    run.failures.iter().find_map(|failure| match &failure.trouble {
        PackageTrouble::DiskFull { path } => Some(Fault::DiskFull { path: path.clone() }),
        _ => None,
    })
}

pub(in crate::apt::words) fn dpkg_failed(run: &Run<'_>) -> Option<Fault> {
    // Wherever dpkg lies, and whatever its code.
    let said = run.error("dpkg returned an error code").is_some_and(|text| text.starts_with("Sub-process "));
    let is_dpkgs = said || (run.step == Step::Repair && !run.failures.is_empty());
    is_dpkgs.then(|| Fault::DpkgFailed { failures: run.failures.clone() })
}

pub(in crate::apt::words) fn interrupted(run: &Run<'_>) -> Option<Fault> {
    run.early("dpkg was interrupted, you must manually run").map(|_| Fault::Interrupted)
}

pub(in crate::apt::words) fn broken_install(run: &Run<'_>) -> Option<Fault> {
    let text = run.early("--fix-broken install").or_else(|| run.early("apt-get -f install"))?;
    Some(Fault::BrokenInstall { text: run.unmet().unwrap_or_else(|| show::harmless(text)) })
}

pub(in crate::apt::words) fn hook(run: &Run<'_>) -> Option<Fault> {
    let text = run.error("Problem executing scripts").or_else(|| run.error("Failure running script"))?;
    Some(Fault::Hook { text: show::harmless(text) })
}
