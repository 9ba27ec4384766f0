//! A call as the attacker makes it in both worlds. Anything from an earlier reply is written as a
//! reference, for example `⟦h:3:0⟧` for the first handle in the reply to call 3. Each world
//! substitutes its own value.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::person::Answer;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The call's index in the generated sequence. It stays the same when other calls are dropped.
    pub id: usize,
    pub method: String,
    pub params: Value,
    /// The person's reaction if the call asks for approval.
    pub answer: Answer,
    /// Whether the client cancels the call at once.
    #[serde(default)]
    pub cancelled: bool,
    /// Whether the person answers slowly, so that there is progress to report.
    #[serde(default)]
    pub slow: bool,
}

impl Call {
    pub fn tool(&self) -> Option<&str> {
        (self.method == "tools/call")
            .then(|| self.params["name"].as_str())
            .flatten()
    }

    pub fn arguments(&self) -> Option<&Map<String, Value>> {
        self.tool()
            .and_then(|_| self.params["arguments"].as_object())
    }
}

/// The meaning of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The handle at this index in the reply to a call.
    Handle(usize, usize),
    /// The opaque name (of an approval) at this index in the reply to a call.
    Id(usize, usize),
    /// The backup of a file at this index.
    Backup(String, usize),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Handle(call, at) => write!(f, "⟦h:{call}:{at}⟧"),
            Self::Id(call, at) => write!(f, "⟦t:{call}:{at}⟧"),
            Self::Backup(file, at) => write!(f, "⟦b:{file}:{at}⟧"),
        }
    }
}

impl std::str::FromStr for Reference {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, rest) = text.split_once(':').ok_or(())?;
        let (of, at) = rest.rsplit_once(':').ok_or(())?;
        let at = at.parse().map_err(drop)?;
        match kind {
            "h" => Ok(Self::Handle(of.parse().map_err(drop)?, at)),
            "t" => Ok(Self::Id(of.parse().map_err(drop)?, at)),
            "b" => Ok(Self::Backup(of.to_owned(), at)),
            _ => Err(()),
        }
    }
}

/// A value whose references are replaced by their meaning.
pub fn resolved(value: &Value, meaning: &impl Fn(&Reference) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(resolved_text(text, meaning)),
        Value::Array(items) => items.iter().map(|item| resolved(item, meaning)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (resolved_text(name, meaning), resolved(value, meaning)))
            .collect(),
        other => other.clone(),
    }
}

fn resolved_text(text: &str, meaning: &impl Fn(&Reference) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('⟦') {
        out.push_str(before);
        rest = match after
            .split_once('⟧')
            .and_then(|(inner, after)| Some((inner.parse().ok()?, after)))
        {
            Some((reference, after)) => {
                out.push_str(&meaning(&reference));
                after
            }
            None => after,
        };
    }
    out + rest
}

#[test]
fn each_world_replaces_references_by_its_own_values() {
    let meaning = |reference: &Reference| match reference {
        Reference::Handle(call, at) => format!("@{call}.{at}"),
        Reference::Id(..) => "token".to_owned(),
        Reference::Backup(file, at) => format!("{file}.backup.{at}"),
    };
    let value = serde_json::json!({"a": "A=⟦h:3:1⟧\nB=⟦h:0:0⟧", "⟦t:1:0⟧": ["⟦b:s/.env:2⟧", "plain", "⟦x⟧"]});
    let wanted =
        serde_json::json!({"a": "A=@3.1\nB=@0.0", "token": ["s/.env.backup.2", "plain", "x⟧"]});
    assert_eq!(resolved(&value, &meaning), wanted);
    let reference = Reference::Backup("a:b".into(), 1);
    assert_eq!(
        reference.to_string().trim_matches(['⟦', '⟧']).parse(),
        Ok(reference)
    );
}
