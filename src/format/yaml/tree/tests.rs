//! Tests of [`super`].

use super::*;

/// A node and all nodes below it.
fn all(node: &Node) -> Vec<&Node> {
    let below: Vec<&Node> = match &node.kind {
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => Vec::new(),
        NodeKind::List(items) => items.iter().flat_map(all).collect(),
        NodeKind::Map(entries) => entries
            .iter()
            .flat_map(|(key, value)| all(key).into_iter().chain(all(value)))
            .collect(),
    };
    std::iter::once(node).chain(below).collect()
}

fn nodes(text: &str) -> Vec<(String, String)> {
    let documents = match parse(text) {
        Ok(documents) => documents,
        Err(Malformed { line, reason }) => panic!("{text:?}: line {line}: {reason}"),
    };
    let described = |node: &Node| match &node.kind {
        NodeKind::Scalar { text, .. } => text.to_string(),
        NodeKind::List(_) => "[]".to_owned(),
        NodeKind::Map(_) => "{}".to_owned(),
        NodeKind::Alias(name) => format!("*{name}"),
    };
    documents
        .iter()
        .flat_map(all)
        .map(|node| (described(node), text[node.span.clone()].to_owned()))
        .collect()
}

fn values(text: &str) -> Vec<(String, String)> {
    let of = |text: &str| {
        nodes(text)
            .into_iter()
            .filter(|(read, _)| !matches!(read.as_str(), "{}" | "[]"))
            .collect()
    };
    of(text)
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(read, span)| ((*read).to_owned(), (*span).to_owned()))
        .collect()
}

#[test]
fn scalars_of_every_style_are_found_whole() {
    let text = "\u{feff}# c\na: plain\n  goes on # c\n'b b': \"x \\u00e9\" # c\n\"d\" : \
        'it''s'\nf: | # c\n  one\n\n  two\n\n# after\ng: >-\n  fold\n  ed\n";
    let expected = [
        ("a", "a"),
        ("plain goes on", "plain\n  goes on"),
        ("b b", "'b b'"),
        ("x \u{e9}", "\"x \\u00e9\""),
        ("d", "\"d\""),
        ("it's", "'it''s'"),
        ("f", "f"),
        ("one\n\ntwo\n", "| # c\n  one\n\n  two"),
        ("g", "g"),
        ("fold ed", ">-\n  fold\n  ed"),
    ];
    assert_eq!(values(text), pairs(&expected));
}

#[test]
fn block_scalars_include_all_of_their_text() {
    let of = |text: &str| {
        values(text)
            .into_iter()
            .filter(|(_, span)| span.starts_with(['|', '>']))
            .collect::<Vec<_>>()
    };
    let crlf = "a: |\r\n  x\r\n  y\r\n\r\nb: 1\r\n";
    assert_eq!(of(crlf), pairs(&[("x\ny\n", "|\r\n  x\r\n  y")]));
    assert_eq!(
        of("a: |+\n  x\n\n\nb: 1\n"),
        pairs(&[("x\n\n\n", "|+\n  x\n\n")])
    );
    assert_eq!(
        of("a: |\n  x\n     \nb: 1\n"),
        pairs(&[("x\n   \n", "|\n  x\n     ")])
    );
    assert_eq!(of("a: |\n\n\n  x"), pairs(&[("\n\nx", "|\n\n\n  x")]));
    assert_eq!(of("a: |2-\n    x\n"), pairs(&[("  x", "|2-\n    x")]));
    assert_eq!(of("a: |\n# c\nb: >-\n"), pairs(&[("", "|"), ("", ">-")]));
    assert_eq!(
        of("- &a !!str |\n  x\n- - >\n    y\n"),
        pairs(&[("x\n", "|\n  x"), ("y\n", ">\n    y")])
    );
    assert_eq!(
        of("%YAML 1.1\n# > c\n--- |\n x\n...\n"),
        pairs(&[("x\n", "|\n x")])
    );
}

#[test]
fn collections_span_from_their_first_indicator_to_the_end_of_their_last_item() {
    let text =
        "a: [1, {b: x}, y z ] # c\nc:\n- - 1\n  - k: v\n    l:\n-\n  # c\n  m: 1 # c\n\nd: {}\n";
    let lists: Vec<String> = nodes(text)
        .into_iter()
        .filter(|(read, _)| read == "[]")
        .map(|(_, span)| span)
        .collect();
    let expected = [
        "[1, {b: x}, y z ]",
        "- - 1\n  - k: v\n    l:\n-\n  # c\n  m: 1",
        "- 1\n  - k: v\n    l:",
    ];
    assert_eq!(lists, expected);
    let maps: Vec<String> = nodes(text)
        .into_iter()
        .filter(|(read, _)| read == "{}")
        .skip(1)
        .map(|(_, span)| span)
        .collect();
    assert_eq!(maps, ["{b: x}", "k: v\n    l:", "m: 1", "{}"]);
}

#[test]
fn an_absent_value_has_an_empty_span_after_its_indicator() {
    for (text, at) in [
        ("a:\nb: 1\n", 2),
        ("'a' :  # c\n", 5),
        ("a: &x\n", 5),
        ("a: !t # c\n", 5),
        ("a:\n  -\n", 6),
        ("{a: , b: 1}", 3),
    ] {
        let Ok(documents) = parse(text) else {
            panic!("{text}")
        };
        let absent: Vec<usize> = all(&documents[0])
            .iter()
            .filter(|node| node.span.is_empty())
            .map(|node| node.span.start)
            .collect();
        assert_eq!(absent, [at], "{text}");
    }
}

#[test]
fn anchors_tags_aliases_duplicates_and_merge_keys_stay_as_written() {
    let text = "a: &x !secret pw\n<<: *x\n<<: !include ../secrets.yaml\na: *x\n---\n&k k: [*k]\n";
    let Ok(documents) = parse(text) else {
        panic!("not parsed")
    };
    let NodeKind::Map(entries) = &documents[0].kind else {
        panic!("no map")
    };
    let keys: Vec<Option<&str>> = entries.iter().map(|(key, _)| key.text()).collect();
    assert_eq!(keys, [Some("a"), Some("<<"), Some("<<"), Some("a")]);
    let first = &entries[0].1;
    assert_eq!(
        (first.anchor.as_deref(), first.tag.as_deref(), first.text()),
        (Some("x"), Some("!secret"), Some("pw"))
    );
    assert_eq!(
        (&text[first.start..first.span.end], first.line),
        ("&x !secret pw", 1)
    );
    assert_eq!(
        (entries[2].1.tag.as_deref(), entries[2].1.line),
        (Some("!include"), 3)
    );
    assert!(matches!(&entries[3].1.kind, NodeKind::Alias(name) if name == "x"));
    assert_eq!(
        (
            documents.len(),
            documents[1].start,
            &text[documents[1].span.clone()]
        ),
        (2, text.len() - 11, "&k k: [*k]")
    );
}

#[test]
fn a_thousand_aliases_are_read() {
    let text: String = std::iter::once("a: &a {b: c}\n".to_owned())
        .chain((0..1000).map(|n| format!("k{n}: *a\n")))
        .collect();
    assert_eq!(
        values(&text)
            .iter()
            .filter(|(_, span)| span == "*a")
            .count(),
        1000
    );
}

#[test]
fn invalid_yaml_is_refused_with_its_line_and_without_its_text() {
    for (text, line) in [
        ("a: 1\nb: [hunter2\n", 2),
        ("a:\n\tb: hunter2\n", 2),
        ("a: \"hunter2\n", 1),
        ("a: *hunter2\n", 1),
        ("a: b: hunter2\n", 1),
    ] {
        let Err(malformed) = parse(text) else {
            panic!("{text} was parsed")
        };
        assert_eq!(malformed.line, line, "{text}: {}", malformed.reason);
        assert!(!malformed.reason.contains("hunter2"));
    }
}

#[test]
fn comments_are_found_and_text_is_not_mistaken_for_one() {
    let text = "# a\r\nb: 'x # y' # c \u{e9}\r\nd: |\n  # text\n\n# e\nf: x#y\n#g";
    let Ok(stream) = stream(text) else {
        panic!("not parsed")
    };
    let comments: Vec<&str> = stream
        .comments
        .iter()
        .map(|comment| &text[comment.clone()])
        .collect();
    assert_eq!(comments, ["# a", "# c \u{e9}", "# e", "#g"]);
    assert!(
        super::stream("# only\n")
            .is_ok_and(|stream| stream.documents.is_empty() && stream.comments.len() == 1)
    );
}

/// Parses the bytes of a scalar on their own.
fn read_alone(text: &str, node: &Node) -> Option<String> {
    let documents = parse(&format!("- {}\n", &text[node.span.clone()])).ok()?;
    let NodeKind::List(items) = &documents.first()?.kind else {
        return None;
    };
    items.first()?.text().map(str::to_owned)
}

proptest::proptest! {
    #[test]
    fn spans_lie_in_the_text_and_inside_those_of_their_collections(text in "(?s)[ab:\\- \
        \\n\\r#&*!|>\"'\\[\\]{},?\u{e9}\u{1f600}\u{feff}]{0,60}") {
        fn check(text: &str, node: &Node) -> Result<(), proptest::test_runner::TestCaseError> {
            proptest::prop_assert!(text.get(node.span.clone()).is_some() && node.start <= node.span.start);
            let children: Vec<&Node> = match &node.kind {
                NodeKind::Scalar { .. } | NodeKind::Alias(_) => Vec::new(),
                NodeKind::List(items) => items.iter().collect(),
                NodeKind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            };
            let mut at = node.span.start;
            for child in children {
                proptest::prop_assert!(child.start >= at && child.span.end <= node.span.end, "{:?}", text);
                at = child.span.end;
                check(text, child)?;
            }
            Ok(())
        }
        for document in parse(&text).unwrap_or_default() {
            check(&text, &document)?;
        }
    }

    #[test]
    fn the_span_of_a_scalar_reads_as_its_text(values in proptest::collection::vec("(?s).{0,30}", 1..4), indent in 1..4_usize, crlf: bool) {
        let quoted: Vec<String> = values.iter().map(|value| crate::format::yaml::quote(value)).collect();
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = quoted.iter().map(|quoted| format!("k:{end}{}- {quoted} # c{end}", " ".repeat(indent))).collect();
        let documents = parse(&text).unwrap_or_default();
        let read: Vec<&Node> = documents.iter().flat_map(all).filter(|node| node.text().is_some_and(|_| text[node.span.clone()].starts_with('"'))).collect();
        for (node, value) in read.iter().zip(&values) {
            proptest::prop_assert_eq!(node.text(), Some(value.as_str()));
            proptest::prop_assert_eq!(read_alone(&text, node), Some(value.clone()));
        }
        proptest::prop_assert_eq!(read.len(), values.len());
    }
}
