//! The `example` command: writes a template that can be committed.

use std::path::PathBuf;

use super::{Context, from_current_folder};
use crate::approval::NoApprover;
use crate::core::example::{ExampleFormat, example};
use crate::error::Result;
use crate::format::dotenv::Dialect;
use crate::format::places::Form;
use crate::names::printable;

#[derive(clap::Args)]
pub(super) struct Example {
    /// The .env file, compose file or secrets.yaml
    file: PathBuf,
    /// Where to write [default: FILE.example, or docker-compose.example.yml beside a compose file]
    #[arg(long, short)]
    output: Option<PathBuf>,
}

impl Example {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let format = match Form::of(&self.file, Dialect::Portable) {
            Some(Form::Compose) => ExampleFormat::Compose,
            Some(Form::Yaml) => ExampleFormat::Yaml,
            Some(Form::Env(_)) | None => ExampleFormat::Env,
        };
        let output = self
            .output
            .as_deref()
            .map(from_current_folder)
            .transpose()?;
        let file = from_current_folder(&self.file)?;
        let reply = example(
            &context.core,
            None,
            format,
            Some(&file),
            output.as_deref(),
            &NoApprover,
        )
        .await?;
        if context.ui.json() {
            context.ui.data_json(&reply)?;
            return Ok(0);
        }
        reply.unlogged.iter().for_each(|why| context.ui.warn(why));
        let file = printable(&reply.file.to_string_lossy(), false);
        context.ui.note(&format!(
            "{file}: {} values removed, {} kept; review it before you commit it",
            reply.replaced, reply.kept
        ));
        if let Some(backup) = reply.backup {
            context
                .ui
                .note(&format!("the old one is {}", printable(&backup, false)));
        }
        Ok(0)
    }
}
