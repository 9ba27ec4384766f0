//! The table of findings: aligned on a terminal, tab-separated elsewhere.

use anstyle::AnsiColor;

use crate::core::scan::Finding;
use crate::format::classify::{Rule, SecretKind, Severity};
use crate::ui::{Cell, Piped, Table, Ui};

/// One line per finding: file and line, key, kind, reason, severity, whether git tracks the file,
/// and whether Vault holds the same value.
pub(super) fn of(ui: &Ui, findings: &[&Finding]) -> String {
    let mut table = Table::new(
        &["FILE", "KEY", "KIND", "WHY", "SEVERITY", "GIT", "VAULT"],
        Piped::Tabs,
    );
    for finding in findings {
        table.row(row(finding));
    }
    table.text(ui)
}

fn row(finding: &Finding) -> [Cell; 7] {
    let known = if finding.allowed {
        "allowed"
    } else if finding.known {
        "known"
    } else {
        severity(finding.severity)
    };
    [
        format!("{}:{}", finding.file, finding.line).into(),
        finding.key.clone().into(),
        kind(finding.kind).into(),
        finding.why.into(),
        red_if(known == "high", known),
        red_if(
            finding.tracked == Some(true),
            answer(finding.tracked, "tracked", "not tracked"),
        ),
        finding
            .vault_key
            .as_deref()
            .unwrap_or_else(|| answer(finding.in_vault, "the same", "not there"))
            .into(),
    ]
}

/// A rule as `scan --rules` lists it.
pub(super) fn rule(rule: &Rule) -> String {
    format!(
        "{:<26}  {:<17}  {:<8}  {}\n",
        rule.id,
        kind(rule.kind),
        severity(rule.severity),
        rule.reason
    )
}

fn red_if(is_bad: bool, text: &str) -> Cell {
    if is_bad {
        Cell::colored(text, AnsiColor::Red)
    } else {
        text.into()
    }
}

fn answer(known: Option<bool>, yes: &'static str, no: &'static str) -> &'static str {
    known.map_or("-", |is| if is { yes } else { no })
}

/// The name that `--json` gives the kind, with spaces for underscores.
fn kind(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Empty => "empty",
        SecretKind::Password => "password",
        SecretKind::PasswordHash => "password hash",
        SecretKind::Token => "token",
        SecretKind::Key => "key",
        SecretKind::Code => "code",
        SecretKind::UrlWithPassword => "url with password",
        SecretKind::Webhook => "webhook",
        SecretKind::Reference => "reference",
        SecretKind::Placeholder => "placeholder",
        SecretKind::Public => "public",
        SecretKind::Plain => "plain",
        SecretKind::Place => "place",
        SecretKind::Text => "text",
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
