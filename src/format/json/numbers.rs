//! JSON numbers, in the spelling that Vault returns.

use zeroize::Zeroizing;

/// Converts a JSON number to the spelling that Vault returns.
///
/// # Errors
/// The text is not a JSON number, or Vault would return another number for it.
pub fn number(text: &str) -> Result<String, &'static str> {
    if !is_number(text) {
        return Err("it is not a JSON number");
    }
    let float: f64 = text.parse().map_err(|_| "it is not a JSON number")?;
    if !float.is_finite() {
        return Err("it is too large for a number in Vault, which is a float64");
    }
    // Like Go, Rust writes the shortest digits that give the same float64.
    let scientific = format!("{float:e}");
    if decimal(text) != decimal(&scientific) {
        return Err("Vault stores numbers as float64 and would change it");
    }
    Ok(go_spelling(float, &scientific))
}

/// Formats a float64 like Go's `encoding/json`.
fn go_spelling(float: f64, scientific: &str) -> String {
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{float}");
    }
    match scientific.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => scientific.to_owned(),
    }
}

/// Splits a decimal number into its sign, its digits without zeros at either end, and its exponent,
/// so that all spellings of one value give the same result. The exponent is for the form
/// `0.DIGITS`.
fn decimal(text: &str) -> (bool, Zeroizing<String>, i64) {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = Zeroizing::new(format!("{whole}{fraction}"));
    let significant = digits.trim_start_matches('0');
    let leading = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
    let significant = significant.trim_end_matches('0');
    if significant.is_empty() {
        return (is_negative, Zeroizing::new(String::new()), 0);
    }
    let exponent: i64 = exponent
        .trim_start_matches('+')
        .parse()
        .unwrap_or(i64::MAX / 2);
    let whole = i64::try_from(whole.len()).unwrap_or(i64::MAX / 4);
    (
        is_negative,
        Zeroizing::new(significant.to_owned()),
        exponent.saturating_add(whole).saturating_sub(leading),
    )
}

/// Whether a text is a JSON number (RFC 8259, 6).
#[must_use]
pub fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}
