//! The `export` command.

use super::{Context, from_current_folder};
use crate::core::export::{ExportFormat, ExportReply, ExportRequest, export};
use crate::error::{Error, Result};
use crate::names::printable;

#[derive(clap::Args)]
#[command(after_help = "\
FORMAT is one of
  json            one object or, for several services, one object each (default)
  yaml            the same in YAML
  env             KEY=value lines; --dialect names the program that reads them
  shell           export KEY='value' lines: eval \"$(claude-vault export SERVICE --format shell)\"
  k8s-secret      a v1 Secret for kubectl apply -f -
  docker-secrets  a folder with one file per key, as in /run/secrets

json and yaml keep types; other formats write numbers, booleans, lists and objects as
JSON text. Keys whose names the format cannot hold are left out with a warning, and
--strict refuses them. The shell format also leaves out variables that change what
programs run (PATH, LD_PRELOAD, PROMPT_COMMAND, …), unless --only names them.")]
pub(super) struct Export {
    #[command(flatten)]
    request: ExportRequest,
}

impl Export {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        // A path on the command line is relative to the current folder.
        self.request.output = self
            .request
            .output
            .as_deref()
            .map(from_current_folder)
            .transpose()?;
        let prints =
            self.request.output.is_none() && self.request.format != ExportFormat::DockerSecrets;
        if ui.json()
            && prints
            && !matches!(
                self.request.format,
                ExportFormat::Json | ExportFormat::K8sSecret
            )
        {
            return Err(Error::invalid(
                format!(
                    "--json prints JSON, but the format is {}",
                    self.request.format.word()
                ),
                "omit one of the two, or write a file: --output FILE",
            ));
        }
        let reply = context
            .waiting(export(&context.core, &self.request, ui.json() && prints))
            .await?;
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        if !reply.left_out.is_empty() {
            ui.warn(&format!("left out: {}", reply.left_out.join("; ")));
        }
        match &reply.text {
            Some(text) => print(context, text),
            None => report(context, &reply),
        }
    }
}

fn print(context: &Context<'_>, text: &str) -> Result<u8> {
    if !context.ui.stdout_is_terminal() {
        return context.ui.data(text).map(|()| 0);
    }
    let shown = printable(text, true);
    if shown != text {
        context.ui.note(
            "control characters are shown as \\r or \\u{…}; in a pipe or file they are not escaped",
        );
    }
    context.ui.data(&shown).map(|()| 0)
}

fn report(context: &Context<'_>, reply: &ExportReply) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        return ui.data_json(reply).map(|()| 0);
    }
    for file in &reply.files {
        let what = match file.state {
            "unchanged" => "is up to date".to_owned(),
            "created" => "written".to_owned(),
            state => {
                format!(
                    "{state}; the old one is {}",
                    file.backup.as_deref().unwrap_or("gone")
                )
            }
        };
        ui.note(&format!(
            "{} {what}",
            printable(&file.file.to_string_lossy(), false)
        ));
    }
    reply.notes.iter().for_each(|note| ui.note(note));
    Ok(0)
}
