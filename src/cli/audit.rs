//! `audit` and `audit verify`.

use super::Context;
use crate::error::Result;
use crate::names::printable;

#[derive(clap::Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check that no line was edited, removed or moved
    Verify,
}

impl Audit {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        match self.what {
            Some(What::Verify) => {
                let verified = core.audit.verify()?;
                if ui.json() {
                    ui.data_json(&verified)?;
                } else {
                    ui.note(&format!("{} is intact: {} lines", verified.path.display(), verified.lines));
                    if verified.unchained > 0 {
                        ui.note(&format!(
                            "and {} older lines before them, unchanged since the first of these",
                            verified.unchained
                        ));
                    }
                }
            }
            None => {
                let lines = core.audit.lines()?;
                if ui.json() {
                    ui.data_json(&serde_json::json!({ "path": core.audit.path(), "lines": lines }))?;
                } else {
                    ui.data(&lines.iter().fold(String::new(), |text, line| text + &printable(line, false) + "\n"))?;
                }
            }
        }
        Ok(0)
    }
}
