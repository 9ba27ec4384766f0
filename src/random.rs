//! Random bytes of the operating system, and bytes as hexadecimal text.

use crate::error::{Error, Result};

/// Fills `bytes` with random bytes.
///
/// # Errors
/// [`Error::Invalid`] if the operating system gives no random numbers.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))
}

/// Returns `N` random bytes.
///
/// # Errors
/// As [`fill`].
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Returns 128 random bits as 32 lowercase hexadecimal digits.
///
/// # Errors
/// As [`fill`].
pub(crate) fn id() -> Result<String> {
    Ok(hex(&bytes::<16>()?))
}

/// The bytes as lowercase hexadecimal digits (RFC 4648, section 8, in lowercase).
pub(crate) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Decodes hexadecimal digits of either case; `None` for any other text.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    base16ct::mixed::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{bytes, hex, id, unhex};

    #[test]
    fn random_bytes_differ_and_hex_has_two_digits_a_byte() {
        assert_ne!(bytes::<16>().ok(), bytes::<16>().ok());
        assert_eq!(hex(&[0, 10, 255]), "000aff");
        assert_eq!(unhex("000aFF"), Some(vec![0, 10, 255]));
        assert!(
            ["0", "0g", "+1", " 0a"]
                .into_iter()
                .all(|text| unhex(text).is_none())
        );
        assert_eq!(id().map(|id| id.len()).ok(), Some(32));
    }
}
