//! Tests of [`super`].

use super::*;

fn spelled(text: &str) -> Option<String> {
    match canonical(text) {
        Ok(Typed::Json(text)) => Some(text.to_string()),
        Ok(Typed::Text(text)) => Some(format!("text {}", *text)),
        Err(_) => None,
    }
}

/// The expected spellings were measured with OpenBao 2.4.
#[test]
fn numbers_are_spelled_as_a_server_returns_them() {
    let same = [
        ("1", "1"),
        ("-1", "-1"),
        ("0.0", "0"),
        ("-0", "-0"),
        ("-0.0", "-0"),
        ("1.0", "1"),
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1e-3", "0.001"),
        ("1.5e300", "1.5e+300"),
        ("5e-324", "5e-324"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740994", "9007199254740994"),
        ("0.1", "0.1"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("3.141592653589793", "3.141592653589793"),
    ];
    for (text, expected) in same {
        assert_eq!(number(text).as_deref(), Ok(expected), "{text}");
    }
    let lost = [
        "1e309",
        "1e400",
        "1e-400",
        "12345678901234567890",
        "123456789012345678",
        "9007199254740993",
        "18446744073709551616",
        "0.10000000000000000555",
        "1.0000000000000000000001",
        "3.14159265358979323846264338",
        "1e99999999999999999999",
    ];
    for text in lost {
        assert!(number(text).is_err(), "{text}");
    }
}

#[test]
fn text_that_is_not_a_json_number_is_refused() {
    for text in [
        "", "-", "+1", "01", "1.", ".5", "0x1F", "1_000", "1e", "1e+", " 1", "1 ", "NaN",
        "Infinity", "--1", "1.2.3",
    ] {
        assert!(number(text).is_err() && !is_number(text), "{text}");
    }
}

#[test]
fn objects_are_sorted_and_strings_are_written_plainly() {
    assert_eq!(
        spelled(r#"{ "z": [1, 2.50], "a": {"b": null, "A": true} }"#).as_deref(),
        Some(r#"{"a":{"A":true,"b":null},"z":[1,2.5]}"#)
    );
    assert_eq!(
        spelled(r#"["\u003c\u0026\/é\u00e9\n\u0001"]"#).as_deref(),
        Some("[\"<&/éé\\n\\u0001\"]")
    );
    assert_eq!(spelled(r#" "a\/b" "#).as_deref(), Some("text a/b"));
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'x'",
        "tru",
        "nul",
        "1 2",
        "\"\\ud83d\"",
        "\"a\nb\"",
        "{\"a\":1,\"a\":2}",
        "[1e400]",
    ] {
        assert_eq!(spelled(text), None, "{text}");
    }
    assert!(parse(&"[".repeat(10_000)).is_err());
}

#[test]
fn a_malformed_text_is_reported_with_its_line() {
    assert_eq!(
        parse("{\n \"a\": 1,\n \"b\": x\n}")
            .err()
            .map(|malformed| malformed.line),
        Some(3)
    );
    assert_eq!(
        parse("\u{feff}{\n\n\"a\":1} x")
            .err()
            .map(|malformed| malformed.line),
        Some(3)
    );
}

proptest::proptest! {
    #[test]
    fn accepts_the_same_texts_as_another_parser(text in "[\\[\\]{}\",:0-9eE.+\\- a\\\\n]{0,24}") {
        let other = serde_json::from_str::<serde_json::Value>(&text);
        // The other parser refuses numbers beyond a float64 while parsing.
        match other {
            Ok(_) => proptest::prop_assert!(parse(&text).is_ok()),
            Err(error) if error.to_string().contains("out of range") => {}
            Err(_) => proptest::prop_assert!(parse(&text).is_err(), "{}", text),
        }
    }

    #[test]
    fn a_quoted_text_reads_back(text in "(?s).{0,40}") {
        let mut quoted = String::new();
        quote(&text, &mut quoted);
        proptest::prop_assert_eq!(serde_json::from_str::<String>(&quoted).ok(), Some(text.clone()));
        proptest::prop_assert_eq!(serde_json::to_string(&text).ok(), Some(quoted));
    }
}
