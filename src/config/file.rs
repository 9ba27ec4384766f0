//! The config files: the system config and the user config. A file that another user can write is
//! an error, and so is a user config inside the project, where an assistant can write files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::Env;
use super::owner::{require_ours, require_roots};
use super::setting::nearest;
use super::table::{SETTINGS, file_keys, lock_words};
use super::user_path::{real, user_path};
use super::values::parse_address;
use crate::error::{Error, Result};
use crate::names::printable;

/// The system config. No variable can change this path: anyone who can set variables could
/// otherwise replace the file.
const SYSTEM: &str = "/etc/claude-vault/config.toml";

/// A config file that was read and checked.
pub(super) struct Layer {
    pub(super) path: PathBuf,
    /// Its settings by key. Each key is known, and each value has the right type.
    pub(super) values: toml::Table,
}

/// Both config files, as far as they exist.
#[derive(Default)]
pub(super) struct Files {
    pub(super) system: Option<Layer>,
    pub(super) user: Option<Layer>,
}

impl Files {
    /// Reads the config files that exist.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that other users may write, that has a relative path, or whose
    /// content is not valid.
    pub(super) fn read(env: &Env) -> Result<Self> {
        let system = system_text()?
            .map(|text| Layer::parse(PathBuf::from(SYSTEM), &text))
            .transpose()?;
        let user = match user_path(env)? {
            Some(user) => user_text(&user.path)?
                .map(|text| Layer::parse(user.path, &text))
                .transpose()?,
            None => None,
        };
        if let Some(user) = user
            .as_ref()
            .filter(|user| user.values.contains_key("locked"))
        {
            return Err(Error::invalid(
                format!(
                    "{}: locked is allowed only in the system config",
                    user.path.display()
                ),
                format!("claude-vault config edit   (and remove locked, or move it to {SYSTEM})"),
            ));
        }
        Ok(Self { system, user })
    }

    /// The paths of the files that were read, the stronger first.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        [&self.system, &self.user]
            .into_iter()
            .flatten()
            .map(|layer| layer.path.clone())
            .collect()
    }

    /// The words listed in `locked`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a word that cannot be locked, and if `address` is locked but not set.
    pub(super) fn locked(&self) -> Result<BTreeSet<&'static str>> {
        let Some(system) = &self.system else {
            return Ok(BTreeSet::new());
        };
        let known = |word: &String| {
            lock_words().find(|known| known == word).ok_or_else(|| {
                let meant = nearest(word, lock_words())
                    .map(|near| format!("did you mean {near}? "))
                    .unwrap_or_default();
                let all: BTreeSet<&str> = lock_words().collect();
                let word = printable(word, false);
                Error::invalid(
                    format!("{SYSTEM}: locked names {word}, which cannot be locked"),
                    format!("{meant}{}", all.into_iter().collect::<Vec<_>>().join(", ")),
                )
            })
        };
        let words = system
            .values
            .get("locked")
            .and_then(|words| words.clone().try_into::<Vec<String>>().ok())
            .unwrap_or_default();
        let locked = words.iter().map(known).collect::<Result<BTreeSet<_>>>()?;
        if locked.contains("address") && !system.values.contains_key("address") {
            return Err(Error::invalid(
                format!("{SYSTEM}: locked names address, but the file does not set it"),
                "add address = \"https://vault.example.org:8200\" to it",
            ));
        }
        Ok(locked)
    }
}

impl Layer {
    fn parse(path: PathBuf, text: &str) -> Result<Self> {
        match text.parse() {
            Ok(values) => {
                let layer = Self { path, values };
                layer.check(text)?;
                Ok(layer)
            }
            Err(error) => Err(mistake(
                &path,
                line_at(text, error.span()),
                error.message(),
                None,
            )),
        }
    }

    /// Checks each key and the type of its value against the table of settings.
    fn check(&self, text: &str) -> Result<()> {
        for (name, value) in &self.values {
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.in_file && setting.name == name);
            let checked = match setting {
                Some(setting) => (setting.check)(value),
                None if name == "locked" => is_list(value),
                None => Err(format!("unknown field `{name}`")),
            };
            if let Err(reason) = checked {
                let near = setting
                    .is_none()
                    .then(|| nearest(name, file_keys()))
                    .flatten();
                return Err(mistake(&self.path, line_of(text, &[name]), &reason, near));
            }
        }
        self.contexts()
            .try_for_each(|(name, context)| self.check_context(name, context, text))
    }

    /// Checks one context: its name, its keys and the address of its Vault.
    fn check_context(&self, name: &str, context: &toml::Value, text: &str) -> Result<()> {
        let wrong = |key: Option<&str>, reason: &str, near: Option<&str>| {
            let path: Vec<&str> = ["contexts", name].into_iter().chain(key).collect();
            let shown = printable(name, false);
            Err(mistake(
                &self.path,
                line_of(text, &path),
                &format!("contexts.{shown}: {reason}"),
                near,
            ))
        };
        if !is_context_name(name) {
            return wrong(
                None,
                "the name must be 1 to 64 of the characters A-Z a-z 0-9 _ -",
                None,
            );
        }
        let Some(context) = context.as_table() else {
            return wrong(None, "it is not a table", None);
        };
        for (key, value) in context {
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.has_place_in_a_context() && setting.name == key);
            let Some(setting) = setting else {
                let known = SETTINGS
                    .iter()
                    .filter(|setting| setting.has_place_in_a_context())
                    .map(|setting| setting.name);
                return wrong(
                    Some(key),
                    &format!("unknown field `{key}`"),
                    nearest(key, known),
                );
            };
            if let Err(reason) = (setting.check)(value) {
                return wrong(Some(key), &reason, None);
            }
        }
        match context
            .get("address")
            .and_then(toml::Value::as_str)
            .map(parse_address)
        {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => wrong(Some("address"), &error.to_string(), None),
            None => wrong(
                None,
                "it has no address; add: address = \"https://vault.example.org:8200\"",
                None,
            ),
        }
    }

    /// The contexts that this file defines, with their names.
    pub(super) fn contexts(&self) -> impl Iterator<Item = (&str, &toml::Value)> {
        let all = self.values.get("contexts").and_then(toml::Value::as_table);
        all.into_iter()
            .flatten()
            .map(|(name, context)| (name.as_str(), context))
    }
}

fn is_list(value: &toml::Value) -> std::result::Result<(), String> {
    value
        .clone()
        .try_into::<Vec<String>>()
        .map(drop)
        .map_err(|error| error.message().to_owned())
}

/// Whether a context may have this name. Shells export and complete the name, so it must need no
/// quotes.
fn is_context_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// The error for a mistake in a config file; `near` is the key that was probably meant.
fn mistake(path: &Path, line: Option<usize>, reason: &str, near: Option<&str>) -> Error {
    let reason = printable(reason.lines().next().unwrap_or_default(), false);
    let meant = near
        .map(|name| format!("did you mean {name}? "))
        .unwrap_or_default();
    let place = line
        .map(|line| format!(", line {line}"))
        .unwrap_or_default();
    let edit = if path == Path::new(SYSTEM) {
        format!("sudoedit {SYSTEM}")
    } else {
        "claude-vault config edit".into()
    };
    Error::invalid(
        format!("{}{place}: {reason}", path.display()),
        format!("{meant}{edit}"),
    )
}

fn line_at(text: &str, span: Option<Range<usize>>) -> Option<usize> {
    Some(text.get(..span?.start)?.matches('\n').count() + 1)
}

/// The line of a key; `path` leads to it from the top level.
fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let whole = toml::de::DeTable::parse(text).ok()?;
    let mut table = whole.get_ref();
    let mut line = None;
    for name in path {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else {
            break;
        };
        line = line_at(text, Some(key.span()));
        let Some(below) = value.get_ref().as_table() else {
            break;
        };
        table = below;
    }
    line
}

/// The text of the system config. The file, its folder and `/etc` must belong to root, and nobody
/// else may write them. Anything else is an error, so that a lock never fails silently.
fn system_text() -> Result<Option<String>> {
    let path = Path::new(SYSTEM);
    let mut file = match open(path, OFlags::NOFOLLOW) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            if let Ok(found) = path.symlink_metadata() {
                require_roots(path, &found)?; // a symbolic link is not opened: report that cause
            }
            return Err(Error::io("read", path)(error));
        }
    };
    require_roots(path, &file.metadata().map_err(Error::io("read", path))?)?;
    for above in path
        .ancestors()
        .skip(1)
        .filter(|above| above.parent().is_some())
    {
        require_roots(
            above,
            &above.symlink_metadata().map_err(Error::io("read", above))?,
        )?;
    }
    text_of(&mut file, path).map(Some)
}

fn user_text(path: &Path) -> Result<Option<String>> {
    if path == Path::new("/dev/null") {
        return Ok(None); // the usual way to disable a config file
    }
    let mut file = match open(path, OFlags::empty()) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    require_ours(path, &file.metadata().map_err(Error::io("read", path))?)?;
    for above in [path.to_owned(), real(path)]
        .iter()
        .filter_map(|path| path.parent())
    {
        require_ours(above, &above.metadata().map_err(Error::io("read", above))?)?;
    }
    text_of(&mut file, path).map(Some)
}

/// Opens a file for reading. Opening a named pipe does not block.
fn open(path: &Path, more: OFlags) -> std::io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | more).bits()).unwrap_or_default();
    std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
}

fn text_of(file: &mut File, path: &Path) -> Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(Error::io("read", path))?;
    Ok(text)
}
