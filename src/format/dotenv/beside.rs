//! Which program reads a `.env` file, guessed from the files beside it.

use super::Dialect;

/// The file in which a project for Node.js lists the packages that it uses.
const PACKAGE_JSON: &str = "package.json";

/// A file that shows which program reads the `.env` next to it.
pub(super) enum Sign {
    /// A file of exactly this name.
    Named(&'static str),
    /// A file whose name has this ending and at least one character before it.
    Ending(&'static str),
    /// A `package.json` that lists one of these packages. This sign comes before one that only
    /// needs the name.
    Package(&'static [&'static str]),
}

impl Sign {
    fn fits_name(&self, name: &str) -> bool {
        match self {
            Self::Named(own) => name == *own,
            Self::Ending(end) => name.len() > end.len() && name.ends_with(end),
            Self::Package(_) => false,
        }
    }

    fn fits_package(&self, package: &serde_json::Value) -> bool {
        const LISTS: [&str; 4] = [
            "dependencies",
            "devDependencies",
            "peerDependencies",
            "optionalDependencies",
        ];
        match self {
            Self::Named(_) | Self::Ending(_) => false,
            Self::Package(packages) => packages
                .iter()
                .any(|name| LISTS.iter().any(|list| package[*list].get(name).is_some())),
        }
    }

    /// The name of a file with this sign.
    fn example(&self) -> String {
        match self {
            Self::Named(name) => (*name).to_owned(),
            Self::Ending(end) => format!("x{end}"),
            Self::Package(_) => PACKAGE_JSON.to_owned(),
        }
    }
}

/// The dialects that the files of a folder point to, each with the first file that does. `names`
/// are the files, and `read` returns the content of one of them. Only `package.json` is read; if it
/// cannot be, its name decides.
pub fn readers_beside<'n, C: AsRef<[u8]>>(
    names: impl IntoIterator<Item = &'n str>,
    read: impl Fn(&str) -> Option<C>,
) -> Vec<(Dialect, &'n str)> {
    let mut found: Vec<(Dialect, &str)> = Vec::new();
    for name in names {
        let by_content = || {
            let package = parsed(read(name)?.as_ref());
            with_sign(|sign| sign.fits_package(&package))
        };
        let dialect = (name == PACKAGE_JSON).then(by_content).flatten();
        if let Some(dialect) = dialect.or_else(|| with_sign(|sign| sign.fits_name(name)))
            && found.iter().all(|(known, _)| *known != dialect)
        {
            found.push((dialect, name));
        }
    }
    found
}

/// The names of the files that point to a dialect, each once. `x.service` stands for every name
/// with this ending.
#[must_use]
pub fn neighbour_names() -> Vec<String> {
    let mut names: Vec<String> = Dialect::rows()
        .flat_map(|row| row.neighbours)
        .map(Sign::example)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn with_sign(fits: impl Fn(&Sign) -> bool) -> Option<Dialect> {
    Dialect::rows()
        .find(|row| row.neighbours.iter().any(&fits))
        .map(|row| row.dialect)
}

fn parsed(package: &[u8]) -> serde_json::Value {
    let json = package
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(package);
    serde_json::from_slice(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(names: &[&'static str], package: Option<&str>) -> Vec<(Dialect, &'static str)> {
        readers_beside(names.iter().copied(), |_| package)
    }

    #[test]
    fn the_name_of_a_neighbouring_file_points_to_one_dialect_at_most() {
        for name in neighbour_names() {
            let fitting = Dialect::rows()
                .filter(|row| row.neighbours.iter().any(|sign| sign.fits_name(&name)));
            assert_eq!(fitting.count(), 1, "{name}");
        }
        assert_eq!(beside(&[".service", "README"], None), []);
    }

    #[test]
    fn a_package_json_points_to_the_program_that_it_lists() {
        let vite = "\u{feff}{\"devDependencies\": {\"vite\": \"8\"}}";
        for (package, dialect) in [
            (Some(vite), Dialect::Vite),
            (
                Some("{\"dependencies\": {\"next\": \"16\"}}"),
                Dialect::Vite,
            ),
            (Some("{\"scripts\": {\"vite\": \"vite\"}}"), Dialect::Node),
            (Some("not JSON"), Dialect::Node),
            (None, Dialect::Node),
        ] {
            let found = beside(&["package.json"], package);
            assert_eq!(found, [(dialect, "package.json")], "{package:?}");
        }
    }

    #[test]
    fn each_dialect_is_found_once_with_the_first_of_its_files() {
        assert_eq!(
            beside(
                &["compose.yaml", "go.mod", "docker-compose.yml", "x.service"],
                None
            ),
            [
                (Dialect::Compose, "compose.yaml"),
                (Dialect::Go, "go.mod"),
                (Dialect::Systemd, "x.service"),
            ]
        );
    }
}
