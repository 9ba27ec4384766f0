//! `set`: merges keys into a service, with a plan, a confirmation and check-and-set.

pub mod from;

use std::collections::BTreeMap;

use super::change::{ChangeReply, change};
pub use super::plan::Given;
use super::plan::{Current, Notes, VersionChange};
use super::rotation::Upkeep;
use super::{Audience, Core, no_service};
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::format::json;
use crate::names::{Key, MAX_VALUE_BYTES, Service};
use crate::secret::{Secret, Value, WayOut};
use crate::vault::Client;

/// The length of a generated value if the request names none, in characters.
pub const DEFAULT_LENGTH: usize = 32;

/// What to set in a service.
#[derive(clap::Args)]
pub struct SetRequest {
    /// The service
    pub service: Service,
    /// Values, by key
    #[arg(skip)]
    pub values: BTreeMap<Key, Given>,
    /// Keys to generate a random value for, with its length
    #[arg(skip)]
    pub generate: BTreeMap<Key, usize>,
    /// Keys whose values the person types when asked
    #[arg(skip)]
    pub prompt: Vec<Key>,
    /// Show what would change and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Owner and rotation
    #[command(flatten)]
    pub upkeep: Upkeep,
    /// Where values come from, if the caller cannot see them, and why a value cannot be set
    #[arg(skip)]
    pub notes: Notes,
}

/// Sets keys of a service. In a dry run, `show` is called with the plan. Otherwise `approver` is
/// asked, and asked again each time somebody else changes the service meanwhile.
///
/// # Errors
/// [`Error::Invalid`] for a value that cannot be stored, [`Error::Declined`], [`Error::Conflict`],
/// and Vault's refusals. If the audit log cannot be written, nothing is written to Vault.
pub async fn set(
    core: &Core,
    request: SetRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<ChangeReply> {
    let SetRequest {
        service,
        values,
        generate,
        prompt,
        dry_run,
        upkeep,
        mut notes,
    } = request;
    let has_values = !(values.is_empty() && generate.is_empty() && prompt.is_empty());
    if !has_values && upkeep.is_empty() {
        return Err(Error::invalid(
            "there is nothing to set",
            "claude-vault set SERVICE KEY   asks for the value, hidden",
        ));
    }
    let additions = match additions(core.audience, values, &generate, &prompt, &mut notes) {
        Ok(additions) => additions,
        Err(error) => {
            // Log the refused input. If that fails too, the input is still refused.
            let _ = core
                .audit
                .record(Action::ValidationFailed, service.as_str(), error.code())
                .await;
            return Err(error);
        }
    };
    let work_out = async |current: Current| {
        if current.version() == 0 && !has_values {
            return Err(no_service(&service));
        }
        let vault = current.vault();
        let change =
            VersionChange::merge(core, &service, current, &additions, &prompt, notes.clone());
        let keys: Vec<&Key> = additions.keys().chain(&prompt).collect();
        with_upkeep(core, &vault, &service, change, &upkeep, &keys).await
    };
    change(core, &service, dry_run, approver, show, work_out).await
}

/// Adds the change of owner and rotation. If the request names neither, metadata is neither read
/// nor written.
async fn with_upkeep(
    core: &Core,
    vault: &Client,
    service: &Service,
    change: VersionChange,
    upkeep: &Upkeep,
    keys: &[&Key],
) -> Result<VersionChange> {
    if upkeep.is_empty() {
        return Ok(change);
    }
    let before = vault
        .read_history(service)
        .await?
        .map(|history| history.custom)
        .unwrap_or_default();
    let (custom, words) = upkeep.applied(&before, keys)?;
    if words.is_empty() {
        return Ok(change);
    }
    // With a step-up, another token writes, and only Vault knows its permissions.
    if core.settings.write_role.is_none() {
        vault.require_metadata_write(service).await?;
    }
    Ok(change.with_upkeep(&before, &custom, words))
}

/// Checks all values to set, and generates those that are random.
fn additions(
    audience: Audience,
    mut values: BTreeMap<Key, Given>,
    generate: &BTreeMap<Key, usize>,
    prompt: &[Key],
    notes: &mut Notes,
) -> Result<BTreeMap<Key, Given>> {
    for (key, length) in generate {
        let generated = Given::Typed(Value::Text(generated(*length)?));
        if values.insert(key.clone(), generated).is_some() {
            return Err(Error::invalid(
                format!("{key} is both given a value and generated"),
                "give it once",
            ));
        }
    }
    for (at, key) in prompt.iter().enumerate() {
        if values.contains_key(key) || prompt[..at].contains(key) {
            // The error does not name the key: it may be a value that was typed in place of a key.
            return Err(Error::invalid(
                "a key is both asked for and given in another way",
                "give it once",
            ));
        }
    }
    for (key, value) in &values {
        if value.secret().expose(WayOut::Inspection).len() > MAX_VALUE_BYTES {
            let too_long = format!("the value of {key} is longer than 64 KiB");
            if audience == Audience::Model {
                notes.obstacle = Some(too_long);
                continue;
            }
            return Err(Error::invalid(
                too_long,
                "keep large files elsewhere, and their key or password in Vault",
            ));
        }
    }
    Ok(values)
}

/// The value of a `KEY:=JSON` argument.
///
/// # Errors
/// [`Error::Invalid`] if Vault cannot hold the value. The error does not repeat the text.
pub fn json_value(key: &Key, text: &Secret) -> Result<Value> {
    let refuse = |reason: &str| {
        Error::invalid(
            format!("the value of {key} cannot be stored as JSON: {reason}"),
            format!(
                "{key}:='\"text\"', {key}:=42, {key}:=true, {key}:='[1,2]'; text as it is: \
                 {key}=TEXT"
            ),
        )
    };
    let text = text.expose(WayOut::Inspection);
    Ok(value_of(json::canonical(text).map_err(refuse)?))
}

/// Converts a value from a file or an argument.
pub(super) fn value_of(typed: json::Typed) -> Value {
    match typed {
        json::Typed::Text(text) => Value::Text(Secret::from(text.to_string())),
        json::Typed::Json(text) => Value::Json(Secret::from(text.to_string())),
    }
}

/// A random value with 6 bits per character. Every `.env` reader accepts its characters unquoted.
fn generated(length: usize) -> Result<Secret> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if !(8..=1024).contains(&length) {
        return Err(Error::invalid(
            "a generated value has 8 to 1024 characters",
            "--generate KEY:32",
        ));
    }
    let mut bytes = zeroize::Zeroizing::new(vec![0_u8; length]);
    crate::random::fill(&mut bytes)?;
    Ok(Secret::from(
        bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]))
            .collect::<String>(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_value_is_random_and_has_the_requested_length() {
        let one = generated(40)
            .ok()
            .map(|s| s.expose(WayOut::Inspection).to_owned());
        let two = generated(40)
            .ok()
            .map(|s| s.expose(WayOut::Inspection).to_owned());
        assert!(one.as_ref().is_some_and(|text| text.len() == 40));
        assert_ne!(one, two);
        assert!(generated(7).is_err() && generated(1025).is_err());
    }

    #[test]
    fn a_value_over_64_kib_is_refused() {
        let Ok(key) = "K".parse::<Key>() else {
            panic!("key")
        };
        let checked = |values| {
            additions(
                Audience::Person,
                values,
                &BTreeMap::new(),
                &[],
                &mut Notes::default(),
            )
        };
        let values = |length: usize| {
            BTreeMap::from([(
                key.clone(),
                Given::Untyped(Secret::from("x".repeat(length))),
            )])
        };
        assert!(checked(values(MAX_VALUE_BYTES)).is_ok());
        assert!(checked(values(MAX_VALUE_BYTES + 1)).is_err());
    }
}
