//! Tokens with a checksum: GitHub's and npm's tokens end in the CRC-32 of the part before it, in
//! six base 62 digits.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the last six characters are the checksum of the characters before them.
pub(super) fn crc32_base62(body: &str) -> bool {
    let Some((random, check)) = body
        .len()
        .checked_sub(6)
        .and_then(|at| body.split_at_checked(at))
    else {
        return false;
    };
    encoded(crc32(random.as_bytes())) == check.as_bytes()
}

fn encoded(mut number: u32) -> [u8; 6] {
    let mut out = [b'0'; 6];
    for digit in out.iter_mut().rev() {
        *digit = DIGITS.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    out
}

/// The CRC-32 of gzip (RFC 1952).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_matches_gzip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let body = "A".repeat(30);
        let check = encoded(crc32(body.as_bytes()));
        let whole = format!("{body}{}", String::from_utf8_lossy(&check));
        assert!(
            crc32_base62(&whole) && !crc32_base62(&format!("{body}000000")) && !crc32_base62("abc")
        );
    }
}
