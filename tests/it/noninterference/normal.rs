//! Normalises the random differences between two runs of the same calls: handles, ids, ports and
//! times. Each is replaced by a number in order of first appearance, or by a word, so that frames
//! can be compared byte for byte.

/// Numbers the random parts. Each world needs its own for each sequence.
#[derive(Default)]
pub struct Normaliser {
    handles: Vec<String>,
    ids: Vec<String>,
    /// The folders of this world.
    pub folders: Vec<String>,
}

const HANDLE: &str = "@token-";
const HANDLE_DIGITS: usize = 16;
/// An id is a run of at least this many hexadecimal digits.
const ID_DIGITS: usize = 32;

fn number(known: &mut Vec<String>, text: &str) -> usize {
    known
        .iter()
        .position(|other| other == text)
        .unwrap_or_else(|| {
            known.push(text.to_owned());
            known.len() - 1
        })
}

fn run(text: &str, is: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is(*byte)).count()
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl Normaliser {
    pub fn text(&mut self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            // Every special part begins with one of these characters.
            let may_be = matches!(c, '@' | '0'..='9' | 'a'..='f' | '[' | 'l' | 's' | '/' | '{');
            let taken = if may_be {
                self.special(rest, before, &mut out)
            } else {
                0
            };
            if taken == 0 {
                out.push(c);
            }
            let (done, left) = rest.split_at(taken.max(c.len_utf8()));
            before = done.chars().next_back().unwrap_or(' ');
            rest = left;
        }
        out
    }

    /// If `rest` starts with a special part, writes its replacement and returns its length.
    /// Otherwise returns 0.
    fn special(&mut self, rest: &str, before: char, out: &mut String) -> usize {
        if let Some(after) = rest.strip_prefix(HANDLE) {
            let digits = run(after, is_hex);
            if digits == HANDLE_DIGITS {
                let handle = &rest[..HANDLE.len() + digits];
                out.push_str(&format!("{HANDLE}#{}", number(&mut self.handles, handle)));
                return handle.len();
            }
        }
        if let Some(folder) = self
            .folders
            .iter()
            .find(|folder| rest.starts_with(folder.as_str()))
        {
            out.push_str("FOLDER");
            return folder.len();
        }
        for start in [
            "127.0.0.1:",
            "localhost:",
            "[::1]:",
            "seconds_left\":",
            "seconds_left\\\":",
            // The order of keys whose names are not shown is random per process, which a test in
            // mcp/undo.rs checks.
            "{\"entry\":",
            "{\\\"entry\\\":",
        ] {
            let digits = rest
                .strip_prefix(start)
                .map_or(0, |after| run(after, |byte| byte.is_ascii_digit()));
            if digits > 0 {
                out.push_str(start);
                out.push('0');
                return start.len() + digits;
            }
        }
        if before.is_ascii_alphanumeric() {
            return 0;
        }
        let hex = run(rest, is_hex);
        let ends = !rest[hex..].starts_with(|c: char| c.is_ascii_alphanumeric());
        if hex >= ID_DIGITS && ends {
            out.push_str(&format!("ID#{}", number(&mut self.ids, &rest[..hex])));
            return hex;
        }
        let (length, word) = time(rest);
        out.push_str(word);
        length
    }
}

/// The length of a time and its replacement. Recognises RFC 3339, the same with a space and a zone,
/// and the timestamp of a backup.
fn time(text: &str) -> (usize, &'static str) {
    let shape: String = text
        .chars()
        .take(19)
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape.starts_with("0000-00-00T00:00:00") || shape.starts_with("0000-00-00 00:00:00") {
        let mut length = 19;
        if text[length..].starts_with('.') {
            length += 1 + run(&text[length + 1..], |byte| byte.is_ascii_digit());
        }
        for zone in ["Z", " UTC"] {
            if text[length..].starts_with(zone) {
                length += zone.len();
                break;
            }
        }
        return (length, "TIME");
    }
    if shape.starts_with("00000000_000000") {
        let more = text[15..]
            .strip_prefix('_')
            .map_or(0, |rest| run(rest, |byte| byte.is_ascii_digit()));
        return (15 + if more > 0 { more + 1 } else { 0 }, "STAMP");
    }
    (0, "")
}

/// The texts of the form `@token-#…`, in order of first appearance.
pub fn handles_in(text: &str) -> Vec<String> {
    found(text, HANDLE, HANDLE_DIGITS)
}

/// The opaque names in a text, in order of first appearance.
pub fn ids_in(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        if word.len() >= ID_DIGITS && word.bytes().all(is_hex) {
            number(&mut ids, word);
        }
    }
    ids
}

fn found(text: &str, mark: &str, digits: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices(mark) {
        let rest = &text[at + mark.len()..];
        if run(rest, is_hex) == digits {
            number(&mut all, &text[at..at + mark.len() + digits]);
        }
    }
    all
}

#[test]
fn random_parts_are_numbered_and_everything_else_stays() {
    let mut one = Normaliser {
        folders: vec!["/tmp/x1".into()],
        ..Normaliser::default()
    };
    let line = r#"{"a":"@token-0123456789abcdef","b":"@token-aaaaaaaaaaaaaaaa","c":"@token-0123456789abcdef","t":"2026-11-25T10:00:00.123Z"}"#;
    assert_eq!(
        one.text(line),
        r##"{"a":"@token-#0","b":"@token-#1","c":"@token-#0","t":"TIME"}"##
    );
    assert_eq!(
        one.text("x @token-bbbbbbbbbbbbbbbb /tmp/x1/lab"),
        "x @token-#2 FOLDER/lab"
    );
    assert_eq!(
        one.text("s/.env.backup.20261125_100000_2 v"),
        "s/.env.backup.STAMP v"
    );
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(
        one.text(&format!("http://127.0.0.1:4711/plan/{id} {id}, x{id}")),
        format!("http://127.0.0.1:0/plan/ID#0 ID#0, x{id}")
    );
    assert_eq!(
        one.text(r#"{"seconds_left":3599,"version":3}"#),
        r#"{"seconds_left":0,"version":3}"#
    );
    assert_eq!(
        one.text(r#"{"added":[{"name":"A"},{"entry":4}],"entries":4}"#),
        r#"{"added":[{"name":"A"},{"entry":0}],"entries":4}"#
    );
    assert_eq!(one.text(r#"[{\"entry\":3}]"#), r#"[{\"entry\":0}]"#);
    assert_eq!(
        one.text(r#"{\"seconds_left\":3599}"#),
        r#"{\"seconds_left\":0}"#
    );
    for same in [
        "@token-0123456789abcde",
        "@token-0123456789ABCDEF",
        "20261125",
        "é 12:30 3599",
        "{\"line\":12}",
    ] {
        assert_eq!(one.text(same), same);
    }
    assert_eq!(
        handles_in(line),
        ["@token-0123456789abcdef", "@token-aaaaaaaaaaaaaaaa"]
    );
    assert_eq!(ids_in(&format!("approval_token: {id}. Next")), [id]);
}

#[test]
fn equal_handles_get_one_number_and_different_ones_several() {
    let (mut a, mut b) = (Normaliser::default(), Normaliser::default());
    let same = a.text("@token-1111111111111111 @token-1111111111111111");
    let different = b.text("@token-1111111111111111 @token-2222222222222222");
    assert_ne!(same, different);
}
