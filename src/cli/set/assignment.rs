//! The arguments `KEY=VALUE` and their like, and the sources of their values.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::core::set::from;
use crate::error::{Error, Result};
use crate::names::{Key, MAX_VALUE_BYTES};
use crate::secret::{Secret, WayOut};

/// Standard input, which can be read only once.
#[derive(Default)]
pub(super) struct Stdin {
    is_taken: bool,
}

impl Stdin {
    fn take(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_taken, true) {
            return Err(Error::invalid(
                "standard input can be used only once, for one key or one --from",
                "give the other with KEY=@FILE or KEY",
            ));
        }
        Ok(())
    }

    /// Reads one value, without its last line break.
    pub(super) fn value(&mut self) -> Result<Secret> {
        self.take()?;
        read_stdin()
    }

    /// Reads the whole input, for `--from -`.
    pub(super) fn text(&mut self) -> Result<zeroize::Zeroizing<String>> {
        self.take()?;
        from::read_text(std::io::stdin().lock(), Path::new("standard input"))
    }
}

pub(super) enum Source {
    Value(Secret),
    File(PathBuf),
    Stdin,
    Ask,
}

/// An argument: a key, and where its value comes from.
pub(super) struct Assignment {
    pub(super) key: Key,
    pub(super) source: Source,
    /// Whether the value is JSON (`KEY:=JSON`).
    pub(super) is_json: bool,
}

pub(super) fn split(assignment: String) -> Result<Assignment> {
    let assignment = zeroize::Zeroizing::new(assignment);
    let Some((name, value)) = assignment.split_once('=') else {
        return Ok(Assignment {
            key: assignment.parse()?,
            source: Source::Ask,
            is_json: false,
        });
    };
    // A key cannot end in a colon, so this is `KEY:=JSON`.
    let (name, is_json) = name
        .strip_suffix(':')
        .map_or((name, false), |name| (name, true));
    let source = match value {
        "-" => Source::Stdin,
        _ if value.starts_with('@') => Source::File(PathBuf::from(&value[1..])),
        _ if value.starts_with("\\@") => Source::Value(Secret::from(value[1..].to_owned())),
        _ => Source::Value(Secret::from(value.to_owned())),
    };
    Ok(Assignment {
        key: name.parse()?,
        source,
        is_json,
    })
}

/// Reads a value from a file: at most one byte more than a value may have, so that a longer file is
/// noticed and not cut off.
///
/// Errors do not repeat the file's name: it may be a value that begins with @.
pub(super) fn read_value(key: &Key, file: &Path) -> Result<Secret> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Error::invalid(
            format!("{key}: the file named after @ cannot be read: {why}"),
            format!("for a value that begins with @ itself: '{key}=\\@…'"),
        )
    };
    let source = std::fs::File::open(file).map_err(|error| unreadable(&error.kind()))?;
    read_limited(
        source,
        MAX_VALUE_BYTES as u64 + 1,
        Path::new("the file named after @"),
    )
}

fn read_stdin() -> Result<Secret> {
    let secret = read_limited(
        std::io::stdin().lock(),
        MAX_VALUE_BYTES as u64 + 3,
        Path::new("standard input"),
    )?;
    let text = secret.expose(WayOut::Inspection);
    let shorter = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'));
    Ok(shorter.map_or_else(|| secret.clone(), |text| Secret::from(text.to_owned())))
}

fn read_limited(source: impl Read, limit: u64, name: &Path) -> Result<Secret> {
    let mut bytes = Vec::with_capacity(usize::try_from(limit).unwrap_or(0).min(64 * 1024));
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", name))?;
    Secret::from_utf8(bytes).ok_or_else(|| {
        Error::invalid(
            format!("{} is not UTF-8 text", name.display()),
            "store binary data as base64: base64 -w0 FILE",
        )
    })
}
