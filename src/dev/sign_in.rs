//! A replacement for the browser in `dev --tour`. It signs the lab's user in at the throwaway
//! server and sends the answer to the callback, as the login page does after a click.

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;
use zeroize::Zeroizing;

use super::lab::USER;
use crate::config::{Global, Settings};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::vault::{Call, Client};

#[derive(Deserialize)]
struct Login {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Secret,
}

#[derive(Deserialize)]
struct Code {
    code: String,
    state: String,
}

/// Completes the login at `address` with the password of the lab's user.
///
/// # Errors
/// [`Error::Dev`] if the address is not a login address of the throwaway server, and the errors of
/// requests that it refuses.
pub(crate) async fn sign_in(address: &str, password: &str, env: &crate::config::Env) -> Result<()> {
    let url = Url::parse(address).map_err(|_| not_ours())?;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let redirect = query
        .iter()
        .find(|(name, _)| name == "redirect_uri")
        .and_then(|(_, uri)| Url::parse(uri).ok())
        .ok_or_else(not_ours)?;
    let provider = url.path().strip_prefix("/ui/vault/").ok_or_else(not_ours)?;
    let global = Global {
        address: Some(url.origin().ascii_serialization()),
        ..Global::default()
    };
    let vault = Client::new(&Settings::load(&global, env)?, None)?;

    let body = Zeroizing::new(json!({ "password": password }).to_string().into_bytes());
    let reply = vault
        .call(Call::put(&format!("auth/userpass/login/{USER}"), body).without_token())
        .await?;
    let person = vault.with_token(reply.parse::<Login>()?.auth.client_token);
    let asked = query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer: Code = person
        .call(Call::get(provider).query(asked))
        .await?
        .parse()?;

    let mut callback = redirect;
    callback
        .query_pairs_mut()
        .append_pair("code", &answer.code)
        .append_pair("state", &answer.state);
    visit(&callback)
        .await
        .map_err(Error::io("visit", "the callback"))
}

async fn visit(url: &Url) -> std::io::Result<()> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
    let mut stream = tokio::net::TcpStream::connect((host, port)).await?;
    let request = format!(
        "GET {}?{} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n",
        url.path(),
        url.query().unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut page = Vec::new();
    stream
        .take(64 * 1024)
        .read_to_end(&mut page)
        .await
        .map(drop)
}

fn not_ours() -> Error {
    Error::Dev {
        message: "that is not a login address of the throwaway server".into(),
        hint: "claude-vault dev --tour".into(),
    }
}
