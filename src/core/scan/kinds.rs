//! Decides which files are scanned, and in which format.

use std::path::Path;

use crate::format::dotenv::Dialect;
use crate::format::places::Form;

/// How a file is scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FileReading {
    /// In its own format.
    Form(Form),
    /// Line by line, for a configuration file of unknown format.
    Lines,
    /// The whole file is one secret, which docker compose mounts.
    Secret,
}

/// Lock files of package managers. They are large and contain many digests.
const LOCK_FILES: [&str; 4] = [
    "pnpm-lock.yaml",
    "pubspec.lock",
    "yarn.lock",
    "conda-lock.yml",
];

/// How a file found in a walk is scanned, decided by its name; `None` if it is not scanned.
pub(super) fn in_a_walk(file: &Path, dialect: Dialect) -> Option<FileReading> {
    let name = file.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    if LOCK_FILES.contains(&name)
        || lower.contains(".claude-vault-")
        || lower == ".claude-vault.toml"
        || lower.ends_with(".json")
    {
        return None;
    }
    if lower == ".envrc" {
        return Some(FileReading::Form(Form::Env(Dialect::Shell)));
    }
    let is_variant = lower.contains(".env.")
        || lower.starts_with("env.")
            && !lower.ends_with(".py")
            && !lower.ends_with(".ts")
            && !lower.ends_with(".js");
    let form = Form::of(file, dialect).or_else(|| is_variant.then_some(Form::Env(dialect)))?;
    Some(FileReading::Form(form))
}

/// How a file that the person named is scanned.
pub(super) fn named(file: &Path, dialect: Dialect) -> FileReading {
    in_a_walk(file, dialect)
        .or_else(|| Form::of(file, dialect).map(FileReading::Form))
        .unwrap_or(FileReading::Lines)
}

/// Reads a YAML file with a top-level `services:` as a compose file. Stack files, for example, have
/// such content under other names.
pub(super) fn settled(reading: FileReading, text: &str) -> FileReading {
    let is_compose = || text.lines().any(|line| line.trim_end() == "services:");
    match reading {
        FileReading::Form(Form::Yaml) if is_compose() => FileReading::Form(Form::Compose),
        FileReading::Form(_) | FileReading::Lines | FileReading::Secret => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_decides_how_it_is_scanned() {
        let of = |name: &str| in_a_walk(Path::new(name), Dialect::Portable);
        for name in [
            ".env",
            "app/.env.local",
            "stack.env",
            "env/db.env",
            ".env.example",
            ".env.bak",
            "prod.env.old",
            ".env.backup.20260101_000000",
            "env",
        ] {
            assert_eq!(
                of(name),
                Some(FileReading::Form(Form::Env(Dialect::Portable))),
                "{name}"
            );
        }
        for name in [
            "compose.yaml",
            "docker-compose.override.yml",
            "compose.prod.yaml",
            "app.compose.yml",
            "docker-compose.yml.example",
        ] {
            assert_eq!(of(name), Some(FileReading::Form(Form::Compose)), "{name}");
        }
        for name in [
            "secrets.yaml",
            "config/configuration.yaml",
            "esphome/lamp.yml",
            "stack.yml",
        ] {
            assert_eq!(of(name), Some(FileReading::Form(Form::Yaml)), "{name}");
        }
        for name in [
            "main.rs",
            "README.md",
            "pnpm-lock.yaml",
            "package.json",
            "environment.py",
            ".claude-vault-audit.log",
            "..env.claude-vault-0123",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
        assert_eq!(
            settled(FileReading::Form(Form::Yaml), "services:\n  a: {}\n"),
            FileReading::Form(Form::Compose)
        );
    }
}
