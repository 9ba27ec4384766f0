//! Trust in settings and files: the system config and its locks, whose config files and marks are
//! accepted, and whose files may be written.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::config::has_row;
use crate::support::{Home, Lab, Run, run};

const BIN: &str = env!("CARGO_BIN_EXE_claude-vault");

fn write(home: &Home, text: &str) {
    let folder = home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives a file or folder to another user. Returns `false` if the tests lack the rights for that.
fn give_away(path: &Path) -> bool {
    is_root()
        && run(
            Command::new("chown").args(["-R", "65534:65534"]).arg(path),
            "",
        )
        .status
            == 0
}

/// A machine with a system config: this one, with its own `/etc` in a private mount namespace. No
/// variable leads the program to another system config.
struct Machine {
    home: Home,
    etc: tempfile::TempDir,
}

impl Machine {
    fn new(system: &str) -> Self {
        let etc = tempfile::tempdir().unwrap();
        // None of these tests needs the files that cannot be copied.
        let _ = Command::new("cp")
            .args(["-a", "/etc"])
            .arg(etc.path())
            .output();
        let machine = Self {
            home: Home::new(),
            etc,
        };
        let _ = std::fs::create_dir(machine.file().parent().unwrap());
        machine.says(system);
        mode(&machine.etc.path().join("etc"), 0o755);
        mode(machine.file().parent().unwrap(), 0o755);
        machine
    }

    fn file(&self) -> std::path::PathBuf {
        self.etc.path().join("etc/claude-vault/config.toml")
    }

    fn says(&self, system: &str) {
        std::fs::write(self.file(), system).unwrap();
        mode(&self.file(), 0o644);
    }

    fn cv_in(&self, home: &Home, arguments: &[&str]) -> Run {
        let mut command = home.command("unshare");
        // Without root's rights, the user is root in its own user namespace and owns the copy of
        // /etc.
        command.arg(if is_root() { "-m" } else { "-rm" });
        command
            .args(["sh", "-ec", "mount --bind \"$0\" /etc; exec \"$@\""])
            .arg(self.etc.path().join("etc"))
            .arg(BIN);
        run(command.args(arguments), "")
    }

    fn cv(&self, arguments: &[&str]) -> Run {
        self.cv_in(&self.home, arguments)
    }

    fn setting(&self, name: &str) -> (String, String, bool) {
        let report = self.cv(&["config", "--json"]).exits(0).json();
        let one = report["settings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .unwrap()
            .clone();
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        (
            text("value"),
            text("source"),
            one["locked"].as_bool().unwrap(),
        )
    }
}

/// Checks that a block of the README is valid as the system config of a machine.
pub fn is_a_system_config(text: &str) {
    Machine::new(text).cv(&["config"]).exits(0);
}

#[test]
fn the_system_config_ranks_between_the_environment_and_the_persons_own() {
    let mut machine = Machine::new(
        "mount = \"system\"\nrole = \"system\"\nprefix = \"system\"\nask_before = [\"get\"]\napproval = \"typed\"\n",
    );
    write(
        &machine.home,
        "mount = \"user\"\nrole = \"user\"\nauth_mount = \"user\"\nask_before = [\"inject\"]\napproval = \"passkey\"\n",
    );
    machine.home.set("CLAUDE_VAULT_ROLE", "variable");
    let report = machine
        .cv(&["config", "--json", "--path", "flag"])
        .exits(0)
        .json();
    let of = |name: &str| {
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
    };
    for (name, value, source) in [
        ("mount", "system", "system config"),
        ("role", "variable", "CLAUDE_VAULT_ROLE"),
        ("prefix", "flag", "--path"),
        ("auth_mount", "user", "config"),
        ("port", "8250", "default"),
        // Neither file can lower the number of actions that require approval.
        ("ask_before", "get, inject", "system config, config"),
        ("approval", "passkey", "system config, config"),
    ] {
        assert_eq!(of(name), (value.to_owned(), source.to_owned()), "{name}");
    }
    let user = machine.home.path().join(".config/claude-vault/config.toml");
    assert_eq!(
        report["files"],
        json!(["/etc/claude-vault/config.toml", user])
    );
    machine
        .cv(&["config"])
        .exits(0)
        .says("system config: /etc/claude-vault/config.toml")
        .says(user.to_str().unwrap());
    // Without a system config, nothing mentions one.
    assert!(
        !machine
            .home
            .cv(["config"])
            .exits(0)
            .all()
            .contains("/etc/claude-vault")
    );
}

/// A variable and its value.
type Variable = (&'static str, &'static str);

/// Each setting that can be locked: its name, the line that sets it, the variables and the line in
/// a user config that contradict it.
const LOCKABLE: [(&str, &str, &[Variable], &str); 18] = [
    (
        "address",
        "address = \"https://vault.example:8200\"",
        &[
            ("VAULT_ADDR", "https://evil.example"),
            ("BAO_ADDR", "https://evil.example"),
        ],
        "address = \"https://evil.example\"",
    ),
    (
        "namespace",
        "namespace = \"team\"",
        &[("VAULT_NAMESPACE", "evil"), ("BAO_NAMESPACE", "evil")],
        "namespace = \"evil\"",
    ),
    (
        "mount",
        "mount = \"kv\"",
        &[("CLAUDE_VAULT_MOUNT", "evil")],
        "mount = \"evil\"",
    ),
    (
        "prefix",
        "prefix = \"services\"",
        &[("CLAUDE_VAULT_PREFIX", "evil")],
        "prefix = \"evil\"",
    ),
    (
        "role",
        "role = \"reader\"",
        &[("CLAUDE_VAULT_ROLE", "evil")],
        "role = \"evil\"",
    ),
    (
        "write_role",
        "write_role = \"writer\"",
        &[],
        "write_role = \"evil\"",
    ),
    (
        "auth_mount",
        "auth_mount = \"oidc\"",
        &[("CLAUDE_VAULT_AUTH_MOUNT", "evil")],
        "auth_mount = \"evil\"",
    ),
    (
        "trusted_hosts",
        "trusted_hosts = [\"one.example\"]",
        &[("CLAUDE_VAULT_TRUSTED_HOSTS", "one.example,evil.example")],
        "trusted_hosts = [\"one.example\", \"evil.example\"]",
    ),
    (
        "tls",
        "ca_cert = \"/etc/ca.pem\"",
        &[
            ("VAULT_CACERT", "/evil.pem"),
            ("BAO_CACERT", "/evil.pem"),
            ("VAULT_CAPATH", "/evil"),
            ("VAULT_TLS_SERVER_NAME", "evil"),
            ("VAULT_CLIENT_CERT", "/evil.pem"),
            ("VAULT_CLIENT_KEY", "/evil.pem"),
            ("VAULT_SKIP_VERIFY", "1"),
            ("BAO_SKIP_VERIFY", "true"),
        ],
        "ca_cert = \"/evil.pem\"",
    ),
    (
        "proxy",
        "proxy = \"http://proxy.example:3128\"",
        &[],
        "proxy = \"http://evil.example:3128\"",
    ),
    (
        "insecure_http",
        "insecure_http = false",
        &[],
        "insecure_http = true",
    ),
    (
        "approval",
        "approval = \"passkey\"",
        &[],
        "approval = \"typed\"",
    ),
    (
        "ask_before",
        "ask_before = [\"inject\"]",
        &[],
        "ask_before = []",
    ),
    (
        "security_mode",
        "security_mode = \"tokenized\"",
        &[("VAULT_SECURITY_MODE", "plaintext")],
        "security_mode = \"plaintext\"",
    ),
    (
        "plain_keys",
        "plain_keys = [\"plex/PORT\"]",
        &[],
        "plain_keys = [\"plex/PORT\", \"plex/PASSWORD\"]",
    ),
    (
        "audit_log",
        "audit_log = \"/var/log/claude-vault\"",
        &[("CLAUDE_VAULT_AUDIT_LOG", "/dev/null")],
        "audit_log = \"/dev/null\"",
    ),
    (
        "browser",
        "browser = \"firefox\"",
        &[("CLAUDE_VAULT_BROWSER", "evil")],
        "browser = \"evil\"",
    ),
    (
        "client_cert",
        "client_cert = \"/etc/me.pem\"",
        &[("BAO_CLIENT_CERT", "/evil.pem")],
        "client_cert = \"/evil.pem\"",
    ),
];

#[test]
fn nothing_overrides_a_lock_of_the_system_config() {
    let machine = Machine::new("");
    for (name, line, variables, user) in LOCKABLE {
        let word = if name == "client_cert" { "tls" } else { name };
        let key = line.split(' ').next().unwrap();
        machine.says(&format!("{line}\nlocked = [\"{word}\"]\n"));
        let mut home = Home::new();
        machine.cv_in(&home, &["config"]).exits(0);
        for (variable, value) in variables {
            home.set(variable, *value);
            let run = machine
                .cv_in(&home, &["config"])
                .exits(2)
                .says("/etc/claude-vault/config.toml locks");
            assert!(
                run.stderr.contains(&format!("but {variable} sets "))
                    && run.stderr.contains(&format!("unset {variable}")),
                "{}",
                run.stderr
            );
            assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
            home.variables.clear();
        }
        write(&home, &format!("{user}\n"));
        machine
            .cv_in(&home, &["list"])
            .exits(2)
            .says(&format!("locks {key}"))
            .says("claude-vault config edit");
        // A config at another path cannot change it either.
        home.set(
            "CLAUDE_VAULT_CONFIG",
            home.path().join("other.toml").to_string_lossy(),
        );
        std::fs::write(home.path().join("other.toml"), user).unwrap();
        machine
            .cv_in(&home, &["list"])
            .exits(2)
            .says(&format!("locks {key}"));
        home.variables.clear();
        // Repeating the locked value is no contradiction.
        write(&home, line);
        machine.cv_in(&home, &["config"]).exits(0);
        // A setting that is locked without a value keeps its default.
        if word != "address" {
            machine.says(&format!("locked = [\"{word}\"]\n"));
            if name == "insecure_http" {
                write(&home, "insecure_http = true");
            }
            machine
                .cv_in(&home, &["config"])
                .exits(2)
                .says("to its default");
        }
    }
    // Words that are reserved for later are accepted already.
    machine.says("locked = [\"use_prefix\", \"contexts\"]\n");
    machine.cv_in(&Home::new(), &["config"]).exits(0);
}

#[test]
fn options_cannot_contradict_a_lock_either() {
    let mut machine = Machine::new(
        "address = \"https://vault.example:8200\"\nmount = \"kv\"\nrole = \"reader\"\nlocked = [\"address\", \"mount\", \"prefix\", \"insecure_http\", \"role\", \"auth_mount\", \"browser\", \"proxy\"]\n",
    );
    for option in [
        &["--address", "https://evil.example"][..],
        &["--mount", "evil"],
        &["--path", "evil"],
        &["--insecure-http"],
    ] {
        let arguments: Vec<&str> = ["config"].iter().chain(option).copied().collect();
        machine
            .cv(&arguments)
            .exits(2)
            .says(&format!("{} sets", option[0]))
            .says(&format!("leave out {}", option[0]));
    }
    // An address names both addresses, so that a person sees which one is locked.
    let run = machine
        .cv(&["status", "--address", "https://evil.example/"])
        .exits(2);
    run.says("to https://vault.example:8200")
        .says("--address sets it to https://evil.example");
    for option in [
        ["--role", "evil"],
        ["--auth-mount", "evil"],
        ["--browser", "evil"],
    ] {
        machine
            .cv(&["login", option[0], option[1]])
            .exits(2)
            .says(&format!("{} sets another value", option[0]));
    }
    // The same values in another spelling are accepted.
    machine
        .cv(&[
            "config",
            "--address",
            "https://vault.example:8200/",
            "--mount",
            "/kv/",
        ])
        .exits(0);
    assert_eq!(
        machine.setting("address"),
        (
            "https://vault.example:8200".into(),
            "system config".into(),
            true
        )
    );
    // Variables that many programs share are ignored.
    for (variable, value) in [
        ("BROWSER", "evil"),
        ("HTTPS_PROXY", "http://evil.example:1"),
        ("https_proxy", "http://evil.example:1"),
    ] {
        machine.home.set(variable, value);
    }
    assert_eq!(
        machine.setting("browser"),
        (String::new(), "default".into(), true)
    );
    assert_eq!(
        machine.setting("proxy"),
        ("none".into(), "default".into(), true)
    );
    // The TLS library reads these variables itself.
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let mut home = Home::new();
        home.set(variable, "/evil");
        machine.says("locked = [\"tls\"]\n");
        machine
            .cv_in(&home, &["config"])
            .exits(2)
            .says("locks tls")
            .says(&format!("unset {variable}"));
        machine.says("ca_cert = \"/etc/ca.pem\"\nlocked = [\"tls\"]\n");
        machine.cv_in(&home, &["config"]).exits(0);
    }
    machine.says("address = \"https://vault.example:8200\"\nlocked = [\"address\"]\n");
    // A password in an address is not repeated.
    machine
        .home
        .set("VAULT_ADDR", "https://user:hunter2@evil.example");
    assert!(
        !machine
            .cv(&["config"])
            .exits(2)
            .says("VAULT_ADDR sets another value")
            .all()
            .contains("hunter2")
    );
}

#[test]
fn contexts_cannot_override_a_lock_and_contexts_can_be_locked() {
    let machine = Machine::new(
        "address = \"https://vault.example\"\nnamespace = \"team\"\nlocked = [\"address\", \"namespace\"]\n",
    );
    let evil = "[contexts.evil]\naddress = \"https://evil.example\"\n";
    write(&machine.home, evil);
    machine.cv(&["config"]).exits(0); // the context is not in use
    let run = machine
        .cv(&["config", "--context", "evil"])
        .exits(2)
        .says("locks address to https://vault.example");
    run.says("the context evil sets it to https://evil.example");
    write(
        &machine.home,
        "[contexts.same]\naddress = \"https://vault.example/\"\nnamespace = \"other\"\n",
    );
    machine
        .cv(&["config", "--context", "same"])
        .exits(2)
        .says("locks namespace");
    write(
        &machine.home,
        "[contexts.same]\naddress = \"https://vault.example/\"\n",
    );
    let report = machine
        .cv(&["config", "--context", "same", "--json"])
        .exits(0)
        .json();
    let of = |name: &str| {
        report["settings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(
        (of("address"), of("namespace")),
        (json!("https://vault.example"), json!("team"))
    );
    // With contexts locked, only those of the system config exist.
    machine.says("locked = [\"contexts\"]\n[contexts.work]\naddress = \"https://work.example\"\n");
    let mut home = Home::new();
    machine
        .cv_in(&home, &["config", "--context", "work"])
        .exits(0);
    write(&home, evil);
    machine
        .cv_in(&home, &["config"])
        .exits(2)
        .says("locks contexts")
        .says("config.toml sets another value");
    home.set("CLAUDE_VAULT_CONTEXT", "work");
    machine
        .cv_in(&home, &["config"])
        .exits(2)
        .says("locks contexts");
    machine.says("locked = [\"contexts\"]\n");
    machine.cv_in(&home, &["config"]).exits(2); // no context is the default
    // If both files define a context with the same name, that of the system config applies. No
    // context weakens its approval settings.
    machine.says("write_role = \"writer\"\n[contexts.work]\naddress = \"https://work.example\"\n");
    let mut home = Home::new();
    write(
        &home,
        "[contexts.work]\naddress = \"https://evil.example\"\nwrite_role = \"evil\"\n[contexts.mine]\naddress = \"https://mine.example\"\nwrite_role = \"evil\"\n",
    );
    for (name, address) in [
        ("work", "https://work.example"),
        ("mine", "https://mine.example"),
    ] {
        home.set("CLAUDE_VAULT_CONTEXT", name);
        let report = machine.cv_in(&home, &["config", "--json"]).exits(0).json();
        let of = |name: &str| {
            report["settings"]
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["name"] == name)
                .unwrap()["value"]
                .clone()
        };
        assert_eq!(
            (of("address"), of("write_role")),
            (json!(address), json!("writer")),
            "{name}"
        );
    }
}

/// The locked proxy is used, whatever the environment sets.
#[test]
fn a_locked_proxy_is_the_one_that_is_used() {
    let port = || std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (right, wrong) = (port(), port());
    let proxy = format!("http://{}", right.local_addr().unwrap());
    let mut machine = Machine::new(&format!(
        "address = \"https://vault.example:8200\"\nproxy = \"{proxy}\"\nlocked = [\"proxy\"]\n"
    ));
    let asked = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = right.accept().unwrap();
        let mut said = [0; 64];
        let length = stream.read(&mut said).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        String::from_utf8_lossy(&said[..length]).into_owned()
    });
    machine.home.set(
        "HTTPS_PROXY",
        format!("http://{}", wrong.local_addr().unwrap()),
    );
    machine.home.set("NO_PROXY", "*");
    machine.home.set("VAULT_TOKEN", "hvs.x");
    machine.home.set("VAULT_MAX_RETRIES", "0");
    machine.cv(&["list"]).exits(7);
    assert!(
        asked
            .join()
            .unwrap()
            .starts_with("CONNECT vault.example:8200")
    );
    wrong.set_nonblocking(true).unwrap();
    assert!(
        wrong.accept().is_err(),
        "the proxy of the environment was asked"
    );
}

#[test]
fn a_mistake_in_the_system_config_is_reported() {
    let machine = Machine::new("locked = [\"adress\"]\n");
    machine
        .cv(&["list"])
        .exits(2)
        .says("locked names adress")
        .says("did you mean address?");
    for word in ["root", "port", "method", "skip_verify"] {
        machine.says(&format!("locked = [\"{word}\"]\n"));
        machine
            .cv(&["list"])
            .exits(2)
            .says(&format!("locked names {word}, which cannot be locked"))
            .says("write_role");
    }
    machine.says("locked = [\"address\"]\n");
    machine
        .cv(&["list"])
        .exits(2)
        .says("the file does not set it");
    machine.says("mount = \"kv\"\nadress = \"x\"\n");
    machine
        .cv(&["list"])
        .exits(2)
        .says("/etc/claude-vault/config.toml, line 2")
        .says("did you mean address?");
    // A user config cannot lock anything.
    machine.says("");
    write(&machine.home, "locked = [\"address\"]\n");
    machine
        .cv(&["list"])
        .exits(2)
        .says("locked is allowed only in the system config");
}

#[test]
fn a_system_config_that_others_can_write_is_an_error_instead_of_being_ignored() {
    let machine = Machine::new("mount = \"kv\"\nlocked = [\"mount\"]\n");
    let (file, folder) = (machine.file(), machine.file().parent().unwrap().to_owned());
    let etc = folder.parent().unwrap().to_owned();
    let refused = |what: &str| {
        machine
            .cv(&["list"])
            .exits(2)
            .says("the system config is not read")
            .says(what)
            .says("sudo chown root:root")
    };
    for (path, usual, shown) in [
        (&file, 0o644, "/etc/claude-vault/config.toml"),
        (&folder, 0o755, "/etc/claude-vault "),
        (&etc, 0o755, "/etc "),
    ] {
        for more in [0o002, 0o020] {
            mode(path, usual | more);
            refused(shown);
        }
        mode(path, usual);
        machine.cv(&["config"]).exits(0);
    }
    if is_root() {
        run(Command::new("chown").arg("65534").arg(&file), "").exits(0);
        refused("config.toml");
        run(Command::new("chown").arg("0").arg(&file), "").exits(0);
        run(Command::new("chown").arg("65534").arg(&folder), "").exits(0);
        refused("/etc/claude-vault ");
        run(Command::new("chown").arg("0").arg(&folder), "").exits(0);
    }
    let elsewhere = machine.home.path().join("mine.toml");
    std::fs::write(&elsewhere, "mount = \"evil\"\n").unwrap();
    std::fs::remove_file(&file).unwrap();
    symlink(&elsewhere, &file).unwrap();
    refused("config.toml");
    std::fs::remove_file(&file).unwrap();
    machine.cv(&["config"]).exits(0);
}

#[test]
fn status_and_doctor_name_the_config_in_use() {
    let lab = Lab::new();
    let machine = Machine::new("role = \"reader\"\nlocked = [\"role\"]\n");
    write(&lab.home, "browser = \"true\"\n");
    let user = lab.home.path().join(".config/claude-vault/config.toml");
    let files = json!(["/etc/claude-vault/config.toml", user]);
    assert_eq!(
        machine
            .cv_in(&lab.home, &["status", "--json"])
            .exits(0)
            .json()["config_files"],
        files
    );
    let text = machine.cv_in(&lab.home, &["status"]).exits(0).stdout;
    assert!(
        text.contains("config     /etc/claude-vault/config.toml\n")
            && text.contains("locked     role\n"),
        "{text}"
    );
    let config = |run: Run| -> Value {
        let checks = run.json()["checks"].as_array().unwrap().clone();
        checks
            .into_iter()
            .find(|check| check["name"] == "config")
            .unwrap()
    };
    let check = config(machine.cv_in(&lab.home, &["doctor", "--json"]));
    assert_eq!(
        check["saw"],
        format!(
            "/etc/claude-vault/config.toml, then {}; locked: role",
            user.display()
        )
    );
    if give_away(&lab.home.lab().join(".claude-vault.toml")) {
        let check = config(lab.cv(["doctor", "--json"]));
        assert!(
            check["state"] == "warning" && check["saw"].as_str().unwrap().contains("is not read"),
            "{check}"
        );
    }
    let mut lab = lab;
    lab.home.set("CLAUDE_VAULT_DEV", "/nowhere");
    assert_eq!(
        config(lab.cv(["doctor", "--json"]))["fix"],
        "unset CLAUDE_VAULT_DEV"
    );
}

#[test]
fn a_config_below_the_root_or_at_a_relative_path_is_refused_however_it_is_named() {
    let evil = "approval = \"typed\"\nsecurity_mode = \"plaintext\"\n";
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("c.toml", evil);
    lab.home.file("xdg/claude-vault/config.toml", evil);
    lab.home.file("home/.config/claude-vault/config.toml", evil);
    let root = lab.home.lab();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(root.join("c.toml"), elsewhere.path().join("link.toml")).unwrap();
    symlink(&root, elsewhere.path().join("folder")).unwrap();
    let below = |path: &str| root.join(path).to_string_lossy().into_owned();
    let away = |path: &str| elsewhere.path().join(path).to_string_lossy().into_owned();
    let attempt = |variables: &[(&str, String)], arguments: &[&str], folder: &Path| {
        let mut command = lab.home.command(BIN);
        run(
            command
                .args(arguments)
                .current_dir(folder)
                .envs(variables.iter().map(|(name, value)| (*name, value))),
            "",
        )
    };
    for relative in ["c.toml", "./c.toml", "../lab/c.toml"] {
        let refused = attempt(
            &[("CLAUDE_VAULT_CONFIG", relative.into())],
            &["list"],
            &root,
        );
        refused
            .exits(2)
            .says("must be an absolute path")
            .says("unset CLAUDE_VAULT_CONFIG");
    }
    for (variable, value) in [
        ("CLAUDE_VAULT_CONFIG", below("c.toml")),
        ("CLAUDE_VAULT_CONFIG", below("../lab/c.toml")),
        ("CLAUDE_VAULT_CONFIG", below("not-there.toml")),
        ("CLAUDE_VAULT_CONFIG", away("link.toml")),
        ("CLAUDE_VAULT_CONFIG", away("folder/c.toml")),
        ("XDG_CONFIG_HOME", below("xdg")),
        ("XDG_CONFIG_HOME", below("nothing-there")),
        ("HOME", below("home")),
    ] {
        for arguments in [
            &["list"][..],
            &["config"],
            &["set", "plex", "A=2", "--no-confirm"],
        ] {
            let refused = attempt(&[(variable, value.clone())], arguments, &root);
            refused.exits(2).says("lies below the root").says(variable);
        }
        // Not from a deeper folder of the project either, nor after moving the root away.
        std::fs::create_dir_all(root.join("deep/er")).unwrap();
        attempt(
            &[(variable, value.clone())],
            &["list"],
            &root.join("deep/er"),
        )
        .exits(2)
        .says("lies below the root");
        let moved = [
            (variable, value.clone()),
            (
                "CLAUDE_VAULT_ROOT",
                elsewhere.path().to_string_lossy().into_owned(),
            ),
        ];
        attempt(&moved, &["list"], &root)
            .exits(2)
            .says("lies below the root");
    }
    // A relative XDG folder is ignored (XDG Base Directory Specification), and the person's own
    // config applies.
    write(&lab.home, "mount = \"own\"\n");
    let shown = attempt(&[("XDG_CONFIG_HOME", "xdg".into())], &["config"], &root).exits(0);
    assert!(has_row(&shown.stdout, "mount own"), "{}", shown.stdout);
    // The person may name a config outside the project.
    std::fs::write(elsewhere.path().join("c.toml"), "mount = \"other\"\n").unwrap();
    let shown = attempt(
        &[("CLAUDE_VAULT_CONFIG", away("c.toml"))],
        &["config"],
        &root,
    )
    .exits(0);
    assert!(has_row(&shown.stdout, "mount other"), "{}", shown.stdout);
    attempt(
        &[("CLAUDE_VAULT_CONFIG", "/dev/null".into())],
        &["list", "--mount", "secret"],
        &root,
    )
    .exits(0);
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
}

#[test]
fn a_config_that_others_can_write_is_refused() {
    let home = Home::new();
    write(&home, "approval = \"typed\"\n");
    let folder = home.path().join(".config/claude-vault");
    let file = folder.join("config.toml");
    for (path, usual) in [(&file, 0o600), (&folder, 0o700)] {
        for more in [0o002, 0o022, 0o066] {
            mode(path, usual | more);
            home.cv(["config"])
                .exits(2)
                .says("may be written by other users")
                .says(&format!("chmod go-w {}", path.display()));
        }
        mode(path, usual | 0o055);
        home.cv(["config"]).exits(0);
        if give_away(path) {
            home.cv(["config"])
                .exits(2)
                .says("belongs to another user (uid 65534)");
            run(Command::new("chown").args(["-R", "0:0"]).arg(path), "").exits(0);
        }
    }
    // The command that opens the editor creates a config that passes the check.
    std::fs::remove_dir_all(&folder).unwrap();
    let mut home = home;
    home.set("EDITOR", "true");
    home.cv(["config", "edit"]).exits(0);
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
}

/// Finding of November 2026: a root in a folder below a shared one, where another user placed marks
/// further up.
#[test]
fn a_mark_of_another_user_in_a_shared_folder_is_ignored() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let shared = tempfile::tempdir().unwrap();
    mode(shared.path(), 0o1777);
    let work = shared.path().join("work");
    std::fs::create_dir_all(work.join("plex")).unwrap();
    std::fs::write(work.join("plex/.env.example"), "A=\n").unwrap();
    let place = shared.path().join("loot");
    std::fs::create_dir(&place).unwrap();
    let mark = shared.path().join(".claude-vault.toml");
    std::fs::write(
        &mark,
        "[services.plex]\nfile = \"loot/.env\"\nformat = \"env\"\n",
    )
    .unwrap();
    if !(give_away(&mark) && give_away(&place)) {
        return;
    }
    let inject = |arguments: &[&str]| {
        let mut command = lab.home.command(BIN);
        run(
            command
                .current_dir(&work)
                .args(["inject", "plex"])
                .args(arguments),
            "",
        )
    };
    inject(&[]).exits(0);
    assert!(!place.join(".env").exists());
    assert_eq!(
        std::fs::read_to_string(work.join("plex/.env"))
            .unwrap()
            .matches("A=1")
            .count(),
        1
    );
    // The same if another user owns the shared folder and the person names it as the root: the mark
    // is not read, and nothing is written there.
    std::fs::remove_file(work.join("plex/.env")).unwrap();
    assert!(run(Command::new("chown").arg("65534").arg(shared.path()), "").status == 0);
    inject(&[
        "--root",
        &shared.path().to_string_lossy(),
        "--file",
        "loot/.env",
    ])
    .exits(2)
    .says("belongs to another user");
    assert!(std::fs::read_dir(&place).unwrap().next().is_none());
    // A mark in their folder is not accepted even if we or root own it, because they can move it.
    std::fs::write(&mark, "").unwrap();
    run(Command::new("chown").arg("0").arg(&mark), "").exits(0);
    let mut command = lab.home.command(BIN);
    let report = run(command.current_dir(&work).args(["config", "--json"]), "")
        .exits(0)
        .json();
    let root = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "root")
        .unwrap()["value"]
        .clone();
    assert_eq!(root, work.canonicalize().unwrap().to_str().unwrap());
}

#[test]
fn values_are_never_written_into_a_folder_that_another_user_controls() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    let (folder, file) = (
        lab.home.lab().join("plex"),
        lab.home.file("plex/.env", "A=old\n"),
    );
    let refused = |words: &str| {
        let run = lab.cv(["inject", "plex"]).exits(2).says(words);
        assert_eq!(lab.home.read("plex/.env"), "A=old\n");
        assert_eq!(
            std::fs::read_dir(&folder).unwrap().count(),
            2,
            "a backup or a temporary file was left"
        );
        run
    };
    mode(&folder, 0o777);
    refused("any user may write to a folder on its path").says("chmod o-w plex");
    mode(&folder, 0o755);
    mode(&lab.home.lab(), 0o777);
    refused("any user may write");
    mode(&lab.home.lab(), 0o755);
    if is_root() {
        for (path, words) in [
            (&file, "it belongs to another user"),
            (&folder, "a folder on its path belongs to another user"),
        ] {
            run(Command::new("chown").arg("65534:65534").arg(path), "").exits(0);
            refused(words).says("sudo -u '#65534' claude-vault");
            assert_eq!(
                std::fs::metadata(&file).unwrap().uid() == 65534,
                *path == file,
                "its owner changed"
            );
            run(Command::new("chown").arg("0:0").arg(path), "").exits(0);
        }
        assert_eq!(lab.cv(["inject", "plex", "--json"]).exits(0).status, 0);
        assert_eq!(std::fs::metadata(&file).unwrap().uid(), 0);
    }
    // A folder in which everybody may create files but nobody may rename ours, like /tmp, is
    // accepted.
    mode(&folder, 0o1777);
    lab.cv(["inject", "plex"]).exits(0);
}
