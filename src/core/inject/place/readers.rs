//! Determines the programs that read a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::Places;
use super::compose::{ComposeReader, compose_readers};
use crate::core::Core;
use crate::core::inject::FileFormat;
use crate::core::inject::project::{OneOrMore, ServiceFiles, unique_dialects};
use crate::core::inject::target::ReaderSource;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::{Dialect, readers_beside};

impl Places {
    /// The readers of a file: from the nearest compose file at or above it that names it, else from
    /// the files beside it. Empty if neither shows one.
    fn readers(&self, file: &Path) -> Vec<Dialect> {
        let mut by_folder = file
            .ancestors()
            .skip(1)
            .map(|folder| compose_readers(&self.root, folder));
        let guess = match by_folder.find_map(|readers| readers.get(file).cloned()) {
            Some(reader) => self.guess_with(file, reader),
            None => self.guess(file),
        };
        match guess {
            (dialects, ReaderSource::Named | ReaderSource::Guessed(_)) => dialects,
            (_, ReaderSource::Unknown) => Vec::new(),
        }
    }

    /// The readers of a file that a compose file names. If the files beside it suggest several
    /// readers, and compose is one of them, all of these count.
    pub(super) fn guess_with(
        &self,
        file: &Path,
        reader: ComposeReader,
    ) -> (Vec<Dialect>, ReaderSource) {
        match self.guess(file) {
            (dialects, ReaderSource::Guessed(neighbours)) if dialects.contains(&reader.dialect) => {
                (dialects, ReaderSource::Guessed(neighbours))
            }
            (_, ReaderSource::Guessed(_) | ReaderSource::Named | ReaderSource::Unknown) => (
                vec![reader.dialect],
                ReaderSource::Guessed(vec![reader.compose_file]),
            ),
        }
    }

    /// The readers of a `.env` file, guessed from the files beside it.
    pub(super) fn guess(&self, file: &Path) -> (Vec<Dialect>, ReaderSource) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let names = self.root.names(folder);
        let found = readers_beside(names.iter().map(String::as_str), |name| {
            let content = self.root.read(&folder.join(name)).ok().flatten();
            content.map(|content| content.bytes)
        });
        if found.is_empty() {
            return (vec![Dialect::Portable], ReaderSource::Unknown);
        }
        let signs = found.iter().map(|(_, name)| (*name).to_owned()).collect();
        let dialects = found.into_iter().map(|(dialect, _)| dialect).collect();
        (dialects, ReaderSource::Guessed(signs))
    }
}

/// The reader of a `.env` file, if the files beside it suggest exactly one.
pub(in crate::core) fn reader_beside(core: &Core, file: &Path) -> Option<Dialect> {
    match Places::open(core).ok()?.guess(file) {
        (dialects, ReaderSource::Guessed(_)) if dialects.len() == 1 => dialects.first().copied(),
        _ => None,
    }
}

/// How to read an existing file.
#[derive(Default)]
pub(in crate::core) struct Readers {
    /// The readers, if it is a `.env` file. Empty if nothing shows which they are.
    pub(in crate::core) dialects: Vec<Dialect>,
    /// The format, if `.claude-vault.toml` lists the file.
    pub(in crate::core) format: Option<FileFormat>,
}

/// The readers of a file, from `.claude-vault.toml`, else from the compose file that names it, else
/// from the files beside it. The file may be outside the root.
///
/// # Errors
/// [`Error::Invalid`] for an invalid `.claude-vault.toml`, and [`Error::Io`].
pub(in crate::core) fn readers_of(core: &Core, file: &Path) -> Result<Readers> {
    let file = std::path::absolute(file).map_err(Error::io("find", file))?;
    let places = Places::open(core)?;
    let Ok(inside) = places.root.relative(&file) else {
        return Ok(Readers {
            dialects: readers_outside(core, &file),
            format: None,
        });
    };
    for (name, configured) in &places.configured {
        let listed = places.listed(name, configured)?;
        let Some(listed) = listed.into_iter().find(|listed| listed.file == inside) else {
            continue;
        };
        let named = named_readers([listed.dialects], configured)?;
        let dialects = if named.is_empty() {
            places.readers(&inside)
        } else {
            named
        };
        return Ok(Readers {
            dialects,
            format: Some(listed.format),
        });
    }
    Ok(Readers {
        dialects: places.readers(&inside),
        format: None,
    })
}

/// The readers of a file outside the root, from the files around it.
fn readers_outside(core: &Core, file: &Path) -> Vec<Dialect> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Vec::new();
    };
    let Ok(root) = Root::open(folder) else {
        return Vec::new();
    };
    let places = Places {
        root,
        configured: BTreeMap::new(),
        has_no_project_mark: false,
        audience: core.audience,
    };
    places.readers(Path::new(name))
}

/// The first list of dialects that is not empty, else the dialects that `.claude-vault.toml` names
/// for all files of the service.
pub(super) fn named_readers(
    lists: impl IntoIterator<Item = Vec<Dialect>>,
    configured: &ServiceFiles,
) -> Result<Vec<Dialect>> {
    let of_service = configured.dialect.clone().map(OneOrMore::list);
    let named = lists
        .into_iter()
        .chain(of_service)
        .find(|named| !named.is_empty());
    unique_dialects(named.unwrap_or_default())
}
