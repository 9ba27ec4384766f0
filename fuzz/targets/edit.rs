//! Uses any text as a template. Parsing and editing must not panic; a second edit must change
//! nothing more, and an edit without values must change nothing at all.
#![no_main]

use std::collections::BTreeMap;

use claude_vault::format::dotenv::{self, READERS};
use claude_vault::format::edit::{Style, Texts};
use claude_vault::format::yaml;
use libfuzzer_sys::fuzz_target;

fn style<'a>(tidy: bool, yaml: bool) -> Style<'a> {
    let line: fn(&str, &str) -> String = if yaml {
        |key, value| format!("{}: {value}", yaml::quote(key))
    } else {
        |key, value| format!("{key}={value}")
    };
    Style {
        line,
        tidy,
        header: &[],
        header_marks: &["# Written by", "#"],
        block: "# more",
    }
}

fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned().into()))
        .collect()
}

fuzz_target!(|input: (&str, u8)| {
    let (template, number) = input;
    let reader = READERS[usize::from(number) % READERS.len()];
    let values = texts(&[("A", "1"), ("NEW", "'x y'")]);
    let document = dotenv::parse(template, reader);
    assert!(
        document
            .entries
            .windows(2)
            .all(|pair| pair[0].value.end <= pair[1].start)
    );
    for tidy in [false, true] {
        let edited = document.fill(template, &values, &style(tidy, false)).text;
        for reader in READERS {
            let _ = dotenv::check(reader, &edited, &BTreeMap::from([("A", "1")]));
        }
        // Editing again must change nothing more.
        let again = dotenv::parse(&edited, reader);
        if values
            .iter()
            .all(|(key, value)| again.raw(&edited).get(key) == Some(&value.as_str()))
            && !tidy
        {
            assert_eq!(
                again.fill(&edited, &values, &style(false, false)).text,
                edited
            );
        }
    }
    // An edit without values must change nothing at all.
    if !template
        .trim_start_matches('\u{feff}')
        .starts_with("# Written by")
    {
        assert_eq!(
            *document
                .fill(template, &Texts::new(), &style(false, false))
                .text,
            template
        );
    }
    if let Ok(document) = yaml::parse(template) {
        let quoted = texts(&[("a", "\"1\"")]);
        let edited = document.fill(template, &quoted, &style(false, true)).text;
        let _ = yaml::parse(&edited);
    }
});
