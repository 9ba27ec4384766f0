//! Writes a YAML node as JSON.

use zeroize::Zeroizing;

use super::super::anchors::is_merge_key;
use super::super::tree::{Node, NodeKind, NodeStyle};
use super::Values;
use super::scalar::scalar;
use super::tags::{custom, is_core_tag};
use crate::format::json::{self, Typed};

/// The longest JSON text for a list or mapping, in bytes: nested aliases could expand without
/// limit.
const MAX_JSON: usize = 1024 * 1024;
const MAX_DEPTH: usize = 100;

/// The JSON text of a value, while it is written.
struct JsonWriter<'values, 'tree> {
    values: &'values Values<'tree>,
    out: Zeroizing<String>,
}

impl<'tree> Values<'tree> {
    /// A node as JSON.
    pub(super) fn json(&self, node: &'tree Node) -> Result<Zeroizing<String>, String> {
        let mut writer = JsonWriter {
            values: self,
            out: Zeroizing::new(String::new()),
        };
        writer.node(node, 0, false)?;
        Ok(writer.out)
    }
}

impl<'tree> JsonWriter<'_, 'tree> {
    fn node(&mut self, node: &'tree Node, depth: usize, in_flow: bool) -> Result<(), String> {
        if depth > MAX_DEPTH || self.out.len() > MAX_JSON {
            return Err("it is too large".to_owned());
        }
        let node = self
            .values
            .anchors
            .resolve(node)
            .ok_or("an alias in it is inside its own anchor, or has no anchor")?;
        if let Some(tag) = node.tag.as_deref()
            && !matches!(node.kind, NodeKind::Scalar { .. })
            && !is_core_tag(tag, &["map", "seq"])
        {
            return Err(custom(tag));
        }
        let in_flow = in_flow || self.values.text[node.span.start..].starts_with(['[', '{']);
        match &node.kind {
            NodeKind::Scalar { text, style } => self.scalar(node, text, *style, in_flow),
            NodeKind::List(items) => self.list(items, depth, in_flow),
            NodeKind::Map(own) => self.map(node, own, depth, in_flow),
            NodeKind::Alias(_) => Err("an alias in it has no anchor".to_owned()),
        }
    }

    fn scalar(
        &mut self,
        node: &Node,
        text: &str,
        style: NodeStyle,
        in_flow: bool,
    ) -> Result<(), String> {
        // In flow style, `PyYAML` takes these characters for key and value indicators.
        if style == NodeStyle::Plain && in_flow && (text.contains('?') || text.starts_with(':')) {
            return Err(
                "YAML readers read an unquoted text in it differently, because of ? or a leading : put that text in quotes"
                    .to_owned(),
            );
        }
        match scalar(node, text, style)?.0 {
            Typed::Text(text) => json::quote(&text, &mut self.out),
            Typed::Json(text) => self.out.push_str(&text),
        }
        Ok(())
    }

    fn list(&mut self, items: &'tree [Node], depth: usize, in_flow: bool) -> Result<(), String> {
        self.out.push('[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.node(item, depth + 1, in_flow)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn map(
        &mut self,
        node: &'tree Node,
        own: &'tree [(Node, Node)],
        depth: usize,
        in_flow: bool,
    ) -> Result<(), String> {
        let merges: Vec<_> = own.iter().filter(|(key, _)| is_merge_key(key)).collect();
        if let Some(reason) = merges
            .iter()
            .find_map(|(_, value)| self.values.unmerged(value))
        {
            return Err(reason);
        }
        if merges.len() > 1 {
            return Err("<< occurs twice in it, and readers differ in which one counts".to_owned());
        }
        self.out.push('{');
        for (at, (key, value)) in self.values.anchors.merged(node).into_iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            let name = self
                .values
                .name(key)
                .map_err(|_| "a name in it is not text to a YAML reader: put it in quotes")?;
            json::quote(name, &mut self.out);
            self.out.push(':');
            self.node(value, depth + 1, in_flow)?;
        }
        self.out.push('}');
        Ok(())
    }
}
