//! `example`: a template that can be committed.

use std::path::PathBuf;

use super::{Context, below_here};
use crate::core::example::{Format, example};
use crate::core::scan::is_compose;
use crate::error::Result;
use crate::names::printable;

#[derive(clap::Args)]
pub(super) struct Example {
    /// The .env or compose file
    file: PathBuf,
    /// Where to write [default: FILE.example, or docker-compose.example.yml beside a compose file]
    #[arg(long, short)]
    output: Option<PathBuf>,
}

impl Example {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let format = if is_compose(&self.file) { Format::Compose } else { Format::Env };
        let output = self.output.as_deref().map(below_here).transpose()?;
        let reply = example(&context.core, None, format, Some(&below_here(&self.file)?), output.as_deref()).await?;
        if context.ui.json() {
            context.ui.data_json(&reply)?;
            return Ok(0);
        }
        let file = printable(&reply.file.to_string_lossy(), false);
        context
            .ui
            .note(&format!("{file}: {} values taken out, {} kept; read it before you commit it", reply.replaced, reply.kept));
        if let Some(backup) = reply.backup {
            context.ui.note(&format!("the old one is {}", printable(&backup, false)));
        }
        Ok(0)
    }
}
