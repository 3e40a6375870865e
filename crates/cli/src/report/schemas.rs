//! The schemas of what is printed, as they stand in `docs/schema`, and the table of them in `docs/json.md`.
//! `cargo xtask docs` writes both; everywhere else they are held against what the types say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};
use vps_ops::circuit::StatusFile;
use vps_ops::settings::Settings;

use super::document;

/// Set to `write`, what is committed is replaced instead of compared.
const VARIABLE: &str = "VPS_CONFIGURATOR_DOCS";
/// Between these lines of `docs/json.md` stands the table.
const MARKS: [&str; 2] = ["<!-- schemas -->\n", "<!-- /schemas -->\n"];

/// One schema that is committed.
struct Published {
    /// The name of its file.
    file: &'static str,
    /// Who writes such an object, for the table.
    written_by: &'static str,
    schema: Schema,
}

/// What is printed or stored, of type `T`.
fn written<T: JsonSchema>(file: &'static str, written_by: &'static str) -> Published {
    Published { file, written_by, schema: schema_of::<T>(Contract::Serialize) }
}

fn schema_of<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    name_it(&mut schema);
    plainly(&mut schema);
    schema
}

/// Takes out of all descriptions what is written for readers of the source: links and ends of lines.
fn plainly(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
    }
    transform_subschemas(&mut plainly, schema);
}

/// Adds the tag that serde writes of a type's name, which schemars does not see.
fn name_it(schema: &mut Schema) {
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !title.starts_with("vps-configurator.") {
        return;
    }
    let tag =
        json!({"type": "string", "const": title, "description": "The name of this form, and its version."});
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("schema".to_owned(), tag);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, "schema".into());
    }
}

fn all() -> Vec<Published> {
    let settings = Published {
        file: "config-file",
        written_by: "you: a configuration file, as `--config` reads it",
        schema: schema_of::<Settings>(Contract::Deserialize),
    };
    let mut plan = vps_ops::plan::plan_schema();
    plainly(&mut plan);
    let plan = Published { file: "plan", written_by: "you: a plan, as `plan check` reads it", schema: plan };
    let mut all = vec![
        written::<document::Apply>("apply", "`apply`, as its last line"),
        written::<document::ApplyEvent>("apply.event", "`apply`, one in each line while it goes on"),
        written::<document::AptInstall>("apt.install", "`apt install`"),
        written::<document::AptPreview>("apt.preview", "`apt install --dry-run`"),
        written::<document::AptUpdate>("apt.update", "`apt update`, also beside an error"),
        written::<document::Hold>("circuit-breaker.hold", "`circuit-breaker open`, `circuit-breaker close`"),
        written::<document::Reset>("circuit-breaker.reset", "`circuit-breaker reset`"),
        written::<document::Status>("circuit-breaker.status", "`circuit-breaker status`"),
        written::<document::Config>("config", "`config show`, with `--origin` or without"),
        written::<document::ConfigCheck>("config.check", "`config check`"),
        written::<document::ConfigInit>("config.init", "`config init`"),
        written::<document::ConfigPath>("config.path", "`config path`"),
        written::<document::Connectivity>("connectivity", "`connectivity`"),
        written::<document::DeadLetter>(
            "dead-letter.letter",
            "`dead-letter show`; `dead-letter export`, one in each line",
        ),
        written::<document::DeadLetterDrop>("dead-letter.drop", "`dead-letter drop`"),
        written::<document::DeadLetterList>("dead-letter.list", "`dead-letter list`"),
        written::<document::DeadLetterRetry>(
            "dead-letter.retry",
            "`dead-letter retry` of several; of one, what the command itself writes",
        ),
        written::<document::Download>("download", "`download`"),
        written::<document::Error<'_>>(
            "error",
            "every command that fails, on standard error; `run --report FILE`",
        ),
        written::<document::Health<'_>>(
            "health",
            "`health`, with `--watch` one in each line; `/api/status` of `serve`",
        ),
        written::<document::Mute>("mute", "`mute`"),
        written::<document::News>("notify", "what `health_checks.notify` is told"),
        written::<document::LogLine>(
            "log",
            "every line on standard error with `--log-format json` but the error",
        ),
        written::<document::Preview>(
            "preview",
            "`--dry-run` of `download`, `git clone`, `apt update`, `run`, `connectivity`, `health`",
        ),
        written::<document::Run>("run", "`run`, on standard error; `run --report FILE`"),
        written::<StatusFile>(
            "status-file",
            "`status.json` in the state folder, at every transition of a circuit",
        ),
        settings,
        written::<document::PlanCheck>("plan.check", "`plan check`"),
        written::<document::PlanForget>("plan.forget", "`plan forget`"),
        written::<document::PlanStatus>("plan.status", "`plan status`"),
        written::<document::PlanNew>("plan.new", "`plan new`"),
        written::<document::PlanShow>("plan.show", "`plan show`"),
        plan,
    ];
    #[cfg(feature = "git")]
    all.push(written::<document::GitClone>("git.clone", "`git clone`"));
    #[cfg(feature = "web")]
    all.push(written::<document::Serve>("serve", "`serve`, in one line, once it listens"));
    all.sort_by_key(|published| published.file);
    all
}

impl Published {
    /// What its objects have as their `schema`.
    fn name(&self) -> Option<&str> {
        self.schema.pointer("/properties/schema/const")?.as_str()
    }

    fn text(&self) -> String {
        format!("{:#}\n", self.schema.as_value())
    }

    fn row(&self) -> String {
        let name = self.name().map_or("none".to_owned(), |name| format!("`{name}`"));
        format!("| {name} | [{0}](schema/{0}.json) | {1} |\n", self.file, self.written_by)
    }
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// `docs/json.md` with the table as it must be.
fn page(all: &[Published]) -> String {
    let page = fs::read_to_string(docs().join("json.md")).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the table has a place");
    let (_, after) = rest.split_once(MARKS[1]).expect("the table's place ends");
    let rows: String = all.iter().map(Published::row).collect();
    let head = "| `schema` | file | written by |\n|---|---|---|\n";
    format!("{before}{}{head}{rows}{}{after}", MARKS[0], MARKS[1])
}

/// What is in the folder now.
fn committed() -> BTreeMap<PathBuf, String> {
    let files = fs::read_dir(docs().join("schema")).unwrap().map(|entry| entry.unwrap().path());
    files
        .chain([docs().join("json.md")])
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
#[cfg(all(feature = "git", feature = "web"))]
#[expect(clippy::disallowed_methods, reason = "a test is told by whoever runs it")]
fn what_is_committed_is_what_the_types_say() {
    let all = all();
    let files = all.iter().map(|one| (docs().join("schema").join(format!("{}.json", one.file)), one.text()));
    let wanted: BTreeMap<PathBuf, String> = files.chain([(docs().join("json.md"), page(&all))]).collect();
    if std::env::var(VARIABLE).is_ok_and(|value| value == "write") {
        let stale: Vec<PathBuf> = committed().into_keys().filter(|path| !wanted.contains_key(path)).collect();
        stale.iter().for_each(|path| fs::remove_file(path).unwrap());
        wanted.iter().for_each(|(path, text)| fs::write(path, text).unwrap());
    }
    let found = committed();
    let differ: Vec<&PathBuf> =
        wanted.keys().chain(found.keys()).filter(|path| wanted.get(*path) != found.get(*path)).collect();
    assert!(differ.is_empty(), "run `cargo xtask docs` and look at the difference: {differ:?}");
}

#[test]
fn each_name_is_its_files_and_has_a_version() {
    for one in all() {
        let Some(name) = one.name() else {
            assert!(["config-file", "log", "plan"].contains(&one.file), "{}", one.file);
            continue;
        };
        let named = match one.file {
            // As the command prints it, so that one reader does for both.
            "status-file" => "circuit-breaker.status",
            file => file,
        };
        assert_eq!(name, format!("vps-configurator.{named}/1"));
    }
}

#[test]
fn everything_is_explained() {
    fn look(at: &str, schema: &Value) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property.get("description").is_some(), "{at}: {name} says nothing");
        }
        for (name, inner) in schema["$defs"].as_object().into_iter().flatten() {
            look(&format!("{at}: {name}"), inner);
        }
    }
    for one in all() {
        look(one.file, one.schema.as_value());
    }
}
