//! Finds the services that have a place below the root, and the service of the working directory.

use std::path::Path;

use super::Places;
use crate::core::inject::project::ServiceFiles;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, Stored};

impl Places {
    /// The services in Vault that have a folder below the root or an entry in `.claude-vault.toml`.
    /// Vault folders that have neither are not listed.
    pub(in crate::core::inject) async fn services_with_a_place(
        &self,
        vault: &Client,
    ) -> Result<Vec<Service>> {
        let has_place = |service: &Service| {
            self.configured.contains_key(service.as_str())
                || self.root.has_folder(Path::new(service.as_str()))
        };
        let leads_on = |folder: &Service| {
            let listed = |name: &String| Path::new(name).starts_with(folder.as_str());
            self.configured.keys().any(listed) || self.root.has_folder(Path::new(folder.as_str()))
        };
        let mut found = vault.walk(None, leads_on).all().await?.services;
        found.retain(has_place);
        if found.is_empty() {
            let hint =
                "change to the folder that contains the service folders, or name it: --root DIR";
            return Err(Error::NotFound {
                missing: None,
                what: "a folder of any service".into(),
                hint: hint.into(),
            });
        }
        Ok(found)
    }

    /// The service of the working directory: the only service with a listed file directly in it,
    /// else the service whose folder contains it. With nested folders, this is the innermost folder
    /// that is a service in Vault, or the outermost folder if none of the others is one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the working directory is in no service's folder.
    pub(in crate::core::inject) async fn service_here(&self, vault: &Client) -> Result<Service> {
        let unknown = || {
            Error::invalid(
                "this is not a service's folder",
                "claude-vault inject SERVICE   (or claude-vault inject --all)",
            )
        };
        let here = std::env::current_dir()
            .and_then(|here| here.canonicalize())
            .map_err(Error::io("find", "."))?;
        let below = here.strip_prefix(self.root.path()).map_err(|_| unknown())?;
        let lies_here = |(_, files): &(&String, &ServiceFiles)| {
            files
                .paths()
                .any(|file| file.parent().is_some_and(|folder| folder == below))
        };
        let mut listed = self.configured.iter().filter(lies_here);
        if let (Some((name, _)), None) = (listed.next(), listed.next()) {
            return name.parse();
        }
        if below.as_os_str().is_empty()
            && self.has_no_project_mark
            && self.has_known_file(Path::new(""))
        {
            return here
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok())
                .ok_or_else(unknown);
        }
        let mut candidates = Service::of_folders(below);
        while candidates.len() > 1
            && let Some(innermost) = candidates.pop()
        {
            match vault.read_service(&innermost, None).await {
                // For a deleted service, the write reports how to restore it.
                Ok(Stored::Present { .. } | Stored::Deleted { .. }) => return Ok(innermost),
                // A policy need not grant access to folders that are not services.
                Ok(Stored::Absent) | Err(Error::Forbidden { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        candidates.pop().ok_or_else(unknown)
    }
}
