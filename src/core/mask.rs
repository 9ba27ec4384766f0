//! Masks values in the text of a file, for the person who is asked to approve it.

/// Replaces a value. Its length is fixed, so it does not reveal the length of the value.
pub(super) const MASK: &str = "••••••••";

/// Masks each line that may be part of a value. Blank lines, comments and lines for which `stays`
/// is true stay.
pub(super) fn mask_lines(text: &str, stays: impl Fn(&str) -> bool) -> String {
    let masked = |line: &str| match line.trim() {
        "" => line.to_owned(),
        trimmed if trimmed.starts_with('#') || stays(line) => line.to_owned(),
        _ => format!("{MASK}\n"),
    };
    text.split_inclusive('\n').map(masked).collect()
}
