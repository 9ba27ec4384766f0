//! The environment variables that a command sees.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment a command runs in. A map, so that tests and `dev` can pass their own.
#[derive(Clone, Default)]
pub struct Env(HashMap<String, OsString>);

impl FromIterator<(String, OsString)> for Env {
    fn from_iter<T: IntoIterator<Item = (String, OsString)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v)))
                .collect(),
        )
    }

    /// The value of a variable; `None` if it is unset, empty or not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// The value of a variable as a path; `None` if it is unset or empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.0
            .get(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// The folders of `PATH`.
    #[must_use]
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.path("PATH")
            .map(|path| std::env::split_paths(&path).collect())
            .unwrap_or_default()
    }

    /// The value of `VAULT_name`, else of `BAO_name`.
    #[must_use]
    pub fn vault(&self, name: &str) -> Option<&str> {
        self.get(&format!("VAULT_{name}"))
            .or_else(|| self.get(&format!("BAO_{name}")))
    }

    /// The variable of the AI agent that runs this process, if any. This is a guard rail, not a
    /// security boundary: anyone who starts the process controls its variables.
    #[must_use]
    pub fn agent(&self) -> Option<&'static str> {
        AGENT_VARIABLES
            .iter()
            .copied()
            .find(|name| self.get(name).is_some())
    }
}

/// Variables that AI agents set for the commands they run.
pub const AGENT_VARIABLES: &[&str] = &[
    "CLAUDECODE",
    "AI_AGENT",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "CODEX_SANDBOX",
    "CODEX_THREAD_ID",
    "OPENCODE",
    "COPILOT_AGENT",
    "CLINE_ACTIVE",
    "AUGMENT_AGENT",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bao_variable_counts_only_if_the_vault_variable_is_unset() {
        let env = |pairs: &[(&str, &str)]| -> Env {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).into()))
                .collect()
        };
        assert_eq!(env(&[("BAO_ADDR", "b")]).vault("ADDR"), Some("b"));
        assert_eq!(
            env(&[("BAO_ADDR", "b"), ("VAULT_ADDR", "v")]).vault("ADDR"),
            Some("v")
        );
    }
}
