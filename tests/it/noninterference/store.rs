//! One persistent connection to a server that pipelines many requests, so that worlds are created
//! in a few milliseconds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

pub struct Store {
    connection: BufReader<TcpStream>,
    host: String,
    unanswered: usize,
}

impl Store {
    pub fn connect(address: &str) -> Self {
        let host = address.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).unwrap_or_else(|error| panic!("{host}: {error}"));
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self {
            connection: BufReader::new(stream),
            host,
            unanswered: 0,
        }
    }

    /// Sends a write with the root token. [`Store::finish`] reads the response.
    pub fn send(&mut self, path: &str, body: &Value) {
        let body = body.to_string();
        let text = format!(
            "POST /v1/{path} HTTP/1.1\r\nHost: {}\r\nX-Vault-Token: root\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.connection
            .get_mut()
            .write_all(text.as_bytes())
            .unwrap();
        self.unanswered += 1;
    }

    pub fn store(&mut self, path: &str, data: &Value) {
        self.send(&format!("secret/data/{path}"), &json!({ "data": data }));
    }

    pub fn delete(&mut self, path: &str, versions: &[usize]) {
        self.send(
            &format!("secret/delete/{path}"),
            &json!({ "versions": versions }),
        );
    }

    /// Reads all responses. Each must be a success.
    pub fn finish(&mut self) {
        while self.unanswered > 0 {
            self.unanswered -= 1;
            let (status, body) = self.answer();
            assert!(matches!(status, 200 | 204), "{status}: {body}");
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).unwrap();
        body
    }

    fn answer(&mut self) -> (u16, String) {
        let status = self
            .line()
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            chunked |= line == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).unwrap();
                body.extend(self.exactly(size));
                self.line();
                if size == 0 {
                    break;
                }
            }
        } else {
            body = self.exactly(length);
        }
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}
