//! What aliases and merge keys of a YAML document stand for, with work bounded by its size.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Kind, Node};

/// The anchors of one document.
pub struct Anchors<'tree> {
    /// The nodes of each name in the order of the text: a name may be given twice.
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
            Kind::Scalar { .. } | Kind::Alias(_) => {}
            Kind::List(items) => items.iter().for_each(|item| self.collect(item)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.collect(key);
                    self.collect(value);
                }
            }
        }
    }

    /// The node that an alias stands for, or the node itself. `None` for an alias to a collection
    /// that holds the alias.
    #[must_use]
    pub fn resolve(&self, node: &'tree Node) -> Option<&'tree Node> {
        let Kind::Alias(name) = &node.kind else {
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

    /// The entries of a mapping with those that `<<` merges into it: own entries first, each key
    /// once, of duplicates the last. A merged mapping is visited once, so that the work stays
    /// linear.
    #[must_use]
    pub fn merged(&self, map: &'tree Node) -> Vec<(&'tree Node, &'tree Node)> {
        let (mut entries, mut visited) = (Entries::default(), BTreeSet::new());
        self.merge_into(&mut entries, map, &mut visited);
        entries.in_order
    }

    /// A value of a mapping, merged entries included and aliases resolved.
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
        let Kind::Map(own) = &map.kind else { return };
        if !visited.insert(map.span.start) {
            return;
        }
        // Of duplicates the last counts, in the place of the first.
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
                Kind::Map(_) => self.merge_into(entries, merged, visited),
                Kind::List(maps) => {
                    maps.iter()
                        .filter_map(|map| self.resolve(map))
                        .for_each(|map| self.merge_into(entries, map, visited));
                }
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
    }
}

/// Whether a key merges what stands behind it: a plain `<<`.
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
    /// Adds an entry if its name is not there yet.
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
    fn own_entries_win_over_merged_ones_and_the_first_merged_over_the_next() {
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
    fn an_alias_stands_for_the_anchor_before_it() {
        let text = "a: &x one\nb: {v: *x}\nc: &x two\nd: {v: *x}\n";
        assert_eq!(merged(text, "b"), pairs(&[("v", "one")]));
        assert_eq!(merged(text, "d"), pairs(&[("v", "two")]));
        assert_eq!(merged("a: &x {b: {v: *x}, w: 1}\n", "a").len(), 2);
    }

    #[test]
    fn merges_that_double_at_each_step_stay_quick() {
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
