//! Renders a planned file. For a model, it also decides whether a person is asked, and masks the
//! values.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::core::inject::mask;
use crate::core::inject::render::{self, RenderSource, RenderedFile};
use crate::core::inject::target::FileTarget;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::vault::Secrets;

/// The maximum size of a file that is written for a model, in bytes. It is far below the limit for
/// reading files, so values of any allowed size leave the file readable.
const MAX_RENDERED: usize = 1024 * 1024;
/// The maximum size of a template on disk that is filled in for a model, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

/// Everything that a file is rendered from.
pub(super) struct Draft {
    pub(super) target: FileTarget,
    pub(super) old: Result<Option<Zeroizing<String>>>,
    pub(super) template: Option<String>,
    pub(super) header: Vec<String>,
    pub(super) gone: BTreeSet<String>,
    pub(super) secrets: Secrets,
    pub(super) literals: BTreeSet<String>,
    pub(super) may_be_unasked: bool,
    pub(super) is_person: bool,
    pub(super) is_strict: bool,
}

/// The result of rendering a draft.
pub(super) struct RenderedDraft {
    pub(super) rendered: Result<RenderedFile>,
    /// Whether the file may be written without asking a person.
    pub(super) unasked: bool,
    /// The text with masked values, if a person is asked.
    pub(super) masked_text: Option<String>,
}

impl Draft {
    /// Renders the file. For a model, rendering runs on a blocking thread, so that no call can hold
    /// up the server.
    pub(super) async fn render_for_audience(self) -> Result<RenderedDraft> {
        if self.is_person {
            let rendered = self.render();
            return Ok(RenderedDraft {
                rendered,
                unasked: true,
                masked_text: None,
            });
        }
        let file = self.target.file.clone();
        let stopped = |_| Error::io("write", file)(std::io::ErrorKind::Other.into());
        tokio::task::spawn_blocking(move || self.render_for_model())
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

    /// Renders the file for a model. Whether a person is asked depends on the template, the record
    /// and the names of the keys, never on values in Vault or in the file.
    fn render_for_model(self) -> RenderedDraft {
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
        let old_is_small = self
            .source()
            .old
            .is_none_or(|old| old.len() <= MAX_RENDERED);
        let rendered = if is_small && old_is_small {
            self.render()
        } else {
            Err(self.too_large())
        };
        let rendered = match rendered {
            Ok(rendered) if rendered.text.len() > MAX_RENDERED => Err(self.too_large()),
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
        RenderedDraft {
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
