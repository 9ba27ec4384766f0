//! Noninterference: the replies to a model must not depend on secret values. Two servers whose
//! worlds differ only in those values get the same calls and must return the same frames, byte for
//! byte.
//!
//! `worlds` creates the two worlds, `generator` creates the calls of an attacker, `session` runs
//! them in both worlds, `compare` defines the allowed differences, and `shrink` shortens a failing
//! sequence. The long run is `tests/run noninterference`.

mod calls;
mod campaigns;
mod canary;
mod compare;
mod documents;
mod exchange;
mod generator;
mod ground;
mod normal;
mod person;
mod report;
mod rng;
mod runner;
mod server;
mod session;
mod shrink;
mod store;
mod templates;
mod tools;
mod values;
mod worlds;

use std::path::PathBuf;

use report::{Figures, Finding};
use runner::{Options, run};
use tools::ROWS;

/// The seed whose sequences are part of every test run.
const SEED: u64 = 14;

fn options(seed: u64, sequences: u64) -> Options {
    Options {
        program: PathBuf::from(env!("CARGO_BIN_EXE_claude-vault")),
        seed,
        sequences,
        only: None,
        pairs: 2,
        past: Vec::new(),
        goes_on: false,
        progress: false,
    }
}

#[track_caller]
fn judge(figures: &Figures, findings: &[Finding]) {
    eprintln!("{}", figures.table());
    let texts: Vec<String> = findings.iter().map(Finding::text).collect();
    assert!(findings.is_empty(), "{}", texts.join("\n"));
    assert_eq!(
        figures.unconfirmed, 0,
        "differences that are not seen again: the two worlds are not run alike"
    );
}

fn tools() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.tool).collect()
}

#[test]
fn replies_to_a_model_do_not_depend_on_secret_values() {
    let random = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    eprintln!("seeds: {SEED} and {random}");
    let (mut figures, findings) = run(&options(SEED, 420));
    judge(&figures, &findings);
    assert_eq!(
        figures.idle(&tools()),
        [""; 0],
        "these tools succeed too seldom:\n{}",
        figures.table()
    );
    let findings;
    (figures, findings) = run(&options(random, 120));
    judge(&figures, &findings);
}

/// Run by `tests/run noninterference`, which passes its options as variables.
#[test]
fn the_long_run_of_noninterference() {
    let variable = |name: &str| {
        std::env::var(format!("NONINTERFERENCE_{name}"))
            .ok()
            .filter(|text| !text.is_empty())
    };
    let number = |name: &str| {
        variable(name).map(|text| {
            text.parse::<u64>()
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        })
    };
    let Some(sequences) = number("SEQUENCES") else {
        return;
    };
    let usual = options(number("SEED").unwrap_or(SEED), sequences);
    let options = Options {
        program: variable("BINARY").map_or(usual.program.clone(), PathBuf::from),
        only: number("ONLY"),
        pairs: number("PAIRS").map_or(usual.pairs, |pairs| usize::try_from(pairs).unwrap()),
        past: variable("PAST")
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        goes_on: variable("GO_ON").is_some(),
        progress: true,
        ..usual
    };
    eprintln!("seed: {}", options.seed);
    let (figures, findings) = run(&options);
    judge(&figures, &findings);
    // In a short run some tools are hardly called.
    if figures.counted >= 1000 {
        assert_eq!(
            figures.idle(&tools()),
            [""; 0],
            "these tools succeed too seldom"
        );
    }
}
