//! Which of an operation's candidates is next.

use super::mostly_one::MostlyOne;

/// The candidates in order, those given up for good, and how often each was tried.
#[derive(Debug)]
pub(super) struct Candidates {
    each: MostlyOne<Candidate>,
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    /// How often.
    tried: u32,
    dead: bool,
}

impl Candidates {
    pub(super) fn new(count: usize) -> Self {
        Self { each: (0..count.max(1)).map(|_| Candidate::default()).collect(), next: 0 }
    }

    /// Those still worth a try, the next one first.
    pub(super) fn alive(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.each.len()).filter_map(|turn| self.alive_at(turn))
    }

    /// The candidate whose turn is `turn` places after the next one's, if it is worth a try.
    pub(super) fn alive_at(&self, turn: usize) -> Option<usize> {
        let index = (self.next + turn) % self.each.len();
        self.each.get(index).filter(|candidate| !candidate.dead).map(|_| index)
    }

    pub(super) fn tried(&mut self, index: usize) {
        if let Some(candidate) = self.each.get_mut(index) {
            candidate.tried += 1;
        }
    }

    /// Moves on to the one after `failed`.
    pub(super) fn after(&mut self, failed: usize) {
        self.next = (failed + 1) % self.each.len();
    }

    /// Gives `index` up for good; says whether another one is left.
    pub(super) fn give_up(&mut self, index: usize) -> bool {
        if let Some(candidate) = self.each.get_mut(index) {
            candidate.dead = true;
        }
        self.each.iter().any(|candidate| !candidate.dead)
    }

    /// Whether the next one was never tried, so that no pause is owed to anyone.
    pub(super) fn next_is_fresh(&self) -> bool {
        self.alive()
            .next()
            .and_then(|index| self.each.get(index))
            .is_some_and(|candidate| candidate.tried == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_round_and_leaves_out_the_dead() {
        let mut candidates = Candidates::new(3);
        candidates.tried(0);
        candidates.after(0);
        assert_eq!(candidates.alive().collect::<Vec<_>>(), [1, 2, 0]);
        assert!(candidates.next_is_fresh());
        assert!(candidates.give_up(1));
        assert_eq!(candidates.alive().collect::<Vec<_>>(), [2, 0]);
        assert!(candidates.give_up(2));
        assert!(!candidates.next_is_fresh());
        assert!(!candidates.give_up(0));
    }
}
