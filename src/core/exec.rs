//! `exec`: passes the secrets of services to a program as environment variables, without writing
//! them to disk.
//!
//! This module collects the variables. The CLI then replaces its own process with the program.

pub(in crate::core) mod steering;

pub(crate) use steering::refusal_reason as steering_reason;

use std::collections::{BTreeMap, BTreeSet};

use super::Core;
use crate::audit::Action;
use crate::error::{Error, Missing, Result};
use crate::format::dotenv::MAX_VARIABLE;
use crate::names::{Key, Service, printable};
use crate::secret::{Secret, WayOut};

/// The arguments of `exec`: which secrets the program gets.
#[derive(clap::Args)]
pub struct ExecRequest {
    /// The services
    #[arg(value_name = "SERVICE", required = true, value_parser = Service::from_folder)]
    pub services: Vec<Service>,
    /// Only these keys, separated by commas
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub only: Vec<Key>,
    /// Prepend this to the name of each variable
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub prefix: String,
    /// Fail if two services have the same key
    #[arg(long)]
    pub strict: bool,
}

/// The collected variables, and warnings.
pub struct ExecReply {
    /// Values by variable name.
    pub variables: BTreeMap<String, Secret>,
    /// Warnings about keys that two services share, or about an audit log that could not be
    /// written.
    pub warnings: Vec<String>,
}

/// Collects the variables of all services. If two services have the same key, the later one wins.
/// `program` is the program that will get them; it is named in the audit log.
///
/// # Errors
/// [`Error::NotFound`] for a service or a key in `only` that does not exist, [`Error::Invalid`] for
/// a key that two services share (only if `strict`) and for a variable that changes how programs
/// run, [`Error::Unwritable`] for a name or value that an environment cannot contain.
pub async fn exec(core: &Core, request: &ExecRequest, program: &str) -> Result<ExecReply> {
    let names: Vec<&str> = request.services.iter().map(Service::as_str).collect();
    let details = |reply: &ExecReply| {
        format!(
            "{} variables of {} to {program}",
            reply.variables.len(),
            names.join(", ")
        )
    };
    let single = request
        .services
        .first()
        .filter(|_| request.services.len() == 1);
    let (mut reply, unlogged) = core
        .audited(Action::Exec, single, collect(core, request).await, details)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

fn check_prefix(prefix: &str) -> Result<()> {
    if prefix
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        return Ok(());
    }
    Err(Error::invalid(
        "--prefix may contain only the characters A-Z a-z 0-9 _",
        "--prefix MYAPP_",
    ))
}

async fn collect(core: &Core, request: &ExecRequest) -> Result<ExecReply> {
    check_prefix(&request.prefix)?;
    let vault = core.vault()?;
    let mut reply = ExecReply {
        variables: BTreeMap::new(),
        warnings: Vec::new(),
    };
    let mut owners: BTreeMap<String, &Service> = BTreeMap::new();
    let (mut plain, mut steering) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for service in request
        .services
        .iter()
        .filter(|service| seen.insert(*service))
    {
        let (_, secrets) = super::history::read_version(&vault, service, None).await?;
        for (key, value) in secrets {
            if !request.only.is_empty() && !request.only.iter().any(|only| only.as_str() == key) {
                continue;
            }
            let name = format!("{}{key}", request.prefix);
            check(service, &name, value.secret())?;
            match steering::refusal_reason(&name) {
                Some(reason) => steering.push((printable(&name, false), reason)),
                None => plain.push(key),
            }
            if let Some(other) = owners.insert(name.clone(), service) {
                clash(request.strict, &name, other, service, &mut reply.warnings)?;
            }
            reply.variables.insert(name, value.secret().clone());
        }
    }
    if request.only.is_empty() {
        refuse_steering(request, plain, &steering)?;
    }
    match request
        .only
        .iter()
        .find(|key| !owners.contains_key(&format!("{}{key}", request.prefix)))
    {
        Some(key) => Err(Error::NotFound {
            missing: Some(Missing::Key(key.to_string())),
            what: format!("the key {key}"),
            hint: format!("claude-vault list {}", request.services[0]),
        }),
        None => Ok(reply),
    }
}

/// Refuses variables that change how programs run. The person can allow one by naming it in
/// `--only`.
fn refuse_steering(
    request: &ExecRequest,
    mut others: Vec<String>,
    steering: &[(String, &str)],
) -> Result<()> {
    let Some((name, reason)) = steering.first() else {
        return Ok(());
    };
    let more: Vec<&str> = steering
        .iter()
        .skip(1)
        .map(|(name, _)| name.as_str())
        .collect();
    let more = if more.is_empty() {
        String::new()
    } else {
        format!("; these are refused too: {}", more.join(", "))
    };
    others.sort_unstable();
    others.dedup();
    // The hint lists the other keys only if they can be typed and fit on one line.
    let few = !others.is_empty()
        && others.len() <= 8
        && others.iter().all(|key| key.parse::<Key>().is_ok());
    let keys = if few {
        others.join(",")
    } else {
        "KEY,…".into()
    };
    let services: Vec<&str> = request.services.iter().map(Service::as_str).collect();
    Err(Error::invalid(
        format!("{name} {reason}{more}"),
        format!(
            "leave it out: claude-vault exec {} --only {keys} -- …   (or name it in --only, if you \
             want it)",
            services.join(" ")
        ),
    ))
}

fn check(service: &Service, name: &str, value: &Secret) -> Result<()> {
    let reason = if name.contains(['=', '\0']) || name.is_empty() {
        "its name is not a valid variable name"
    } else if value.expose(WayOut::Inspection).contains('\0') {
        "an environment variable cannot contain a NUL byte"
    } else if value.expose(WayOut::Inspection).len() > MAX_VARIABLE {
        "an environment variable cannot be larger than 127 KiB"
    } else {
        return Ok(());
    };
    Err(Error::Unwritable {
        file: format!("the environment from {service}"),
        keys: printable(name, false),
        reader: "the program".into(),
        reason: reason.into(),
        hint: "leave it out with --only, or pass it to the program in a file".into(),
    })
}

fn clash(
    strict: bool,
    name: &str,
    other: &Service,
    service: &Service,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let name = printable(name, false);
    if strict {
        return Err(Error::invalid(
            format!("{other} and {service} both have {name}"),
            "choose keys with --only, run each service with its own --prefix, or omit --strict",
        ));
    }
    warnings.push(format!(
        "{other} and {service} both have {name}: the value from {service} is used"
    ));
    Ok(())
}
