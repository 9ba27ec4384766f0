//! Renders the text of an injected file: the existing file, or its template, with Vault's values in
//! it, checked against what its readers would read. Nothing here reads or writes files.

mod env;
mod yaml_file;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use zeroize::Zeroizing;

use super::changes::{Changes, changes};
use super::defaults::defaults;
use super::faults::other_readers;
use super::target::FileTarget;
use super::{FileFormat, header};
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect};
use crate::format::edit::{self, CommentStyle, Document, Edited, KeyTexts};
use crate::format::merge::{Merge, MergePart, Merged};
use crate::format::yaml;
use crate::names::{is_variable, printable};
use crate::secret::{Secret, Value, WayOut};
use crate::vault::Secrets;

/// What a file is rendered from, besides Vault's values.
#[derive(Default)]
pub(in crate::core) struct RenderSource<'a> {
    /// The existing file: the base.
    pub(in crate::core) old: Option<&'a str>,
    /// The template, which provides what the file lacks.
    pub(in crate::core) template: Option<&'a str>,
    /// The comment lines at the top.
    pub(in crate::core) header: &'a [String],
    /// Keys that came from Vault before and are no longer in Vault.
    pub(in crate::core) gone: BTreeSet<String>,
    /// Refuse names that no variable can have, instead of leaving them out.
    pub(in crate::core) is_strict: bool,
}

/// A rendered text, and how it differs from the existing file.
#[derive(Default)]
pub(in crate::core) struct RenderedFile {
    /// The new text. If no value differs, the existing text.
    pub(in crate::core) text: Zeroizing<String>,
    /// The differences, key by key.
    pub(in crate::core) changes: Changes,
    /// Readers outside the requested dialects that would misread the file, by what goes wrong.
    pub(in crate::core) misread: BTreeMap<String, Vec<Dialect>>,
    /// Keys in Vault that are left out because no variable can have such a name.
    pub(in crate::core) left_out: Vec<String>,
    /// Remarks about the text.
    pub(in crate::core) remarks: Vec<String>,
}

impl RenderSource<'_> {
    /// The printable path of the text that the lines come from.
    pub(super) fn base_name(&self, target: &FileTarget) -> String {
        let path = if self.old.is_some() || self.template.is_none() {
            &target.file
        } else {
            &target.example
        };
        printable(&path.to_string_lossy(), false)
    }

    /// The line number and path of a line, in the file or in the template.
    pub(super) fn place_of(&self, target: &FileTarget, line: &str) -> Option<String> {
        let texts = [(self.old, &target.file), (self.template, &target.example)];
        texts.into_iter().find_map(|(text, path)| {
            let number = text?.lines().position(|other| other == line)? + 1;
            Some(format!(
                "line {number} of {}",
                printable(&path.to_string_lossy(), false)
            ))
        })
    }

    /// The path of the text that is the base: the template if there is no file yet.
    fn path<'a>(&self, target: &'a FileTarget) -> &'a Path {
        if self.old.is_some() || self.template.is_none() {
            &target.file
        } else {
            &target.example
        }
    }
}

/// The comments above keys that only Vault has: with a template, and without one. They are
/// recognized in existing files.
const BLOCKS: [&str; 2] = ["# Only in Vault, not in the example:", "# From Vault:"];

/// Renders the new text of a file.
///
/// # Errors
/// [`Error::Unwritable`] for a value that a reader of the file would not read back,
/// [`Error::Confined`] for a text that cannot be edited safely.
pub(in crate::core) fn render(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
) -> Result<RenderedFile> {
    let (secrets, left_out) = split_by_fit(target, secrets, source)?;
    let base = base(target, &secrets, source)?;
    let filled = match target.format {
        FileFormat::Yaml => yaml_file::fill(target, &secrets, source, &base)?,
        FileFormat::Env => env::fill(target, &secrets, source, &base)?,
    };
    let Filled {
        edited,
        settled,
        mut remarks,
    } = filled;
    if !edited.repeated.is_empty() {
        let (verb, each) = if edited.repeated.len() == 1 {
            ("appears", "every occurrence was set")
        } else {
            ("appear", "every occurrence was set")
        };
        remarks.push(format!(
            "{} {verb} more than once: {each}",
            list(&edited.repeated)
        ));
    }
    let changes = changes(target, &secrets, source, &base, &edited.text, &settled);
    let text = match source.old {
        Some(old) if changes.is_empty() => Zeroizing::new(old.to_owned()),
        Some(_) | None => edited.text,
    };
    let misread = match target.format {
        FileFormat::Env => other_readers(target, &text, &values_of(&secrets)),
        FileFormat::Yaml => BTreeMap::new(),
    };
    Ok(RenderedFile {
        text,
        changes,
        misread,
        left_out,
        remarks,
    })
}

/// The keys of a service that a file of this format can hold.
pub(in crate::core) fn fitting_names<'a>(
    target: &FileTarget,
    secrets: &'a Secrets,
) -> Vec<&'a str> {
    let fits = |key: &&String| target.format == FileFormat::Yaml || is_variable(key);
    secrets.keys().filter(fits).map(String::as_str).collect()
}

/// Splits the secrets into those that the file can hold and the names that are left out.
fn split_by_fit<'a>(
    target: &FileTarget,
    secrets: &'a Secrets,
    source: &RenderSource<'_>,
) -> Result<(Cow<'a, Secrets>, Vec<String>)> {
    let fitting = fitting_names(target, secrets);
    if fitting.len() == secrets.len() {
        return Ok((Cow::Borrowed(secrets), Vec::new()));
    }
    let fitting: BTreeSet<&str> = fitting.into_iter().collect();
    let left_out: Vec<String> = secrets
        .keys()
        .filter(|key| !fitting.contains(key.as_str()))
        .cloned()
        .collect();
    if source.is_strict {
        return Err(bad_names(target, &left_out));
    }
    let kept = secrets
        .iter()
        .filter(|(key, _)| fitting.contains(key.as_str()));
    let shown = left_out.iter().map(|key| printable(key, false)).collect();
    Ok((
        Cow::Owned(
            kept.map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        shown,
    ))
}

fn bad_names(target: &FileTarget, names: &[String]) -> Error {
    let FileTarget { service, .. } = target;
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(names),
        reader: readers(&target.dialects),
        reason: "a variable's name has only A-Z a-z 0-9 _ and does not start with a digit; many \
             readers would refuse the whole file"
            .to_owned(),
        hint: format!(
            "to leave them out of the file, omit --strict; or write YAML: claude-vault \
            inject {service} --format yaml"
        ),
    }
}

/// The file merged with its template, before Vault's values are filled in.
pub(super) struct Base {
    pub(super) merged: Merged,
    pub(super) document: Document,
}

/// The keys in a text.
pub(super) fn names_in(target: &FileTarget, text: &str) -> Vec<String> {
    let document = parse(target, text).unwrap_or_default();
    document
        .entries
        .into_iter()
        .map(|entry| entry.key)
        .collect()
}

pub(super) fn parse(
    target: &FileTarget,
    text: &str,
) -> std::result::Result<Document, &'static str> {
    match target.format {
        FileFormat::Env => Ok(dotenv::parse(text, reader(target))),
        FileFormat::Yaml => yaml::parse(text),
    }
}

/// Merges the file with its template. Without a file, the template is the base.
pub(super) fn base(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
) -> Result<Base> {
    let refuse = |path: &Path| {
        let path = path.to_owned();
        move |reason| Error::Confined { path, reason }
    };
    let of_template = source
        .template
        .map(|text| parse(target, text))
        .transpose()
        .map_err(refuse(&target.example))?;
    let defaults = match (target.format, source.template, &of_template) {
        (FileFormat::Env, Some(text), Some(document)) => defaults(target, secrets, text, document),
        (FileFormat::Env | FileFormat::Yaml, _, _) => KeyTexts::new(),
    };
    let template = || {
        source
            .template
            .zip(of_template.as_ref())
            .map(|(text, document)| part(text, document))
    };
    let text = source.old.or(source.template).unwrap_or_default();
    let of_file = match &of_template {
        Some(document) if source.old.is_none() => document.clone(),
        Some(_) | None => parse(target, text).map_err(refuse(source.path(target)))?,
    };
    let merge = Merge {
        file: part(text, &of_file),
        template: template(),
        gone_keys: &source.gone,
        defaults: &defaults,
        blocks: &BLOCKS,
    };
    let merged = merge.merge();
    let document = match merged.text.as_str() == text {
        true => of_file,
        false => parse(target, &merged.text).map_err(refuse(source.path(target)))?,
    };
    Ok(Base { merged, document })
}

fn part<'a>(text: &'a str, document: &'a Document) -> MergePart<'a> {
    MergePart {
        text,
        document,
        start: edit::skip_header(text, header::length).1,
    }
}

/// A text with Vault's values filled in.
struct Filled {
    edited: Edited,
    /// Keys whose values the file already has, in any notation.
    settled: BTreeSet<String>,
    remarks: Vec<String>,
}

/// Whether the file's own reader and this program find exactly the same entries in the filled
/// template, with every value in its place. This is decided with placeholders, so no real value
/// matters. A template that hides an entry from either of the two could make the write depend on a
/// value that the template's author chose.
pub(super) fn is_plain(target: &FileTarget, secrets: &Secrets, template: &str) -> bool {
    let placeholder = |number: usize| Value::Text(Secret::from(format!("placeholder{number}")));
    let fitting = fitting_names(target, secrets);
    let placeholders: Secrets = fitting
        .iter()
        .enumerate()
        .map(|(at, key)| ((*key).to_owned(), placeholder(at)))
        .collect();
    let source = RenderSource {
        template: Some(template),
        ..RenderSource::default()
    };
    let Ok(rendered) = render(target, &placeholders, &source) else {
        return false;
    };
    let text = rendered.text.as_str();
    let agrees = |reader: Dialect| {
        let Some(taken) = dotenv::read_as(reader, text) else {
            return false;
        };
        let found = dotenv::parse(text, reader);
        let names = found.entries.iter().map(|entry| entry.key.as_str());
        let is_read_back = |(key, value): (&String, &Value)| {
            let read = taken
                .iter()
                .find(|(name, _)| name == key)
                .and_then(|(_, read)| read.as_ref());
            read.is_some_and(|read| read.as_str() == value.secret().expose(WayOut::Inspection))
        };
        names.eq(taken.iter().map(|(name, _)| name.as_str()))
            && placeholders.iter().all(is_read_back)
    };
    match target.format {
        // The YAML writer itself checks every key with a parser.
        FileFormat::Yaml => true,
        FileFormat::Env => {
            let own = |dialect: &Dialect| {
                if *dialect == Dialect::Portable {
                    Dialect::Compose
                } else {
                    *dialect
                }
            };
            target.dialects.iter().map(own).all(agrees)
        }
    }
}

fn values_of(secrets: &Secrets) -> BTreeMap<&str, &str> {
    secrets
        .iter()
        .map(|(key, value)| (key.as_str(), value.secret().expose(WayOut::InjectedFile)))
        .collect()
}

pub(super) fn style<'a>(
    target: &FileTarget,
    source: &RenderSource<'a>,
    tidy: bool,
) -> CommentStyle<'a> {
    let line: fn(&str, &str) -> String = match target.format {
        FileFormat::Env => |key, value| format!("{key}={value}"),
        FileFormat::Yaml => |key, value| format!("{}: {value}", yaml::quote(key)),
    };
    let block = if source.template.is_some() {
        BLOCKS[0]
    } else {
        BLOCKS[1]
    };
    CommentStyle {
        line,
        tidy,
        header: source.header,
        header_length: header::length,
        block,
        blocks: &BLOCKS,
    }
}

/// The reader that decides where a value in the template ends.
fn reader(target: &FileTarget) -> Dialect {
    target
        .dialects
        .first()
        .copied()
        .unwrap_or(Dialect::Portable)
}

/// The file's readers, for a message.
fn readers(dialects: &[Dialect]) -> String {
    dialects
        .iter()
        .map(|dialect| dialect.reader())
        .collect::<Vec<_>>()
        .join(" and ")
}

pub(super) fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| printable(name, false))
        .collect::<Vec<_>>()
        .join(", ")
}
