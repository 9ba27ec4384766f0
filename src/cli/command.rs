//! The command line as clap parses it: the global options, and one variant for each command.

use clap::Parser;

use super::{
    adopt, approve, audit, clipboard, completions, config, context, copy, delete, dev, edit,
    example, exec, export, find, get, help, history, init, inject, list, login, logout, receive,
    renew, rollback, scan, set, setup, share, status, version,
};
use crate::config::Global;
use crate::ui::Color;

/// Sessions and secrets of HashiCorp Vault and OpenBao
#[derive(Parser)]
#[command(
    name = "claude-vault",
    version,
    disable_help_subcommand = true,
    args_override_self = true,
    after_help = "Start:  source claude-vault login\nTo try it without a Vault:  claude-vault dev"
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The options that every command takes.
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) global: Global,
    /// Print one JSON object instead of text
    #[arg(long, global = true, help_heading = "Global options")]
    pub(super) json: bool,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub(super) color: Color,
}

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Sign in with the browser; this shell then holds the session
    Login(login::Login),
    /// Extend the session without signing in again, up to eight hours after login
    Renew(renew::Renew),
    /// End the session: revoke its token and unset the variables
    Logout(logout::Logout),
    /// Show who is signed in and for how long
    Status(status::Status),
    /// List services, or the keys of one
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Find services and keys by name, or the keys that hold a value
    Find(find::Find),
    /// Print one value, or all values of a service
    #[command(alias = "show")]
    Get(get::Get),
    /// Set keys of a service, after you confirm
    #[command(aliases = ["put", "register"])]
    Set(Box<set::Set>),
    /// Delete keys of a service, or the whole service; undelete restores it
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
    /// Restore a deleted version
    Undelete(delete::Undelete),
    /// Show the versions of a service: when, who, which keys
    History(history::History),
    /// Show which keys differ between two versions
    Diff(history::Diff),
    /// Write a new version with the values of an old one
    Rollback(rollback::Rollback),
    /// Change a service's keys in your editor
    Edit(edit::Edit),
    /// Write a service's .env or secrets.yaml from Vault
    Inject(inject::Inject),
    /// Run a program with a service's secrets in its environment
    #[command(alias = "run")]
    Exec(exec::Exec),
    /// Copy a service to another name, mount or path
    #[command(alias = "cp")]
    Copy(copy::Copy),
    /// Rename a service; the old one is deleted, and can be undeleted
    #[command(alias = "mv")]
    Rename(copy::Copy),
    /// Print services as JSON, YAML, .env and other formats
    Export(export::Export),
    /// Share values through a single-use token
    Share(share::Share),
    /// Open values that somebody shared with you
    Receive(receive::Receive),
    /// Move the secrets in a service's files into Vault; --undo moves them back
    Adopt(adopt::Adopt),
    /// Find secrets in env, compose and YAML files, without showing them
    Scan(scan::Scan),
    /// Write a copy of a file without its secrets, as a template to commit
    Example(example::Example),
    /// Approve changes that an AI assistant asks for; manage passkeys
    Approve(approve::Approve),
    /// Run the MCP server for an AI assistant, on stdin and stdout
    Mcp,
    /// Show the audit log, or verify it
    Audit(audit::Audit),
    /// Show the settings in use and their sources; --all shows every setting
    Config(config::Config),
    /// List the named Vaults in your config and mark the one in use
    #[command(alias = "contexts")]
    Context(context::List),
    /// Check this setup and show how to fix it
    Doctor,
    /// Start a throwaway Vault on this machine, to try claude-vault
    Dev(dev::Dev),
    /// Print the shell function, or show what is not installed
    Init(init::Init),
    /// Print a shell's completion script
    Completions(completions::Completions),
    /// Install claude-vault for this user, or uninstall it
    Setup(setup::Setup),
    /// Clear the clipboard after a delay (started by `get --clip`)
    #[command(hide = true)]
    ClearClipboard(clipboard::ClearClipboard),
    /// Show the help of a command
    Help(help::Help),
    /// Print the version
    Version(version::Version),
    /// Run the server of `dev`, and stop it when `dev` exits
    #[command(hide = true)]
    DevServer(dev::DevServer),
    /// Sign in without a browser, for `dev --tour`
    #[command(hide = true)]
    DevSignIn(dev::DevSignIn),
}
