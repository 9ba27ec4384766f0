//! `example`: turns a `.env`, a compose file or a `secrets.yaml` into a template that can be
//! committed. [`format::example`] decides which values stay in it.
//!
//! [`format::example`]: crate::format::example

mod source;

use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::entries::own_reader;
use super::inject::HEADER_START;
use super::plan::{FileWrite, Plan};
use super::{Audience, Core};
use crate::approval::{Approver, FilePreview};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::record::{RecordComparison, RecordKind, Records, compare};
use crate::files::{Access, FileChange, Root, Written};
use crate::format::compose;
use crate::format::dotenv::{self, Dialect};
use crate::format::edit::{Document, NewEntry};
use crate::format::example::{self as made_of, Care, Example};
use crate::format::places::Form;
use crate::format::yaml::tree::{self, Malformed, NodeKind};
use crate::names::{Service, printable};

/// The kind of file from which an example is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExampleFormat {
    /// A .env file
    Env,
    /// A compose file
    Compose,
    /// A secrets.yaml, or another YAML or JSON file
    #[value(skip)]
    Yaml,
}

/// The result of writing an example.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExampleReply {
    /// The service whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The source file, below the root.
    pub source: PathBuf,
    /// The example, below the root.
    pub file: PathBuf,
    /// The number of values that were removed.
    pub replaced: usize,
    /// The number of values that were kept.
    pub kept: usize,
    /// The name of the backup of the previous example, in the same folder.
    pub backup: Option<String>,
    /// Why the example, which was written, has no line in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged: Option<String>,
}

/// Writes the example of a service's file. `approver` is asked only if a person must approve it.
///
/// # Errors
/// [`Error::NotFound`] if the file does not exist, [`Error::Confined`] for a path outside the root,
/// and [`Error::Invalid`] or [`Error::Unwritable`] for a file that cannot be parsed.
pub async fn example(
    core: &Core,
    service: Option<&Service>,
    format: ExampleFormat,
    file: Option<&Path>,
    output: Option<&Path>,
    approver: &impl Approver,
) -> Result<ExampleReply> {
    let planned = plan(core, service, format, file, output);
    let (mut reply, write) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            let failed: Result<()> = Err(error);
            let failed = core
                .audited(Action::GenerateExample, service, failed, |()| String::new())
                .await;
            return Err(failed.err().unwrap_or(Error::Declined));
        }
    };
    let committed = Plan::new(write)
        .approve(core, approver)
        .await?
        .commit(core, approver)
        .await?;
    if let Written::Replaced { backup } = committed.done {
        reply.backup = Some(backup);
    }
    reply.unlogged = committed.unlogged;
    Ok(reply)
}

fn plan(
    core: &Core,
    service: Option<&Service>,
    format: ExampleFormat,
    file: Option<&Path>,
    output: Option<&Path>,
) -> Result<(ExampleReply, FileWrite)> {
    let (source, text) = source::read(core, service, file, usual_names(format))?;
    let root = Root::open(&core.settings.root)?;
    let target = checked_target(&root, format, &source, output)?;
    let before = root.read(&target)?;
    let record = Records::new(&core.settings.state).find(root.path(), &target)?;
    let is_ours = match compare(record.as_ref(), before.as_ref()) {
        RecordComparison::New => true,
        RecordComparison::Unchanged => {
            record.is_some_and(|record| record.kind == RecordKind::Example)
        }
        RecordComparison::Changed | RecordComparison::Foreign => false,
    };
    // A compose file can contain a secret anywhere, so a person must check its example.
    let unasked = is_ours && output.is_none() && format == ExampleFormat::Env;
    let made = make(form(core, format, &source, &text), &text, core.audience);
    let (made, obstacle) = match made {
        Ok(made) => (made, None),
        // A person will be asked, and sees the reason.
        Err(malformed) if core.audience == Audience::Model && !unasked => {
            (Example::default(), Some(reason(&malformed)))
        }
        Err(malformed) => return Err(refusal(core.audience, &source, &target, &malformed)),
    };
    let reply = ExampleReply {
        service: service.cloned(),
        source,
        file: target.clone(),
        replaced: made.replaced,
        kept: made.kept,
        backup: None,
        unlogged: None,
    };
    let preview = FilePreview {
        path: printable(&target.to_string_lossy(), false),
        masked_text: made.text.clone(),
        note: "This is a template to commit. It must not contain a secret.".into(),
    };
    let change = FileChange {
        file: target,
        kind: RecordKind::Example,
        service: service.map(Service::to_string),
        origin: None,
        keys: made.names,
        content: Zeroizing::new(made.text),
        before,
        access: Access::default(),
        skip_if_same: core.audience == Audience::Person,
    };
    let mut write = FileWrite::new(Action::GenerateExample, change);
    write.unasked = unasked;
    write.obstacle = obstacle;
    write.preview = vec![preview];
    Ok((reply, write))
}

/// The path of the example. It must not be the source.
fn checked_target(
    root: &Root,
    format: ExampleFormat,
    source: &Path,
    output: Option<&Path>,
) -> Result<PathBuf> {
    let target = output.map_or_else(
        || Ok(target(format, source)),
        |output| root.relative(output),
    )?;
    if target == source {
        let path = printable(&target.to_string_lossy(), false);
        return Err(Error::invalid(
            format!("{path} is both the source and the example"),
            "choose another path for the example",
        ));
    }
    Ok(target)
}

/// The error for a source that cannot be parsed.
fn refusal(audience: Audience, source: &Path, target: &Path, malformed: &Malformed) -> Error {
    let source = printable(&source.to_string_lossy(), false);
    match audience {
        Audience::Model => Error::Unwritable {
            file: printable(&target.to_string_lossy(), false),
            keys: "an example".into(),
            reader: "a person".into(),
            reason: reason(malformed),
            hint: format!("claude-vault example {source}"),
        },
        Audience::Person => Error::invalid(
            format!("{source}: {}", reason(malformed)),
            "correct that line, then run the command again",
        ),
    }
}

fn usual_names(format: ExampleFormat) -> &'static [&'static str] {
    match format {
        ExampleFormat::Env => &[".env"],
        ExampleFormat::Compose => &compose::DEFAULT_NAMES,
        ExampleFormat::Yaml => &["secrets.yaml", "config/secrets.yaml"],
    }
}

/// The default path of an example, in the folder of its source: `docker-compose.example.yml` for a
/// compose file with a default name, `NAME.example.yml` for another compose file, such as an
/// override, and `NAME.example` for any other file.
fn target(format: ExampleFormat, source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    match format {
        ExampleFormat::Compose if compose::DEFAULT_NAMES.contains(&&*name) => {
            source.with_file_name("docker-compose.example.yml")
        }
        ExampleFormat::Compose => {
            let stem = source.file_stem().unwrap_or_default().to_string_lossy();
            let ending = source.extension().unwrap_or_default().to_string_lossy();
            source.with_file_name(format!("{stem}.example.{ending}"))
        }
        ExampleFormat::Env | ExampleFormat::Yaml => {
            source.with_file_name(format!("{name}.example"))
        }
    }
}

/// The format in which the text is parsed. A YAML file with a `services` mapping is parsed as a
/// compose file, regardless of its name.
fn form(core: &Core, format: ExampleFormat, source: &Path, text: &str) -> Form {
    match format {
        ExampleFormat::Env => Form::Env(own_reader(core, source)),
        ExampleFormat::Compose => Form::Compose,
        ExampleFormat::Yaml => {
            let is_services = |document: &tree::Node| {
                document
                    .get("services")
                    .is_some_and(|services| matches!(services.kind, NodeKind::Map(_)))
            };
            let has_services =
                tree::parse(text).is_ok_and(|documents| documents.iter().any(is_services));
            if has_services {
                Form::Compose
            } else {
                Form::Yaml
            }
        }
    }
}

/// Makes the example of a text, without the header of an injected file.
///
/// If the file's own reader finds other entries than this program does, a part of a secret could be
/// mistaken for a comment or another entry. In that case, an example for a model contains only the
/// names. It is not refused, because a refusal would reveal something about the values.
fn make(form: Form, text: &str, audience: Audience) -> std::result::Result<Example, Malformed> {
    match (audience, form) {
        (Audience::Person, _) => made_of::example(form, &without_header(text), Care::Everywhere),
        (Audience::Model, Form::Env(reader))
            if !agrees(&dotenv::parse(text, reader), text, reader) =>
        {
            made_of::names_only(form, text)
        }
        (Audience::Model, _) => made_of::example(form, &without_header(text), Care::EachPlaceAlone),
    }
}

fn reason(malformed: &Malformed) -> String {
    format!(
        "line {} cannot be parsed: {}",
        malformed.line, malformed.reason
    )
}

/// A text without the header of an injected file, and without the comments above keys that only
/// Vault has.
fn without_header(text: &str) -> Zeroizing<String> {
    const BLOCKS: [&str; 2] = ["# Only in Vault, not in the example:", "# From Vault:"];
    let bom = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    if !text[bom..].starts_with(HEADER_START) {
        return Zeroizing::new(text.to_owned());
    }
    let comments = text[bom..]
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('#'));
    let mut length = 0;
    for line in comments {
        length += line.len();
        if line.trim_end() == "#" {
            break;
        }
    }
    let lines = text[bom + length..]
        .split_inclusive('\n')
        .filter(|line| !BLOCKS.contains(&line.trim_end()));
    Zeroizing::new(std::iter::once(&text[..bom]).chain(lines).collect())
}

/// Whether the file's own reader finds exactly these entries with exactly these values.
fn agrees(document: &Document, text: &str, reader: Dialect) -> bool {
    let Some(taken) = dotenv::read_as(reader, text) else {
        return false;
    };
    let same = |entry: &NewEntry, (name, value): &(String, Option<Zeroizing<String>>)| {
        let own = dotenv::unquote(&text[entry.value.clone()]);
        let is_read_so = match value {
            Some(value) => **value == own,
            // The value contains a reference. It must be a single word that ends the line.
            None => {
                let line = text[entry.value.start..]
                    .split('\n')
                    .next()
                    .unwrap_or_default()
                    .trim_end();
                own == line
                    && !line.contains(|c: char| {
                        c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '#' | '\\')
                    })
            }
        };
        entry.key == *name && is_read_so
    };
    document.entries.len() == taken.len()
        && document
            .entries
            .iter()
            .zip(&taken)
            .all(|(entry, taken)| same(entry, taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(form: Form, text: &str) -> String {
        make(form, text, Audience::Person)
            .map(|made| made.text)
            .unwrap_or_else(|refused| panic!("{}", reason(&refused)))
    }

    #[test]
    fn an_example_of_an_injected_file_has_no_header_and_no_secrets() {
        let env = "\u{feff}# Written by claude-vault from Vault (shop) and .env.example.\n# Make \
            it again: claude-vault inject shop\n# From Vault, secret/shop (ab12):\n#   A, B\n# It \
            holds secrets: do not commit it.\n#\n# own\nA=1\n\n# Only in Vault, not in the \
            example:\nDB_PASSWORD=hunter2\n";
        assert_eq!(
            text_of(Form::Env(Dialect::Compose), env),
            "\u{feff}# own\nA=1\n\nDB_PASSWORD=\n"
        );
        let yaml = "# Written by claude-vault from Vault (ha).\n# It holds secrets: do not commit \
            it.\n#\n\"pw\": \"hunter2\"\n";
        assert_eq!(text_of(Form::Yaml, yaml), "\"pw\": \"\"\n");
    }

    #[test]
    fn the_default_name_of_an_example_depends_on_its_source() {
        for (format, source, expected) in [
            (ExampleFormat::Env, "a/.env", "a/.env.example"),
            (ExampleFormat::Env, "prod.env", "prod.env.example"),
            (
                ExampleFormat::Compose,
                "a/compose.yaml",
                "a/docker-compose.example.yml",
            ),
            (
                ExampleFormat::Compose,
                "compose.override.yaml",
                "compose.override.example.yaml",
            ),
            (
                ExampleFormat::Yaml,
                "config/secrets.yaml",
                "config/secrets.yaml.example",
            ),
        ] {
            assert_eq!(target(format, Path::new(source)), Path::new(expected));
        }
    }

    #[test]
    fn a_model_gets_only_names_if_the_reader_finds_other_entries() {
        let of = |text: &str| {
            make(Form::Env(Dialect::Compose), text, Audience::Model)
                .map(|made| (made.text, made.names))
        };
        let names = vec!["PW".to_owned(), "B".to_owned()];
        assert_eq!(
            of("# why\nPW=\"a5b\"\nB=1\n"),
            Ok(("# why\nPW=\nB=1\n".to_owned(), names.clone()))
        );
        assert_eq!(
            of("# why\nPW=\"a$b\"\nB=1\n"),
            Ok(("PW=\nB=\n".to_owned(), names))
        );
    }
}
