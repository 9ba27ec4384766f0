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

/// [`request`] to a server that may be down or hang: status 0 without an answer. A GET waits for a
/// second, anything else for half a minute.
pub fn attempt(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let host = address.trim_start_matches("http://");
    let second = Duration::from_secs(1);
    let target = host.parse().unwrap();
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect_timeout(&target, second) {
        let patience = if method == "GET" { second } else { 30 * second };
        stream.set_read_timeout(Some(patience)).unwrap();
        let text = request_text(host, method, path, token, body);
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.read_to_end(&mut answer);
    }
    status_and_body(&String::from_utf8_lossy(&answer))
}

/// Sends one request with a token. Uses HTTP/1.0, so that the body is not chunked.
pub fn request(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let host = address.trim_start_matches("http://");
    status_and_body(&raw(host, &request_text(host, method, path, token, body)))
}

fn request_text(host: &str, method: &str, path: &str, token: &str, body: &str) -> String {
    format!(
        "{method} /v1/{path} HTTP/1.0\r\nHost: {host}\r\nX-Vault-Token: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status_and_body(answer: &str) -> (u16, String) {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    let body = answer.split_once("\r\n\r\n");
    (
        status,
        body.map(|(_, body)| body.to_owned()).unwrap_or_default(),
    )
}
