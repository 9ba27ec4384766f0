//! The digest that binds an answer to a plan.

use sha2::{Digest, Sha256};

use crate::approval::Question;
use crate::error::Result;
use crate::random;
use crate::secret::WayOut;

/// The digest that binds an answer to the plan: its id, operation, path, version, keys, values,
/// metadata, warnings, files and obstacle. A random salt that is not kept makes it impossible to
/// guess a short value from the digest.
pub(super) fn digest(id: &str, question: &Question<'_>) -> Result<String> {
    let (salt, base, untouched) = (
        random::id()?,
        question.base.to_be_bytes(),
        question.untouched.to_string(),
    );
    let head = [
        &salt,
        id,
        question.asked.word(),
        question.service,
        question.path,
    ]
    .map(str::as_bytes);
    let mut parts: Vec<&[u8]> = head.to_vec();
    parts.extend([base.as_slice(), untouched.as_bytes()]);
    for (key, change, value) in &question.keys {
        let text = value.map_or("", |value| value.secret().expose(WayOut::Inspection));
        parts.extend(
            [
                *key,
                change.word(),
                if value.is_some() { "=" } else { "?" },
                text,
            ]
            .map(str::as_bytes),
        );
    }
    // The counts separate the two lists.
    let counts = [question.metadata, question.warnings].map(|texts| texts.len().to_be_bytes());
    for (count, texts) in counts.iter().zip([question.metadata, question.warnings]) {
        parts.push(count);
        parts.extend(texts.iter().map(String::as_bytes));
    }
    for file in question.files {
        parts.extend([&file.path, &file.masked_text, &file.note].map(String::as_bytes));
    }
    parts.extend(question.obstacle.map(str::as_bytes));
    Ok(random::hex(&hash_of(parts.into_iter())))
}

/// Hashes parts. Each is preceded by its length, so that different parts never give the same input.
pub fn hash_of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
