//! docker compose's `env_file` with `format: raw`: lines are read as by docker itself.

use super::Dialect;
use super::parse::Escapes;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::WITHOUT_QUOTES;

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::ComposeRaw,
    name: "compose-raw",
    help: "docker compose's env_file with format: raw",
    reader: "docker compose with `format: raw`",
    // `format: raw` is only visible inside the compose file, separately for each `env_file`.
    neighbours: &[],
    is_variant: true,
    is_portable: false,
    is_raw: true,
    versions: &[ReaderVersion {
        name: "docker compose",
        read: super::docker::read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[WITHOUT_QUOTES],
    below: &[""],
    escapes: [
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| {
        "docker compose takes each raw line as it is: no line break, no carriage return \
        at the end"
    },
};
