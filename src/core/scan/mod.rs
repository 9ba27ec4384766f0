//! `scan`: what looks like a secret in the files of a tree, for a person. Names, places and
//! reasons; never a value. What a model learns of a file is in [`super::entries`].

mod baseline;
mod kinds;
mod look;
mod same;
mod usual;
mod walk;

use std::path::{Path, PathBuf};

use super::Core;
use super::inject::{listed_files, tracked_by_git};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::classify::{Kind, Rule, Severity};
use crate::format::dotenv::Dialect;
use crate::secret::Secret;
use serde::Serialize;

pub(crate) use usual::COMPOSE_NAMES;
pub use usual::is_compose;
pub(in crate::core) use usual::read;

/// What to look at, and what to compare with.
#[derive(Default)]
pub struct ScanRequest {
    /// Files and folders; the root without any.
    pub paths: Vec<PathBuf>,
    /// Who reads the env files, instead of guessing by the files beside them.
    pub dialect: Option<Dialect>,
    /// Compare with every service in Vault, not only with the folder's own.
    pub all_services: bool,
    /// A file of findings that are known.
    pub baseline: Option<PathBuf>,
    /// Write the findings of this run into the baseline.
    pub update_baseline: bool,
}

/// How far a scan is.
#[derive(Clone, Copy)]
pub struct Progress {
    /// Files looked at.
    pub done: usize,
    /// Files found so far.
    pub files: usize,
}

/// An entry of a file, and whether it is a secret.
#[derive(Serialize)]
pub struct Finding {
    /// The file, below the root, as it can be printed.
    pub file: String,
    /// The first line, from 1.
    pub line: usize,
    /// Its name; of a place without one, what it is.
    pub key: String,
    /// What it looks like.
    pub kind: Kind,
    /// Whether it belongs into Vault.
    pub secret: bool,
    /// Why, in a sentence.
    pub why: &'static str,
    /// The rule that decided.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether git tracks the file; unknown outside of a repository or without git.
    pub tracked: Option<bool>,
    /// Whether Vault holds this value; unknown without a session.
    pub in_vault: Option<bool>,
    /// Where Vault holds it: `SERVICE/KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_key: Option<String>,
    /// Whether a comment in the file allows it.
    pub allowed: bool,
    /// Whether the baseline has it.
    pub known: bool,
    /// The rule, for reports that list the rules.
    #[serde(skip)]
    pub by: &'static Rule,
    /// The path in the file system, below the root.
    #[serde(skip)]
    pub path: PathBuf,
    /// The secret parts, for the comparison with Vault; taken away before anything is reported.
    #[serde(skip)]
    values: Vec<Secret>,
}

impl Finding {
    /// Whether it is a secret that nobody has accepted yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.secret && !self.allowed && !self.known
    }
}

/// A file that was looked at.
#[derive(Serialize)]
pub struct Looked {
    /// Below the root, as it can be printed.
    pub file: String,
    /// Its entries, in order.
    pub keys: Vec<Finding>,
    /// Lines of an env file that are no entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread_lines: Vec<usize>,
}

/// Something that was not looked at, or not as it should be.
#[derive(Serialize)]
pub struct Omission {
    /// Below the root, as it can be printed.
    pub path: String,
    /// The line it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Why, without any text of a file.
    pub reason: String,
}

/// What a scan found.
#[derive(Serialize)]
pub struct ScanReport {
    /// The files that have entries.
    pub files: Vec<Looked>,
    /// How many files were looked at.
    pub looked_at: usize,
    /// Folders and files that were left out on purpose.
    pub left_out: Vec<Omission>,
    /// Files that could not be read, or not as what they are.
    pub unread: Vec<Omission>,
    /// What to know.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl ScanReport {
    /// All entries.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.keys)
    }

    fn findings_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.files.iter_mut().flat_map(|file| &mut file.keys)
    }
}

/// Scans. `progress` is called now and then while it lasts.
///
/// # Errors
/// [`Error::NotFound`] for a path that is not there, [`Error::Confined`] for one outside the root,
/// [`Error::Invalid`] for a named file that cannot be read as what it is, and for a comparison with
/// Vault what Vault refuses.
pub async fn scan(
    core: &Core,
    request: &ScanRequest,
    progress: &dyn Fn(Progress),
) -> Result<ScanReport> {
    let outcome = scan_files(core, request, progress);
    let details = |report: &ScanReport| format!("{} files", report.looked_at);
    let (mut report, unlogged) = core.audited(Action::Scan, None, outcome, details).await?;
    report.warnings.extend(unlogged);
    same::compare(core, request.all_services, &mut report).await?;
    report
        .findings_mut()
        .for_each(|finding| finding.values.clear());
    if let Some(file) = &request.baseline {
        let root = Root::open(&core.settings.root)?;
        baseline::apply(&root, file, request.update_baseline, &mut report)?;
    }
    Ok(report)
}

fn scan_files(
    core: &Core,
    request: &ScanRequest,
    progress: &dyn Fn(Progress),
) -> Result<ScanReport> {
    let root = Root::open(&core.settings.root)?;
    let mut tree = walk::Tree::new(&root, request.dialect);
    for path in &request.paths {
        tree.add(path)?;
    }
    if request.paths.is_empty() {
        tree.add(Path::new("."))?;
    }
    let warnings = match listed_files(&root) {
        Ok(listed) => {
            listed
                .into_iter()
                .for_each(|(file, (format, readers))| tree.listed(&file, format, &readers));
            Vec::new()
        }
        // What the files hold counts more than how somebody says to read them.
        Err(error) => vec![format!(
            "{error}; the files it lists were read by their names"
        )],
    };
    let (candidates, left_out) = tree.finish();
    let (files, unread) = look::at_all(&root, &candidates, progress);
    if let Some(named) = unread.iter().find(|omission| {
        candidates
            .iter()
            .any(|one| one.is_named && one.shown() == omission.path)
    }) {
        let line = named
            .line
            .map_or_else(String::new, |line| format!(" line {line}:"));
        return Err(Error::invalid(
            format!("{}:{line} {}", named.path, named.reason),
            "correct the file; a scan of its folder looks at its lines all the same",
        ));
    }
    let mut report = ScanReport {
        looked_at: candidates.len(),
        files,
        left_out,
        unread,
        warnings,
    };
    mark_tracked(&root, &mut report);
    Ok(report)
}

/// Asks git once for each repository, and only about files with a secret.
fn mark_tracked(root: &Root, report: &mut ScanReport) {
    let with_secrets = report
        .files
        .iter()
        .filter(|file| file.keys.iter().any(|finding| finding.secret));
    let paths: Vec<PathBuf> = with_secrets
        .filter_map(|file| file.keys.first())
        .map(|finding| finding.path.clone())
        .collect();
    let tracked = tracked_by_git(root, &paths);
    for finding in report.findings_mut() {
        finding.tracked = tracked.get(&finding.path).copied();
    }
}
