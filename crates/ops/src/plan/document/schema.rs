//! Schemas of what is not a group of keys. They are flat, without `oneOf`, by which editors suggest little.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::command::{CommandText, OnceText, Told};
use super::fetched::{Packages, PackagesLong};
use super::step::{StepText, Steps};
use crate::plan::decode::{At, List, Named, Number, OneOrMore, Quoted};

/// The schema of a plan.
#[must_use]
pub fn plan_schema() -> Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<super::Document>();
    schema.insert("title".into(), "A plan of vps-configurator".into());
    schema
}

/// Whatever is written without quotes is a text where a text is wanted: `1.10`, `true`.
pub(in crate::plan) fn loose(mut schema: Schema) -> Schema {
    let is_any_text = schema.as_object().is_some_and(|keys| keys.len() == 1)
        && schema.get("type") == Some(&"string".into());
    if is_any_text {
        schema.insert("type".into(), serde_json::json!(["string", "number", "boolean"]));
    }
    schema
}

macro_rules! inline {
    ([$($bound:ident)?] $type:ty, $generator:ident, $schema:expr) => {
        impl$(<$bound: JsonSchema>)? JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline!([T] At<T>, generator, loose(generator.subschema_for::<T>()));
inline!([T] List<T>, generator, generator.subschema_for::<Vec<T>>());
inline!([] Number, generator, generator.subschema_for::<u64>());
inline!([T] Named<T>, generator, json_schema!({
    "type": "object", "additionalProperties": generator.subschema_for::<T>(),
}));
inline!(
    [] OneOrMore,
    _generator,
    json_schema!({
        "type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]},
    })
);
inline!([] Steps, generator, generator.subschema_for::<Vec<At<StepText>>>());
inline!([] Quoted, _generator, json_schema!({"type": "string", "pattern": "^([0-7]{3,4}|.*[$].*)$"}));
inline!(
    [] CommandText,
    _generator,
    json_schema!({
        "type": ["string", "array"], "items": {"type": ["string", "number", "boolean"]},
    })
);
inline!([] OnceText, _generator, json_schema!({"enum": [true, false, "boot"]}));
inline!([] Told, _generator, json_schema!({}));
inline!([] Packages, generator, {
    let mut schema = PackagesLong::json_schema(generator);
    schema.insert("type".into(), serde_json::json!(["array", "object"]));
    schema.insert("items".into(), serde_json::json!({"type": "string"}));
    schema
});
