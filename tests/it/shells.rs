//! The functions that `init` prints, in the shells that cannot `source` the launcher. Each shell is
//! really started, the way its users set it up, and loads the functions twice.

use rexpect::session::PtySession;
use serde_json::json;

use crate::support::{Lab, Run, eventually, ground, run};
use crate::terminal::on_terminal;

/// A service and a valid session, so that login keeps it and no provider is needed.
pub fn lab() -> Lab {
    let lab = Lab::with("plex", json!({"A": "it's 1"}));
    lab.home.install();
    lab
}

/// Checks the output of the commands that the script of every shell runs.
fn same_in_each(run: &Run, shell: &str) {
    assert_eq!(
        run.stdout, "held\nplex\nit's 1\nPLEX\nfailed 1\nstill held\nfailed 2\nunset\n",
        "{shell}: {}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("Vault has no such login: OIDC at auth/nowhere"),
        "{shell}: {}",
        run.stderr
    );
}

/// Prints whether a program started by the shell sees the session.
const SEES: &str = "sh -c 'test -n \"$VAULT_TOKEN\" && echo held || echo unset'";

#[test]
fn nushell_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    lab.home
        .file("init.nu", &lab.cv(["init", "nushell"]).exits(0).stdout);
    let script = format!(
        "source init.nu
        source init.nu
        claude-vault login
        ^{SEES}
        claude-vault list
        print (claude-vault get plex A)
        claude-vault list | str uppercase | print
        try {{ claude-vault login --force --auth-mount nowhere; print 'not noticed' }} catch {{|e| print $'failed ($e.exit_code)' }}
        if $env.VAULT_TOKEN? != null {{ print 'still held' }}
        try {{ claude-vault login --bogus }} catch {{|e| print $'failed ($e.exit_code)' }}
        claude-vault logout
        ^{SEES}
        claude-vault login --help
        claude-vault login --force --auth-mount nowhere
        print 'not reached'"
    );
    lab.home.file("script.nu", &script);
    let ran = run(lab.home.command(nu).args(["-n", "script.nu"]), "");
    let stdout = ran
        .stdout
        .replace("it's 1\n\n", "it's 1\n")
        .replace("PLEX\n\n", "PLEX\n");
    assert_eq!(ran.status, 1, "{}", ran.all());
    same_in_each(&Run { stdout, ..ran }, "nushell");
}

/// The line for `~/.xonshrc`.
pub const XONSH: &str = "execx(__import__('subprocess').check_output(['claude-vault', 'init', 'xonsh'], env=${...}.detype(), text=True))";

#[test]
fn xonsh_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    lab.home.file(
        "script.xsh",
        &format!(
            "{XONSH}
{XONSH}
claude-vault login
{SEES}
claude-vault list
print(next(filter(None, ($(claude-vault get plex A).strip() for _ in range(5))), ''), flush=True)
claude-vault list | tr a-z A-Z
if not ![claude-vault login --force --auth-mount nowhere]: print('failed 1', flush=True)
if 'VAULT_TOKEN' in ${{...}}: print('still held', flush=True)
if not ![claude-vault login --bogus]: print('failed 2', flush=True)
claude-vault logout
{SEES}
"
        ),
    );
    // Debian's old version and a new one: the way aliases work changed in between.
    same_in_each(
        &run(
            lab.home.command("xonsh").args(["--no-rc", "script.xsh"]),
            "",
        ),
        "xonsh of Debian",
    );
    let token = lab.bao.token(&["homelab-services"]);
    let mut modern = lab.home.command("python3");
    modern
        .env("PYTHONPATH", ground().join("python"))
        .env("PATH", std::env::var("PATH").unwrap_or_default());
    modern
        .env("VAULT_TOKEN", token)
        .args(["-m", "xonsh", "--no-rc", "script.xsh"]);
    let path = format!(
        "{}/.local/bin:{}",
        lab.home.path().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    same_in_each(&run(modern.env("PATH", path), ""), "xonsh from PyPI");
}

#[test]
fn tcsh_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    lab.home.file(
        "script.tcsh",
        &format!(
            "eval \"`claude-vault init tcsh`\"
eval \"`claude-vault init tcsh`\"
claude-vault-login
{SEES}
claude-vault list
claude-vault get plex A
claude-vault list | tr a-z A-Z
claude-vault-login --force --auth-mount nowhere
echo failed $status
if ($?VAULT_TOKEN) echo still held
claude-vault-login --bogus
echo failed $status
claude-vault-logout
{SEES}
"
        ),
    );
    same_in_each(
        &run(lab.home.command("tcsh").args(["-f", "script.tcsh"]), ""),
        "tcsh",
    );
}

/// elvish loads functions only at an interactive prompt, so the commands are typed there and write
/// to files.
#[test]
fn elvish_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    let folder = lab.home.path().join(".config/elvish");
    std::fs::create_dir_all(&folder).unwrap();
    let line = "eval (claude-vault init elvish | slurp)\n";
    std::fs::write(folder.join("rc.elv"), line.repeat(2)).unwrap();
    let mut elvish = on_terminal(&lab.home, "elvish", &[]);
    let mut type_ = |line: &str, file: &str| asked(&mut elvish, &lab, line, file);
    type_("claude-vault login", "1");
    assert_eq!(type_(&format!("{SEES} > out"), "2"), "held\n");
    assert_eq!(type_("claude-vault list > out", "3"), "plex\n");
    assert_eq!(
        type_("echo (claude-vault get plex A) > out", "4"),
        "it's 1\n"
    );
    assert_eq!(type_("claude-vault list | tr a-z A-Z > out", "5"), "PLEX\n");
    let failing = "try { claude-vault login --force --auth-mount nowhere } catch e { echo $e[reason][exit-status] > out }";
    assert_eq!(type_(failing, "6"), "1\n");
    assert_eq!(type_(&format!("{SEES} > out"), "7"), "held\n");
    type_("claude-vault logout", "8");
    assert_eq!(type_(&format!("{SEES} > out"), "9"), "unset\n");
}

/// Types a line, waits until it has run, and returns the content of `out`.
pub fn asked(shell: &mut PtySession, lab: &Lab, line: &str, done: &str) -> String {
    let folder = lab.home.lab();
    let _ = std::fs::remove_file(folder.join("out"));
    shell.send_line(&format!("{line}; touch {done}")).unwrap();
    eventually(line, || folder.join(done).exists().then_some(()));
    std::fs::read_to_string(folder.join("out")).unwrap_or_default()
}

/// In every shell, the mark of a session is set and removed together with its token.
#[test]
fn each_shell_sets_and_removes_the_mark_of_its_session() {
    let mut lab = lab();
    let provider = crate::support::Provider::start();
    lab.bao.add_oidc(&provider);
    lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    lab.home
        .set("BROWSER", ground().join("browser.sh").to_string_lossy());
    lab.home.set(
        "CLAUDE_VAULT_PORT",
        crate::support::servers::free_port().to_string(),
    );
    let marked = "sh -c 'test -n \"$CLAUDE_VAULT_SESSION\" && echo marked || echo unset'";
    let check = |out: &Run, shell: &str| {
        assert_eq!(
            out.stdout.split_whitespace().collect::<Vec<_>>(),
            ["marked", "unset"],
            "{shell}: {}",
            out.all()
        );
        assert!(
            out.stderr.contains("the token is revoked"),
            "{shell}: {}",
            out.stderr
        );
    };
    lab.home
        .file("init.nu", &lab.cv(["init", "nushell"]).exits(0).stdout);
    lab.home.file(
        "script.nu",
        &format!("source init.nu\nclaude-vault login\n^{marked}\nclaude-vault logout\n^{marked}"),
    );
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    check(
        &run(lab.home.command(nu).args(["-n", "script.nu"]), ""),
        "nushell",
    );
    let elvish = lab
        .cv(["init", "elvish"])
        .exits(0)
        .stdout
        .replace("edit:add-var", "#");
    lab.home.file(
        "script.elv",
        &format!("{elvish}\nclaude-vault login\n{marked}\nclaude-vault logout\n{marked}\n"),
    );
    check(
        &run(lab.home.command("elvish").args(["-norc", "script.elv"]), ""),
        "elvish",
    );
    let fish = format!(
        "claude-vault init fish | source; claude-vault login; {marked}; claude-vault logout; {marked}"
    );
    check(&lab.home.shell(&["fish"], &fish), "fish");
    let tcsh = format!(
        "eval \"`claude-vault init tcsh`\"\nclaude-vault-login\n{marked}\nclaude-vault-logout\n{marked}\n"
    );
    lab.home.file("script.tcsh", &tcsh);
    check(
        &run(lab.home.command("tcsh").args(["-f", "script.tcsh"]), ""),
        "tcsh",
    );
    lab.home.file(
        "script.xsh",
        &format!("{XONSH}\nclaude-vault login\n{marked}\nclaude-vault logout\n{marked}\n"),
    );
    check(
        &run(
            lab.home.command("xonsh").args(["--no-rc", "script.xsh"]),
            "",
        ),
        "xonsh",
    );
}

/// The token must be forgotten even if the config cannot be read.
#[test]
fn logout_forgets_the_token_even_if_the_program_fails() {
    let lab = lab();
    let folder = lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "adress = 1\n").unwrap();
    let after = |out: &Run, shell: &str| {
        assert_eq!(
            out.stdout, "held\nfailed 2\nunset\n",
            "{shell}: {}",
            out.stderr
        );
        assert!(
            out.stderr.contains("did you mean address?"),
            "{shell}: {}",
            out.stderr
        );
    };
    lab.home
        .file("init.nu", &lab.cv(["init", "nushell"]).exits(0).stdout);
    let catch = "catch {|e| print $'failed ($e.exit_code)' }";
    lab.home.file(
        "script.nu",
        &format!("source init.nu\n^{SEES}\ntry {{ claude-vault logout }} {catch}\n^{SEES}"),
    );
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    after(
        &run(lab.home.command(nu).args(["-n", "script.nu"]), ""),
        "nushell",
    );
    let elvish = lab
        .cv(["init", "elvish"])
        .exits(0)
        .stdout
        .replace("edit:add-var", "#");
    let catch = "catch e { echo failed $e[reason][exit-status] }";
    lab.home.file(
        "script.elv",
        &format!("{elvish}\n{SEES}\ntry {{ claude-vault logout }} {catch}\n{SEES}\n"),
    );
    after(
        &run(lab.home.command("elvish").args(["-norc", "script.elv"]), ""),
        "elvish",
    );
    let fish = format!(
        "claude-vault init fish | source; {SEES}; claude-vault logout; echo failed $status; {SEES}"
    );
    after(&lab.home.shell(&["fish"], &fish), "fish");
    lab.home.file(
        "script.tcsh",
        &format!("eval \"`claude-vault init tcsh`\"\n{SEES}\nclaude-vault-logout\necho failed $status\n{SEES}\n"),
    );
    after(
        &run(lab.home.command("tcsh").args(["-f", "script.tcsh"]), ""),
        "tcsh",
    );
    let line = "print('failed', 2 if not ![claude-vault logout] else 0, flush=True)";
    lab.home
        .file("script.xsh", &format!("{XONSH}\n{SEES}\n{line}\n{SEES}\n"));
    after(
        &run(
            lab.home.command("xonsh").args(["--no-rc", "script.xsh"]),
            "",
        ),
        "xonsh",
    );
}

/// A program that is killed prints nothing at all.
#[test]
fn nushell_notices_a_program_that_dies() {
    let lab = lab();
    let init = lab.cv(["init", "nushell"]).exits(0).stdout;
    lab.home.file(
        "init.nu",
        &init.replace(env!("CARGO_BIN_EXE_claude-vault"), "/bin/false"),
    );
    lab.home.file("script.nu", "source init.nu\ntry { claude-vault logout; print 'not noticed' } catch { print 'noticed' }");
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    assert_eq!(
        run(lab.home.command(nu).args(["-n", "script.nu"]), "").stdout,
        "noticed\n"
    );
}

/// Arguments reach the program as the shell would pass them to any other program.
#[test]
fn nushells_function_passes_arguments_unchanged() {
    let lab = lab();
    lab.home
        .file("init.nu", &lab.cv(["init", "nushell"]).exits(0).stdout);
    for name in ["one.txt", "two.txt"] {
        lab.home.file(name, "");
    }
    lab.home.file(
        "script.nu",
        "source init.nu\nclaude-vault exec plex -- sh -c 'printf \"%s\\n\" \"$@\"' sh ~/x *.txt 007 'a b' -- --json",
    );
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    let ran = run(lab.home.command(nu).args(["-n", "script.nu"]), "").exits(0);
    let home = lab.home.path();
    assert_eq!(
        ran.stdout,
        format!(
            "{}/x\none.txt\ntwo.txt\n007\na b\n--\n--json\n",
            home.display()
        )
    );
}

/// A shell that traces its commands must not print a token.
#[test]
fn no_trace_contains_the_token() {
    let lab = lab();
    let token = lab
        .home
        .variables
        .iter()
        .find(|(name, _)| name == "VAULT_TOKEN")
        .unwrap()
        .1
        .clone();
    let fish = "claude-vault init fish | source; set fish_trace 1; claude-vault login; true traced; env >out";
    let bash = "eval \"$(claude-vault init bash)\"; set -xv; claude-vault login; true traced";
    let zsh = "eval \"$(claude-vault init zsh)\"; set -xv; claude-vault login; true traced";
    for (shell, script) in [("fish", fish), ("bash", bash), ("zsh", zsh)] {
        let run = lab.home.shell(&[shell], script);
        assert!(run.stderr.contains("true traced"), "{shell}: {}", run.all());
        assert!(!run.all().contains(&token), "{shell}: {}", run.all());
        run.says("still signed in");
    }
    assert!(lab.home.read("out").contains(&token));
    // tcsh's tracing cannot be turned off in time.
    for what in ["echo", "verbose"] {
        let login = "claude-vault-login\necho status $status";
        lab.home.file(
            "script.tcsh",
            &format!("eval \"`claude-vault init tcsh`\"\nset {what}\n{login}\n"),
        );
        let run = run(lab.home.command("tcsh").args(["-f", "script.tcsh"]), "");
        let run = run.says("would print the token").says("unset echo verbose");
        assert!(
            run.stdout == "status 2\n" && !run.all().contains(&token),
            "{}",
            run.all()
        );
    }
}

/// An interactive xonsh stores the variables that it was started with in its history.
#[test]
fn xonshs_history_contains_no_token() {
    let lab = lab();
    let token = lab
        .home
        .variables
        .iter()
        .find(|(name, _)| name == "VAULT_TOKEN")
        .unwrap()
        .1
        .clone();
    let rc = format!("{XONSH}\nclaude-vault list > early\nclaude-vault login\n");
    std::fs::write(lab.home.path().join(".xonshrc"), rc.repeat(2)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let modern = format!(
        "PYTHONPATH={} PATH=$HOME/.local/bin:{path} exec python3 -m xonsh --shell-type readline",
        ground().join("python").display()
    );
    for (number, start) in ["exec /usr/bin/xonsh --shell-type readline", &modern]
        .into_iter()
        .enumerate()
    {
        let mut xonsh = on_terminal(&lab.home, "sh", &["-c", start]);
        let out = format!("out{number}");
        xonsh.exp_string("\u{1b}[?2004h").unwrap(); // xonsh drops input that is typed before its prompt
        xonsh.send_line(&format!("{SEES} > {out}; exit")).unwrap();
        eventually("xonsh", || lab.home.lab().join(&out).exists().then_some(()));
        xonsh.exp_eof().unwrap();
        assert_eq!(lab.home.read(&out), "held\n", "{start}");
        assert_eq!(lab.home.read("early"), "plex\n", "{start}");
    }
    let kept = crate::support::files(&lab.home.path());
    let histories = kept
        .iter()
        .filter(|(file, _)| file.to_string_lossy().contains("history_json/xonsh-"))
        .count();
    assert_eq!(
        histories,
        2,
        "{:?}",
        kept.iter().map(|(file, _)| file).collect::<Vec<_>>()
    );
    for (file, content) in kept {
        assert!(
            !String::from_utf8_lossy(&content).contains(&token),
            "{}",
            file.display()
        );
    }
}

/// In zsh and fish, `source` would read a file in the current folder. The functions never do.
#[test]
fn a_file_of_the_same_name_in_a_cloned_repository_is_not_run() {
    let lab = lab();
    let file = lab.home.file("claude-vault", "touch pwned\n");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (shell, line) in [
        (
            "bash",
            "eval \"$(claude-vault init bash)\"; claude-vault login; source claude-vault login",
        ),
        (
            "zsh",
            "eval \"$(claude-vault init zsh)\"; claude-vault login; . claude-vault login",
        ),
        (
            "fish",
            "claude-vault init fish | source; claude-vault login",
        ),
    ] {
        let run = lab.home.shell(&[shell], line).exits(0);
        assert!(
            !lab.home.lab().join("pwned").exists(),
            "{shell}: {}",
            run.all()
        );
    }
    lab.cv(["doctor"])
        .stdout
        .lines()
        .find(|line| line.contains("this folder contains a file named claude-vault"))
        .expect("a warning");
}

#[test]
fn init_without_a_shell_lists_what_is_missing() {
    let mut home = crate::support::Home::new();
    home.set("PATH", "/usr/bin:/bin");
    let run = home.cv(["init"]).exits(1).says("claude-vault setup");
    assert_eq!(
        run.stdout,
        "missing: claude-vault on PATH, the manual, completions\n"
    );
    // The state after `cargo install`: only the program.
    let bin = home.path().join(".cargo/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_claude-vault"), bin.join("claude-vault"))
        .unwrap();
    home.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let run = home.cv(["init"]).exits(1);
    assert_eq!(
        run.stdout,
        "missing: the launcher that source reads, the manual, completions\n"
    );
    // `setup` fixes it.
    home.cv(["setup"]).exits(0);
    let local = home.path().join(".local/bin");
    home.set(
        "PATH",
        format!("{}:{}:/usr/bin:/bin", bin.display(), local.display()),
    );
    let hides = home
        .cv(["init"])
        .exits(1)
        .says("cargo uninstall claude-vault");
    assert_eq!(hides.stdout, "missing: the launcher that source reads\n");
    home.cv(["doctor"])
        .stdout
        .lines()
        .find(|line| line.contains("fix: cargo uninstall claude-vault"))
        .expect("a fix");
    // Another program with that name, such as the old script, is reported and not called ours.
    let old = home.file("claude-vault", "#!/bin/bash\n");
    home.set(
        "PATH",
        format!(
            "{}:{}:/usr/bin:/bin",
            old.parent().unwrap().display(),
            local.display()
        ),
    );
    home.cv(["init"])
        .exits(1)
        .says(&format!("remove {}", old.display()));
    home.set(
        "PATH",
        format!("{}:/usr/bin:/bin", old.parent().unwrap().display()),
    );
    home.cv(["init"]).exits(1).says("claude-vault setup");
    home.set(
        "PATH",
        format!("{}:{}:/usr/bin:/bin", local.display(), bin.display()),
    );
    assert!(
        home.cv(["init"])
            .exits(0)
            .stdout
            .starts_with("nothing is missing")
    );
}
