//! Finds every place in a file that can hold a secret: the values of env files, all scalars of YAML
//! and JSON files with a role derived from their path, and all comments.
//!
//! This module only finds candidates; [`super::classify`] judges them.

mod comments;
mod env;
mod pem;
mod yaml;

use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use super::compose::is_compose_name;
use super::dotenv::Dialect;
use super::yaml::tree::{Malformed, NodeStyle};

pub(in crate::format) use comments::assignment;
pub use yaml::is_reference_tag;

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `KEY=value` lines, in this dialect.
    Env(Dialect),
    /// A compose file.
    Compose,
    /// Any other YAML: `secrets.yaml`, Home Assistant, `ESPHome`. JSON is read as YAML.
    Yaml,
}

/// The role of a text in its file, which decides how the text is analysed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// The value of a variable or of a YAML key.
    Value,
    /// A value under `environment` in a compose file.
    EnvironmentOfCompose,
    /// A command, an entrypoint or a part of one.
    Command,
    /// A label of a container or an image.
    Label,
    /// A build argument.
    BuildArg,
    /// The test of a health check.
    Healthcheck,
    /// The text of a configuration file inside another file.
    ConfigContent,
    /// A comment.
    Comment,
}

/// A place that can hold a secret.
pub struct Place {
    /// The name that describes the text: the variable, the option, or the last key of the path. For
    /// a comment, the name in a commented-out assignment. Empty if there is no name.
    pub name: String,
    /// Other names of the same text, through YAML aliases.
    pub other_names: Vec<String>,
    /// The path in the file, such as `services.db.command[2]`. In an env file, the variable. For a
    /// comment, `comment` and its name.
    pub path: String,
    /// The first line, from 1.
    pub line: usize,
    /// The byte range of the text as written, including quotes. For an item `NAME=value`, only the
    /// value.
    pub span: Range<usize>,
    /// The text as its reader sees it, but with variable references not expanded.
    pub text: Zeroizing<String>,
    /// The role of the text.
    pub role: Role,
    /// How the text is written.
    pub writing: Writing,
    /// Whether the place is inside brackets or braces, where `{`, `}` and `,` need quotes.
    pub in_flow: bool,
}

/// How the text of a place is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// The value of an env file.
    Env,
    /// A whole YAML scalar.
    Scalar(NodeStyle),
    /// A part of a YAML scalar, inside its quotes.
    PartOfScalar(NodeStyle),
    /// A comment including its `#`, or an unreadable line of an env file.
    Verbatim,
}

impl Form {
    /// The usual form of a file with this name. The caller supplies the dialect for env files.
    /// `None` for other files.
    #[must_use]
    pub fn of(file: &Path, dialect: Dialect) -> Option<Self> {
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        let template = [".example", ".sample", ".template", ".dist"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let name = template.unwrap_or(&name);
        if let Some(stem) = name
            .strip_suffix(".yaml")
            .or_else(|| name.strip_suffix(".yml"))
        {
            return Some(if is_compose_name(stem) {
                Self::Compose
            } else {
                Self::Yaml
            });
        }
        let is_env = name == "env"
            || name.ends_with(".env")
            || name.starts_with(".env") && !name.starts_with(".envrc");
        let is_json = name.ends_with(".json");
        (is_env || is_json).then_some(if is_json {
            Self::Yaml
        } else {
            Self::Env(dialect)
        })
    }
}

/// The places of a file, in text order.
///
/// # Errors
/// [`Malformed`] for YAML that cannot be parsed. Env files never fail.
pub fn places(form: Form, text: &str) -> Result<Vec<Place>, Malformed> {
    match form {
        Form::Env(dialect) => Ok(env::places(text, dialect)),
        Form::Compose => yaml::places(text, yaml::Dialect::Compose),
        Form::Yaml => yaml::places(text, yaml::Dialect::Other),
    }
}

impl Place {
    /// Maps a range of [`Place::text`] to bytes of the file. `None` if the range is empty, or if
    /// the file has its text in another form, with escapes or folded lines.
    #[must_use]
    pub fn locate(&self, file: &str, part: Range<usize>) -> Option<Range<usize>> {
        let (raw, wanted) = (file.get(self.span.clone())?, self.text.get(part.clone())?);
        if wanted.is_empty() {
            return None;
        }
        // If the part occurs equally often in both texts, the occurrences correspond in order.
        let before =
            occurrences(self.text.get(..part.start + wanted.len())?, wanted).checked_sub(1)?;
        if occurrences(&self.text, wanted) != occurrences(raw, wanted) {
            return None;
        }
        let at = raw.match_indices(wanted).nth(before)?.0;
        Some(self.span.start + at..self.span.start + at + wanted.len())
    }

    /// The number of the line, from 1, on which a part of the text starts. If the part cannot be
    /// located, the first line of the place.
    #[must_use]
    pub fn line_of(&self, file: &str, part: Range<usize>) -> usize {
        let first = part.start
            ..part.start
                + self
                    .text
                    .get(part)
                    .and_then(|text| text.lines().next())
                    .map_or(0, str::len);
        let Some(located) = self.locate(file, first) else {
            return self.line;
        };
        let within = file
            .get(self.span.start..located.start)
            .map_or(0, |text| text.matches('\n').count());
        self.line + within
    }

    /// All names of the text, its main name first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.other_names.iter().map(String::as_str))
    }
}

fn occurrences(text: &str, part: &str) -> usize {
    text.match_indices(part).count()
}

/// Maps byte offsets to line numbers.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    /// The line number of a byte, from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }
}

#[cfg(test)]
mod tests;
