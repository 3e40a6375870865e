//! Which of an operation's candidates is next.

/// The candidates in order, those given up for good, and how often each was tried.
#[derive(Debug)]
pub(super) struct Candidates {
    tried: Vec<u32>,
    dead: Vec<bool>,
    next: usize,
}

impl Candidates {
    pub(super) fn new(count: usize) -> Self {
        let count = count.max(1);
        Self { tried: vec![0; count], dead: vec![false; count], next: 0 }
    }

    /// Those still worth a try, the next one first.
    pub(super) fn alive(&self) -> impl Iterator<Item = usize> + '_ {
        let count = self.dead.len();
        (0..count)
            .map(move |offset| (self.next + offset) % count)
            .filter(|index| self.dead.get(*index) == Some(&false))
    }

    pub(super) fn tried(&mut self, index: usize) {
        if let Some(count) = self.tried.get_mut(index) {
            *count += 1;
        }
    }

    /// Moves on to the one after `failed`.
    pub(super) fn after(&mut self, failed: usize) {
        self.next = (failed + 1) % self.dead.len().max(1);
    }

    /// Gives `index` up for good; says whether another one is left.
    pub(super) fn give_up(&mut self, index: usize) -> bool {
        if let Some(dead) = self.dead.get_mut(index) {
            *dead = true;
        }
        self.dead.contains(&false)
    }

    /// Whether the next one was never tried, so that no pause is owed to anyone.
    pub(super) fn next_is_fresh(&self) -> bool {
        self.alive().next().and_then(|index| self.tried.get(index)).is_some_and(|count| *count == 0)
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
