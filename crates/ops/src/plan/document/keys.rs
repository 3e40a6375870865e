//! A group of keys, said once: its type, how it is read, and its schema.

/// Makes a struct whose fields are the keys of a group. Each is optional; those behind `requires` are missed where
/// they do not stand there. What a field's comment says is what its schema and the reference say.
macro_rules! keys {
    (
        $(#[doc = $about:literal])+
        $name:ident requires [$($required:ident),*] {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Default)]
        pub(in crate::plan) struct $name {
            $($(#[doc = $doc])+ pub(in crate::plan) $field: $crate::plan::decode::Field<$type>,)*
            /// Keys that were probably meant by what is none: they are not missed, too.
            pub(in crate::plan) meant: Vec<$crate::foreign::Foreign>,
        }

        impl $name {
            /// Its keys.
            pub(in crate::plan) const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];
        }

        impl $crate::plan::decode::Decode for $name {
            fn decode(
                node: &$crate::plan::tree::Node<'_>,
                problems: &mut $crate::plan::decode::Problems,
            ) -> Option<Self> {
                let mut read = Self::default();
                for (key, value) in $crate::plan::decode::entries(node, Self::KEYS, problems)? {
                    match &*key.text {
                        $(stringify!($field) => {
                            read.$field = $crate::plan::decode::Field::of(key, value, problems);
                        })*
                        _ => read.meant.extend(problems.unknown_key(key, Self::KEYS)),
                    }
                }
                $(if read.$required.key().is_none() && !read.meant.iter().any(|key| *key == stringify!($required)) {
                    let key = stringify!($required);
                    problems.add(node.spot, $crate::plan::problem::ProblemKind::MissingKey { key });
                })*
                Some(read)
            }
        }

        #[cfg(feature = "__schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $({
                    let mut schema = $crate::plan::document::schema::loose(generator.subschema_for::<$type>());
                    schema.insert("description".into(), concat!($($doc),+).trim().into());
                    properties.insert(stringify!($field).to_owned(), schema.into());
                })*
                let required: &[&str] = &[$(stringify!($required)),*];
                schemars::json_schema!({
                    "type": "object",
                    "description": concat!($($about),+).trim(),
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
        }
    };
}

/// A type of which there are some values, each a word.
macro_rules! words {
    ($type:ty { $($word:literal => $value:expr,)+ }) => {
        impl $crate::plan::decode::Decode for $type {
            fn decode(
                node: &$crate::plan::tree::Node<'_>,
                problems: &mut $crate::plan::decode::Problems,
            ) -> Option<Self> {
                match &*<String as $crate::plan::decode::Decode>::decode(node, problems)? {
                    $($word => Some($value),)+
                    other => {
                        problems.none_of(node.spot, other, &[$($word),+]);
                        None
                    }
                }
            }
        }

        #[cfg(feature = "__schema")]
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": [$($word),+]})
            }
        }
    };
}

pub(super) use {keys, words};
