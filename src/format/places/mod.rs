//! Every place in a file where a secret can stand: values of env files, all scalars of a YAML or
//! JSON file with a role by their path, and the comments of all of them.
//!
//! This only finds candidates. What each is, [`super::classify`] says.

mod comments;
mod env;
mod named;
mod pem;
mod yaml;

use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use super::dotenv::Dialect;
use super::yaml::tree::{Malformed, Style};

pub(in crate::format) use comments::assignment;
pub use named::{NamedFile, Naming, named_files};
pub use yaml::is_reference_tag;

/// What a file is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `KEY=value` lines, as this reader reads them.
    Env(Dialect),
    /// A compose file.
    Compose,
    /// Any other YAML: `secrets.yaml`, Home Assistant, `ESPHome`. JSON is read as YAML too.
    Yaml,
}

/// Where a text stands, as far as it decides how it is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// The value of a variable or of a YAML key.
    Value,
    /// A variable in `environment` of a compose file.
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

/// A place where a secret can stand.
pub struct Place {
    /// A telling name: the variable, the option, the last key of the path. Empty for a comment that
    /// is no assignment, and for a line that is none.
    pub name: String,
    /// The names under which aliases use the same text.
    pub also: Vec<String>,
    /// Where it stands: `services.db.command[2]`. Of an env file, the variable.
    pub path: String,
    /// The first line, from 1.
    pub line: usize,
    /// The bytes of the text as written: with its quotes, but of `NAME=value` in a list only the
    /// value.
    pub span: Range<usize>,
    /// The text as its reader sees it, references to variables not replaced.
    pub text: Zeroizing<String>,
    /// Where it stands.
    pub role: Role,
    /// How it is written.
    pub writing: Writing,
    /// Whether it stands between brackets or braces, where `{`, `}` and `,` need quotes.
    pub in_flow: bool,
}

/// How the text of a place is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// The value of an env file.
    Env,
    /// A whole YAML scalar.
    Scalar(Style),
    /// A part of a YAML scalar, inside its quotes.
    PartOfScalar(Style),
    /// A comment from its `#` on, or lines that are nothing else.
    Verbatim,
}

impl Form {
    /// What a file of this name is usually read as; the dialect of an env file is up to the caller.
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
            let is_compose = stem.split(['.', '-', '_']).any(|word| word == "compose");
            return Some(if is_compose {
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

/// The places of a file in the order of its text.
///
/// # Errors
/// [`Malformed`] for YAML that cannot be parsed. An env file always can.
pub fn places(form: Form, text: &str) -> Result<Vec<Place>, Malformed> {
    match form {
        Form::Env(dialect) => Ok(env::places(text, dialect)),
        Form::Compose => yaml::places(text, yaml::Dialect::Compose),
        Form::Yaml => yaml::places(text, yaml::Dialect::Other),
    }
}

impl Place {
    /// Where a part of [`Place::text`] stands in the file; `None` where it is written in another
    /// way than it reads, with escapes or over folded lines.
    #[must_use]
    pub fn locate(&self, file: &str, part: Range<usize>) -> Option<Range<usize>> {
        let (raw, wanted) = (file.get(self.span.clone())?, self.text.get(part.clone())?);
        if wanted.is_empty() {
            return None;
        }
        // The same number of times in both: the one with the same ordinal is it.
        let before =
            occurrences(self.text.get(..part.start + wanted.len())?, wanted).checked_sub(1)?;
        if occurrences(&self.text, wanted) != occurrences(raw, wanted) {
            return None;
        }
        let at = raw.match_indices(wanted).nth(before)?.0;
        Some(self.span.start + at..self.span.start + at + wanted.len())
    }

    /// The line of a part of the text, from 1: its own line inside a text of several lines.
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

    /// All names of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.also.iter().map(String::as_str))
    }
}

fn occurrences(text: &str, part: &str) -> usize {
    text.match_indices(part).count()
}

/// The number of each line by the bytes of a text.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    /// From 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }
}

#[cfg(test)]
mod tests;
