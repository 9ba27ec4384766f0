//! `example`: a template that may be committed: structure, comments and order of a `.env` or compose
//! file, without its secrets. When unsure, it is a secret.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::entries::own_reader;
use super::plan::{FileWrite, Plan};
use super::scan::{self, judge};
use super::{Audience, Core};
use crate::approval::{Approver, FilePreview};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::record::{Kind, Records, Standing, standing};
use crate::files::{FileChange, Root, Written};
use crate::format::dotenv::{self, Dialect};
use crate::format::edit::{Document, Entry};
use crate::names::{Service, is_public_name, printable};

/// Which file an example is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A `.env`
    Env,
    /// A compose file
    Compose,
}

/// What was written.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reply {
    /// The service whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The file it was made of.
    pub source: PathBuf,
    /// The example, below the root.
    pub file: PathBuf,
    /// How many values were taken out.
    pub replaced: usize,
    /// How many stayed.
    pub kept: usize,
    /// The content that the example had before, in the same folder.
    pub backup: Option<String>,
}

/// Writes the example of a service's file. `approver` is asked where a person must approve.
///
/// # Errors
/// [`Error::NotFound`] without the file, [`Error::Confined`] for a place outside the root, and for
/// a file that holds a secret where it cannot be taken out.
pub async fn example(
    core: &Core,
    service: Option<&Service>,
    format: Format,
    file: Option<&Path>,
    output: Option<&Path>,
    approver: &impl Approver,
) -> Result<Reply> {
    let planned = plan(core, service, format, file, output);
    let (mut reply, write) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            let failed: Result<()> = Err(error);
            let failed = core.audited(Action::GenerateExample, service, failed, |()| String::new()).await;
            return Err(failed.err().unwrap_or(Error::Declined));
        }
    };
    let committed = Plan::new(write).approve(core, approver).await?.commit(core, approver).await?;
    if let Written::Replaced { backup } = committed.done {
        reply.backup = Some(backup);
    }
    Ok(reply)
}

fn plan(
    core: &Core,
    service: Option<&Service>,
    format: Format,
    file: Option<&Path>,
    output: Option<&Path>,
) -> Result<(Reply, FileWrite)> {
    let names: &[&str] = match format {
        Format::Env => &[".env"],
        Format::Compose => &scan::COMPOSE_NAMES,
    };
    let (source, text) = scan::read(core, service, file, names)?;
    let root = Root::open(&core.settings.root)?;
    let usual = || match format {
        Format::Env => source.with_file_name(format!("{}.example", source.file_name().unwrap_or_default().to_string_lossy())),
        Format::Compose => source.with_file_name("docker-compose.example.yml"),
    };
    let target = output.map_or_else(|| Ok(usual()), |output| root.relative(output))?;
    if target == source {
        let path = printable(&target.to_string_lossy(), false);
        return Err(Error::invalid(format!("{path} would be its own example"), "choose another place for it"));
    }
    let before = root.read(&target)?;
    let record = Records::new(&core.settings.state).of(root.path(), &target)?;
    let is_ours = match standing(record.as_ref(), before.as_ref()) {
        Standing::New => true,
        Standing::Unchanged => record.is_some_and(|record| record.kind == Kind::Example),
        Standing::Changed | Standing::Foreign => false,
    };
    // A compose file can hold a secret anywhere, so a person looks at its example.
    let unasked = is_ours && output.is_none() && format == Format::Env;
    let made = match format {
        Format::Env => of_env(&text, own_reader(core, &source), core.audience),
        Format::Compose => of_compose(&text),
    };
    let (made, obstacle) = match made {
        Ok(made) => (made, None),
        Err(reason) if core.audience == Audience::Model && !unasked => (Made::default(), Some(reason.to_owned())),
        Err(reason) if core.audience == Audience::Model => {
            return Err(Error::Unwritable {
                file: printable(&target.to_string_lossy(), false),
                keys: "an example".into(),
                reader: "a person".into(),
                reason: reason.into(),
                hint: format!("claude-vault example {}", printable(&source.to_string_lossy(), false)),
            });
        }
        Err(reason) => return Err(Error::Confined { path: source, reason }),
    };
    let reply =
        Reply { service: service.cloned(), source, file: target.clone(), replaced: made.replaced, kept: made.kept, backup: None };
    let preview = FilePreview {
        path: printable(&target.to_string_lossy(), false),
        masked_text: made.text.clone(),
        note: "This is a template to commit. It must not contain a secret.".into(),
    };
    let change = FileChange {
        file: target,
        kind: Kind::Example,
        service: service.map(Service::to_string),
        keys: made.keys,
        content: Zeroizing::new(made.text),
        before,
        skip_if_same: core.audience == Audience::Person,
    };
    let mut write = FileWrite::new(Action::GenerateExample, change);
    write.unasked = unasked;
    write.obstacle = obstacle;
    write.preview = vec![preview];
    Ok((reply, write))
}

#[derive(Default)]
struct Made {
    text: String,
    /// The keys in it, in order.
    keys: Vec<String>,
    replaced: usize,
    kept: usize,
}

/// A secret in a place where it is not looked for.
const PLACE: &str = "a secret stands where it cannot be taken out: in a comment, or not on a line of its own";

/// Secrets become empty, those in commented-out entries too. Lines that are no entries are left
/// out: they may be the rest of a value. Texts in comments that look like tokens are replaced.
///
/// For a person, a secret that stands anywhere else is a refusal. A model could put guesses into
/// comments and learn from that refusal which one is right, so for a model nothing is compared.
fn of_env(text: &str, reader: Dialect, audience: Audience) -> std::result::Result<Made, &'static str> {
    let document = dotenv::parse(text, reader);
    if audience == Audience::Model && !agrees(&document, text, reader) {
        return Err(DISAGREE);
    }
    let mut made = Made { text: String::with_capacity(text.len()), ..Made::default() };
    let (mut at, mut secrets) = (0, Vec::new());
    for entry in &document.entries {
        made.text.push_str(&between(&text[at..entry.start]));
        // What stands behind the value, up to the end of its line.
        at = text[entry.value.end..].find('\n').map_or(text.len(), |end| entry.value.end + end + 1);
        if !is_public_name(&entry.key) {
            continue; // a line of a key or a token, not an entry
        }
        made.keys.push(entry.key.clone());
        made.text.push_str(&text[entry.start..entry.value.start]);
        let value = Zeroizing::new(dotenv::unquote(&text[entry.value.clone()]));
        if judge(&entry.key, &value).1 {
            made.replaced += 1;
            secrets.push(value);
        } else {
            made.text.push_str(&text[entry.value.clone()]);
            made.kept += 1;
        }
        made.text.push_str(&without_tokens(&text[entry.value.end..at]));
    }
    made.text.push_str(&between(&text[at..]));
    if audience == Audience::Person && tells(&made.text, &secrets) { Err(PLACE) } else { Ok(made) }
}

const DISAGREE: &str = "its own program reads entries in it that end elsewhere than they seem to";

/// Whether the file's own reader finds exactly these entries with exactly these values. Where it does
/// not, the rest of a secret could pass for a comment or for another entry.
fn agrees(document: &Document, text: &str, reader: Dialect) -> bool {
    let Some(taken) = dotenv::read_as(reader, text) else { return false };
    let same = |entry: &Entry, (name, value): &(String, Option<Zeroizing<String>>)| {
        let own = dotenv::unquote(&text[entry.value.clone()]);
        let is_read_so = match value {
            Some(value) => **value == own,
            // It refers to something else: one word, with nothing behind it.
            None => {
                let line = text[entry.value.start..].split('\n').next().unwrap_or_default().trim_end();
                own == line && !line.contains(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '#' | '\\'))
            }
        };
        entry.key == *name && is_read_so
    };
    document.entries.len() == taken.len() && document.entries.iter().zip(&taken).all(|(entry, taken)| same(entry, taken))
}

/// Whether a text still holds one of the secrets. Very short ones stand in any text.
fn tells(text: &str, secrets: &[Zeroizing<String>]) -> bool {
    secrets.iter().any(|secret| secret.len() >= 4 && text.contains(secret.as_str()))
}

/// What stands between entries: blank lines and comments, without the secrets of commented-out
/// entries; nothing else.
fn between(text: &str) -> String {
    let kept = |line: &str| {
        let body = line.trim_start_matches('\u{feff}').trim();
        let Some(comment) = body.strip_prefix('#') else { return body.is_empty().then(|| line.to_owned()) };
        match comment.split_once('=') {
            Some((key, value)) if is_key(key) && judge(key.trim(), value.trim()).1 => {
                let end = &line[line.trim_end_matches(['\r', '\n']).len()..];
                Some(format!("{}={end}", &line[..line.find('=').unwrap_or(0)]))
            }
            _ => Some(without_tokens(line)),
        }
    };
    text.split_inclusive('\n').filter_map(kept).collect()
}

/// A comment with each word that looks like a token or an address with a password replaced.
fn without_tokens(comment: &str) -> String {
    comment.split_inclusive(char::is_whitespace).fold(String::with_capacity(comment.len()), |text, part| {
        let word = part.trim_end();
        if looks_like_token(word) { text + "…" + &part[word.len()..] } else { text + part }
    })
}

/// Whether a word of a comment looks like a secret, judged by the word alone.
fn looks_like_token(word: &str) -> bool {
    let core = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let has = |fits: fn(char) -> bool| core.chars().any(fits);
    let is_mixed = core.len() >= 8 && has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_alphabetic());
    let is_address = word.contains("://");
    let is_random = core.len() >= 16 && !core.contains(['/', '.', ':']) && !is_public_name(core);
    scan::has_password(word)
        || is_random && !is_address
        || is_mixed && !is_address && !is_public_name(core) && !core.contains('.')
}

fn is_key(text: &str) -> bool {
    crate::names::is_variable(text.trim().trim_start_matches("export ").trim())
}

/// Secrets in `environment` become `${NAME}`. A secret that stands anywhere else is a refusal.
fn of_compose(text: &str) -> std::result::Result<Made, &'static str> {
    let compose = crate::format::compose::parse(text)?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let (mut replaced, mut kept, mut secrets, mut keys) = (0, 0, Vec::new(), Vec::new());
    for variable in compose.services.values().flat_map(|service| &service.environment) {
        let Some(value) = &variable.value else { continue };
        keys.push(variable.name.clone());
        if !judge(&variable.name, value).1 {
            kept += 1;
            continue;
        }
        replaced += 1;
        secrets.push(value.clone());
        let index = usize::try_from(variable.line).unwrap_or(0).saturating_sub(1);
        let line = lines.get_mut(index).ok_or(PLACE)?;
        *line = with_reference(line, &variable.name).ok_or(PLACE)?;
    }
    let text = lines.concat();
    // Commented-out lines, labels, commands: a secret that is still there is a secret told.
    if tells(&text, &secrets) { Err(PLACE) } else { Ok(Made { text, keys, replaced, kept }) }
}

/// The line with `${NAME}` in the place of its value, for `NAME: value` and `- NAME=value`.
fn with_reference(line: &str, name: &str) -> Option<String> {
    let body = line.trim_end_matches(['\r', '\n']);
    let end = &line[body.len()..];
    let reference = format!("${{{name}}}");
    let indent = &body[..body.len() - body.trim_start().len()];
    let rest = body.trim_start();
    if body.contains(&reference) {
        return Some(line.to_owned()); // of an anchor that was replaced already
    }
    if let Some(item) = rest.strip_prefix('-') {
        let item = item.trim_start().trim_start_matches(['"', '\'']);
        return item.starts_with(&format!("{name}=")).then(|| format!("{indent}- {name}={reference}{end}"));
    }
    let value = rest
        .trim_start_matches(['"', '\''])
        .strip_prefix(name)?
        .trim_start_matches(['"', '\''])
        .trim_start()
        .strip_prefix(':')?
        .trim();
    let whole = !value.is_empty() && !value.starts_with(['|', '>', '&', '*', '{', '[']);
    whole.then(|| format!("{indent}{name}: {reference}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(text: &str) -> std::result::Result<Made, &'static str> {
        of_env(text, Dialect::Portable, Audience::Person)
    }

    #[test]
    fn an_env_example_keeps_all_but_the_secrets() {
        let text =
            "# top\nDB_HOST=db.lan # where\nDB_PASSWORD='hunter2' # why\n#OLD_TOKEN=hunter3\n# a note = fine\nexport X=hunter4\n";
        let Ok(made) = made_of(text) else { panic!("refused") };
        assert_eq!(made.text, "# top\nDB_HOST=db.lan # where\nDB_PASSWORD= # why\n#OLD_TOKEN=\n# a note = fine\nexport X=\n");
        assert_eq!((made.replaced, made.kept), (2, 1));
    }

    #[test]
    fn what_may_be_the_rest_of_a_secret_is_left_out() {
        let text = "KEY=-----BEGIN KEY-----\nMIIBhunter2\nabcd==\n-----END KEY-----\n\nPORT=80\n; old=hunter3\n";
        let Ok(made) = made_of(text) else { panic!("refused") };
        assert!(!made.text.contains("hunter") && made.text.ends_with("\n\nPORT=80\n"), "{}", made.text);
        assert!(made_of("PASSWORD=hunter2\n# it was hunter2 before\n").is_err());
        assert!(made_of("PASSWORD=hunter2 # or hunter2\n").is_err());
    }

    #[test]
    fn a_compose_example_refers_to_what_it_held() {
        let text = "services:\n  db: # the database\n    environment:\n      POSTGRES_PASSWORD: \"hunter2\"\n      PORT: 5432\n  app:\n    environment:\n      - TOKEN=hunter3\n      - TZ=Europe/Berlin\n";
        let Ok(made) = of_compose(text) else { panic!("refused") };
        assert!(made.text.contains("      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}\n      PORT: 5432\n"));
        assert!(made.text.contains("      - TOKEN=${TOKEN}\n      - TZ=Europe/Berlin\n") && made.text.contains("# the database"));
        for hidden in ["    command: --password=hunter2\n", "    # was hunter2\n"] {
            assert!(
                of_compose(
                    &text.replace("    environment:\n      POSTGRES", &format!("{hidden}    environment:\n      POSTGRES"))
                )
                .is_err()
            );
        }
        assert!(of_compose("services:\n  a:\n    environment: {PASSWORD: hunter2}\n").is_err());
    }
}
