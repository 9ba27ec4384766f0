//! JSON-RPC over standard input and output, a message a line, in which every request that has an id
//! gets an answer: also one that is not JSON, has parameters of the wrong type, or is too long.
//!
//! `rmcp`'s own transport gives no answer in these cases, and its clients wait until they give up.

use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest};
use rmcp::service::TxJsonRpcMessage;
use rmcp::transport::Transport;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Stdin, Stdout};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

/// The longest message, in bytes. Of a longer one the beginning is kept, to find its id.
const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// The client at the other end of standard input and output.
pub(super) struct Stdio {
    input: BufReader<Stdin>,
    output: Arc<Mutex<Stdout>>,
    /// Becomes true when input ends: what waits for a person then waits in vain.
    ended: watch::Sender<bool>,
    /// The line so far. Reading can be interrupted at any await.
    line: Vec<u8>,
    is_too_long: bool,
    /// Answers of ours that are being written.
    answers: JoinSet<()>,
}

impl Stdio {
    pub(super) fn new(ended: watch::Sender<bool>) -> Self {
        Self {
            input: BufReader::new(tokio::io::stdin()),
            output: Arc::new(Mutex::new(tokio::io::stdout())),
            ended,
            line: Vec::new(),
            is_too_long: false,
            answers: JoinSet::new(),
        }
    }

    /// The next line; `None` at the end of input. Safe to be interrupted.
    async fn read_line(&mut self) -> Option<Line> {
        loop {
            let available = self.input.fill_buf().await.unwrap_or_default();
            if available.is_empty() {
                return None;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            let room = MAX_MESSAGE.saturating_sub(self.line.len());
            self.is_too_long |= taken > room;
            self.line.extend_from_slice(&available[..taken.min(room)]);
            self.input.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                let text = std::mem::take(&mut self.line);
                return Some(Line {
                    text,
                    is_too_long: std::mem::take(&mut self.is_too_long),
                });
            }
        }
    }
}

struct Line {
    text: Vec<u8>,
    is_too_long: bool,
}

impl Transport<RoleServer> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = self.output.clone();
        async move {
            let mut text = serde_json::to_vec(&message).map_err(io::Error::other)?;
            text.push(b'\n');
            write(&output, &text).await
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let Some(line) = self.read_line().await else {
                while self.answers.join_next().await.is_some() {}
                self.ended.send_replace(true);
                return None;
            };
            match understand(&line) {
                Understood::Message(message) => return Some(*message),
                Understood::Answers(answers) if !answers.is_empty() => {
                    let lines: String =
                        answers.iter().map(|answer| format!("{answer}\n")).collect();
                    // This future can be dropped at any await: written here, an answer could be
                    // cut, or sent twice.
                    let output = self.output.clone();
                    self.answers
                        .spawn(async move { drop(write(&output, lines.as_bytes()).await) });
                    while self.answers.try_join_next().is_some() {}
                }
                Understood::Answers(_) => {}
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.lock().await.flush().await
    }
}

/// Writes whole lines: nothing else is written between them.
async fn write(output: &Mutex<Stdout>, text: &[u8]) -> io::Result<()> {
    let mut output = output.lock().await;
    output.write_all(text).await?;
    output.flush().await
}

enum Understood {
    /// For the server.
    Message(Box<ClientJsonRpcMessage>),
    /// The answer that is given here. A notification, or a message that is not a request, gets
    /// none.
    Answers(Vec<Value>),
}

fn understand(line: &Line) -> Understood {
    let text = line.text.strip_suffix(b"\r").unwrap_or(&line.text);
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    if line.is_too_long {
        return Understood::Answers(
            scan_id(text)
                .map(|id| error(&id, -32600, "the message is longer than 8 MiB"))
                .into_iter()
                .collect(),
        );
    }
    if let Ok(message) = serde_json::from_slice(text) {
        return match id_of_misshapen(&message) {
            Some(id) => Understood::Answers(vec![error(&id, -32602, WRONG_FORM)]),
            None => Understood::Message(Box::new(message)),
        };
    }
    Understood::Answers(match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(batch)) => {
            let ids = batch.iter().filter_map(request_id);
            ids.map(|id| error(id, -32600, "messages are sent one by one, not in a batch"))
                .collect()
        }
        Ok(message) => request_id(&message)
            .map(|id| error(id, -32602, WRONG_FORM))
            .into_iter()
            .collect(),
        Err(_) => scan_id(text)
            .map(|id| error(&id, -32700, "the message is not JSON"))
            .into_iter()
            .collect(),
    })
}

const WRONG_FORM: &str = "the request or its params have the wrong form";

/// The id of a request that `rmcp` knows by its method but whose params it could not read.
fn id_of_misshapen(message: &ClientJsonRpcMessage) -> Option<Value> {
    const METHODS: [&str; 9] = [
        "ping",
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "completion/complete",
    ];
    let ClientJsonRpcMessage::Request(request) = message else {
        return None;
    };
    let ClientRequest::CustomRequest(custom) = &request.request else {
        return None;
    };
    let is_known = METHODS.contains(&custom.method.as_str());
    if is_known {
        serde_json::to_value(&request.id).ok()
    } else {
        None
    }
}

/// The id of a request. An answer to a request of ours has one too, and gets no answer.
fn request_id(message: &Value) -> Option<&Value> {
    let is_answer = message.get("result").is_some() || message.get("error").is_some();
    message
        .get("id")
        .filter(|id| !is_answer && (id.is_string() || id.is_number()))
}

fn error(id: &Value, code: i32, message: &'static str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// The id in the outermost object of a text that is not JSON as a whole.
fn scan_id(text: &[u8]) -> Option<Value> {
    let (mut depth, mut at) = (0_usize, 0);
    let mut name: Option<&[u8]> = None;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let end = string_end(text, at)?;
                let string = &text[at..end];
                let is_name = depth == 1 && text[end..].trim_ascii_start().starts_with(b":");
                if is_name {
                    name = Some(string);
                } else if depth == 1 && name == Some(b"\"id\"") {
                    return serde_json::from_slice(string).ok();
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => name = None,
            b'-' | b'0'..=b'9' if depth == 1 && name == Some(b"\"id\"") => {
                let length = text[at..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit() || **byte == b'-')
                    .count();
                return serde_json::from_slice(&text[at..at + length]).ok();
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where a JSON string that starts at `start` ends, its quotes included.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(text: &str) -> Vec<Value> {
        match understand(&Line {
            text: text.as_bytes().to_vec(),
            is_too_long: false,
        }) {
            Understood::Message(_) => panic!("taken for a message"),
            Understood::Answers(answers) => answers,
        }
    }

    #[test]
    fn every_request_with_an_id_is_answered() {
        let asked = |text: &str| {
            answers(text)
                .into_iter()
                .map(|answer| (answer["id"].clone(), answer["error"]["code"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            asked(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":"x"}"#),
            [(json!(7), json!(-32602))]
        );
        assert_eq!(
            asked(r#"{"jsonrpc":"2.0","id":"a","method":7}"#),
            [(json!("a"), json!(-32602))]
        );
        assert_eq!(
            asked(r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"#),
            [(json!(8), json!(-32700))]
        );
        assert_eq!(
            asked(r#"{"params":{"id":1,"x":["id"]},"id" : "z", oops}"#),
            [(json!("z"), json!(-32700))]
        );
        assert_eq!(
            asked(r#"[{"id":1,"method":"ping"},{"method":"x"},{"id":2,"method":"ping"}]"#).len(),
            2
        );
    }

    #[test]
    fn what_is_no_request_gets_no_answer() {
        for text in [
            "",
            "not json",
            "{",
            r#"{"jsonrpc":"2.0","method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7,"x":1}"#,
            "[]",
        ] {
            if let Understood::Answers(answers) = understand(&Line {
                text: text.as_bytes().to_vec(),
                is_too_long: false,
            }) {
                assert!(answers.is_empty(), "{text}");
            }
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_answered_by_its_id() {
        let line = Line {
            text: br#"{"id":9,"method":"tools/call","params":{"x":"aaaaaa"#.to_vec(),
            is_too_long: true,
        };
        let Understood::Answers(answers) = understand(&line) else {
            panic!("taken for a message")
        };
        assert_eq!(answers[0]["id"], 9);
    }
}
