//! `set --from`: reads keys from a file or standard input exactly as the program that uses the file
//! reads it.
//!
//! A `.env` file is read in the dialect that `inject` would guess, YAML as `PyYAML` reads it, and
//! JSON in the flat shapes that tools print. Anything the reader would not read is refused with its
//! line.

mod choice;
mod encrypted;
mod env;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::core::Core;
use crate::core::entries::FileKind;
use crate::core::inject::{FileFormat, Readers, readers_of};
use crate::error::{Error, Result};
use crate::files::MAX_FILE;
use crate::format::dotenv::Dialect;
use crate::format::json::Typed;
use crate::format::source::{SourceEntry, Unreadable};
use crate::format::{json_shapes, yaml};
use crate::names::{Key, Service, is_public_name, printable};
use crate::secret::{Secret, Value};

/// The format of the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum SourceFormat {
    /// `KEY=value` lines
    Env,
    /// A flat YAML mapping
    Yaml,
    /// A JSON object, or the JSON of a secrets tool
    Json,
}

/// The source to read.
#[derive(Clone, Copy)]
pub enum FromSource<'a> {
    /// A file at a path that the person gave.
    File(&'a Path),
    /// A text that was already read, such as standard input; `file` is where it is stored, if
    /// anywhere.
    Text {
        /// The text.
        text: &'a str,
        /// Its file, if it has one.
        file: Option<&'a Path>,
    },
}

/// How to read the source, and which keys to take.
#[derive(Clone, Default)]
pub struct FromOptions {
    /// The reader of a `.env` file, instead of the guessed one.
    pub dialect: Option<Dialect>,
    /// The format, instead of the guessed one.
    pub format: Option<SourceFormat>,
    /// Variables that the file may refer to without setting them.
    pub environment: BTreeMap<String, Secret>,
    /// Take only these keys; empty for all.
    pub only: Vec<String>,
    /// Take all keys except these.
    pub except: Vec<String>,
    /// Take only keys whose values look like secrets.
    pub secrets_only: bool,
    /// The service that the keys are for, if known.
    pub service: Option<Service>,
}

/// The keys that were taken, and those that were not.
pub struct TakenEntries {
    /// The values, by key.
    pub values: BTreeMap<Key, Value>,
    /// Whether the values have types. In a `.env` file, everything is text.
    pub is_typed: bool,
    /// Remarks to show with the plan.
    pub notes: Vec<String>,
    /// Keys that stay in the source, with the reason.
    pub not_taken: Vec<NotTaken>,
    /// Names in `only` and `except` that the source lacks.
    pub missing: Vec<String>,
}

/// A key that was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotTaken {
    /// Its name.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// The reason, as the rest of a sentence that begins with the name.
    pub reason: String,
}

/// A key in a source of any format.
struct Found {
    entry: SourceEntry,
    /// The names of the variables that were expanded in the value.
    expanded_from: Vec<String>,
    /// Whether the value consists only of references to other variables.
    is_only_references: bool,
    /// Whether the reader gives the key no value, for example because the line is a name alone.
    is_unset: bool,
}

/// Everything that a source contains.
struct Contents {
    found: Vec<Found>,
    /// Lines without a key, with the reason.
    broken: Vec<Unreadable>,
    /// Whether the reader stops at a broken line.
    is_cut: bool,
    /// Remarks about the source as a whole.
    notes: Vec<String>,
    is_typed: bool,
}

impl From<Vec<SourceEntry>> for Contents {
    fn from(entries: Vec<SourceEntry>) -> Self {
        let found = |entry| Found {
            entry,
            expanded_from: Vec::new(),
            is_only_references: false,
            is_unset: false,
        };
        Self {
            found: entries.into_iter().map(found).collect(),
            broken: Vec::new(),
            is_cut: false,
            notes: Vec::new(),
            is_typed: true,
        }
    }
}

/// A source with a name for error messages.
struct Named<'a> {
    name: String,
    file: Option<&'a Path>,
    text: Zeroizing<String>,
}

/// Reads a source and takes the chosen keys.
///
/// # Errors
/// [`Error::Invalid`] with line and reason for a line that the reader would not read, and for a key
/// or value that Vault cannot hold; also for an encrypted file. [`Error::Io`] for a file that
/// cannot be read.
pub fn read(core: &Core, source: FromSource<'_>, options: &FromOptions) -> Result<TakenEntries> {
    let source = load(source)?;
    let readers = match source.file {
        Some(file) => readers_of(core, file)?,
        None => Readers::default(),
    };
    let format = format_of(&source, options, &readers)?;
    encrypted::refuse(&source, format)?;
    let contents = match format {
        SourceFormat::Env => Ok(env::contents(&source.text, options, &readers)),
        SourceFormat::Yaml => yaml::values::entries(&source.text).map(Contents::from),
        SourceFormat::Json => json_shapes::entries(&source.text).map(Contents::from),
    };
    let contents = contents.map_err(|unreadable| malformed(&source.name, &unreadable))?;
    refuse_export_of_services(&source, &contents, options)?;
    choice::taken(&source, contents, options)
}

fn load(source: FromSource<'_>) -> Result<Named<'_>> {
    match source {
        FromSource::Text { text, file } => {
            let name = file.map_or_else(
                || "standard input".to_owned(),
                |file| printable(&file.to_string_lossy(), false),
            );
            Ok(Named {
                name,
                file,
                text: Zeroizing::new(text.to_owned()),
            })
        }
        FromSource::File(file) => {
            let name = printable(&file.to_string_lossy(), false);
            let text = read_text(
                std::fs::File::open(file).map_err(Error::io("read", file))?,
                file,
            )?;
            Ok(Named {
                name,
                file: Some(file),
                text,
            })
        }
    }
}

/// Reads text of at most 16 MiB.
///
/// # Errors
/// [`Error::Io`], and [`Error::Invalid`] for a text that is longer or is not UTF-8.
pub fn read_text(source: impl Read, name: &Path) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", name))?;
    let name = printable(&name.to_string_lossy(), false);
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::invalid(
            format!("{name} is larger than 16 MiB"),
            "take the keys one by one: KEY=@FILE",
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Error::invalid(
            format!("{name} is not UTF-8 text"),
            "is it encrypted or compressed? pipe in its plain text: … | claude-vault set SERVICE \
             --from -",
        )
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The format: from the options, else from `.claude-vault.toml` or the file's name, else from the
/// text.
fn format_of(source: &Named<'_>, options: &FromOptions, readers: &Readers) -> Result<SourceFormat> {
    if options.dialect.is_some() && options.format.is_none() {
        return Ok(SourceFormat::Env);
    }
    if let Some(format) = options.format {
        return Ok(format);
    }
    if source.file.and_then(FileKind::of) == Some(FileKind::Compose) {
        return Err(Error::invalid(
            format!(
                "{} is a compose file: its keys are not secrets",
                source.name
            ),
            "move the secrets in it to Vault: claude-vault adopt SERVICE",
        ));
    }
    let by_name = match source
        .file
        .and_then(Path::extension)
        .and_then(|ending| ending.to_str())
    {
        Some("yaml" | "yml") => Some(SourceFormat::Yaml),
        Some("json") => Some(SourceFormat::Json),
        Some("env") => Some(SourceFormat::Env),
        Some(_) | None => None,
    };
    let by_kind = || match source.file.and_then(FileKind::of)? {
        FileKind::Env => Some(SourceFormat::Env),
        FileKind::Yaml => Some(SourceFormat::Yaml),
        FileKind::Compose => None,
    };
    let configured = readers.format.map(|format| match format {
        FileFormat::Env => SourceFormat::Env,
        FileFormat::Yaml => SourceFormat::Yaml,
    });
    configured
        .or(by_name)
        .or_else(by_kind)
        .or_else(|| by_look(&source.text))
        .ok_or_else(|| {
            Error::invalid(
                format!(
                    "{}: cannot tell whether it is env, YAML or JSON",
                    source.name
                ),
                "name the format: --format env   (or yaml, or json)",
            )
        })
}

/// Guesses the format from the first line that is neither blank nor a comment.
fn by_look(text: &str) -> Option<SourceFormat> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next()?;
    if line.starts_with(['{', '[']) {
        return Some(SourceFormat::Json);
    }
    if line == "---" || line.starts_with("%YAML") {
        return Some(SourceFormat::Yaml);
    }
    let is_env = |line: &str| {
        let name = line
            .strip_prefix("export ")
            .unwrap_or(line)
            .split_once('=')?
            .0
            .trim_end();
        (!name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)))
        .then_some(())
    };
    let is_yaml = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        (!name.is_empty()
            && !name.contains(['=', ' '])
            && (rest.is_empty() || rest.starts_with(' ')))
        .then_some(())
    };
    match (is_env(line), is_yaml(line)) {
        (Some(()), None) => Some(SourceFormat::Env),
        (None, Some(())) => Some(SourceFormat::Yaml),
        (Some(()), Some(())) | (None, None) => None,
    }
}

/// Refuses an export of several services, which holds an object for each. If one object has the
/// name of this service, the objects are probably not meant as values, unless `--only` or
/// `--except` names them.
fn refuse_export_of_services(
    source: &Named<'_>,
    contents: &Contents,
    options: &FromOptions,
) -> Result<()> {
    let Some(service) = &options.service else {
        return Ok(());
    };
    let is_object = |found: &Found| matches!(&found.entry.value, Ok(Typed::Json(text)) if text.starts_with('{'));
    let names_it = contents
        .found
        .iter()
        .any(|found| found.entry.name == service.as_str());
    let is_chosen = !options.only.is_empty() || !options.except.is_empty();
    if is_chosen || contents.found.len() < 2 || !names_it || !contents.found.iter().all(is_object) {
        return Ok(());
    }
    Err(Error::invalid(
        format!(
            "{} holds an object for each of several services, {service} among them",
            source.name
        ),
        format!(
            "take one: jq '.\"{service}\"' FILE | claude-vault set {service} --from -   (or store \
             the objects as they are: --only KEY,…)"
        ),
    ))
}

fn malformed(name: &str, unreadable: &Unreadable) -> Error {
    Error::invalid(
        format!("{name} line {}: {}", unreadable.line, unreadable.reason),
        "correct the line, or give the keys one by one: KEY=@FILE, KEY=- or KEY",
    )
}

/// A name from a file, if an error may show it. A text that does not look like a name may be part
/// of a value.
fn shown(name: &str) -> Option<String> {
    is_public_name(name).then(|| printable(name, false))
}

/// Converts a value for Vault.
fn value_of(typed: Typed) -> Value {
    super::value_of(typed)
}
