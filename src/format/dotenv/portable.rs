//! A file whose reader is unknown: only what most readers read alike.

use super::parse::Escapes;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::{BELOW, DOUBLE, SINGLE};
use super::{Dialect, compose, shell};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Portable,
    name: "portable",
    help: "what most programs read alike (if nothing shows which one reads it)",
    reader: "the usual readers",
    neighbours: &[],
    is_variant: false,
    is_portable: false,
    is_raw: false,
    // Used to read files that another tool wrote. Lines on which these common readers disagree are
    // refused.
    versions: &[
        ReaderVersion {
            name: "docker compose",
            read: compose::read,
            only_with: &[],
        },
        ReaderVersion {
            name: "a shell",
            read: shell::read,
            only_with: &[],
        },
        ReaderVersion {
            name: "python-dotenv",
            read: super::python::read_newest,
            only_with: &[],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::AbleReaders,
    ways: &[SINGLE, DOUBLE],
    below: &BELOW,
    escapes: [
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |value| {
        if value.contains('\r') {
            "a carriage return is read differently by every reader"
        } else if value.contains('\'') {
            "it holds ' together with one of \" $ \\ `, which shells, compose, node and others \
             quote in different ways"
        } else {
            "it ends in \\, which compose and go read differently from shells"
        }
    },
};
