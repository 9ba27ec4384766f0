//! Installing and uninstalling for one user, and the output of `init`.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Home, files};

#[test]
fn setup_installs_binary_and_launcher_and_uninstall_removes_them() {
    let mut home = Home::new();
    home.cv(["setup"])
        .exits(0)
        .says("source claude-vault login");
    let launcher = home.path().join(".local/bin/claude-vault");
    assert_eq!(
        std::fs::metadata(&launcher).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let share = home.path().join(".local/share");
    for file in [
        "man/man1/claude-vault.1",
        "man/man1/claude-vault-approve-enroll.1",
        "bash-completion/completions/claude-vault",
        "zsh/site-functions/_claude-vault",
        "fish/vendor_completions.d/claude-vault.fish",
    ] {
        assert!(share.join(file).is_file(), "{file}");
    }
    // fish and man find the files without configuration.
    assert!(
        home.shell(&["fish"], "complete -C 'claude-vault inj'")
            .exits(0)
            .stdout
            .starts_with("inject")
    );
    let manual = home
        .shell(&["bash"], "man -M ~/.local/share/man -P cat claude-vault")
        .exits(0);
    assert!(
        manual
            .stdout
            .contains("Sessions and secrets of HashiCorp Vault and OpenBao"),
        "{}",
        manual.all()
    );
    let version = home.shell(&["bash"], "claude-vault --version").exits(0);
    assert_eq!(
        version.stdout,
        format!("claude-vault {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(
        home.shell(&["bash"], "claude-vault --help")
            .exits(0)
            .stdout
            .contains("Usage: claude-vault COMMAND [OPTIONS]")
    );
    home.shell(&["bash"], "claude-vault setup").exits(0); // an upgrade, run by the installed program itself
    // Files that `dev` stores, and Nushell's function.
    let function = home
        .shell(&["bash"], "claude-vault init nushell")
        .exits(0)
        .stdout;
    let autoload = ".local/share/nushell/vendor/autoload/claude-vault.nu";
    for (file, text) in [
        (".cache/claude-vault/openbao-0/bao", ""),
        (autoload, &*function),
    ] {
        std::fs::create_dir_all(home.path().join(file).parent().unwrap()).unwrap();
        std::fs::write(home.path().join(file), text).unwrap();
    }
    home.shell(&["bash"], "claude-vault setup --uninstall")
        .exits(0);
    let _ = std::fs::remove_dir(home.path().join(".cache"));
    let _ = std::fs::remove_dir_all(home.path().join(".config/fish")); // fish creates this folder itself
    let _ = std::fs::remove_dir(home.path().join(".config"));
    let left: Vec<_> = std::fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(left.is_empty(), "the home was empty before: {left:?}");
    home.cv(["setup", "--uninstall"]).exits(5);
    // Other programs' files stay, and so does their folder.
    home.cv(["setup"]).exits(0);
    let other = home.path().join(".local/bin/other");
    std::fs::write(&other, "").unwrap();
    // XDG_CACHE_HOME is the person's own folder. Files there that are not a server we downloaded
    // stay, and so does a Nushell function of another program.
    home.set("XDG_CACHE_HOME", home.path().join("all").to_string_lossy());
    let state = home.path().join("all/claude-vault/audit.log");
    let theirs = home.path().join(autoload);
    for file in [&state, &theirs] {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    home.cv(["setup", "--uninstall"]).exits(0);
    let mut left: Vec<_> = files(&home.path())
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    left.sort();
    assert_eq!(left, [other, theirs, state]);
}

#[test]
fn setup_reports_a_missing_path_entry_and_a_program_that_hides_it() {
    let mut home = Home::new();
    home.set("PATH", "/usr/bin:/bin");
    home.cv(["setup"]).exits(0).says("export PATH=");
    let first = home.lab().join("first");
    std::fs::create_dir(&first).unwrap();
    std::fs::write(first.join("claude-vault"), "").unwrap();
    home.set(
        "PATH",
        format!(
            "{}:{}/.local/bin:/usr/bin:/bin",
            first.display(),
            home.path().display()
        ),
    );
    home.cv(["setup"]).exits(0).says("comes first on PATH");
}

#[test]
fn setup_never_overwrites_another_program() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join(".local/bin")).unwrap();
    std::fs::write(
        home.path().join(".local/bin/claude-vault"),
        "#!/bin/bash\n# the old script\n",
    )
    .unwrap();
    home.cv(["setup"])
        .exits(2)
        .says("is another program")
        .says("mv ");
    assert_eq!(files(&home.path()).len(), 1);
    home.cv(["setup", "--uninstall"]).exits(5);
    assert_eq!(files(&home.path()).len(), 1);
}

#[test]
fn setup_refuses_a_place_that_no_interpreter_line_can_name() {
    let home = Home::new();
    let with_blank = home.lab().join("a b");
    home.cv(["setup", "--to", &with_blank.to_string_lossy()])
        .exits(2);
    home.cv([
        "setup",
        "--to",
        &home.lab().join("x".repeat(250)).to_string_lossy(),
    ])
    .exits(2);
    assert!(!with_blank.exists());
}

#[test]
fn help_names_every_command_and_version_is_one_line() {
    let home = Home::new();
    let help = home.cv(["--help"]).exits(0).stdout;
    for command in [
        "login", "logout", "status", "list", "get", "set", "inject", "exec", "audit", "dev",
        "init", "setup",
    ] {
        assert!(
            help.contains(&format!(" {command} ")),
            "{command} in\n{help}"
        );
        home.cv([command, "--help"]).exits(0);
    }
    assert!(!help.contains("dev-server"));
    for words in [&["--version"][..], &["-V"], &["--json", "--version"]] {
        assert_eq!(
            home.cv(words).exits(0).stdout,
            format!("claude-vault {}\n", env!("CARGO_PKG_VERSION")),
            "{words:?}"
        );
    }
    home.cv([] as [&str; 0]).exits(2);
    home.cv(["lits"]).exits(2).says("did you mean list?");
    home.cv(["get", "plex", "--jsno"]).exits(2).says("--json");
}
