//! The page, as it is sent.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use tests::server::{Route, Server};
use tests::wait_until;

use super::accessible::faults;
use super::html::{Tag, tags};
use super::{Serving, configure};
use crate::lab::Lab;

/// What holds of every page of ours.
fn checked(page: &str) -> Vec<Tag> {
    assert_eq!(faults(page), Vec::<String>::new());
    let tags = tags(page);
    assert_eq!(tags.iter().find(|tag| tag.name == "html").unwrap().attribute("lang"), Some("en"));
    let live: Vec<&Tag> = tags.iter().filter(|tag| tag.attribute("aria-live").is_some()).collect();
    assert_eq!(live.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["h1"]);
    for tag in &tags {
        // The policy has the browser ignore it.
        assert!(tag.name != "style" && tag.attribute("style").is_none(), "{tag:?}");
        assert!(tag.attributes.iter().all(|(name, _)| !name.starts_with("on")), "{tag:?}");
        assert!(tag.name != "script" || tag.is_end || tag.attribute("src") == Some("/app.js"), "{tag:?}");
        for link in ["src", "href"] {
            assert!(tag.attribute(link).is_none_or(|to| to.starts_with('/') && !to.starts_with("//")));
        }
        assert!(!["img", "iframe", "form", "base", "object"].contains(&tag.name.as_str()), "{tag:?}");
    }
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    // What the script looks for.
    for id in ["sentence", "asof", "ago", "lost", "services", "running", "changes"] {
        assert!(ids.contains(&id), "{id}");
    }
    tags
}

fn title(page: &str) -> &str {
    page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0
}

#[test]
fn without_a_service_it_says_what_to_do() {
    let lab = Lab::new();
    configure(&lab, &[]);
    let page = Serving::start(&lab, &[]).get("/").body;
    checked(&page);
    assert_eq!(title(&page), "no service is looked at");
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\""), "{page}");
}

#[test]
fn a_thousand_services_come_in_pages_of_two_hundred() {
    let (lab, server) = (Lab::new(), Server::start());
    server.route("/", Route::of(10));
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number:04}")).collect();
    let url = server.url("/");
    let services: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), url.as_str())).collect();
    configure(&lab, &services);
    let serving = Serving::start(&lab, &[]);
    let rows = |path: &str| {
        let page = serving.get(path).body;
        let tags = checked(&page);
        let rows = tags.iter().filter(|tag| tag.attribute("scope") == Some("row")).count();
        (rows, page)
    };
    let mut seen = BTreeSet::new();
    for number in 1..=5 {
        let (count, page) = rows(&format!("/?page={number}"));
        assert_eq!(count, 200);
        seen.extend(names.iter().filter(|name| page.contains(&format!(">{name}<"))).cloned());
        assert_eq!(page.contains("rel=\"prev\""), number > 1);
        assert!(page.contains("rel=\"next\""));
    }
    // Nobody has looked at some of them at first, and what is bad comes first: rows may have moved in between.
    assert!(seen.len() > 900, "{}", seen.len());
    let (_, last) = rows("/?page=99");
    assert!(!last.contains("rel=\"next\"") && last.contains("of 1005"), "the last one");
    assert_eq!(serving.ask("HEAD", "/api/status", "").code, 200);
    let all: serde_json::Value = serde_json::from_str(&serving.get("/api/status").body).unwrap();
    assert_eq!(all["summary"]["total"], 1_000);
}

#[test]
fn a_service_that_goes_is_seen_failing_and_then_first_with_a_reason() {
    let (lab, here, gone) = (Lab::new(), Server::start(), Server::start());
    here.route("/", Route::of(10));
    gone.route("/", Route::of(10));
    configure(&lab, &[("zebra", &gone.url("/")), ("ant", &here.url("/"))]);
    let serving = Serving::start(&lab, &[]);
    let page_with = |words: &str| {
        wait_until(words, || {
            let page = serving.get("/").body;
            checked(&page);
            page.contains(words).then_some(page)
        })
    };
    let page = page_with("all 2 services are HEALTHY");
    assert_eq!(title(&page), "all 2 services are HEALTHY");
    assert!(page.contains("This machine is online."));
    assert!(page.find(">ant<").unwrap() < page.find(">zebra<").unwrap());
    drop(gone);
    page_with("failing 1/3: connection refused");
    let page = page_with("1 of 2 services UNHEALTHY: zebra");
    assert_eq!(title(&page), "(1) 1 of 2 services UNHEALTHY: zebra");
    assert!(page.find(">zebra<").unwrap() < page.find(">ant<").unwrap(), "what is bad comes first");
    assert!(page.contains("<td class=\"unhealthy\"><span aria-hidden=\"true\">X</span> UNHEALTHY</td>"));
    assert!(page.contains("<tr class=\"why\">") && page.contains(": connection refused"), "{page}");
    page_with("zebra HEALTHY -&gt; UNHEALTHY, connection refused");
}

#[test]
fn what_others_called_something_is_text() {
    let canary = "<script src=x>\"'&<img src=x onerror=alert(2)>";
    let lab = Lab::new();
    configure(&lab, &[("mirror", &format!("http://127.0.0.1:1/{0}?{0}#{0}", canary.replace('\'', "''")))]);
    let serving = Serving::start(&lab, &[]);
    // A command is named as it was typed, once an attempt has taken a while.
    std::fs::write(lab.path(canary), "#!/bin/sh\nsleep 1.1\nexit 1\n").unwrap();
    std::fs::set_permissions(lab.path(canary), Permissions::from_mode(0o755)).unwrap();
    let mut working = lab.start(&["run", "--retries", "30", "--", &format!("./{canary}")]);
    let page = wait_until("the command to be seen", || {
        let page = serving.get("/").body;
        page.contains("<h2>Running 1</h2>").then_some(page)
    });
    kill_process(Pid::from_raw(i32::try_from(working.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    working.wait().unwrap();
    checked(&page);
    assert!(!page.contains("<script src=x") && !page.contains("<img"), "{page}");
    let text = "&lt;script src=x&gt;&quot;&#39;&amp;&lt;img src=x onerror=alert(2)&gt;";
    assert!(page.contains(text), "{page}");
    // In JSON it is text by its kind; and nobody takes that for a page.
    let status = serving.get("/api/status");
    assert_eq!(
        (status.header("content-type"), status.header("x-content-type-options")),
        ("application/json", "nosniff")
    );
}
