//! How a person signs in, and by which identity provider where this program asks it itself.

use serde::Deserialize;
use url::Url;

use super::values::parse_address;
use crate::error::{Error, Result};

/// The login methods: for each the name that a person writes, which is also its file in `login`.
/// A new one is a line here and that file.
macro_rules! login_methods {
    ($define:ident) => {
        $define! {
            /// Vault's OIDC login, in the browser
            #[default]
            Oidc oidc,
            /// At the identity provider itself, then Vault's JWT login
            Jwt jwt,
            /// With a browser on any other machine
            Device device,
            /// A token you have, pasted
            Token token,
        }
    };
}
pub(crate) use login_methods;

macro_rules! define_method {
    ($($(#[$about:meta])* $variant:ident $name:ident,)*) => {
        /// How the person proves who they are.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Method {
            $($(#[$about])* $variant,)*
        }

        impl Method {
            /// The names of all.
            const WORDS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Its name.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }
        }
    };
}
login_methods!(define_method);

impl std::str::FromStr for Method {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        clap::ValueEnum::from_str(text, false).map_err(|_| {
            let all = Self::WORDS.join(", ");
            Error::invalid(
                format!("the login method is not one of: {all}"),
                "export CLAUDE_VAULT_METHOD=oidc",
            )
        })
    }
}

/// The identity provider that the methods `jwt` and `device` ask.
#[derive(Clone, Default)]
pub struct ProviderSettings {
    /// Its issuer, as its own document writes it.
    pub issuer: Option<String>,
    /// This program's name there: a public client, without a secret.
    pub client_id: Option<String>,
    /// What to ask for besides `openid`; what it knows of profile, email and groups without it.
    pub scopes: Vec<String>,
    /// Where the config file names the issuer: the Vault and the hosts that it names beside it.
    pub meant_for: Option<MeantFor>,
}

/// The only Vaults that get an ID token of the config's issuer.
#[derive(Clone, Default)]
pub struct MeantFor {
    /// The config's `address`.
    pub address: Option<String>,
    /// The config's `trusted_hosts`.
    pub hosts: Vec<String>,
}

/// Whether a list of hosts, with or without their ports, names that of a URL.
#[must_use]
pub fn lists_host(hosts: &[String], url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let with_port = url
        .port_or_known_default()
        .map(|port| format!("{host}:{port}"));
    hosts
        .iter()
        .any(|named| named == host || Some(named) == with_port.as_ref())
}

/// What is asked for where the provider has it.
const USUAL: [&str; 3] = ["profile", "email", "groups"];

impl ProviderSettings {
    /// The issuer and the client's name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when one is missing or cannot be used.
    pub fn named(&self) -> Result<(Url, &str)> {
        let missing = |what: &str| {
            Error::invalid(
                format!("this login asks the identity provider itself, and there is no {what}"),
                "source claude-vault login --method jwt --issuer URL --client-id ID   (or issuer \
                 and client_id in: claude-vault config edit)",
            )
        };
        let issuer = self.issuer.as_deref().ok_or_else(|| missing("issuer"))?;
        let issuer = Url::parse(issuer)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let issuer = issuer.ok_or_else(|| {
            Error::invalid("the issuer is not a URL", "--issuer https://id.example.org")
        })?;
        Ok((
            issuer,
            self.client_id
                .as_deref()
                .ok_or_else(|| missing("client ID"))?,
        ))
    }

    /// The issuer as it was written.
    #[must_use]
    pub fn issuer_text(&self) -> &str {
        self.issuer.as_deref().unwrap_or_default()
    }

    /// Holds the Vault of these settings against the one of the config file. Whoever has an ID
    /// token can sign in with it: an address from elsewhere, as of a project's `.mcp.json`, must
    /// not get one. No variable names an issuer for the same reason.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn trusts(&self, address: &Url) -> Result<()> {
        let Some(meant) = &self.meant_for else {
            return Ok(());
        }; // named for this login, by a flag
        let known = lists_host(&meant.hosts, address);
        match meant.address.as_deref().map(parse_address).transpose()? {
            Some(own)
                if own.origin() == address.origin()
                    || (known && own.scheme() == address.scheme()) =>
            {
                Ok(())
            }
            Some(_) => Err(Error::invalid(
                "the issuer in your config is for the Vault that your config names, and this is \
                 another",
                "claude-vault config   (shows where the address comes from; or name the issuer \
                 for this one: --issuer URL --client-id ID)",
            )),
            None => Err(Error::invalid(
                "your config names an issuer and not the Vault that its sign-ins are for",
                "claude-vault config edit   (and add: address = \
                 \"https://vault.example.org:8200\")",
            )),
        }
    }

    /// What to ask for, `openid` aside: what was said, else what the provider knows of the usual.
    #[must_use]
    pub fn scopes<'a>(&self, known: Option<impl Iterator<Item = &'a str>>) -> Vec<String> {
        let all = match known {
            _ if !self.scopes.is_empty() => self.scopes.clone(),
            Some(known) => known
                .filter(|scope| USUAL.contains(scope))
                .map(str::to_owned)
                .collect(),
            None => vec!["profile".into(), "email".into()],
        };
        all.into_iter().filter(|scope| scope != "openid").collect()
    }
}
