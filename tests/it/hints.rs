//! Hints in the syntax of the current shell: each is typed there exactly as shown.

use crate::shells::{asked, lab};
use crate::support::{Run, ground, run};
use crate::terminal::on_terminal;

/// A shell that runs a script, and its login command: with our shell function, and without.
const SPOKEN: [(&[&str], &str, &str); 8] = [
    (
        &["bash"],
        "source claude-vault login",
        "source claude-vault login",
    ),
    (&["dash"], ". claude-vault", ". claude-vault"),
    (
        &["zsh", "-f"],
        ". claude-vault login",
        ". claude-vault login",
    ),
    (
        &["fish"],
        "claude-vault login",
        "claude-vault init fish | source   then: claude-vault login",
    ),
    (
        &["elvish", "-norc"],
        "claude-vault login",
        "eval (claude-vault init elvish | slurp)   then: claude-vault login",
    ),
    (
        &["tcsh", "-f"],
        "claude-vault-login   (first, once: eval \"`claude-vault init tcsh`\")",
        "eval \"`claude-vault init tcsh`\"   then: claude-vault-login",
    ),
    (
        &["xonsh", "--no-rc"],
        "claude-vault login",
        "execx(__import__('subprocess').check_output(['claude-vault', 'init', 'xonsh'], env=${...}.detype(), text=True))   then: claude-vault login",
    ),
    (
        &["nu", "-n"],
        "claude-vault login",
        "mkdir ($nu.data-dir | path join vendor autoload); claude-vault init nushell | save --force ($nu.data-dir | path join vendor autoload claude-vault.nu)   then, in a new nu: claude-vault login",
    ),
];

#[test]
fn a_hint_can_be_pasted_into_the_shell_that_shows_it() {
    let mut lab = lab();
    lab.home.set(
        "PATH",
        format!(
            "{}/.local/bin:{}:/usr/bin:/bin",
            lab.home.path().display(),
            ground()
                .join("node_modules/@nushell/linux-x64/bin")
                .display()
        ),
    );
    lab.home.set("NO_COLOR", "1");
    let (address, token) = (lab.bao.address.clone(), lab.token.clone());
    let hint = |run: &Run| {
        run.stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "))
            .unwrap_or_else(|| panic!("{}", run.all()))
            .to_owned()
    };
    for (shell, login, first) in SPOKEN {
        let script = |text: &str| {
            let file = lab.home.file("script", text);
            let mut command = lab.home.command(shell[0]);
            command
                .args(&shell[1..])
                .arg(file)
                .env_remove("VAULT_TOKEN");
            command
        };
        // The address is missing, and the hint sets it.
        let wanted = hint(&run(
            script("claude-vault list\n")
                .env("VAULT_TOKEN", &token)
                .env_remove("VAULT_ADDR"),
            "",
        ));
        let line = wanted.replace("https://vault.example.org:8200", &address);
        assert_ne!(line, wanted, "{shell:?}");
        let set = run(
            script(&format!("{line}\nsh -c 'echo $VAULT_ADDR'\n")).env_remove("VAULT_ADDR"),
            "",
        );
        assert_eq!(set.stdout.trim(), address, "{shell:?}: {}", set.all());
        // The line that setup prints adds its folder to PATH.
        let tools = lab.home.lab().join("tools");
        let said = run(
            &mut script(&format!(
                "{} setup --to {}\n",
                env!("CARGO_BIN_EXE_claude-vault"),
                tools.display()
            )),
            "",
        );
        let line = said
            .stderr
            .rsplit("\n\n")
            .nth(1)
            .unwrap_or_else(|| panic!("{}", said.all()))
            .trim()
            .to_owned();
        let found = run(
            &mut script(&format!("{line}\nsh -c 'command -v claude-vault'\n")),
            "",
        );
        assert_eq!(
            found.stdout.trim(),
            tools.join("bin/claude-vault").to_string_lossy(),
            "{shell:?}: {}",
            found.all()
        );
        // The help begins with the first login.
        let help = run(&mut script("claude-vault --help\n"), "")
            .exits(0)
            .stdout;
        let start = help
            .lines()
            .find_map(|line| line.strip_prefix("Start:  "))
            .unwrap();
        assert!(first.starts_with(start), "{shell:?}: {start}");
        // The session is missing.
        assert_eq!(
            hint(&run(&mut script("claude-vault list\n"), "")),
            login,
            "{shell:?}"
        );
        // At a terminal, a login that cannot change the shell names the command that can.
        lab.home.file("script", "claude-vault login\n");
        let mut arguments = shell[1..].to_vec();
        arguments.push("script");
        let mut terminal = on_terminal(&lab.home, shell[0], &arguments);
        terminal.exp_string("hint: ").unwrap();
        assert_eq!(terminal.read_line().unwrap().trim(), first, "{shell:?}");
        // That command works exactly as shown.
        let (init, login) = first.split_once("   then").unwrap_or(("", login));
        let login = login.rsplit(": ").next().unwrap();
        match shell[0] {
            "nu" => {
                run(&mut script(init), "").exits(0);
                let file = lab
                    .home
                    .path()
                    .join(".local/share/nushell/vendor/autoload/claude-vault.nu");
                assert!(
                    std::fs::read_to_string(file)
                        .unwrap()
                        .contains("def --env --wrapped claude-vault [")
                );
            }
            "elvish" => {
                let mut elvish = on_terminal(&lab.home, "elvish", &["-norc"]);
                asked(&mut elvish, &lab, init, "init");
                asked(
                    &mut elvish,
                    &lab,
                    &format!("unset-env VAULT_ADDR; set-env VAULT_ADDR {address}; {login}"),
                    "login",
                );
                assert_eq!(
                    asked(
                        &mut elvish,
                        &lab,
                        "sh -c 'echo $VAULT_TOKEN_EXPIRY' > out",
                        "seen"
                    )
                    .trim()
                    .len(),
                    10
                );
            }
            _ => {
                let ran = run(
                    script(&format!(
                        "{init}\n{login}\nsh -c 'echo $VAULT_TOKEN_EXPIRY'\n"
                    ))
                    .env("VAULT_TOKEN", &token),
                    "",
                );
                assert_eq!(ran.stdout.trim().len(), 10, "{shell:?}: {}", ran.all());
            }
        }
    }
}

/// The first step in a hint is the one that `init --help` names.
#[test]
fn the_first_login_of_a_hint_is_that_of_the_help() {
    let help = crate::support::Home::new()
        .cv(["init", "--help"])
        .exits(0)
        .stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (_, _, first) in SPOKEN {
        for part in first.split("   then").next().unwrap().split("; ") {
            assert!(
                help.contains(part.split("   (").next().unwrap()),
                "{part} in\n{help}"
            );
        }
    }
}
