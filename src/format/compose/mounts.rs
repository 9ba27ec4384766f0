//! The host folders that a compose file mounts into containers.

use super::Document;
use crate::format::yaml::tree::{self, Node, NodeKind};

/// The sources of all bind mounts in a compose file, as written. Named volumes are not included. A
/// text that is not YAML yields none.
#[must_use]
pub fn bind_mounts(text: &str) -> Vec<String> {
    let Ok(documents) = tree::parse(text) else {
        return Vec::new();
    };
    documents
        .iter()
        .flat_map(|document| of_document(&Document::of(document)))
        .collect()
}

fn of_document(document: &Document<'_>) -> Vec<String> {
    let services = document.section("services").into_iter();
    let volumes = services.filter_map(|service| document.anchors.get(service, "volumes"));
    volumes
        .filter(|volumes| matches!(volumes.kind, NodeKind::List(_)))
        .flat_map(|volumes| document.items(Some(volumes)))
        .filter_map(source)
        .collect()
}

fn source(item: &Node) -> Option<String> {
    let field = |key: &str| item.get(key).and_then(Node::text);
    match &item.kind {
        NodeKind::Scalar { text, .. } => of_short_form(text),
        NodeKind::Map(_) => field("source")
            .filter(|_| field("type") == Some("bind"))
            .map(str::to_owned),
        NodeKind::List(_) | NodeKind::Alias(_) => None,
    }
}

/// The source of `SOURCE:TARGET[:MODE]`, if it is a path. A `:` inside `${…}` does not end the
/// source. A source that begins with a variable counts as a path.
fn of_short_form(text: &str) -> Option<String> {
    let mut depth = 0_i32;
    let end = text.bytes().position(|b| {
        depth += i32::from(b == b'{') - i32::from(b == b'}');
        b == b':' && depth == 0
    })?;
    let source = &text[..end];
    let is_path = source.starts_with(['.', '/', '~', '$']);
    is_path.then(|| source.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_mounts_in_both_forms_are_found() {
        let text = "\
services:
  a:
    volumes:
      - ./data:/data
      - named:/var/lib
      - ${UPLOADS:-./library}:/up:ro
      - /etc/localtime:/etc/localtime:ro
      - /only/a/target
      - {type: bind, source: ../media, target: /m}
      - {type: volume, source: v, target: /v}
";
        assert_eq!(
            bind_mounts(text),
            [
                "./data",
                "${UPLOADS:-./library}",
                "/etc/localtime",
                "../media"
            ]
        );
        assert!(bind_mounts("a: [").is_empty());
    }
}
