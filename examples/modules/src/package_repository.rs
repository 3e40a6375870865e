//! A repository of packages with its key, and one package of it.
//!
//! As a step of the kind `apt_repository` and one of `packages` it would be two; here they are one, which takes the
//! repository away again where its package cannot be had.

use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use vps_configurator::module::{
    Change, ConfigurationModule, Context, Meta, ModuleError, ModuleLane, Problems, Undone, Verified,
    async_trait,
};
use vps_configurator::vps_ops::apt::parse_all;
use vps_configurator::vps_ops::download::{Dest, DownloadRequest, Expected, parse_url};

/// What stands under `with:`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageRepository {
    /// What its files are called.
    name: String,
    /// Where it is.
    uri: String,
    /// Which release of it.
    suite: String,
    /// Which parts.
    components: Vec<String>,
    key: Key,
    /// What is installed of it.
    package: String,
    /// Whether this process put the file of sources there, which only then is its to take away.
    #[serde(skip)]
    is_new: AtomicBool,
}

/// What signs it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    url: String,
    /// Of the file, in hexadecimal digits.
    sha256: String,
}

impl PackageRepository {
    fn key_file(&self) -> String {
        format!("/etc/apt/keyrings/{}.asc", self.name)
    }

    fn source_file(&self) -> String {
        format!("/etc/apt/sources.list.d/{}.sources", self.name)
    }

    fn source(&self) -> String {
        format!(
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: {}\nSigned-By: {}\n",
            self.uri,
            self.suite,
            self.components.join(" "),
            self.key_file()
        )
    }

    fn has_key(&self, cx: &Context<'_>) -> bool {
        let Ok(key) = std::fs::read(cx.path(self.key_file())) else { return false };
        let digest: String = Sha256::digest(&key).iter().map(|byte| format!("{byte:02x}")).collect();
        digest.eq_ignore_ascii_case(&self.key.sha256)
    }
}

/// A line break in a word would be one more field of the file of sources.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

#[async_trait]
impl ConfigurationModule for PackageRepository {
    fn meta() -> Meta {
        Meta::new("package-repository", "A repository of packages, and a package of it")
            .version("1")
            .lane(ModuleLane::Apt)
    }

    fn schema() -> Option<serde_json::Value> {
        Some(schemars::schema_for!(Self).to_value())
    }

    fn validate(&self, problems: &mut Problems) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(is_name) {
            problems.add("name", "a name has a-z, 0-9 and `-`");
        }
        if let Err(error) = parse_url("uri", &self.uri) {
            problems.add("uri", error);
        }
        if !is_word(&self.suite) {
            problems.add("suite", "it is not one word");
        }
        if self.components.is_empty() {
            problems.add("components", "the list is empty");
        }
        for (index, _) in self.components.iter().enumerate().filter(|(_, component)| !is_word(component)) {
            problems.add(format!("components[{index}]"), "it is not one word");
        }
        if let Err(error) = parse_url("url", &self.key.url) {
            problems.add("key.url", error);
        }
        if let Err(error) = Expected::parse("sha256", &format!("sha256:{}", self.key.sha256)) {
            problems.add("key.sha256", error);
        }
        if let Err(error) = parse_all([self.package.as_str()]) {
            problems.add("package", error);
        }
    }

    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
        if !self.has_key(cx) {
            return Ok(Verified::missing("the key"));
        }
        if !cx.has_file(self.source_file(), self.source())? {
            return Ok(Verified::missing("the file of sources"));
        }
        Ok(match cx.missing_packages([&self.package])?.as_slice() {
            [] => Verified::satisfied("all of it is there"),
            missing => Verified::missing(missing.join(", ")),
        })
    }

    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
        let mut changed = Vec::new();
        // The key first: a repository without one would break each `apt-get update` until it came.
        if !self.has_key(cx) {
            cx.progress("fetching the key");
            let path = cx.path(self.key_file());
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above)?;
            }
            let mut request = DownloadRequest::new(parse_url("key.url", &self.key.url)?, Dest::Path(path));
            request.expected = Some(Expected::parse("key.sha256", &format!("sha256:{}", self.key.sha256))?);
            // apt reads it as a user of its own.
            request.mode = Some(0o644);
            cx.network().download_with_retry(request, &cx.options()).await?;
            changed.push("the key".to_owned());
        }
        let is_new = !cx.path(self.source_file()).exists();
        if cx.put_file(self.source_file(), self.source()).await? {
            self.is_new.store(is_new, Ordering::Relaxed);
            changed.push("the repository".to_owned());
        }
        // A file of sources that is newer than the indexes has them read first.
        if !cx.missing_packages([&self.package])?.is_empty() {
            cx.install_packages_resilient([&self.package]).await?;
            changed.push(self.package.clone());
        }
        Ok(if changed.is_empty() { Change::Unchanged } else { Change::changed(changed.join(", ")) })
    }

    /// A repository that has not what it is there for would be in the way of everything else that apt does.
    async fn rollback(&self, cx: &Context<'_>, _because: &ModuleError) -> Result<Undone, ModuleError> {
        if !self.is_new.load(Ordering::Relaxed) {
            return Ok(Undone::NotOffered);
        }
        std::fs::remove_file(cx.path(self.source_file()))?;
        Ok(Undone::of("the file of sources"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use vps_configurator::vps_ops::env::Env;
    use vps_configurator::vps_ops::testing::module_contract;
    use vps_configurator::vps_ops::testing::scripted_apt::ScriptedApt;
    use vps_configurator::vps_ops::testing::scripted_http::{ScriptedFile, ScriptedHttp};

    use super::*;

    const KEY: &str = "a key";

    fn values() -> Value {
        let digest: String = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "name": "vendor", "uri": "https://example.com/debian", "suite": "stable", "components": ["main"],
            "key": {"url": "https://example.com/key.asc", "sha256": digest}, "package": "agent",
        })
    }

    #[tokio::test]
    async fn it_keeps_what_plans_rely_on() {
        let scratch = tempfile::tempdir().unwrap();
        let contract = module_contract::<PackageRepository>().with(values()).network(|root, builder| {
            let server = ScriptedHttp::new(Env::real(), |request, _| ScriptedFile::new(KEY).answer(request));
            let apt = ScriptedApt::new().with_package("agent", "1.0");
            let apt = apt.with_status_file(root.join("var/lib/dpkg/status"));
            builder.http(Arc::new(server)).apt(Arc::new(apt))
        });
        contract.check(scratch.path()).await.unwrap();
        let read = |path: &str| std::fs::read_to_string(scratch.path().join("0").join(path)).unwrap();
        assert_eq!(read("etc/apt/keyrings/vendor.asc"), KEY);
        assert_eq!(
            read("etc/apt/sources.list.d/vendor.sources"),
            "Types: deb\nURIs: https://example.com/debian\nSuites: stable\nComponents: main\n\
             Signed-By: /etc/apt/keyrings/vendor.asc\n"
        );
    }

    #[test]
    fn each_wrong_value_is_named() {
        let mut wrong = values();
        wrong["components"] = json!(["main", "two\nlines"]);
        wrong["key"]["sha256"] = json!("abc");
        let module: PackageRepository = serde_json::from_value(wrong).unwrap();
        let mut problems = Problems::default();
        module.validate(&mut problems);
        let paths: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
        assert_eq!(paths, ["components[1]", "key.sha256"]);
    }
}
