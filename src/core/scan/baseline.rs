//! The baseline: a file of known findings. It contains file names, key names and counts. Nothing in
//! it depends on a value, not even a hash, because a weak password could be guessed from its hash.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Finding, ScanReport};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::printable;

/// The content of a baseline file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    version: u32,
    known: Vec<Known>,
}

/// The known findings of one name in one file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    file: String,
    key: String,
    /// The number of these findings.
    count: usize,
}

/// The version of the file format.
const VERSION: u32 = 1;

/// Marks the findings that the baseline lists. With `update`, replaces the baseline with the
/// current findings first.
pub(super) fn apply(root: &Root, file: &Path, update: bool, report: &mut ScanReport) -> Result<()> {
    let path = root.relative(file)?;
    if update {
        let text = serde_json::to_string_pretty(&of(report))
            .map_err(|error| Error::io("write", &path)(error.into()))?;
        root.put_public(&path, (text + "\n").as_bytes())?;
        report
            .findings_mut()
            .filter(|finding| finding.secret && !finding.allowed)
            .for_each(|finding| finding.known = true);
        return Ok(());
    }
    let shown = || printable(&file.to_string_lossy(), false);
    let Some(content) = root.read(&path)? else {
        let hint = format!(
            "create it: claude-vault scan --update-baseline --baseline {}",
            shown()
        );
        return Err(Error::NotFound {
            missing: None,
            what: format!("the baseline {}", shown()),
            hint,
        });
    };
    let baseline: Baseline = serde_json::from_slice(&content.bytes)
        .ok()
        .filter(|baseline: &Baseline| baseline.version == VERSION)
        .ok_or_else(|| {
            Error::invalid(
                format!("{} is not a baseline of this program", shown()),
                "recreate it with --update-baseline",
            )
        })?;
    let mut left: BTreeMap<(String, String), usize> = baseline
        .known
        .into_iter()
        .map(|known| ((known.file, known.key), known.count))
        .collect();
    for finding in report
        .findings_mut()
        .filter(|finding| finding.secret && !finding.allowed)
    {
        if let Some(count) = left
            .get_mut(&(finding.file.clone(), finding.key.clone()))
            .filter(|count| **count > 0)
        {
            *count -= 1;
            finding.known = true;
        }
    }
    Ok(())
}

fn of(report: &ScanReport) -> Baseline {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let is_found = |finding: &&Finding| finding.secret && !finding.allowed;
    for finding in report.findings().filter(is_found) {
        *counts.entry((&finding.file, &finding.key)).or_default() += 1;
    }
    let known = |((file, key), count): ((&str, &str), usize)| Known {
        file: file.to_owned(),
        key: key.to_owned(),
        count,
    };
    Baseline {
        version: VERSION,
        known: counts.into_iter().map(known).collect(),
    }
}
