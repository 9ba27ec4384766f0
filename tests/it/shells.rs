//! The functions of `init` in the shells that cannot `source` the launcher: each really started, as
//! its users set it up, twice over.

use rexpect::session::PtySession;
use serde_json::json;

use crate::support::{Lab, Run, eventually, ground, run};
use crate::terminal::on_terminal;

/// A service and a session that a login keeps, so that no provider is needed.
fn lab() -> Lab {
    let lab = Lab::with("plex", json!({"A": "it's 1"}));
    lab.home.install();
    lab
}

/// What every shell is asked to do, in words that all of them understand but for `{…}`.
fn same_in_each(run: &Run, shell: &str) {
    assert_eq!(run.stdout, "held\nplex\nit's 1\nPLEX\nfailed 1\nstill held\nfailed 2\nunset\n", "{shell}: {}", run.stderr);
    assert!(run.stderr.contains("there is no OIDC login at auth/nowhere"), "{shell}: {}", run.stderr);
}

/// Prints what a program that the shell starts sees of the session.
const SEES: &str = "sh -c 'test -n \"$VAULT_TOKEN\" && echo held || echo unset'";

#[test]
fn nushell_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    let nu = ground().join("node_modules/@nushell/linux-x64/bin/nu");
    lab.home.file("init.nu", &lab.cv(["init", "nushell"]).exits(0).stdout);
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
    let stdout = ran.stdout.replace("it's 1\n\n", "it's 1\n").replace("PLEX\n\n", "PLEX\n");
    assert_eq!(ran.status, 1, "{}", ran.all());
    same_in_each(&Run { stdout, ..ran }, "nushell");
}

#[test]
fn xonsh_holds_a_login_and_notices_a_failed_one() {
    let lab = lab();
    lab.home.file(
        "script.xsh",
        &format!(
            "execx($(claude-vault init xonsh))
execx($(claude-vault init xonsh))
claude-vault login
{SEES}
claude-vault list
print($(claude-vault get plex A).strip(), flush=True)
claude-vault list | tr a-z A-Z
if not ![claude-vault login --force --auth-mount nowhere]: print('failed 1', flush=True)
if 'VAULT_TOKEN' in ${{...}}: print('still held', flush=True)
if not ![claude-vault login --bogus]: print('failed 2', flush=True)
claude-vault logout
{SEES}
"
        ),
    );
    // Debian's, which is old, and a new one: aliases changed in between.
    same_in_each(&run(lab.home.command("xonsh").args(["--no-rc", "script.xsh"]), ""), "xonsh of Debian");
    let token = lab.bao.token(&["homelab-services"]);
    let mut modern = lab.home.command("python3");
    modern.env("PYTHONPATH", ground().join("python")).env("PATH", std::env::var("PATH").unwrap_or_default());
    modern.env("VAULT_TOKEN", token).args(["-m", "xonsh", "--no-rc", "script.xsh"]);
    let path = format!("{}/.local/bin:{}", lab.home.path().display(), std::env::var("PATH").unwrap_or_default());
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
    same_in_each(&run(lab.home.command("tcsh").args(["-f", "script.tcsh"]), ""), "tcsh");
}

/// elvish has functions for its prompt alone, so it is asked there, and answers into files.
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
    assert_eq!(type_("echo (claude-vault get plex A) > out", "4"), "it's 1\n");
    assert_eq!(type_("claude-vault list | tr a-z A-Z > out", "5"), "PLEX\n");
    let failing = "try { claude-vault login --force --auth-mount nowhere } catch e { echo $e[reason][exit-status] > out }";
    assert_eq!(type_(failing, "6"), "1\n");
    assert_eq!(type_(&format!("{SEES} > out"), "7"), "held\n");
    type_("claude-vault logout", "8");
    assert_eq!(type_(&format!("{SEES} > out"), "9"), "unset\n");
}

/// Types a line, waits until it has run, and gives what it left in `out`.
fn asked(shell: &mut PtySession, lab: &Lab, line: &str, done: &str) -> String {
    let folder = lab.home.lab();
    let _ = std::fs::remove_file(folder.join("out"));
    shell.send_line(&format!("{line}; touch {done}")).unwrap();
    eventually(line, || folder.join(done).exists().then_some(()));
    std::fs::read_to_string(folder.join("out")).unwrap_or_default()
}

/// zsh's and fish's `source` would take a file of the current folder; the functions never do.
#[test]
fn a_file_of_the_same_name_in_a_cloned_repository_is_not_run() {
    let lab = lab();
    let file = lab.home.file("claude-vault", "touch pwned\n");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (shell, line) in [
        ("bash", "eval \"$(claude-vault init bash)\"; claude-vault login; source claude-vault login"),
        ("zsh", "eval \"$(claude-vault init zsh)\"; claude-vault login; . claude-vault login"),
        ("fish", "claude-vault init fish | source; claude-vault login"),
    ] {
        let run = lab.home.shell(&[shell], line).exits(0);
        assert!(!lab.home.lab().join("pwned").exists(), "{shell}: {}", run.all());
    }
    lab.cv(["doctor"]).stdout.lines().find(|line| line.contains("a file claude-vault lies in this folder")).expect("a warning");
}

#[test]
fn init_without_a_shell_says_what_is_missing() {
    let mut home = crate::support::Home::new();
    home.set("PATH", "/usr/bin:/bin");
    let run = home.cv(["init"]).exits(1).says("claude-vault setup");
    assert_eq!(run.stdout, "missing: claude-vault on PATH, the manual, completions\n");
    // As `cargo install` leaves it: the program alone.
    let bin = home.path().join(".cargo/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_claude-vault"), bin.join("claude-vault")).unwrap();
    home.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let run = home.cv(["init"]).exits(1);
    assert_eq!(run.stdout, "missing: the launcher that source reads, the manual, completions\n");
    // The one command helps.
    home.cv(["setup"]).exits(0);
    home.set("PATH", format!("{}/.local/bin:{}:/usr/bin:/bin", home.path().display(), bin.display()));
    assert!(home.cv(["init"]).exits(0).stdout.starts_with("nothing is missing"));
}
