//! An error.

use serde::Serialize;

use crate::report::FailureKind;

/// A command that did not do what it was asked, last on standard error.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "schema", rename = "vps-configurator.error/1")]
pub(crate) struct Error<'f> {
    /// What the program ends with; 128 and the number of a signal where it ends by one.
    pub(crate) code: u8,
    /// What sort of failure it is.
    #[serde(serialize_with = "as_name")]
    #[cfg_attr(test, schemars(schema_with = "kind_schema"))]
    pub(crate) kind: FailureKind,
    /// What failed, for people.
    pub(crate) message: &'f str,
    /// Why, from the outside in.
    pub(crate) causes: &'f [String],
    /// What to do about it.
    pub(crate) hints: &'f [String],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn as_name<S: serde::Serializer>(kind: &FailureKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

#[cfg(test)]
fn kind_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let library = vps_ops::Kind::ALL.iter().map(|kind| FailureKind::Of(*kind));
    let names: Vec<&str> =
        library.chain([FailureKind::Config, FailureKind::Plan]).map(FailureKind::as_str).collect();
    schemars::json_schema!({"type": "string", "enum": names})
}
