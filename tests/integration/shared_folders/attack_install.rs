//! An install whose archives are below a parent that a neighbour may write to, while he does: fetched, verified and
//! made ready as always; in place of apt-get and dpkg stands who notes what file he is given, and whose.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tests::server::{Content, Route, Server};
use vps_ops::apt::{AptGet, InstallRequest, parse_all};
use vps_ops::env::Env;
use vps_ops::http::{HttpClient, ReqwestClient, Trust};
use vps_ops::process::{Captured, CommandError, Ended, Listener, ProcessSpec, Runner, Shield};
use vps_ops::service::ServiceTable;
use vps_ops::settings::{Options, Settings};
use vps_ops::{Kind, NetworkOperationWrapper};

use crate::parent::{Below, Parent};

const NAME: &str = "lab-leaf_1.0_all.deb";
const LENGTH: usize = 2_000;

/// A file that dpkg would have read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    owner: u32,
    digest: String,
    /// Whose the folder is that it is in, and who may look into it.
    folder: (u32, u32),
}

/// Says what apt-get and dpkg would, and notes what is installed.
struct Recorder {
    plan: String,
    root: PathBuf,
    given: Mutex<Vec<Given>>,
}

impl Recorder {
    fn answer(&self, spec: &ProcessSpec) -> String {
        let args: Vec<_> = spec.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let has = |word: &str| args.iter().any(|one| one == word);
        match spec.name().as_str() {
            "dpkg-query" if self.given.lock().unwrap().is_empty() => String::new(),
            "dpkg-query" => "install\tinstalled\tok\tlab-leaf\tall\t1.0\t\n".to_owned(),
            "apt-config" => format!("RootDir \"{}\";\nAPT::Sandbox::User \"root\";\n", self.root.display()),
            "apt-get" if has("update") => String::new(),
            "apt-get" if has("--print-uris") => self.plan.clone(),
            "apt-get" if has("--no-download") => {
                let key = "Dir::Cache::archives=";
                let folder = args.iter().find_map(|word| word.strip_prefix(key)).map(PathBuf::from).unwrap();
                for entry in fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    let (inside, above) =
                        (path.symlink_metadata().unwrap(), folder.symlink_metadata().unwrap());
                    assert!(inside.is_file() && above.is_dir(), "{path:?}");
                    let digest = digest(&fs::read(&path).unwrap());
                    let folder = (above.uid(), above.mode() & 0o7777);
                    self.given.lock().unwrap().push(Given { owner: inside.uid(), digest, folder });
                }
                String::new()
            }
            other => panic!("nobody should run {other} {args:?}"),
        }
    }
}

#[async_trait]
impl Runner for Recorder {
    async fn run(&self, _: &Env, spec: &ProcessSpec) -> Result<Ended, CommandError> {
        panic!("nobody should run {spec:?}")
    }

    async fn capture(
        &self,
        _: &Env,
        spec: &ProcessSpec,
        _: &Shield,
        _: &mut dyn Listener,
    ) -> Result<Captured, CommandError> {
        Ok(Captured::new(Ended::Code(0), self.answer(spec), ""))
    }

    async fn settle(&self, _: &Env) {}
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_neighbour_gets_no_package_of_his_to_dpkg() {
    let (server, content) = (Server::start(), Content::seeded(LENGTH as u64, 3));
    let right = content.bytes().to_vec();
    server.route("/pool/f.deb", Route::content(content));
    let plan = format!(
        "The following NEW packages will be installed:\n   lab-leaf (1.0)\n'{}' {NAME} {} SHA256:{}\n",
        server.url("/pool/f.deb"),
        right.len(),
        digest(&right)
    );
    let http: Arc<dyn HttpClient> = Arc::new(ReqwestClient::new(Trust::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for parent in [Parent::Sticky, Parent::Open, Parent::His] {
        // As long as the right one, so that nothing but its digest tells.
        let evil = vec![b'x'; right.len()];
        let planted = [NAME, &format!(".{NAME}.part"), "updated"].map(|name| (name.to_owned(), evil.clone()));
        let Some(below) = Below::new(parent, planted.to_vec()) else { return };
        let recorder = Mutex::new(None);
        let command = || {
            let made =
                Arc::new(Recorder { plan: plan.clone(), root: below.at("root"), given: Mutex::default() });
            *recorder.lock().unwrap() = Some(Arc::clone(&made));
            let apt = AptGet::new(Env::real(), Arc::clone(&made) as _, ServiceTable::default());
            let network = NetworkOperationWrapper::builder(Settings::default().check().unwrap())
                .http(Arc::clone(&http))
                .runner(made)
                .apt(Arc::new(apt.with_archives(below.ours())))
                .build();
            let request = InstallRequest::new(parse_all(["lab-leaf"]).unwrap()).update_cache(false);
            runtime.block_on(async {
                let outcome = network.installs().install(&request, &Options::new()).await;
                network.close().await;
                outcome.inspect_err(|error| assert_eq!(error.kind(), Kind::Local, "{error:?}")).is_ok()
            })
        };
        let look = |is_done: bool| {
            let given = recorder.lock().unwrap().take().map(|one| one.given.lock().unwrap().clone()).unwrap();
            let right = Given { owner: 0, digest: digest(&right), folder: (0, 0o700) };
            assert!(given.iter().all(|one| *one == right), "{given:?}");
            assert_eq!(given.len(), usize::from(is_done), "{given:?}");
        };
        below.withstands("apt install", command, look);
    }
}
