//! docker-compose 1 (end of life since 2023), which uses an old python-dotenv.

use super::parse::Escapes;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::{BELOW, DOUBLE, ESCAPED_QUOTE, ESCAPED_QUOTE_LINES, SINGLE, SINGLE_ESCAPED};
use super::{Dialect, python};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Compose1,
    name: "compose-1",
    help: "docker-compose 1, end of life since 2023",
    reader: "docker-compose 1",
    // The usual compose files point to `compose`. If possible, it writes values in a way that
    // docker-compose 1 can read too.
    neighbours: &[],
    is_variant: true,
    is_portable: false,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "docker-compose 1",
        read: python::read_by_compose_1,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        ESCAPED_QUOTE,
        ESCAPED_QUOTE_LINES,
        SINGLE_ESCAPED,
    ],
    below: &BELOW,
    escapes: [
        Escapes::Everywhere,
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::BeforeQuotes,
    ],
    reason: |value| {
        if value.contains("${") {
            "docker-compose 1 expands ${…} in any quotes"
        } else {
            "docker-compose 1 has no way to quote it"
        }
    },
};
