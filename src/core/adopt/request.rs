//! What to adopt.

use crate::names::Service;

/// What to adopt.
#[derive(clap::Args, Default, Clone)]
pub struct Request {
    /// The service whose folder is moved into Vault
    #[arg(value_parser = Service::from_folder)]
    pub service: Option<Service>,
    /// Every folder below the root
    #[arg(long, conflicts_with = "service")]
    pub all: bool,
    /// The service of the files in the root itself, instead of the root folder's name
    #[arg(long, value_name = "SERVICE")]
    pub name: Option<Service>,
    /// Store harmless values too
    #[arg(long, conflicts_with_all = ["undo", "done"])]
    pub all_keys: bool,
    /// Which value counts where Vault holds another one; without it, such a key is skipped
    #[arg(long, value_enum, conflicts_with_all = ["undo", "done"])]
    pub prefer: Option<Prefer>,
    /// Put the files back as they were, and take out of Vault what adopt added
    #[arg(long, conflicts_with = "done")]
    pub undo: bool,
    /// Remove the backups, which hold the secrets in plain text; after that, undo is over
    #[arg(long)]
    pub done: bool,
    /// Show what would be done and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Which value counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Prefer {
    /// The file's
    File,
    /// Vault's
    Vault,
}
