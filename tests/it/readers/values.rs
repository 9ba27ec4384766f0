//! Values that trip up readers: some chosen by hand, others generated from a seed.

use serde_json::{Map, Value, json};

/// Chosen by hand.
pub const NASTY: &[&str] = &[
    "",
    " ",
    "  ",
    " lead",
    "trail ",
    "\t",
    "a\tb",
    "\ttab",
    "tab\t",
    "a b",
    "plain",
    "a=b",
    "=",
    "==",
    "=a",
    "a=",
    "#",
    "a#b",
    "a #b",
    "a# b",
    "#a",
    " # b",
    "a  # b #c",
    "'",
    "''",
    "'a'",
    "it's",
    "'a",
    "a'",
    "\"",
    "\"\"",
    "\"a\"",
    "a\"b",
    "say \"hi\" it's",
    "`",
    "``",
    "`id`",
    "a`b",
    "'\"`",
    "'a\"b`c",
    "'a\"b`c#d",
    "'a\" b` c # d",
    "$",
    "$$",
    "$5",
    "a$b",
    "$HOME",
    "${HOME}",
    "$(id)",
    "$(",
    "$()",
    "$((1+1))",
    "a$",
    "it's $5",
    "it's ${HOME}",
    "\"$HOME\"",
    "'$HOME'",
    "\\$HOME",
    "\\\\$HOME",
    "$a\\",
    "it's `id`",
    "it's $(id)",
    "it's \\n",
    "it's \\",
    "it's \\\\",
    "\\",
    "\\\\",
    "\\\\\\",
    "a\\",
    "a\\\\",
    "a\\b",
    "a\\\\b",
    "\\n",
    "\\r",
    "\\t",
    "a\\nb",
    "C:\\Users\\new",
    "\\\"",
    "\\'",
    "\\`",
    "a\\'b",
    "!",
    "!!",
    "a!b",
    "*",
    "?",
    "[x]",
    "{a,b}",
    "~",
    "~root",
    "a:~b",
    "&",
    "&&",
    "a&b",
    "||",
    ";",
    "a;b",
    "|",
    "<",
    ">",
    "(",
    ")",
    "()",
    "%",
    "%s",
    "%PATH%",
    "^",
    "@",
    ",",
    "-",
    "--x",
    "+",
    ".",
    "/",
    "two\nlines",
    "\n",
    "\n\n",
    "\nlead",
    "trail\n",
    "a\n\nb",
    "a\n#b\nc",
    "a\nB=c",
    "it's\ntwo",
    "a\"\nb",
    "a$\nb",
    "a\\\nb",
    "a\\n\nb",
    "`a\nb`",
    "-----BEGIN KEY-----\nMIIB+/=\n-----END KEY-----\n",
    "{\n  \"a\": \"b\"\n}",
    "\r",
    "a\rb",
    "a\r\nb",
    "trail\r",
    "\rlead",
    "it's\r",
    "a\r\"b",
    "é",
    "日本語",
    "🔑",
    "e\u{301}",
    "\u{a0}",
    "\u{a0}x\u{a0}",
    "\u{feff}x",
    "\u{2028}",
    "a\u{2029}b",
    "\u{85}",
    "\u{200b}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{1}",
    "a\u{b}b",
    "\u{c}",
    "null",
    "true",
    "yes",
    "no",
    "on",
    "0123",
    "1e3",
    "0x1F",
    "12:34:56",
    "2026-01-31",
    "- a",
    ": x",
    "a: b",
    "key: \"v\"",
    "{\"a\": 1}",
    "[1]",
    "<<",
    "&anchor",
    "*alias",
    "!tag",
    "| x",
    "> x",
    "---",
    "...",
    "%YAML",
    "export A=1",
    "postgres://u:p@h/db?x=1&y=2",
    "aGVsbG8=",
    "p@$$w0rd!",
    "x'; DROP TABLE--",
    "a\"b'c`d$e\\f",
    "a\"b'c`d$e\\f#g",
    "'\"$\\",
    "&lt;",
    "${A:-b}",
    "${A:?b}",
    "$A$B",
    "a${",
    "}{",
    "$'a'",
    "$\"a\"",
    "\\$",
    "\\${A}",
    "#{a}",
    "<%= a %>",
    "{{ a }}",
    "1",
    "-1",
    "~/x",
    "a,b c",
];

/// A small random generator: the same seed gives the same values everywhere (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % limit
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Passwords of all kinds, and mixtures of characters that are special to some reader.
    pub fn value(&mut self) -> String {
        const PARTS: &[&str] = &[
            "'", "\"", "`", "$", "\\", "#", " ", "=", "\n", "\r", "\t", "!", "&", ";", "(", ")",
            "{", "}", "${", "$(", "\\n", "\\r", "\\\\", " #", "a", "B", "7", "_", "é", "🔑",
            "\u{a0}", "~", "*", "|", "<", ">", "%", "^", ",", ".", "$A", "${A}", "$(a)", "A=1",
            "\n#",
        ];
        const PRINTABLE: std::ops::RangeInclusive<u8> = b'!'..=b'~';
        let length = 1 + self.below(24);
        match self.below(4) {
            0 => (0..length)
                .map(|_| char::from(*self.pick(&PRINTABLE.collect::<Vec<_>>())))
                .collect(),
            1 => (0..length).map(|_| *self.pick(PARTS)).collect(),
            2 => (0..length)
                .map(|_| {
                    if self.below(4) == 0 {
                        *self.pick(PARTS)
                    } else {
                        *self.pick(&["x", "y", "0", "-"])
                    }
                })
                .collect(),
            _ => (0..1 + self.below(6)).map(|_| *self.pick(PARTS)).collect(),
        }
    }
}

impl Random {
    /// A few lines, most of them odd.
    pub fn template(&mut self) -> String {
        const LINES: &[&str] = &[
            "A=x",
            "A=",
            "B=y",
            "A = x",
            "export A=x",
            "export  B = y",
            "A='x'",
            "B=\"y\"",
            "A=x # c",
            "B='y' # it's",
            "A= # c",
            "#A=x",
            "# it's",
            "; ini",
            "[section]",
            "",
            "  ",
            "\t",
            "C='tis",
            "C=\"open",
            "C='a\nb'",
            "C=\"a\nb\"",
            "C=a\\",
            "C=\\",
            "export C",
            "C",
            "=x",
            "C=${A}",
            "C=$(id)x",
            "C=`id`",
            "C=a b",
            "C=\"a\" b",
            "C='a'b",
            "  A=x",
            "A\t=\tx",
            "B: y",
            "a-b=c",
            "1A=2",
            "export C = d",
            "C=d;",
            "C=d&e",
            "C=(d)",
            "C='\\''",
            "C=\"\\\"",
            "C=`",
            "return",
            "A+=x",
            "D==x",
            "C=\u{a0}",
            "\u{feff}A=x",
        ];
        let end = if self.below(6) == 0 { "\r\n" } else { "\n" };
        let count = 1 + self.below(5);
        let mut text: String = (0..count)
            .map(|_| format!("{}{end}", self.pick(LINES)))
            .collect();
        if self.below(3) == 0 {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    }
}

/// The seed of this run: a fixed one, or the value of `SEED`.
pub fn seed() -> u64 {
    std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_123)
}

/// All chosen values and `made` generated ones, without duplicates.
pub fn values(made: usize) -> Vec<String> {
    let mut random = Random(seed());
    let mut all: Vec<String> = NASTY.iter().map(|value| (*value).to_owned()).collect();
    all.extend((0..made).map(|_| random.value()));
    let mut seen = std::collections::HashSet::new();
    all.retain(|value| seen.insert(value.clone()));
    all
}

/// The data of a service with these values: `V0`, `V1`, and so on.
pub fn numbered<'a>(values: impl IntoIterator<Item = &'a String>) -> Map<String, Value> {
    values
        .into_iter()
        .enumerate()
        .map(|(number, value)| (format!("V{number}"), json!(value)))
        .collect()
}
