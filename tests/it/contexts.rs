//! Contexts: two Vaults at once, on real servers.

use serde_json::json;

use crate::login::Login;
use crate::support::{Bao, Home, Lab, POLICY};

fn write(home: &Home, text: &str) {
    let folder = home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

/// The value of a setting and its source.
fn setting(home: &Home, arguments: &[&str], name: &str) -> (String, String) {
    let words = ["config", "--json"]
        .into_iter()
        .chain(arguments.iter().copied());
    let report = home.cv(words).exits(0).json();
    let one = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == name)
        .unwrap()
        .clone();
    (
        one["value"].as_str().unwrap().to_owned(),
        one["source"].as_str().unwrap().to_owned(),
    )
}

/// A listener that must never receive a token.
fn thief() -> (std::net::TcpListener, String) {
    let thief = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    thief.set_nonblocking(true).unwrap();
    let address = format!("http://{}", thief.local_addr().unwrap());
    (thief, address)
}

const TWO: &str = "mount = \"usual\"\nrole = \"usual\"\nnamespace = \"usual\"\n
[contexts.home]\naddress = \"https://home.example:8200\"\n
[contexts.work]\naddress = \"https://work.example\"\nnamespace = \"team\"\nmount = \"kv\"\nprefix = \"services\"\nrole = \"reader\"
auth_mount = \"sso\"\nmethod = \"device\"\nca_path = \"/etc/work\"\nwrite_role = \"writer\"\n";

#[test]
fn a_context_replaces_vault_addr_and_everything_that_it_defines() {
    let mut home = Home::new();
    write(&home, TWO);
    for (name, value) in [
        ("VAULT_ADDR", "https://variable.example"),
        ("VAULT_NAMESPACE", "variable"),
        ("VAULT_CACERT", "/variable.pem"),
        ("VAULT_SKIP_VERIFY", "1"),
        ("CLAUDE_VAULT_MOUNT", "variable"),
        ("CLAUDE_VAULT_ROLE", "variable"),
        ("CLAUDE_VAULT_PORT", "8251"),
    ] {
        home.set(name, value);
    }
    let work = ["--context", "work"];
    for (name, value) in [
        ("address", "https://work.example"),
        ("namespace", "team"),
        ("mount", "kv"),
        ("prefix", "services"),
        ("role", "reader"),
        ("auth_mount", "sso"),
        ("method", "device"),
        ("ca_path", "/etc/work"),
        ("write_role", "writer"),
    ] {
        assert_eq!(
            setting(&home, &work, name),
            (value.to_owned(), "context work".to_owned()),
            "{name}"
        );
    }
    // A context that sets one part of TLS takes none of the other parts from elsewhere.
    assert_eq!(
        setting(&home, &work, "ca_cert"),
        (String::new(), "default".to_owned())
    );
    assert_eq!(
        setting(&home, &work, "skip_verify"),
        ("false".to_owned(), "default".to_owned())
    );
    assert_eq!(
        setting(&home, &work, "port"),
        ("8251".to_owned(), "CLAUDE_VAULT_PORT".to_owned())
    );
    // A setting that the context omits keeps its usual value; but a namespace belongs to its
    // address.
    let house = ["--context", "home"];
    assert_eq!(
        setting(&home, &house, "address").0,
        "https://home.example:8200"
    );
    assert_eq!(
        setting(&home, &house, "namespace"),
        (String::new(), "default".to_owned())
    );
    assert_eq!(
        setting(&home, &house, "mount"),
        ("variable".to_owned(), "CLAUDE_VAULT_MOUNT".to_owned())
    );
    assert_eq!(
        setting(&home, &house, "ca_cert"),
        ("/variable.pem".to_owned(), "VAULT_CACERT".to_owned())
    );
    // An option outranks the context, and outranks the variable that names another context.
    assert_eq!(
        setting(&home, &["--context", "work", "--mount", "flag"], "mount"),
        ("flag".to_owned(), "--mount".to_owned())
    );
    home.set("CLAUDE_VAULT_CONTEXT", "home");
    assert_eq!(
        setting(&home, &[], "context"),
        ("home".to_owned(), "CLAUDE_VAULT_CONTEXT".to_owned())
    );
    assert_eq!(
        setting(&home, &[], "address"),
        (
            "https://home.example:8200".to_owned(),
            "context home".to_owned()
        )
    );
    assert_eq!(
        setting(&home, &work, "address"),
        ("https://work.example".to_owned(), "context work".to_owned())
    );
}

#[test]
fn a_context_chosen_by_a_file_ranks_as_that_file() {
    let mut home = Home::new();
    write(&home, &format!("context = \"work\"\n{TWO}"));
    assert_eq!(
        setting(&home, &[], "context"),
        ("work".to_owned(), "config".to_owned())
    );
    assert_eq!(
        setting(&home, &[], "mount"),
        ("kv".to_owned(), "context work".to_owned())
    );
    home.set("VAULT_ADDR", "https://variable.example");
    home.set("CLAUDE_VAULT_MOUNT", "variable");
    assert_eq!(
        setting(&home, &[], "address"),
        (
            "https://variable.example".to_owned(),
            "VAULT_ADDR".to_owned()
        )
    );
    assert_eq!(
        setting(&home, &[], "mount"),
        ("variable".to_owned(), "CLAUDE_VAULT_MOUNT".to_owned())
    );
    assert_eq!(
        setting(&home, &[], "role"),
        ("reader".to_owned(), "context work".to_owned())
    );
    home.cv(["context"])
        .exits(0)
        .says("work is in use, chosen by config, but its address is replaced by VAULT_ADDR");
}

#[test]
fn contexts_are_listed_with_the_one_in_use_and_why() {
    let mut home = Home::new();
    home.cv(["context"])
        .exits(0)
        .says("no contexts: claude-vault config edit");
    write(&home, TWO);
    let run = home
        .cv(["context"])
        .exits(0)
        .says("no context is in use: --context NAME");
    assert_eq!(
        run.stdout,
        "  home  https://home.example:8200\n  work  https://work.example       team\n"
    );
    home.set("CLAUDE_VAULT_CONTEXT", "work");
    let run = home
        .cv(["context"])
        .exits(0)
        .says("work is in use, chosen by CLAUDE_VAULT_CONTEXT");
    assert!(
        run.stdout.contains("\n* work  https://work.example "),
        "{}",
        run.stdout
    );
    let report = home
        .cv(["context", "--json", "--context", "home"])
        .exits(0)
        .json();
    assert_eq!(
        (&report["in_use"], &report["chosen_by"]),
        (&json!("home"), &json!("--context"))
    );
    assert_eq!(
        report["contexts"][0]["address"],
        "https://home.example:8200"
    );
    assert_eq!(
        (
            &report["contexts"][0]["in_use"],
            &report["contexts"][1]["in_use"]
        ),
        (&json!(true), &json!(false))
    );
    assert_eq!(report["contexts"][1]["namespace"], "team");
}

#[test]
fn an_unknown_context_is_an_error_that_lists_the_existing_ones() {
    let mut home = Home::new();
    home.cv(["list", "--context", "work"])
        .exits(2)
        .says("there is no context work")
        .says("claude-vault config edit");
    write(&home, TWO);
    let run = home
        .cv(["list", "--context", "wrok"])
        .exits(2)
        .says("there is no context wrok (named by --context)");
    run.says("did you mean work? There are: home, work");
    home.set("CLAUDE_VAULT_CONTEXT", "\u{1b}[31mx");
    let run = home
        .cv(["list"])
        .exits(2)
        .says("(named by CLAUDE_VAULT_CONTEXT)")
        .says("there are: home, work");
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
}

#[test]
fn a_mistake_in_a_context_is_reported_with_its_line() {
    let home = Home::new();
    for (text, line, words) in [
        (
            "address = \"https://v\"\nadress = \"x\"",
            3,
            "contexts.a: unknown field `adress`",
        ),
        (
            "address = \"https://v\"\nplain_keys = [\"x/Y\"]",
            3,
            "unknown field `plain_keys`",
        ),
        (
            "address = \"https://v\"\napproval = \"typed\"",
            3,
            "unknown field `approval`",
        ),
        (
            "address = \"https://v\"\nsecurity_mode = \"plaintext\"",
            3,
            "unknown field `security_mode`",
        ),
        ("mount = \"kv\"", 1, "contexts.a: it has no address"),
        (
            "address = \"v.example\"",
            2,
            "contexts.a: the Vault address is not a URL",
        ),
        (
            "address = \"https://v\"\nmethod = \"magic\"",
            3,
            "contexts.a: unknown variant",
        ),
    ] {
        write(&home, &format!("[contexts.a]\n{text}\n"));
        home.cv(["list"])
            .exits(2)
            .says(&format!("config.toml, line {line}: "))
            .says(words);
    }
    write(&home, "[contexts.\"a b\"]\naddress = \"https://v\"\n");
    home.cv(["list"])
        .exits(2)
        .says("the name must be 1 to 64 of the characters A-Z a-z 0-9 _ -");
    write(&home, "contexts = \"work\"\n");
    home.cv(["list"]).exits(2).says("line 1");
}

/// A second Vault with the same provider, and another value for `plex`.
fn second(login: &Login) -> Bao {
    let other = Bao::start(&[]);
    other.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": POLICY }),
    );
    other.add_oidc(&login.provider);
    other.put(
        "secret/data/proxmox-services/plex",
        json!({"data": {"A": "2"}}),
    );
    other
}

#[test]
fn two_shells_hold_two_sessions_and_each_goes_to_its_own_vault() {
    let mut login = Login::new();
    let other = second(&login);
    write(
        &login.lab.home,
        &format!(
            "[contexts.home]\naddress = \"{}\"\n[contexts.work]\naddress = \"{}\"\n",
            login.lab.bao.address, other.address
        ),
    );
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "VAULT_ADDR");
    let one = |name: &str| {
        let script = format!(
            "source claude-vault login --timeout 30 --context {name}; echo \"$CLAUDE_VAULT_CONTEXT|$VAULT_ADDR|$VAULT_TOKEN\"
            claude-vault get plex A; claude-vault status"
        );
        login.lab.home.shell(&["bash"], &script).exits(0).stdout
    };
    let (house, work) = (one("home"), one("work"));
    for (out, name, address, value) in [
        (&house, "home", &login.lab.bao.address, "1"),
        (&work, "work", &other.address, "2"),
    ] {
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with(&format!("{name}|{address}|")), "{out}");
        assert_eq!(lines[1], value);
        assert!(
            out.contains(&format!("context    {name} (CLAUDE_VAULT_CONTEXT)")),
            "{out}"
        );
    }
    // Both sessions are live, each at its own Vault.
    let token = |out: &str| {
        out.lines()
            .next()
            .unwrap()
            .rsplit('|')
            .next()
            .unwrap()
            .to_owned()
    };
    assert!(login.lab.bao.knows(&token(&house)) && other.knows(&token(&work)));
}

#[test]
fn a_session_of_one_context_is_not_sent_to_another_and_a_login_there_says_what_happens_to_it() {
    let mut login = Login::new();
    let other = second(&login);
    let (first, second) = (login.lab.bao.address.clone(), other.address.clone());
    let (thief, evil) = thief();
    write(
        &login.lab.home,
        &format!(
            "[contexts.home]\naddress = \"{first}\"\n[contexts.work]\naddress = \"{second}\"\n[contexts.evil]\naddress = \"{evil}\"\n"
        ),
    );
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "VAULT_ADDR");
    let script = "source claude-vault login --timeout 30 --context home; echo \"$VAULT_TOKEN\"
        claude-vault --context evil get plex A; echo $?
        CLAUDE_VAULT_CONTEXT=evil claude-vault set plex A=2 --no-confirm; echo $?
        CLAUDE_VAULT_CONTEXT=evil claude-vault status; echo $?
        source claude-vault login --timeout 30 --context work; echo \"$VAULT_TOKEN\"
        claude-vault get plex A
        source claude-vault logout; echo \"$?|${VAULT_TOKEN-unset}|${CLAUDE_VAULT_CONTEXT-unset}\"";
    let run = login.lab.home.shell(&["bash"], script).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[1..4], ["3", "3", "3"], "{}", run.all());
    assert!(thief.accept().is_err(), "the thief received a connection");
    assert_eq!(lines[5..], ["2", "0|unset|work"], "{}", run.all());
    assert!(
        !login.lab.bao.knows(lines[0]) && !other.knows(lines[4]),
        "{}",
        run.all()
    );
    run.says(&format!(
        "the session is for {first}, but Vault's address is now {evil}"
    ))
    .says("go back: export CLAUDE_VAULT_CONTEXT=home")
    .says(&format!(
        "this shell holds a session for {first}: signing in to {second} replaces and revokes it"
    ))
    .says(&format!(
        "the previous session, for {first}, is revoked; this shell is signed in to {second}"
    ));
}

/// Each context has the CA of its own Vault. That CA is also used to end a session there while the
/// other context is active.
#[test]
fn a_session_is_revoked_with_the_trust_of_its_own_context() {
    let mut login = Login::with_tls();
    let other = second(&login);
    let ca = login.lab.bao.dir.path().join("vault-ca.pem");
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "VAULT_ADDR" && name != "VAULT_CACERT");
    write(
        &login.lab.home,
        &format!(
            "[contexts.home]\naddress = \"{}\"\nca_cert = \"{}\"\n[contexts.work]\naddress = \"{}\"\nca_path = \"/nowhere\"\n",
            login.lab.bao.address,
            ca.display(),
            other.address
        ),
    );
    let script = "export VAULT_NAMESPACE=left-over
        source claude-vault login --timeout 30 --context home; echo \"$VAULT_TOKEN|${VAULT_NAMESPACE-unset}\"
        claude-vault get plex A
        source claude-vault login --timeout 30 --context work";
    let run = login
        .lab
        .home
        .shell(&["bash"], script)
        .exits(0)
        .says("is revoked; this shell is signed in to");
    let first = run.stdout.lines().next().unwrap().to_owned();
    let (token, namespace) = first.split_once('|').unwrap();
    assert_eq!(
        namespace, "unset",
        "the namespace of another Vault stayed for other programs"
    );
    assert!(
        run.stdout.contains("\n1\n") && !token.is_empty() && !login.lab.bao.knows(token),
        "{}",
        run.all()
    );
}

/// The `.mcp.json` of a cloned repository sets variables. They can choose among the person's own
/// contexts, and nothing else.
#[test]
fn variables_of_a_project_only_choose_among_the_persons_own_contexts() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let (thief, evil) = thief();
    write(
        &lab.home,
        &format!(
            "[contexts.home]\naddress = \"{}\"\nca_path = \"/nowhere\"\n",
            lab.bao.address
        ),
    );
    lab.home.set("VAULT_ADDR", &evil);
    lab.home.set("VAULT_SKIP_VERIFY", "1");
    lab.home.set("CLAUDE_VAULT_CONTEXT", "home");
    let mut client = crate::mcp::Client::start(&lab.home);
    assert_eq!(
        client.call("vault_list", json!({})).unwrap()["services"],
        json!(["plex"])
    );
    assert!(thief.accept().is_err(), "the thief received a connection");
    assert!(
        !lab.cv(["list"])
            .exits(0)
            .stderr
            .contains("VAULT_SKIP_VERIFY")
    );
    // No file of the project can define a context or choose one.
    lab.home.file(
        ".claude-vault.toml",
        &format!("context = \"evil\"\n[contexts.evil]\naddress = \"{evil}\"\n"),
    );
    lab.home.set("CLAUDE_VAULT_CONTEXT", "evil");
    lab.cv(["list"]).exits(2).says("there is no context evil");
    // A model does not learn which contexts the person has.
    let mut client = crate::mcp::Client::start(&lab.home);
    let refused = client.call("vault_list", json!({})).unwrap_err();
    assert!(!refused.to_string().contains("home"), "{refused}");
    assert!(thief.accept().is_err(), "the thief received a connection");
}

/// A cloned `.mcp.json` can set the variable. It must not weaken approvals.
#[test]
fn choosing_a_context_never_drops_the_write_role_of_its_vault() {
    let home = Home::new();
    write(
        &home,
        "[contexts.strict]\naddress = \"https://v.example:8200\"\nwrite_role = \"writer\"\n
[contexts.lax]\naddress = \"https://v.example:8200/\"\n
[contexts.other]\naddress = \"https://w.example\"\n",
    );
    for (arguments, role) in [
        (&["--context", "strict"][..], "writer"),
        (&["--context", "lax"], "writer"),
        (
            &["--context", "other", "--address", "https://v.example:8200"],
            "writer",
        ),
        (&["--address", "https://v.example:8200"], "writer"),
        (&["--context", "other"], ""),
    ] {
        let report = home
            .cv(["config", "--json"]
                .into_iter()
                .chain(arguments.iter().copied()))
            .exits(0)
            .json();
        let one = report["settings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "write_role")
            .unwrap()
            .clone();
        assert_eq!(
            one["value"].as_str().unwrap_or_default(),
            role,
            "{arguments:?}: {one}"
        );
    }
}
