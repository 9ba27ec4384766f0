//! Compares findings with the values in Vault: those of the folder's own service, or of all
//! services. This needs a session.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt, stream};

use super::ScanReport;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, REQUESTS_AT_ONCE, Secrets, Stored};

/// Compares the findings with Vault. Without a session, this does nothing, or fails if the person
/// requested the comparison with `all`.
///
/// # Errors
/// Only with `all`: [`Error::UnderAgent`] if a model reads the output, and errors from Vault.
pub(super) async fn compare(core: &Core, all: bool, report: &mut ScanReport) -> Result<()> {
    if core.settings.agent.is_some() {
        // Only a person may learn which values are equal.
        return if all {
            Err(Error::UnderAgent {
                what: "scan --vault",
            })
        } else {
            Ok(())
        };
    }
    let vault = match core.vault() {
        Ok(vault) => vault,
        Err(error) if all => return Err(error),
        Err(_) => return Ok(()),
    };
    let wanted = if all {
        vault.list_services().await?.services
    } else {
        own_services(report)
    };
    let (mut held, mut refused): (BTreeMap<Service, Secrets>, _) = (BTreeMap::new(), None);
    core.progress.expect(wanted.len());
    let mut reads = stream::iter(wanted)
        .map(|service| read(&vault, service))
        .buffer_unordered(REQUESTS_AT_ONCE);
    while let Some((service, outcome)) = reads.next().await {
        core.progress.count_one();
        match outcome {
            Ok(values) => drop(held.insert(service, values)),
            Err(Error::NotFound { .. }) => {}
            Err(error) if all => return Err(error),
            // A candidate may be only a folder above or below the service, which the policy does
            // not cover.
            Err(error @ Error::Forbidden { .. }) => refused = Some(error),
            Err(error) => {
                not_compared(report, &error);
                return Ok(());
            }
        }
    }
    drop(reads);
    if let Some(error) = refused.filter(|_| held.is_empty()) {
        not_compared(report, &error);
        return Ok(());
    }
    mark(report, &held, all);
    Ok(())
}

fn not_compared(report: &mut ScanReport, error: &Error) {
    report.warnings.push(format!(
        "the findings were not compared with Vault: {}",
        error.for_person()
    ));
}

fn mark(report: &mut ScanReport, held: &BTreeMap<Service, Secrets>, all: bool) {
    for finding in report
        .findings_mut()
        .filter(|finding| finding.secret && !finding.values.is_empty())
    {
        let own = services_of(&finding.path);
        let near = own.iter().filter_map(|service| held.get_key_value(service));
        let far = held
            .iter()
            .filter(|(service, _)| all && !own.contains(service));
        let mut compared = false;
        let found = near
            .chain(far)
            .inspect(|_| compared = true)
            .find_map(|(service, values)| {
                let key = values
                    .iter()
                    .find(|(_, value)| finding.values.contains(value.secret()))
                    .map(|(key, _)| key);
                key.map(|key| format!("{service}/{}", crate::names::printable(key, false)))
            });
        finding.in_vault = (found.is_some() || compared || all).then_some(found.is_some());
        finding.vault_key = found;
    }
}

/// The services to which the files with secrets can belong.
fn own_services(report: &ScanReport) -> Vec<Service> {
    let with_secrets = report.findings().filter(|finding| finding.secret);
    let services: BTreeSet<Service> = with_secrets
        .flat_map(|finding| services_of(&finding.path))
        .collect();
    services.into_iter().collect()
}

/// The possible services of a file, derived from its folder and the folders above, nearest first.
fn services_of(file: &Path) -> Vec<Service> {
    let mut services = Service::of_folders(file.parent().unwrap_or(Path::new("")));
    services.reverse();
    services
}

async fn read(vault: &Client, service: Service) -> (Service, Result<Secrets>) {
    let secrets = match vault.read_service(&service, None).await {
        Ok(Stored::Present { secrets, .. }) => Ok(secrets),
        Ok(_) => Ok(Secrets::default()),
        Err(error) => Err(error),
    };
    (service, secrets)
}
