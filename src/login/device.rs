//! The method `device`: sign in with a browser on any machine. Uses the identity provider if the
//! settings name one, and otherwise Vault's own method.

use super::provider::Provider;
use super::{LoggedIn, LoginPlace, LoginUi, Options, Route, SignInMethod, oidc};
use crate::config::Settings;
use crate::error::Result;
use crate::vault::Client;

pub(super) struct Device;

impl SignInMethod for Device {
    const RUNS_IN: &'static [LoginPlace] = &[LoginPlace::Shell, LoginPlace::Assistant];
    const OPENS_A_BROWSER: bool = false;
    const MAKES_THE_TOKEN: bool = true;

    fn route(settings: &Settings) -> Route {
        match settings.provider.issuer {
            Some(_) => Route::Provider,
            None => Route::VaultOidc { elsewhere: true },
        }
    }

    async fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        let vault = Client::new(settings, None)?;
        match settings.provider.issuer {
            Some(_) => {
                Provider::discover(settings)
                    .await?
                    .device_flow(&vault, &options, face)
                    .await
            }
            None => {
                let options = Options {
                    elsewhere: true,
                    ..options
                };
                oidc::sign_in(&vault, &options, face).await
            }
        }
    }
}
