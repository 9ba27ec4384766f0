//! The `share` command.

use super::Context;
use crate::core::share::{ShareReply, ShareRequest, share};
use crate::error::Result;
use crate::secret::WayOut;

#[derive(clap::Args)]
#[command(after_help = "\
Prints a token. Anyone who has it can open the values once, within the time that --for
sets, with claude-vault receive, bao unwrap or vault unwrap. No session is needed, and
logging out does not end the token. If it was used before the recipient opens it,
somebody else has read the values: change them.")]
pub(super) struct Share {
    #[command(flatten)]
    request: ShareRequest,
}

impl Share {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        let reply = context.waiting(share(&context.core, &self.request)).await?;
        let until = reply.until.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let ShareReply {
            service,
            version,
            keys,
            token,
            seconds,
            ..
        } = reply;
        let token = token.expose(WayOut::Stdout);
        if ui.json() {
            ui.data_json(&serde_json::json!({
                "service": service, "version": version, "keys": keys, "token": token, "seconds": seconds, "until": until
            }))?;
            return Ok(0);
        }
        ui.data(&format!("{token}\n"))?;
        let what = if keys.len() == 1 {
            keys[0].clone()
        } else {
            format!("{} keys", keys.len())
        };
        ui.note(&format!(
            "{what} of {service}: the token works once, until {until}"
        ));
        ui.note(
            "to open it: claude-vault receive   (or: bao unwrap, vault unwrap), at the same Vault",
        );
        Ok(0)
    }
}
