//! The reference of plans, `docs/plan.md`: every key, as the types that a plan is read as say it. `cargo xtask docs`
//! writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";
/// Between these lines stands what is generated.
const MARKS: [&str; 2] = ["<!-- keys -->\n", "<!-- /keys -->\n"];

/// The groups of keys by the name of their type, and how they are called, in the order of the page.
const GROUPS: [(&str, &str); 16] = [
    ("", "The file"),
    ("SecretText", "`secrets`: each secret"),
    ("Defaults", "`defaults`"),
    ("StepText", "`steps`: each step"),
    ("When", "`when`"),
    ("Packages", "`packages`, the long form"),
    ("AptRepositoryText", "`apt_repository`"),
    ("AptKeyText", "`apt_repository`: `key`"),
    ("Download", "`download`"),
    ("UnpackText", "`download`: `unpack`"),
    ("Git", "`git`"),
    ("File", "`file`"),
    ("Command", "`command`"),
    ("Systemd", "`systemd`"),
    ("GateText", "`gate`"),
    ("Module", "`module`"),
];

fn sort(schema: &Value) -> String {
    let of = |name: &str| {
        match name {
            "string" => "text",
            "integer" => "number",
            "boolean" => "true, false",
            "array" => "list",
            "object" => "keys",
            other => other,
        }
        .to_owned()
    };
    if let Some(values) = schema["enum"].as_array() {
        let words: Vec<String> = values.iter().map(|value| value.to_string().replace('"', "`")).collect();
        return words.join(", ");
    }
    if schema.get("pattern").is_some() {
        return "text in quotes".to_owned();
    }
    match &schema["type"] {
        Value::String(name) => of(name),
        // Any scalar is a text.
        Value::Array(names) if names.contains(&"number".into()) && names.contains(&"array".into()) => {
            "text, list".to_owned()
        }
        Value::Array(names) if names.contains(&"number".into()) => "text".to_owned(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(", "),
        _ if schema.get("$ref").is_some() => "keys".to_owned(),
        _ => "anything".to_owned(),
    }
}

fn keys() -> String {
    let schema = vps_ops::plan::plan_schema();
    let schema = schema.as_value();
    let mut text = String::new();
    for (name, title) in &GROUPS {
        let group = match *name {
            "" => schema,
            "Packages" => &schema["$defs"]["StepText"]["properties"]["packages"],
            name => &schema["$defs"][name],
        };
        let properties =
            group["properties"].as_object().unwrap_or_else(|| panic!("{name} is no group of keys"));
        writeln!(text, "### {title}\n").unwrap();
        if !["", "Packages"].contains(name) {
            writeln!(text, "{}\n", group["description"].as_str().unwrap()).unwrap();
        }
        writeln!(text, "| key | value | |\n|---|---|---|").unwrap();
        for (key, property) in properties {
            let required =
                group["required"].as_array().is_some_and(|keys| keys.contains(&key.as_str().into()));
            let must = if required { ", required" } else { "" };
            let what = property["description"].as_str().unwrap().replace('|', "\\|");
            writeln!(text, "| `{key}` | {}{must} | {what} |", sort(property)).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told by whoever runs it")]
fn the_reference_says_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plan.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the keys have a place");
    let (_, after) = rest.split_once(MARKS[1]).expect("the keys' place ends");
    let wanted = format!("{before}{}\n{}{}{after}", MARKS[0], keys(), MARKS[1]);
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        fs::write(&path, &wanted).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap() == wanted, "run `cargo xtask docs` and look at the difference");
}

#[test]
fn no_group_is_left_out() {
    let schema = vps_ops::plan::plan_schema();
    let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
    for name in schema.as_value()["$defs"].as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
}
