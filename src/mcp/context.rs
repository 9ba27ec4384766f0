//! The prompt and resources that a person attaches to a conversation: the prompt moves a service
//! into Vault, and the resources list the names of services and keys. Service names are completed.
//! No value is ever included.

use std::sync::Arc;

use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, GetPromptRequestParams,
    GetPromptResult, Prompt, PromptArgument, PromptMessage, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, Role,
};
use serde_json::Value;

use super::state::ServerState;
use super::tools::{ListReply, listed, object};
use crate::names::Service;

const SERVICES: &str = "vault://services";
const PROMPT: &str = "migrate-service";

/// The only prompt: it moves a service into Vault.
pub(super) fn prompt() -> Prompt {
    let service = PromptArgument::new("service")
        .with_description("The service: the name of its folder")
        .with_required(true);
    Prompt::new(
        PROMPT,
        Some("Move a service's secrets from plain files into Vault, without anybody seeing them"),
        Some(vec![service]),
    )
    .with_title("Move a service into Vault")
}

/// The text of the prompt for the service in the request.
pub(super) fn prompt_for(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let named = request
        .arguments
        .as_ref()
        .and_then(|arguments| arguments.get("service"))
        .and_then(Value::as_str);
    let service: Option<Service> = named.and_then(|name| name.parse().ok());
    let (PROMPT, Some(service)) = (request.name.as_str(), service) else {
        return Err(ErrorData::invalid_params(
            "the only prompt is migrate-service, and it needs the name of a service",
            None,
        ));
    };
    let text = format!(
        "Move the secrets of the service {service} into Vault. Do not read its files yourself, and never ask me to \
         paste a secret.\n\
         1. vault_status; if there is no session, vault_login, and wait for me.\n\
         2. vault_adopt for {service}. I see the whole plan on a page in my browser: which entries are secrets, which files change, \
         and what git will ignore. If it returns approval_pending, call it again with the approval_token until I have answered.\n\
         3. Tell me which files were written, and that the old files are beside them as backups with the secrets in plain text.\n\
         4. Ask me to run these in my own terminal: claude-vault adopt {service}, which also moves the secrets inside compose \
         files; and once everything works, claude-vault adopt {service} --done, which removes the backups. To undo everything: \
         claude-vault adopt {service} --undo."
    );
    let mut result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    result.description = Some(format!("Move {service} into Vault"));
    Ok(result)
}

/// The list of services as a resource.
pub(super) fn services() -> Resource {
    Resource::new(SERVICES, "services")
        .with_title("Services in Vault")
        .with_description("The names of all services that have secrets in Vault")
        .with_mime_type("application/json")
}

/// Each service's keys as a resource.
pub(super) fn keys_of_a_service() -> ResourceTemplate {
    ResourceTemplate::new("vault://services/{service}", "keys of a service")
        .with_title("Keys of a service in Vault")
        .with_description("The names of a service's keys, never their values")
        .with_mime_type("application/json")
}

/// Reads a resource.
pub(super) async fn read(
    state: &Arc<ServerState>,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let service = match uri.strip_prefix(SERVICES) {
        Some("") => None,
        Some(rest) => rest
            .strip_prefix('/')
            .and_then(service_in)
            .map(Some)
            .ok_or_else(unknown)?,
        None => return Err(unknown()),
    };
    let reply = listed(state, service).await;
    let reply = reply.map_err(|refusal| ErrorData::internal_error(refusal.text(), None))?;
    let text = object(&reply).to_string();
    Ok(ReadResourceResult::new(vec![
        ResourceContents::text(text, uri).with_mime_type("application/json"),
    ]))
}

/// The service named by the last part of a resource URI. Clients that expand the URI template
/// encode `/` as `%2F` (RFC 6570).
fn service_in(part: &str) -> Option<Service> {
    part.replace("%2F", "/").replace("%2f", "/").parse().ok()
}

fn unknown() -> ErrorData {
    ErrorData::resource_not_found(
        "there is no such resource; vault://services lists the services",
        None,
    )
}

/// Completes the name of a service. Offers nothing if the services cannot be listed.
pub(super) async fn complete(
    state: &Arc<ServerState>,
    request: &CompleteRequestParams,
) -> CompleteResult {
    let mut names = Vec::new();
    if request.argument.name == "service"
        && let Ok(ListReply {
            services: Some(services),
            ..
        }) = listed(state, None).await
    {
        let fits = services
            .iter()
            .filter(|service| service.as_str().starts_with(&request.argument.value));
        names.extend(
            fits.take(CompletionInfo::MAX_VALUES)
                .map(Service::to_string),
        );
    }
    CompletionInfo::new(names)
        .map(CompleteResult::new)
        .unwrap_or_default()
}
