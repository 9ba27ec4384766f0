//! Plans a file: renders all of its bytes before anybody is asked.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::changes::Changes;
use super::header::{self, HeaderOrigin};
use super::mask;
use super::place::{self, FileTarget};
use super::render::{self, RenderSource, RenderedFile};
use super::request::{InjectRequest, Template};
use super::share::Shares;
use super::{FileOutcome, FileReply, text};
use crate::approval::FilePreview;
use crate::audit::Action;
use crate::config::AskBefore;
use crate::core::plan::FileWrite;
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::record::{Record, RecordKind, Records, Standing, standing};
use crate::files::{Access, FileChange, Root};
use crate::names::printable;
use crate::vault::Secrets;

/// A service's values in Vault.
pub(super) struct StoredSecrets {
    pub(super) secrets: Secrets,
}

/// Plans the new content of one file.
pub(super) async fn plan(
    core: &Core,
    request: &InjectRequest,
    target: &FileTarget,
    held: &StoredSecrets,
    shares: &Shares,
) -> Result<(FileReply, FileWrite)> {
    let root = Root::open(&core.settings.root)?;
    let before = root.read(&target.file)?;
    let example = if request.template.is_some() {
        None
    } else {
        root.read(&target.example)?
    };
    let record = Records::new(&core.settings.state).of(root.path(), &target.file)?;
    let standing = standing(record.as_ref(), before.as_ref());
    let known = Known {
        standing,
        record: record.as_ref(),
        has_example: example.is_some(),
    };
    let is_person = core.audience == Audience::Person;
    let secrets = shares.of(target, &held.secrets);
    let old =
        text(&target.file, before.as_ref()).map(|old| old.map(str::to_owned).map(Zeroizing::new));
    let old = if is_person { Ok(old?) } else { old };
    let template = match &request.template {
        Some(template) => Some(template.skeleton(target.format)),
        None => text(&target.example, example.as_ref())?.map(str::to_owned),
    };
    let origin = HeaderOrigin::of(&core.settings, &target.service);
    let keys: Vec<String> = render::names_held(target, &secrets)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let own_text = old
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .map_or("", |old| old.as_str());
    if is_person && target.place == place::FilePlace::Usual {
        refuse_file_of_another(target, own_text, &origin)?;
    }
    let from_vault = from_vault(
        own_text,
        &origin,
        record.as_ref().filter(|_| standing == Standing::Unchanged),
    );
    let draft = Draft {
        target: target.clone(),
        header: match &request.template {
            Some(_) => header::of_template(&target.service),
            None => heading(target, request, &origin, &keys, example.is_some()).lines(own_text),
        },
        // A template that a model sent is the whole file.
        old: if request.template.is_some() {
            Ok(None)
        } else {
            old
        },
        template,
        gone: from_vault
            .iter()
            .filter(|key| !held.secrets.contains_key(*key))
            .cloned()
            .collect(),
        secrets,
        literals: request
            .template
            .as_ref()
            .map(Template::literals)
            .unwrap_or_default(),
        may_be_unasked: is_unasked(core, request, target, &known),
        is_person,
        is_strict: request.strict,
    };
    let Drawing {
        rendered,
        unasked,
        masked_text,
    } = draft.draw().await?;
    let (mut rendered, obstacle) = match rendered {
        Ok(rendered) => (rendered, None),
        // If a person will be asked, a model must not see the error: it would look different from a
        // plain refusal. The person sees the reason instead.
        Err(error) if !is_person && !unasked => (RenderedFile::default(), Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let obstacle = request
        .template
        .as_ref()
        .and_then(|template| template.obstacle.clone())
        .or(obstacle);
    let preview = masked_text.map(|masked_text| FilePreview {
        path: printable(&target.file.to_string_lossy(), false),
        masked_text,
        note: note(standing),
    });
    let changes = if is_person {
        std::mem::take(&mut rendered.changes)
    } else {
        Changes::default()
    };
    let edited = match standing {
        Standing::Changed => changes
            .changed
            .iter()
            .filter(|key| from_vault.contains(*key))
            .cloned()
            .collect(),
        Standing::New | Standing::Unchanged | Standing::Foreign => Vec::new(),
    };
    let access = Access {
        mode: core.settings.file_mode,
        group: core.settings.file_group,
    };
    let narrowed = before
        .as_ref()
        .filter(|before| is_person && before.is_wider_than(access));
    let narrowed =
        narrowed.map(|before| format!("{:04o} → {:04o}", before.mode() & 0o777, access.mode));
    let template_name = target
        .example
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let reply = FileReply {
        service: target.service.clone(),
        file: target.file.clone(),
        format: target.format,
        dialects: target.dialects.clone(),
        guessed_from: match &target.source {
            place::ReaderSource::Guessed(signs) => {
                signs.iter().map(|name| printable(name, false)).collect()
            }
            place::ReaderSource::Told | place::ReaderSource::Nothing => Vec::new(),
        },
        state: match &before {
            None => FileOutcome::Created,
            Some(_) if is_person && changes.is_empty() => FileOutcome::Unchanged,
            Some(_) => FileOutcome::Updated,
        },
        keys: keys.len(),
        changes,
        template: example.is_some().then(|| printable(&template_name, false)),
        left_out: rendered.left_out,
        edited,
        narrowed,
        misread: rendered.misread,
        backup: None,
        remarks: rendered.remarks,
        warnings: Vec::new(),
    };
    let change = FileChange {
        file: target.file.clone(),
        kind: RecordKind::Secrets,
        service: Some(target.service.to_string()),
        origin: request.template.is_none().then(|| origin.mark()),
        keys,
        content: rendered.text,
        before,
        access,
        skip_if_same: is_person,
    };
    let mut write = FileWrite::new(Action::Inject, change);
    write.unasked = unasked;
    write.preview = preview.into_iter().collect();
    write.obstacle = obstacle;
    if let Some(template) = &request.template {
        write.warnings = template
            .sources
            .iter()
            .map(|source| format!("a value comes from {source}"))
            .collect();
        write.sources.clone_from(&template.sources);
    }
    Ok((reply, write))
}

/// Refuses to replace a file that was written for another service, unless the request names the
/// file.
fn refuse_file_of_another(target: &FileTarget, old: &str, origin: &HeaderOrigin) -> Result<()> {
    let Some(owner) = header::owner(old).filter(|owner| *owner != target.service.as_str()) else {
        return Ok(());
    };
    if header::keys_listed_for(old, origin).is_some() {
        return Ok(());
    }
    let file = printable(&target.file.to_string_lossy(), false);
    Err(Error::invalid(
        format!(
            "{}: {file} was written for {}",
            target.service,
            printable(owner, false)
        ),
        format!(
            "give each service a file of its own in .claude-vault.toml, or: claude-vault inject \
             {} --file {file}",
            target.service
        ),
    ))
}

/// The keys that came from Vault when the file was last written, by its header and this user's
/// record.
fn from_vault(old: &str, origin: &HeaderOrigin, record: Option<&Record>) -> BTreeSet<String> {
    let mut keys = header::keys_listed_for(old, origin).unwrap_or_default();
    if let Some(record) = record.filter(|record| record.origin.as_deref() == Some(&*origin.mark()))
    {
        keys.extend(record.keys.iter().cloned());
    }
    keys
}

fn heading<'a>(
    target: &FileTarget,
    request: &InjectRequest,
    origin: &'a HeaderOrigin,
    keys: &'a [String],
    has_example: bool,
) -> header::HeaderInfo<'a> {
    let dialects: Vec<&str> = request
        .dialect
        .iter()
        .map(|dialect| dialect.name())
        .collect();
    let dialect = if dialects.is_empty() {
        String::new()
    } else {
        format!(" --dialect {}", dialects.join(","))
    };
    let name = target
        .example
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    header::HeaderInfo {
        origin,
        template: has_example.then(|| name.into_owned()),
        command: format!("{}{dialect}", target.command),
        keys: keys.iter().map(String::as_str).collect(),
    }
}

/// The largest file that a model may have written, in bytes. It is far below the limit for reading
/// files, so values of any allowed size leave the file readable.
const MAX_DRAWN: usize = 1024 * 1024;
/// The largest template on disk that is filled in for a model, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

/// Everything that a file is rendered from.
struct Draft {
    target: FileTarget,
    old: Result<Option<Zeroizing<String>>>,
    template: Option<String>,
    header: Vec<String>,
    gone: BTreeSet<String>,
    secrets: Secrets,
    literals: BTreeSet<String>,
    may_be_unasked: bool,
    is_person: bool,
    is_strict: bool,
}

/// The result of rendering a draft.
struct Drawing {
    rendered: Result<RenderedFile>,
    /// Whether the file may be written without asking a person.
    unasked: bool,
    /// The text with masked values, if a person is asked.
    masked_text: Option<String>,
}

impl Draft {
    /// Renders the file. For a model, rendering runs on a blocking thread, so that no call can hold
    /// up the server.
    async fn draw(self) -> Result<Drawing> {
        if self.is_person {
            let rendered = self.render();
            return Ok(Drawing {
                rendered,
                unasked: true,
                masked_text: None,
            });
        }
        let file = self.target.file.clone();
        let stopped = |_| Error::io("write", file)(std::io::ErrorKind::Other.into());
        tokio::task::spawn_blocking(move || self.draw_for_model())
            .await
            .map_err(stopped)
    }

    fn source(&self) -> RenderSource<'_> {
        RenderSource {
            old: self
                .old
                .as_ref()
                .ok()
                .and_then(Option::as_ref)
                .map(|old| old.as_str()),
            template: self.template.as_deref(),
            header: &self.header,
            gone: self.gone.clone(),
            is_strict: self.is_strict,
        }
    }

    fn render(&self) -> Result<RenderedFile> {
        if self.old.is_err() {
            return Err(Error::Confined {
                path: self.target.file.clone(),
                reason: "it is not UTF-8 text",
            });
        }
        render::render(&self.target, &self.secrets, &self.source())
    }

    /// Decides from the template and the record alone whether a person is asked, never from values
    /// in Vault or in the file.
    fn draw_for_model(self) -> Drawing {
        let Self {
            target,
            secrets,
            literals,
            ..
        } = &self;
        let template = self.template.as_deref().unwrap_or_default();
        let is_small = template.len() <= MAX_TEMPLATE;
        let unasked =
            self.may_be_unasked && is_small && render::is_plain(target, secrets, template);
        let old_is_small = self.source().old.is_none_or(|old| old.len() <= MAX_DRAWN);
        let rendered = if is_small && old_is_small {
            self.render()
        } else {
            Err(self.too_large())
        };
        let rendered = match rendered {
            Ok(rendered) if rendered.text.len() > MAX_DRAWN => Err(self.too_large()),
            outcome => outcome,
        };
        let masked = || {
            if is_small && old_is_small {
                mask::masked(target, secrets, literals, &self.source())
            } else {
                String::new()
            }
        };
        let masked_text = (!unasked).then(masked);
        Drawing {
            rendered,
            unasked,
            masked_text,
        }
    }

    fn too_large(&self) -> Error {
        Error::Unwritable {
            file: printable(&self.target.file.to_string_lossy(), false),
            keys: "all keys".into(),
            reader: "an assistant's tool".into(),
            reason: "the template is larger than 256 KiB, or the file is larger than 1 MiB".into(),
            hint: format!("claude-vault inject {}", self.target.service),
        }
    }
}

/// What is known about the existing file.
struct Known<'a> {
    standing: Standing,
    record: Option<&'a Record>,
    has_example: bool,
}

/// Whether a model may have the file written without asking a person. It may if the file is the
/// service's own, is in its usual place, comes from a template on disk, and was only ever written
/// by this program. A place that `.claude-vault.toml` names needs one approval. So does a folder
/// below the service's own, because a compose file may name it and another service may own it.
/// Nothing here depends on a value.
fn is_unasked(
    core: &Core,
    request: &InjectRequest,
    target: &FileTarget,
    known: &Known<'_>,
) -> bool {
    let is_written_for_this_service = known.record.is_some_and(|record| {
        record.kind == RecordKind::Secrets
            && record.service.as_deref() == Some(target.service.as_str())
    });
    let is_ours = match known.standing {
        Standing::New => known.record.is_none() || is_written_for_this_service,
        Standing::Unchanged => is_written_for_this_service,
        Standing::Changed | Standing::Foreign => false,
    };
    let place_is_known = match target.place {
        place::FilePlace::Usual => {
            known.has_example && target.is_in_own_folder() || is_written_for_this_service
        }
        place::FilePlace::Project => is_written_for_this_service,
        place::FilePlace::Request => false,
    };
    !core.settings.ask_before.contains(&AskBefore::Inject)
        && request.template.is_none()
        && is_ours
        && place_is_known
}

/// What the approval page says about the existing file.
fn note(standing: Standing) -> String {
    match standing {
        Standing::New => "This is a new file.",
        Standing::Unchanged => "It replaces the file that claude-vault wrote there.",
        Standing::Changed => {
            "It replaces a file that was edited since claude-vault wrote it. The edited file is \
             kept as a backup."
        }
        Standing::Foreign => {
            "It replaces a file that claude-vault did not write. That file is \
            kept as a backup."
        }
    }
    .to_owned()
}
