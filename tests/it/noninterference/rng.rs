//! A small pseudo-random number generator (SplitMix64): the same seed gives the same sequence on
//! every machine.

/// A stream of pseudo-random numbers.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent stream for part `index` of the data made from `seed`.
    pub fn of(seed: u64, index: u64) -> Self {
        let mut rng = Self(seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.next();
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `limit` - 1.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// From `low` to `high`, both inclusive.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A random item, or nothing if there are none.
    pub fn any<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            None
        } else {
            Some(self.pick(items))
        }
    }

    /// A random index with these weights.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if at < *weight {
                return index;
            }
            at -= weight;
        }
        0
    }

    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..length)
            .map(|_| char::from(*self.pick(letters)))
            .collect()
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_each_part_has_its_own_stream() {
    let draw = |mut rng: Rng| (0..5).map(|_| rng.next()).collect::<Vec<_>>();
    assert_eq!(draw(Rng::of(7, 1)), draw(Rng::of(7, 1)));
    assert_ne!(draw(Rng::of(7, 1)), draw(Rng::of(7, 2)));
    let mut rng = Rng::new(1);
    assert!((0..1000).all(|_| rng.below(3) < 3
        && (2..=4).contains(&rng.between(2, 4))
        && rng.weighted(&[0, 1, 0]) == 1));
}
