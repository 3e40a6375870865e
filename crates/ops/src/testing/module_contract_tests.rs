//! That the contract of modules finds out those that do not keep it.

use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::plan::module::{Meta, async_trait};

/// Writes two files, and breaks one promise where it is told to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Two {
    breaks: String,
}

impl Two {
    fn breaks(&self, what: &str) -> bool {
        self.breaks == what
    }

    fn is_there(cx: &Context<'_>) -> bool {
        ["/one", "/two"].iter().all(|path| cx.path(path).exists())
    }
}

#[async_trait]
impl ConfigurationModule for Two {
    fn meta() -> Meta {
        Meta::new("two", "Two files")
    }

    async fn verify(&self, cx: &Context<'_>) -> Result<Verified, ModuleError> {
        if self.breaks("look") {
            std::fs::write(cx.path("/looked"), "")?;
        }
        if self.breaks("reason") {
            return Ok(Verified::missing(cx.secret("token")?.expose_secret()));
        }
        if self.breaks("asks") {
            let options = cx.options();
            let done = cx.network().execute_with_retry("x", "ask", &options, |_| async {
                Ok::<_, std::convert::Infallible>(())
            });
            done.await.unwrap();
        }
        Ok(match Self::is_there(cx) || self.breaks("nothing") {
            true if !self.breaks("not_so") => Verified::satisfied("both are there"),
            _ => Verified::missing("one of them"),
        })
    }

    async fn configure(&self, cx: &Context<'_>) -> Result<Change, ModuleError> {
        if Self::is_there(cx) && !self.breaks("twice") {
            return Ok(Change::Unchanged);
        }
        // Not safe to be cut behind this: it takes its own half for somebody else's whole.
        if self.breaks("stuck") && cx.path("/one").exists() {
            return Err(ModuleError::permanent("somebody was here"));
        }
        std::fs::write(cx.path("/one"), "")?;
        if self.breaks("other") && cx.path("/begun").exists() {
            std::fs::write(cx.path("/again"), "")?;
        }
        std::fs::write(cx.path("/begun"), "")?;
        cx.run(["tool"]).await?;
        if self.breaks("said") {
            cx.progress(format!("token {}", cx.secret("token")?.expose_secret()));
        }
        if self.breaks("error") {
            return Err(ModuleError::permanent(cx.secret("token")?.expose_secret()));
        }
        if self.breaks("changed") {
            return Ok(Change::changed(cx.secret("token")?.expose_secret()));
        }
        std::fs::write(cx.path("/two"), "")?;
        Ok(Change::changed("both"))
    }
}

async fn tried(breaks: &str) -> Result<(), Breach> {
    let scratch = tempfile::tempdir().unwrap();
    let contract = module_contract::<Two>().with(json!({"breaks": breaks})).secret("token", "canary");
    contract.file("/etc/hostname", "x").check(scratch.path()).await
}

#[tokio::test]
async fn each_broken_promise_is_found_and_what_keeps_all_is_not_blamed() {
    tried("none").await.unwrap();
    type Is = fn(&Breach) -> bool;
    let all: [(&str, Is); 10] = [
        ("look", |breach| matches!(breach, Breach::VerifyChanges)),
        ("asks", |breach| matches!(breach, Breach::VerifyAsks(_))),
        ("nothing", |breach| matches!(breach, Breach::NothingToDo(_))),
        ("not_so", |breach| matches!(breach, Breach::NotSo(_))),
        ("twice", |breach| matches!(breach, Breach::ChangesTwice(_))),
        ("stuck", |breach| matches!(breach, Breach::Stuck { at: 0, .. })),
        ("other", |breach| matches!(breach, Breach::OtherFiles { at: 0 })),
        ("reason", |breach| matches!(breach, Breach::Secret(_))),
        ("error", |breach| matches!(breach, Breach::Secret(_))),
        ("changed", |breach| matches!(breach, Breach::Secret(_))),
    ];
    for (breaks, is) in all {
        let breach = tried(breaks).await.expect_err(breaks);
        assert!(is(&breach), "{breaks}: {breach:?}");
    }
    // What is said on the way is said without secrets by the context itself.
    tried("said").await.unwrap();
}

#[tokio::test]
async fn a_module_that_is_not_tried_at_each_await_has_not_passed() {
    let tried = async |most| {
        let scratch = tempfile::tempdir().unwrap();
        let contract = module_contract::<Two>().with(json!({"breaks": "none"}));
        contract.most_cuts(most).check(scratch.path()).await
    };
    let breach = tried(0).await.unwrap_err();
    assert!(matches!(breach, Breach::MoreAwaits { tried: 0 }), "{breach:?}");
    assert!(breach.to_string().contains("there are more"), "{breach}");
    // As many as it has are enough: what is left then is to see that it ends.
    let mut most = 1;
    while let Err(breach) = tried(most).await {
        assert!(matches!(breach, Breach::MoreAwaits { tried } if tried == most), "{breach:?}");
        most += 1;
        assert!(most < 100, "it has a few awaits");
    }
}

/// One that is called otherwise each time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nameless {}

static ASKED: AtomicU32 = AtomicU32::new(0);

#[async_trait]
impl ConfigurationModule for Nameless {
    fn meta() -> Meta {
        Meta::new(format!("name-{}", ASKED.fetch_add(1, Ordering::Relaxed)), "Whatever it is called")
    }

    async fn verify(&self, _: &Context<'_>) -> Result<Verified, ModuleError> {
        Ok(Verified::missing("all"))
    }

    async fn configure(&self, _: &Context<'_>) -> Result<Change, ModuleError> {
        Err(ModuleError::permanent("it is never asked"))
    }
}

#[tokio::test]
async fn a_module_that_was_never_made_has_not_passed() {
    let scratch = tempfile::tempdir().unwrap();
    let breach = module_contract::<Nameless>().check(scratch.path()).await.unwrap_err();
    assert!(matches!(&breach, Breach::NotTried { .. }), "{breach:?}");
    assert!(breach.to_string().starts_with("it was not tried"), "{breach}");
}
