//! Resolves the settings from their sources.

use std::path::PathBuf;
use std::time::Duration;

use super::context::write_role_at;
use super::file::Files;
use super::sources::Sources;
use super::table::{SETTINGS, SYSTEM_ROOTS};
use super::user_path::{require_outside, user_folder, user_path};
use super::values::parse_address;
use super::{
    Env, Global, MeantFor, Method, Mode, ProviderSettings, Proxy, Settings, Tls, folder, root,
};
use crate::error::{Error, Result};

impl Settings {
    /// Resolves all settings from their sources.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a setting that cannot be used.
    pub fn load(global: &Global, env: &Env) -> Result<Self> {
        let files = Files::read(env)?;
        let sources = Sources::new(&files, global, env)?;
        let mut settings = Self::defaults(env)?;
        if sources.locks.words().contains("proxy") {
            settings.proxy = Proxy::None; // unless the system config sets one below
        }
        for setting in &SETTINGS {
            let values = sources.values_of(setting);
            if !values.0.is_empty() {
                (setting.apply)(&mut settings, &values)?;
            }
        }
        settings.find_root(env)?;
        settings.provider.meant_for = Some(provider_is_for(&sources)?);
        settings.use_folder_of_lab(&sources);
        if settings.write_role.is_none() {
            settings.write_role = settings
                .address
                .as_ref()
                .and_then(|address| write_role_at(&files, address));
        }
        settings.context = sources.context_in_use();
        settings.known = sources.known_vaults(env);
        settings.config_files = files.paths();
        settings.locked = sources.locks.words().iter().copied().collect();
        Ok(settings)
    }

    /// If the address is that of the running lab, keeps passkeys in the lab's folder, so that they
    /// are removed together with the lab.
    fn use_folder_of_lab(&mut self, sources: &Sources<'_>) {
        let lab = sources
            .lab()
            .filter(|lab| parse_address(&lab.address).ok() == self.address);
        if let Some(lab) = lab {
            self.is_lab = true;
            self.config.clone_from(&lab.folder);
            self.data.clone_from(&lab.folder);
        }
    }

    /// The defaults of all settings.
    pub(super) fn defaults(env: &Env) -> Result<Self> {
        let state = state_folder(env)?;
        let data =
            folder(env, "XDG_DATA_HOME", ".local/share").map(|folder| folder.join("claude-vault"));
        Ok(Self {
            context: None,
            known: Vec::new(),
            address: None,
            namespace: None,
            mount: "secret".into(),
            prefix: "proxmox-services".into(),
            method: Method::default(),
            provider: ProviderSettings::default(),
            role: None,
            auth_mount: None,
            port: 8250,
            browser: None,
            max_token_ttl: 3600,
            max_session: 8 * 3600,
            root: PathBuf::new(),
            is_project: false,
            audit_log: PathBuf::new(),
            trusted_hosts: Vec::new(),
            tls: Tls {
                system_roots: SYSTEM_ROOTS
                    .iter()
                    .filter_map(|variable| env.path(variable))
                    .collect(),
                ..Tls::default()
            },
            timeout: Duration::from_secs(60),
            max_retries: 2,
            insecure_http: false,
            proxy: Proxy::Environment,
            agent: env.agent(),
            mode: Mode::default(),
            plain_keys: Vec::new(),
            handle_life: Duration::from_secs(7200),
            config: user_folder(env).unwrap_or_else(|| state.clone()),
            data: data.unwrap_or_else(|| state.clone()),
            config_files: Vec::new(),
            locked: Vec::new(),
            is_lab: false,
            approval: None,
            write_role: None,
            approval_wait: Duration::from_secs(300),
            ask_before: Vec::new(),
            file_mode: 0o600,
            file_group: None,
            state,
        })
    }

    /// Resolves the root and the path of the audit log, and refuses a user config below the root.
    fn find_root(&mut self, env: &Env) -> Result<()> {
        let given =
            Some(std::mem::take(&mut self.root)).filter(|root| !root.as_os_str().is_empty());
        // If a root is given, the config must also be outside the project of the working directory.
        let started_in = given
            .is_some()
            .then(root::project_here)
            .transpose()?
            .filter(|here| here.is_project);
        let root::FoundRoot {
            path: root,
            is_project,
        } = root::find(given)?;
        if let Some(user) = user_path(env)? {
            for project in [Some(&root), started_in.as_ref().map(|here| &here.path)]
                .into_iter()
                .flatten()
            {
                require_outside(&user, project)?;
            }
        }
        if self.audit_log.as_os_str().is_empty() {
            self.audit_log = if is_project {
                root.join(".claude-vault-audit.log")
            } else {
                self.state.join("audit.log")
            };
        }
        self.audit_log =
            std::path::absolute(&self.audit_log).map_err(Error::io("find", &self.audit_log))?;
        (self.root, self.is_project) = (root, is_project);
        Ok(())
    }
}

/// The Vault for which the config files set the identity provider.
fn provider_is_for(sources: &Sources<'_>) -> Result<MeantFor> {
    let file_values_of = |name: &str| {
        SETTINGS
            .iter()
            .find(|one| one.name == name)
            .map(|one| sources.file_values_of(one))
    };
    // An issuer that a context sets is meant for that context's Vault.
    let of_context = sources
        .context()
        .filter(|context| context.values.contains_key("issuer"));
    let address = match of_context {
        Some(context) => context
            .values
            .get("address")
            .and_then(toml::Value::as_str)
            .map(str::to_owned),
        None => file_values_of("address")
            .and_then(|values| Some(values.file_values().next()?.as_str()?.to_owned())),
    };
    let hosts = file_values_of("trusted_hosts")
        .map(|values| values.parsed_file_values())
        .transpose()?
        .unwrap_or_default();
    Ok(MeantFor {
        address,
        hosts: hosts.into_iter().next().unwrap_or_default(),
    })
}

fn state_folder(env: &Env) -> Result<PathBuf> {
    let usual = || Some(folder(env, "XDG_STATE_HOME", ".local/state")?.join("claude-vault"));
    env.path("CLAUDE_VAULT_STATE_DIR")
        .or_else(usual)
        .ok_or_else(|| {
            Error::invalid(
                "there is no home folder",
                "export CLAUDE_VAULT_STATE_DIR=DIR",
            )
        })
}
