//! The manual pages that are committed are those of the command line as it is.
//! `UPDATE=1 tests/run manual` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each file that is made, with its content.
fn made() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, text) in claude_vault::cli::manual::pages() {
        files.insert(Path::new("man").join(name), text);
    }
    files
}

#[test]
fn the_manual_is_that_of_this_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = made();
    assert!(made.len() > 20, "{:?}", made.keys());
    if std::env::var_os("UPDATE").is_some() {
        let _ = std::fs::remove_dir_all(root.join("man"));
        std::fs::create_dir(root.join("man")).unwrap();
        for (path, content) in &made {
            std::fs::write(root.join(path), content).unwrap();
        }
    }
    for (path, content) in &made {
        let committed = std::fs::read(root.join(path)).unwrap_or_default();
        assert!(
            committed == *content,
            "{} is out of date: UPDATE=1 tests/run manual",
            path.display()
        );
    }
    let committed = std::fs::read_dir(root.join("man")).unwrap().count();
    assert_eq!(committed, made.len(), "a file of a command that is gone");
}

#[test]
fn the_manual_is_a_manual() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in std::fs::read_dir(root.join("man")).unwrap().flatten() {
        let run = crate::support::run(
            std::process::Command::new("groff")
                .args(["-k", "-man", "-Tutf8", "-ww", "-z"])
                .arg(page.path()),
            "",
        );
        assert_eq!(
            (run.status, run.stderr.as_str()),
            (0, ""),
            "{}",
            page.path().display()
        );
    }
}
