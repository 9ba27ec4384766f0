//! The `config` command: prints each setting, its value and its source; and `config edit`.

use std::process::Command as Process;

use crate::config::{Env, Global, SettingReport, Settings, config_file, shown};
use crate::error::{Error, Result};
use crate::private;
use crate::session::VARIABLES;
use crate::ui::{Piped, Table, Ui};

#[derive(clap::Args)]
pub(super) struct Config {
    #[command(subcommand)]
    what: Option<What>,
    /// Also show settings that have their default values
    #[arg(long)]
    all: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// Open the config file in your editor, then check it
    Edit,
}

const EXAMPLE: &str = "\
# claude-vault: each line is a setting; claude-vault config --all shows them all.
# address = \"https://vault.example.org:8200\"
# role = \"homelab\"
";

impl Config {
    pub(super) fn run(self, ui: &Ui, global: &Global, env: &Env) -> Result<u8> {
        match self.what {
            None => show(ui, global, env, self.all),
            Some(What::Edit) => edit(ui, global, env),
        }
    }
}

fn show(ui: &Ui, global: &Global, env: &Env, all: bool) -> Result<u8> {
    let report = shown(global, env)?;
    if ui.json() {
        ui.data_json(&report)?;
        return Ok(0);
    }
    let is_shown = |setting: &&SettingReport| all || setting.is_set || setting.locked;
    let mut table = Table::new(&["SETTING", "VALUE", "FROM"], Piped::Aligned);
    for SettingReport {
        name,
        value,
        source,
        locked,
        ..
    } in report.settings.iter().filter(is_shown)
    {
        let locked = if *locked { ", locked" } else { "" };
        table.row([
            name.to_string().into(),
            value.clone().into(),
            format!("{source}{locked}").into(),
        ]);
    }
    ui.data(&table.text(ui))?;
    let others = report
        .settings
        .iter()
        .filter(|setting| !is_shown(setting))
        .count();
    if others > 0 {
        ui.note(&format!(
            "{others} other settings have their defaults: claude-vault config --all"
        ));
    }
    for path in report
        .files
        .iter()
        .filter(|path| Some(*path) != report.file.as_ref())
    {
        ui.note(&format!("system config: {}", path.display()));
    }
    if let Some(path) = report.file {
        let there = if path.exists() {
            ""
        } else {
            " (does not exist yet; to create it: claude-vault config edit)"
        };
        ui.note(&format!("config: {}{there}", path.display()));
    }
    Ok(0)
}

fn edit(ui: &Ui, global: &Global, env: &Env) -> Result<u8> {
    if env.agent().is_some() {
        return Err(Error::UnderAgent {
            what: "config edit",
        });
    }
    let path = config_file(env)?.ok_or_else(|| {
        Error::invalid("there is no home folder", "export CLAUDE_VAULT_CONFIG=FILE")
    })?;
    if !path.exists() {
        let folder = path.parent().unwrap_or(&path);
        private::create_folder(folder).map_err(Error::io("create", folder))?;
        private::write(&path, EXAMPLE.as_bytes()).map_err(Error::io("write", &path))?;
    }
    let editor = env
        .get("VISUAL")
        .or_else(|| env.get("EDITOR"))
        .unwrap_or("vi");
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let mut process = Process::new(program);
    process.args(words).arg(&path);
    for name in VARIABLES {
        process.env_remove(name); // the editor's plugins must not get the session
    }
    let ended = process.status();
    let status = ended.map_err(Error::io("start the editor", program))?;
    if !status.success() {
        return Err(Error::invalid(
            "the editor failed",
            "export EDITOR=nano   (or another)",
        ));
    }
    Settings::load(global, env)?;
    ui.note(&format!("{} is valid", path.display()));
    Ok(0)
}
