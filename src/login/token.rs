//! The method `token`: the person pastes an existing token. This program did not create the token,
//! so it never revokes it without being asked.

use super::{LastPage, LoggedIn, LoginPlace, LoginUi, Options, Route, SignInMethod};
use crate::config::Settings;
use crate::error::Result;
use crate::vault::Granted;

pub(super) struct Token;

impl SignInMethod for Token {
    const RUNS_IN: &'static [LoginPlace] = &[LoginPlace::Shell];
    const OPENS_A_BROWSER: bool = false;
    const MAKES_THE_TOKEN: bool = false;

    // The login contacts nothing. An approval by a fresh sign-in takes this route.
    fn route(_: &Settings) -> Route {
        Route::VaultOidc { elsewhere: false }
    }

    async fn obtain(_: &Settings, _: Options<'_>, face: &mut impl LoginUi) -> Result<LoggedIn> {
        Ok(LoggedIn {
            granted: Granted::pasted(face.token().await?),
            farewell: LastPage::none(),
        })
    }
}
