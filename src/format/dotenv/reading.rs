//! Parsing a whole file like its reader, line by line: [`reading`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use zeroize::Zeroizing;

use super::Dialect;
use super::row::Agreement;

/// A parsed file. Lines are in file order.
#[derive(Default)]
pub struct Reading {
    /// The assignments. A name may occur twice; the last one counts.
    pub lines: Vec<Line>,
    /// Lines that the reader cannot read, or whose value depends on something outside the file.
    pub unread: Vec<Unread>,
}

/// One assignment.
pub struct Line {
    /// The variable's name.
    pub name: String,
    /// The first line of the assignment, from 1.
    pub line: usize,
    /// The whole assignment, including the end of its line.
    pub span: Range<usize>,
    /// The value as written after the `=`, including quotes.
    pub raw: Range<usize>,
    /// The value that the program sees. `None` for a name without a value.
    pub value: Option<Zeroizing<String>>,
    /// The variables that were expanded in the value.
    pub expanded_from: Vec<String>,
    /// Whether the value consists of references and harmless text around them only, as in
    /// `https://${DOMAIN}/x`.
    pub is_only_references: bool,
}

/// A line without a usable value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// The line number, from 1.
    pub line: usize,
    /// The variable's name, if known.
    pub name: Option<String>,
    /// The rest of the sentence "line 3 cannot be read: …"; it never holds a value.
    pub reason: String,
    /// Whether the reader stops here. Most readers then ignore the whole file.
    pub ends_reading: bool,
}

impl Line {
    /// Whether the program sees exactly this value, without any expansion.
    pub(super) fn is_literally(&self, value: &str) -> bool {
        self.expanded_from.is_empty()
            && self.value.as_ref().is_some_and(|own| own.as_str() == value)
    }
}

impl Reading {
    /// The last line of each name, in file order. Names whose last line cannot be read are left
    /// out.
    pub fn effective(&self) -> impl Iterator<Item = &Line> {
        // For each name: the last line that sets it, and the last one that cannot be read.
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut lost: HashMap<&str, usize> = HashMap::new();
        for (at, line) in self.lines.iter().enumerate() {
            last.insert(&line.name, at);
        }
        for unread in &self.unread {
            if let Some(name) = unread.name.as_deref() {
                let line = lost.entry(name).or_insert(unread.line);
                *line = unread.line.max(*line);
            }
        }
        self.lines.iter().enumerate().filter_map(move |(at, line)| {
            let is_last = last.get(line.name.as_str()) == Some(&at);
            let is_lost = lost
                .get(line.name.as_str())
                .is_some_and(|lost| *lost >= line.line);
            (is_last && !is_lost).then_some(line)
        })
    }

    /// Whether the reader stops before the end of the file.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.unread.iter().any(|unread| unread.ends_reading)
    }
}

/// Parses a file like the reader of `dialect`.
///
/// `outside` supplies the names that the file does not set; the environment of this process is
/// never used. A name that neither of them sets counts as unset if the line has a form for that
/// case (`${X:-d}`); otherwise the line is refused. A line is also refused if the reader's
/// supported versions read it differently.
#[must_use]
pub fn reading(
    dialect: Dialect,
    text: &str,
    outside: &dyn Fn(&str) -> Option<Zeroizing<String>>,
) -> Reading {
    let row = dialect.row();
    let mut readings = row
        .versions_for(text)
        .map(|version| (version.name, (version.read)(text, outside)));
    let mut reading = match row.agreement {
        Agreement::Every => {
            let newest = readings
                .next()
                .map(|(_, reading)| reading)
                .unwrap_or_default();
            readings.fold(newest, |reading, (version, other)| {
                agreed(reading, &other, version)
            })
        }
        Agreement::AbleReaders => agreed_by_readers(readings.collect()),
    };
    reading.unread.sort_by_key(|unread| unread.line);
    reading
}

fn differs(line: &Line, name: &str) -> Unread {
    let reason = format!("{name} reads it differently");
    Unread {
        line: line.line,
        name: Some(line.name.clone()),
        reason,
        ends_reading: false,
    }
}

/// Keeps the lines that another version reads the same way, and refuses the others.
fn agreed(reading: Reading, other: &Reading, version: &str) -> Reading {
    let key = |line: &Line| (line.span.start, line.name.clone());
    let theirs: HashMap<(usize, String), &Line> =
        other.lines.iter().map(|line| (key(line), line)).collect();
    let last = |reading: &Reading| -> HashMap<String, usize> {
        reading
            .lines
            .iter()
            .map(|line| (line.name.clone(), line.span.start))
            .collect()
    };
    let (our_last, their_last) = (last(&reading), last(other));
    let mut out = Reading {
        lines: Vec::new(),
        unread: reading.unread,
    };
    if !out.is_broken() {
        let broken = other.unread.iter().find(|unread| unread.ends_reading);
        out.unread.extend(broken.map(|unread| Unread {
            reason: format!("{version} stops at this line"),
            ..unread.clone()
        }));
    }
    for line in reading.lines {
        let is_alike = theirs
            .get(&key(&line))
            .is_some_and(|their| their.value == line.value)
            && (our_last.get(&line.name) != Some(&line.span.start)
                || their_last.get(&line.name) == Some(&line.span.start));
        if is_alike {
            out.lines.push(line);
        } else {
            out.unread.push(differs(&line, version));
        }
    }
    // Names that only the other version finds.
    for line in other
        .lines
        .iter()
        .filter(|line| !our_last.contains_key(&line.name))
    {
        if !out
            .unread
            .iter()
            .any(|unread| unread.name.as_ref() == Some(&line.name))
        {
            out.unread.push(differs(line, version));
        }
    }
    out
}

/// Keeps the lines that every reader able to read them reads the same way.
fn agreed_by_readers(readings: Vec<(&'static str, Reading)>) -> Reading {
    let mut out = Reading::default();
    let mut found: BTreeMap<(usize, String), Vec<(&'static str, Line)>> = BTreeMap::new();
    let mut unread: Vec<Unread> = Vec::new();
    for (number, (name, reading)) in readings.into_iter().enumerate() {
        // If no reader can read a line, report the reason of the first reader.
        if number == 0 {
            unread = reading.unread;
        }
        for line in reading.lines {
            found
                .entry((line.line, line.name.clone()))
                .or_default()
                .push((name, line));
        }
    }
    let lines: HashSet<usize> = found.keys().map(|(line, _)| *line).collect();
    unread.retain(|unread| !lines.contains(&unread.line));
    for (_, mut seen) in found {
        let other = seen
            .iter()
            .find(|(_, line)| line.value != seen[0].1.value)
            .map(|(name, _)| *name);
        let (_, line) = seen.swap_remove(0);
        match other {
            Some(other) => out.unread.push(differs(&line, other)),
            None => out.lines.push(line),
        }
    }
    // One reader may stop where another continues: reading ends only if no line was accepted.
    let nothing = out.lines.is_empty();
    out.unread.extend(unread.into_iter().map(|unread| Unread {
        ends_reading: unread.ends_reading && nothing,
        ..unread
    }));
    out.lines.sort_by_key(|line| line.span.start);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, text: &str) -> Reading {
        reading(dialect, text, &|_| None)
    }

    fn values(reading: &Reading) -> Vec<(&str, Option<&str>)> {
        reading
            .effective()
            .map(|line| {
                (
                    line.name.as_str(),
                    line.value.as_ref().map(|value| value.as_str()),
                )
            })
            .collect()
    }

    #[test]
    fn a_compose_file_is_read_as_compose_reads_it() {
        let text = "GREETING='Let\\'s go!'\nPW=\"val \
            #s\"#c\nDOMAIN=example.org\nURL=https://${DOMAIN}/x\nT=\"foo:$2a$10$TWabc\"\n";
        let reading = read(Dialect::Compose, text);
        let url = Some("https://example.org/x");
        let expected = [
            ("GREETING", Some("Let's go!")),
            ("PW", Some("val #s")),
            ("DOMAIN", Some("example.org")),
            ("URL", url),
        ];
        assert_eq!(values(&reading), expected);
        let url = &reading.lines[3];
        assert_eq!(
            (url.line, &url.expanded_from[..], url.is_only_references),
            (4, &["DOMAIN".to_owned()][..], true)
        );
        assert_eq!(
            (&text[url.span.clone()], &text[url.raw.clone()]),
            ("URL=https://${DOMAIN}/x\n", "https://${DOMAIN}/x")
        );
        assert_eq!(
            (reading.unread[0].line, reading.unread[0].name.as_deref()),
            (5, Some("T"))
        );
        assert!(
            !reading.unread[0].reason.contains("TWabc"),
            "what follows a $ may be a secret"
        );
    }

    #[test]
    fn a_name_outside_the_file_counts_only_if_it_is_given() {
        let text = "A=${HOME_URL}/x\nB=${OTHER:-d}\nC=${HOME_URL:?must be set}\n";
        let without = read(Dialect::Shell, text);
        assert_eq!(values(&without), [("B", Some("d"))]);
        assert!(without.unread[0].reason.contains("--env HOME_URL"));
        assert!(without.unread[1].ends_reading);
        let given = |name: &str| (name == "HOME_URL").then(|| Zeroizing::new("u".to_owned()));
        for dialect in [Dialect::Shell, Dialect::Compose] {
            let reading = reading(dialect, text, &given);
            assert_eq!(
                values(&reading),
                [("A", Some("u/x")), ("B", Some("d")), ("C", Some("u"))],
                "{dialect:?}"
            );
        }
    }

    #[test]
    fn values_that_depend_on_an_unreadable_line_are_not_guessed() {
        let reading = read(Dialect::Shell, "A=$(id)\nB=$A\nC=1\nC=`id`\nD=2\n");
        assert_eq!(
            values(&reading),
            [("D", Some("2"))],
            "C is the output of the command"
        );
        assert_eq!(
            reading
                .unread
                .iter()
                .map(|unread| unread.line)
                .collect::<Vec<_>>(),
            [1, 2, 4]
        );
    }

    #[test]
    fn lines_that_versions_read_differently_are_refused_with_the_version() {
        let reading = read(Dialect::Python, "A= # c\nB=\"x\\\\\"\nC=\"1\"\nD=1\n");
        assert_eq!(values(&reading), [("D", Some("1"))]);
        assert_eq!(reading.unread.len(), 3);
        assert!(
            reading
                .unread
                .iter()
                .all(|unread| unread.reason.contains("python-dotenv before 1.2.3")),
            "{:?}",
            reading.unread
        );
    }

    #[test]
    fn a_file_of_an_unknown_reader_gives_what_readers_agree_on() {
        // A shell cannot read the first line, so its reading of later lines does not count.
        let text = "SCOPES=openid profile email\nB='x'\nC=it's\nD=$B\n";
        let reading = read(Dialect::Portable, text);
        assert_eq!(
            values(&reading),
            [
                ("SCOPES", Some("openid profile email")),
                ("B", Some("x")),
                ("C", Some("it's"))
            ]
        );
        assert_eq!(
            reading
                .unread
                .iter()
                .map(|unread| unread.name.as_deref())
                .collect::<Vec<_>>(),
            [Some("D")]
        );
        let disputed = read(Dialect::Portable, "A=\"a\\nb\"\nB=1\n");
        assert_eq!(values(&disputed), [("B", Some("1"))]);
        assert_eq!(disputed.unread[0].reason, "a shell reads it differently");
    }

    #[test]
    fn spans_and_line_numbers_are_exact_in_every_dialect() {
        let text =
            "\u{feff}# c\r\nexport A='x' # c\r\n\r\n  B = \"a\r\nb\"\r\nC=${A}z\rD=1\r\nE=\r\n";
        for dialect in super::super::READERS {
            let reading = read(dialect, text);
            for line in &reading.lines {
                assert!(
                    line.span.start <= line.raw.start && line.raw.end <= line.span.end,
                    "{dialect:?} {}",
                    line.name
                );
                assert!(
                    text[line.span.clone()].contains(&line.name),
                    "{dialect:?} {}",
                    line.name
                );
                assert_eq!(line.line, text[..line.span.start].matches('\n').count() + 1);
                let above = &text[line.span.start..line.raw.start];
                assert!(
                    above.contains('=') || line.value.is_none(),
                    "{dialect:?} {}",
                    line.name
                );
            }
        }
    }

    #[test]
    fn the_time_to_read_a_file_grows_with_its_size() {
        let texts = |size: usize| {
            let many: String = (0..size)
                .map(|number| format!("NAME_{number}='v{number}' # c\n"))
                .collect();
            let one = format!("A='{}'\nB=${{A}}\n", "x y".repeat(size * 5));
            let quotes = "A=\"x\\\"\n".repeat(size * 2);
            let names = format!("{}B=1\n", "A=$B\n".repeat(size * 3));
            [many, one, quotes, names]
        };
        let (small, large) = (texts(15_000), texts(60_000)); // the large ones are about 1 MiB
        for dialect in super::super::READERS {
            for (small, large) in small.iter().zip(&large) {
                let seconds = |text: &str| {
                    let started = std::time::Instant::now();
                    let _ = read(dialect, text).effective().count();
                    started.elapsed().as_secs_f64()
                };
                let (one, four) = (seconds(small), seconds(large));
                // A quadratic algorithm would take sixteen times as long.
                assert!(
                    four < 10.0 * one + 0.5,
                    "{dialect:?}: {one} s, then {four} s for {large:.20}"
                );
            }
        }
    }
}
