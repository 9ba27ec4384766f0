//! Finds the file that an example is made from.

use std::path::{Path, PathBuf};

use crate::core::Core;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::{Service, printable};

/// The path and text of `file`, or else of the first of `names` that exists in the service's
/// folder.
pub(super) fn read(
    core: &Core,
    service: Option<&Service>,
    file: Option<&Path>,
    names: &[&str],
) -> Result<(PathBuf, zeroize::Zeroizing<String>)> {
    let root = Root::open(&core.settings.root)?;
    let folder = Path::new(service.map_or("", Service::as_str));
    let candidates: Vec<PathBuf> = match file {
        Some(file) => vec![root.relative(file)?],
        None => names.iter().map(|name| folder.join(name)).collect(),
    };
    for file in candidates {
        let Some(content) = root.read(&file)? else {
            continue;
        };
        let text = std::str::from_utf8(&content.bytes).map_err(|_| Error::Confined {
            path: file.clone(),
            reason: "it is not UTF-8 text",
        })?;
        return Ok((file, zeroize::Zeroizing::new(text.to_owned())));
    }
    let what = match file {
        Some(file) => format!("the file {}", printable(&file.to_string_lossy(), false)),
        None => format!(
            "a file {} in {}",
            names.join(" or "),
            printable(&folder.to_string_lossy(), false)
        ),
    };
    Err(Error::NotFound {
        missing: None,
        what,
        hint: "name the file by its path from the project's root".into(),
    })
}
