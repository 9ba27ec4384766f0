//! The committed manual pages match the current command line. `UPDATE=1 tests/run manual`
//! regenerates them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each generated file with its content.
fn made() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, text) in claude_vault::cli::manual::pages() {
        files.insert(Path::new("man").join(name), text);
    }
    files
}

#[test]
fn the_committed_manual_matches_the_command_line() {
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
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains("[default: ]"), "{}", path.display());
        let committed = std::fs::read(root.join(path)).unwrap_or_default();
        assert!(
            committed == *content,
            "{} is out of date: UPDATE=1 tests/run manual",
            path.display()
        );
    }
    let committed = std::fs::read_dir(root.join("man")).unwrap().count();
    assert_eq!(
        committed,
        made.len(),
        "a committed page belongs to no command"
    );
}

#[test]
fn groff_renders_the_manual_without_warnings() {
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
