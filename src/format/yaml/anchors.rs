//! Resolves the aliases and merge keys of a YAML document, with work bounded by its size.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Node, NodeKind};

/// The anchors of one document.
pub struct Anchors<'tree> {
    /// The nodes of each anchor name in text order: a name may be defined more than once.
    named: BTreeMap<&'tree str, Vec<&'tree Node>>,
}

impl<'tree> Anchors<'tree> {
    /// Finds the anchors of a document.
    #[must_use]
    pub fn of(document: &'tree Node) -> Self {
        let mut anchors = Self {
            named: BTreeMap::new(),
        };
        anchors.collect(document);
        anchors
    }

    fn collect(&mut self, node: &'tree Node) {
        if let Some(name) = &node.anchor {
            self.named.entry(name).or_default().push(node);
        }
        match &node.kind {
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| self.collect(item)),
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    self.collect(key);
                    self.collect(value);
                }
            }
        }
    }

    /// The node that an alias refers to, or the node itself. `None` if the anchor is missing, or if
    /// the alias is inside its own anchor.
    #[must_use]
    pub fn resolve(&self, node: &'tree Node) -> Option<&'tree Node> {
        let NodeKind::Alias(name) = &node.kind else {
            return Some(node);
        };
        let target = self
            .named
            .get(name.as_str())?
            .iter()
            .rev()
            .find(|target| target.start < node.start)?;
        (target.span.end <= node.start).then_some(target)
    }

    /// The entries of a mapping, including those that `<<` merges into it. Own entries come first,
    /// and each key occurs once: the last of duplicates counts. Each merged mapping is visited
    /// once, which keeps the work linear.
    #[must_use]
    pub fn merged(&self, map: &'tree Node) -> Vec<(&'tree Node, &'tree Node)> {
        let (mut entries, mut visited) = (Entries::default(), BTreeSet::new());
        self.merge_into(&mut entries, map, &mut visited);
        entries.in_order
    }

    /// Looks up a key in a mapping, including merged entries, and resolves aliases.
    #[must_use]
    pub fn get(&self, map: &'tree Node, key: &str) -> Option<&'tree Node> {
        let entry = self
            .merged(map)
            .into_iter()
            .find(|(name, _)| self.resolve(name).and_then(Node::text) == Some(key));
        entry.and_then(|(_, value)| self.resolve(value))
    }

    fn merge_into(
        &self,
        entries: &mut Entries<'tree>,
        map: &'tree Node,
        visited: &mut BTreeSet<usize>,
    ) {
        let NodeKind::Map(own) = &map.kind else {
            return;
        };
        if !visited.insert(map.span.start) {
            return;
        }
        // The last of duplicate keys counts, at the position of the first.
        let mut last: BTreeMap<&str, &(Node, Node)> = BTreeMap::new();
        for entry in own {
            if let Some(name) = self.resolve(&entry.0).and_then(Node::text) {
                last.insert(name, entry);
            }
        }
        let is_merge = |key: &Node| is_merge_key(key);
        for (key, value) in own.iter().filter(|(key, _)| !is_merge(key)) {
            let name = self.resolve(key).and_then(Node::text);
            let (key, value) = name
                .and_then(|name| last.get(name))
                .map_or((key, value), |(key, value)| (key, value));
            entries.add(name, key, value);
        }
        for (_, value) in own.iter().filter(|(key, _)| is_merge(key)) {
            let Some(merged) = self.resolve(value) else {
                continue;
            };
            match &merged.kind {
                NodeKind::Map(_) => self.merge_into(entries, merged, visited),
                NodeKind::List(maps) => {
                    maps.iter()
                        .filter_map(|map| self.resolve(map))
                        .for_each(|map| self.merge_into(entries, map, visited));
                }
                NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
            }
        }
    }
}

/// Whether a key is a merge key: a plain `<<`.
#[must_use]
pub fn is_merge_key(key: &Node) -> bool {
    key.text() == Some("<<") && key.span.len() == 2
}

#[derive(Default)]
struct Entries<'tree> {
    names: BTreeSet<String>,
    in_order: Vec<(&'tree Node, &'tree Node)>,
}

impl<'tree> Entries<'tree> {
    /// Adds an entry, unless one with its name exists.
    fn add(&mut self, name: Option<&str>, key: &'tree Node, value: &'tree Node) {
        if name.is_none_or(|name| self.names.insert(name.to_owned())) {
            self.in_order.push((key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::yaml::tree::parse;

    fn merged(text: &str, key: &str) -> Vec<(String, String)> {
        let Ok(documents) = parse(text) else {
            panic!("not parsed")
        };
        let anchors = Anchors::of(&documents[0]);
        let Some(map) = anchors.get(&documents[0], key) else {
            panic!("no {key}")
        };
        let of = |node| {
            anchors
                .resolve(node)
                .and_then(Node::text)
                .unwrap_or_default()
                .to_owned()
        };
        anchors
            .merged(map)
            .into_iter()
            .map(|(key, value)| (of(key), of(value)))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn own_entries_win_over_merged_ones_and_earlier_merges_over_later_ones() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: own\n  x: \
            last\nd:\n  <<: *a\n  <<: *b\n";
        assert_eq!(
            merged(text, "c"),
            pairs(&[("x", "last"), ("y", "2"), ("z", "4")])
        );
        assert_eq!(
            merged(text, "d"),
            pairs(&[("x", "1"), ("y", "2"), ("z", "4")])
        );
    }

    #[test]
    fn an_alias_refers_to_the_nearest_anchor_before_it() {
        let text = "a: &x one\nb: {v: *x}\nc: &x two\nd: {v: *x}\n";
        assert_eq!(merged(text, "b"), pairs(&[("v", "one")]));
        assert_eq!(merged(text, "d"), pairs(&[("v", "two")]));
        assert_eq!(merged("a: &x {b: {v: *x}, w: 1}\n", "a").len(), 2);
    }

    #[test]
    fn nested_merges_do_not_take_exponential_time() {
        let steps = (1..60).map(|n| {
            format!(
                "m{n}: &m{n}\n  <<: [*m{}, *m{}]\n  k{n}: {n}\n",
                n - 1,
                n - 1
            )
        });
        let text: String = std::iter::once("m0: &m0 {k0: 0}\n".to_owned())
            .chain(steps)
            .collect();
        assert_eq!(merged(&text, "m59").len(), 60);
    }
}
