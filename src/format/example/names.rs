//! The minimal example of a file: only the names of its entries.

use super::super::dotenv;
use super::super::places::Form;
use super::super::yaml;
use super::super::yaml::tree::{self, Malformed, Node};
use super::Example;
use crate::names::is_public_name;

/// The names that the file's own reader finds, in order and with empty values; for YAML, the keys
/// at the top level. Comments and values are dropped, so the text depends on the names alone. A
/// name that may be a part of a secret is left out.
///
/// # Errors
/// [`Malformed`] if the reader cannot read the file: with the line for YAML, with line 1 for an env
/// file.
pub fn names_only(form: Form, text: &str) -> Result<Example, Malformed> {
    let mut names: Vec<String> = Vec::new();
    for name in found(form, text)? {
        if is_public_name(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    let line = |name: &String| match form {
        Form::Env(_) => format!("{name}=\n"),
        Form::Compose | Form::Yaml => format!("{}: \"\"\n", yaml::quote(name)),
    };
    Ok(Example {
        text: names.iter().map(line).collect(),
        replaced: names.len(),
        kept: 0,
        names,
    })
}

fn found(form: Form, text: &str) -> Result<Vec<String>, Malformed> {
    match form {
        Form::Env(reader) => {
            let taken = dotenv::read_as(reader, text);
            let given_up = || Malformed {
                line: 1,
                reason: "the program that uses this file cannot read it".into(),
            };
            Ok(taken
                .ok_or_else(given_up)?
                .into_iter()
                .map(|(name, _)| name)
                .collect())
        }
        Form::Compose | Form::Yaml => {
            let documents = tree::parse(text)?;
            Ok(documents
                .iter()
                .flat_map(Node::entries)
                .filter_map(|(key, _)| key.text().map(str::to_owned))
                .collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dotenv::Dialect;

    #[test]
    fn only_names_stay() {
        let made = names_only(
            Form::Env(Dialect::Compose),
            "# note\nA=1 # why\nB='two\nlines'\nA=3\n",
        )
        .unwrap_or_default();
        assert_eq!(made.text, "A=\nB=\n");
        let made = names_only(Form::Yaml, "# note\nwifi: x # why\nlist: [a]\n").unwrap_or_default();
        assert_eq!(made.text, "\"wifi\": \"\"\n\"list\": \"\"\n");
    }

    #[test]
    fn a_file_that_its_reader_cannot_read_is_refused() {
        assert!(names_only(Form::Env(Dialect::Compose), "A='open\n").is_err());
    }
}
