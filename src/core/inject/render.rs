//! The text of an injected file: the template with Vault's values in it, held against what its
//! readers will make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::Format;
use super::place::Target;
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect, Fault, READERS};
use crate::format::edit::{self, Document, Edited, Entry, Style, Texts};
use crate::format::yaml;
use crate::names::{is_variable, printable};
use crate::secret::{Secret, Value, WayOut};
use crate::vault::Secrets;

/// How the first line of a file of ours starts.
pub(in crate::core) const HEADER_START: &str = "# Written by claude-vault from Vault (";

/// How the lines of our header start, by which an older one is known.
pub(super) const HEADER_MARKS: [&str; 4] =
    [HEADER_START, "# Make it again: claude-vault inject ", "# It holds secrets: do not commit it.", "#"];

/// What a file is made from.
pub(super) struct Source<'a> {
    /// The template.
    pub(super) path: &'a Path,
    pub(super) template: &'a str,
    /// The comment lines at the top.
    pub(super) header: &'a [String],
    /// Whether the template is an example, and not the file itself.
    pub(super) has_example: bool,
}

/// A finished text.
#[derive(Default)]
pub(super) struct Rendered {
    pub(super) text: Zeroizing<String>,
    /// Whether each line was brought to its plainest form.
    pub(super) tidy: bool,
    /// Keys that keep the template's default.
    pub(super) defaults: Vec<String>,
    /// Other readers that would misread it, by what they do.
    pub(super) misread: BTreeMap<String, Vec<Dialect>>,
    /// What to know of the text.
    pub(super) remarks: Vec<String>,
}

/// How a file differs from the one before, key by key.
#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Changes {
    /// Keys that are new in the file.
    pub added: Vec<String>,
    /// Keys whose text is another.
    pub changed: Vec<String>,
    /// Keys that the file loses.
    pub removed: Vec<String>,
    /// The text before and after of each of these keys, for a person's eyes only.
    #[serde(skip)]
    pub texts: BTreeMap<String, (Option<Secret>, Option<Secret>)>,
}

/// Puts Vault's values into the template.
pub(super) fn render(target: &Target, secrets: &Secrets, source: &Source<'_>) -> Result<Rendered> {
    let (edited, mut remarks, tidy) = match target.format {
        Format::Yaml => yaml_text(target, secrets, source).map(|(edited, remarks)| (edited, remarks, false))?,
        Format::Env => {
            let (edited, remarks) = env_text(target, secrets, source)?;
            let tidy = !remarks.is_empty();
            (edited, remarks, tidy)
        }
    };
    if !edited.repeated.is_empty() {
        let (verb, each) =
            if edited.repeated.len() == 1 { ("stands", "it was set each time") } else { ("stand", "each was set") };
        remarks.push(format!("{} {verb} more than once in the template: {each}", list(&edited.repeated)));
    }
    let misread =
        if target.format == Format::Env { other_readers(target, &edited.text, &values_of(secrets)) } else { BTreeMap::new() };
    Ok(Rendered {
        text: edited.text,
        tidy,
        defaults: edited.defaults.iter().map(|key| printable(key, false)).collect(),
        misread,
        remarks,
    })
}

/// Whether the file's own reader finds in the filled template exactly the entries that this program
/// finds, with the values in their places, whatever the values are: decided with placeholders. A
/// template that hides an entry from one of the two could make the writing depend on a value of its
/// author's choice.
pub(super) fn is_plain(target: &Target, secrets: &Secrets, source: &Source<'_>) -> bool {
    let placeholder = |number: usize| Value::Text(Secret::from(format!("placeholder{number}")));
    let placeholders: Secrets = secrets.keys().enumerate().map(|(at, key)| (key.clone(), placeholder(at))).collect();
    let Ok(rendered) = render(target, &placeholders, source) else { return false };
    let text = rendered.text.as_str();
    let agrees = |reader: Dialect| {
        let Some(taken) = dotenv::read_as(reader, text) else { return false };
        let found = dotenv::parse(text, reader);
        let names = found.entries.iter().map(|entry| entry.key.as_str());
        let stands = |(key, value): (&String, &Value)| {
            let read = taken.iter().find(|(name, _)| name == key).and_then(|(_, read)| read.as_ref());
            read.is_some_and(|read| read.as_str() == value.secret().expose(WayOut::Inspection))
        };
        names.eq(taken.iter().map(|(name, _)| name.as_str())) && placeholders.iter().all(stands)
    };
    match target.format {
        // The writer itself holds YAML against a parser, key by key.
        Format::Yaml => true,
        Format::Env => {
            let own = |dialect: &Dialect| if *dialect == Dialect::Portable { Dialect::Compose } else { *dialect };
            target.dialects.iter().map(own).all(agrees)
        }
    }
}

/// What stands for a value on the approval page; of one length for all.
const MASK: &str = "••••••••";

/// The text as the person sees it: values masked, except those of `literals`, which the asker wrote.
/// Where an existing file is the template, its own values and the lines that are no entries are
/// masked too.
pub(super) fn masked(target: &Target, secrets: &Secrets, literals: &BTreeSet<String>, source: &Source<'_>, tidy: bool) -> String {
    let shown = |key: &String, value: &Value| {
        let value = value.secret().expose(WayOut::Inspection);
        match (literals.contains(key), target.format) {
            (false, _) => MASK.to_owned(),
            (true, Format::Yaml) => yaml::quote(value),
            (true, Format::Env) => {
                dotenv::write(&target.dialects, value).map_or_else(|_| MASK.to_owned(), |text| text.to_string())
            }
        }
    };
    let texts: Texts = secrets.iter().map(|(key, value)| (key.clone(), Zeroizing::new(shown(key, value)))).collect();
    let parsed = |text: &str| match target.format {
        Format::Env => dotenv::parse(text, reader(target)),
        Format::Yaml => yaml::parse(text).unwrap_or_default(),
    };
    let template = Zeroizing::new(match tidy {
        true => source.template.trim_start_matches('\u{feff}').replace("\r\n", "\n"),
        false => source.template.to_owned(),
    });
    let is_own_file = !source.has_example && literals.is_empty() && source.path == target.file;
    let document = parsed(&template);
    let template = if is_own_file { mask_all(&template, &document) } else { template };
    parsed(&template).fill(&template, &texts, &style(target, source, tidy)).text.to_string()
}

/// Masks every value, and every line that is no entry: it may be a part of one.
fn mask_all(text: &str, document: &Document) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut at = 0;
    let mask_lines = |part: &str| -> String {
        let masked = |line: &str| match line.trim() {
            "" => line.to_owned(),
            trimmed if trimmed.starts_with('#') => line.to_owned(),
            _ => format!("{MASK}\n"),
        };
        part.split_inclusive('\n').map(masked).collect()
    };
    for entry in &document.entries {
        out.push_str(&mask_lines(&text[at..entry.start]));
        out.push_str(&text[entry.start..entry.value.start]);
        out.push_str(MASK);
        at = text[entry.value.end..].find('\n').map_or(text.len(), |end| entry.value.end + end);
        let behind = text[entry.value.end..at].trim();
        if behind.starts_with('#') {
            out.push(' ');
            out.push_str(behind);
        }
        if text[at..].starts_with('\n') {
            out.push('\n');
            at += 1;
        }
    }
    out.push_str(&mask_lines(&text[at..]));
    out
}

/// Whether two texts are the same below a header of ours.
pub(super) fn same_but_header(old: &str, new: &str) -> bool {
    old == new || matches!((edit::body(old, &HEADER_MARKS), edit::body(new, &HEADER_MARKS)), (Some(old), Some(new)) if old == new)
}

fn values_of(secrets: &Secrets) -> BTreeMap<&str, &str> {
    secrets.iter().map(|(key, value)| (key.as_str(), value.secret().expose(WayOut::InjectedFile))).collect()
}

fn style<'a>(target: &Target, source: &Source<'a>, tidy: bool) -> Style<'a> {
    let line: fn(&str, &str) -> String = match target.format {
        Format::Env => |key, value| format!("{key}={value}"),
        Format::Yaml => |key, value| format!("{}: {value}", yaml::quote(key)),
    };
    let block = if source.has_example { "# Only in Vault, not in the example:" } else { "# From Vault:" };
    Style { line, tidy, header: source.header, header_marks: &HEADER_MARKS, block }
}

/// After writing, the text is parsed again: each value must stand there as it was meant.
fn yaml_text(target: &Target, secrets: &Secrets, source: &Source<'_>) -> Result<(Edited, Vec<String>)> {
    let template = source.template;
    let refuse = |reason| Error::Confined { path: source.path.to_owned(), reason };
    let texts: Texts = secrets.iter().map(|(key, value)| (key.clone(), Zeroizing::new(yaml_value(value)))).collect();
    let document = yaml::parse(template).map_err(refuse)?;
    if document.entries.iter().any(|entry| texts.contains_key(&entry.key) && template[entry.value.clone()].starts_with('&')) {
        return Err(refuse("a value that Vault sets has an anchor (&…) that other lines may refer to"));
    }
    let edited = document.fill(template, &texts, &style(target, source, false));
    let again = yaml::parse(&edited.text).map_err(refuse)?;
    let stands = again.raw(&edited.text);
    if texts.iter().any(|(key, text)| stands.get(key) != Some(&text.as_str())) {
        return Err(refuse("a value in it is written in a way that cannot be replaced safely"));
    }
    yaml::check(template, &edited.text, &texts).map_err(refuse)?;
    let is_typed = |entry: &&Entry| texts.contains_key(&entry.key) && yaml::is_typed(&template[entry.start..entry.key_end]);
    let typed: Vec<String> = document.entries.iter().filter(is_typed).map(|entry| entry.key.clone()).collect();
    let remark =
        |typed| format!("{} is no text without quotes to many YAML readers: put it in quotes in the template", list(typed));
    let remarks = if typed.is_empty() { Vec::new() } else { vec![remark(&typed)] };
    Ok((edited, remarks))
}

fn yaml_value(value: &Value) -> String {
    let secret = value.secret().expose(WayOut::InjectedFile);
    match value {
        Value::Text(_) => yaml::quote(secret),
        Value::Json(_) => yaml::json(secret),
    }
}

/// The template is kept as it is if its readers can read it so; else every entry gets its
/// plainest form. What they then still misread is refused.
fn env_text(target: &Target, secrets: &Secrets, source: &Source<'_>) -> Result<(Edited, Vec<String>)> {
    let texts = env_values(target, secrets)?;
    let values = values_of(secrets);
    let fill =
        |template: &str, tidy| dotenv::parse(template, reader(target)).fill(template, &texts, &style(target, source, tidy));
    let edited = fill(source.template, false);
    let fault = |text: &str| first_fault(target, text, &values).or_else(|| lost_default(target, source.template, text, &values));
    let Some((reader, _)) = fault(&edited.text) else { return Ok((edited, Vec::new())) };
    let plain = Zeroizing::new(source.template.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
    let tidied = fill(&plain, true);
    if let Some((reader, fault)) = fault(&tidied.text) {
        return Err(unreadable(target, reader, &fault, &tidied.text, source));
    }
    let remark = format!("the template's lines were made plain KEY=value lines, since {} reads no others", reader.reader());
    Ok((tidied, vec![remark]))
}

/// Who decides where a value in the template ends.
fn reader(target: &Target) -> Dialect {
    target.dialects.first().copied().unwrap_or(Dialect::Portable)
}

/// Each value as it stands in the file; all that cannot stand there are named in the error.
fn env_values(target: &Target, secrets: &Secrets) -> Result<Texts> {
    let mut texts = Texts::new();
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in secrets {
        let value = value.secret().expose(WayOut::InjectedFile);
        let text = match is_variable(key) {
            true => dotenv::write(&target.dialects, value),
            false => {
                Err("a variable's name has only A-Z a-z 0-9 _ and starts with no digit; many readers would refuse the whole file")
            }
        };
        match text {
            Ok(text) => drop(texts.insert(key.clone(), text)),
            Err(reason) => refused.entry(reason).or_default().push(key.clone()),
        }
    }
    let Some((reason, keys)) = refused.iter().next() else { return Ok(texts) };
    let others: Vec<&str> = refused.values().skip(1).flatten().map(String::as_str).collect();
    let rest = if others.is_empty() { String::new() } else { format!("; nor can {}, for other reasons", others.join(", ")) };
    let all: Vec<&String> = refused.values().flatten().collect();
    Err(Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(keys),
        reader: readers(&target.dialects),
        reason: format!("{reason}{rest}"),
        hint: ways_out(target, &all, secrets),
    })
}

/// What serves all the values that were refused: one of the readers that were guessed, or any if
/// none was; or no `.env` at all.
fn ways_out(target: &Target, refused: &[&String], secrets: &Secrets) -> String {
    let writable = |dialect: &&Dialect| {
        refused.iter().all(|key| {
            let value = secrets.get(*key).map(|value| value.secret().expose(WayOut::Inspection));
            is_variable(key) && value.is_some_and(|value| dotenv::write(&[**dialect], value).is_ok())
        })
    };
    // Of several readers beside the file, one of them; else whoever else may read it.
    let candidates: &[Dialect] = if target.dialects.len() > 1 { &target.dialects } else { &READERS };
    let dialects: Vec<&str> = candidates.iter().filter(writable).map(|dialect| dialect.name()).collect();
    let Target { command, service, .. } = target;
    let named = match dialects.as_slice() {
        [] => String::new(),
        [first] => format!("for one reader: {command} --dialect {first}; or "),
        [first, rest @ ..] => format!("for one reader: {command} --dialect {first}   (or {}); or ", rest.join(", ")),
    };
    format!(
        "{named}run the program without a file: claude-vault exec {service} -- COMMAND; or give the value a file of its own: \
         claude-vault get {service} {}",
        refused.first().map_or("KEY", |key| key.as_str())
    )
}

/// Who must read the file, in words.
fn readers(dialects: &[Dialect]) -> String {
    dialects.iter().map(|dialect| dialect.reader()).collect::<Vec<_>>().join(" and ")
}

/// The first reader named that does not give all values back. A portable file is held to its
/// template's style only as far as somebody can read each value.
fn first_fault<'a>(target: &Target, text: &str, values: &BTreeMap<&'a str, &str>) -> Option<(Dialect, Fault<'a>)> {
    if target.dialects != [Dialect::Portable] {
        let named = target.dialects.iter().filter(|dialect| **dialect != Dialect::Portable);
        return named.into_iter().find_map(|reader| dotenv::check(*reader, text, values).err().map(|fault| (*reader, fault)));
    }
    let faults = READERS
        .iter()
        .filter(|reader| dotenv::serves(&target.dialects, **reader))
        .map(|reader| dotenv::check(*reader, text, values));
    let mut nobody: Option<BTreeSet<&str>> = None;
    for outcome in faults {
        let misread: BTreeSet<&str> = match outcome {
            Ok(()) => return None,
            Err(Fault::Misread { keys }) => keys.into_iter().collect(),
            Err(_) => continue,
        };
        nobody = Some(nobody.map_or_else(|| misread.clone(), |keys| keys.intersection(&misread).copied().collect()));
    }
    let keys: Vec<&str> = nobody.unwrap_or_else(|| values.keys().copied().collect()).into_iter().collect();
    (!keys.is_empty()).then_some((Dialect::Portable, Fault::Misread { keys }))
}

/// A default of the template that the reader took for something else before. Those of readers that
/// could not read the template at all do not count.
fn lost_default<'a>(
    target: &Target,
    template: &'a str,
    text: &str,
    values: &BTreeMap<&'a str, &str>,
) -> Option<(Dialect, Fault<'a>)> {
    let readers: Vec<Dialect> = READERS.into_iter().filter(|reader| dotenv::serves(&target.dialects, *reader)).collect();
    let lost: Vec<(Dialect, Vec<String>)> = readers
        .into_iter()
        .filter_map(|reader| Some((reader, dotenv::changed(reader, template, text)?)))
        .map(|(reader, keys)| {
            (reader, keys.into_iter().filter(|key| is_variable(key) && !values.contains_key(key.as_str())).collect())
        })
        .collect();
    let is_portable = target.dialects == [Dialect::Portable];
    // Readers disagree about odd templates: a portable file keeps what any of them has read.
    if is_portable && lost.iter().any(|(_, keys): &(Dialect, Vec<String>)| keys.is_empty()) {
        return None;
    }
    let (reader, keys) = lost.into_iter().find(|(_, keys)| !keys.is_empty())?;
    Some((if is_portable { Dialect::Portable } else { reader }, Fault::Lost { keys }))
}

fn unreadable(target: &Target, reader: Dialect, fault: &Fault<'_>, text: &str, source: &Source<'_>) -> Error {
    let template = printable(&source.path.to_string_lossy(), false);
    let (keys, reason) = match fault {
        Fault::Broken { line } => {
            let line = text.lines().nth(line - 1).unwrap_or_default();
            let number = source
                .template
                .lines()
                .position(|other| other == line)
                .map(|number| format!(" (line {} of {template})", number + 1));
            ("it".to_owned(), format!("it gives up at a line that is no KEY=value{}", number.unwrap_or_default()))
        }
        Fault::Misread { keys } => {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            if reader == Dialect::Shell && keys.iter().all(|key| dotenv::is_special_to_shells(key)) {
                return own_variables(target, &keys);
            }
            (list(&keys), format!("what stands around the value in {template}, or above it, is read in another way"))
        }
        Fault::Lost { keys } => (list(keys), format!("the default in {template} would be read as something else")),
    };
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys,
        reader: reader.reader().to_owned(),
        reason,
        hint: format!("put nothing but KEY=value lines and comments into {template}"),
    }
}

fn own_variables(target: &Target, keys: &[String]) -> Error {
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(keys),
        reader: "a shell".to_owned(),
        reason: "shells keep variables of that name for themselves".to_owned(),
        hint: "choose another name in Vault, or another reader with --dialect".to_owned(),
    }
}

/// The readers that nobody promised the file to and that would misread it, by what they do.
fn other_readers(target: &Target, text: &str, values: &BTreeMap<&str, &str>) -> BTreeMap<String, Vec<Dialect>> {
    let mut misread: BTreeMap<String, Vec<Dialect>> = BTreeMap::new();
    for reader in READERS.into_iter().filter(|reader| !target.dialects.contains(reader)) {
        let what = match dotenv::check(reader, text, values) {
            Ok(()) => continue,
            Err(Fault::Broken { line }) => format!("stops at line {line}"),
            Err(Fault::Misread { keys }) => shortened(&keys),
            Err(Fault::Lost { .. }) => continue,
        };
        misread.entry(what).or_default().push(reader);
    }
    misread
}

fn shortened(keys: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = keys.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if keys.len() > SHOWN { format!("{shown} and {} more", keys.len() - SHOWN) } else { shown }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| printable(name, false)).collect::<Vec<_>>().join(", ")
}

/// Which keys have another text than before.
pub(super) fn changes(target: &Target, old: &str, new: &str) -> Changes {
    let parsed = |text: &str| match target.format {
        Format::Env => dotenv::parse(text, reader(target)),
        Format::Yaml => yaml::parse(text).unwrap_or_default(),
    };
    let (old_document, new_document): (Document, Document) = (parsed(old), parsed(new));
    let (before, after) = (old_document.raw(old), new_document.raw(new));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes = Changes::default();
    for key in keys {
        let (old, new) = (before.get(key).copied(), after.get(key).copied());
        let shown = printable(key, false);
        match (old, new) {
            (None, Some(_)) => changes.added.push(shown.clone()),
            (Some(_), None) => changes.removed.push(shown.clone()),
            (old, new) if old != new => changes.changed.push(shown.clone()),
            _ => continue,
        }
        let secret = |text: Option<&str>| text.map(|text| Secret::from(text.to_owned()));
        changes.texts.insert(shown, (secret(old), secret(new)));
    }
    changes
}
