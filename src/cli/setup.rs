//! The `setup` command: installs the binary, the launcher, the manual pages and the completions,
//! and uninstalls them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::completions::PLACES;
use crate::config::{Env, folder};
use crate::error::{Error, Result};
use crate::format::shell::quote;
use crate::launcher::{self, BINARY};
use crate::ui::Ui;

/// The folder of the manual pages below a prefix.
const MANUAL: &str = "share/man/man1";

#[derive(clap::Args)]
pub(super) struct Setup {
    /// Where to install: DIR/bin, DIR/libexec and DIR/share [default: ~/.local]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Remove the installation there
    #[arg(long)]
    uninstall: bool,
}

impl Setup {
    pub(super) fn run(self, ui: &Ui, env: &Env) -> Result<u8> {
        let prefix = match self.to {
            Some(to) => std::path::absolute(&to).map_err(Error::io("find", to))?,
            None => env
                .path("HOME")
                .ok_or_else(|| Error::invalid("HOME is not set", "claude-vault setup --to DIR"))?
                .join(".local"),
        };
        let (binary, launcher) = (
            prefix.join("libexec/claude-vault").join(BINARY),
            prefix.join("bin/claude-vault"),
        );
        if self.uninstall {
            uninstall(ui, env, &prefix, &binary, &launcher)
        } else {
            install(ui, env, &prefix, &binary, &launcher)
        }
    }
}

fn install(ui: &Ui, env: &Env, prefix: &Path, binary: &Path, launcher: &Path) -> Result<u8> {
    let this = std::env::current_exe().map_err(Error::io("find", "this program"))?;
    let text = launcher::text(binary)?;
    if launcher.symlink_metadata().is_ok() && !launcher::is_ours(launcher) {
        return Err(Error::invalid(
            format!("{} is another program", launcher.display()),
            format!(
                "if it is the old script: mv {} {}   and run this again",
                quote(&launcher.to_string_lossy()),
                quote(&format!("{}.old", launcher.display()))
            ),
        ));
    }
    let content = fs::read(&this).map_err(Error::io("read", &this))?;
    place(binary, &content)?;
    place(launcher, text.as_bytes())?;
    if let Err(error) = install_shared(prefix) {
        // Only a warning: the program works without manual pages and completions.
        ui.warn(&format!(
            "{error}: manual pages and completions are not installed"
        ));
    }
    ui.note(&format!(
        "installed {} and {}",
        launcher.display(),
        binary.display()
    ));
    say_next_step(ui, env, launcher);
    Ok(0)
}

/// Prints how to start the launcher, depending on whether and where it is on PATH.
fn say_next_step(ui: &Ui, env: &Env, launcher: &Path) {
    let folder = launcher.parent().unwrap_or(launcher);
    let on_path = env.search_path();
    match on_path
        .iter()
        .find(|dir| dir.join("claude-vault").is_file() || *dir == folder)
    {
        Some(first) if first == folder => {
            ui.note(&format!(
                "next: {}\nTo try it without a Vault: claude-vault dev",
                ui.shell().login_with_setup()
            ));
        }
        Some(first) if on_path.iter().any(|dir| dir == folder) => {
            ui.warn(&format!(
                "{} comes first on PATH and hides it: remove that one",
                first.join("claude-vault").display()
            ));
        }
        _ => {
            let (file, line) = ui.shell().on_path(&folder.display().to_string());
            ui.note(&format!("next: put it on PATH, in {file}:\n\n  {line}\n"));
        }
    }
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

/// The manual pages and completions that are installed below a prefix.
fn shared(prefix: &Path) -> impl Iterator<Item = PathBuf> {
    let is_page = |name: &str| {
        name == "claude-vault.1" || (name.starts_with("claude-vault-") && name.ends_with(".1"))
    };
    let pages = fs::read_dir(prefix.join(MANUAL))
        .into_iter()
        .flatten()
        .flatten();
    let pages = pages
        .filter(move |entry| entry.file_name().to_str().is_some_and(is_page))
        .map(|entry| entry.path());
    pages.chain(PLACES.iter().map(|(place, _)| prefix.join(place)))
}

/// The file in which the README tells users to save the Nushell function, if it calls this binary.
fn nushells(env: &Env, binary: &Path) -> Option<PathBuf> {
    let file = folder(env, "XDG_DATA_HOME", ".local/share")?
        .join("nushell/vendor/autoload/claude-vault.nu");
    fs::read_to_string(&file)
        .is_ok_and(|text| text.contains(&*binary.to_string_lossy()))
        .then_some(file)
}

fn uninstall(ui: &Ui, env: &Env, prefix: &Path, binary: &Path, launcher: &Path) -> Result<u8> {
    let own: Vec<&Path> = [
        (launcher, launcher::is_ours(launcher)),
        (binary, binary.is_file()),
    ]
    .into_iter()
    .filter_map(|(file, ours)| ours.then_some(file))
    .collect();
    if own.is_empty() {
        return Err(Error::NotFound {
            missing: None,
            what: format!("an installation at {}", launcher.display()),
            hint: "name its folder: claude-vault setup --uninstall --to DIR".into(),
        });
    }
    // The path that `init` prints.
    let program = binary.canonicalize().unwrap_or_else(|_| binary.to_owned());
    for file in &own {
        fs::remove_file(file).map_err(Error::io("remove", *file))?;
    }
    let home = env
        .path("HOME")
        .filter(|home| prefix.starts_with(home) && *home != Path::new("/"));
    let mut shared: Vec<PathBuf> = shared(prefix).collect();
    if home.is_some() {
        shared.extend(nushells(env, &program));
        crate::dev::remove_fetched_servers(env);
    }
    for file in &shared {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                ui.warn(&Error::io("remove", file)(error).to_string());
            }
            _ => {}
        }
    }
    let removed = own
        .iter()
        .copied()
        .chain(shared.iter().map(PathBuf::as_path));
    remove_empty_folders(removed, prefix, home.as_deref(), binary.parent());
    let own: Vec<_> = own.iter().map(|file| file.display().to_string()).collect();
    ui.note(&format!(
        "removed {}, with its manual pages and completions; kept: settings in \
         ~/.config/claude-vault, audit logs, and your lines in shell startup files",
        own.join(" and ")
    ));
    Ok(0)
}

/// Removes the folders of the removed files that are now empty. Outside the home folder, folders
/// belong to the system, except the binary's own one.
fn remove_empty_folders<'a>(
    removed: impl Iterator<Item = &'a Path>,
    prefix: &Path,
    home: Option<&Path>,
    own: Option<&Path>,
) {
    for file in removed {
        for folder in file
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(prefix) && Some(*folder) != home)
        {
            let is_ours = home.is_some() || Some(folder) == own;
            // A folder that is not empty stays.
            if !is_ours || fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Writes an executable to a temporary file and renames it, because the old one may be running.
fn place(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let write = || {
        let beside = tempfile::NamedTempFile::new_in(folder)?.into_temp_path();
        fs::write(&beside, content)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755))?;
        beside.persist(path).map_err(std::io::Error::from)
    };
    write().map_err(Error::io("write", path))
}
