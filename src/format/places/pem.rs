//! Unquoted keys in PEM, whose lines look like entries or comments of their own.

use std::ops::Range;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// The regions from each `-----BEGIN …` to its `-----END …-----`, if they span several lines. A key
/// without an end mark includes the following lines that can belong to it.
pub(super) fn regions(text: &str) -> Vec<Range<usize>> {
    let (mut regions, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find(BEGIN).map(|found| at + found) {
        let end = end_of(text, start);
        if text[start..end].contains('\n') {
            regions.push(start..end);
        }
        at = end.max(start + BEGIN.len());
    }
    regions
}

fn end_of(text: &str, start: usize) -> usize {
    let body = start + BEGIN.len();
    let next = text[body..]
        .find(BEGIN)
        .map_or(text.len(), |found| body + found);
    if let Some(end) = text[body..next]
        .find(END)
        .map(|found| body + found + END.len())
    {
        let line_end = text[end..]
            .find(['\r', '\n'])
            .map_or(text.len(), |length| end + length);
        return text[end..line_end]
            .find("-----")
            .map_or(line_end, |dashes| end + dashes + "-----".len());
    }
    let mut end = text[start..]
        .find('\n')
        .map_or(text.len(), |length| start + length);
    for line in text[end..].split_inclusive('\n').skip(1) {
        if !is_of_key(line) {
            break;
        }
        end += 1 + line.trim_end_matches(['\r', '\n']).len();
        end = text[end..]
            .find('\n')
            .map_or(text.len(), |length| end + length);
    }
    end
}

/// Whether a line is base64, also in a comment.
fn is_of_key(line: &str) -> bool {
    let line = line.trim().trim_start_matches('#').trim();
    line.len() >= 8
        && line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        regions(text)
            .into_iter()
            .map(|region| &text[region])
            .collect()
    }

    #[test]
    fn a_key_extends_to_its_end_mark_or_its_last_line() {
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nQ2hhbmdl==\n-----END PRIVATE KEY-----";
        assert_eq!(found(&format!("A=1\nKEY={key}\nB=2\n")), [key]);
        assert_eq!(found(&format!("KEY={key}\n# {key}\n")), [key, key]);
        let open = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nQ2hhbmdl==";
        assert_eq!(found(&format!("KEY={open}\nPORT=80\n")), [open]);
        assert_eq!(
            found("KEY=\"-----BEGIN KEY-----\\nMIIE\\n-----END KEY-----\"\nB=1\n"),
            Vec::<&str>::new()
        );
    }
}
