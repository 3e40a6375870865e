//! A group of settings that a service may override field by field.

/// Defines a group with its defaults, and its partial form whose every field is optional.
///
/// The part after `optional` has no default: absent means that the feature is not used.
macro_rules! layered {
    (
        $(#[$doc:meta])*
        $full:ident, $partial:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr;)*
        } optional {
            $($(#[$option_doc:meta])* $option:ident: $option_type:ty;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $full {
            $($(#[$field_doc])* pub $field: $type,)*
            $(
                $(#[$option_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $option: Option<$option_type>,
            )*
        }

        impl Default for $full {
            fn default() -> Self {
                Self { $($field: $default,)* $($option: None,)* }
            }
        }

        #[doc = concat!("What one service has of its own over [`", stringify!($full), "`].")]
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "__schema", derive(schemars::JsonSchema))]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $partial {
            $(
                $(#[$field_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            $(
                $(#[$option_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $option: Option<$option_type>,
            )*
        }

        impl $partial {
            /// The general settings with these in their place.
            pub(super) fn over(&self, general: &$full) -> $full {
                $full {
                    $($field: self.$field.clone().unwrap_or_else(|| general.$field.clone()),)*
                    $($option: self.$option.clone().or_else(|| general.$option.clone()),)*
                }
            }

            /// Whether it changes nothing.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                *self == Self::default()
            }
        }
    };
}

pub(super) use layered;
