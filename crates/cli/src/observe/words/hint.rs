//! What to do about a failure, in this program's words: its flags and commands.

mod apt;
#[cfg(feature = "git")]
mod git;

use vps_ops::Hint;
use vps_ops::download::DownloadHint;
use vps_ops::foreign::shown;
use vps_ops::http::HttpHint;
use vps_ops::process::ProcessHint;

use crate::program;

/// One sentence, lower case, without a full stop.
pub(crate) fn hint(hint: &Hint) -> String {
    match hint {
        Hint::LetGoOfCircuit { service } => {
            format!(
                "let go of it with `{program} circuit-breaker reset {service}`",
                program = program::name()
            )
        }
        Hint::WaitForCircuit => "wait for it with `--wait`".to_owned(),
        Hint::WaitLonger => "wait longer with `--wait=DURATION`, or with `--wait` alone".to_owned(),
        Hint::SeeCircuit { service } => {
            format!("see `{program} circuit-breaker status {service}`", program = program::name())
        }
        Hint::AllowMoreTime => "allow more time with `--timeout`".to_owned(),
        Hint::ServerAskedToWait { at_least } => {
            format!("the server asked to wait {:.0}s before the next try", at_least.as_secs_f64().ceil())
        }
        Hint::FewerAtOnce { group } => {
            format!("start fewer at once, or raise `performance.services.{group}.bulkhead.max_concurrent`")
        }
        Hint::Http(hint) => http(*hint).to_owned(),
        Hint::Download(hint) => download(hint),
        Hint::Process(hint) => process(hint),
        Hint::Apt(hint) => apt::apt(hint),
        #[cfg(feature = "git")]
        Hint::Git(hint) => git::git(hint),
        // One of a later version of the library: better its name than silence.
        other => format!("{other:?}"),
    }
}

fn http(hint: HttpHint) -> &'static str {
    match hint {
        HttpHint::CheckCertificates => {
            "check this machine's clock and its CA certificates; `SSL_CERT_FILE` names another bundle"
        }
        HttpHint::CheckHostName => "check the spelling of the host, and the resolver in `/etc/resolv.conf`",
        HttpHint::CheckNetwork => "this machine seems offline: check its network",
        HttpHint::CheckScheme => "check the port, and whether the URL should begin with `http://`",
        HttpHint::ProxyCredentials => {
            "they belong into the proxy's URL: `https_proxy=http://USER:PASSWORD@HOST:PORT`"
        }
        HttpHint::CheckProxy => {
            "a proxy is on the way: check `http_proxy`, `https_proxy` or `all_proxy`, and what `no_proxy` leaves out"
        }
        HttpHint::ProxyRules => {
            "a proxy is on the way and does not let us through: whoever runs it may allow the host, or `no_proxy` leave it out"
        }
        HttpHint::HeaderLimits => "a response may have 100 headers of 400 KiB together",
        _ => "check what is on the way to the host",
    }
}

fn download(hint: &DownloadHint) -> String {
    let plain = match hint {
        DownloadHint::MakeFolder { folder } => {
            return format!("create it with `mkdir -p {}`", shown(folder));
        }
        DownloadHint::WriteToStdout => "use `-` as DEST to write to standard output",
        DownloadHint::FreeSpace => "free some space, or choose another folder",
        DownloadHint::ChooseWritableFolder => {
            "you have no right to do that there: choose another DEST, or run this as who has it"
        }
        DownloadHint::NameAsFolder => "put a `/` at its end if that folder is meant, or name another place",
        DownloadHint::NameFolderItself => "name the folder itself, not another user's link to it",
        DownloadHint::ChoosePrivateFolder => {
            "choose a folder that nobody else may write to, and look at what is there now"
        }
        DownloadHint::Credentials => "credentials are taken from `~/.netrc` or `--header-file`",
        DownloadHint::CheckUrl => "check the URL",
        DownloadHint::ProxyCredentials => "the proxy wants a user and a password, in the proxy's URL",
        DownloadHint::LogIn => "log in to the network first",
        DownloadHint::CheckDigest => "check the digest with the file's publisher; do not use the file",
        DownloadHint::AllowLarger => "raise `--max-size` if the file may be that large",
        DownloadHint::Resume => "the partial file is kept; run the same command to resume",
        other => return format!("{other:?}"),
    };
    plain.to_owned()
}

fn process(hint: &ProcessHint) -> String {
    match hint {
        ProcessHint::Install { program } => format!("install `{program}`, or give its full path"),
        ProcessHint::CheckPath { program } => {
            format!(
                "see whether `{program}` is there; of a script, also the interpreter that its first line names"
            )
        }
        other => format!("{other:?}"),
    }
}
