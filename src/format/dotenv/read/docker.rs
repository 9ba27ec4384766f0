//! `docker run --env-file`: raw lines (docker/cli, `pkg/kvfile`).

use super::{Broken, Seen, Variables};

/// The longest line that docker takes, in bytes.
const MAX_LINE: usize = 64 * 1024;

pub(super) fn read(text: &str) -> Result<Variables, Broken> {
    let mut variables = Variables::new();
    for (number, line) in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').enumerate() {
        let broken = Broken { line: number + 1 };
        if line.len() >= MAX_LINE {
            return Err(broken);
        }
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (line, None),
        };
        if key.is_empty() || key.contains([' ', '\t']) {
            return Err(broken);
        }
        // A lone name takes its value from the environment.
        variables.insert(key.to_owned(), value.map_or(Seen::Unknown, Seen::value));
    }
    Ok(variables)
}
