//! One MCP server on its standard input and output. A thread reads its output, so that no wait is
//! endless.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Home;

pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next: u64,
}

impl Server {
    /// Starts the program in a home. With `dialogs`, the client declares that it can open a page
    /// for its person.
    pub fn start(home: &Home, program: &Path, dialogs: bool) -> Self {
        let stderr = home.path().join("stderr");
        let mut command = home.command(program);
        command
            .arg("mcp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.stderr(
            std::fs::File::options()
                .create(true)
                .append(true)
                .open(&stderr)
                .unwrap(),
        );
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut server = Self {
            child,
            stdin,
            lines,
            next: 0,
        };
        let capabilities = if dialogs {
            json!({"elicitation": {"url": {}}})
        } else {
            json!({})
        };
        let client = json!({"name": "a test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": client});
        server.request("initialize", hello);
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        server
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&mut self, message: &Value) {
        // If the server has exited, the missing answer is noticed later.
        let _ = writeln!(self.stdin.as_mut().unwrap(), "{message}");
    }

    /// Sends a request and returns its id.
    pub fn ask(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next line, if it arrives in time.
    pub fn line(&self, patience: Duration) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(patience)
    }

    /// Sends a request and returns its response; earlier messages are dropped.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, &params);
        loop {
            let line = self
                .line(Duration::from_secs(30))
                .unwrap_or_else(|error| panic!("{method}: {error}"));
            let message: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    fn end(&mut self) {
        drop(self.stdin.take());
        for _ in 0..2000 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
