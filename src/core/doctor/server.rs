//! The checks that need an address: the server, the session, the mount and the policy.

use super::sign_in::sign_in;
use super::{Check, CheckState, failed, ok, skipped, warning};
use crate::core::Core;
use crate::error::Result;
use crate::names::{Service, printable};
use crate::session::format_duration;
use crate::vault::Client;

pub(super) async fn with_address(core: &Core, checks: &mut Vec<Check>) {
    let server = match Client::new(&core.settings, None) {
        Ok(client) => client.health().await.map(|version| (client, version)),
        Err(error) => Err(error),
    };
    let client = match server {
        Ok((client, version)) => {
            checks.push(ok(
                "server",
                format!("reachable and unsealed, version {version}"),
            ));
            client
        }
        Err(error) => {
            checks.push(failed(
                "server",
                "without the server, nothing can be read or written",
                &error,
            ));
            checks.extend(
                ["session", "mount", "policy", "sign-in"]
                    .map(|name| skipped(name, "the server does not answer")),
            );
            return;
        }
    };
    let session = session(core).await;
    let alive = session.state != CheckState::Failed;
    checks.push(session);
    if alive {
        // Vault hides a mount from a token without any right on it. In that case the policy check
        // is more informative.
        checks.push(mount(core).await);
        checks.push(policy(core).await);
    } else {
        checks.extend(["mount", "policy"].map(|name| skipped(name, "there is no session")));
    }
    checks.push(sign_in(core, &client, alive).await);
}

async fn session(core: &Core) -> Check {
    const WHY: &str = "reading and writing need a session";
    let looked = match core.session().and_then(crate::session::Session::alive) {
        Ok(session) => match core.vault() {
            Ok(vault) => vault
                .look_up_token()
                .await
                .map(|token| (session.seconds_left(), token)),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let (ours, token) = match looked {
        Ok(looked) => looked,
        Err(error) => return failed("session", WHY, &error),
    };
    let user = printable(&token.display_name, false);
    if token.policies().iter().any(|policy| policy == "root") {
        return warning(
            "session",
            format!("{user}, a root token"),
            "it has every permission and never expires",
            "source claude-vault login --force",
        );
    }
    match [ours, token.seconds_left()].into_iter().flatten().min() {
        Some(left) => ok("session", format!("{user}, for {}", format_duration(left))),
        None => warning(
            "session",
            format!("{user}, never expires"),
            "it never expires, so a leaked token grants access indefinitely",
            "source claude-vault login --force",
        ),
    }
}

async fn mount(core: &Core) -> Check {
    const WHY: &str = "services are stored as secrets in a KV version 2 mount";
    let mount = &core.settings.mount;
    let outcome = match core.vault() {
        Ok(vault) => vault.require_kv2(mount).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ok("mount", format!("{mount}/ is KV version 2")),
        Err(error) => failed("mount", WHY, &error),
    }
}

async fn policy(core: &Core) -> Check {
    match capabilities(core).await {
        Ok((lists, reads, writes)) => judge_policy(core, lists, reads, writes),
        Err(error) => failed(
            "policy",
            "it decides what this session may read and write",
            &error,
        ),
    }
}

/// Whether the session may list the services, read one, and write one.
async fn capabilities(core: &Core) -> Result<(bool, bool, bool)> {
    let (vault, settings) = (core.vault()?, &core.settings);
    let below = if settings.prefix.is_empty() {
        String::new()
    } else {
        format!("/{}", settings.prefix)
    };
    let listing = vault
        .capabilities(&format!("{}/metadata{below}", settings.mount))
        .await?;
    let service = Service::probe()?;
    let data = vault
        .capabilities(&format!(
            "{}/data/{}",
            settings.mount,
            settings.service_path(&service)
        ))
        .await?;
    let may = |all: &[String], wanted: &str| all.iter().any(|one| one == wanted || one == "root");
    Ok((
        may(&listing, "list"),
        may(&data, "read"),
        vault.may_write(&service).await?,
    ))
}

fn judge_policy(core: &Core, lists: bool, reads: bool, writes: bool) -> Check {
    let path = core.services_path();
    let word = |may: bool, what: &str| {
        if may {
            what.to_owned()
        } else {
            format!("not {what}")
        }
    };
    let saw = format!(
        "{path}: may {}, {}, {}",
        word(lists, "list"),
        word(reads, "read"),
        word(writes, "write")
    );
    let steps_up = core.settings.write_role.is_some();
    let fix = format!("ask your Vault administrator for a policy on {path}: the README has one");
    match (lists && reads, writes, steps_up) {
        (false, ..) => Check {
            name: "policy",
            state: CheckState::Failed,
            saw,
            why: "services cannot be listed or read without it",
            fix,
        },
        (true, true, true) => warning(
            "policy",
            saw,
            "this session can write without write_role, so approval can be bypassed",
            "remove create and update from the policy of the session's role",
        ),
        (true, false, false) => warning("policy", saw, "this session cannot write services", fix),
        _ => ok("policy", saw),
    }
}
