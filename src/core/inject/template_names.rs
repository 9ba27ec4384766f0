//! The usual names of templates: maps a file to its templates and a template to its file.

use std::path::{Path, PathBuf};

/// The words that mark a template, in order of precedence.
const WORDS: [&str; 4] = ["example", "sample", "template", "dist"];

/// The possible paths of a file's template, in order of precedence.
pub(in crate::core) fn templates_of(file: &Path) -> Vec<PathBuf> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let names = WORDS.iter().flat_map(|word| {
        let mut names = vec![format!("{name}.{word}")];
        if name == ".env" {
            names.extend([format!("env.{word}"), format!("{word}.env")]);
        } else if let Some((stem, ending)) = name
            .rsplit_once('.')
            .filter(|(stem, _)| !stem.is_empty() && *stem != ".env")
        {
            names.push(format!("{stem}.{word}.{ending}"));
        }
        names
    });
    names.map(|name| file.with_file_name(name)).collect()
}

/// The name of the file that this template is for.
pub(super) fn file_of(template: &str) -> Option<String> {
    let is_env =
        |word: &str| template == format!("env.{word}") || template == format!("{word}.env");
    if WORDS.iter().any(|word| is_env(word)) {
        return Some(".env".into());
    }
    WORDS.iter().find_map(|word| {
        if let Some(file) = template.strip_suffix(&format!(".{word}")) {
            return Some(file.to_owned());
        }
        let (stem, ending) = template.rsplit_once('.')?;
        stem.strip_suffix(&format!(".{word}"))
            .filter(|stem| !stem.is_empty())
            .map(|stem| format!("{stem}.{ending}"))
    })
}

/// Whether a file of this name usually contains `KEY=value` lines.
pub(super) fn is_env_name(name: &str) -> bool {
    const LEFTOVERS: [&str; 12] = [
        ".bak", ".old", ".orig", ".save", ".swp", ".tmp", ".log", "~", ".vault", ".keys", ".enc",
        ".gpg",
    ];
    let is_leftover = name.contains(".backup.") || LEFTOVERS.iter().any(|end| name.ends_with(end));
    let is_env = name == ".env" || name.starts_with(".env.") || name.ends_with(".env");
    is_env && !is_leftover && !name.contains("claude-vault-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_templates_find_each_other_by_name() {
        for (file, template) in [
            (".env", ".env.example"),
            (".env", ".env.dist"),
            (".env", "env.sample"),
            (".env", "template.env"),
            (".env.prod", ".env.prod.example"),
            ("stack.env", "stack.env.template"),
            ("docker-compose.env", "docker-compose.env.sample"),
            ("stack.env", "stack.example.env"),
            ("secrets.yaml", "secrets.yaml.example"),
            ("secrets.yaml", "secrets.example.yaml"),
        ] {
            assert!(
                templates_of(Path::new(file)).contains(&PathBuf::from(template)),
                "{file} {template}"
            );
            assert_eq!(file_of(template).as_deref(), Some(file), "{template}");
        }
        for file in [".env", "prod.env", ".env.local", "secrets.yaml", "env"] {
            assert_eq!(file_of(file), None, "{file}");
        }
        let first: Vec<PathBuf> = templates_of(Path::new("a/.env"))
            .into_iter()
            .take(4)
            .collect();
        assert_eq!(
            first,
            [
                "a/.env.example",
                "a/env.example",
                "a/example.env",
                "a/.env.sample"
            ]
            .map(PathBuf::from)
        );
    }

    #[test]
    fn backups_and_leftovers_are_not_env_files() {
        for name in [".env", ".env.local", "stack.env"] {
            assert!(is_env_name(name), "{name}");
        }
        for name in [
            ".env.bak",
            ".env.backup.20250101_000000",
            ".env~",
            ".env.vault",
            "..env.claude-vault-01",
            ".envrc",
            "env",
        ] {
            assert!(!is_env_name(name), "{name}");
        }
    }
}
