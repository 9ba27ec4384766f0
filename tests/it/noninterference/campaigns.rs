//! The steps that an attacker takes one after another.

use super::rng::Rng;

/// The purpose of a call.
#[derive(Clone, Copy, PartialEq)]
pub enum Move {
    Observe,
    Write,
    ReadBack,
    Guess,
    Anything,
    Protocol,
    Edit,
}

use Move::{Anything, Edit, Guess, Observe, Protocol, ReadBack, Write};

/// Sequences of moves that an attacker uses to find out how a value affected a file.
const CAMPAIGNS: [&[Move]; 6] = [
    &[Observe, Write, ReadBack],
    &[Observe, Write, ReadBack, ReadBack],
    &[Write, Write, ReadBack],
    &[Observe, Write, ReadBack, Write, ReadBack],
    &[Guess, Write, ReadBack],
    &[ReadBack, ReadBack, Guess],
];

/// A few moves, in most cases including a campaign.
pub fn moves(rng: &mut Rng) -> Vec<Move> {
    let kinds = [Observe, Write, ReadBack, Guess, Anything, Protocol, Edit];
    let some = |rng: &mut Rng, most: usize| -> Vec<Move> {
        (0..rng.between(0, most))
            .map(|_| kinds[rng.weighted(&[23, 22, 22, 12, 14, 5, 2])])
            .collect()
    };
    let mut all = some(rng, 2);
    if rng.percent(70) {
        all.extend(*rng.pick(&CAMPAIGNS));
    } else {
        all.extend(some(rng, 4));
    }
    all.extend(some(rng, 2));
    if all.is_empty() {
        all.push(Observe);
    }
    all.reverse();
    all
}
