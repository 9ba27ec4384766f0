//! Source files as people write them, and as nobody should: some chosen by hand, others generated
//! from a seed.

use claude_vault::format::dotenv::{self, Dialect};

use super::values::Random;

/// Chosen by hand.
pub const CHOSEN: [&str; 120] = [
    "A=1\n",
    "A=1",
    "A=\n",
    "A=",
    "A='1'\n",
    "A=\"1\"\n",
    "A=`1`\n",
    "export A=1\n",
    "export  A='x y'\n",
    "A = 1\n",
    "A= 1\n",
    "A =1\n",
    "  A=1\n",
    "\tA=1\n",
    "A=1 # c\n",
    "A=1 #c\n",
    "A=1\t# c\n",
    "A=1# c\n",
    "A=1#c\n",
    "A='1' # c\n",
    "A='1'# c\n",
    "A=\"val #s\"#c\nB=1\n",
    "A= # c\n",
    "A=# c\n",
    "A=#c\n",
    "A='' # c\n",
    "A=\"\" # c\nB=2\n",
    "A='Let\\'s go!'\n",
    "A='it'\\''s'\n",
    "A=it's\n",
    "A=it's\nB=it's\n",
    "A=don\"t\n",
    "A=\"it's\"\n",
    "A='say \"hi\"'\n",
    "A=\"a\\nb\"\n",
    "A='a\\nb'\n",
    "A=a\\nb\n",
    "A=\"a\\tb\\r\\\\\"\n",
    "A=\"a\\\"b\"\n",
    "A=\"trail\\\\\"\nB=x\nC=\"it's\"\n",
    "A='trail\\'\nB=1\n",
    "A='trail\\\\'\nB='x'\n",
    "A=trail\\\nB=1\n",
    "A=C:\\Users\\new\n",
    "A='C:\\Users\\new'\n",
    "A=\"C:\\Users\\new\"\n",
    "A=\"line 1\nline 2\"\nB=1\n",
    "A='line 1\nline 2'\nB=1\n",
    "A=\"line 1\n\nline 3\n\"\nB=1\n",
    "A=\"-----BEGIN KEY-----\nMIIB+/=\n-----END KEY-----\"\n",
    "A=\"a\nB=c\nd\"\nE=1\n",
    "A=\"a\n# no comment\nb\"\n",
    "A=1\r\nB=2\r\n",
    "A='1'\r\nB=\"2\"\r\n",
    "A=\"a\r\nb\"\r\nB=1\r\n",
    "A=1 # c\r\nB=\r\n",
    "A=a\rb\nB=1\n",
    "\u{feff}A=1\nB=2\n",
    "\u{feff}# c\nA=1\n",
    "A=1\nA=2\n",
    "A=1\nB=$A\nA=2\n",
    "A=1\nB=2\nA=1\n",
    "A='x'\n\n\n# c\n\nB=1\n",
    "# A=1\nB=2\n",
    "A=x\nB=$A\n",
    "A=x\nB=${A}\n",
    "A=x\nB=\"$A\"\n",
    "A=x\nB=\"${A}\"\n",
    "A=x\nB='$A'\n",
    "A=x\nB='${A}'\n",
    "A=x\nB=\\$A\n",
    "A=x\nB=\"\\$A\"\n",
    "A=x\nB='\\$A'\n",
    "A=x\nB=\"\\\\$A\"\n",
    "DOMAIN=example.org\nURL=https://${DOMAIN}/x\n",
    "U=u\nP=p\nURL=postgres://$U:$P@db:5432/x\n",
    "A=x\nB=${A:-d}\nC=${A-d}\n",
    "B=${U:-d}\nC=${U-d}\n",
    "E=\nB=${E:-d}\nC=${E-d}\n",
    "A=x\nE=\nB=${A:+r}\nC=${E:+r}\n",
    "A=x\nB=${A:?must be set}\n",
    "B=${U:?must be set}\n",
    "A=x\nB=${U:-${A}}\n",
    "B=${U:-${V:-x}}y\n",
    "A=x\nB=\"${U:-$A}\"\n",
    "B=\"${U:-a b}\"\n",
    "B='${U:-d}'\n",
    "B=${A}\nA=1\n",
    "B=${A:-d}\nA=1\n",
    "A=$A\n",
    "A=${A:-x}\n",
    "A=a\nA=${A}b\n",
    "A=a$$b\n",
    "A='a$$b'\n",
    "A=\"foo:$2a$10$TWabc\"\n",
    "A='foo:$2a$10$TWabc'\n",
    "A=$5\n",
    "A=a$\nB=1\n",
    "A=\"a$\"\n",
    "A=${\nB=1\n",
    "A=${}\n",
    "A=x\nB=$A$A\n",
    "A=x\nB=${A}${A}-$A.$A\n",
    "A=x\nB=$A-y\nC=${A}_y\n",
    "A='unterminated\nB=1\n",
    "A=\"unterminated\nB=1\n",
    "A='x'y\nB=1\n",
    "A=\"x\"y\nB=1\n",
    "A=x'y'\nB=1\n",
    "A='x' 'y'\nB=1\n",
    "A=openid profile email\nB=1\n",
    "A=https://x.example/?a=1&b=2\nB=1\n",
    "A=$(id)\nB=1\n",
    "A=`id`\nB=1\n",
    "A='$(id)'\n",
    "A\nB=1\n",
    "A: 1\nB=2\n",
    "A=\u{e9}\u{20ac}\u{1f511}\nB='\u{65e5}\u{672c}'\n",
    "A=x\u{a0}\nB=\u{a0}y\n",
    "A='x\u{85}y'\nB=\"\u{2028}\"\n",
];

const NAMES: &[&str] = &["A", "B", "C", "D", "DB_PASSWORD", "API_KEY", "URL", "_X1"];
const SAFE: &[&str] = &[
    "x",
    "y7",
    "hunter",
    "0",
    "42",
    "true",
    "a.b",
    "/srv/data",
    "example.org",
    "a-b",
    "k=v",
    "u@h",
    "T0k3n",
    "%41",
    "a,b",
];
const ODD: &[&str] = &[
    " ",
    "  ",
    "#",
    " #",
    "'",
    "\"",
    "`",
    "$",
    "\\",
    "\\\\",
    "\\n",
    "\\t",
    "\\'",
    "\\\"",
    "!",
    "*",
    "&",
    ";",
    "(",
    ")",
    "{",
    "}",
    "<",
    "|",
    "~",
    "?",
    "[",
    "]",
    "^",
    "%",
    ":",
    "\t",
    "\u{e9}",
    "\u{1f511}",
    "\u{a0}",
    "$$",
    "=",
    "\\$",
    "/*",
];
/// Characters that mostly occur between quotes.
const INNER: &[&str] = &[
    " ", "#", " # ", "!", "*", "&", ";", "(", "|", "~", "?", "\\n", ": ", ", ", "=", "{", "}", "%",
    "\u{e9}",
];

impl Random {
    /// Generates files for one dialect's readers. Few of the files that its model cannot parse are
    /// kept, since real files like that are soon fixed.
    pub fn sources(&mut self, dialect: Dialect, count: usize) -> Vec<String> {
        let mut made = Vec::with_capacity(count);
        while made.len() < count {
            let text = self.source(dialect);
            if !dotenv::reading(dialect, &text, &|_| None).is_broken() || self.below(25) == 0 {
                made.push(text);
            }
        }
        made
    }

    fn source(&mut self, dialect: Dialect) -> String {
        let end = if self.below(10) == 0 { "\r\n" } else { "\n" };
        let mut text = String::from(if self.below(80) == 0 { "\u{feff}" } else { "" });
        let mut set: Vec<&str> = Vec::new();
        for _ in 0..1 + self.below(6) {
            let line = match self.below(14) {
                0 => String::new(),
                1 => (*self.pick(&[
                    "# comment",
                    "#A=1",
                    "# it's",
                    "# say \"hi",
                    "#",
                    "## x = y",
                    "# ${A}",
                    "#B='x",
                    "# one\t# two",
                    "#!",
                    "# C=\"",
                    "  # indented",
                ]))
                .to_owned(),
                _ => self.line(dialect, &mut set),
            };
            text.push_str(&line.replace('\n', end));
            text.push_str(end);
        }
        if self.below(3) == 0 {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    }

    fn line(&mut self, dialect: Dialect, set: &mut Vec<&'static str>) -> String {
        let free: Vec<&'static str> = NAMES
            .iter()
            .copied()
            .filter(|name| !set.contains(name))
            .collect();
        // A name seldom occurs twice.
        let name = if free.is_empty() || self.below(30) == 0 {
            *self.pick(NAMES)
        } else {
            *self.pick(&free)
        };
        // Vite 8 expands in alphabetical order, so in a working file references also point
        // backwards in that order.
        let is_usable = |other: &&str| dialect != Dialect::Vite || **other < *name;
        let usable: Vec<&str> = set.iter().copied().filter(is_usable).collect();
        let value = if self.below(30) == 0 {
            self.written(dialect, set)
        } else {
            self.written(dialect, &usable)
        };
        set.push(name);
        let is_shell = dialect == Dialect::Shell;
        let before = if self.below(8) == 0 { "export " } else { "" };
        let equals = if !is_shell && self.below(12) == 0 {
            *self.pick(&[" = ", "= ", " ="])
        } else {
            "="
        };
        let behind = match self.below(14) {
            0 => " # comment",
            1 => " # it's \"one\"",
            2 => *self.pick(&[
                " ", " ", " ", " ", "  ", "  ", "  ", " #c", " #c", "#c", "#c", "\t", "\t# c",
            ]),
            _ => "",
        };
        format!("{before}{name}{equals}{value}{behind}")
    }

    /// A value as written after the `=`.
    fn written(&mut self, dialect: Dialect, set: &[&str]) -> String {
        match self.below(16) {
            0 if self.below(2) == 0 => String::new(),
            0..=4 => self.joined(SAFE, 2),
            5 => {
                let (first, odd, last) = (*self.pick(SAFE), self.odd(dialect), *self.pick(SAFE));
                format!("{first}{odd}{last}")
            }
            6 | 7 => self.quoted('\'', dialect, set),
            8 | 9 => self.quoted('"', dialect, set),
            10 => {
                let quote = *self.pick(&['\'', '"', '`']);
                let (one, odd, two) = (
                    self.joined(SAFE, 1),
                    self.odd(dialect),
                    self.joined(SAFE, 1),
                );
                format!("{quote}{one}{odd}{two}{quote}")
            }
            11 => {
                let quote = *self.pick(&['"', '"', '\'']);
                let (one, two) = (self.joined(SAFE, 2), self.joined(INNER, 2));
                format!("{quote}{one}\n{two}\n{quote}")
            }
            12 | 13 if !set.is_empty() => self.reference(dialect, set),
            14 if !set.is_empty() => {
                let (before, reference, behind) = (
                    *self.pick(&["https://", "x", "", "a-"]),
                    self.reference(dialect, set),
                    *self.pick(&["/x", "/x", ":1", "", "", ".y"]),
                );
                let quote = *self.pick(&["", "\"", "\"", "'"]);
                format!("{quote}{before}{reference}{behind}{quote}")
            }
            _ => self.joined(SAFE, 3),
        }
    }

    /// An odd fragment. People who write for Vite know how it treats `$`, so those are rarer there.
    fn odd(&mut self, dialect: Dialect) -> &'static str {
        let mut odd = *self.pick(ODD);
        if odd.contains('$') && dialect == Dialect::Vite {
            odd = *self.pick(ODD);
        }
        odd
    }

    fn quoted(&mut self, quote: char, dialect: Dialect, set: &[&str]) -> String {
        let (one, two, three) = (
            self.joined(SAFE, 2),
            self.joined(INNER, 2),
            self.joined(SAFE, 2),
        );
        let reference = if !set.is_empty() && self.below(6) == 0 {
            self.reference(dialect, set)
        } else {
            String::new()
        };
        format!("{quote}{one}{two}{reference}{three}{quote}")
    }

    fn joined(&mut self, parts: &[&str], most: usize) -> String {
        (0..1 + self.below(most))
            .map(|_| *self.pick(parts))
            .collect()
    }

    /// A reference, mostly to a variable set above, in the forms that most readers support.
    fn reference(&mut self, dialect: Dialect, set: &[&str]) -> String {
        let name = *self.pick(set);
        // Few files use a form that only newer versions support.
        let rare = if dialect == Dialect::Vite && self.below(4) != 0 {
            4
        } else {
            0
        };
        match self.below(24 - rare) + rare {
            0 => format!("${{{name}:-d}}"),
            1 => format!("${{U{}:-d}}", self.below(3)),
            2 => format!("${{{name}-d}}"),
            3 => format!("${{{name}:+r}}"),
            4 => format!("${{U:-${{{name}}}}}"),
            5 => format!("\\${name}"),
            6..=10 => format!("${name}"),
            _ => format!("${{{name}}}"),
        }
    }
}
