//! Who asks: the only thing here that reaches the world, written by somebody else.

use alloc::boxed::Box;
use core::time::Duration;

use async_trait::async_trait;

use crate::sample::Sample;
use crate::target::Target;
use crate::time::Moment;

/// What a probe is given beyond its deadline before it is dropped for a [late](Sample::late) one: one that keeps it says
/// itself where it was then.
pub const PROBE_GRACE: Duration = Duration::from_millis(100);

/// Asks a target how it is.
#[async_trait]
pub trait Probe: Send + Sync {
    /// One sample, over by `deadline`. It may be dropped at any await: what it opened must close by that.
    async fn sample(&self, target: &Target, deadline: Moment) -> Sample;
}

#[async_trait]
impl<P: Probe + ?Sized> Probe for &P {
    async fn sample(&self, target: &Target, deadline: Moment) -> Sample {
        (**self).sample(target, deadline).await
    }
}
