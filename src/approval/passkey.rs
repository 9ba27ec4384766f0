//! The relying party's checks of a passkey's answer (Web Authentication Level 3, sections 7.1 and
//! 7.2): type, challenge, origin, relying party, user present and verified, signature, counter.
//!
//! The relying party is `localhost`. Attestation is not requested, because the person who enrols
//! holds the key.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::store::Passkey;
use crate::random;

/// The relying party's id.
pub const RELYING_PARTY: &str = "localhost";
/// The accepted algorithms in order of preference: ES256, EdDSA, RS256.
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const MAY_BE_BACKED_UP: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// Bytes that are sent as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        random::unhex(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not hexadecimal digits"))
    }
}

/// The result of `navigator.credentials.get`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// The credential's id.
    pub id: Hex,
    /// `clientDataJSON`.
    pub client_data: Hex,
    /// `authenticatorData`.
    pub authenticator_data: Hex,
    /// The signature over both.
    pub signature: Hex,
}

/// The result of `navigator.credentials.create`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The credential's id.
    pub id: Hex,
    /// `clientDataJSON`.
    pub client_data: Hex,
    /// `authenticatorData`.
    pub authenticator_data: Hex,
    /// The public key as SubjectPublicKeyInfo.
    pub key: Hex,
    /// Its COSE algorithm.
    pub algorithm: i64,
}

#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

/// Why a passkey's answer is rejected.
pub type PasskeyRefusal = &'static str;

/// Checks an assertion, and returns the authenticator's counter.
///
/// # Errors
/// Why the assertion is rejected.
pub fn check(
    passkey: &Passkey,
    assertion: &Assertion,
    challenge: &[u8],
    origin: &str,
) -> Result<u32, PasskeyRefusal> {
    check_client_data(&assertion.client_data.0, "webauthn.get", challenge, origin)?;
    let counter = check_authenticator(&assertion.authenticator_data.0)?;
    if random::unhex(&passkey.id).as_ref() != Some(&assertion.id.0) {
        return Err("the answer is from another passkey");
    }
    let key = random::unhex(&passkey.key).unwrap_or_default();
    let mut signed = assertion.authenticator_data.0.clone();
    signed.extend(Sha256::digest(&assertion.client_data.0));
    let public =
        public_key(passkey.algorithm, &key).ok_or("the passkey's public key cannot be used")?;
    public
        .verify(&signed, &assertion.signature.0)
        .map_err(|_| "the passkey's signature is invalid")?;
    // Both zero: an authenticator without a counter (7.2, step 22).
    if (counter != 0 || passkey.counter != 0) && counter <= passkey.counter {
        return Err("the passkey's counter went backwards: it may have been copied");
    }
    Ok(counter)
}

/// Checks a registration, and returns the passkey.
///
/// # Errors
/// Why the registration is rejected.
pub fn register(
    registration: &Registration,
    challenge: &[u8],
    origin: &str,
    name: &str,
    now: i64,
) -> Result<Passkey, PasskeyRefusal> {
    check_client_data(
        &registration.client_data.0,
        "webauthn.create",
        challenge,
        origin,
    )?;
    let data = &registration.authenticator_data.0;
    let counter = check_authenticator(data)?;
    if data[32] & HAS_CREDENTIAL == 0 {
        return Err("the authenticator sent no credential");
    }
    // 37: rpIdHash, flags, counter; then AAGUID (16), the id's length (2), the id, the key (CBOR).
    let length = data
        .get(53..55)
        .map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    let id = length
        .and_then(|length| data.get(55..55 + length))
        .ok_or("the authenticator's data is truncated")?;
    let key = data.get(55 + id.len()..).unwrap_or_default();
    if id != registration.id.0 || id.is_empty() || id.len() > 1023 {
        return Err("the passkey's id does not match the authenticator's data");
    }
    let Some(raw) = raw_key(registration.algorithm, &registration.key.0)
        .filter(|_| ALGORITHMS.contains(&registration.algorithm))
    else {
        return Err("this kind of passkey is not supported");
    };
    // The browser extracted the key from the authenticator's data. Check that the data contains it.
    if !coordinates(registration.algorithm, raw)
        .iter()
        .all(|part| key.windows(part.len()).any(|window| window == *part))
    {
        return Err("the passkey's public key does not match the authenticator's data");
    }
    Ok(Passkey {
        name: name.to_owned(),
        id: random::hex(id),
        algorithm: registration.algorithm,
        key: random::hex(&registration.key.0),
        counter,
        created: now,
    })
}

fn check_client_data(
    text: &[u8],
    wanted: &str,
    challenge: &[u8],
    origin: &str,
) -> Result<(), PasskeyRefusal> {
    let data: ClientData =
        serde_json::from_slice(text).map_err(|_| "the browser's answer is not JSON")?;
    if data.r#type != wanted {
        return Err("the answer is to another question");
    }
    if data.challenge != BASE64_URL_SAFE_NO_PAD.encode(challenge) {
        return Err("the answer is to another plan");
    }
    if data.origin != origin || data.cross_origin {
        return Err("the answer is from another page");
    }
    Ok(())
}

/// Checks the authenticator's data, and returns its counter.
fn check_authenticator(data: &[u8]) -> Result<u32, PasskeyRefusal> {
    let Some((head, _)) = data.split_first_chunk::<37>() else {
        return Err("the authenticator's data is truncated");
    };
    if head[..32] != *Sha256::digest(RELYING_PARTY) {
        return Err("the answer is for another relying party");
    }
    if head[32] & BACKED_UP != 0 && head[32] & MAY_BE_BACKED_UP == 0 {
        return Err("the authenticator contradicts itself");
    }
    if head[32] & USER_PRESENT == 0 || head[32] & USER_VERIFIED == 0 {
        return Err("the authenticator did not verify its user");
    }
    Ok(u32::from_be_bytes([head[33], head[34], head[35], head[36]]))
}

fn public_key(algorithm: i64, spki: &[u8]) -> Option<UnparsedPublicKey<&[u8]>> {
    let verify: &'static dyn VerificationAlgorithm = match algorithm {
        -7 => &signature::ECDSA_P256_SHA256_ASN1,
        -8 => &signature::ED25519,
        -257 => &signature::RSA_PKCS1_2048_8192_SHA256,
        _ => return None,
    };
    Some(UnparsedPublicKey::new(verify, raw_key(algorithm, spki)?))
}

/// The key in a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). The bytes before the key are fixed for
/// each algorithm.
fn raw_key(algorithm: i64, spki: &[u8]) -> Option<&[u8]> {
    let frame: &[u8] = match algorithm {
        // id-ecPublicKey, prime256v1, 65 bytes of an uncompressed point (RFC 5480)
        -7 => b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        // id-Ed25519, 32 bytes (RFC 8410)
        -8 => b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        // rsaEncryption with 2048 bits (RFC 8017), as Windows Hello uses it
        -257 => b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00",
        _ => return None,
    };
    let key = spki.strip_prefix(frame)?;
    let fits = match algorithm {
        -7 => key.len() == 65 && key[0] == 4,
        -8 => key.len() == 32,
        _ => key.len() == 270,
    };
    fits.then_some(key)
}

/// The parts of a key that its COSE form contains (RFC 9053).
fn coordinates(algorithm: i64, raw: &[u8]) -> Vec<&[u8]> {
    match algorithm {
        -7 => vec![&raw[1..33], &raw[33..]],
        -8 => vec![raw],
        // SEQUENCE, INTEGER with a leading zero: 9 bytes, then the modulus.
        _ => vec![&raw[9..265]],
    }
}
