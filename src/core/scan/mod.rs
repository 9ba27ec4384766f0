//! `scan`: finds what looks like a secret in the files of a tree and reports it to a person: names,
//! places and reasons, but never values. The scan for a model is in [`super::entries`].

mod baseline;
mod in_vault;
mod kinds;
mod scan_files;
mod walk;

use std::path::{Path, PathBuf};

use super::Core;
use super::git::tracked_by_git;
use super::inject::listed_files;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::classify::{Rule, SecretKind, Severity};
use crate::format::dotenv::Dialect;
use crate::secret::Secret;
use serde::Serialize;

/// The files to scan, and what to compare them with.
#[derive(Default)]
pub struct ScanRequest {
    /// Files and folders to scan. If empty, the whole root is scanned.
    pub paths: Vec<PathBuf>,
    /// The dialect of the env files. Without it, the dialect is guessed from neighbouring files.
    pub dialect: Option<Dialect>,
    /// Compare with every service in Vault, not only with the folder's own.
    pub all_services: bool,
    /// The baseline file, which lists known findings.
    pub baseline: Option<PathBuf>,
    /// Replace the baseline with the findings of this run.
    pub update_baseline: bool,
}

/// The progress of a scan.
#[derive(Clone, Copy)]
pub struct Progress {
    /// The number of files scanned so far.
    pub done: usize,
    /// The total number of files.
    pub files: usize,
}

/// An entry of a file, and whether it is a secret.
#[derive(Serialize)]
pub struct Finding {
    /// The file, below the root, escaped for printing.
    pub file: String,
    /// The first line, from 1.
    pub line: usize,
    /// The entry's name, or a word such as `comment` or `command` for a place without a name.
    pub key: String,
    /// What kind of value it looks like.
    pub kind: SecretKind,
    /// Whether it is a secret, which belongs in Vault.
    pub secret: bool,
    /// The reason for the verdict.
    pub why: &'static str,
    /// The id of the rule that decided.
    pub rule: &'static str,
    /// The severity of leaving the secret in the file.
    pub severity: Severity,
    /// Whether git tracks the file; `None` outside of a repository or without git.
    pub tracked: Option<bool>,
    /// Whether Vault has the same value; `None` if it was not compared.
    pub in_vault: Option<bool>,
    /// The key in Vault with the same value: `SERVICE/KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_key: Option<String>,
    /// Whether a comment in the file allows it.
    pub allowed: bool,
    /// Whether the baseline lists it.
    pub known: bool,
    /// The rule that decided, for reports that describe the rules.
    #[serde(skip)]
    pub by: &'static Rule,
    /// The file's path below the root, not escaped.
    #[serde(skip)]
    pub path: PathBuf,
    /// The secret parts, for the comparison with Vault. They are cleared before the report is
    /// returned.
    #[serde(skip)]
    values: Vec<Secret>,
}

impl Finding {
    /// Whether it is a secret that neither a comment nor the baseline accepts.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.secret && !self.allowed && !self.known
    }
}

/// A scanned file that has entries or unreadable lines.
#[derive(Serialize)]
pub struct ScannedFile {
    /// The file, below the root, escaped for printing.
    pub file: String,
    /// Its entries, in order.
    pub keys: Vec<Finding>,
    /// The numbers of the lines in an env file that are not entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread_lines: Vec<usize>,
}

/// A file or folder that was skipped, or that could not be scanned in its own format.
#[derive(Serialize)]
pub struct Omission {
    /// The path, below the root, escaped for printing.
    pub path: String,
    /// The line that the reason is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The reason. It never contains text from the file.
    pub reason: String,
}

/// The result of a scan.
#[derive(Serialize)]
pub struct ScanReport {
    /// The files that have entries.
    pub files: Vec<ScannedFile>,
    /// The number of scanned files.
    #[serde(rename = "looked_at")]
    pub scanned: usize,
    /// Folders and files that were skipped on purpose.
    #[serde(rename = "left_out")]
    pub skipped: Vec<Omission>,
    /// Files that could not be read, or not in their own format.
    #[serde(rename = "unread")]
    pub unreadable: Vec<Omission>,
    /// Warnings for the person.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl ScanReport {
    /// The entries of all files.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.keys)
    }

    fn findings_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.files.iter_mut().flat_map(|file| &mut file.keys)
    }
}

/// Scans the requested files. `progress` is called periodically if the scan takes long.
///
/// # Errors
/// [`Error::NotFound`] for a path that does not exist, [`Error::Confined`] for one outside the
/// root, [`Error::Invalid`] for a requested file that cannot be read in its format, and errors from
/// Vault during a requested comparison.
pub async fn scan(
    core: &Core,
    request: &ScanRequest,
    progress: &dyn Fn(Progress),
) -> Result<ScanReport> {
    let outcome = scan_files(core, request, progress);
    let details = |report: &ScanReport| format!("{} files", report.scanned);
    let (mut report, unlogged) = core.audited(Action::Scan, None, outcome, details).await?;
    report.warnings.extend(unlogged);
    in_vault::compare(core, request.all_services, &mut report).await?;
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
        // A broken config must not prevent the scan: the files can be scanned without it.
        Err(error) => vec![format!(
            "{error}; the files it lists were scanned in the formats that their names suggest"
        )],
    };
    let (candidates, skipped) = tree.finish();
    let (files, unreadable) = scan_files::scan_all(&root, &candidates, progress);
    if let Some(named) = unreadable.iter().find(|omission| {
        candidates
            .iter()
            .any(|one| one.is_named && one.shown() == omission.path)
    }) {
        let line = named
            .line
            .map_or_else(String::new, |line| format!(" line {line}:"));
        return Err(Error::invalid(
            format!("{}:{line} {}", named.path, named.reason),
            "correct the file, or scan its folder: that scans an unreadable file line by line",
        ));
    }
    let mut report = ScanReport {
        scanned: candidates.len(),
        files,
        skipped,
        unreadable,
        warnings,
    };
    mark_tracked(&root, &mut report);
    Ok(report)
}

/// Marks the findings in files that git tracks. Git is called once for each repository, and only
/// for files with a secret.
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
