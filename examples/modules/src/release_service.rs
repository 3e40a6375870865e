//! A release of a program that is fetched, verified, unpacked and run by systemd.
//!
//! A later release in the plan takes the place of the one that is there, in one step, and the service is restarted. What
//! tells that it was restarted is a file of the module's own: a run that is killed between the two goes on with it.

use schemars::JsonSchema;
use serde::Deserialize;
use vps_configurator::module::{
    Change, ConfigurationModule, Context, Meta, ModuleError, ModuleLane, Problems, Verified, async_trait,
};
use vps_configurator::vps_ops::Deadline;
use vps_configurator::vps_ops::download::{Dest, DownloadRequest, Expected, file_name, parse_url};
use vps_configurator::vps_ops::env::fs::Open;
use vps_configurator::vps_ops::unpack::{
    ArchiveDigest, UnpackLimits, UnpackOptions, UnpackRequest, is_unpacked, unpack,
};

/// What stands under `with:`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseService {
    /// What the unit and the folder below `/opt` are called.
    name: String,
    /// The archive: tar, tar.gz, tar.xz, tar.zst or zip.
    url: String,
    /// Of the archive, in hexadecimal digits.
    sha256: String,
    /// Folders that each name in it loses in front.
    #[serde(default)]
    strip: u32,
    /// The program, below the folder that it is unpacked to.
    program: String,
    /// What it is started with.
    #[serde(default)]
    arguments: Vec<String>,
}

impl ReleaseService {
    fn folder(&self) -> String {
        format!("/opt/{}", self.name)
    }

    fn unit(&self) -> String {
        format!("{}.service", self.name)
    }

    fn unit_file(&self) -> String {
        format!("/etc/systemd/system/{}", self.unit())
    }

    /// Says what runs: which archive, by which unit.
    fn started_file(&self) -> String {
        format!("/var/lib/release-service/{}", self.name)
    }

    fn started(&self) -> String {
        format!("{} {}\n{}", self.sha256.to_ascii_lowercase(), self.strip, self.unit_text())
    }

    fn unit_text(&self) -> String {
        let words: Vec<String> = self.arguments.iter().map(|word| format!(" {word}")).collect();
        format!(
            "[Unit]\nDescription={name}\nWants=network-online.target\nAfter=network-online.target\n\n\
             [Service]\nExecStart={folder}/{program}{words}\nDynamicUser=yes\nRestart=on-failure\n\n\
             [Install]\nWantedBy=multi-user.target\n",
            name = self.name,
            folder = self.folder(),
            program = self.program,
            words = words.concat()
        )
    }

    fn digest(&self) -> Result<ArchiveDigest, ModuleError> {
        // The plan was checked before anything ran.
        ArchiveDigest::from_hex(&self.sha256).ok_or_else(|| ModuleError::permanent("sha256 is no digest"))
    }

    fn options(&self) -> UnpackOptions {
        UnpackOptions { strip: self.strip }
    }

    fn is_unpacked(&self, cx: &Context<'_>) -> Result<bool, ModuleError> {
        Ok(is_unpacked(cx.network().env(), &cx.path(self.folder()), self.digest()?, self.options()))
    }

    async fn fetch_and_unpack(&self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let url = parse_url("url", &self.url)?;
        // By its name in the URL: its ending must not promise another format than it has.
        let name = file_name(&url)?;
        let folder = cx.path("/var/cache/release-service").join(&self.name);
        std::fs::create_dir_all(&folder)?;
        let archive = folder.join(&name);
        let mut request = DownloadRequest::new(url, Dest::Path(archive.clone()));
        request.expected = Some(Expected::parse("sha256", &format!("sha256:{}", self.sha256))?);
        cx.progress("fetching the release");
        cx.network().download_with_retry(request, &cx.options()).await?;

        cx.progress("unpacking the release");
        let env = cx.network().env();
        let to = cx.path(self.folder());
        if let Some(above) = to.parent() {
            std::fs::create_dir_all(above)?;
        }
        let request = UnpackRequest {
            archive: env.fs().open(&archive, Open::Read)?,
            name,
            digest: self.digest()?,
            to,
            options: self.options(),
            limits: UnpackLimits::default(),
            deadline: Deadline::NEVER,
        };
        unpack(env, request, |_| {}).await?;
        // It has served; a run that is killed here leaves it, and the next release takes its folder away.
        std::fs::remove_dir_all(&folder)?;
        Ok(())
    }
}

#[async_trait]
impl ConfigurationModule for ReleaseService {
    fn meta() -> Meta {
        Meta::new("release-service", "A release that is run by systemd")
            .version("1")
            .lane(ModuleLane::Systemd)
    }

    fn schema() -> Option<serde_json::Value> {
        Some(schemars::schema_for!(Self).to_value())
    }

    fn validate(&self, problems: &mut Problems) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(is_name) {
            problems.add("name", "a name has a-z, 0-9 and `-`");
        }
        if let Err(error) = parse_url("url", &self.url).and_then(|url| file_name(&url)) {
            problems.add("url", error);
        }
        if ArchiveDigest::from_hex(&self.sha256).is_none() {
            problems.add("sha256", "it is no 64 hexadecimal digits");
        }
        // What systemd would take for something else than it is: spaces, quotes, `%`, `$`.
        let is_plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c))
        };
        let stays = !self.program.starts_with('/') && !self.program.split('/').any(|part| part == "..");
        if !is_plain(&self.program) || !stays {
            problems.add("program", "it is no path below the folder of the release");
        }
        for (index, _) in self.arguments.iter().enumerate().filter(|(_, word)| !is_plain(word)) {
            problems
                .add(format!("arguments[{index}]"), "it has a character that a unit cannot have as it is");
        }
    }

    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
        if !self.is_unpacked(cx)? {
            return Ok(Verified::missing("the release"));
        }
        if !cx.has_file(self.unit_file(), self.unit_text())? {
            return Ok(Verified::missing("the unit"));
        }
        if !cx.has_file(self.started_file(), self.started())? {
            return Ok(Verified::missing("its start"));
        }
        Ok(match cx.run(["systemctl", "is-active", "--quiet", &self.unit()]).await {
            Ok(_) => Verified::satisfied("it runs"),
            Err(_) => Verified::missing("it does not run"),
        })
    }

    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
        if matches!(self.verify(cx).await?, Verified::Satisfied(_)) {
            return Ok(Change::Unchanged);
        }
        if !self.is_unpacked(cx)? {
            self.fetch_and_unpack(cx).await?;
        }
        cx.put_file(self.unit_file(), self.unit_text()).await?;
        cx.run(["systemctl", "daemon-reload"]).await?;
        cx.run(["systemctl", "enable", "--quiet", &self.unit()]).await?;
        cx.run(["systemctl", "restart", &self.unit()]).await?;
        // Last: what was not restarted is restarted by the next run.
        cx.put_file(self.started_file(), self.started()).await?;
        Ok(Change::changed(format!("started {}", self.unit())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use sha2::{Digest as _, Sha256};
    use vps_configurator::vps_ops::env::Env;
    use vps_configurator::vps_ops::process::{Captured, Ended};
    use vps_configurator::vps_ops::testing::module_contract;
    use vps_configurator::vps_ops::testing::scripted_http::{ScriptedFile, ScriptedHttp};
    use vps_configurator::vps_ops::testing::scripted_runner::ScriptedRunner;

    use super::*;

    /// A tar of one program in one folder.
    fn archive() -> Vec<u8> {
        let content = b"#!/bin/sh\nexec sleep infinity\n";
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, "app-1.0/serve");
        put(100, "0000755\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, "00000000000\0");
        put(148, "        0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().copied().map(u32::from).sum::<u32>() - u32::from(b'0');
        header[156] = b'0';
        let sum = sum + u32::from(b'0');
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut tar = header.to_vec();
        tar.extend(content);
        tar.resize(512 + 512 + 1024, 0);
        tar
    }

    fn values() -> Value {
        let digest: String = Sha256::digest(archive()).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "name": "app", "url": "https://example.com/app-1.0.tar", "sha256": digest, "strip": 1,
            "program": "serve", "arguments": ["--port", "8080"],
        })
    }

    #[tokio::test]
    async fn it_keeps_what_plans_rely_on() {
        let scratch = tempfile::tempdir().unwrap();
        let ran: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&ran);
        let contract = module_contract::<ReleaseService>().with(values()).network(move |_, builder| {
            let server =
                ScriptedHttp::new(Env::real(), |request, _| ScriptedFile::new(archive()).answer(request));
            let noted = Arc::clone(&noted);
            let runner = ScriptedRunner::new(move |line| {
                noted.lock().unwrap().push(line.to_owned());
                Captured::new(Ended::Code(0), "", "")
            });
            builder.http(Arc::new(server)).runner(Arc::new(runner))
        });
        contract.check(scratch.path()).await.unwrap();
        let root = scratch.path().join("0");
        assert!(root.join("opt/app/serve").is_file(), "it lost its first folder");
        assert!(!root.join("var/cache/release-service/app").exists(), "the archive has served");
        let unit = std::fs::read_to_string(root.join("etc/systemd/system/app.service")).unwrap();
        assert!(unit.contains("\nExecStart=/opt/app/serve --port 8080\n"), "{unit}");
        let first: Vec<String> = ran.lock().unwrap().iter().take(3).cloned().collect();
        assert_eq!(
            first,
            [
                "systemctl daemon-reload",
                "systemctl enable --quiet app.service",
                "systemctl restart app.service"
            ]
        );
    }

    #[test]
    fn what_a_unit_would_take_for_something_else_is_refused() {
        let mut wrong = values();
        wrong["program"] = json!("../../bin/sh");
        wrong["arguments"] = json!(["fine", "a b", "$HOME"]);
        let module: ReleaseService = serde_json::from_value(wrong).unwrap();
        let mut problems = Problems::default();
        module.validate(&mut problems);
        let paths: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
        assert_eq!(paths, ["program", "arguments[1]", "arguments[2]"]);
    }
}
