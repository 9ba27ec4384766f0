//! `exec`: the secrets of services as a program's environment, with nothing on disk.
//!
//! This module works out the variables; starting the program is the face's affair, since it
//! takes the process's place.

use std::collections::{BTreeMap, BTreeSet};

use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::format::dotenv::MAX_VARIABLE;
use crate::names::{Key, Service, printable};
use crate::secret::{Secret, WayOut};
use crate::vault::Stored;

/// Which secrets a program gets.
#[derive(clap::Args)]
pub struct Request {
    /// The services
    #[arg(value_name = "SERVICE", required = true, value_parser = Service::from_folder)]
    pub services: Vec<Service>,
    /// Only these keys, separated by commas
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub only: Vec<Key>,
    /// Put this before each variable's name
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prefix: String,
    /// Refuse when two services have the same key
    #[arg(long)]
    pub strict: bool,
}

/// The variables, and what to know.
pub struct Reply {
    /// Values by variable name.
    pub variables: BTreeMap<String, Secret>,
    /// Clashes, and an audit log that could not be written.
    pub warnings: Vec<String>,
}

/// Collects the variables of all services; where two have the same key, the later one wins.
/// `program` is what will get them, for the audit log.
///
/// # Errors
/// [`Error::NotFound`] for a service or a key of `only` that is not there, [`Error::Invalid`] for
/// a clash when it is strict, [`Error::Unwritable`] for a value that no environment can hold.
pub async fn exec(core: &Core, request: &Request, program: &str) -> Result<Reply> {
    let names: Vec<&str> = request.services.iter().map(Service::as_str).collect();
    let details = |reply: &Reply| format!("{} variables of {} to {program}", reply.variables.len(), names.join(", "));
    let single = request.services.first().filter(|_| request.services.len() == 1);
    let (mut reply, unlogged) = core.audited(Action::Exec, single, collect(core, request).await, details)?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn collect(core: &Core, request: &Request) -> Result<Reply> {
    if !request.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Error::invalid("a prefix has only the characters A-Z a-z 0-9 _", "--prefix MYAPP_"));
    }
    let vault = core.vault()?;
    let mut reply = Reply { variables: BTreeMap::new(), warnings: Vec::new() };
    let mut owners: BTreeMap<String, &Service> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for service in request.services.iter().filter(|service| seen.insert(*service)) {
        let Stored::Present { secrets, .. } = vault.read_service(service, None).await? else { return Err(no_service(service)) };
        for (key, value) in secrets {
            if !request.only.is_empty() && !request.only.iter().any(|only| only.as_str() == key) {
                continue;
            }
            let name = format!("{}{key}", request.prefix);
            check(service, &name, value.secret())?;
            if let Some(other) = owners.insert(name.clone(), service) {
                clash(request.strict, &name, other, service, &mut reply.warnings)?;
            }
            reply.variables.insert(name, value.secret().clone());
        }
    }
    let steering: Vec<&str> = reply.variables.keys().map(String::as_str).filter(|name| STEERING.contains(name)).collect();
    if !steering.is_empty() {
        let names = steering.join(", ");
        reply.warnings.push(format!(
            "{names} from Vault steers how programs are found and loaded: leave it out with --only if that is not meant"
        ));
    }
    match request.only.iter().find(|key| !owners.contains_key(&format!("{}{key}", request.prefix))) {
        Some(key) => {
            Err(Error::NotFound { what: format!("the key {key}"), hint: format!("claude-vault list {}", request.services[0]) })
        }
        None => Ok(reply),
    }
}

/// Variables that change what runs.
const STEERING: [&str; 10] =
    ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS", "NODE_OPTIONS", "PYTHONPATH", "PERL5OPT", "RUBYOPT"];

fn check(service: &Service, name: &str, value: &Secret) -> Result<()> {
    let reason = if name.contains(['=', '\0']) || name.is_empty() {
        "its name cannot be a variable's"
    } else if value.expose(WayOut::Inspection).contains('\0') {
        "no environment variable can hold a NUL byte"
    } else if value.expose(WayOut::Inspection).len() > MAX_VARIABLE {
        "no environment variable can be larger than 127 KiB"
    } else {
        return Ok(());
    };
    Err(Error::Unwritable {
        file: format!("the environment from {service}"),
        keys: printable(name, false),
        reader: "the program".into(),
        reason: reason.into(),
        hint: "leave it out with --only, or give it in a file of its own".into(),
    })
}

fn clash(strict: bool, name: &str, other: &Service, service: &Service, warnings: &mut Vec<String>) -> Result<()> {
    let name = printable(name, false);
    if strict {
        return Err(Error::invalid(
            format!("{other} and {service} both have {name}"),
            "choose with --only, run them with a --prefix each, or leave --strict out",
        ));
    }
    warnings.push(format!("{other} and {service} both have {name}: the one of {service} is used"));
    Ok(())
}
