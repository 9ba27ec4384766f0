//! Shortens a failing sequence as long as it still fails: fewer calls, fewer arguments, shorter
//! texts.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::calls::Call;
use super::person::Answer;

/// Returns the shortest failing sequence found before the deadline.
pub fn shrink(
    calls: &[Call],
    patience: Duration,
    fails: &mut dyn FnMut(&[Call]) -> bool,
) -> Vec<Call> {
    let started = Instant::now();
    let mut best = calls.to_vec();
    let mut attempt = |best: &mut Vec<Call>, shorter: Vec<Call>| {
        let better = started.elapsed() < patience && shorter != *best && fails(&shorter);
        if better {
            *best = shorter;
        }
        better
    };
    loop {
        let mut changed = false;
        let mut at = best.len();
        while at > 0 {
            at -= 1;
            let mut shorter = best.clone();
            shorter.remove(at);
            changed |= attempt(&mut best, shorter);
        }
        for at in 0..best.len() {
            for simpler in simpler(&best[at]) {
                let mut shorter = best.clone();
                shorter[at] = simpler;
                changed |= attempt(&mut best, shorter);
            }
        }
        if !changed || started.elapsed() > patience {
            return best;
        }
    }
}

/// Variants of a call with one thing less.
fn simpler(call: &Call) -> Vec<Call> {
    let mut all = Vec::new();
    if call.answer != Answer::Deny {
        all.push(Call {
            answer: Answer::Deny,
            ..call.clone()
        });
    }
    if call.cancelled {
        all.push(Call {
            cancelled: false,
            ..call.clone()
        });
    }
    if call.slow {
        all.push(Call {
            slow: false,
            ..call.clone()
        });
    }
    all.extend(less(&call.params).into_iter().map(|params| Call {
        params,
        ..call.clone()
    }));
    all
}

/// Variants of a value with one member, item or line less, at any depth.
fn less(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if name == "name" {
                    continue;
                }
                let mut without = fields.clone();
                without.remove(name);
                all.push(Value::Object(without));
                for inner in less(inner) {
                    let mut with = fields.clone();
                    with.insert(name.clone(), inner);
                    all.push(Value::Object(with));
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut without = items.clone();
                without.remove(at);
                all.push(Value::Array(without));
            }
        }
        Value::String(text) => {
            for mark in ['\n', ' '] {
                let parts: Vec<&str> = text.split_inclusive(mark).collect();
                let halves = [parts.len() / 2..parts.len(), 0..parts.len() / 2];
                let ones = (0..parts.len().min(60)).map(|at| at..at + 1);
                for gone in halves
                    .into_iter()
                    .chain(ones)
                    .filter(|gone| parts.len() > 1 && !gone.is_empty())
                {
                    let kept = parts
                        .iter()
                        .enumerate()
                        .filter(|(at, _)| !gone.contains(at))
                        .map(|(_, part)| *part);
                    all.push(Value::String(kept.collect()));
                }
            }
        }
        _ => {}
    }
    all
}

#[test]
fn a_failing_sequence_becomes_the_calls_and_arguments_that_matter() {
    let call = |id, tool: &str, arguments| Call {
        id,
        method: "tools/call".into(),
        params: serde_json::json!({"name": tool, "arguments": arguments}),
        answer: Answer::Approve,
        cancelled: false,
        slow: false,
    };
    use serde_json::json;
    let calls = [
        call(0, "vault_status", json!({})),
        call(1, "vault_get", json!({"service": "s", "key": "A"})),
        call(2, "vault_list", json!({"service": "s"})),
        call(
            3,
            "vault_inject",
            json!({"service": "s", "template": "# note\nA=x\nB=⟦h:1:0⟧\n", "format": "env"}),
        ),
        call(4, "vault_scan_env", json!({"service": "s"})),
        call(5, "vault_status", json!({})),
    ];
    let mut runs = 0;
    let mut fails = |calls: &[Call]| {
        runs += 1;
        let text = |call: &Call| call.params.to_string();
        let got = calls
            .iter()
            .position(|call| call.id == 1 && text(call).contains("service"));
        let wrote = calls
            .iter()
            .position(|call| text(call).contains("B=⟦h:1:0⟧"));
        let read = calls
            .iter()
            .position(|call| call.tool() == Some("vault_scan_env"));
        matches!((got, wrote, read), (Some(got), Some(wrote), Some(read)) if got < wrote && wrote < read)
    };
    let short = shrink(&calls, Duration::from_secs(60), &mut fails);
    let params: Vec<&Value> = short.iter().map(|call| &call.params["arguments"]).collect();
    assert_eq!(
        params[..2],
        [
            &json!({"service": "s"}),
            &json!({"template": "B=⟦h:1:0⟧\n"})
        ]
    );
    assert_eq!((short.len(), short[0].answer), (3, Answer::Deny));
    assert!(runs < 200, "{runs}");
    assert_eq!(shrink(&calls, Duration::ZERO, &mut |_| true), calls);
}
