//! The seeded random generator, and texts made with it.

/// A SplitMix64 generator.
pub struct Random(u64);

pub const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
pub const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub const HEX: &str = "0123456789abcdef";
pub const DIGITS: &str = "0123456789";
pub const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
pub const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub const CRYPT: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub const SYMBOLS: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%&*+-.:;=?@^_~";

/// Words that people use in passwords.
const WORDS: &[&str] = &[
    "sunset", "harbor", "velvet", "pickle", "rocket", "copper", "meadow", "walnut", "tiger",
    "lantern", "bishop", "maple", "cobalt", "gravel", "orchid", "pepper", "saddle", "thunder",
    "willow", "zephyr", "anchor", "biscuit", "candle", "dragon", "ember", "falcon",
];

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// A text of this many characters from an alphabet.
    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())]))
            .collect()
    }

    /// As [`Self::text`], with at least one letter and one digit.
    pub fn mixed(&mut self, alphabet: &str, length: usize) -> String {
        loop {
            let text = self.text(alphabet, length);
            if text.bytes().any(|b| b.is_ascii_digit())
                && text.bytes().any(|b| b.is_ascii_alphabetic())
            {
                return text;
            }
        }
    }

    pub fn base64(&mut self, bytes: usize) -> String {
        let padding = (3 - bytes % 3) % 3;
        let length = bytes.div_ceil(3) * 4 - padding;
        self.mixed(BASE64, length) + &"=".repeat(padding)
    }

    pub fn uuid(&mut self) -> String {
        let mut part = |length| self.text(HEX, length);
        format!(
            "{}-{}-4{}-a{}-{}",
            part(8),
            part(4),
            part(3),
            part(3),
            part(12)
        )
    }

    pub fn word(&mut self) -> &'static str {
        self.pick(WORDS)
    }

    /// A password, made as a person or a generator would.
    pub fn password(&mut self) -> String {
        match self.below(9) {
            0 | 1 => {
                let length = self.between(8, 32);
                self.mixed(ALNUM, length)
            }
            2 => {
                let length = self.between(10, 24);
                // Not at the ends, so that quotes are enough in every file format.
                format!(
                    "{}{}{}",
                    self.text(ALNUM, 2),
                    self.text(SYMBOLS, length),
                    self.text(ALNUM, 2)
                )
            }
            3 | 4 => format!("{}{}", self.word(), self.text(DIGITS, 3)),
            5 => {
                format!(
                    "{}-{}-{}-{}",
                    self.word(),
                    self.word(),
                    self.word(),
                    self.between(10, 99)
                )
            }
            6 => format!("{}{}!", capital(self.word()), self.between(1, 99)),
            7 => self
                .pick(&[
                    "postgres",
                    "admin123",
                    "hunter2",
                    "letmein",
                    "Passw0rd!",
                    "nextcloud",
                    "mysecretpassword",
                ])
                .to_owned(),
            _ => self.base64(24),
        }
    }

    /// As [`Self::password`], without characters that an address would have to encode.
    pub fn plain_password(&mut self) -> String {
        loop {
            let password = self.password();
            if password
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            {
                return password;
            }
        }
    }

    /// A token without a recognisable format.
    pub fn token(&mut self) -> String {
        match self.below(5) {
            0 => self.mixed(HEX, 32),
            1 => self.mixed(HEX, 64),
            2 => self.mixed(ALNUM, 40),
            3 => self.base64(32),
            _ => self.mixed(WORD, 43).replace(['_', '-'], "a"),
        }
    }

    pub fn host(&mut self) -> String {
        let name = self.word();
        match self.below(3) {
            0 => format!("{name}.lan"),
            1 => name.to_owned(),
            _ => format!("192.168.{}.{}", self.below(4), self.between(2, 250)),
        }
    }
}

pub fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// The checksum at the end of GitHub and npm tokens: the CRC-32 of the rest in base 62.
pub fn with_checksum(random: &str) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in random.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut number = !crc;
    let mut check = [b'0'; 6];
    for digit in check.iter_mut().rev() {
        *digit = digits[number as usize % 62];
        number /= 62;
    }
    random.to_owned() + std::str::from_utf8(&check).unwrap()
}
