//! Which name was meant.

use crate::foreign::Foreign;

/// Names that are looked for in one plan: who has more wrong reads no further either, and each costs a look at all.
const MOST: u32 = 100;
/// As alike as clap's own suggestions are.
const ALIKE: f64 = 0.7;

/// Finds the name that is nearest to one that there is not.
#[derive(Debug)]
pub(super) struct Suggest {
    left: u32,
}

impl Default for Suggest {
    fn default() -> Self {
        Self { left: MOST }
    }
}

impl Suggest {
    pub(super) fn near<'n>(
        &mut self,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<Foreign> {
        self.left = self.left.checked_sub(1)?;
        let alike = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
        let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
        best.filter(|(alike, _)| *alike > ALIKE).map(|(_, known)| Foreign::new(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_what_is_far_is_not() {
        let mut suggest = Suggest::default();
        let known = ["sha256", "sha512", "size"];
        assert_eq!(suggest.near("sha265", known).unwrap(), "sha256");
        assert_eq!(suggest.near("colour", known), None);
        assert_eq!(suggest.near("x", []), None);
    }

    #[test]
    fn it_stops_where_nobody_reads_on() {
        let mut suggest = Suggest::default();
        let found = (0..1_000).filter(|_| suggest.near("sha265", ["sha256"]).is_some());
        assert_eq!(found.count(), MOST as usize);
    }
}
