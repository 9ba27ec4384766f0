//! Rules about the source code: which files may open a secret, write to Vault, or print.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::files;

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_program = |path: &Path| {
        path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs")
    };
    let found = files(&root)
        .into_iter()
        .filter(|(path, _)| is_program(path));
    found
        .map(|(path, content)| {
            let text = String::from_utf8(content).unwrap();
            let code = without_unit_tests(&text)
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let text = code.collect::<Vec<_>>().join("\n");
            (
                path.strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
                text,
            )
        })
        .collect()
}

/// A source text up to its unit tests, which come last and are not part of the program.
fn without_unit_tests(text: &str) -> &str {
    let is_tests = |at: &usize| {
        let mut lines = text[*at..].lines();
        let item = lines.find(|line| !line.starts_with("#["));
        item.is_some_and(|item| item.starts_with("mod tests {"))
    };
    let mut marks = text.match_indices("#[cfg(test)]").map(|(at, _)| at);
    marks.find(is_tests).map_or(text, |at| &text[..at])
}

#[test]
fn unit_tests_are_left_out_and_the_code_around_other_test_items_is_not() {
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nimpl A for B {}\nfn f() {}\n";
    let end = "#[cfg(test)]\n#[allow(clippy::panic)]\nmod tests {\n}\n";
    assert_eq!(without_unit_tests(&format!("{text}{end}")), text);
}

#[test]
fn secrets_are_opened_only_in_the_listed_files() {
    let allowed = [
        (
            "TokenHeader",
            &["vault/client/send.rs", "vault/wrapping.rs"][..],
        ),
        ("RequestBody", &["secret.rs"]),
        (
            "LoginRequest",
            &["vault/jwt.rs", "vault/oidc.rs", "login/provider.rs"],
        ),
        ("SessionMark", &["session.rs"]),
        ("ShellExport", &["cli/login.rs"]),
        (
            "Stdout",
            &[
                "cli/get.rs",
                "cli/receive.rs",
                "cli/share.rs",
                "cli/values.rs",
            ],
        ),
        (
            "Export",
            &["core/export/formats.rs", "core/export/formats/typed.rs"],
        ),
        (
            "InjectedFile",
            &[
                "core/adopt/written.rs",
                "core/inject/render.rs",
                "core/inject/render/env.rs",
                "core/inject/yaml_text.rs",
            ],
        ),
        ("Clipboard", &["cli/clipboard.rs"]),
        ("EditedText", &["core/edit.rs"]),
        ("ChildEnvironment", &["cli/exec.rs"]),
        ("PlaintextReply", &["mcp/public.rs"]),
        ("ApprovalPage", &["approval/page/plans.rs"]),
        ("ApprovalSocket", &["approval/socket.rs"]),
        (
            "RevealedPlan",
            &[
                "cli/at_terminal.rs",
                "cli/history.rs",
                "cli/inject/report.rs",
            ],
        ),
        (
            "Inspection",
            &[
                "core/adopt/for_model.rs",
                "core/adopt/intake.rs",
                "core/adopt/naming.rs",
                "core/edit.rs",
                "core/exec.rs",
                "core/inject/mask.rs",
                "core/inject/render.rs",
                "core/inject/render/env.rs",
                "core/plan/version/given.rs",
                "core/plan/version/notes.rs",
                "core/receive.rs",
                "core/set.rs",
                "core/set/from/env.rs",
                "vault/kv.rs",
                "cli/at_terminal.rs",
                "cli/find.rs",
                "cli/login/at_shell.rs",
                "cli/receive.rs",
                "cli/set.rs",
                "cli/set/assignment.rs",
                "approval/page/plans.rs",
                "approval/pending/digest.rs",
                "approval/pending/shown.rs",
                "mcp/tools/secrets/set.rs",
            ],
        ),
    ];
    let listed = sources()
        .into_iter()
        .find(|(file, _)| file == "secret.rs")
        .unwrap()
        .1;
    let ways = listed
        .split("pub enum WayOut {")
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    assert_eq!(
        ways.lines()
            .filter(|line| line.trim().ends_with(','))
            .count(),
        allowed.len()
    );
    let mut used = BTreeSet::new();
    for (file, text) in sources() {
        for part in text.split("WayOut::").skip(1) {
            let way: String = part.chars().take_while(|c| c.is_alphanumeric()).collect();
            used.insert((way.clone(), file.clone()));
            let (_, places) = allowed
                .iter()
                .find(|(name, _)| *name == way)
                .unwrap_or_else(|| panic!("{way} in {file}"));
            assert!(places.contains(&file.as_str()), "{way} in {file}");
        }
        let opened = text.matches(".expose(").count();
        let named = text.matches(".expose(WayOut::").count()
            + text.matches(".expose(crate::secret::WayOut::").count();
        // A value passes on the way that its caller named.
        let passed_on = if file == "secret.rs" {
            text.matches(".expose(way)").count()
        } else {
            0
        };
        assert_eq!(
            opened,
            named + passed_on,
            "{file} opens a secret without naming the way"
        );
    }
    for (way, places) in allowed {
        for place in places {
            assert!(
                used.contains(&(way.to_owned(), (*place).to_owned())),
                "{place} does not use {way}: remove it from the list"
            );
        }
    }
}

#[test]
fn only_an_approved_plan_writes_to_vault() {
    for (file, text) in sources() {
        let may_write = matches!(file.as_str(), "core/plan/version/write.rs" | "vault/kv.rs");
        assert!(may_write || !text.contains("write_service"), "{file}");
        let may_delete = matches!(file.as_str(), "core/plan/deletion.rs" | "vault/versions.rs");
        for change in [
            "delete_versions(",
            "undelete_versions(",
            "destroy_versions(",
            "delete_everything(",
        ] {
            assert!(may_delete || !text.contains(change), "{change} in {file}");
        }
        let may_annotate = file.starts_with("core/plan/") || file == "vault/versions.rs";
        assert!(
            may_annotate || !text.contains("write_custom_metadata("),
            "{file}"
        );
        // No other file may write a file with values, or create the permit that every operation
        // needs.
        let writes_files = matches!(
            file.as_str(),
            "core/plan/files.rs" | "files/mod.rs" | "files/write.rs"
        );
        assert!(
            writes_files || !text.contains("FileChange") || !text.contains("files::write"),
            "{file}"
        );
        let takes_steps = matches!(
            file.as_str(),
            "core/plan/adoption/steps.rs" | "files/adopted.rs"
        );
        assert!(takes_steps || !text.contains("write_step("), "{file}");
        assert!(
            file == "core/plan/mod.rs" || !text.contains("Permit {"),
            "{file}"
        );
        let may_send = file.starts_with("vault/") || file.starts_with("dev/");
        assert!(may_send || !text.contains("Call::put"), "{file}");
    }
}

/// Replies to a model consist of types that cannot hold text from outside.
#[test]
fn text_from_outside_is_opened_only_in_one_file_and_no_reply_holds_a_string() {
    let mut replies = 0;
    for (file, text) in sources() {
        let may_open = file == "names/outside.rs";
        assert!(
            may_open || !text.contains(".open()") || !text.contains("Outside"),
            "{file} opens text from outside"
        );
        let makes_words = file == "mcp/public.rs";
        assert!(
            makes_words || !text.contains("impl Public for"),
            "{file} makes a type public to models"
        );
        assert!(
            makes_words || !text.contains("ClearValue("),
            "{file} shows a value"
        );
        if !file.starts_with("mcp/tools/") {
            continue;
        }
        assert!(
            !text.contains("derive(Serialize"),
            "{file} serialises what public_reply! did not check"
        );
        for declared in text.split("public_reply! {").skip(1) {
            let declared = declared.split("\n}\n").next().unwrap();
            replies += declared.matches("struct ").count();
            assert!(
                !declared.contains("String") && !declared.contains("Value,"),
                "{file}: {declared}"
            );
        }
    }
    assert!(replies >= 10, "{replies}");
}

#[test]
fn only_the_listed_files_print_or_open_the_terminal() {
    for (file, text) in sources() {
        for word in [
            "stdout()",
            "stderr()",
            "println!",
            "eprintln!",
            "print!(",
            "/dev/tty\")",
        ] {
            // Over MCP, standard output carries the protocol.
            let may = matches!(file.as_str(), "ui.rs" | "terminal.rs" | "mcp/transport.rs");
            assert!(may || !text.contains(word), "{word} in {file}");
        }
    }
}

/// A module and the modules it imports.
type Module = (&'static str, &'static [&'static str]);

/// The modules of the program, layer by layer from the bottom up. A module may import only the
/// modules in its entry, and each of them must come before it: in a lower layer, or earlier in its
/// own layer. Only `error` and `names` import each other: checking a name can produce an error, and
/// errors make foreign text printable.
const HOUSE: [(&str, &[Module]); 6] = [
    (
        "the bottom",
        &[
            ("error", &["names"]),
            ("names", &["error"]),
            ("secret", &[]),
            ("random", &["error"]),
            ("private", &[]),
        ],
    ),
    (
        "settings, and what needs nothing of Vault",
        &[
            ("config", &["error", "names"]),
            ("session", &["config", "error", "random", "secret"]),
            ("loopback", &["error"]),
            ("launcher", &["config", "error"]),
            ("signals", &[]),
        ],
    ),
    (
        "what the core works with",
        &[
            ("format", &["names"]),
            ("files", &["error", "names", "private", "random"]),
            ("audit", &["config", "error", "names", "private", "random"]),
            ("vault", &["config", "error", "names", "random", "secret"]),
            (
                "login",
                &[
                    "config", "error", "format", "loopback", "names", "random", "secret", "vault",
                ],
            ),
            (
                "approval",
                &[
                    "audit", "config", "error", "loopback", "names", "private", "random", "secret",
                    "session",
                ],
            ),
        ],
    ),
    (
        "each operation, once",
        &[(
            "core",
            &[
                "approval", "audit", "config", "error", "files", "format", "launcher", "login",
                "names", "private", "random", "secret", "session", "vault",
            ],
        )],
    ),
    (
        "what only a person's shell has",
        &[
            ("shell", &["format"]),
            ("ui", &["config", "error", "names", "shell"]),
            ("terminal", &["error", "names", "secret", "ui"]),
            (
                "dev",
                &[
                    "config", "error", "launcher", "names", "random", "secret", "vault",
                ],
            ),
        ],
    ),
    (
        "the faces",
        &[
            (
                "mcp",
                &[
                    "approval", "audit", "config", "core", "error", "login", "names", "random",
                    "secret", "session", "signals",
                ],
            ),
            (
                "cli",
                &[
                    "approval", "audit", "config", "core", "dev", "error", "files", "format",
                    "launcher", "login", "mcp", "names", "private", "random", "secret", "session",
                    "shell", "signals", "terminal", "ui", "vault",
                ],
            ),
        ],
    ),
];

/// The modules of this crate that a source text names after `crate::`, including those in brace
/// lists.
fn imports(text: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let (mut depth, mut start) = (1, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && start && c.is_ascii_alphabetic() {
                found.push(word(&list[at..]));
            }
            start = depth == 1 && (c == ',' || (start && c.is_whitespace()));
        }
    }
    found
}

#[test]
fn modules_import_only_from_below() {
    assert_eq!(
        imports("use crate::a::B; use crate::{\n    c::{D, e::F},\n    g,\n}; crate::h::i()"),
        ["a", "c", "g", "h"]
    );
    let modules: Vec<Module> = HOUSE
        .iter()
        .flat_map(|(_, layer)| layer.iter().copied())
        .collect();
    let place = |name: &str| modules.iter().position(|(module, _)| *module == name);
    let bottom = HOUSE[0].1.len();
    for (at, (module, allowed)) in modules.iter().enumerate() {
        for import in *allowed {
            let target = place(import)
                .unwrap_or_else(|| panic!("{module} may import {import}, which does not exist"));
            assert!(
                target < at || target < bottom,
                "{module} may import {import}, which does not stand before it"
            );
        }
    }
    let mut used = BTreeSet::new();
    for (file, text) in sources() {
        let module = file.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let (_, allowed) = modules
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is missing from HOUSE"));
        for import in imports(&text) {
            assert!(
                import == module || allowed.contains(&import.as_str()),
                "{file} imports {import}"
            );
            used.insert((module.to_owned(), import));
        }
        assert!(
            !text.contains("claude_vault::"),
            "{file} goes round by the name of the crate"
        );
        // Formats are pure: text in, text out.
        for word in ["std::fs", "std::io", "std::env", "std::process", "std::net"] {
            assert!(
                module != "format" || !text.contains(word),
                "{word} in {file}"
            );
        }
    }
    for (module, allowed) in modules {
        for import in allowed {
            assert!(
                used.contains(&(module.to_owned(), (*import).to_owned())),
                "{module} does not import {import}: remove it from HOUSE"
            );
        }
    }
}

/// A variant that is added later must not silently fall into `_ =>`.
#[test]
fn a_match_on_an_enum_of_this_crate_names_every_variant() {
    let sources = sources();
    let enums: Vec<&str> = sources
        .iter()
        .flat_map(|(_, text)| text.split("enum ").skip(1))
        .filter_map(|rest| rest.split([' ', '<', '{']).next())
        .collect();
    assert!(enums.len() > 100, "{}", enums.len());
    let indent = |line: &str| line.len() - line.trim_start().len();
    for (file, text) in &sources {
        let is_ours = |arm: &str| {
            let path = arm.trim_start_matches("| ");
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let parts: Vec<&str> = path[..end.unwrap_or(path.len())].split("::").collect();
            let [.., name, variant] = parts.as_slice() else {
                return false;
            };
            // serde_json has a `Value` too.
            let is_foreign =
                parts[0] == "serde_json" || (*name == "Value" && text.contains("use serde_json::"));
            (enums.contains(name) || *name == "Self")
                && variant.starts_with(|c: char| c.is_ascii_uppercase())
                && !is_foreign
        };
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        for (number, line) in lines.iter().enumerate() {
            if !line.trim_start().starts_with("_ =>") {
                continue;
            }
            let mut arms = lines[..number]
                .iter()
                .rev()
                .take_while(|other| indent(other) >= indent(line))
                .filter(|other| indent(other) == indent(line));
            let named = arms.find(|arm| is_ours(arm.trim()));
            assert!(named.is_none(), "{file}: _ => beside {}", named.unwrap());
        }
    }
}

/// A program that we start does not inherit the session, except with `exec --keep-token`.
#[test]
fn programs_that_we_start_get_no_session() {
    for (file, text) in sources() {
        let starts = text.matches("Command::new(").count() + text.matches("Process::new(").count();
        let hides = text.contains("VARIABLES")
            || text.contains("\"VAULT_TOKEN\"")
            || text.contains("env_clear()");
        // The shell of `dev` starts without any Vault variable.
        let without_prefix =
            file == "cli/dev.rs" && text.contains("[\"VAULT_\", \"BAO_\", \"CLAUDE_VAULT_\"]");
        assert!(
            starts == 0 || hides || without_prefix,
            "{file} starts a program with the session in its environment"
        );
    }
}

#[test]
fn the_source_has_no_unsafe_code_and_no_path_of_a_home_folder() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    assert!(
        std::fs::read_to_string(root.join("Cargo.toml"))
            .unwrap()
            .contains("unsafe_code = \"forbid\"")
    );
    for (file, text) in sources() {
        assert!(
            !text.contains("/home/") && !text.contains("/root/"),
            "{file}"
        );
    }
}

#[test]
fn the_shell_files_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = |program: &str, arguments: &[&str], file: &str| {
        let output = Command::new(program)
            .args(arguments)
            .arg(root.join(file))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program} {file}:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    // The launcher's first line is deliberately not a shell's.
    for (file, dialect) in [
        ("shell/launcher.sh", "sh"),
        ("shell/tour.sh", "sh"),
        ("completions/claude-vault.bash", "bash"),
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
    check("fish", &["--no-execute"], "completions/claude-vault.fish");
    check("zsh", &["-n"], "completions/_claude-vault");
    // PowerShell is in none of the registries that these tests use, so this uses the grammar of
    // editors.
    let grammar = "import sys; sys.path.insert(0, 'tests/ground/python'); import tree_sitter, tree_sitter_powershell\n\
                   parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))\n\
                   text = open(sys.argv[1], 'rb').read().replace(b'@BIN@', b\"'x'\")\n\
                   sys.exit(parser.parse(text).root_node.has_error)";
    check("python3", &["-c", grammar], "shell/init.ps1");
    check("python3", &["-c", grammar], "completions/_claude-vault.ps1");
}
