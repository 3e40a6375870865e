//! The page in a real browser: what `html.rs` and `accessible.rs` cannot know.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tests::server::{Route, Server};
use tests::wait_until;

use super::browser::Browser;
use super::{Serving, configure};
use crate::lab::Lab;

/// Two services on loopback, of which one can be stopped, and who serves their page.
struct Shown {
    lab: Lab,
    _here: Server,
    gone: Option<Server>,
    serving: Serving,
}

impl Shown {
    fn start() -> Self {
        let (lab, here, gone) = (Lab::new(), Server::start(), Server::start());
        here.route("/", Route::of(10));
        gone.route("/", Route::of(10));
        configure(&lab, &[("zebra", &gone.url("/")), ("ant", &here.url("/"))]);
        let serving = Serving::start(&lab, &[]);
        wait_until("both to be seen", || serving.get("/").body.contains("all 2 services").then_some(()));
        Self { lab, _here: here, gone: Some(gone), serving }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.serving.address())
    }
}

/// Run in each new document before anything of ours: what the policy forbade.
const WITNESS: &str = "
    window.forbidden = [];
    document.addEventListener('securitypolicyviolation', (event) => window.forbidden.push(event.violatedDirective));
";

/// The least contrast (WCAG 2) of all texts that are seen, with the text it is of.
const LEAST_CONTRAST: &str = "
    const luminance = (colour) => {
        const parts = colour.match(/[\\d.]+/g).map(Number);
        if (parts.length > 3 && parts[3] < 1) throw new Error('see-through: ' + colour);
        const [r, g, b] = parts.slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (colour !== 'rgba(0, 0, 0, 0)') return colour;
        }
        throw new Error('no background');
    };
    let least = [99, ''], texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility()) continue;
        const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        texts += 1;
        if (contrast < least[0]) least = [contrast, text];
    }
    return { least: least[0], of: least[1], texts, paper: behind(document.body) };
";

fn media(browser: &Browser, feature: &str, value: &str) {
    browser.tell("Emulation.setEmulatedMedia", &json!({"features": [{"name": feature, "value": value}]}));
    assert!(browser.is_so(&format!("matchMedia('({feature}: {value})').matches")), "{feature}: {value}");
}

/// Roles and names as a screen reader is told them.
fn told(browser: &Browser) -> Vec<(String, String)> {
    let tree = browser.tell("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false);
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
}

#[test]
fn in_a_browser_the_page_goes_live_and_breaks_no_rule() {
    let mut shown = Shown::start();
    let Some(browser) = Browser::start(&shown.lab, &[]) else { return };
    browser.tell("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WITNESS }));
    browser.open(&shown.url());
    assert_eq!(browser.run("return document.title;"), "all 2 services are HEALTHY");
    // Who listens hears each sentence once: the element stays, and is written to only where it says something else.
    browser.run(
        "window.sentence = document.querySelector('h1'); window.said = [];
         new MutationObserver(() => window.said.push(window.sentence.textContent))
             .observe(window.sentence, { childList: true, characterData: true, subtree: true });",
    );
    wait_until("the script to have asked", || {
        browser
            .is_so("performance.getEntriesByName(new URL('/api/status', location)).length > 0")
            .then_some(())
    });
    shown.gone = None;
    wait_until("the change to be shown without a reload", || {
        browser.is_so("document.title === '(1) 1 of 2 services UNHEALTHY: zebra'").then_some(())
    });
    assert!(browser.is_so("window.sentence === document.querySelector('h1')"), "it is the same document");
    assert_eq!(browser.run("return window.said;"), json!(["1 of 2 services UNHEALTHY: zebra"]));
    let live = "return [...document.querySelectorAll('[aria-live],[role=status],[role=alert],[role=log],output')]\
                .map((element) => element.localName);";
    assert_eq!(browser.run(live), json!(["h1"]));
    assert_eq!(
        browser.run(
            "return [...document.querySelectorAll('tbody th')].slice(0, 2).map((cell) => cell.textContent);"
        ),
        json!(["zebra", "ant"]),
        "the bad one first"
    );
    let unscoped = "return document.querySelectorAll('th:not([scope=row]):not([scope=col])').length;";
    assert_eq!(browser.run(unscoped), 0);

    let told = told(&browser);
    let named = |role: &str| -> Vec<&str> {
        told.iter().filter(|(found, _)| found == role).map(|(_, name)| name.as_str()).collect()
    };
    assert_eq!(named("table"), ["Services, the bad ones first"]);
    assert_eq!(named("columnheader"), ["Service", "Status", "Now", "p95, lost", "Up 24 h", "Circuit"]);
    assert_eq!(named("rowheader")[..2], ["zebra", "ant"]);
    assert_eq!(named("heading").first(), Some(&"1 of 2 services UNHEALTHY: zebra"));
    let read: Vec<&str> = named("StaticText").into_iter().map(str::trim).collect();
    assert!(read.contains(&"UNHEALTHY") && !read.contains(&"X"), "the shape is not read out: {told:?}");

    assert_eq!(browser.run("return window.forbidden;"), json!([]));
    assert_eq!(browser.console(), Vec::<Value>::new(), "nothing to complain about");
    // That would have been heard of.
    browser
        .run("document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }));");
    wait_until("what the policy forbids", || {
        (browser.run("return window.forbidden;") == json!(["script-src-elem"])).then_some(())
    });
    assert!(!browser.console().is_empty());

    // Without its server it says so.
    assert!(browser.is_so("document.getElementById('lost').hidden"));
    shown.serving.stop(Signal::TERM);
    wait_until("that nobody answers", || {
        browser.is_so("document.getElementById('lost').checkVisibility()").then_some(())
    });
}

#[test]
fn in_a_browser_every_text_can_be_read_by_day_and_by_night_and_nothing_moves_unasked() {
    let mut shown = Shown::start();
    let Some(browser) = Browser::start(&shown.lab, &["--window-size=360,740"]) else { return };
    shown.gone = None;
    wait_until("a bad one", || shown.serving.get("/").body.contains("UNHEALTHY: zebra").then_some(()));
    browser.open(&shown.url());
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        media(&browser, "prefers-color-scheme", scheme);
        let found = browser.run(LEAST_CONTRAST);
        assert!(found["least"].as_f64().unwrap() >= 4.5, "{scheme}: {found}");
        assert!(found["texts"].as_u64().unwrap() > 15, "{found}");
        papers.push(found["paper"].clone());
    }
    assert_eq!(papers, ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]);
    // On a phone only the table is wider than the window, and it is moved in place.
    assert!(browser.is_so("document.documentElement.scrollWidth <= innerWidth"), "the page moves sideways");

    let moves = "
        const cell = document.querySelector('td');
        cell.style.transition = 'color 9s';
        cell.style.scrollBehavior = 'smooth';
        const style = getComputedStyle(cell);
        return [style.transitionDuration, style.scrollBehavior];";
    media(&browser, "prefers-reduced-motion", "no-preference");
    assert_eq!(browser.run(moves), json!(["9s", "smooth"]));
    media(&browser, "prefers-reduced-motion", "reduce");
    assert_eq!(browser.run(moves), json!(["0s", "auto"]));
}

#[test]
fn in_a_browser_without_scripts_the_page_is_whole_and_comes_anew_by_itself() {
    let mut shown = Shown::start();
    let Some(browser) = Browser::start(&shown.lab, &["--blink-settings=scriptEnabled=false"]) else { return };
    browser.open(&shown.url());
    let page = browser.document();
    for words in ["all 2 services are HEALTHY", ">zebra</th>", ">ant</th>", "<caption>"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains(" s ago"), "no script runs: {page}");
    shown.gone = None;
    wait_until("the page to come anew", || {
        std::thread::sleep(Duration::from_millis(100));
        browser.document().contains("1 of 2 services UNHEALTHY: zebra").then_some(())
    });
    assert_eq!(browser.console(), Vec::<Value>::new());
}
