//! Chooses among the files of a service: those that the request, `.claude-vault.toml` or the folder
//! names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{FilePlace, Places, ReaderSource, by_ending, usual_name};
use crate::core::Audience;
use crate::core::inject::known::{Known, files_in_folder, readers_named};
use crate::core::inject::project::{ListedFile, OneOrMore, ServiceFiles};
use crate::core::inject::template_names::templates_of;
use crate::core::inject::{FileFormat, InjectRequest};
use crate::error::{Error, Result};
use crate::names::Service;

/// The files that the request means, and the service's other files.
type WantedAndOthers = (Vec<Known>, Vec<Known>);

impl Places {
    /// Splits the service's files into those that the request means and the others.
    pub(super) fn wanted(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
        known: Vec<Known>,
    ) -> Result<WantedAndOthers> {
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
                vec![Known::new(env, FileFormat::Env, FilePlace::Usual)],
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
        known: Vec<Known>,
    ) -> Result<WantedAndOthers> {
        let file = self.root.relative(file)?;
        let (mut same, others): WantedAndOthers =
            known.into_iter().partition(|known| known.file == file);
        let format = format.unwrap_or_else(|| by_ending(&file));
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
        known: Vec<Known>,
    ) -> Result<WantedAndOthers> {
        let (same, others): WantedAndOthers =
            known.into_iter().partition(|known| known.format == format);
        if !same.is_empty() {
            return Ok((same, others));
        }
        let file = self.folder(service)?.join(usual_name(format));
        Ok((extra(file, format, FilePlace::Usual), others))
    }

    /// The files that `.claude-vault.toml` lists for a service.
    pub(super) fn listed(&self, service: &str, configured: &ServiceFiles) -> Result<Vec<Known>> {
        let named = readers_named(&self.root, Path::new(service));
        let one = configured.file.iter().map(|file| (file, None, None));
        let more = configured.files.iter().map(|listed| match listed {
            ListedFile::Path(file) => (file, None, None),
            ListedFile::Told(told) => (&told.file, told.format, told.dialect.clone()),
        });
        let mut seen = BTreeSet::new();
        let mut known = Vec::new();
        for (file, format, dialect) in one.chain(more) {
            let file = self.root.relative(file)?;
            if seen.insert(file.clone()) {
                let guessed = named.get(&file).cloned();
                let format = format
                    .or(configured.format)
                    .unwrap_or_else(|| by_ending(&file));
                let dialects = dialect.map(OneOrMore::list).unwrap_or_default();
                known.push(Known {
                    dialects,
                    guessed,
                    ..Known::new(file, format, FilePlace::Project)
                });
            }
        }
        Ok(known)
    }

    pub(super) fn by_what_is_there(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
    ) -> Result<(Vec<Known>, Vec<String>)> {
        let folder = match self.folder(service) {
            Ok(folder) => folder,
            // A file that the request names does not need a service folder.
            Err(_) if request.file.is_some() => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(error),
        };
        let others: BTreeSet<PathBuf> = self
            .configured
            .iter()
            .filter(|(name, _)| *name != service.as_str())
            .flat_map(|(_, files)| {
                files
                    .paths()
                    .filter_map(|file| self.root.relative(file).ok())
            })
            .collect();
        let (mut found, notes) = files_in_folder(&self.root, &folder, service)?;
        found.retain(|known| !others.contains(&known.file));
        if let Some(format) = configured.format {
            found.retain(|known| known.format == format);
            if found.is_empty() {
                let file = folder.join(usual_name(format));
                found.push(Known::new(file, format, FilePlace::Usual));
            }
        }
        Ok((found, notes))
    }

    /// Sorts the only file that a model's call writes to the front: a listed file, else the `.env`
    /// if it has a template, else a `secrets.yaml`, else the first env file. The choice depends
    /// only on the names of existing files.
    fn first_for_a_model(&self, service: &Service, mut known: Vec<Known>) -> Vec<Known> {
        let env = Path::new(service.as_str()).join(".env");
        let has_template = templates_of(&env)
            .iter()
            .any(|template| self.root.has(template).unwrap_or(false));
        let is_env = |known: &Known| {
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
fn extra(file: PathBuf, format: FileFormat, place: FilePlace) -> Vec<Known> {
    vec![Known {
        is_extra: true,
        ..Known::new(file, format, place)
    }]
}
