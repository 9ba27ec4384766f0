//! The method `device`: sign in with a browser on any machine. Uses the identity provider if the
//! settings name one, and otherwise Vault's own method.

use super::provider::Provider;
use super::{LoggedIn, LoginPlace, LoginUi, Options, SignInMethod, oidc};
use crate::config::Settings;
use crate::error::Result;
use crate::vault::Client;

pub(super) struct Device;

impl SignInMethod for Device {
    const RUNS_IN: &'static [LoginPlace] = &[LoginPlace::Shell, LoginPlace::Assistant];
    const OPENS_A_BROWSER: bool = false;
    const MAKES_THE_TOKEN: bool = true;

    fn contacts_provider(settings: &Settings) -> bool {
        settings.provider.issuer.is_some()
    }

    async fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        let vault = Client::new(settings, None)?;
        if Self::contacts_provider(settings) {
            return Provider::discover(settings)
                .await?
                .device_flow(&vault, &options, face)
                .await;
        }
        oidc::sign_in(
            &vault,
            &Options {
                elsewhere: true,
                ..options
            },
            face,
        )
        .await
    }
}
