//! Rules of the source itself: who may open a secret, who may write to Vault, who may print.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::files;

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = files(&root).into_iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "rs"));
    found
        .map(|(path, content)| {
            let text = String::from_utf8(content).unwrap();
            // The tests in a file are not the program.
            let text = text.split("#[cfg(test)]").next().unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let text = code.collect::<Vec<_>>().join("\n");
            (path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn each_way_out_of_a_secret_is_used_where_it_belongs() {
    let allowed = [
        ("TokenHeader", &["vault/client.rs"][..]),
        ("RequestBody", &["secret.rs"]),
        ("LoginRequest", &["vault/oidc.rs", "login/provider.rs"]),
        ("ShellExport", &["cli/login.rs"]),
        ("Stdout", &["cli/get.rs"]),
        ("InjectedFile", &["core/inject/render.rs"]),
        ("ChildEnvironment", &["cli/exec.rs"]),
        ("PlaintextReply", &["mcp/state.rs"]),
        ("ApprovalPage", &["approval/page/plans.rs"]),
        ("ApprovalSocket", &["approval/socket.rs"]),
        ("RevealedPlan", &["approval/terminal.rs", "cli/inject.rs"]),
        (
            "Inspection",
            &[
                "core/exec.rs",
                "core/inject/render.rs",
                "core/plan.rs",
                "core/set.rs",
                "vault/kv.rs",
                "cli/login.rs",
                "cli/set.rs",
                "approval/page/plans.rs",
                "approval/pending.rs",
                "mcp/asking.rs",
            ],
        ),
    ];
    let listed = sources().into_iter().find(|(file, _)| file == "secret.rs").unwrap().1;
    let ways = listed.split("pub enum WayOut {").nth(1).unwrap().split('}').next().unwrap();
    assert_eq!(ways.lines().filter(|line| line.trim().ends_with(',')).count(), allowed.len());
    for (file, text) in sources() {
        for part in text.split("WayOut::").skip(1) {
            let way: String = part.chars().take_while(|c| c.is_alphanumeric()).collect();
            let (_, places) = allowed.iter().find(|(name, _)| *name == way).unwrap_or_else(|| panic!("{way} in {file}"));
            assert!(places.contains(&file.as_str()), "{way} in {file}");
        }
        let opened = text.matches(".expose(").count();
        let named = text.matches(".expose(WayOut::").count() + text.matches(".expose(crate::secret::WayOut::").count();
        assert_eq!(opened, named, "{file} opens a secret without naming the way");
    }
}

#[test]
fn only_an_approved_plan_writes_to_vault() {
    for (file, text) in sources() {
        let may_write = matches!(file.as_str(), "core/plan.rs" | "vault/kv.rs");
        assert!(may_write || !text.contains("write_service"), "{file}");
        let may_send = file.starts_with("vault/") || file.starts_with("dev/");
        assert!(may_send || !text.contains("Call::put"), "{file}");
    }
}

#[test]
fn one_file_owns_the_output_and_one_the_terminal() {
    for (file, text) in sources() {
        for word in ["stdout()", "stderr()", "println!", "eprintln!", "print!(", "/dev/tty\")"] {
            assert!(matches!(file.as_str(), "ui.rs" | "terminal.rs") || !text.contains(word), "{word} in {file}");
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    for (file, text) in sources() {
        let folder = file.split('/').next().unwrap();
        let forbidden: &[&str] = match folder {
            "format" => &["crate::core", "crate::vault", "crate::cli", "crate::ui", "crate::terminal", "std::fs", "std::io"],
            "vault" => &["crate::core", "crate::cli", "crate::login", "crate::ui", "crate::terminal", "crate::approval"],
            "login" => &["crate::core", "crate::cli", "crate::ui", "crate::terminal"],
            "approval" => &["crate::core", "crate::cli", "crate::vault"],
            "core" => &["crate::cli", "crate::ui", "crate::terminal", "crate::dev"],
            _ => &[],
        };
        for word in forbidden {
            assert!(!text.contains(word), "{word} in {file}");
        }
    }
}

#[test]
fn no_unsafe_code_and_no_traces_of_one_machine() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    assert!(std::fs::read_to_string(root.join("Cargo.toml")).unwrap().contains("unsafe_code = \"forbid\""));
    for (file, text) in sources() {
        assert!(!text.contains("/home/") && !text.contains("/root/"), "{file}");
    }
}

#[test]
fn the_shell_files_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = |program: &str, arguments: &[&str], file: &str| {
        let output = Command::new(program).args(arguments).arg(root.join(file)).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {file}:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    // The launcher's first line is not a shell's, which is its point.
    for (file, dialect) in [
        ("shell/launcher.sh", "sh"),
        ("shell/tour.sh", "sh"),
        ("shell/complete.bash", "bash"),
        ("shell/init.sh", "bash"),
        ("tests/run", "bash"),
        ("benches/run", "bash"),
        ("packaging/run", "bash"),
        (".ci/run", "bash"),
        ("tests/ground/browser.sh", "sh"),
    ] {
        check("shellcheck", &["-s", dialect, "-e", "SC1008,SC2239"], file);
        check("shfmt", &["-i", "4", "-d"], file);
    }
    check("fish", &["--no-execute"], "shell/init.fish");
    check("fish", &["--no-execute"], "shell/complete.fish");
    check("zsh", &["-n"], "shell/complete.zsh");
    // A PowerShell is in none of the registries that these tests use; this is the grammar of editors.
    let grammar = "import sys; sys.path.insert(0, 'tests/ground/python'); import tree_sitter, tree_sitter_powershell\n\
                   parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))\n\
                   text = open(sys.argv[1], 'rb').read().replace(b'@BIN@', b\"'x'\")\n\
                   sys.exit(parser.parse(text).root_node.has_error)";
    check("python3", &["-c", grammar], "shell/init.ps1");
}
