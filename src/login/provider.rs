//! Login directly at the identity provider. This program is the relying party (OpenID Connect Core
//! 1.0) and a public client without a secret. Vault's method `jwt` accepts the ID token.
//!
//! Two flows are supported: the code flow with PKCE in a browser on this machine (RFC 8252,
//! RFC 7636), and the device flow in any browser (RFC 8628). The library verifies the ID token
//! before Vault does.

mod client;

use std::pin::Pin;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreDeviceAuthorizationResponse, CoreGrantType, CoreIdTokenVerifier,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, AuthorizationCode, ClientId, CsrfToken,
    DeviceAuthorizationUrl, DiscoveryError, ErrorResponse, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, PkceCodeChallenge, ProviderMetadata, RedirectUrl, RequestTokenError, Scope,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::callback::{Answer, LastPage, Listener, Page, PageSender};
use super::{
    LoggedIn, LoginUi, Options, SignIn, answer, denied, loopback_address, send_to, shown_code,
    timeout,
};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};
use crate::vault::{Client, Granted};
use client::{ProviderClient, unusable};

/// The field that RFC 8628, 4 adds to the provider's discovery document.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct WithDeviceFlow {
    device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
}

impl AdditionalProviderMetadata for WithDeviceFlow {}

type Metadata = ProviderMetadata<
    WithDeviceFlow,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

impl<'c> AsyncHttpClient<'c> for ProviderClient {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The provider as described by its discovery document.
pub(super) struct Provider {
    http: ProviderClient,
    metadata: Metadata,
    client_id: ClientId,
    scopes: Vec<Scope>,
}

impl Provider {
    pub(super) async fn discover(settings: &Settings) -> Result<Self> {
        let (issuer, client_id) = settings.provider.named()?;
        settings.provider.trusts(settings.address()?)?;
        let http = ProviderClient::new(settings, &issuer)?;
        // Use the issuer exactly as written: the document must contain the same text, including any
        // final slash.
        let url = IssuerUrl::new(settings.provider.issuer_text().to_owned());
        let url = url.map_err(|_| {
            Error::invalid("the issuer is not a URL", "--issuer https://id.example.org")
        })?;
        let metadata = Metadata::discover_async(url, &http)
            .await
            .map_err(discovery_failed)?;
        let scopes = settings.provider.scopes(
            metadata
                .scopes_supported()
                .map(|all| all.iter().map(|scope| scope.as_str())),
        );
        Ok(Self {
            http,
            metadata,
            client_id: ClientId::new(client_id.to_owned()),
            scopes: scopes.into_iter().map(Scope::new).collect(),
        })
    }

    /// Signs in with a browser on this machine.
    pub(super) async fn code_flow(
        self,
        vault: &Client,
        options: &Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        let deadline = Instant::now() + options.timeout;
        let mut listener = Listener::bind(options.port).await?;
        let port = listener.port();
        let redirect =
            RedirectUrl::new(loopback_address(port)).map_err(|_| denied("no redirect", ""))?;
        let client = CoreClient::from_provider_metadata(self.metadata, self.client_id, None)
            .set_redirect_uri(redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        let (url, state, nonce) = request
            .add_scopes(self.scopes)
            .set_pkce_challenge(challenge)
            .url();
        self.http.may_go_to(&url)?; // check before the browser opens it
        listener.expect(state.secret());
        send_to(&url, port, options, face);
        let waited = timeout_at(deadline, answer(&mut listener, face, state.secret())).await;
        let Ok((answer, page)) = waited else {
            return Err(timeout(options));
        };
        let exchange = async {
            let request = client
                .exchange_code(code_of(answer)?)
                .map_err(|_| missing_field("token_endpoint"))?
                .set_pkce_verifier(verifier);
            let reply = request
                .request_async(&self.http)
                .await
                .map_err(request_failed)?;
            let id_token = id_token(&reply, &client.id_token_verifier(), Some(&nonce))?;
            vault
                .jwt_login(options.mount, options.role, &id_token)
                .await
        };
        end(exchange.await, listener, page).await
    }

    /// Signs in with a browser on any machine.
    pub(super) async fn device_flow(
        self,
        vault: &Client,
        options: &Options<'_>,
        face: &mut impl LoginUi,
    ) -> Result<LoggedIn> {
        let deadline = Instant::now() + options.timeout;
        let endpoint = self
            .metadata
            .additional_metadata()
            .device_authorization_endpoint
            .clone();
        let endpoint = endpoint.ok_or_else(|| missing_field("device_authorization_endpoint"))?;
        let client = CoreClient::from_provider_metadata(self.metadata, self.client_id, None)
            .set_device_authorization_url(endpoint)
            .set_auth_type(AuthType::RequestBody);
        let request = client.exchange_device_code().add_scopes(self.scopes);
        let details: CoreDeviceAuthorizationResponse = request
            .request_async(&self.http)
            .await
            .map_err(request_failed)?;
        let complete = details
            .verification_uri_complete()
            .map(|address| address.secret().as_str());
        let page = Url::parse(complete.unwrap_or(details.verification_uri().as_str())).ok();
        let page = page.ok_or_else(|| missing_field("verification_uri"))?;
        self.http.may_go_to(&page)?;
        face.sign_in(&SignIn {
            url: &page,
            port: None,
            code: Some(shown_code(details.user_code().secret())),
        });
        let poll = client
            .exchange_device_access_token(&details)
            .map_err(|_| missing_field("token_endpoint"))?;
        let poll = poll.set_max_backoff_interval(Duration::from_secs(60));
        // The provider may send an interval of 0.
        let wait = |interval: Duration| sleep(interval.max(Duration::from_secs(1)));
        let reply = timeout_at(
            deadline,
            poll.request_async(&self.http, wait, Some(options.timeout)),
        );
        let reply = reply
            .await
            .map_err(|_| timeout(options))?
            .map_err(request_failed)?;
        // This flow has no nonce.
        let id_token = id_token(&reply, &client.id_token_verifier(), None)?;
        let granted = vault
            .jwt_login(options.mount, options.role, &id_token)
            .await?;
        Ok(LoggedIn {
            granted,
            farewell: LastPage::none(),
        })
    }
}

fn code_of(answer: Answer) -> Result<AuthorizationCode> {
    match answer {
        Answer::Code(code) => Ok(AuthorizationCode::new(
            code.expose(WayOut::LoginRequest).to_owned(),
        )),
        Answer::Denied { error, description } => Err(denied(&error, &description)),
    }
}

/// Ends a login in this machine's browser. A failure is shown in the browser before it is returned.
async fn end(
    outcome: Result<Granted>,
    listener: Listener,
    browser: Option<PageSender>,
) -> Result<LoggedIn> {
    match outcome {
        Ok(granted) => Ok(LoggedIn {
            granted,
            farewell: LastPage::of(listener, browser, Page::SignedIn),
        }),
        Err(error) => {
            LastPage::of(listener, browser, Page::Failed(error.for_person()))
                .say()
                .await;
            Err(error)
        }
    }
}

/// Fetches the discovery document of the configured provider. Returns the login methods that the
/// provider supports, as text for a message.
///
/// # Errors
/// [`Error::LoginFailed`] if the provider cannot be used, [`Error::Invalid`] for invalid settings.
pub(crate) async fn check_provider(settings: &Settings) -> Result<&'static str> {
    let provider = Provider::discover(settings).await?;
    let has_device_flow = provider
        .metadata
        .additional_metadata()
        .device_authorization_endpoint
        .is_some();
    Ok(if has_device_flow {
        "jwt and device"
    } else {
        "jwt"
    })
}

/// The ID token of a reply, after its signature, issuer, audience, expiry and nonce were verified.
fn id_token(
    reply: &CoreTokenResponse,
    verifier: &CoreIdTokenVerifier<'_>,
    nonce: Option<&Nonce>,
) -> Result<Secret> {
    let token = reply
        .id_token()
        .ok_or_else(|| unusable("it sent no ID token", "the client needs the scope openid"))?;
    let same = |seen: Option<&Nonce>| match nonce {
        Some(expected) if seen.map(Nonce::secret) != Some(expected.secret()) => {
            Err("it was made for another login".to_owned())
        }
        _ => Ok(()),
    };
    token.claims(verifier, same).map_err(|error| {
        unusable(
            &format!("its ID token is not valid: {error}"),
            "check the clocks of both machines, and the client ID",
        )
    })?;
    Ok(Secret::from(token.to_string()))
}

fn missing_field(what: &str) -> Error {
    unusable(
        &format!("its discovery document has no usable {what}"),
        "source claude-vault login --method oidc   (or --method jwt)",
    )
}

fn discovery_failed(error: DiscoveryError<Error>) -> Error {
    const HINT: &str = "check the issuer: ISSUER/.well-known/openid-configuration must contain \
        exactly the same issuer, including any final slash";
    match error {
        DiscoveryError::Request(error) => error,
        DiscoveryError::Response(status, ..) => unusable(
            &format!("it has no discovery document there ({status})"),
            HINT,
        ),
        DiscoveryError::Validation(text) => unusable(&text, HINT),
        _ => unusable(
            "its discovery document is not that of an OpenID provider",
            HINT,
        ),
    }
}

fn request_failed<T: ErrorResponse + Serialize + 'static>(
    error: RequestTokenError<Error, T>,
) -> Error {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => {
            let said = serde_json::to_value(answer).unwrap_or_default();
            let word = |name: &str| {
                said.get(name)
                    .and_then(|value| value.as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            denied(&word("error"), &word("error_description"))
        }
        _ => unusable(
            "its answer is not that of an OpenID provider",
            "try again; if it fails again, see the provider's log",
        ),
    }
}
