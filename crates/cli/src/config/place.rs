//! Where in a file a key is, and which key is at a place.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::yaml;

/// A file as keys and places; what is no mapping has no keys.
#[derive(Debug, Default)]
pub(super) struct Tree {
    children: BTreeMap<String, Spanned<Tree>>,
}

impl Tree {
    /// Empty where the text is no YAML.
    pub(super) fn of(text: &str) -> Self {
        yaml::parse_leniently(text).unwrap_or_default()
    }

    /// The line of the value of `a.b.c`.
    pub(super) fn line_of(&self, key: &str) -> Option<u64> {
        let mut tree = self;
        let mut line = None;
        for name in key.split('.') {
            let child = tree.children.get(name)?;
            line = Some(child.referenced.line());
            tree = &child.value;
        }
        line
    }

    /// The key whose value is at a place: begins there, or is alone on that line.
    pub(super) fn key_at(&self, place: Location) -> Option<String> {
        let mut leaves = Vec::new();
        self.leaves("", &mut leaves);
        leaves.retain(|(_, at)| at.line() == place.line());
        let exact = leaves.iter().find(|(_, at)| at.column() == place.column());
        let alone = leaves.first().filter(|_| leaves.len() == 1);
        exact.or(alone).map(|(key, _)| key.clone())
    }

    fn leaves(&self, path: &str, found: &mut Vec<(String, Location)>) {
        for (name, child) in &self.children {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if child.value.children.is_empty() {
                found.push((key, child.referenced));
            } else {
                child.value.leaves(&key, found);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut tree = Tree::default();
        while let Some((key, value)) = map.next_entry::<String, Spanned<Tree>>()? {
            tree.children.insert(key, value);
        }
        Ok(tree)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tree::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_a_key_however_it_is_written() {
        let text = "performance:\n  # max_retries: 9\n  timeouts: {download: 1,\n    idle: 2}\n  network_retry:\n    max_retries: 0\n    jitter:\n";
        let tree = Tree::of(text);
        assert_eq!(tree.line_of("performance.network_retry.max_retries"), Some(6));
        assert_eq!(tree.line_of("performance.timeouts.idle"), Some(4));
        assert_eq!(tree.line_of("performance.network_retry.max_delay"), None);
    }

    #[test]
    fn finds_the_key_at_a_place() {
        let error = yaml::parse::<vps_ops::settings::Settings>("download:\n  min_speed: [1]\n").unwrap_err();
        let tree = Tree::of("download:\n  min_speed: [1]\n");
        assert_eq!(tree.key_at(error.location().unwrap()).as_deref(), Some("download.min_speed"));
    }

    #[test]
    fn what_is_no_yaml_has_no_places() {
        assert_eq!(Tree::of("a: [").line_of("a"), None);
    }
}
