//! Finds pieces of values in the output that the model sees: eight characters or more, plain or
//! encoded.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use serde_json::Value;

/// The length of the shortest piece that counts, in characters.
pub const PIECE: usize = 8;

/// All pieces of a world's values, in every form. Each piece of eight bytes is stored as a number.
#[derive(Default)]
pub struct Canaries {
    pieces: HashSet<u64, BuildHasherDefault<Mixed>>,
}

/// A fast hash. There are many pieces, and no attacker chooses them to collide.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

fn pieces(text: &str) -> impl Iterator<Item = (usize, u64)> {
    let mut piece = 0;
    text.bytes().enumerate().filter_map(move |(at, byte)| {
        piece = (piece << 8) | u64::from(byte);
        (at + 1 >= PIECE).then(|| (at + 1 - PIECE, piece))
    })
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let number = three
            .iter()
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(
                BASE64[usize::try_from((number >> (18 - 6 * at)) & 63).unwrap()],
            ));
        }
    }
    out
}

/// A value, plain and in the usual encodings. Letters and digits need no encoding in URLs, JSON and
/// shells.
fn forms(core: &str) -> Vec<String> {
    let hex: String = core.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        core.to_owned(),
        hex.to_uppercase(),
        hex,
        core.chars().rev().collect(),
    ];
    all.push(core.bytes().map(|byte| format!("%{byte:02X}")).collect());
    all.push(core.bytes().map(|byte| format!("\\u{byte:04x}")).collect());
    all.push(core.bytes().map(|byte| format!("\\x{byte:02x}")).collect());
    for skipped in 0..3 {
        // In every alignment. Characters that also depend on neighbouring bytes are left out.
        if let Some(rest) = core.as_bytes().get(skipped..) {
            all.push(base64(&rest[..rest.len() / 3 * 3]));
        }
    }
    if core.contains(['+', '/']) {
        all.push(core.replace('+', "-").replace('/', "_"));
    }
    all
}

impl Canaries {
    pub fn add(&mut self, core: &str) {
        for form in forms(core) {
            self.pieces.extend(pieces(&form).map(|(_, piece)| piece));
        }
    }

    /// A piece that occurs in the text, if there is one.
    pub fn seen_in(&self, text: &str) -> Option<String> {
        let at = pieces(text)
            .find(|(_, piece)| self.pieces.contains(piece))?
            .0;
        Some(String::from_utf8_lossy(&text.as_bytes()[at..at + PIECE]).into_owned())
    }
}

/// All strings in a JSON value, including the names of members.
pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| std::iter::once(name.clone()).chain(strings(value)))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn pieces_are_found_in_every_form() {
    let mut canaries = Canaries::default();
    canaries.add("Zx9kLm2Qw8Rt5Vb1");
    for text in [
        "a Zx9kLm2Q b",
        "..m2Qw8Rt5..",
        "5a78396b4c6d3251",
        "Wng5a0xtMlF3OFJ0NVZi",
        &base64(b"xZx9kLm2Qw8Rt5Vb1"),
        &base64(b"xyZx9kLm2Qw8Rt5Vb1zz"),
        "%5A%78%39%6B%4C",
        "\\u005a\\u0078\\u0039",
    ] {
        assert!(canaries.seen_in(text).is_some(), "{text}");
    }
    for text in ["Zx9kLm2", "nothing of it", "{\"a\":\"@token-#0\"}"] {
        assert_eq!(canaries.seen_in(text), None, "{text}");
    }
}
