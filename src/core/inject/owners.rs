//! Keeps two services from writing the same file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::FoundFiles;
use crate::error::{Error, Result};
use crate::names::{Service, printable};

/// Two services never share a file unless the request names it. If exactly one of them has the file
/// in its own folder, that service keeps it; otherwise both get an error. All other services
/// continue.
pub(super) fn one_service_a_file(found: &mut [(Service, Result<FoundFiles>)]) {
    let mut owners = Owners::new();
    // A service without a place reports its own error later.
    let targets = found
        .iter()
        .filter_map(|(_, files)| files.as_ref().ok())
        .flat_map(|files| &files.targets);
    for target in targets {
        owners
            .entry(target.file.clone())
            .or_default()
            .push((target.service.clone(), target.is_in_own_folder()));
    }
    owners.retain(|_, services| services.len() > 1);
    for (service, files) in found {
        let Ok(own) = files else { continue };
        if let Err(error) = keep_own(service, own, &owners) {
            *files = Err(error);
        }
    }
}

/// For each file that several services would write: these services, and whether the file is in
/// their own folder.
type Owners = BTreeMap<PathBuf, Vec<(Service, bool)>>;

/// Removes the files that belong to another service. An error if a file is in the own folder of
/// none or of several of its services.
fn keep_own(service: &Service, own: &mut FoundFiles, owners: &Owners) -> Result<()> {
    let mut first_error = None;
    own.targets.retain(|target| {
        let Some(services) = owners.get(&target.file) else {
            return true;
        };
        let file = printable(&target.file.to_string_lossy(), false);
        match owner(services) {
            Some(owner) if owner == service => true,
            Some(owner) => {
                own.notes.push(format!(
                    "{file} is not written for {service}: it lies in the folder of {owner}"
                ));
                false
            }
            None => {
                first_error.get_or_insert_with(|| contested(service, services, &file));
                true
            }
        }
    });
    first_error.map_or(Ok(()), Err)
}

/// The only service that has the file in its own folder, if there is exactly one.
fn owner(services: &[(Service, bool)]) -> Option<&Service> {
    let mut owners = services
        .iter()
        .filter(|(_, lies_in_own)| *lies_in_own)
        .map(|(owner, _)| owner);
    let first = owners.next()?;
    owners.next().is_none().then_some(first)
}

fn contested(service: &Service, services: &[(Service, bool)], file: &str) -> Error {
    let others: Vec<&str> = services
        .iter()
        .map(|(other, _)| other.as_str())
        .filter(|other| *other != service.as_str())
        .collect();
    Error::invalid(
        format!(
            "{service} and {} would both be written to {file}",
            others.join(", ")
        ),
        "give each a file of its own in .claude-vault.toml",
    )
}
