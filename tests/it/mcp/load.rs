//! Many calls, cancelled calls, and the process itself.

use serde_json::json;

use super::{Client, outcome};
use crate::support::{Lab, eventually};

#[test]
fn two_hundred_calls_at_once_are_all_answered_and_none_is_mixed_up() {
    let lab = Lab::new();
    for number in 0..20 {
        lab.store(&format!("s{number}"), json!({format!("K{number}"): "x"}));
    }
    let mut client = Client::start(&lab.home);
    let asked: Vec<(u64, usize)> = (0..200)
        .map(|call| {
            (
                client.ask("tools/call", json!({"name": "vault_get", "arguments": {"service": format!("s{}", call % 20)}})),
                call % 20,
            )
        })
        .collect();
    let mut open: std::collections::BTreeMap<u64, usize> = asked.into_iter().collect();
    while !open.is_empty() {
        let message = client.next_message();
        let Some(number) = message["id"].as_u64().and_then(|id| open.remove(&id)) else {
            continue;
        };
        let got = outcome(&message).unwrap();
        assert_eq!(
            (&got["service"], &got["keys"][0]["name"]),
            (&json!(format!("s{number}")), &json!(format!("K{number}")))
        );
    }
    client.close();
}

#[test]
fn no_other_process_can_read_the_servers_memory_and_a_signal_ends_it() {
    let lab = Lab::new();
    let mut client = Client::start(&lab.home);
    client.call("vault_status", json!({})).unwrap();
    let place = format!("/proc/{}", client.id());
    let limits = std::fs::read_to_string(format!("{place}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().filter(|word| *word == "0").count(),
        2,
        "{core}"
    );
    crate::support::run(
        lab.home
            .command("kill")
            .args(["-TERM", &client.id().to_string()]),
        "",
    )
    .exits(0);
    let status = eventually("the server to end", || client.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_call_is_cancelled_at_once_and_reports_its_progress() {
    let lab = Lab::new();
    let mut client = Client::start(&lab.home);
    let arguments = json!({"name": "vault_set", "arguments": {"service": "plex", "secrets": {"A": "1"}}, "_meta": {"progressToken": "p"}});
    let id = client.ask("tools/call", arguments);
    let progress = client.next_message();
    assert_eq!(
        (&progress["method"], &progress["params"]["progressToken"]),
        (&json!("notifications/progress"), &json!("p"))
    );
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    let started = std::time::Instant::now();
    assert_eq!(
        client.call("vault_status", json!({})).unwrap()["logged_in"],
        true
    );
    assert!(started.elapsed().as_secs() < 5);
    // A cancelled call no longer waits for a person.
    eventually("the plan to go", || {
        (lab.cv(["approve", "pending", "--json"]).json()["pending"] == json!([])).then_some(())
    });
    // The end of input ends the server even in the middle of a call.
    client.ask(
        "tools/call",
        json!({"name": "vault_set", "arguments": {"service": "plex", "secrets": {"A": "1"}}}),
    );
    std::thread::sleep(std::time::Duration::from_millis(500));
    let started = std::time::Instant::now();
    assert_eq!(client.close().0, Some(0));
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
}

#[test]
fn ten_thousand_calls_do_not_grow_the_memory() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    let mut client = Client::start(&lab.home);
    let resident = |id: u32| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    };
    let calls = |client: &mut Client, count: usize| {
        for _ in 0..count / 50 {
            let asked: Vec<u64> = (0..50)
                .map(|_| {
                    client.ask(
                        "tools/call",
                        json!({"name": "vault_get", "arguments": {"service": "plex"}}),
                    )
                })
                .collect();
            let mut open: std::collections::BTreeSet<u64> = asked.into_iter().collect();
            while !open.is_empty() {
                open.remove(&client.next_message()["id"].as_u64().unwrap());
            }
            client.seen.clear();
        }
    };
    calls(&mut client, 2000);
    let before = resident(client.id());
    calls(&mut client, 8000);
    let after = resident(client.id());
    assert!(after < before + 4096, "{before} kB, then {after} kB");
    client.close();
}

/// Containment requirement 8. Root can read everything, so the server runs as another user here.
#[test]
fn another_process_of_the_same_user_cannot_read_the_server() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_claude-vault"));
    let copy =
        std::path::Path::new("/tmp").join(format!("claude-vault-test-{}", std::process::id()));
    std::fs::copy(&program, &copy).unwrap();
    let base = lab.home.lab().parent().unwrap().to_owned();
    let as_user = |program: &str| {
        if !root {
            return lab.home.command(program);
        }
        let mut command = lab.home.command("setpriv");
        command.args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            program,
        ]);
        command
    };
    if root {
        crate::support::run(
            std::process::Command::new("chown")
                .args(["-R", "65534:65534"])
                .arg(&base),
            "",
        )
        .exits(0);
    }
    let mut server = as_user(copy.to_str().unwrap());
    let mut child = server
        .arg("mcp")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The process is protected before it sends its first message.
    use std::io::{BufRead, Write};
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
        {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}});
    writeln!(child.stdin.as_mut().unwrap(), "{hello}").unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("claude-vault"));
    for file in ["environ", "mem", "maps", "fd/0", "root/etc/passwd"] {
        let path = format!("/proc/{}/{file}", child.id());
        let read = crate::support::run(as_user("head").args(["-c", "1", &path]), "");
        assert!(
            read.status != 0 && read.stdout.is_empty(),
            "{path} was read"
        );
        assert!(
            read.stderr.contains("Permission denied"),
            "{path}: {}",
            read.stderr
        );
    }
    // The same attempt does find the environment of an unprotected process.
    let mut plain = as_user("sleep").arg("20").spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let read = crate::support::run(
        as_user("head").args(["-c", "1", &format!("/proc/{}/environ", plain.id())]),
        "",
    );
    assert_eq!(read.status, 0, "{}", read.stderr);
    for process in [&mut plain, &mut child] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    std::fs::remove_file(copy).unwrap();
    lab.home.set("DONE", "1");
}
