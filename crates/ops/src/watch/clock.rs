//! The clocks of health: moments that run on in sleep, and what is known of the boot.

use vps_health::{BootId, Clocks, Moment};

use crate::env::Env;

/// Now, by the clock that runs on while the machine sleeps.
pub(super) fn moment(env: &Env) -> Moment {
    env.now().into()
}

/// What all clocks show.
pub(super) fn clocks(env: &Env) -> Clocks {
    Clocks {
        boot: boot(&env.identity().boot_id),
        since_boot: std::time::Duration::from_nanos(env.now().as_nanos()),
        wall_seconds: i64::try_from(env.wall().as_secs()).unwrap_or(i64::MAX),
    }
}

/// The kernel's random name of a boot, which is written as a UUID.
pub(super) fn boot(id: &str) -> BootId {
    let mut bytes = [0; 16];
    let digits = id.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    for (at, digit) in digits.enumerate().take(32) {
        if let (Some(byte), Ok(digit)) = (bytes.get_mut(at / 2), u8::try_from(digit)) {
            *byte = *byte << 4 | digit;
        }
    }
    BootId(bytes)
}
