//! The command-line arguments of `adopt`.

use crate::names::Service;

/// Which services to adopt, and whether to adopt, undo or clean up.
#[derive(clap::Args, Default, Clone)]
pub struct AdoptRequest {
    /// The service whose folder is moved into Vault
    #[arg(value_parser = Service::from_folder)]
    pub service: Option<Service>,
    /// Every folder below the root
    #[arg(long, conflicts_with = "service")]
    pub all: bool,
    /// The service of the files in the root itself, instead of the root folder's name
    #[arg(long, value_name = "SERVICE")]
    pub name: Option<Service>,
    /// Store values that are not secrets too
    #[arg(long, conflicts_with_all = ["undo", "done"])]
    pub all_keys: bool,
    /// Which value to keep if Vault holds a different one; without it, such a key is skipped
    #[arg(long, value_enum, conflicts_with_all = ["undo", "done"])]
    pub prefer: Option<Prefer>,
    /// Restore the original files and remove from Vault what adopt added
    #[arg(long, conflicts_with = "done")]
    pub undo: bool,
    /// Delete the backups, which hold the secrets in plain text; --undo no longer works afterwards
    #[arg(long)]
    pub done: bool,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Which value to keep if the file and Vault differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Prefer {
    /// The value in the file
    File,
    /// The value in Vault
    Vault,
}
