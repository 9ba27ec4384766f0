//! JSON-RPC over standard input and output, one message a line. Every request with an id gets an
//! answer, even if it is not valid JSON, has parameters of the wrong type, or is too long.
//!
//! `rmcp`'s own transport sends no answer in these cases, so clients wait until they time out.

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

/// The longest message, in bytes. Only the beginning of a longer message is kept, to find its id.
const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// The client at the other end of standard input and output.
pub(super) struct Stdio {
    input: BufReader<Stdin>,
    output: Arc<Mutex<Stdout>>,
    /// Becomes true when the input ends, so that calls stop waiting for a person.
    ended: watch::Sender<bool>,
    /// The line read so far. It is kept here because reading can be cancelled at any await.
    line: Vec<u8>,
    is_too_long: bool,
    /// Tasks that write answers made by this transport.
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

    /// The next line; `None` at the end of input. Safe to cancel.
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
            match parse(&line) {
                Parsed::Message(message) => return Some(*message),
                Parsed::Answers(answers) if !answers.is_empty() => {
                    let lines: String =
                        answers.iter().map(|answer| format!("{answer}\n")).collect();
                    // This future can be dropped at any await. If it wrote the answer itself, the
                    // answer could be cut off or sent twice.
                    let output = self.output.clone();
                    self.answers
                        .spawn(async move { drop(write(&output, lines.as_bytes()).await) });
                    while self.answers.try_join_next().is_some() {}
                }
                Parsed::Answers(_) => {}
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.lock().await.flush().await
    }
}

/// Writes whole lines under the lock, so that other messages cannot interleave.
async fn write(output: &Mutex<Stdout>, text: &[u8]) -> io::Result<()> {
    let mut output = output.lock().await;
    output.write_all(text).await?;
    output.flush().await
}

enum Parsed {
    /// A message for the server.
    Message(Box<ClientJsonRpcMessage>),
    /// Errors that this transport answers itself. Empty for a notification, or for a message that
    /// is not a request.
    Answers(Vec<Value>),
}

fn parse(line: &Line) -> Parsed {
    let text = line.text.strip_suffix(b"\r").unwrap_or(&line.text);
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    if line.is_too_long {
        return Parsed::Answers(
            scan_id(text)
                .map(|id| error(&id, -32600, "the message is longer than 8 MiB"))
                .into_iter()
                .collect(),
        );
    }
    if let Ok(message) = serde_json::from_slice(text) {
        return match id_of_malformed(&message) {
            Some(id) => Parsed::Answers(vec![error(&id, -32602, WRONG_FORM)]),
            None => Parsed::Message(Box::new(message)),
        };
    }
    Parsed::Answers(match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(batch)) => {
            let ids = batch.iter().filter_map(request_id);
            ids.map(|id| error(id, -32600, "send one message per line instead of a batch"))
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

/// The id of a request whose method `rmcp` supports but whose params it could not parse. `rmcp`
/// turns such a request into a custom one.
fn id_of_malformed(message: &ClientJsonRpcMessage) -> Option<Value> {
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

/// The id of a request. The client's answer to a request from this server has an id too, but needs
/// no answer.
fn request_id(message: &Value) -> Option<&Value> {
    let is_answer = message.get("result").is_some() || message.get("error").is_some();
    message
        .get("id")
        .filter(|id| !is_answer && (id.is_string() || id.is_number()))
}

fn error(id: &Value, code: i32, message: &'static str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// The id in the outermost object of a text that is not valid JSON as a whole.
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

/// The end of the JSON string that starts at `start`, including its quotes.
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
        match parse(&Line {
            text: text.as_bytes().to_vec(),
            is_too_long: false,
        }) {
            Parsed::Message(_) => panic!("taken for a message"),
            Parsed::Answers(answers) => answers,
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
    fn only_a_request_with_an_id_gets_an_answer() {
        for text in [
            "",
            "not json",
            "{",
            r#"{"jsonrpc":"2.0","method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7,"x":1}"#,
            "[]",
        ] {
            if let Parsed::Answers(answers) = parse(&Line {
                text: text.as_bytes().to_vec(),
                is_too_long: false,
            }) {
                assert!(answers.is_empty(), "{text}");
            }
        }
    }

    #[test]
    fn a_request_that_is_too_long_is_answered_with_its_id() {
        let line = Line {
            text: br#"{"id":9,"method":"tools/call","params":{"x":"aaaaaa"#.to_vec(),
            is_too_long: true,
        };
        let Parsed::Answers(answers) = parse(&line) else {
            panic!("taken for a message")
        };
        assert_eq!(answers[0]["id"], 9);
    }
}
