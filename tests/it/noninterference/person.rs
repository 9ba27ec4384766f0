//! The person. Answers pending questions over the private socket that `claude-vault approve
//! pending` uses. All knowledge of that socket is in this file.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The person's reaction to a call that asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Approve,
    Deny,
    /// Declines in the client's own dialog, or denies if the client has none.
    Decline,
    /// Leaves it pending until the client cancels the call.
    Ignore,
}

/// A pending question.
pub struct Question {
    pub id: Value,
    digest: Value,
    /// The keys whose values the person types.
    pub prompt: Vec<String>,
    /// Whether it can be approved at all.
    pub can_approve: bool,
}

/// The person who uses one server.
pub struct Person {
    folder: PathBuf,
    server: u32,
    connection: Option<BufReader<UnixStream>>,
}

impl Person {
    /// `state` is the program's state folder, and `server` is the process that asks.
    pub fn new(state: PathBuf, server: u32) -> Self {
        Self {
            folder: state.join("pending"),
            server,
            connection: None,
        }
    }

    fn connect(&mut self) -> Option<()> {
        if self.connection.is_none() {
            let ours = format!("{}-", self.server);
            let mut entries = std::fs::read_dir(&self.folder).ok()?.flatten();
            let socket = entries
                .find(|entry| entry.file_name().to_string_lossy().starts_with(&ours))?
                .path();
            let stream = UnixStream::connect(socket).ok()?;
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .ok()?;
            self.connection = Some(BufReader::new(stream));
        }
        Some(())
    }

    fn ask(&mut self, request: &Value) -> Option<Value> {
        self.connect()?;
        let exchange = |connection: &mut BufReader<UnixStream>| {
            connection
                .get_mut()
                .write_all(format!("{request}\n").as_bytes())
                .ok()?;
            let mut line = String::new();
            connection.read_line(&mut line).ok()?;
            serde_json::from_str(&line).ok()
        };
        let answer = self.connection.as_mut().and_then(exchange);
        if answer.is_none() {
            self.connection = None;
        }
        answer
    }

    /// The pending questions, the oldest first.
    pub fn questions(&mut self) -> Vec<Question> {
        let Some(reply) = self.ask(&json!("list")) else {
            return Vec::new();
        };
        let plans = reply["waiting"]["plans"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        plans
            .iter()
            .map(|plan| Question {
                id: plan["id"].clone(),
                digest: plan["digest"].clone(),
                prompt: serde_json::from_value(plan["prompt"].clone()).unwrap_or_default(),
                can_approve: plan["obstacle"].is_null() && plan["proof"] == "typed",
            })
            .collect()
    }

    /// Approves or denies a question, with the typed values. Returns whether the answer was
    /// accepted.
    pub fn answer(&mut self, question: &Question, yes: bool, typed: &Map<String, Value>) -> bool {
        let answer =
            json!({"id": question.id, "digest": question.digest, "yes": yes, "typed": typed});
        self.ask(&json!({ "answer": answer }))
            .is_some_and(|reply| reply["taken"] == true)
    }

    /// Denies all questions that are still pending.
    pub fn clear(&mut self) {
        for question in self.questions() {
            self.answer(&question, false, &Map::new());
        }
    }
}
