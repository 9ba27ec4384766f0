//! The `scan` command: lists what looks like a secret in the files below a folder. It prints names,
//! places and reasons, never a value.

mod sarif;
mod table;

use std::path::PathBuf;

use super::{Context, from_current_folder};
use crate::core::scan::{self, Finding, Progress, ScanReport, ScanRequest};
use crate::error::{Error, Result};
use crate::format::classify::{self, Rule};
use crate::format::dotenv::Dialect;
use crate::ui::{Ui, Unit};

#[derive(clap::Args)]
pub(super) struct Scan {
    /// Files and folders [default: everything below the root]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also show entries that are not secrets
    #[arg(long)]
    all: bool,
    /// Exit 1 if there is a secret that neither a comment nor the baseline allows
    #[arg(long)]
    check: bool,
    /// Print a SARIF 2.1.0 log
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// A file of known findings: paths and keys, nothing that depends on a value
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the current findings to the baseline
    #[arg(long, requires = "baseline")]
    update_baseline: bool,
    /// List the detection rules
    #[arg(long)]
    rules: bool,
    /// Compare with every service in Vault, not only the folder's own
    #[arg(long)]
    vault: bool,
    /// The program that reads the env files, instead of guessing from the files beside them
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<Dialect>,
}

impl Scan {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let (core, ui) = (&context.core, context.ui);
        if self.rules {
            return list_rules(ui);
        }
        if self.vault && core.settings.agent.is_some() {
            return Err(Error::UnderAgent {
                what: "scan --vault",
            });
        }
        let request = ScanRequest {
            paths: self
                .paths
                .iter()
                .map(|path| from_current_folder(path))
                .collect::<Result<_>>()?,
            dialect: self.dialect,
            all_services: self.vault,
            baseline: self
                .baseline
                .as_ref()
                .map(|file| from_current_folder(file))
                .transpose()?,
            update_baseline: self.update_baseline,
        };
        let started = std::time::Instant::now();
        let progress = |Progress { done, files }| {
            ui.show_progress(started, done as u64, files as u64, Unit::Files);
        };
        let report = context
            .waiting(scan::scan(core, &request, &progress))
            .await?;
        self.print(ui, &report)?;
        let is_open = report.findings().any(Finding::is_open) || !report.unreadable.is_empty();
        Ok(u8::from(self.check && is_open))
    }

    fn print(&self, ui: &Ui, report: &ScanReport) -> Result<()> {
        report.warnings.iter().for_each(|warning| ui.warn(warning));
        if self.sarif {
            return ui.data_json(&sarif::log(report));
        }
        if ui.json() {
            return ui.data_json(report);
        }
        for omission in &report.unreadable {
            let line = omission
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            ui.warn(&format!("{}{line}: {}", omission.path, omission.reason));
        }
        let is_shown = |finding: &&Finding| self.all || finding.is_open();
        let rows: Vec<&Finding> = report.findings().filter(is_shown).collect();
        ui.data(&table::of(ui, &rows))?;
        for omission in &report.skipped {
            let line = omission
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            ui.note(&format!(
                "left out: {}{line}: {}",
                omission.path, omission.reason
            ));
        }
        ui.note(&summary(report));
        Ok(())
    }
}

fn list_rules(ui: &Ui) -> Result<u8> {
    let rules: Vec<&Rule> = classify::rules().collect();
    if ui.json() {
        ui.data_json(&serde_json::json!({ "rules": rules }))?;
    } else {
        ui.data(
            &rules
                .iter()
                .fold(String::new(), |text, rule| text + &table::rule(rule)),
        )?;
    }
    Ok(0)
}

fn summary(report: &ScanReport) -> String {
    let open = report
        .findings()
        .filter(|finding| finding.is_open())
        .count();
    let accepted = report
        .findings()
        .filter(|finding| finding.secret && !finding.is_open())
        .count();
    let accepted = if accepted == 0 {
        String::new()
    } else {
        format!(", {accepted} allowed or known")
    };
    match (report.scanned, open) {
        (0, _) => "no env, compose or YAML file here; name one: claude-vault scan FILE".into(),
        (_, 0) if !report.unreadable.is_empty() => {
            format!("no secrets found in the files that could be read{accepted}")
        }
        (_, 0) => format!("no secrets found{accepted}"),
        (files, open) => {
            let count = |number: usize, one: &str| {
                format!("{number} {one}{}", if number == 1 { "" } else { "s" })
            };
            let (secrets, files) = (count(open, "secret"), count(files, "file"));
            format!(
                "{secrets} in {files} scanned{accepted}; to move them into Vault: claude-vault \
                 adopt SERVICE (or --all)"
            )
        }
    }
}
