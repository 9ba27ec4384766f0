//! Approval: one plan, one person, one proof. Covers attacks 2 and 3 of SECURITY.md,
//! the page in a real Chromium, passkeys from a virtual authenticator, and step-up against real
//! servers.

mod attacks;
pub mod page;
mod passkey;
mod shown;
mod step_up;
mod visitors;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::mcp::Client;
use crate::support::{Home, Lab, eventually, ground, run};

/// A change that was requested over MCP and waits for approval.
pub struct Asked {
    pub client: Client,
    pub arguments: Value,
    pub token: String,
    /// The plan as `approve pending --json` shows it.
    pub shown: Value,
    /// A single-use address of the approval page.
    pub address: String,
}

impl Asked {
    /// Requests to set keys, without waiting for the approval.
    pub fn new(lab: &mut Lab, arguments: Value) -> Self {
        lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
        let client = Client::start(&lab.home);
        Self::with(client, lab, arguments)
    }

    pub fn with(mut client: Client, lab: &Lab, arguments: Value) -> Self {
        let reply = client.call("vault_set", arguments.clone()).unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
        let token = reply
            .split("approval_token: ")
            .nth(1)
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        let service = arguments["service"].as_str().unwrap().to_owned();
        let shown = eventually("the plan", || {
            pending(&lab.home)
                .into_iter()
                .rev()
                .find(|plan| plan["service"] == *service)
        });
        Self {
            client,
            arguments,
            token,
            shown,
            address: address(&lab.home),
        }
    }

    pub fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap()
    }

    /// Repeats the call until the change has an outcome.
    pub fn outcome(&mut self) -> Result<Value, String> {
        let mut arguments = self.arguments.clone();
        arguments["approval_token"] = json!(self.token);
        eventually("the outcome", || {
            Some(self.client.call("vault_set", arguments.clone())).filter(|outcome| {
                !outcome
                    .as_ref()
                    .is_err_and(|reply| reply.starts_with("approval_pending"))
            })
        })
    }
}

/// The pending plans.
pub fn pending(home: &Home) -> Vec<Value> {
    let run = home.cv(["approve", "pending", "--json"]).exits(0);
    run.json()["pending"].as_array().unwrap().clone()
}

/// Runs steps in a real Chromium, as a person would, and returns the result of each step.
pub fn chromium(home: &Home, steps: Value) -> Vec<Value> {
    let mut command = home.command(crate::mcp::clients::node());
    let done = run(
        command.arg(ground().join("approve.mjs")),
        &steps.to_string(),
    )
    .exits(0);
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.all()))
}

/// A response of the page's server.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Gets a new address of the page, as a person does at a terminal. The previous address becomes
/// invalid.
pub fn address(home: &Home) -> String {
    let mut command = home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let opened = run(
        command
            .args(["approve", "open"])
            .env("BROWSER", "/bin/false")
            .env_remove("CLAUDECODE"),
        "",
    )
    .exits(0);
    let address = opened
        .stderr
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .map(str::to_owned);
    address.unwrap_or_else(|| panic!("{}", opened.all()))
}

/// Sends a request to a page's server with exactly these headers.
pub fn send(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let port: u16 = url
        .split(':')
        .nth(2)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
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
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// The origin of an address.
pub fn origin(address: &str) -> String {
    address[..address.match_indices('/').nth(2).unwrap().0].to_owned()
}

/// The path of an address, without its one-time code.
pub fn path(address: &str) -> &str {
    address[origin(address).len()..].split('#').next().unwrap()
}

/// Posts a request as the page's script does, with the secret of a tab.
pub fn post(address: &str, secret: &str, what: &str, body: &Value) -> Answer {
    let origin = origin(address);
    let host = origin.trim_start_matches("http://").to_owned();
    let headers = [
        ("Host", host.as_str()),
        ("Origin", origin.as_str()),
        ("Content-Type", "application/json"),
        ("Claude-Vault-Page", secret),
    ];
    send(
        address,
        "POST",
        &format!("{}/{what}", path(address)),
        &headers,
        &body.to_string(),
    )
}

/// Exchanges the one-time code of an address for the secret of a tab.
pub fn exchange(address: &str) -> Result<String, Answer> {
    let answer = post(
        address,
        "",
        "exchange",
        &json!({"code": address.split('#').nth(1).unwrap()}),
    );
    if answer.status != 200 {
        return Err(answer);
    }
    Ok(answer.json()["secret"].as_str().unwrap().to_owned())
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.head, self.body))
    }
}

/// A tab without a browser: it has a secret, and the pending plans were shown to it.
pub struct Tab {
    pub address: String,
    pub secret: String,
}

impl Tab {
    /// Opens an address and views the pending plans for the required time.
    pub fn open(address: &str) -> Self {
        let secret = exchange(address).unwrap_or_else(|answer| panic!("{}", answer.body));
        let tab = Self {
            address: address.to_owned(),
            secret,
        };
        tab.look();
        tab
    }

    /// Lists the pending plans and waits the required viewing time. Returns what the page shows.
    pub fn look(&self) -> Vec<Value> {
        let shown = self.list();
        std::thread::sleep(std::time::Duration::from_millis(550));
        shown
    }

    pub fn list(&self) -> Vec<Value> {
        self.post("list", &json!({})).json()["plans"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub fn post(&self, what: &str, body: &Value) -> Answer {
        post(&self.address, &self.secret, what, body)
    }

    /// Requests an action on a plan.
    pub fn act(&self, plan: &Value, what: &str, body: &Value) -> Answer {
        self.post(
            &format!("plan/{}/{what}", plan["id"].as_str().unwrap()),
            body,
        )
    }
}
