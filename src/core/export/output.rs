//! Writes the files of an export below the root, and keeps them out of git.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{ExportFormat, ExportReply, ExportRequest, ExportedFile};
use crate::approval::NoApprover;
use crate::audit::Action;
use crate::core::Core;
use crate::core::git::keep_out_of_git;
use crate::core::plan::{FileWrite, Plan};
use crate::error::{Error, Result};
use crate::files::record::RecordKind;
use crate::files::{Access, FileChange, Root, Written};
use crate::names::printable;

/// Writes all files. Without `--force`, writes none if one already exists with other content.
pub(super) async fn write(
    core: &Core,
    output: &Path,
    files: Vec<(Option<PathBuf>, Zeroizing<String>)>,
    request: &ExportRequest,
    reply: &mut ExportReply,
) -> Result<()> {
    let root = Root::open(&core.settings.root)?;
    let mut changes = Vec::new();
    for (below, content) in files {
        let path = below.map_or_else(|| output.to_owned(), |below| output.join(below));
        changes.push(change(&root, &path, content, request, reply)?);
    }
    for change in changes {
        write_one(core, change, reply).await?;
    }
    keep_out(root, request.gitignore, reply).await;
    Ok(())
}

/// The change of one file. Refuses to replace other content without `--force`.
fn change(
    root: &Root,
    path: &Path,
    content: Zeroizing<String>,
    request: &ExportRequest,
    reply: &ExportReply,
) -> Result<FileChange> {
    let file = root.relative(path)?;
    let before = root.read(&file)?;
    let differs = before
        .as_ref()
        .is_some_and(|old| *old.bytes != *content.as_bytes());
    if differs && !request.force {
        return Err(Error::invalid(
            format!(
                "{} already exists with other content",
                printable(&file.to_string_lossy(), false)
            ),
            "--force   (replaces the file and keeps the old one as a backup)",
        ));
    }
    let keys: Vec<String> = match file.file_name() {
        Some(name) if request.format == ExportFormat::DockerSecrets => {
            vec![name.to_string_lossy().into_owned()]
        }
        _ => reply
            .services
            .iter()
            .flat_map(|source| source.keys.clone())
            .collect(),
    };
    let services: Vec<&str> = reply
        .services
        .iter()
        .map(|source| source.service.as_str())
        .collect();
    Ok(FileChange {
        file,
        kind: RecordKind::Secrets,
        service: Some(services.join(", ")),
        origin: None,
        keys,
        content,
        before,
        access: Access::default(),
        skip_if_same: true,
    })
}

async fn write_one(core: &Core, change: FileChange, reply: &mut ExportReply) -> Result<()> {
    let file = change.file.clone();
    let plan = Plan::new(FileWrite::new(Action::Export, change));
    let committed = plan
        .approve(core, &NoApprover)
        .await?
        .commit(core, &NoApprover)
        .await?;
    let (state, backup) = match committed.done {
        Written::Created => ("created", None),
        Written::Unchanged => ("unchanged", None),
        Written::Replaced { backup } => ("updated", Some(backup)),
    };
    reply.files.push(ExportedFile {
        file,
        state,
        backup,
    });
    reply.warnings.extend(committed.unlogged);
    Ok(())
}

/// Keeps the written files out of git. Runs on a blocking thread, because it waits for git.
async fn keep_out(root: Root, ignore: bool, reply: &mut ExportReply) {
    let files: Vec<PathBuf> = reply.files.iter().map(|file| file.file.clone()).collect();
    let work = move || keep_out_of_git(&root, &files, None, ignore, "export");
    let advice = tokio::task::spawn_blocking(work).await.unwrap_or_default();
    reply.warnings.extend(advice.warnings);
    reply.notes = advice.notes;
}
