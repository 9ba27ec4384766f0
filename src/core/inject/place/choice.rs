//! Chooses which files of a service a call writes.

use std::path::{Path, PathBuf};

use super::known::KnownFile;
use super::{Places, format_by_extension, usual_path};
use crate::core::Audience;
use crate::core::inject::project::ServiceFiles;
use crate::core::inject::target::{FilePlace, ReaderSource};
use crate::core::inject::template_names::templates_of;
use crate::core::inject::{FileFormat, InjectRequest};
use crate::error::{Error, Result};
use crate::names::Service;

/// The files that the request means, and the service's other files.
type RequestedAndOthers = (Vec<KnownFile>, Vec<KnownFile>);

impl Places {
    /// Splits the service's files into those that the request means and the others.
    pub(super) fn requested(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
        known: Vec<KnownFile>,
    ) -> Result<RequestedAndOthers> {
        if let Some(file) = &request.file {
            return self.with_file(file, request.format.or(configured.format), known);
        }
        if let Some(format) = request.format {
            return self.with_format(format, service, known);
        }
        if !known.is_empty() && self.audience == Audience::Model {
            let mut known = self.first_for_a_model(service, known);
            let others = known.split_off(1);
            return Ok((known, others));
        }
        if !known.is_empty() || request.all {
            return Ok((known, Vec::new()));
        }
        // The folder contains a program that reads a .env file, so that is the file to write.
        let env = self.folder(service)?.join(".env");
        if matches!(self.guess(&env).1, ReaderSource::Guessed(_)) {
            return Ok((
                vec![KnownFile::new(env, FileFormat::Env, FilePlace::Usual)],
                Vec::new(),
            ));
        }
        Err(Error::invalid(
            format!("{service}: nothing in its folder shows whether it uses .env or secrets.yaml"),
            format!("claude-vault inject {service} --format env   (or --format yaml)"),
        ))
    }

    /// The file that the request names.
    fn with_file(
        &self,
        file: &Path,
        format: Option<FileFormat>,
        known: Vec<KnownFile>,
    ) -> Result<RequestedAndOthers> {
        let file = self.root.relative(file)?;
        let (mut same, others): RequestedAndOthers =
            known.into_iter().partition(|known| known.file == file);
        let format = format.unwrap_or_else(|| format_by_extension(&file));
        for known in &mut same {
            (known.format, known.place) = (format, FilePlace::Request);
        }
        if same.is_empty() {
            same = extra(file, format, FilePlace::Request);
        }
        Ok((same, others))
    }

    /// The files of the format that the request names.
    fn with_format(
        &self,
        format: FileFormat,
        service: &Service,
        known: Vec<KnownFile>,
    ) -> Result<RequestedAndOthers> {
        let (same, others): RequestedAndOthers =
            known.into_iter().partition(|known| known.format == format);
        if !same.is_empty() {
            return Ok((same, others));
        }
        let file = self.folder(service)?.join(usual_path(format));
        Ok((extra(file, format, FilePlace::Usual), others))
    }

    /// Sorts the only file that a model's call writes to the front: a listed file, else the `.env`
    /// if it has a template, else a `secrets.yaml`, else the first env file. The choice depends
    /// only on the names of existing files.
    fn first_for_a_model(&self, service: &Service, mut known: Vec<KnownFile>) -> Vec<KnownFile> {
        let env = Path::new(service.as_str()).join(".env");
        let has_template = templates_of(&env)
            .iter()
            .any(|template| self.root.has(template).unwrap_or(false));
        let is_env = |known: &KnownFile| {
            known.place == FilePlace::Project || (has_template && known.file == env)
        };
        known.sort_by_key(|known| {
            (
                !is_env(known),
                known.format == FileFormat::Env && known.place != FilePlace::Project,
            )
        });
        known
    }
}

/// A file that is written only because the request asks for its path or format.
fn extra(file: PathBuf, format: FileFormat, place: FilePlace) -> Vec<KnownFile> {
    vec![KnownFile {
        is_extra: true,
        ..KnownFile::new(file, format, place)
    }]
}
