//! `dev`: the throwaway server, from a newcomer's seat.

use std::path::Path;
use std::process::Stdio;

use crate::support::{CANARY, Home, Run, eventually, files, ground, run};

/// A home in which OpenBao is on PATH and nothing of Vault is in the environment.
fn home() -> Home {
    let mut home = Home::new();
    home.set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", ground().join("bin").display()));
    home
}

fn servers(home: &Home) -> Vec<u32> {
    let place = home.lab().parent().unwrap().to_string_lossy().into_owned();
    let processes =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|id| {
            let read = |name: &str| std::fs::read(Path::new("/proc").join(id.to_string()).join(name)).unwrap_or_default();
            String::from_utf8_lossy(&read("environ")).contains(&format!("HOME={place}/claude-vault-dev-"))
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
    home.set("CLAUDECODE", "1"); // an assistant may show it
    home.set("VAULT_ADDR", "http://127.0.0.1:1"); // the person's own must not be touched
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
fn a_command_runs_in_it_and_its_status_is_ours() {
    let home = home();
    let run = home.cv(["dev", "--", "sh", "-c", "claude-vault --version; ls; exit 7"]).exits(7);
    assert_eq!(run.stdout, format!("claude-vault {}\nesphome\njellyfin\n", env!("CARGO_PKG_VERSION")));
    home.cv(["dev", "--", "/nowhere/program"]).exits(1).says("/nowhere/program");
    home.cv(["dev", "--", "sh", "-c", "kill -9 $$"]).exits(137);
    nothing_is_left(&home);
}

#[test]
fn however_it_ends_the_server_ends_with_it() {
    for signal in ["TERM", "HUP", "KILL"] {
        let home = home();
        let mut child = home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["dev", "--", "sleep", "1000"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the server", || Some(servers(&home)).filter(|ids| !ids.is_empty()));
        eventually("the command", || {
            home.lab().parent().unwrap().read_dir().unwrap().flatten().find(|entry| entry.path().join("state").exists())
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        run(home.command("sh").args(["-c", &format!("kill -{signal} {}", child.id())]), "");
        child.wait().unwrap();
        eventually("its end", || Some(()).filter(|()| servers(&home).is_empty()));
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
    let log = home.cv(["dev", "--", "sh", "-c", "cat ../server.log"]).exits(0).stdout;
    // The log tells it, and is this user's alone.
    let folder = home.cv(["dev", "--", "sh", "-c", "stat -c %a \"$PWD/..\""]).exits(0).stdout;
    assert_eq!(folder, "700\n");
    let root = log.lines().find_map(|line| line.split("Root Token: ").nth(1)).map(str::trim).unwrap_or_default().to_owned();
    assert!(root.is_empty() || !shown.stdout.contains(&root));
    assert!(!shown.stdout.contains("DEV_ROOT_TOKEN_ID="));
}

/// The real page of OpenBao in a real Chromium, then everything the README shows.
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
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home.set("BROWSER", browser.to_string_lossy());
    let script = "source claude-vault login --timeout 60 || exit; claude-vault set jellyfin NEW='a b' --no-confirm && claude-vault get jellyfin NEW && claude-vault inject jellyfin esphome && grep NEW jellyfin/.env && cat esphome/config/secrets.yaml && source claude-vault logout; for _ in {1..300}; do [ -e \"$TMPDIR/closed\" ] && break; sleep 0.1; done; rm \"$TMPDIR/closed\"; cat \"$TMPDIR/page\"; rm -r \"$TMPDIR/page\" \"$TMPDIR/browser-home\" \"$OLDBROWSER\"";
    home.set("OLDBROWSER", browser.to_string_lossy());
    let done: Run =
        home.cv(["dev", "--", "bash", "-c", script]).exits(0).says("signed in as oidc-alice").says("the token is revoked");
    assert!(done.stdout.starts_with("a b\nNEW='a b'\n"), "{}", done.all());
    assert!(done.stdout.contains("wifi_ssid: \"Home\"") && done.stdout.contains("You are signed in"), "{}", done.all());
    nothing_is_left(&home);
}

#[test]
fn without_a_server_on_path_and_without_python_it_says_what_to_install() {
    let mut home = home();
    let empty = home.lab().join("empty");
    std::fs::create_dir(&empty).unwrap();
    home.set("PATH", empty.to_string_lossy());
    home.cv(["dev", "--tour"]).exits(1).says("no OpenBao on PATH").says("install OpenBao or Vault");
}

/// The README has an address in a shell's own file; `dev` begins a shell that reads it.
#[test]
fn a_shell_of_dev_stays_with_the_throwaway_vault() {
    let home = home();
    std::fs::write(home.path().join(".bashrc"), "export VAULT_ADDR=http://127.0.0.1:1\n").unwrap();
    let script = "claude-vault config; echo $VAULT_ADDR; claude-vault --address http://127.0.0.1:2 config";
    let shown = home.cv(["dev", "--", "bash", "-ic", script]).exits(0).stdout;
    let addresses: Vec<&str> = shown.lines().filter(|line| line.starts_with("address")).collect();
    assert!(addresses[0].contains("CLAUDE_VAULT_DEV") && !addresses[0].contains("127.0.0.1:1 "), "{shown}");
    assert!(shown.contains("\nhttp://127.0.0.1:1\n") && addresses[1].contains("http://127.0.0.1:2 "), "{shown}");
    // It names no other machine's, and none when `dev` has ended.
    let mut plain = Home::new();
    plain.set("CLAUDE_VAULT_DEV", plain.lab().to_string_lossy());
    for text in ["http://127.0.0.1:1@evil.example:8200", "https://evil.example", ""] {
        plain.file("address", text);
        let shown = plain.cv(["config"]).exits(0).stdout;
        assert!(!shown.contains("evil") && !shown.contains("CLAUDE_VAULT_DEV"), "{shown}");
    }
    plain.file("address", "http://127.0.0.1:1");
    assert!(plain.cv(["config"]).exits(0).stdout.contains("CLAUDE_VAULT_DEV"));
}

/// Nushell finds the function by itself there, and keeps nothing of it.
#[test]
fn a_nushell_of_dev_has_the_function() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = home();
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    // It reads that folder at a prompt alone.
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
    let (told, folder) = run.stdout.trim_end().rsplit_once("\ncustom\n").unwrap_or_else(|| panic!("{}", run.all()));
    assert!(told.lines().any(|line| line == folder), "{}", run.all());
    assert!(!home.path().join(".local/share/nushell/vendor").exists());
}
