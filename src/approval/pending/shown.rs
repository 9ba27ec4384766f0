//! A plan as the person sees it, and who asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approval::{Asked, Change, FilePreview};
use crate::config::Strength;
use crate::names::{MAX_VALUE_BYTES, quoted};
use crate::secret::{Secret, WayOut};

/// Who asks. The name that a program gives itself is always set apart from this program's words.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AskedBy {
    /// An MCP client.
    Client {
        /// The name that it gives itself.
        name: String,
        /// The tool that it called.
        tool: String,
    },
    /// A command of this program in the person's own shell.
    Shell {
        /// The command.
        command: String,
    },
    /// A command of this program that an AI agent ran.
    Agent {
        /// The environment variable that shows that an agent runs.
        marker: String,
        /// The command.
        command: String,
    },
}

impl AskedBy {
    /// The words for the person at a terminal.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Client { name, tool } => {
                format!(
                    "a program that calls itself {}, by its tool {tool}",
                    quoted(name)
                )
            }
            Self::Shell { command } => format!("claude-vault {command} in your own shell"),
            Self::Agent { marker, command } => {
                format!("claude-vault {command}, run by an AI agent ({marker} is set)")
            }
        }
    }

    /// The source that the limit of plans applies to. It does not include a client's name, which
    /// the client can change from call to call.
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Client { tool: source, .. }
            | Self::Shell { command: source }
            | Self::Agent {
                command: source, ..
            } => source,
        }
    }
}

/// A plan as shown to the person: everything except the values.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct ShownPlan {
    /// The random id of the plan.
    pub id: String,
    /// The digest of the id and the whole plan, values included. An answer must repeat it.
    pub digest: String,
    /// The operation.
    pub asked: Asked,
    /// Who asks.
    pub asked_by: AskedBy,
    /// The service's name.
    pub service: String,
    /// `MOUNT/PREFIX/SERVICE`, or the file.
    pub path: String,
    /// The version that the operation replaces, deletes or restores; 0 if there is none.
    pub base: u64,
    /// The keys, and how each changes.
    pub keys: Vec<(String, Change)>,
    /// The keys whose values the person types.
    pub prompt: Vec<String>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// The changes in the service's custom metadata.
    pub metadata: Vec<String>,
    /// Points that deserve a second look.
    pub warnings: Vec<String>,
    /// The files that would be written, values masked.
    pub files: Vec<FilePreview>,
    /// Why the change cannot be made, if it cannot. The person can then only close the plan.
    pub obstacle: Option<String>,
    /// The proof that an approval needs.
    pub proof: Strength,
    /// The page that shows the plan. A new tab also needs a code, which `claude-vault approve open`
    /// provides.
    pub url: String,
    /// Seconds until the plan expires.
    pub seconds_left: u64,
}

impl ShownPlan {
    /// The word that the person types to approve the plan, if typing is the proof.
    #[must_use]
    pub fn word(&self) -> &str {
        match self.asked {
            Asked::Destroy => &self.service,
            Asked::Write
            | Asked::Inject
            | Asked::Show
            | Asked::Copy
            | Asked::Rename
            | Asked::Delete
            | Asked::Undelete => "yes",
        }
    }

    /// Whether these are exactly the values that the person must type, each of a valid length.
    #[must_use]
    pub fn is_filled_by(&self, typed: &BTreeMap<String, Secret>) -> bool {
        let usable = |value: &Secret| {
            (1..=MAX_VALUE_BYTES).contains(&value.expose(WayOut::Inspection).len())
        };
        typed.len() == self.prompt.len()
            && self
                .prompt
                .iter()
                .all(|key| typed.get(key).is_some_and(usable))
    }
}
