//! Detects files that another tool encrypted. Their values would be stored as ciphertext.

use super::{Named, SourceFormat};
use crate::error::{Error, Result};

/// Refuses a file that sops, dotenvx or ansible-vault encrypted. The hint is the command that
/// decrypts it.
pub(super) fn refuse(source: &Named<'_>, format: SourceFormat) -> Result<()> {
    let Some(tool) = tool(&source.text, format) else {
        return Ok(());
    };
    let file = source.file.map_or("FILE", |_| source.name.as_str());
    let format = match format {
        SourceFormat::Env => "env",
        SourceFormat::Yaml => "yaml",
        SourceFormat::Json => "json",
    };
    let decrypt = match tool {
        Tool::Sops => {
            let kind = if format == "env" { "dotenv" } else { format };
            format!("sops decrypt --input-type {kind} --output-type {kind} {file}")
        }
        Tool::Dotenvx => format!("dotenvx decrypt -f {file} --stdout"),
        Tool::AnsibleVault => format!("ansible-vault view {file}"),
    };
    Err(Error::invalid(
        format!("{} is encrypted by {}", source.name, tool.name()),
        format!("{decrypt} | claude-vault set SERVICE --from - --format {format}"),
    ))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Tool {
    Sops,
    Dotenvx,
    AnsibleVault,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Sops => "sops",
            Self::Dotenvx => "dotenvx",
            Self::AnsibleVault => "ansible-vault",
        }
    }
}

/// The tool that encrypted a text, if any. Ciphertext from sops follows `:` or `=`, or is a list
/// item. An env file from sops also has the entry `sops_mac`.
fn tool(text: &str, format: SourceFormat) -> Option<Tool> {
    if text.trim_start().starts_with("$ANSIBLE_VAULT;") {
        return Some(Tool::AnsibleVault);
    }
    let value_of = |line: &str| {
        let value = match format {
            SourceFormat::Env => line.split_once('=')?.1,
            SourceFormat::Yaml | SourceFormat::Json => {
                line.split_once(':').map_or(line, |(_, value)| value)
            }
        };
        Some(
            value
                .trim()
                .trim_start_matches(['"', '\'', '-', '[', ' '])
                .to_owned(),
        )
    };
    let name_of = |line: &str| {
        line.trim_start()
            .trim_start_matches("export ")
            .split(['=', ':'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let mut lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.find_map(|line| {
        let (name, value) = (name_of(line), value_of(line).unwrap_or_default());
        if value.starts_with("ENC[AES256_GCM,") || format == SourceFormat::Env && name == "sops_mac"
        {
            return Some(Tool::Sops);
        }
        // A file that dotenvx decrypted still has DOTENV_PUBLIC_KEY, so that name proves nothing.
        (format == SourceFormat::Env && value.starts_with("encrypted:")).then_some(Tool::Dotenvx)
    })
}
