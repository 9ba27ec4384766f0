//! Whether two worlds gave the same: frames byte for byte, once what is random is numbered. What
//! may differ stands here as data, with its reason.

use serde_json::Value;

use super::calls::Call;

/// What came back for a call, in one world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Responses and requests of the server, numbered; the response last.
    pub frames: Vec<String>,
    /// Progress, which comes as time passes.
    pub progress: Vec<String>,
    /// Whether a person was asked.
    pub asked: bool,
}

/// How a call ended, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// The code of a domain failure, and its text.
    Failed(String, String),
    /// The number of a JSON-RPC error.
    Refused(i64),
    /// No response, as for a call that was given up.
    Nothing,
}

impl Outcome {
    pub fn code(&self) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Failed(code, _) => code.clone(),
            Self::Refused(number) => number.to_string(),
            Self::Nothing => "nothing".to_owned(),
        }
    }
}

impl Reply {
    pub fn outcome(&self) -> Outcome {
        let Some(message) = self
            .frames
            .last()
            .and_then(|frame| serde_json::from_str::<Value>(frame).ok())
        else {
            return Outcome::Nothing;
        };
        if let Some(number) = message["error"]["code"].as_i64() {
            return Outcome::Refused(number);
        }
        let result = &message["result"];
        if result.is_null() {
            return Outcome::Nothing;
        }
        if result["isError"] != true {
            return Outcome::Ok;
        }
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        Outcome::Failed(
            text.split(':').next().unwrap_or_default().to_owned(),
            text.to_owned(),
        )
    }
}

/// A difference that the contract allows.
pub struct Allowance {
    pub tool: &'static str,
    pub reason: &'static str,
    /// Whether these two outcomes, the same way round or the other, are that difference.
    is: fn(&Outcome, &Outcome) -> bool,
}

/// What a refusal says that may depend on a value, and all that it says.
const FIXED_REFUSAL: &str = "could not be done; the user was told why";

/// What a refusal to read a file says that this program did not write, and all that it says.
const UNREADABLE: &str = "the file cannot be read as what its name says";

fn is_unreadable(one: &Outcome, other: &Outcome) -> bool {
    let is_read = match one {
        Outcome::Ok => true,
        Outcome::Failed(code, _) => code.starts_with("approval_"),
        Outcome::Refused(_) | Outcome::Nothing => false,
    };
    is_read && matches!(other, Outcome::Failed(_, text) if text.contains(UNREADABLE))
}

const READING: &str =
    "the names and order of a file's entries as its own reader finds them, or one fixed refusal";

/// All that may differ. After such a difference a sequence ends: what follows may depend on whether
/// the file is there.
pub const ALLOWED: [Allowance; 5] = [
    Allowance {
        tool: "vault_scan_env",
        reason: READING,
        is: is_unreadable,
    },
    Allowance {
        tool: "vault_scan_compose",
        reason: READING,
        is: is_unreadable,
    },
    Allowance {
        tool: "vault_set",
        reason: READING,
        is: is_unreadable,
    },
    Allowance {
        tool: "vault_generate_example",
        reason: READING,
        is: is_unreadable,
    },
    Allowance {
        tool: "vault_inject",
        reason: "in a call that does not ask a person: whether the file could be written, yes or no",
        is: |one, other| matches!((one, other), (Outcome::Ok, Outcome::Failed(_, text)) if text.contains(FIXED_REFUSAL)),
    },
];

/// What a comparison comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Allowed(&'static str),
    Different,
}

/// Compares what came back for a call.
pub fn compare(call: &Call, replies: &[Reply; 2]) -> Verdict {
    let [a, b] = replies;
    // As many as there were: the slower world has more.
    if a.progress
        .iter()
        .zip(&b.progress)
        .any(|(one, other)| one != other)
    {
        return Verdict::Different;
    }
    if a.frames == b.frames && a.asked == b.asked {
        return Verdict::Same;
    }
    let outcomes = (a.outcome(), b.outcome());
    let asked = a.asked || b.asked;
    let allowed = ALLOWED.iter().find(|allowance| {
        let either =
            (allowance.is)(&outcomes.0, &outcomes.1) || (allowance.is)(&outcomes.1, &outcomes.0);
        (!asked || allowance.reason == READING) && call.tool() == Some(allowance.tool) && either
    });
    allowed.map_or(Verdict::Different, |allowance| {
        Verdict::Allowed(allowance.reason)
    })
}

/// A frame without some members, to look past a difference that is known.
pub fn without(frame: &str, members: &[String]) -> String {
    fn strip(value: &mut Value, members: &[String]) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !members.contains(name));
                fields.values_mut().for_each(|value| strip(value, members));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| strip(item, members)),
            // Texts repeat the structure for clients that know none.
            Value::String(text) if text.starts_with('{') => {
                if let Ok(mut inner) = serde_json::from_str::<Value>(text) {
                    strip(&mut inner, members);
                    *text = inner.to_string();
                }
            }
            _ => {}
        }
    }
    if members.is_empty() {
        return frame.to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(frame) else {
        return frame.to_owned();
    };
    strip(&mut value, members);
    value.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::person::Answer;
    use super::*;

    fn call(tool: &str) -> Call {
        let params = json!({"name": tool, "arguments": {"service": "s"}});
        Call {
            id: 0,
            method: "tools/call".into(),
            params,
            answer: Answer::Deny,
            cancelled: false,
            slow: false,
        }
    }

    fn told(text: &str) -> Reply {
        let frame = json!({"id": 1, "result": {"isError": true, "content": [{"type": "text", "text": text}]}});
        Reply {
            frames: vec![frame.to_string()],
            ..Reply::default()
        }
    }

    fn done(structure: Value) -> Reply {
        Reply {
            frames: vec![json!({"id": 1, "result": {"structuredContent": structure}}).to_string()],
            ..Reply::default()
        }
    }

    #[test]
    fn a_planted_leak_is_different() {
        let same = done(json!({"key": "A"}));
        assert_eq!(
            compare(&call("vault_get"), &[same.clone(), same.clone()]),
            Verdict::Same
        );
        for other in [
            done(json!({"key": "A", "line": 2})),
            done(json!({"key": "B"})),
            told("not_found: x. Next: y."),
        ] {
            assert_eq!(
                compare(&call("vault_get"), &[same.clone(), other.clone()]),
                Verdict::Different,
                "{other:?}"
            );
        }
        let asked = Reply {
            asked: true,
            ..same.clone()
        };
        assert_eq!(
            compare(&call("vault_set"), &[same.clone(), asked]),
            Verdict::Different
        );
        let moving = |text: &str| Reply {
            progress: vec![text.into()],
            ..same.clone()
        };
        assert_eq!(
            compare(&call("vault_set"), &[moving("waiting"), same.clone()]),
            Verdict::Same
        );
        assert_eq!(
            compare(&call("vault_set"), &[moving("waiting"), moving("key A")]),
            Verdict::Different
        );
    }

    #[test]
    fn only_what_the_contract_allows_may_differ() {
        let written = done(json!({"file": "s/.env"}));
        let fixed = told(&format!(
            "not_allowed: the file {FIXED_REFUSAL}. Next: ask the user."
        ));
        let reason = told("invalid_arguments: the value of A cannot be read by a shell. Next: x.");
        let allowed = Verdict::Allowed(ALLOWED[4].reason);
        assert_eq!(
            compare(&call("vault_inject"), &[written.clone(), fixed.clone()]),
            allowed
        );
        assert_eq!(
            compare(&call("vault_inject"), &[fixed.clone(), written.clone()]),
            allowed
        );
        assert_eq!(
            compare(&call("vault_inject"), &[written.clone(), reason.clone()]),
            Verdict::Different
        );
        assert_eq!(
            compare(&call("vault_inject"), &[fixed.clone(), reason]),
            Verdict::Different
        );
        assert_eq!(
            compare(&call("vault_set"), &[written.clone(), fixed.clone()]),
            Verdict::Different
        );
        let asked = Reply {
            asked: true,
            ..written
        };
        assert_eq!(
            compare(&call("vault_inject"), &[asked, fixed]),
            Verdict::Different
        );
    }

    #[test]
    fn a_known_difference_can_be_looked_past() {
        let members = ["line".to_owned()];
        let frame = |line: u64| {
            json!({"r": [{"line": line, "key": "A"}], "text": format!("{{\"line\":{line}}}")})
                .to_string()
        };
        assert_ne!(frame(1), frame(2));
        assert_eq!(without(&frame(1), &members), without(&frame(2), &members));
        assert_eq!(without(&frame(1), &[]), frame(1));
    }
}
