//! Follows a compose file to the folders that it mounts and the files that it names.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Candidate, Tree, inside, shown};
use crate::core::scan::Omission;
use crate::core::scan::kinds::{self, FileReading};
use crate::format::compose::{ReferenceKind, bind_mounts, env_file_dialect, named_files};
use crate::format::dotenv::{self, Dialect};
use crate::format::places::Form;

impl Tree<'_> {
    /// Records the folders that a compose file mounts and the files that it names.
    pub(super) fn compose_file(&mut self, file: &Path) {
        let Ok(Some(content)) = self.root.read(file) else {
            return;
        };
        let Ok(text) = std::str::from_utf8(&content.bytes) else {
            return;
        };
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let variables = self.variables(&folder);
        for source in bind_mounts(text) {
            let source = variables.resolve(&source);
            // A mounted folder that contains the compose file itself is the project, not data.
            if let Some(path) =
                inside(&folder, Path::new(&source)).filter(|path| !folder.starts_with(path))
            {
                self.mounted.entry(path).or_insert_with(|| file.to_owned());
            }
        }
        let names_files = ["env_file", "include", "extends", "file:", "\"file\""]
            .iter()
            .any(|word| text.contains(word));
        let named = if names_files {
            named_files(text).unwrap_or_default()
        } else {
            Vec::new()
        };
        for named in named {
            let path = variables.resolve(&named.path);
            let reading = reading_of(named.kind);
            self.named_file(file, &folder, &path, named.line, reading);
        }
    }

    fn named_file(
        &mut self,
        by: &Path,
        folder: &Path,
        name: &str,
        line: usize,
        reading: FileReading,
    ) {
        let mut note = |reason: &str| {
            self.notes.push(Omission {
                path: shown(by),
                line: Some(line),
                reason: reason.into(),
            });
        };
        if name.contains('$') {
            return note("it names a file through a variable; that file was not scanned");
        }
        let Some(path) = inside(folder, Path::new(name)) else {
            return note("it names a file outside the root; that file was not scanned");
        };
        if !self.root.has(&path).unwrap_or(false) {
            return; // it is missing, a link, or not a regular file
        }
        let secret = (reading == FileReading::Secret).then(|| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        });
        let is_new = !self.files.contains_key(&path);
        let reading = match (reading, kinds::in_a_walk(&path, Dialect::Portable)) {
            // A config file with a known format is scanned in that format.
            (FileReading::Lines, Some(known)) => known,
            (named, _) => named,
        };
        self.files.insert(
            path.clone(),
            Candidate {
                path: path.clone(),
                reading,
                is_named: false,
                secret,
            },
        );
        if is_new && reading == FileReading::Form(Form::Compose) {
            self.compose_file(&path);
        }
    }

    /// The variables that docker compose takes from the `.env` in a folder.
    fn variables(&self, folder: &Path) -> Variables {
        let content = self.root.read(&folder.join(".env")).ok().flatten();
        let text = content
            .as_ref()
            .and_then(|content| std::str::from_utf8(&content.bytes).ok());
        let taken = text
            .and_then(|text| dotenv::read_as(Dialect::Compose, text))
            .unwrap_or_default();
        Variables(
            taken
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?.to_string())))
                .collect(),
        )
    }
}

/// How to scan a file that a compose file names.
fn reading_of(kind: ReferenceKind) -> FileReading {
    match kind {
        ReferenceKind::EnvFile { is_raw, .. } => {
            FileReading::Form(Form::Env(env_file_dialect(is_raw)))
        }
        ReferenceKind::IncludeEnvFile => FileReading::Form(Form::Env(Dialect::Compose)),
        ReferenceKind::Secret => FileReading::Secret,
        ReferenceKind::Config => FileReading::Lines,
        ReferenceKind::Include | ReferenceKind::Extends => FileReading::Form(Form::Compose),
    }
}

/// The variables in paths of compose files.
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Replaces `${NAME}`, `${NAME:-default}` and `$NAME` if the name is known or has a default.
    fn resolve(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('$') else {
            return text.to_owned();
        };
        let (name, default, after) = match rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some((inner, after)) => {
                let end = inner.find([':', '-', '?', '+']).unwrap_or(inner.len());
                let default = inner[end..]
                    .strip_prefix(":-")
                    .or_else(|| inner[end..].strip_prefix('-'));
                (&inner[..end], default, after)
            }
            None => {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                (&rest[..end], None, &rest[end..])
            }
        };
        match self
            .0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .or(default)
        {
            Some(value) => format!("{before}{value}{}", self.resolve(after)),
            None => text.to_owned(),
        }
    }
}
