//! Tools for the files of a service: write them from Vault, list their entries, and make examples
//! of them.

mod example;
mod inject;
mod scan;

use std::path::{Path, PathBuf};

use crate::audit::Action;
use crate::core::Core;
use crate::core::entries::{COMPOSE_NAMES, FileKind, Refused, VisibleFile, first_of, inspect};
use crate::error::Error;
use crate::mcp::public::PublicPath;
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::names::Service;
pub(in crate::mcp) use example::GenerateExample;
pub(in crate::mcp) use inject::Inject;
pub(in crate::mcp) use scan::{ScanCompose, ScanEnv};

/// The usual names of a service's compose file.
fn usual_compose_files(service: &Service) -> Vec<PathBuf> {
    let folder = Path::new(service.as_str());
    COMPOSE_NAMES.iter().map(|name| folder.join(name)).collect()
}

/// Reads the named file, or the first of the usual files that exists. Reading may block on the
/// disk, so it runs on its own thread.
async fn scanned(
    state: &ServerState,
    service: &Service,
    named: Option<String>,
    usual: Vec<PathBuf>,
    kind: FileKind,
) -> Result<(PathBuf, VisibleFile), Refusal> {
    let core = state.core();
    let work = move || found(&core, named, &usual, kind);
    let _turn = state.turn().await;
    let looked = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Interrupted)?;
    let outcome = match &looked {
        Ok((file, _)) => file.display().to_string(),
        Err(_) => "failed".to_owned(),
    };
    let _ = state
        .core()
        .audit
        .record(Action::Scan, service.as_str(), &outcome)
        .await;
    Ok(looked?)
}

fn found(
    core: &Core,
    named: Option<String>,
    usual: &[PathBuf],
    kind: FileKind,
) -> Result<(PathBuf, VisibleFile), Refused> {
    let file = match named {
        Some(file) => PathBuf::from(file),
        None => first_of(core, usual).ok_or(Refused::Missing)?,
    };
    inspect(core, &file, kind)
}

fn public(file: &Path) -> Result<PublicPath, Refusal> {
    let rule = "use a path of letters, digits, spaces and . _ - @ + only";
    PublicPath::new(file)
        .ok_or_else(|| Refusal::argument("that path has unusual characters", &[], rule))
}
