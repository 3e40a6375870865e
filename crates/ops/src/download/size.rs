//! Bytes as people read them.

use std::fmt;

/// A number of bytes: `17 B`, `1.4 MiB`.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 0;
        // In tenths, rounded: what rounds up to 1024 is one of the next unit.
        let mut tenths = tenths(self.0, 10);
        while tenths >= 10_240 && unit + 1 < UNITS.len() {
            unit += 1;
            tenths = tenths_of(self.0, unit);
        }
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, UNITS.get(unit).copied().unwrap_or_default())
    }
}

fn tenths_of(bytes: u64, unit: usize) -> u128 {
    tenths(bytes, 10 * (u32::try_from(unit).unwrap_or(5) + 1))
}

fn tenths(bytes: u64, shift: u32) -> u128 {
    let half = 1_u128 << (shift - 1);
    (u128::from(bytes) * 10 + half) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digit_after_the_point_in_the_largest_unit_that_fits() {
        let pairs = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_468_006, "1.4 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (12 << 20, "12.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, shown) in pairs {
            assert_eq!(Size(bytes).to_string(), shown);
        }
    }
}
