//! `setup`: puts binary, launcher, manual pages and completions where they belong, and takes them away
//! again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::BINARY;
use super::completions::PLACES;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::ui::Ui;

/// Where manual pages lie below a prefix.
const MANUAL: &str = "share/man/man1";

#[derive(clap::Args)]
pub(super) struct Setup {
    /// Where to install: DIR/bin, DIR/libexec and DIR/share [default: ~/.local]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Remove what was installed there
    #[arg(long)]
    uninstall: bool,
}

impl Setup {
    pub(super) fn run(self, ui: &Ui, env: &Env) -> Result<u8> {
        let prefix = match self.to {
            Some(to) => std::path::absolute(&to).map_err(Error::io("find", to))?,
            None => {
                env.path("HOME").ok_or_else(|| Error::invalid("HOME is not set", "claude-vault setup --to DIR"))?.join(".local")
            }
        };
        let (binary, launcher) = (prefix.join("libexec/claude-vault").join(BINARY), prefix.join("bin/claude-vault"));
        if self.uninstall {
            uninstall(ui, env, &prefix, &binary, &launcher)
        } else {
            install(ui, env, &prefix, &binary, &launcher)
        }
    }
}

fn install(ui: &Ui, env: &Env, prefix: &Path, binary: &Path, launcher: &Path) -> Result<u8> {
    let this = std::env::current_exe().map_err(Error::io("find", "this program"))?;
    let text = launcher_for(binary)?;
    if launcher.symlink_metadata().is_ok() && !is_ours(launcher) {
        return Err(Error::invalid(
            format!("{} is another program", launcher.display()),
            format!("if it is the old script: mv {0} {0}.old   and run this again", launcher.display()),
        ));
    }
    let content = fs::read(&this).map_err(Error::io("read", &this))?;
    place(binary, &content)?;
    place(launcher, text.as_bytes())?;
    if let Err(error) = install_shared(prefix) {
        // The program works without them.
        ui.warn(&format!("{error}: manual pages and completions are not installed"));
    }
    ui.note(&format!("installed {} and {}", launcher.display(), binary.display()));
    let folder = launcher.parent().unwrap_or(launcher);
    let on_path: Vec<PathBuf> = env.path("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    match on_path.iter().find(|dir| dir.join("claude-vault").is_file() || *dir == folder) {
        Some(first) if first == folder => {
            ui.note("next: source claude-vault login   (without a Vault of your own: claude-vault dev)");
        }
        Some(first) if on_path.iter().any(|dir| dir == folder) => {
            ui.warn(&format!("{} comes first on PATH and hides it: remove that one", first.join("claude-vault").display()));
        }
        _ => ui.note(&format!(
            "next: put it on PATH, in ~/.profile or ~/.bashrc:\n\n  export PATH=\"{}:$PATH\"\n",
            folder.display()
        )),
    }
    Ok(0)
}

fn install_shared(prefix: &Path) -> Result<()> {
    let pages = prefix.join(MANUAL);
    fs::create_dir_all(&pages).map_err(Error::io("create", &pages))?;
    for (name, text) in super::manual::pages() {
        let page = pages.join(name);
        fs::write(&page, text).map_err(Error::io("write", &page))?;
    }
    for (place, text) in PLACES {
        let path = prefix.join(place);
        let folder = path.parent().unwrap_or(prefix);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    Ok(())
}

/// Takes the manual pages and completions away, and, where asked, folders that are empty then.
fn uninstall_shared(prefix: &Path, folders: bool) {
    let is_page = |name: &str| name == "claude-vault.1" || (name.starts_with("claude-vault-") && name.ends_with(".1"));
    let pages = fs::read_dir(prefix.join(MANUAL)).into_iter().flatten().flatten();
    let pages = pages.filter(|entry| entry.file_name().to_str().is_some_and(is_page)).map(|entry| entry.path());
    let files: Vec<PathBuf> = pages.chain(PLACES.iter().map(|(place, _)| prefix.join(place))).collect();
    for file in files {
        // What is not there needs no removing, and a folder with something else in it stays.
        let _ = fs::remove_file(&file);
        for folder in file.ancestors().skip(1).take_while(|folder| folders && *folder != prefix) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

fn uninstall(ui: &Ui, env: &Env, prefix: &Path, binary: &Path, launcher: &Path) -> Result<u8> {
    let mut removed = 0;
    if is_ours(launcher) {
        fs::remove_file(launcher).map_err(Error::io("remove", launcher))?;
        removed += 1;
    }
    if binary.is_file() {
        fs::remove_file(binary).map_err(Error::io("remove", binary))?;
        // The folder is ours; one with something else in it stays.
        let _ = binary.parent().map(fs::remove_dir);
        removed += 1;
    }
    if removed == 0 {
        return Err(Error::NotFound {
            what: format!("an installation at {}", launcher.display()),
            hint: "name the one meant: claude-vault setup --uninstall --to DIR".into(),
        });
    }
    // At home, folders that were made for it go too; elsewhere they are the system's.
    let at_home = env.path("HOME").is_some_and(|home| prefix.starts_with(home));
    uninstall_shared(prefix, at_home);
    ui.note(&format!("removed {} and its binary; settings in ~/.config/claude-vault and audit logs stay", launcher.display()));
    Ok(0)
}

/// The launcher's text. The kernel reads the interpreter's path up to the first blank and at
/// most 255 bytes of the line.
pub(super) fn launcher_for(binary: &Path) -> Result<String> {
    let path = binary.to_str().filter(|path| {
        path.len() < 250
            && path
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+' | b'@' | b'%' | b','))
    });
    let path = path.ok_or_else(|| {
        Error::invalid("the path to install to is too long or holds blanks or special characters", "claude-vault setup --to DIR")
    })?;
    Ok(include_str!("../../shell/launcher.sh").replace("@BIN@", path))
}

fn is_ours(launcher: &Path) -> bool {
    let first = fs::read(launcher).ok().map(|content| content.into_iter().take_while(|byte| *byte != b'\n').collect::<Vec<u8>>());
    first.is_some_and(|line| line.starts_with(b"#!") && line.ends_with(BINARY.as_bytes()))
}

/// Writes an executable whole: beside it, then renamed, since the old one may be running.
fn place(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let beside = path.with_extension("new");
    let written = fs::write(&beside, content)
        .and_then(|()| fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Error::io("write", path)(error)
    })
}
