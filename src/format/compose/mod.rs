//! Reads compose files (Compose specification): the environment of each service, the files that
//! they refer to, and the host folders that they mount.
//!
//! This module reads one file as it is written. `core::adopt` follows a whole
//! project, with its variables and included files.

mod environment;
mod mounts;
mod named_files;

pub use environment::{Variable, environments, literal};
pub use mounts::bind_mounts;
pub use named_files::{EnvFileItem, NamedFile, ReferenceKind, named_files};

use super::dotenv::Dialect;
use super::yaml::anchors::Anchors;
use super::yaml::tree::{Node, NodeKind};

/// The default names of a compose file, in docker compose's order.
pub const DEFAULT_NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// The default names of the override file, which docker compose merges over the main one.
pub const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Whether a YAML file with this name, without its extension, is a compose file.
#[must_use]
pub fn is_compose_name(stem: &str) -> bool {
    stem.split(['.', '-', '_']).any(|word| word == "compose")
}

/// The dialect in which compose reads an `env_file` of a service.
#[must_use]
pub fn env_file_dialect(is_raw: bool) -> Dialect {
    if is_raw {
        Dialect::ComposeRaw
    } else {
        Dialect::Compose
    }
}

/// A document of a compose file, with its aliases and merge keys resolved.
struct Document<'tree> {
    root: &'tree Node,
    anchors: Anchors<'tree>,
}

impl<'tree> Document<'tree> {
    fn of(root: &'tree Node) -> Self {
        Self {
            root,
            anchors: Anchors::of(root),
        }
    }

    /// The entries of a top-level section.
    fn section(&self, name: &str) -> Vec<&'tree Node> {
        let Some(section) = self.anchors.get(self.root, name) else {
            return Vec::new();
        };
        let entries = self.anchors.merged(section).into_iter();
        entries
            .filter_map(|(_, value)| self.anchors.resolve(value))
            .collect()
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
}
