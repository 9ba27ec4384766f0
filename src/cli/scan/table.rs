//! The table of findings: aligned on a terminal, tabs between the columns elsewhere.

use std::fmt::Write;

use anstyle::AnsiColor;

use crate::core::scan::Finding;
use crate::format::classify::{Kind, Rule, Severity};
use crate::ui::Ui;

/// Columns are not padded further than this.
const MAX_PADDED: usize = 48;

/// One line a finding: file and line, key, kind, why, severity, tracked by git, same value in Vault.
pub(super) fn of(ui: &Ui, findings: &[&Finding]) -> String {
    let rows: Vec<[String; 7]> = findings.iter().map(|finding| row(finding)).collect();
    if rows.is_empty() {
        return String::new();
    }
    if !ui.stdout_is_terminal() {
        return rows.iter().fold(String::new(), |text, row| text + &row.join("\t") + "\n");
    }
    let head = ["FILE", "KEY", "KIND", "WHY", "SEVERITY", "GIT", "VAULT"].map(str::to_owned);
    let width = |column: usize| {
        let longest = rows.iter().chain([&head]).map(|row| row[column].chars().count()).max();
        longest.unwrap_or_default().min(MAX_PADDED)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = line(&head, &widths, |cell, _| cell);
    for row in &rows {
        text += &line(row, &widths, |cell, column| match (column, cell.trim_end()) {
            (4, "high") => ui.paint(&cell, AnsiColor::Red),
            (5, "tracked") => ui.paint(&cell, AnsiColor::Red),
            _ => cell,
        });
    }
    text
}

fn line(row: &[String; 7], widths: &[usize], paint: impl Fn(String, usize) -> String) -> String {
    let mut text = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let padded = format!("{cell:<width$}");
        let _ = write!(text, "{}{}", if column == 0 { "" } else { "  " }, paint(padded, column));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn row(finding: &Finding) -> [String; 7] {
    let known = if finding.allowed {
        "allowed"
    } else if finding.known {
        "known"
    } else {
        severity(finding.severity)
    };
    [
        format!("{}:{}", finding.file, finding.line),
        finding.key.clone(),
        kind(finding.kind).to_owned(),
        finding.why.to_owned(),
        known.to_owned(),
        answer(finding.tracked, "tracked", "not tracked"),
        finding.vault_key.clone().unwrap_or_else(|| answer(finding.in_vault, "the same", "not there")),
    ]
}

/// A rule as `scan --rules` lists it.
pub(super) fn rule(rule: &Rule) -> String {
    format!("{:<26}  {:<17}  {:<8}  {}\n", rule.id, kind(rule.kind), severity(rule.severity), rule.reason)
}

fn answer(known: Option<bool>, yes: &str, no: &str) -> String {
    known.map_or("-", |is| if is { yes } else { no }).to_owned()
}

/// As `--json` spells it, in words.
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Empty => "empty",
        Kind::Password => "password",
        Kind::PasswordHash => "password hash",
        Kind::Token => "token",
        Kind::Key => "key",
        Kind::Code => "code",
        Kind::UrlWithPassword => "url with password",
        Kind::Webhook => "webhook",
        Kind::Reference => "reference",
        Kind::Placeholder => "placeholder",
        Kind::Public => "public",
        Kind::Plain => "plain",
        Kind::Place => "place",
        Kind::Text => "text",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::None => "-",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    }
}
