//! `source claude-vault …` in real shells: the shell survives, keeps its state, and traces no
//! token.

use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{Lab, Provider, Run, ground};

const SHELLS: [&[&str]; 6] = [
    &["bash"],
    &["bash", "--posix"],
    &["zsh"],
    &["ksh93"],
    &["mksh"],
    &["busybox", "sh"],
];

/// A server and a valid session, so that login keeps it and no provider is needed.
fn lab() -> Lab {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.install();
    lab.home.set("CLAUDE_VAULT_PORT", free_port().to_string());
    lab
}

/// Runs a script in each shell that has `source`, as a newcomer types it.
fn each(lab: &Lab, script: &str, check: impl Fn(&[&str], Run)) {
    for shell in SHELLS {
        check(shell, lab.home.shell(shell, script));
    }
}

#[test]
fn a_login_exports_the_session_in_every_shell() {
    let lab = lab();
    let script = "source claude-vault login; echo \"rc=$?\"; sh -c 'echo \"$VAULT_ADDR $VAULT_TOKEN ${VAULT_TOKEN_EXPIRY:+expiry}\"'";
    each(&lab, script, |shell, run| {
        assert_eq!(
            run.stdout,
            format!("rc=0\n{} {} expiry\n", lab.bao.address, lab.token),
            "{shell:?} {}",
            run.stderr
        );
    });
}

#[test]
fn dash_logs_in_with_a_dot_and_takes_an_argument_from_set() {
    let lab = lab();
    let run = lab.home.shell(&["dash"], ". claude-vault; echo \"$? ${VAULT_TOKEN_EXPIRY:+expiry}\"; set -- logout; . claude-vault; echo \"$? ${VAULT_TOKEN-unset}\"");
    assert_eq!(run.stdout, "0 expiry\n0 unset\n", "{}", run.stderr);
    // The token is not from a login: it is forgotten here and stays valid for others.
    assert!(lab.bao.knows(&lab.token));
}

#[test]
fn a_full_login_with_a_provider_works_in_every_shell() {
    let mut lab = lab();
    let provider = Provider::start();
    lab.bao.add_oidc(&provider);
    lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    lab.home
        .set("BROWSER", ground().join("browser.sh").to_string_lossy());
    each(
        &lab,
        "source claude-vault login && claude-vault list && sh -c 'echo \"${CLAUDE_VAULT_SESSION:+marked}\"' && source claude-vault logout; echo \"$? ${VAULT_TOKEN-unset} ${CLAUDE_VAULT_SESSION-unset}\"",
        |shell, run| {
            assert_eq!(
                run.stdout, "plex\nmarked\n0 unset unset\n",
                "{shell:?} {}",
                run.stderr
            );
            assert!(
                run.stderr.contains("the token is revoked"),
                "{shell:?} {}",
                run.stderr
            );
        },
    );
}

/// The complete state of a shell, except variables that change by themselves.
const STATE: &str = "set | grep -vE '^(_|BASHPID|KSH_MATCH|LINENO|SECONDS|RANDOM|SRANDOM|EPOCH.*|PIPESTATUS|pipestatus|BASH_LINENO|BASH_ARGC|BASH_ARGV|BASH_SOURCE|FUNCNAME|funcstack|TTYIDLE|status|ERRNO|\\?|_zsh_.*|OPTIND|VAULT_TOKEN_EXPIRY|VAULT_.*|PPID|KSHEGID|\\.sh\\..*|OLDPWD|before|after|word|BASH_COMMAND|history|ARGC|argv|HISTCMD|jobstates|jobdirs|jobtexts|commands|userdirs|dirstack|parameters|options|functions.*)='; set -o; alias; typeset -f 2>/dev/null";

#[test]
fn no_variable_function_or_option_is_left_behind() {
    let lab = lab();
    let script = format!(
        "word=; {{ {STATE}; }} >before; for word in login status bogus --version logout; do source claude-vault $word >/dev/null 2>&1; done; {{ {STATE}; }} >after; diff before after && echo same"
    );
    each(&lab, &script, |shell, run| {
        assert_eq!(run.stdout, "same\n", "{shell:?} {}", run.stderr);
    });
}

#[test]
fn whatever_goes_wrong_the_shell_survives_and_keeps_its_session() {
    let lab = lab();
    for (words, status) in [
        ("bogus", 2),
        ("login --bogus", 2),
        ("login --address nonsense", 2),
        ("login --force --auth-mount nowhere", 1),
        ("login --force --address http://127.0.0.1:1", 7),
        ("list nothing", 5),
        ("list ../x", 2),
        ("--version", 0),
        ("--help", 0),
        ("login --help", 0),
        ("list", 0),
        ("get plex A", 0),
    ] {
        each(
            &lab,
            &format!("source claude-vault {words} >/dev/null; echo \"$? $VAULT_TOKEN\""),
            |shell, run| {
                assert_eq!(
                    run.stdout,
                    format!("{status} {}\n", lab.token),
                    "{shell:?} {words}: {}",
                    run.stderr
                );
            },
        );
    }
}

#[test]
fn a_sourced_command_that_needs_no_source_works_with_exact_arguments() {
    let lab = lab();
    each(
        &lab,
        "source claude-vault set plex \"B=it's \\$x \\\"y\\\" *\" --no-confirm 2>/dev/null; source claude-vault get plex B",
        |shell, run| {
            assert_eq!(run.stdout, "it's $x \"y\" *\n", "{shell:?} {}", run.stderr);
        },
    );
}

#[test]
fn shells_with_strict_options_survive() {
    let lab = lab();
    let fine = "source claude-vault login; source claude-vault status >/dev/null; echo lives";
    for options in [
        "set -eu",
        "set -eu; set -o pipefail",
        "set -f",
        "set -C",
        "IFS=v",
        "IFS='-0/'",
        "cd /",
    ] {
        each(&lab, &format!("{options}; {fine}"), |shell, run| {
            assert_eq!(run.stdout, "lives\n", "{shell:?} {options}: {}", run.stderr);
        });
    }
    // A script can catch a failure under errexit (busybox and dash exit by their own rules).
    for shell in [&["bash"][..], &["zsh"], &["ksh93"], &["mksh"]] {
        let run = lab.home.shell(
            shell,
            "set -eu; source claude-vault bogus || echo \"caught $?\"; echo lives",
        );
        assert_eq!(run.stdout, "caught 2\nlives\n", "{shell:?} {}", run.stderr);
    }
    let zsh = "setopt ksh_arrays sh_word_split null_glob err_return warn_create_global rc_quotes; alias -g x=y";
    for options in [zsh, "emulate sh", "emulate ksh"] {
        let run = lab.home.shell(&["zsh"], &format!("{options}; {fine}"));
        assert_eq!(run.stdout, "lives\n", "{options}: {}", run.stderr);
    }
    let run = lab.home.shell(
        &["bash"],
        &format!("f() {{ {fine}; }}; f; trap 'true' DEBUG ERR EXIT; {fine}; shopt -s failglob extglob nocasematch; {fine}"),
    );
    assert_eq!(run.stdout, "lives\nlives\nlives\n", "{}", run.stderr);
}

#[test]
fn aliases_and_functions_with_the_same_names_change_nothing() {
    let lab = lab();
    let aliases = ["export", "eval", "command", "return", "set", "unset"]
        .map(|word| format!("alias {word}='echo hijacked'\n"))
        .concat();
    for shell in [
        &["bash", "-O", "expand_aliases"][..],
        &["zsh"],
        &["mksh"],
        &["ksh93"],
    ] {
        // Aliases apply only to lines that are read later, so the script is a file.
        let script = lab.home.file(
            "aliased",
            &format!(
                "{aliases}source claude-vault login\n\\echo \"${{VAULT_TOKEN_EXPIRY:+held}}\"\n"
            ),
        );
        let run = lab.home.shell(shell, &format!(". {}", script.display()));
        assert_eq!(run.stdout, "held\n", "{shell:?} {}", run.stderr);
    }
}

#[test]
fn tracing_shows_no_token_and_stays_on_afterwards() {
    let lab = lab();
    each(
        &lab,
        "set -x; source claude-vault login; echo after; : still traced",
        |shell, run| {
            assert!(!run.stderr.contains(&lab.token), "{shell:?} {}", run.stderr);
            assert!(
                run.stderr.contains("still traced"),
                "{shell:?} {}",
                run.stderr
            );
            assert_eq!(run.stdout, "after\n", "{shell:?}");
        },
    );
    for options in ["v", "vx"] {
        let script = format!(
            "set -{options}\nsource claude-vault login\nset +x\ncase $- in *v*) echo verbose ;; esac"
        );
        each(&lab, &script, |shell, run| {
            assert!(!run.stderr.contains(&lab.token), "{shell:?} {}", run.stderr);
            assert_eq!(run.stdout, "verbose\n", "{shell:?}");
        });
    }
    let script = "exec 9>trace; BASH_XTRACEFD=9; set -x; source claude-vault login && source claude-vault logout";
    let run = lab
        .home
        .shell(&["bash"], script)
        .exits(0)
        .says("was not revoked");
    assert!(!lab.home.read("trace").contains(&lab.token) && !run.all().contains(&lab.token));
}

#[test]
fn a_value_that_looks_like_code_is_not_executed() {
    let mut lab = lab();
    lab.bao.put("sys/namespaces/team1", json!({}));
    let token = lab.bao.put(
        "auth/token/create",
        json!({"id": "t'$(touch pwned)`touch pwned`", "policies": ["homelab-services"]}),
    );
    let token = token["auth"]["client_token"].as_str().unwrap().to_owned();
    lab.home.set("VAULT_TOKEN", &token);
    each(
        &lab,
        "unset VAULT_TOKEN_EXPIRY; source claude-vault login; printf %s \"$VAULT_TOKEN\"",
        |shell, run| {
            assert_eq!(run.stdout, token, "{shell:?} {}", run.stderr);
        },
    );
    assert!(!lab.home.lab().join("pwned").exists());
}

#[test]
fn the_functions_of_init_work_without_source() {
    let lab = lab();
    for shell in ["bash", "zsh"] {
        let script = format!(
            "eval \"$(claude-vault init {shell})\"; eval \"$(claude-vault init {shell})\"; set -u; claude-vault login; echo \"$? ${{VAULT_TOKEN_EXPIRY:+held}}\"; claude-vault list; claude-vault list nothing 2>/dev/null; echo $?; claude-vault login --bogus 2>/dev/null; echo $?; claude-vault logout; echo \"${{VAULT_TOKEN-unset}}\""
        );
        let token = lab.bao.token(&["homelab-services"]);
        let run = crate::support::run(
            lab.home
                .command(shell)
                .env("VAULT_TOKEN", &token)
                .arg("-c")
                .arg(script),
            "",
        );
        assert_eq!(
            run.stdout, "0 held\nplex\n5\n2\nunset\n",
            "{shell} {}",
            run.stderr
        );
    }
}

#[test]
fn the_function_passes_options_that_contain_a_slash() {
    let lab = lab();
    lab.bao
        .put("secret/data/else/where/x", json!({"data": {"A": "1"}}));
    let script = "eval \"$(claude-vault init bash)\"; VAULT_TOKEN=root claude-vault --path=else/where list; source claude-vault list --path=else/where";
    let run = crate::support::run(
        lab.home
            .command("bash")
            .env("VAULT_TOKEN", "root")
            .arg("-c")
            .arg(script),
        "",
    );
    assert_eq!(run.stdout, "x\nx\n", "{}", run.stderr);
}

#[test]
fn a_missing_or_killed_program_is_a_failure() {
    let lab = lab();
    std::fs::write(
        lab.home
            .path()
            .join(".local/libexec/claude-vault/claude-vault-bin"),
        "#!/bin/sh\nkill -9 $$\n",
    )
    .unwrap();
    each(
        &lab,
        "set -x; source claude-vault login; echo \"$?\"; : still traced",
        |shell, run| {
            assert!(
                run.stdout.trim() != "0" && run.stderr.contains("still traced"),
                "{shell:?} {}",
                run.all()
            );
        },
    );
    std::fs::remove_file(
        lab.home
            .path()
            .join(".local/libexec/claude-vault/claude-vault-bin"),
    )
    .unwrap();
    each(
        &lab,
        "source claude-vault login 2>/dev/null; echo \"$?\"",
        |shell, run| {
            assert!(run.stdout.trim() == "127", "{shell:?} {}", run.all());
        },
    );
}

#[test]
fn logout_forgets_the_token_even_with_invalid_settings() {
    let lab = lab();
    each(
        &lab,
        "export VAULT_ADDR=nonsense; source claude-vault logout; echo \"$? ${VAULT_TOKEN-unset}\"",
        |shell, run| {
            assert_eq!(run.stdout, "2 unset\n", "{shell:?} {}", run.stderr);
        },
    );
}

#[test]
fn fish_notices_a_failed_login_and_keeps_a_successful_one() {
    let lab = lab();
    let script = "claude-vault init fish | source; claude-vault login; echo $status (test -n \"$VAULT_TOKEN_EXPIRY\"; and echo held); claude-vault list; claude-vault login --force --auth-mount nowhere 2>/dev/null; echo $status (test -n \"$VAULT_TOKEN\"; and echo held); claude-vault login --bogus 2>/dev/null; echo $status; claude-vault logout; echo $status (set -q VAULT_TOKEN; or echo unset)";
    let run = lab.home.shell(&["fish"], script);
    assert_eq!(
        run.stdout, "0 held\nplex\n1 held\n2\n0 unset\n",
        "{}",
        run.stderr
    );
}

#[test]
fn the_launcher_needs_no_more_than_bash_3_2_and_posix() {
    // bash 3.2 has no such features or differs in them: here-documents, process substitution,
    // associative arrays, ${x@Q}. shellcheck's `sh` dialect checks the rest (see house.rs).
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/shell/launcher.sh")).unwrap();
    let text: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    for word in ["<<", "<(", "declare", "local", "[[", "@Q", "function "] {
        assert!(!text.contains(word), "{word}");
    }
}
