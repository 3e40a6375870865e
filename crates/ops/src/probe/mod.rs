//! Looks at services: the way calls go, never further than the head of an answer.
//!
//! [`NetworkProbe`] makes one look at one [`Target`](vps_health::Target): it resolves by the system's resolver, races the families, trusts
//! whom calls trust, goes through the proxies that calls go through, and asks with HEAD on a connection of its own, which
//! no answer of yesterday can keep alive. It says what happened as the facts of [`vps_health`], which alone judges.
//! [`places_of`] says what is asked of which service.

mod chain;
mod connect;
mod exchange;
mod found;
mod hops;
mod network_probe;
mod proxied;
mod resolver;
mod sessions;
mod targets;

pub use network_probe::{LookedAt, NetworkProbe, Way};
pub use targets::{Places, apt_places, places_of};
