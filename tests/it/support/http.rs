//! Minimal HTTP, to prepare a server on loopback and to send stray requests to a port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Sends text and reads until the other side closes the connection.
pub fn raw(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends one request with a token. Uses HTTP/1.0, so that the body is not chunked.
pub fn request(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let host = address.trim_start_matches("http://");
    let text = format!(
        "{method} /v1/{path} HTTP/1.0\r\nHost: {host}\r\nX-Vault-Token: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(host, &text);
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    (
        status,
        answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default(),
    )
}
