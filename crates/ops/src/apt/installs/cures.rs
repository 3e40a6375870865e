//! How often each cure is tried in one install: what did not help twice will not help.

use crate::apt::cure::{Cure, Lists};

/// The tries that were made.
#[derive(Debug, Default)]
pub(super) struct Cures {
    repairs: u8,
    fetches: u8,
    /// Updates because files were gone.
    gone: u8,
    /// Updates because files were not what the indexes promise.
    different: u8,
    lists_were_read: bool,
}

impl Cures {
    /// Takes note that the indexes were read, for whatever reason.
    pub(super) fn lists_were_read(&mut self) {
        self.lists_were_read = true;
    }

    /// Takes one try of `cure`, if one is left.
    pub(super) fn take(&mut self, cure: Cure) -> bool {
        let (tries, at_most) = match cure {
            Cure::Repair => (&mut self.repairs, 2),
            Cure::Fetch => (&mut self.fetches, 2),
            Cure::Update(Lists::NameWhatIsGone) => (&mut self.gone, 2),
            // It was fetched twice already.
            Cure::Update(Lists::PromiseSomethingElse) => (&mut self.different, 1),
            // Lists of this run would say the same again.
            Cure::Update(Lists::LackIt) => return !self.lists_were_read,
        };
        if *tries >= at_most {
            return false;
        }
        *tries += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(cure: Cure) -> usize {
        let mut cures = Cures::default();
        (0..9).take_while(|_| cures.take(cure)).count()
    }

    #[test]
    fn each_has_its_own_number_of_tries() {
        assert_eq!((tries(Cure::Repair), tries(Cure::Fetch)), (2, 2));
        assert_eq!(tries(Cure::Update(Lists::NameWhatIsGone)), 2);
        assert_eq!(tries(Cure::Update(Lists::PromiseSomethingElse)), 1);
    }

    #[test]
    fn lists_that_were_read_are_not_read_for_an_unknown_name() {
        let mut cures = Cures::default();
        assert!(cures.take(Cure::Update(Lists::LackIt)));
        cures.lists_were_read();
        assert!(!cures.take(Cure::Update(Lists::LackIt)));
        assert!(cures.take(Cure::Update(Lists::NameWhatIsGone)), "those may have been read too early");
    }
}
