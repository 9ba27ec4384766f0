//! The results of a run: figures, and a failing sequence in a form that can be read and replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::compare::Outcome;
use super::ground::Setup;
use super::session::Run;
use super::worlds::Worlds;

/// The lowest success rate of a tool, in percent of its calls.
pub const LEAST_SUCCESS: f64 = 5.0;
/// Longer texts are cut to this many characters in reports.
const SHOWN: usize = 1200;

#[derive(Default)]
pub struct Figures {
    pub sequences: u64,
    /// Sequences with at least one tool call that got past the refusals that do not depend on the
    /// worlds (`login_required`, `invalid_arguments`).
    pub counted: u64,
    pub calls: u64,
    /// Sequences that ended early, by the reason for the allowed difference.
    pub allowed: BTreeMap<&'static str, u64>,
    /// Sequences whose difference did not occur again when they were repeated.
    pub unconfirmed: u64,
    pub seconds: f64,
    pub tools: BTreeMap<String, ToolFigures>,
}

#[derive(Default)]
pub struct ToolFigures {
    calls: u64,
    ok: u64,
    asked: u64,
    codes: BTreeSet<String>,
}

impl ToolFigures {
    fn success(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let part = self.ok as f64 / self.calls.max(1) as f64;
        part * 100.0
    }
}

impl Figures {
    /// Adds a sequence. Returns whether it counts.
    pub fn add(&mut self, run: &Run) -> bool {
        self.sequences += 1;
        let mut counts = false;
        for step in &run.steps {
            self.calls += 1;
            let Some(tool) = step.call.tool() else {
                continue;
            };
            let outcome = step.replies[0].outcome();
            let code = outcome.code();
            counts |= !matches!(
                code.as_str(),
                "login_required" | "invalid_arguments" | "nothing"
            );
            if outcome == Outcome::Nothing {
                continue; // the client cancelled it
            }
            let of_tool = self.tools.entry(tool.to_owned()).or_default();
            of_tool.calls += 1;
            of_tool.ok += u64::from(outcome == Outcome::Ok);
            of_tool.asked += u64::from(step.replies[0].asked);
            of_tool.codes.insert(code);
        }
        if let Some(reason) = run.ended {
            *self.allowed.entry(reason).or_default() += 1;
        }
        self.counted += u64::from(counts);
        counts
    }

    pub fn line(&self) -> String {
        #[allow(clippy::cast_precision_loss)]
        let rate = self.sequences as f64 / self.seconds.max(0.001);
        format!(
            "{} sequences ({} count), {} calls, {rate:.0} sequences/s",
            self.sequences, self.counted, self.calls
        )
    }

    /// A table with one row for each tool.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:24} {:>8} {:>6} {:>7}  codes\n",
            "tool", "calls", "ok %", "asked"
        );
        for (name, tool) in &self.tools {
            let codes: Vec<&str> = tool.codes.iter().map(String::as_str).collect();
            let _ = writeln!(
                text,
                "{name:24} {:>8} {:>6.1} {:>7}  {}",
                tool.calls,
                tool.success(),
                tool.asked,
                codes.join(" ")
            );
        }
        for (reason, count) in &self.allowed {
            let _ = writeln!(text, "{count} ended early: {reason}");
        }
        let _ = writeln!(
            text,
            "{}; {} differences were not seen again",
            self.line(),
            self.unconfirmed
        );
        text
    }

    /// The listed tools that succeed too seldom to be tested properly.
    pub fn idle(&self, listed: &[&str]) -> Vec<String> {
        let success = |name: &str| self.tools.get(name).map_or(0.0, ToolFigures::success);
        listed
            .iter()
            .filter(|name| success(name) < LEAST_SUCCESS)
            .map(|name| (*name).to_owned())
            .collect()
    }
}

/// A sequence that distinguishes its worlds, in its shortest form.
pub struct Finding {
    pub index: u64,
    pub seed: u64,
    pub setup: Setup,
    pub worlds: Worlds,
    pub run: Run,
}

fn cut(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown + " […]"
    } else {
        shown
    }
}

impl Finding {
    /// One line about a failing sequence.
    pub fn line(index: u64, run: &Run) -> String {
        let last = run
            .steps
            .last()
            .and_then(|step| step.call.tool())
            .unwrap_or("-");
        let chain: Vec<&str> = run
            .steps
            .iter()
            .map(|step| step.call.tool().unwrap_or(step.call.method.as_str()))
            .collect();
        let found = run.difference.as_ref();
        let seen = found.map_or(String::new(), |found| difference(&found.seen));
        format!(
            "#{index} {last}: {} | {seen} | {}",
            found.map_or("", |found| found.what.as_str()),
            chain.join(" ")
        )
    }

    /// The complete report.
    pub fn text(&self) -> String {
        let mut text = format!(
            "two worlds that differ in secret values alone can be told apart ({:?})\n",
            self.setup
        );
        for (at, name) in ["A", "B"].iter().enumerate() {
            let _ = writeln!(text, "\nworld {name}");
            for file in &self.worlds.files {
                let _ = writeln!(text, "--- {}\n{}", file.path, cut(&file.texts[at]));
            }
            for stored in &self.worlds.stored {
                for (version, values) in stored.versions[at].iter().enumerate() {
                    let values = serde_json::Value::Object(values.clone()).to_string();
                    let _ = writeln!(
                        text,
                        "--- Vault, {} version {}: {}",
                        stored.service,
                        version + 1,
                        cut(&values)
                    );
                }
            }
        }
        let _ = writeln!(text, "\ncalls");
        for step in &self.run.steps {
            let call = &step.call;
            let given_up = if call.cancelled { ", given up" } else { "" };
            let _ = writeln!(
                text,
                "{}. {} {} (the person: {:?}{given_up})",
                call.id, call.method, call.params, call.answer
            );
        }
        if let Some(found) = &self.run.difference {
            let [a, b] = &found.seen;
            let _ = writeln!(text, "\n{}\nA: {}\nB: {}", found.what, cut(a), cut(b));
        }
        let _ = writeln!(
            text,
            "\nto run it again: tests/run noninterference --seed {} --only {}",
            self.seed, self.index
        );
        text
    }
}

/// The position where two texts begin to differ, with a few characters around it.
fn difference(seen: &[String; 2]) -> String {
    let [a, b] = seen;
    let at = a
        .chars()
        .zip(b.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let part = |text: &str| {
        text.chars()
            .skip(at.saturating_sub(40))
            .take(90)
            .collect::<String>()
    };
    format!("{:?} / {:?}", part(a), part(b))
}

#[test]
fn a_tool_that_never_succeeds_is_reported() {
    let mut figures = Figures::default();
    figures.tools.insert(
        "vault_get".into(),
        ToolFigures {
            calls: 100,
            ok: 5,
            ..ToolFigures::default()
        },
    );
    figures.tools.insert(
        "vault_set".into(),
        ToolFigures {
            calls: 100,
            ok: 4,
            ..ToolFigures::default()
        },
    );
    assert_eq!(
        figures.idle(&["vault_get", "vault_set", "vault_find"]),
        ["vault_set", "vault_find"]
    );
    assert!(figures.table().contains("vault_set"));
}
