//! Who asks: the only thing here that reaches the world, written by somebody else.

use alloc::boxed::Box;

use async_trait::async_trait;

use crate::sample::Sample;
use crate::target::Target;
use crate::time::Moment;

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
