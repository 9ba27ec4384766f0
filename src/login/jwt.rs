//! The method `jwt`: sign in at the identity provider with a browser on this machine, then log in
//! to Vault with the ID token.

use super::provider::Provider;
use super::{LoggedIn, LoginPlace, LoginUi, Options, Route, SignInMethod};
use crate::config::Settings;
use crate::error::Result;
use crate::vault::Client;

pub(super) struct Jwt;

impl SignInMethod for Jwt {
    const RUNS_IN: &'static [LoginPlace] = &[LoginPlace::Shell, LoginPlace::Assistant];
    const OPENS_A_BROWSER: bool = true;
    const MAKES_THE_TOKEN: bool = true;

    fn route(_: &Settings) -> Route {
        Route::Provider
    }

    async fn obtain(
        settings: &Settings,
        options: Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        let vault = Client::new(settings, None)?;
        Provider::discover(settings)
            .await?
            .code_flow(&vault, &options, face)
            .await
    }
}
