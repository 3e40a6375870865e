//! What programs read, held against the schemas in `docs/schema`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

fn folder() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema").into()
}

/// Every schema as it is committed, by the name of its file.
///
/// # Panics
/// If one cannot be read.
#[must_use]
pub fn all() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let schema =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), schema)
    });
    named.collect()
}

/// Lets no object have a field that the schema does not name: a reader may pass over what it does not know, and we
/// must know what we print.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.contains_key("properties") {
                keys.entry("additionalProperties").or_insert(false.into());
            }
            keys.values_mut().for_each(close);
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        _ => {}
    }
}

fn validators() -> &'static BTreeMap<String, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let closed = all().into_iter().map(|(name, mut schema)| {
            close(&mut schema);
            let validator =
                jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, validator)
        });
        closed.collect()
    })
}

/// What is wrong with a value by the schema of that file.
///
/// # Panics
/// If there is no such schema.
#[must_use]
pub fn faults(file: &str, value: &Value) -> Vec<String> {
    let validator = validators().get(file).unwrap_or_else(|| panic!("there is no docs/schema/{file}.json"));
    let faults = validator.iter_errors(value);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

/// Demands that a value is as the schema of that file says.
///
/// # Panics
/// If it is not.
pub fn check_as(file: &str, value: &Value) {
    let faults = faults(file, value);
    assert!(faults.is_empty(), "not as docs/schema/{file}.json says:\n{}\n{value:#}", faults.join("\n"));
}

/// The same by the name that the value has in itself; a line of a log has none. Gives the schema's file.
///
/// # Panics
/// If it has no name of ours, or is not as the schema says.
#[must_use]
pub fn check(value: &Value) -> String {
    let file = match value.get("schema") {
        None => "log",
        Some(name) => {
            let name =
                name.as_str().and_then(|name| name.strip_prefix("vps-configurator.")?.strip_suffix("/1"));
            name.unwrap_or_else(|| panic!("no name of ours: {value:#}"))
        }
    };
    check_as(file, value);
    file.to_owned()
}
