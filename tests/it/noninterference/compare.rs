//! Compares the two worlds: frames must be equal byte for byte, once random parts are numbered. The
//! allowed differences are listed here as data, each with its reason.

use serde_json::Value;

use super::calls::Call;

/// The reply to a call in one world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Responses and requests of the server, with random parts numbered. The response is last.
    pub frames: Vec<String>,
    /// Progress notifications; their number depends on timing.
    pub progress: Vec<String>,
    /// Whether the call asked for a person's approval.
    pub asked: bool,
}

/// The outcome of a call, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// The code and the text of a domain failure.
    Failed(String, String),
    /// The code of a JSON-RPC error.
    Refused(i64),
    /// No response, for example to a cancelled call.
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
    /// Whether these two outcomes are that difference. Both orders are tried.
    is: fn(&Outcome, &Outcome) -> bool,
}

/// The text of a refusal that may depend on a value. It must say nothing more.
const FIXED_REFUSAL: &str = "could not be done; the user was told why";

/// The text of a refusal to read a file that another program wrote. It must say nothing more.
const UNREADABLE: &str = "the file cannot be read in the format that its name implies";

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

/// All allowed differences. A sequence ends after one, because later replies may depend on whether
/// the file exists.
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

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Allowed(&'static str),
    Different,
}

/// Compares the replies to a call.
pub fn compare(call: &Call, replies: &[Reply; 2]) -> Verdict {
    let [a, b] = replies;
    // Compare as many notifications as both worlds have: the slower world has more.
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

/// A frame without some members, to ignore a known difference.
pub fn without(frame: &str, members: &[String]) -> String {
    fn strip(value: &mut Value, members: &[String]) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !members.contains(name));
                fields.values_mut().for_each(|value| strip(value, members));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| strip(item, members)),
            // Texts repeat the structured content, for clients that do not support it.
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

    fn failure(text: &str) -> Reply {
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
    fn a_planted_leak_is_a_difference() {
        let same = done(json!({"key": "A"}));
        assert_eq!(
            compare(&call("vault_get"), &[same.clone(), same.clone()]),
            Verdict::Same
        );
        for other in [
            done(json!({"key": "A", "line": 2})),
            done(json!({"key": "B"})),
            failure("not_found: x. Next: y."),
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
    fn only_differences_that_the_contract_allows_are_accepted() {
        let written = done(json!({"file": "s/.env"}));
        let fixed = failure(&format!(
            "not_allowed: the file {FIXED_REFUSAL}. Next: ask the user."
        ));
        let reason =
            failure("invalid_arguments: the value of A cannot be read by a shell. Next: x.");
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
    fn a_known_difference_can_be_ignored() {
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
