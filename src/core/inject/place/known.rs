//! Collects the files that a service has: those that `.claude-vault.toml` lists, else those in its
//! folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::compose::{ComposeReader, compose_readers};
use super::folder::files_in_folder;
use super::{Places, format_by_extension, usual_path};
use crate::core::inject::project::{ListedFile, OneOrMore, ServiceFiles};
use crate::core::inject::target::FilePlace;
use crate::core::inject::{FileFormat, InjectRequest};
use crate::error::{Error, Result};
use crate::format::dotenv::Dialect;
use crate::names::Service;

/// A file of a service.
pub(super) struct KnownFile {
    pub(super) file: PathBuf,
    pub(super) format: FileFormat,
    /// The programs that read the file, if the configuration names them.
    pub(super) dialects: Vec<Dialect>,
    /// How compose reads the file, if a compose file names it.
    pub(super) compose_reader: Option<ComposeReader>,
    pub(super) place: FilePlace,
    /// Whether the file is written only because the request asks for its path or format: it is not
    /// among the files that were found for the service.
    pub(super) is_extra: bool,
}

impl KnownFile {
    pub(super) fn new(file: PathBuf, format: FileFormat, place: FilePlace) -> Self {
        Self {
            file,
            format,
            dialects: Vec::new(),
            compose_reader: None,
            place,
            is_extra: false,
        }
    }
}

impl Places {
    /// The files that `.claude-vault.toml` lists for a service, else those in its folder, and notes
    /// about files that are not written.
    pub(super) fn known_files(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
    ) -> Result<(Vec<KnownFile>, Vec<String>)> {
        let listed = self.listed(service.as_str(), configured)?;
        if listed.is_empty() {
            self.found_in_folder(request, service, configured)
        } else {
            Ok((listed, Vec::new()))
        }
    }

    /// The files that `.claude-vault.toml` lists for a service.
    pub(super) fn listed(
        &self,
        service: &str,
        configured: &ServiceFiles,
    ) -> Result<Vec<KnownFile>> {
        let named = compose_readers(&self.root, Path::new(service));
        let one = configured.file.iter().map(|file| (file, None, None));
        let more = configured.files.iter().map(|listed| match listed {
            ListedFile::Path(file) => (file, None, None),
            ListedFile::Detailed(listed) => (&listed.file, listed.format, listed.dialect.clone()),
        });
        let mut seen = BTreeSet::new();
        let mut known = Vec::new();
        for (file, format, dialect) in one.chain(more) {
            let file = self.root.relative(file)?;
            if seen.insert(file.clone()) {
                let compose_reader = named.get(&file).cloned();
                let format = format
                    .or(configured.format)
                    .unwrap_or_else(|| format_by_extension(&file));
                let dialects = dialect.map(OneOrMore::list).unwrap_or_default();
                known.push(KnownFile {
                    dialects,
                    compose_reader,
                    ..KnownFile::new(file, format, FilePlace::Project)
                });
            }
        }
        Ok(known)
    }

    /// The files in the service's folder that no other service lists, and notes about files that
    /// are not written.
    fn found_in_folder(
        &self,
        request: &InjectRequest,
        service: &Service,
        configured: &ServiceFiles,
    ) -> Result<(Vec<KnownFile>, Vec<String>)> {
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
                let file = folder.join(usual_path(format));
                found.push(KnownFile::new(file, format, FilePlace::Usual));
            }
        }
        Ok((found, notes))
    }

    /// The folder of a service. If it does not exist and the root is not marked as a project, this
    /// is the working directory, provided that it contains a known file.
    pub(super) fn folder(&self, service: &Service) -> Result<PathBuf> {
        let folder = PathBuf::from(service.as_str());
        if self.root.has_folder(&folder) {
            return Ok(folder);
        }
        if self.has_no_project_mark && self.has_known_file(Path::new("")) {
            return Ok(PathBuf::new());
        }
        Err(self.no_folder(service))
    }

    pub(super) fn has_known_file(&self, folder: &Path) -> bool {
        let Ok(placeholder) = Service::probe() else {
            return false;
        };
        files_in_folder(&self.root, folder, &placeholder).is_ok_and(|(found, _)| !found.is_empty())
    }

    fn no_folder(&self, service: &Service) -> Error {
        let path = self.root.path().join(service.as_str());
        if path.is_symlink() {
            return Error::Confined {
                path: service.as_str().into(),
                reason: "it is a symbolic link",
            };
        }
        Error::NotFound {
            missing: None,
            what: format!("the folder {service} in {}", self.root.path().display()),
            hint: format!(
                "change to the folder that contains the service folders, or: claude-vault inject \
                 {service} --root DIR   (or --file FILE)"
            ),
        }
    }
}
