//! The login methods, and the identity provider for the methods that contact it directly.

use serde::Deserialize;
use url::Url;

use super::values::parse_address;
use crate::error::{Error, Result};

/// The login methods, each with the name that a person types, which is also its file in `login`. A
/// new method needs a line here and that file.
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
            /// With a token you already have, pasted
            Token token,
        }
    };
}
pub(crate) use login_methods;

macro_rules! define_method {
    ($($(#[$about:meta])* $variant:ident $name:ident,)*) => {
        /// How a person signs in to Vault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Method {
            $($(#[$about])* $variant,)*
        }

        impl Method {
            /// The names of all methods.
            const WORDS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The name of the method, as a person types it.
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

/// The identity provider that the methods `jwt` and `device` contact.
#[derive(Clone, Default)]
pub struct ProviderSettings {
    /// Its issuer, spelled as in its discovery document.
    pub issuer: Option<String>,
    /// This program's client ID at the provider: a public client, without a secret.
    pub client_id: Option<String>,
    /// The scopes to request besides `openid`. If empty: `profile`, `email` and `groups`, as far as
    /// the provider supports them.
    pub scopes: Vec<String>,
    /// The Vault and the hosts for which the config files set the issuer; `None` if an option set
    /// the issuer for this login.
    pub meant_for: Option<MeantFor>,
}

/// The only Vaults that may receive an ID token from the issuer in the config.
#[derive(Clone, Default)]
pub struct MeantFor {
    /// The config's `address`.
    pub address: Option<String>,
    /// The config's `trusted_hosts`.
    pub hosts: Vec<String>,
}

/// Whether a list of hosts, each with or without a port, contains the host of a URL.
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

/// The scopes requested by default, if the provider supports them.
const USUAL: [&str; 3] = ["profile", "email", "groups"];

impl ProviderSettings {
    /// The issuer and the client ID.
    ///
    /// # Errors
    /// [`Error::Invalid`] if one is missing, or if the issuer is not an http or https URL.
    pub fn named(&self) -> Result<(Url, &str)> {
        let missing = |what: &str| {
            Error::invalid(
                format!(
                    "this login contacts the identity provider directly, but there is no {what}"
                ),
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

    /// The issuer as configured; empty if there is none.
    #[must_use]
    pub fn issuer_text(&self) -> &str {
        self.issuer.as_deref().unwrap_or_default()
    }

    /// Checks that `address` is the Vault for which the config file sets the issuer. Anyone who has
    /// an ID token can sign in with it, so an address from another source, such as a project's
    /// `.mcp.json`, must not receive one. For the same reason no variable can set the issuer.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is another Vault, or if the config sets no address.
    pub fn trusts(&self, address: &Url) -> Result<()> {
        let Some(meant) = &self.meant_for else {
            return Ok(()); // an option set the issuer for this login
        };
        let known = lists_host(&meant.hosts, address);
        match meant.address.as_deref().map(parse_address).transpose()? {
            Some(own)
                if own.origin() == address.origin()
                    || (known && own.scheme() == address.scheme()) =>
            {
                Ok(())
            }
            Some(_) => Err(Error::invalid(
                "the issuer in your config is meant for the Vault in your config, but this is \
                 another Vault",
                "claude-vault config   (shows where the address comes from; to use an issuer \
                 with this Vault: --issuer URL --client-id ID)",
            )),
            None => Err(Error::invalid(
                "your config sets an issuer, but not the address of the Vault to sign in to",
                "claude-vault config edit   (and add: address = \
                 \"https://vault.example.org:8200\")",
            )),
        }
    }

    /// The scopes to request besides `openid`: the configured ones, else the default ones that the
    /// provider supports. `known` lists the provider's scopes, if it publishes them.
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
