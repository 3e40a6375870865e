//! Downloads: what is proved by a digest, by a stamp, by the journal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::apt_key::sha256;
use super::machine::{Lab, ends, step};
use crate::env::Env;
use crate::plan::run::ApplyOptions;
use crate::plan::{Action, DownloadAction, Part, SecretText, Step};
use crate::testing::scripted_http::{Script, ScriptedHttp};

/// A machine whose server has `content` at every address; what it was asked, with the authorization that came.
fn lab(content: &'static str) -> (Lab, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let http = ScriptedHttp::new(Env::real(), move |request, _| {
        let authorization = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let asked = format!("{} {}", request.url.path(), authorization.unwrap_or("-"));
        told.lock().unwrap().push(asked);
        Script::status(200).sends(content.as_bytes())
    });
    (Lab::new(|builder| builder.http(Arc::new(http))), asked)
}

fn action() -> DownloadAction {
    let url = "https://example.com/a".into();
    DownloadAction { url, dest: Some("below/here/a".into()), ..DownloadAction::default() }
}

fn steps(action: &DownloadAction) -> Vec<Step> {
    vec![step("d", Action::Download(action.clone()))]
}

fn with_digest(of: &str) -> DownloadAction {
    DownloadAction { checksum: Some(format!("sha256:{}", sha256(of.as_bytes()))), ..action() }
}

#[tokio::test]
async fn a_digest_proves_it_by_its_stamp_and_else_by_its_content() {
    let (lab, asked) = lab("content");
    let wanted = with_digest("content");
    let changed = format!("d changed ({})", lab.at("below/here/a").display());
    assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()], "its folder is made");
    assert_eq!(lab.read("below/here/a").as_deref(), Some("content"));
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    // The same content in another file: looked into, not fetched.
    std::fs::remove_file(lab.at("below/here/a")).unwrap();
    lab.write("below/here/a", "content");
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    // As many bytes, at the same time of writing.
    let time = std::fs::metadata(lab.at("below/here/a")).unwrap().modified().unwrap();
    lab.write("below/here/a", "CONTENT");
    let file = std::fs::File::options().write(true).open(lab.at("below/here/a")).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()]);
    assert_eq!(lab.read("below/here/a").as_deref(), Some("content"));
}

#[tokio::test]
async fn a_look_at_everything_anew_believes_no_stamp() {
    let (lab, asked) = lab("content");
    lab.run(steps(&with_digest("content"))).await;
    let options = ApplyOptions { recheck: true, ..lab.options() };
    assert_eq!(ends(&lab.applied(steps(&with_digest("content")), &options).await), ["d ok"]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    assert!(ends(&lab.applied(steps(&action()), &options).await)[0].starts_with("d changed"));
}

#[tokio::test]
async fn without_a_digest_it_is_there_and_came_from_where_the_plan_says() {
    let (lab, asked) = lab("content");
    lab.write("below/here/a", "whatever was there");
    assert!(lab.run(steps(&action())).await[0].starts_with("d changed"), "nobody knows where that came from");
    std::fs::write(lab.at("below/here/a"), "edited").unwrap();
    assert_eq!(lab.run(steps(&action())).await, ["d ok"]);
    let other = DownloadAction { url: "https://example.com/b".into(), ..action() };
    assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
    assert_eq!(*asked.lock().unwrap(), ["/a -", "/b -"]);
    std::fs::remove_file(lab.at("below/here/a")).unwrap();
    assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
}

#[tokio::test]
async fn a_stamp_is_taken_only_once_a_later_change_would_be_seen() {
    let (lab, _) = lab("content");
    let wanted = with_digest("content");
    let began = lab.network.env().now();
    lab.run(steps(&wanted)).await;
    let took = lab.network.env().now().since(began);
    assert!(took >= Duration::from_millis(15), "the disk's clock ticks each 4 to 10 ms; it took {took:?}");
}

#[tokio::test]
async fn a_secret_is_sent_and_is_nowhere_else() {
    let (mut lab, asked) = lab("content");
    lab.secrets.push(("token".into(), "canary".into()));
    let bearer = SecretText::new([Part::Text("Bearer ".into()), Part::Secret("token".parse().unwrap())]);
    let wanted = DownloadAction { headers: vec![("Authorization".into(), bearer)], ..action() };
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    assert_eq!(*asked.lock().unwrap(), ["/a Bearer canary"]);
    assert!(!format!("{:?}", lab.heard).contains("canary"));
    let kept = lab.kept().await;
    assert!(!kept.is_empty() && !kept.contains("canary"));
}
