//! Writes any value in any dialect. The dialect's model must read it back exactly, and parsing must
//! find it as one entry.
#![no_main]

use std::collections::BTreeMap;

use claude_vault::format::dotenv::{self, Dialect, READERS};
use claude_vault::format::yaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (number, value) = input;
    let dialect = READERS
        .get(usize::from(number) % (READERS.len() + 1))
        .copied()
        .unwrap_or(Dialect::Portable);
    if let Ok(text) = dotenv::write(&[dialect], value) {
        let file = format!("BEFORE=1\nKEY={}\nAFTER=1\n", text.as_str());
        let wanted = BTreeMap::from([("BEFORE", "1"), ("KEY", value), ("AFTER", "1")]);
        assert_eq!(dotenv::check(dialect, &file, &wanted), Ok(()), "{file:?}");
        let document = dotenv::parse(&file, dialect);
        assert_eq!(
            document.raw(&file).get("KEY"),
            Some(&text.as_str()),
            "{file:?}"
        );
    }
    assert_eq!(yaml::read(&yaml::quote(value)).as_deref(), Some(value));
});
