//! `renew`: extending a session, and its limits.

use serde_json::{Value, json};

use crate::login::Login;
use crate::shells::XONSH;
use crate::support::{POLICY, Run, ground, http};

fn look_up(login: &Login, token: &str) -> Value {
    let (_, text) = http::request(
        &login.lab.bao.address,
        "GET",
        "auth/token/lookup-self",
        token,
        "",
    );
    serde_json::from_str::<Value>(&text).unwrap()["data"].clone()
}

/// Signs in, runs a script, renews, and prints the shell's session variables.
fn renewed(login: &Login, options: &str, between: &str, renew: &str) -> (Run, Vec<String>) {
    let script = format!(
        "source claude-vault login --timeout 30 {options}; echo \"$VAULT_TOKEN\"; {between}
        source claude-vault renew {renew}; echo \"$?|$VAULT_TOKEN|$((VAULT_TOKEN_EXPIRY - $(date +%s)))|${{CLAUDE_VAULT_SESSION:+ours}}\""
    );
    let run = login.lab.home.shell(&["bash"], &script).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let fields = lines[1].split('|').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(fields[1], lines[0], "another token");
    (run, fields)
}

fn seconds(fields: &[String]) -> i64 {
    fields[2].parse().unwrap()
}

#[test]
fn a_session_is_extended_in_vault_and_in_the_shell() {
    let login = Login::new();
    // Shorten the session, as if most of the hour had passed.
    let shorten = "curl -s -o /dev/null -H \"X-Vault-Token: $VAULT_TOKEN\" -d '{\"increment\":\"60s\"}' $VAULT_ADDR/v1/auth/token/renew-self
        export VAULT_TOKEN_EXPIRY=$(($(date +%s) + 60))";
    let (run, fields) = renewed(&login, "", shorten, "");
    assert_eq!(
        (fields[0].as_str(), fields[3].as_str()),
        ("0", "ours"),
        "{}",
        run.all()
    );
    assert!((3590..=3600).contains(&seconds(&fields)), "{}", run.all());
    let ttl = look_up(&login, &fields[1])["ttl"].as_i64().unwrap();
    assert!((3585..=3600).contains(&ttl), "{ttl}");
    run.says("the session of oidc-alice@lab.test now ends in 60 min");
    let log = login.lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("ACTION=RENEW") && !log.contains(&fields[1]),
        "{log}"
    );
}

#[test]
fn a_session_cannot_be_extended_past_the_maximum_time_after_login() {
    let mut login = Login::new();
    login.lab.home.set("VAULT_MAX_TOKEN_TTL", "60");
    login.lab.home.set("VAULT_MAX_SESSION", "70");
    let (run, fields) = renewed(&login, "", "sleep 15", "");
    assert!(
        fields[0] == "0" && (50..=56).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
    run.says("a session cannot be extended past 70 s after login; then sign in again: source claude-vault login");
    // The shell's own record of the login does not count: Vault knows the time.
    login.lab.home.set("VAULT_MAX_SESSION", "5");
    let (run, fields) = renewed(
        &login,
        "",
        "sleep 6; export VAULT_TOKEN_EXPIRY=$(($(date +%s) + 30))",
        "",
    );
    assert!(
        fields[0] == "1" && (20..=30).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
    run.says("and cannot be extended past 5 s after login")
        .says("source claude-vault login --force");
}

#[test]
fn if_vault_grants_less_time_the_remaining_time_is_reported() {
    let mut login = Login::new();
    let role = |name: &str, more: Value| {
        let mut role = json!({
            "role_type": "oidc", "user_claim": "email", "groups_claim": "groups",
            "oidc_scopes": ["openid", "email", "groups"],
            "allowed_redirect_uris": ["http://localhost:8250/oidc/callback"],
            "token_policies": ["homelab-services"],
        });
        role.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        login.lab.bao.put(&format!("auth/oidc/role/{name}"), role);
    };
    role(
        "capped",
        json!({"token_ttl": "20s", "token_explicit_max_ttl": "45s"}),
    );
    role("batch", json!({"token_type": "batch", "token_ttl": "40s"}));
    role("long", json!({"token_type": "batch", "token_ttl": "4h"}));
    let (run, fields) = renewed(&login, "--role capped", "", "");
    assert!(
        fields[0] == "0" && (35..=45).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
    run.says("Vault limits this token to")
        .says("then sign in again: source claude-vault login");
    let (run, fields) = renewed(&login, "--role capped", "source claude-vault renew", "");
    assert!(
        fields[0] == "1" && (30..=45).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
    run.says("the session cannot be extended and ends in")
        .says("Vault does not allow a longer life");
    let (run, fields) = renewed(&login, "--role batch", "", "");
    assert!(
        fields[0] == "1" && (30..=40).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
    run.says("Vault does not renew this token")
        .says("source claude-vault login --force");
    // Vault cannot shorten this token, so it lives longer. Only the shell's expiry is set again.
    login.lab.home.set("VAULT_MAX_TOKEN_TTL", "60");
    let (run, fields) = renewed(&login, "--role long", "sleep 5", "");
    assert!(
        fields[0] == "0" && (57..=60).contains(&seconds(&fields)),
        "{}",
        run.all()
    );
}

#[test]
fn a_token_from_elsewhere_is_renewed_only_when_asked_and_never_shortened() {
    let mut login = Login::new();
    let token = login.lab.bao.token(&["homelab-services"]);
    let before = look_up(&login, &token)["ttl"].as_i64().unwrap();
    login.lab.home.set("VAULT_TOKEN", &token);
    let renew = |login: &Login, words: &str| {
        login.lab.home.shell(
            &["bash"],
            &format!(
                "source claude-vault renew {words}; echo \"$?|${{VAULT_TOKEN_EXPIRY-unset}}\""
            ),
        )
    };
    let run = renew(&login, "")
        .says("claude-vault did not obtain this token, so it is renewed only with --foreign");
    assert_eq!(
        run.says("source claude-vault renew --foreign").stdout,
        "2|unset\n"
    );
    renew(&login, "--foreign");
    assert!(before > 3600 && look_up(&login, &token)["ttl"].as_i64().unwrap() > before - 60);
    login.lab.home.set("VAULT_TOKEN", "root");
    renew(&login, "--foreign").says("this token never expires");
    // A mark that belongs to another token does not make this one ours.
    login.lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": POLICY }),
    );
    login.lab.home.set("VAULT_TOKEN", &token);
    login.lab.home.set(
        "CLAUDE_VAULT_SESSION",
        format!("a,0000000000000000,{}", login.lab.bao.address),
    );
    assert_eq!(renew(&login, "").stdout, "2|unset\n");
}

#[test]
fn renew_changes_nothing_under_an_agent_or_without_shell_integration() {
    let login = Login::new();
    let mut session = crate::terminal::on_terminal(
        &login.lab.home,
        env!("CARGO_BIN_EXE_claude-vault"),
        &["renew"],
    );
    let text = session.exp_eof().unwrap();
    assert!(
        text.contains("renew sets variables in this shell")
            && text.contains("source claude-vault renew"),
        "{text}"
    );
    let script = "source claude-vault login --timeout 30; export CLAUDECODE=1; before=$VAULT_TOKEN_EXPIRY; source claude-vault renew; echo \"$?\"; [ $before = $VAULT_TOKEN_EXPIRY ] && echo same";
    let run = login
        .lab
        .home
        .shell(&["bash"], script)
        .exits(0)
        .says("renewing a session is refused under an AI agent");
    assert_eq!(run.stdout, "8\nsame\n");
    let none = login
        .lab
        .home
        .shell(&["bash"], "source claude-vault renew; echo $?")
        .exits(0)
        .says("no session");
    assert_eq!(none.stdout, "3\n");
    let dead =
        "export VAULT_TOKEN=hvs.dead VAULT_TOKEN_EXPIRY=1; source claude-vault renew; echo $?";
    assert_eq!(login.lab.home.shell(&["bash"], dead).exits(0).stdout, "3\n");
}

#[test]
fn renew_works_in_every_shell() {
    let login = Login::new();
    let home = &login.lab.home;
    let soon = "VAULT_TOKEN_EXPIRY=$(($(date +%s) + 30)); export VAULT_TOKEN_EXPIRY";
    let left = "[ $((VAULT_TOKEN_EXPIRY - $(date +%s))) -gt 3000 ] && echo longer";
    for shell in ["bash", "zsh", "ksh93", "mksh"] {
        let run = home.shell(
            &[shell],
            &format!(". claude-vault login; {soon}; . claude-vault renew; {left}"),
        );
        assert_eq!(run.stdout, "longer\n", "{shell} {}", run.all());
    }
    for shell in ["bash", "zsh"] {
        let run = home.shell(
            &[shell],
            &format!("eval \"$(claude-vault init {shell})\"; claude-vault login; {soon}; claude-vault renew; {left}"),
        );
        assert_eq!(run.stdout, "longer\n", "{shell} {}", run.all());
    }
    let run = home.shell(
        &["dash"],
        &format!(". claude-vault; {soon}; set -- renew; . claude-vault; {left}"),
    );
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
    let now = "(date +%s)";
    let fish = format!(
        "claude-vault init fish | source; claude-vault login; set -gx VAULT_TOKEN_EXPIRY (math {now} + 30); claude-vault renew; test (math $VAULT_TOKEN_EXPIRY - {now}) -gt 3000; and echo longer"
    );
    let run = home.shell(&["fish"], &fish);
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
    let check = format!("sh -c '{left}'");
    let tcsh = format!(
        "eval \"`claude-vault init tcsh`\"\nclaude-vault-login\nsetenv VAULT_TOKEN_EXPIRY `sh -c 'echo $(($(date +%s) + 30))'`\nclaude-vault-renew\n{check}\n"
    );
    home.file("script.tcsh", &tcsh);
    let run = crate::support::run(home.command("tcsh").args(["-f", "script.tcsh"]), "");
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
    home.file("soon", "#!/bin/sh\nprintf %s $(($(date +%s) + 30))\n");
    let nu = format!(
        "source init.nu\nclaude-vault login\n$env.VAULT_TOKEN_EXPIRY = (^sh soon)\nclaude-vault renew\n^{check}"
    );
    home.file("script.nu", &nu);
    home.file("init.nu", &home.cv(["init", "nushell"]).exits(0).stdout);
    let run = crate::support::run(
        home.command(ground().join("node_modules/@nushell/linux-x64/bin/nu"))
            .args(["-n", "script.nu"]),
        "",
    );
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
    let function = home
        .cv(["init", "elvish"])
        .exits(0)
        .stdout
        .replace("edit:add-var", "#");
    let elvish = format!(
        "{function}\nclaude-vault login\nset-env VAULT_TOKEN_EXPIRY (sh soon)\nclaude-vault renew\n{check}\n"
    );
    home.file("script.elv", &elvish);
    let run = home.shell(&["sh"], "elvish -norc script.elv");
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
    let xonsh = format!(
        "{XONSH}\nclaude-vault login\n$VAULT_TOKEN_EXPIRY = __import__('subprocess').check_output(['sh', 'soon'], text=True)\nclaude-vault renew\n{check}\n"
    );
    home.file("script.xsh", &xonsh);
    let run = home.shell(&["sh"], "xonsh --no-rc script.xsh");
    assert_eq!(run.stdout, "longer\n", "{}", run.all());
}
