//! SARIF 2.1.0 (OASIS) output for code hosts and editors: names and places only, no values.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::core::scan::{Finding, ScanReport};
use crate::format::classify::{Rule, Severity};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of a report: every secret. Allowed and known ones are marked as suppressed.
pub(super) fn log(report: &ScanReport) -> Value {
    let found: Vec<&Finding> = report.findings().filter(|finding| finding.secret).collect();
    let rules: BTreeMap<&str, &Rule> = found
        .iter()
        .map(|finding| (finding.rule, finding.by))
        .collect();
    let mut ordinals = BTreeMap::new();
    let results: Vec<Value> = found
        .iter()
        .map(|finding| result(finding, &rules, &mut ordinals))
        .collect();
    let notifications: Vec<Value> = report.unreadable.iter().map(notification).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "claude-vault",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|rule| self::rule(rule)).collect::<Vec<_>>(),
            }},
            "originalUriBaseIds": { "ROOT": { "description": { "text": "The root of the scan." } } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": format!("{}.", rule.reason) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": ["security"] },
    })
}

fn result(
    finding: &Finding,
    rules: &BTreeMap<&str, &Rule>,
    ordinals: &mut BTreeMap<(String, String), usize>,
) -> Value {
    let ordinal = ordinals
        .entry((finding.file.clone(), finding.key.clone()))
        .or_default();
    *ordinal += 1;
    // The fingerprint depends only on the place, never on the value.
    let print = Sha256::digest(format!("{}\n{}\n{ordinal}", finding.file, finding.key));
    let print = crate::random::hex(&print[..16]);
    let suppressions: Vec<Value> = [(finding.allowed, "inSource"), (finding.known, "external")]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, kind)| json!({ "kind": kind }))
        .collect();
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.keys().position(|id| *id == finding.rule),
        "level": level(finding.severity),
        "message": { "text": format!("{}: {}.", finding.key, finding.why) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file), "uriBaseId": "ROOT" },
            "region": { "startLine": finding.line },
        }}],
        "partialFingerprints": { "place/v1": print },
        "suppressions": suppressions,
        "properties": { "tracked": finding.tracked, "inVault": finding.in_vault },
    })
}

fn notification(omission: &crate::core::scan::Omission) -> Value {
    json!({
        "level": "warning",
        "message": { "text": format!("{}.", omission.reason) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&omission.path), "uriBaseId": "ROOT" },
            "region": { "startLine": omission.line.unwrap_or(1) },
        }}],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::None => "note",
    }
}

/// A path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    path.bytes()
        .fold(String::with_capacity(path.len()), |uri, byte| {
            if is_plain(byte) {
                uri + &char::from(byte).to_string()
            } else {
                uri + &format!("%{byte:02X}")
            }
        })
}
