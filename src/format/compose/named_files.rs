//! The files that a compose file refers to.

use super::Document;
use crate::format::yaml::tree::{self, Malformed, Node, NodeKind};

/// A file that a compose file refers to. The path is as written: it may contain `${…}` and point to
/// any location.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFile {
    /// The path as written.
    pub path: String,
    /// The line of the path, from 1.
    pub line: usize,
    /// The key under which the file is named.
    pub kind: ReferenceKind,
}

/// The key under which a file is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReferenceKind {
    /// `env_file` of a service: sets variables in the container.
    EnvFile {
        /// Whether compose reads its lines literally (`format: raw`).
        is_raw: bool,
        /// Whether compose fails if the file is missing.
        is_required: bool,
    },
    /// `env_file` of an `include`: compose uses it for interpolation.
    IncludeEnvFile,
    /// `secrets`: the whole file is one secret.
    Secret,
    /// `configs`: the file is mounted as a config.
    Config,
    /// `include`: another compose file.
    Include,
    /// `extends` with a `file`: another compose file.
    Extends,
}

/// The files that a compose file refers to, grouped by section. A text without references yields
/// none.
///
/// # Errors
/// [`Malformed`] if the text is not valid YAML.
pub fn named_files(text: &str) -> Result<Vec<NamedFile>, Malformed> {
    let documents = tree::parse(text)?;
    let mut files = Vec::new();
    for document in &documents {
        let document = Document::of(document);
        of_services(&document, &mut files);
        for (section, kind) in [
            ("secrets", ReferenceKind::Secret),
            ("configs", ReferenceKind::Config),
        ] {
            for entry in document.section(section) {
                files.extend(named_file(document.anchors.get(entry, "file"), kind));
            }
        }
        of_includes(&document, &mut files);
    }
    Ok(files)
}

/// An item of `env_file`: a path, or a map with `path`, `format` and `required`.
pub struct EnvFileItem<'tree> {
    /// The node of the path, if there is one.
    pub path: Option<&'tree Node>,
    /// Whether compose reads the lines of the file literally (`format: raw`).
    pub is_raw: bool,
    /// Whether compose fails if the file is missing.
    pub is_required: bool,
}

impl<'tree> EnvFileItem<'tree> {
    /// Reads an item. `get` looks up one of its fields.
    pub fn of(item: &'tree Node, get: impl Fn(&str) -> Option<&'tree Node>) -> Self {
        let text = |key: &str| get(key).and_then(Node::text);
        Self {
            path: path_of(item, &get),
            is_raw: text("format") == Some("raw"),
            is_required: text("required") != Some("false"),
        }
    }
}

/// The path of an item that is either a path or a map with a `path`.
fn path_of<'tree>(
    item: &'tree Node,
    get: impl Fn(&str) -> Option<&'tree Node>,
) -> Option<&'tree Node> {
    match item.kind {
        NodeKind::Map(_) => get("path"),
        NodeKind::List(_) | NodeKind::Scalar { .. } | NodeKind::Alias(_) => Some(item),
    }
}

fn of_services(document: &Document<'_>, files: &mut Vec<NamedFile>) {
    let anchors = &document.anchors;
    for service in document.section("services") {
        for item in document.items(anchors.get(service, "env_file")) {
            let item = EnvFileItem::of(item, |key| anchors.get(item, key));
            let kind = ReferenceKind::EnvFile {
                is_raw: item.is_raw,
                is_required: item.is_required,
            };
            files.extend(named_file(item.path, kind));
        }
        let extended = anchors
            .get(service, "extends")
            .and_then(|extends| anchors.get(extends, "file"));
        files.extend(named_file(extended, ReferenceKind::Extends));
    }
}

fn of_includes(document: &Document<'_>, files: &mut Vec<NamedFile>) {
    let anchors = &document.anchors;
    for item in document.items(anchors.get(document.root, "include")) {
        for path in document.items(path_of(item, |key| anchors.get(item, key))) {
            files.extend(named_file(Some(path), ReferenceKind::Include));
        }
        for path in document.items(anchors.get(item, "env_file")) {
            files.extend(named_file(Some(path), ReferenceKind::IncludeEnvFile));
        }
    }
}

fn named_file(path: Option<&Node>, kind: ReferenceKind) -> Option<NamedFile> {
    let path = path?;
    let text = path.text().filter(|text| !text.is_empty())?;
    Some(NamedFile {
        path: text.to_owned(),
        line: path.line,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_naming_a_file_is_found() {
        let text = "\
x-env: &env
  env_file: [common.env]
include:
  - other/compose.yaml
  - path: [a.yaml, b.yaml]
    env_file: inc.env
services:
  a:
    env_file: .env
    extends: {file: base.yaml, service: web}
  b:
    <<: *env
  c:
    env_file:
      - path: raw.env
        format: raw
      - {path: maybe.env, required: false}
      - plain.env
secrets:
  s: {file: ./token.txt}
  outside: {external: true}
configs:
  c: {file: ./app.conf}
  d: {content: x}
";
        let Ok(files) = named_files(text) else {
            panic!("not parsed")
        };
        let found: Vec<(&str, usize, ReferenceKind)> = files
            .iter()
            .map(|file| (file.path.as_str(), file.line, file.kind))
            .collect();
        let env_file = |is_raw, is_required| ReferenceKind::EnvFile {
            is_raw,
            is_required,
        };
        let expected = [
            (".env", 9, env_file(false, true)),
            ("base.yaml", 10, ReferenceKind::Extends),
            ("common.env", 2, env_file(false, true)),
            ("raw.env", 15, env_file(true, true)),
            ("maybe.env", 17, env_file(false, false)),
            ("plain.env", 18, env_file(false, true)),
            ("./token.txt", 20, ReferenceKind::Secret),
            ("./app.conf", 23, ReferenceKind::Config),
            ("other/compose.yaml", 4, ReferenceKind::Include),
            ("a.yaml", 5, ReferenceKind::Include),
            ("b.yaml", 5, ReferenceKind::Include),
            ("inc.env", 6, ReferenceKind::IncludeEnvFile),
        ];
        assert_eq!(found, expected);
    }
}
