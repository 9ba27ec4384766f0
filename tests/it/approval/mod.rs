//! Approval: one plan, one person, one proof. The attacks of the containment's points 2 and 3, the
//! page in a real Chromium, passkeys of a virtual authenticator, and step-up against real servers.

mod attacks;
pub mod page;
mod passkey;
mod step_up;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::mcp::Client;
use crate::support::{Home, Lab, eventually, ground, run};

/// A change that waits for its person, asked for over MCP.
pub struct Asked {
    pub client: Client,
    pub arguments: Value,
    pub token: String,
    /// As `approve pending --json` shows it.
    pub shown: Value,
}

impl Asked {
    /// Asks to set keys, and gives up waiting at once.
    pub fn new(lab: &mut Lab, arguments: Value) -> Self {
        lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
        let client = Client::start(&lab.home);
        Self::with(client, lab, arguments)
    }

    pub fn with(mut client: Client, lab: &Lab, arguments: Value) -> Self {
        let told = client.call("vault_set", arguments.clone()).unwrap_err();
        assert!(told.starts_with("approval_pending: "), "{told}");
        let token = told.split("approval_token: ").nth(1).unwrap().split('.').next().unwrap().to_owned();
        let service = arguments["service"].as_str().unwrap().to_owned();
        let shown = eventually("the plan", || pending(&lab.home).into_iter().rev().find(|plan| plan["service"] == *service));
        Self { client, arguments, token, shown }
    }

    pub fn url(&self) -> &str {
        self.shown["url"].as_str().unwrap()
    }

    /// Comes back for the outcome, until there is one.
    pub fn outcome(&mut self) -> Result<Value, String> {
        let mut arguments = self.arguments.clone();
        arguments["approval_token"] = json!(self.token);
        eventually("the outcome", || {
            Some(self.client.call("vault_set", arguments.clone()))
                .filter(|outcome| !outcome.as_ref().is_err_and(|told| told.starts_with("approval_pending")))
        })
    }
}

/// The plans that wait.
pub fn pending(home: &Home) -> Vec<Value> {
    let run = home.cv(["approve", "pending", "--json"]).exits(0);
    run.json()["pending"].as_array().unwrap().clone()
}

/// A person in a real Chromium; gives what each step gave.
pub fn chromium(home: &Home, steps: Value) -> Vec<Value> {
    let mut command = home.command(crate::mcp::clients::node());
    let done = run(command.arg(ground().join("approve.mjs")), &steps.to_string()).exits(0);
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.all()))
}

/// An answer of the page's server.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends a request to a page's server, with exactly these headers.
pub fn send(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let port: u16 = url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// The page's origin, and its path.
pub fn parts(url: &str) -> (String, String) {
    let at = url.match_indices('/').nth(2).unwrap().0;
    (url[..at].to_owned(), url[at..].to_owned())
}

/// Loads a page as a browser does; gives the token in it.
pub fn load(url: &str) -> String {
    let (origin, path) = parts(url);
    let host = origin.trim_start_matches("http://");
    let page = send(url, "GET", &path, &[("Host", host)], "");
    assert_eq!(page.status, 200, "{}", page.body);
    page.body.split("data-page=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Posts as the page's own script does.
pub fn post(url: &str, what: &str, body: &Value) -> Answer {
    let (origin, path) = parts(url);
    let host = origin.trim_start_matches("http://").to_owned();
    let headers = [("Host", host.as_str()), ("Origin", origin.as_str()), ("Content-Type", "application/json")];
    send(url, "POST", &format!("{path}/{what}"), &headers, &body.to_string())
}
