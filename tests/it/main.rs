//! Integration tests of the whole program with real parts: OpenBao, an OpenID provider, Chromium,
//! shells and readers. `tests/run` sets them up. Every test has its own servers, ports, home and
//! root.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::needless_pass_by_value
)]

#[path = "../corpus/mod.rs"]
mod corpus;
mod support;
mod surroundings;

mod adopt;
mod approval;
mod audit;
mod canary;
mod clip;
mod cluster;
mod completion;
mod config;
mod contexts;
mod copy;
mod delete;
mod dev;
mod doctor;
mod documents;
mod due;
mod edit;
mod errors;
mod exact;
mod example;
mod examples;
mod exec;
mod export;
mod failover;
mod find;
mod from;
mod from_yaml;
mod get_list;
mod help;
mod hints;
mod history;
mod hostile;
mod house;
mod inject;
mod inject_files;
mod inject_merge;
mod install;
mod list;
mod login;
mod login_elsewhere;
mod login_methods;
mod lost_answers;
mod manual;
mod mcp;
mod mistakes;
mod nested;
mod noninterference;
mod packages;
mod picker;
mod readers;
mod renew;
mod scan;
mod scan_corpus;
mod set;
mod share;
mod shells;
mod sourcing;
mod templates;
mod terminal;
mod who_says;
mod yaml;
