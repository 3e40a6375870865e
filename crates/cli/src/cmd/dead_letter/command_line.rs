//! The command that does a letter's operation again, as a person would type it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use vps_ops::dead_letter::{
    CloneLetter, DownloadLetter, InstallLetter, LetterOptions, LetterRequest, PlanStepLetter, RunLetter, Word,
};

use crate::program;

/// Its words, the program's name first; nothing for a kind that this version does not know.
pub(super) fn words(request: &LetterRequest, options: &LetterOptions) -> Option<Vec<OsString>> {
    let mut line = Line(vec![program::name().into()]);
    match request {
        LetterRequest::Download(letter) => line.download(letter, options),
        LetterRequest::GitClone(letter) => line.clone(letter, options),
        LetterRequest::AptUpdate {} => {
            line.words(["apt", "update"]);
            line.limits(options);
        }
        LetterRequest::AptInstall(letter) => line.install(letter, options),
        LetterRequest::Run(letter) => line.run(letter, options),
        LetterRequest::PlanStep(letter) => line.apply(letter)?,
        _ => return None,
    }
    Some(line.0)
}

/// The words as a shell takes them.
pub(super) fn quoted(words: &[OsString]) -> String {
    // No word of a command line can have the one byte that cannot be quoted.
    let quoted = words.iter().filter_map(|word| shlex::bytes::try_quote(word.as_bytes()).ok());
    let quoted: Vec<String> = quoted.map(|word| String::from_utf8_lossy(&word).into_owned()).collect();
    quoted.join(" ")
}

struct Line(Vec<OsString>);

impl Line {
    fn words<W: Into<OsString>>(&mut self, words: impl IntoIterator<Item = W>) {
        self.0.extend(words.into_iter().map(Into::into));
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.words([name]);
        }
    }

    /// `--name value`; in one word where the value would be taken for an option.
    fn value(&mut self, name: &str, value: Option<impl AsRef<OsStr>>) {
        let Some(value) = value else { return };
        if value.as_ref().as_bytes().starts_with(b"-") {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.0.push(word);
        } else {
            self.words([OsStr::new(name), value.as_ref()]);
        }
    }

    fn limits(&mut self, options: &LetterOptions) {
        self.value("--timeout", options.total_millis.map(duration));
        self.value("--retries", options.attempts.map(|attempts| attempts.to_string()));
        self.value("--service", options.service.as_ref());
        match options.wait_at_most_millis {
            Some(most) if options.wait_for_circuit => {
                self.words([OsString::from(format!("--wait={}", duration(most)))]);
            }
            _ => self.flag("--wait", options.wait_for_circuit),
        }
    }

    fn socket_limits(&mut self, options: &LetterOptions) {
        self.value("--connect-timeout", options.connect_millis.map(duration));
        self.value("--idle-timeout", options.idle_millis.map(duration));
    }

    fn download(&mut self, letter: &DownloadLetter, options: &LetterOptions) {
        self.words(["download"]);
        for mirror in &letter.mirrors {
            self.value("--mirror", Some(mirror));
        }
        self.value("--checksum", letter.expected.as_ref());
        self.value("--header-file", letter.header_file.as_ref().map(Word::to_os));
        self.flag("--no-resume", letter.no_resume);
        self.flag("--no-clobber", letter.no_clobber);
        self.flag("--insecure", letter.insecure);
        self.value("--mode", letter.mode.map(|mode| format!("{mode:04o}")));
        self.value("--max-size", letter.max_size.map(|size| size.to_string()));
        self.value("--min-speed", options.min_speed.map(|speed| speed.to_string()));
        self.socket_limits(options);
        self.limits(options);
        self.words([&letter.url]);
        self.words([letter.dest.as_ref().map_or_else(|| "-".into(), Word::to_os)]);
    }

    fn clone(&mut self, letter: &CloneLetter, options: &LetterOptions) {
        self.words(["git", "clone"]);
        match letter.depth {
            Some(1) => {}
            Some(depth) => self.value("--depth", Some(depth.to_string())),
            None => self.words(["--full"]),
        }
        self.value("--branch", letter.branch.as_ref());
        self.value("--commit", letter.commit.as_ref());
        self.flag("--recurse-submodules", letter.modules);
        self.flag("--update", letter.update);
        self.socket_limits(options);
        self.limits(options);
        self.words([&letter.url]);
        self.words(letter.dest.as_ref().map(Word::to_os));
    }

    fn install(&mut self, letter: &InstallLetter, options: &LetterOptions) {
        self.words(["apt", "install"]);
        self.flag("--no-update", letter.no_update);
        self.flag("--upgrade", letter.upgrade);
        self.limits(options);
        self.words(&letter.packages);
    }

    /// Nothing where the plan came from standard input.
    fn apply(&mut self, letter: &PlanStepLetter) -> Option<()> {
        self.words(["apply".into(), letter.path.as_ref()?.to_os()]);
        self.words(["--only", &letter.step, "--rerun", &letter.step]);
        Some(())
    }

    fn run(&mut self, letter: &RunLetter, options: &LetterOptions) {
        self.words(["run"]);
        let codes = letter.retry_on.as_ref().map(|codes| {
            let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
            codes.join(",")
        });
        self.value("--retry-on", codes);
        self.limits(options);
        self.words(["--"]);
        self.words(letter.command.iter().map(Word::to_os));
    }
}

fn duration(millis: u64) -> String {
    humantime::format_duration(Duration::from_millis(millis)).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn word(text: &str) -> Word {
        OsStr::new(text).into()
    }

    #[test]
    fn a_download_is_typed_with_all_it_was_asked_for_with() {
        let mut letter = DownloadLetter::default();
        letter.url = "https://example.com/a%20b".to_owned();
        letter.dest = Some(word("/o p/f"));
        letter.mirrors = vec!["https://m.example.com/f".to_owned()];
        letter.mode = Some(0o640);
        letter.header_file = Some(word("/etc/h"));
        (letter.no_resume, letter.insecure) = (true, true);
        let mut options = LetterOptions::default();
        (options.total_millis, options.attempts) = (Some(90_500), Some(5));
        let words = words(&LetterRequest::Download(letter), &options).unwrap();
        assert_eq!(
            quoted(&words),
            "vps-configurator download --mirror https://m.example.com/f --header-file /etc/h --no-resume --insecure \
             --mode 0640 --timeout 1m30s500ms --retries 5 'https://example.com/a%20b' '/o p/f'"
        );
        let Command::Download(args) = Cli::try_parse_from(&words).unwrap().command else { panic!() };
        assert_eq!((args.mode, args.network.timeout), (Some(0o640), Some(Duration::from_millis(90_500))));
        assert_eq!(args.dest.as_deref(), Some(OsStr::new("/o p/f")));
    }

    #[test]
    fn the_words_of_a_command_are_its_own_whatever_they_look_like() {
        let mut letter = RunLetter::default();
        letter.command = ["sh", "-c", "exit $X; 'y'", "--timeout", "--"].map(word).to_vec();
        letter.command.push(OsStr::from_bytes(b"\xff").into());
        letter.retry_on = Some([7, 28].into());
        let words = words(&LetterRequest::Run(letter.clone()), &LetterOptions::default()).unwrap();
        let Command::Run(args) = Cli::try_parse_from(&words).unwrap().command else { panic!() };
        assert_eq!(args.command, letter.command.iter().map(Word::to_os).collect::<Vec<_>>());
        assert_eq!(args.retry_on, [7, 28]);
    }

    #[test]
    fn clones_and_installs_are_typed_as_they_were_asked_for() {
        let mut letter = CloneLetter::default();
        (letter.url, letter.dest) = ("https://example.com/a.git".to_owned(), Some(word("/opt/a")));
        letter.branch = Some("v1".to_owned());
        let options = LetterOptions::default();
        let line = quoted(&words(&LetterRequest::GitClone(letter), &options).unwrap());
        let asked = "vps-configurator git clone --full --branch v1 https://example.com/a.git /opt/a";
        assert_eq!(line, asked);
        let mut letter = InstallLetter::default();
        letter.packages = vec!["nginx=1.22*".to_owned()];
        letter.no_update = true;
        let line = quoted(&words(&LetterRequest::AptInstall(letter), &options).unwrap());
        assert_eq!(line, "vps-configurator apt install --no-update 'nginx=1.22*'");
    }
}
