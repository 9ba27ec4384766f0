//! Tests of [`super`].

use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    let Ok(entries) = entries(text) else {
        panic!("not read: {text}")
    };
    let shown = |value| match value {
        Ok(Typed::Text(text)) => format!("text {}", *text),
        Ok(Typed::Json(text)) => text.to_string(),
        Err(reason) => format!("refused: {reason}"),
    };
    entries
        .into_iter()
        .map(|entry| (entry.name, shown(entry.value)))
        .collect()
}

fn one(value: &str) -> String {
    let mut all = read(&format!("k: {value}\n"));
    assert_eq!(all.len(), 1, "{value}");
    all.remove(0).1
}

#[test]
fn plain_scalars_have_the_types_of_yaml_1_1() {
    let numbers = [
        ("42", "42"),
        ("-7", "-7"),
        ("+5", "5"),
        ("-0", "0"),
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("00.5", "0.5"),
        ("-1.5e-3", "-0.0015"),
        ("1.5e+300", "1.5e+300"),
        ("yes", "true"),
        ("Off", "false"),
        ("true", "true"),
        ("~", "null"),
        ("", "null"),
        ("Null", "null"),
    ];
    for (text, expected) in numbers {
        assert_eq!(one(text), expected, "{text}");
    }
    let texts = [
        "y",
        "n",
        "yEs",
        "1e3",
        "08",
        "09.a",
        "0x",
        "07:30",
        "12:61",
        "1.2.3",
        "192.168.1.1",
        "2024-1-1",
        "0o18",
        "-.5",
        "+.5",
        "a b",
        "1,000",
        "-",
        "--1",
        "tRue",
        "1 2",
    ];
    for text in texts.into_iter().filter(|text| *text != "-") {
        assert_eq!(one(text), format!("text {text}"), "{text}");
    }
}

#[test]
fn values_beyond_json_or_float64_are_refused() {
    let refused = [
        "017",
        "-017",
        "0o17",
        "00",
        "12:30",
        "1:30:15",
        "190:20:30.15",
        "1.0",
        "52.",
        "1.5e+3",
        ".inf",
        "-.Inf",
        ".nan",
        "2024-01-31",
        "2024-1-1 1:02:03",
        "2024-01-31T10:35:00Z",
        "2024-01-31t10:35:00.1 +01:00",
        "=",
        "<<",
        "12345678901234567890",
        "0xFFFFFFFFFFFFFFFFFF",
        "0b_",
        "9007199254740993",
        "0.10000000000000000555",
        "1.5e+400",
        "!secret x",
        "!include x.yaml",
        "!!binary aGk=",
        "!!set {a}",
        "!vault |\n  $ANSIBLE_VAULT;1.1;AES256",
        "[2024-01-31]",
        "{1: a}",
        "{yes: a}",
        "[!secret x]",
        "!!int x",
        "!!float 1",
        "! 0x1F",
        "! \"x\"",
    ];
    for text in refused {
        assert!(one(text).starts_with("refused: "), "{text}: {}", one(text));
    }
}

#[test]
fn quotes_and_tags_decide_the_type() {
    for text in [
        "\"017\"",
        "'12:30'",
        "!!str 42",
        "!<tag:yaml.org,2002:str> 1",
        "|-\n  1",
        ">-\n  yes",
    ] {
        assert!(one(text).starts_with("text "), "{text}: {}", one(text));
    }
    assert_eq!(one("!!int \"5\""), "5");
    assert_eq!(one("!!bool yes"), "true");
}

#[test]
fn lists_and_mappings_become_json() {
    assert_eq!(
        one("[1, 'yes', yes, {b: 2, a: null}]"),
        r#"[1,"yes",true,{"a":null,"b":2}]"#
    );
    assert_eq!(one("\n  - x\n  - y: {z: 1}\n"), r#"["x",{"y":{"z":1}}]"#);
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text =
        "a: &a secret\nb: *a\nbase: &base {x: 1, y: 2}\n<<: *base\ny: 3\nc: {<<: *base, z: *a}\n";
    let expected = [
        ("a", "text secret"),
        ("b", "text secret"),
        ("base", r#"{"x":1,"y":2}"#),
        ("x", "1"),
        ("y", "3"),
        ("c", r#"{"x":1,"y":2,"z":"secret"}"#),
    ];
    let mut found = read(text);
    let mut expected: Vec<(String, String)> = expected
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let many: String = (0..1000).map(|n| format!("k{n}: *a\n")).collect();
    assert_eq!(read(&format!("a: &a x\n{many}")).len(), 1001);
    let doubling: String = (1..60)
        .map(|n| format!("m{n}: &m{n} [*m{}, *m{}]\n", n - 1, n - 1))
        .collect();
    let found = read(&format!("m0: &m0 [x]\n{doubling}"));
    assert!(
        found
            .last()
            .is_some_and(|(_, value)| value.starts_with("refused: "))
    );
    assert!(one("&x [*x]").starts_with("refused: "));
}

#[test]
fn an_unusable_key_is_reported_with_its_line() {
    let text =
        "# house\n<<: !include ../secrets.yaml\nota: x\nyes: 1\n'on': 2\n? [a]\n: 3\na: 1\na: 2\n";
    let Ok(entries) = entries(text) else {
        panic!("not read")
    };
    let lines: Vec<(&str, usize, bool)> = entries
        .iter()
        .map(|e| (e.name.as_str(), e.line, e.value.is_ok()))
        .collect();
    assert_eq!(
        lines,
        [
            ("<<", 2, false),
            ("ota", 3, true),
            ("yes", 4, false),
            ("on", 5, true),
            ("", 6, false),
            ("a", 9, true)
        ]
    );
    assert!(
        entries
            .iter()
            .any(|entry| entry.name == "a" && entry.remark.is_some())
    );
}

#[test]
fn text_that_is_not_one_mapping_is_refused() {
    for text in [
        "- a\n",
        "text\n",
        "a: 1\n---\nb: 2\n",
        "a: [1\n",
        "a: *b\n  c: d\n",
    ] {
        assert!(entries(text).is_err(), "{text}");
    }
    for text in ["", "# c\n", "---\n", "~\n"] {
        assert!(
            entries(text).is_ok_and(|entries| entries.is_empty()),
            "{text}"
        );
    }
}
