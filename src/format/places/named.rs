//! The files that a compose file refers to.

use super::super::yaml::anchors::Anchors;
use super::super::yaml::tree::{self, Malformed, Node, NodeKind};

/// A file that a compose file refers to. The path is as written: it may contain `${…}` and point to
/// any location.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFile {
    /// The path as written.
    pub path: String,
    /// The line of the path, from 1.
    pub line: usize,
    /// The service that refers to the file, if any.
    pub service: Option<String>,
    /// The key under which the file is named.
    pub naming: ReferenceKind,
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
        let finder = Finder {
            anchors: Anchors::of(document),
        };
        finder.services(document, &mut files);
        for (section, naming) in [
            ("secrets", ReferenceKind::Secret),
            ("configs", ReferenceKind::Config),
        ] {
            for (_, entry) in finder.entries(document, section) {
                files.extend(finder.file(finder.anchors.get(entry, "file"), None, naming));
            }
        }
        finder.includes(document, &mut files);
    }
    Ok(files)
}

struct Finder<'tree> {
    anchors: Anchors<'tree>,
}

impl<'tree> Finder<'tree> {
    /// The entries of a section, with aliases and merge keys resolved.
    fn entries(&self, map: &'tree Node, section: &str) -> Vec<(String, &'tree Node)> {
        let Some(section) = self.anchors.get(map, section) else {
            return Vec::new();
        };
        let entries = self.anchors.merged(section).into_iter();
        let named = entries.filter_map(|(key, value)| {
            Some((
                self.anchors.resolve(key)?.text()?.to_owned(),
                self.anchors.resolve(value)?,
            ))
        });
        named.collect()
    }

    fn services(&self, document: &'tree Node, files: &mut Vec<NamedFile>) {
        for (name, service) in self.entries(document, "services") {
            for item in self.items(self.anchors.get(service, "env_file")) {
                let field = |key: &str| self.anchors.get(item, key).and_then(Node::text);
                let is_raw = field("format") == Some("raw");
                let is_required = field("required") != Some("false");
                let naming = ReferenceKind::EnvFile {
                    is_raw,
                    is_required,
                };
                let path = if matches!(item.kind, NodeKind::Map(_)) {
                    self.anchors.get(item, "path")
                } else {
                    Some(item)
                };
                files.extend(self.file(path, Some(&name), naming));
            }
            let extended = self
                .anchors
                .get(service, "extends")
                .and_then(|extends| self.anchors.get(extends, "file"));
            files.extend(self.file(extended, Some(&name), ReferenceKind::Extends));
        }
    }

    fn includes(&self, document: &'tree Node, files: &mut Vec<NamedFile>) {
        for item in self.items(self.anchors.get(document, "include")) {
            let is_long = matches!(item.kind, NodeKind::Map(_));
            let paths = if is_long {
                self.anchors.get(item, "path")
            } else {
                Some(item)
            };
            for path in self.items(paths) {
                files.extend(self.file(Some(path), None, ReferenceKind::Include));
            }
            for path in self.items(self.anchors.get(item, "env_file")) {
                files.extend(self.file(Some(path), None, ReferenceKind::IncludeEnvFile));
            }
        }
    }

    /// The items of a list, or the single node that is used without a list.
    fn items(&self, node: Option<&'tree Node>) -> Vec<&'tree Node> {
        let Some(node) = node else { return Vec::new() };
        match &node.kind {
            NodeKind::List(items) => items
                .iter()
                .filter_map(|item| self.anchors.resolve(item))
                .collect(),
            NodeKind::Scalar { .. } | NodeKind::Map(_) | NodeKind::Alias(_) => vec![node],
        }
    }

    fn file(
        &self,
        path: Option<&'tree Node>,
        service: Option<&str>,
        naming: ReferenceKind,
    ) -> Option<NamedFile> {
        let path = path?;
        let text = path.text().filter(|text| !text.is_empty())?;
        Some(NamedFile {
            path: text.to_owned(),
            line: path.line,
            service: service.map(str::to_owned),
            naming,
        })
    }
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
            .map(|file| (file.path.as_str(), file.line, file.naming))
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
        assert_eq!(files[2].service.as_deref(), Some("b"));
    }
}
