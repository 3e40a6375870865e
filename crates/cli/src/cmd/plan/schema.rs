//! The schema of plans, with what the modules of this program take.

use serde_json::{Value, json};
use vps_ops::plan::module::Modules;

/// What `cargo xtask docs` makes of the types that a plan is read as.
const SCHEMA: &str = include_str!("../../../plan.schema.json");

/// Where the schema of a plan has that of a module's step.
const MODULE: &str = "/$defs/Module";

/// As it is without modules, to the byte; else with the name of each and what stands under its `with:`.
///
/// One condition for each name instead of alternatives: an editor says of a wrong value what is wrong with it, and not
/// that it is none of all.
pub(super) fn of(modules: &Modules) -> String {
    let names: Vec<&str> = modules.names().collect();
    let mut schema: Value = match serde_json::from_str(SCHEMA) {
        Ok(schema) if !names.is_empty() => schema,
        _ => return SCHEMA.to_owned(),
    };
    let mut kept = Vec::new();
    if let Some(module) = schema.pointer_mut(MODULE) {
        let described: Vec<&str> =
            names.iter().filter_map(|name| Some(modules.meta(name)?.description.as_str())).collect();
        if let Some(name) = module.pointer_mut("/properties/name") {
            *name = json!({ "description": "Which.", "enum": names, "markdownEnumDescriptions": described });
        }
        let mut rules = Vec::new();
        for name in &names {
            let Some(own) = modules.schema(name) else { continue };
            let place = format!("module.{name}");
            let has_required =
                own.get("required").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
            let required: &[&str] = if has_required { &["with"] } else { &[] };
            let with = json!({ "$ref": format!("#/$defs/{place}") });
            let then = json!({ "properties": { "with": with }, "required": required });
            let of_it = json!({ "properties": { "name": { "const": name } }, "required": ["name"] });
            rules.push(json!({ "if": of_it, "then": then }));
            kept.push((place.clone(), moved(own.clone(), &place)));
        }
        if let (Some(module), false) = (module.as_object_mut(), rules.is_empty()) {
            module.insert("allOf".to_owned(), Value::Array(rules));
        }
    }
    if let Some(all) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        all.extend(kept);
    }
    crate::report::pretty(&schema)
}

/// A whole schema as a part of another: what it refers to stands where it stands now.
fn moved(schema: Value, place: &str) -> Value {
    match schema {
        Value::Object(keys) => {
            let keys = keys.into_iter().filter(|(key, _)| key != "$schema");
            let of = |(key, value): (String, Value)| match (key.as_str(), &value) {
                ("$ref", Value::String(to)) => {
                    let to = to.strip_prefix('#').map(|rest| format!("#/$defs/{place}{rest}"));
                    (key, to.map_or(value, Value::String))
                }
                _ => (key, moved(value, place)),
            };
            Value::Object(keys.map(of).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(|value| moved(value, place)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use vps_ops::plan::module::{
        Change, ConfigurationModule, Context, Meta, ModuleError, Verified, async_trait,
    };

    use super::*;

    /// One that says what it takes.
    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what it takes is looked at")]
    struct Site {
        /// Where it listens.
        port: u16,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what it takes is looked at")]
    struct Part {
        path: String,
        #[serde(default)]
        inner: Vec<Part>,
    }

    /// One that does not.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Other {}

    #[async_trait]
    impl ConfigurationModule for Site {
        fn meta() -> Meta {
            Meta::new("site", "A site")
        }

        fn schema() -> Option<Value> {
            Some(schemars::schema_for!(Self).to_value())
        }

        async fn verify(&self, _: &Context<'_>) -> Result<Verified, ModuleError> {
            Ok(Verified::satisfied(""))
        }

        async fn configure(&self, _: &Context<'_>) -> Result<Change, ModuleError> {
            Ok(Change::Unchanged)
        }
    }

    #[async_trait]
    impl ConfigurationModule for Other {
        fn meta() -> Meta {
            Meta::new("other", "Another")
        }

        async fn verify(&self, _: &Context<'_>) -> Result<Verified, ModuleError> {
            Ok(Verified::satisfied(""))
        }

        async fn configure(&self, _: &Context<'_>) -> Result<Change, ModuleError> {
            Ok(Change::Unchanged)
        }
    }

    /// What a reference leads to.
    fn at<'s>(schema: &'s Value, reference: &Value) -> &'s Value {
        let to = reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
        schema.pointer(to).unwrap_or_else(|| panic!("{to} leads nowhere"))
    }

    #[test]
    fn without_modules_it_is_the_file_that_is_checked_in() {
        assert_eq!(of(&Modules::builtin()), SCHEMA);
    }

    #[test]
    fn each_module_says_what_stands_under_with() {
        let modules = Modules::builtin().with::<Site>().unwrap().with::<Other>().unwrap();
        let schema: Value = serde_json::from_str(&of(&modules)).unwrap();
        let module = schema.pointer(MODULE).unwrap();
        assert_eq!(module["properties"]["name"]["enum"], json!(["other", "site"]));
        let rules = module["allOf"].as_array().unwrap();
        assert_eq!(rules.len(), 1, "the other says nothing");
        assert_eq!(rules[0]["if"]["properties"]["name"]["const"], "site");
        assert_eq!(rules[0]["then"]["required"], json!(["with"]));
        let with = at(&schema, &rules[0]["then"]["properties"]["with"]);
        assert_eq!(with["properties"]["port"]["description"], "Where it listens.");
        assert_eq!(with.get("$schema"), None);
        let part = at(&schema, &with["properties"]["parts"]["items"]);
        assert_eq!(part["required"], json!(["path"]));
        assert_eq!(at(&schema, &part["properties"]["inner"]["items"]), part, "one that holds itself");
    }
}
