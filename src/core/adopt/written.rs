//! The texts that adoption writes: files with values from Vault, their templates, and tables for
//! `.claude-vault.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::draft::FileDraft;
use super::intake::IntakeFormat;
use super::texts::FileTexts;
use crate::core::inject::header::{HeaderInfo, HeaderOrigin, with_header};
use crate::core::inject::template_names::templates_of;
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::format::dotenv;
use crate::format::example::{self, Care};
use crate::format::places::Form;
use crate::format::yaml;
use crate::format::yaml::tree::{self, Malformed, Node, NodeKind};
use crate::names::{Service, is_variable, printable};
use crate::secret::{Value, WayOut};
use crate::vault::Secrets;

/// The template of a file.
pub(super) struct Template {
    pub(super) file: PathBuf,
    pub(super) text: Zeroizing<String>,
    /// The number of keys that were added to it.
    pub(super) gained: usize,
}

/// The file with its values from Vault and the header that `inject` writes.
pub(super) fn with_values(
    core: &Core,
    service: &Service,
    file: &FileDraft,
    own: &Secrets,
    old: &str,
    template: &Template,
) -> Result<Zeroizing<String>> {
    let making = HeaderInfo {
        origin: &HeaderOrigin::of(&core.settings, service),
        template: template
            .file
            .file_name()
            .map(|name| printable(&name.to_string_lossy(), false)),
        command: format!("claude-vault inject {service}"),
        keys: own
            .keys()
            .filter(|key| file.format == IntakeFormat::Yaml || is_variable(key))
            .map(String::as_str)
            .collect(),
    };
    Ok(with_header(&with_vault_values(file, own, old), &making))
}

/// The old text with the values of `own` in place of those that differ. Values differ only with
/// `--prefer vault`.
fn with_vault_values(file: &FileDraft, own: &Secrets, old: &str) -> Zeroizing<String> {
    let mut cuts: Vec<(std::ops::Range<usize>, Zeroizing<String>)> = Vec::new();
    match file.format {
        IntakeFormat::Env => {
            for line in dotenv::reading(file.reader, old, &|_| None).lines {
                let Some(value) = own
                    .get(&line.name)
                    .map(|value| value.secret().expose(WayOut::InjectedFile))
                else {
                    continue;
                };
                let differs = line.value.as_ref().is_none_or(|own| own.as_str() != value);
                if let Some(text) = differs
                    .then(|| dotenv::write(&[file.reader], value).ok())
                    .flatten()
                {
                    cuts.push((line.raw, text));
                }
            }
        }
        IntakeFormat::Yaml => {
            let documents = tree::parse(old).unwrap_or_default();
            for (key, node) in documents.iter().flat_map(Node::entries) {
                let Some(value) = key.text().and_then(|key| own.get(key)) else {
                    continue;
                };
                let text = value.secret().expose(WayOut::InjectedFile);
                if node.text() != Some(text) {
                    let written = match value {
                        Value::Text(_) => yaml::quote(text),
                        Value::Json(_) => yaml::json(text),
                    };
                    cuts.push((node.span.clone(), Zeroizing::new(written)));
                }
            }
        }
    }
    let (mut out, mut at) = (Zeroizing::new(String::with_capacity(old.len())), 0);
    for (span, text) in cuts {
        out.push_str(&old[at..span.start]);
        out.push_str(&text);
        at = span.end;
    }
    out.push_str(&old[at..]);
    out
}

/// The template of a file: the existing one plus its missing keys, or a new one.
pub(super) fn template(
    core: &Core,
    texts: &FileTexts<'_>,
    file: &FileDraft,
    old: &str,
    own: &Secrets,
) -> Result<Template> {
    let place = templates_of(&file.file);
    for path in &place {
        let Some(text) = texts.text_to_extend(path)? else {
            continue;
        };
        let known = values(file, &text);
        let missing: Vec<&str> = own
            .keys()
            .map(String::as_str)
            .filter(|key| !known.contains_key(*key))
            .collect();
        let gained = missing.len();
        let text = with_keys(&text, file.format, &missing).unwrap_or(text);
        return Ok(Template {
            file: path.clone(),
            text,
            gained,
        });
    }
    let text = emptied(core.audience, file, old, own)?;
    let file = place.into_iter().next().unwrap_or_default();
    Ok(Template {
        file,
        text,
        gained: own.len(),
    })
}

/// A new template: the file without its secrets and without the values that go to Vault. For a
/// model, only the names remain, because any other content of a template later decides whether
/// `inject` may fill it without asking.
fn emptied(
    audience: Audience,
    file: &FileDraft,
    old: &str,
    own: &Secrets,
) -> Result<Zeroizing<String>> {
    let form = match file.format {
        IntakeFormat::Env => Form::Env(file.reader),
        IntakeFormat::Yaml => Form::Yaml,
    };
    let made = match audience {
        Audience::Model => example::names_only(form, old),
        Audience::Person => {
            example::example_without(form, old, Care::Everywhere, &|name| own.contains_key(name))
        }
    };
    let unreadable = |malformed: Malformed| {
        let name = printable(&file.file.to_string_lossy(), false);
        Error::invalid(
            format!(
                "{name}: line {} cannot be parsed: {}",
                malformed.line, malformed.reason
            ),
            "correct that line, then run the command again",
        )
    };
    made.map(|made| Zeroizing::new(made.text))
        .map_err(unreadable)
}

/// The template with an empty entry appended for each key; `None` without keys.
fn with_keys(template: &str, format: IntakeFormat, keys: &[&str]) -> Option<Zeroizing<String>> {
    if keys.is_empty() {
        return None;
    }
    let end = if template.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let mut text = Zeroizing::new(template.to_owned());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    for key in keys {
        match format {
            IntakeFormat::Env => text.push_str(&format!("{key}={end}")),
            IntakeFormat::Yaml => {
                text.push_str(&format!("{}: \"\"{end}", crate::format::yaml::quote(key)));
            }
        }
    }
    Some(text)
}

/// The value of each name in a text that has the format of `file`.
pub(super) fn values(file: &FileDraft, text: &str) -> BTreeMap<String, Zeroizing<String>> {
    match file.format {
        IntakeFormat::Env => {
            let reading = dotenv::reading(file.reader, text, &|_| None);
            let read = reading
                .effective()
                .map(|line| (line.name.clone(), line.value.clone().unwrap_or_default()));
            read.collect()
        }
        IntakeFormat::Yaml => {
            let documents = tree::parse(text).unwrap_or_default();
            let entries = documents.iter().flat_map(Node::entries);
            entries
                .filter_map(|(key, value)| {
                    Some((
                        key.text()?.to_owned(),
                        Zeroizing::new(value.text()?.to_owned()),
                    ))
                })
                .collect()
        }
    }
}

/// Whether two YAML texts have the same content, apart from comments and layout.
pub(super) fn is_same_yaml(one: &str, other: &str) -> bool {
    match (tree::parse(one), tree::parse(other)) {
        (Ok(one), Ok(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(&other)
                    .all(|(one, other)| is_same_node(one, other))
        }
        (Err(_), Err(_)) => one == other,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

fn is_same_node(one: &Node, other: &Node) -> bool {
    let same_kind = match (&one.kind, &other.kind) {
        (NodeKind::Scalar { text: a, style: x }, NodeKind::Scalar { text: b, style: y }) => {
            a == b && x == y
        }
        (NodeKind::Alias(a), NodeKind::Alias(b)) => a == b,
        (NodeKind::List(a), NodeKind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_node(a, b))
        }
        (NodeKind::Map(a), NodeKind::Map(b)) => {
            let same = |(a, b): (&(Node, Node), &(Node, Node))| {
                is_same_node(&a.0, &b.0) && is_same_node(&a.1, &b.1)
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (
            NodeKind::Scalar { .. } | NodeKind::Alias(_) | NodeKind::List(_) | NodeKind::Map(_),
            _,
        ) => false,
    };
    same_kind && one.tag == other.tag && one.anchor == other.anchor
}

/// The table for `.claude-vault.toml` that lists the files of a service.
pub(super) fn table(service: &Service, files: &[&FileDraft]) -> String {
    // Every JSON string is also a valid TOML basic string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let name = if service.as_str().contains('/') {
        quoted(service.as_str())
    } else {
        service.to_string()
    };
    let one = |file: &FileDraft| {
        let format = if file.format == IntakeFormat::Env {
            "env"
        } else {
            "yaml"
        };
        let dialect = match file.format {
            IntakeFormat::Env => format!("\ndialect = {}", quoted(file.reader.name())),
            IntakeFormat::Yaml => String::new(),
        };
        format!(
            "file = {}\nformat = \"{format}\"{dialect}\n",
            quoted(&file.file.to_string_lossy())
        )
    };
    match files {
        [only] => format!("\n[services.{name}]\n{}", one(only)),
        all => all
            .iter()
            .map(|file| format!("\n[[services.{name}.files]]\n{}", one(file)))
            .collect(),
    }
}
