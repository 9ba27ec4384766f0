//! Checks how changes are approved.

use super::{Check, failed, ok, warning};
use crate::config::{Env, Strength};
use crate::core::Core;
use crate::core::approve::{passkeys, strength};
use crate::core::step_up::require_safe_destination;

/// The config files in which MCP clients list their servers, below the home folder.
const CLIENTS: [&str; 9] = [
    ".claude.json",
    ".cursor/mcp.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".vscode/mcp.json",
    ".config/zed/settings.json",
    ".config/Code/User/mcp.json",
    ".config/Claude/claude_desktop_config.json",
    ".codeium/windsurf/mcp_config.json",
];
/// The maximum size of a client config file that is searched, in bytes.
const MAX_CLIENT_FILE: u64 = 16 * 1024 * 1024;

/// Whether an AI assistant runs this process, or an MCP client's config mentions this program.
fn has_assistant(core: &Core, env: &Env) -> bool {
    let home = env.path("HOME");
    let of_home = home
        .iter()
        .flat_map(|home| CLIENTS.iter().map(|file| home.join(file)));
    let of_root = [".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"]
        .map(|file| core.settings.root.join(file));
    let names_us = |file: std::path::PathBuf| {
        let is_small = std::fs::metadata(&file)
            .is_ok_and(|found| found.is_file() && found.len() <= MAX_CLIENT_FILE);
        is_small && std::fs::read_to_string(&file).is_ok_and(|text| text.contains("claude-vault"))
    };
    core.settings.agent.is_some() || of_home.chain(of_root).any(names_us)
}

pub(super) fn approval(core: &Core, env: &Env) -> Check {
    const WHY: &str = "changes that an AI assistant requests wait for approval";
    match strength(core) {
        Err(error) => failed("approval", WHY, &error),
        Ok(Strength::Typed) if !has_assistant(core, env) => ok(
            "approval",
            "by typing yes; no AI assistant that uses claude-vault was found",
        ),
        Ok(Strength::Typed) => warning(
            "approval",
            "by typing yes",
            "any program that controls your browser or terminal can type it",
            "claude-vault approve enroll NAME   (or set write_role: see docs/approval.md)",
        ),
        Ok(Strength::Passkey) => {
            let count = passkeys(core).load().map_or(0, |all| all.len());
            ok("approval", format!("by one of {count} passkeys"))
        }
        Ok(Strength::StepUp) => match require_safe_destination(&core.settings) {
            Ok(()) => ok("approval", "by signing in for write_role"),
            Err(error) => failed("approval", WHY, &error),
        },
    }
}
