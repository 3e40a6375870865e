//! A connection to the first address that takes it, families raced as calls race them (RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpStream;
use vps_breaker::Tick;
use vps_health::FamilyChoice;

use crate::env::Env;

/// How far ahead the family is that the system prefers; also the head start in the HTTP client's connector.
const HEAD_START: Duration = Duration::from_millis(300);

/// Why there is no connection, and at which address that was found out last.
#[derive(Debug)]
pub(super) struct NotConnected {
    pub(super) error: io::Error,
    pub(super) address: Option<SocketAddr>,
}

/// Connects to one of `addresses`, before `end`. Those of the family that comes first are tried one after the other,
/// and the others' beside them after a head start, or once the first family is through. Cancel safe.
///
/// # Errors
/// Of the address that failed last; [`io::ErrorKind::AddrNotAvailable`] where none is of a family that may be used.
pub(super) async fn connect(
    env: &Env,
    addresses: &[IpAddr],
    port: u16,
    family: FamilyChoice,
    end: Tick,
) -> Result<(TcpStream, SocketAddr), NotConnected> {
    let may = |address: &&IpAddr| match family {
        FamilyChoice::V4 => address.is_ipv4(),
        FamilyChoice::V6 => address.is_ipv6(),
        FamilyChoice::Any | FamilyChoice::Both => true,
    };
    let usable: Vec<SocketAddr> =
        addresses.iter().filter(may).map(|address| SocketAddr::new(*address, port)).collect();
    let Some(first) = usable.first() else {
        let none = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address of this family");
        return Err(NotConnected { error: none, address: None });
    };
    let (preferred, others): (Vec<_>, Vec<_>) =
        usable.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    if others.is_empty() {
        return in_turn(env, &preferred, end).await;
    }
    let mut ahead = pin!(in_turn(env, &preferred, end));
    let start = env.now().after(HEAD_START);
    match env.until(start, ahead.as_mut()).await {
        Some(Ok(connected)) => return Ok(connected),
        // Nothing to race: the other family is all that is left.
        Some(Err(first)) => return in_turn(env, &others, end).await.map_err(|last| telling(first, last)),
        None => {}
    }
    let mut behind = pin!(in_turn(env, &others, end));
    tokio::select! {
        biased;
        connected = ahead.as_mut() => match connected {
            Ok(connected) => Ok(connected),
            Err(first) => behind.await.map_err(|last| telling(first, last)),
        },
        connected = behind.as_mut() => match connected {
            Ok(connected) => Ok(connected),
            Err(first) => ahead.await.map_err(|last| telling(first, last)),
        },
    }
}

/// The one that says something of the host: that this machine has no way to an address (it has no IPv6) says nothing of
/// the others. Else the last.
fn telling(first: NotConnected, last: NotConnected) -> NotConnected {
    use io::ErrorKind::{AddrNotAvailable, NetworkDown, NetworkUnreachable};
    let is_ours =
        |one: &NotConnected| matches!(one.error.kind(), NetworkUnreachable | NetworkDown | AddrNotAvailable);
    if is_ours(&last) && !is_ours(&first) { first } else { last }
}

/// Tries each, which share the time: a dead one leaves some for the next.
async fn in_turn(
    env: &Env,
    addresses: &[SocketAddr],
    end: Tick,
) -> Result<(TcpStream, SocketAddr), NotConnected> {
    let mut failed: Option<NotConnected> = None;
    for (tried, &address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let until = env.now().after(end.since(env.now()) / left);
        let error = match env.until(until, TcpStream::connect(address)).await {
            Some(Ok(stream)) => return Ok((stream, address)),
            Some(Err(error)) => error,
            None => io::Error::from(io::ErrorKind::TimedOut),
        };
        let last = NotConnected { error, address: Some(address) };
        failed = Some(match failed {
            Some(first) => telling(first, last),
            None => last,
        });
    }
    let none = || NotConnected { error: io::Error::from(io::ErrorKind::TimedOut), address: None };
    Err(failed.unwrap_or_else(none))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::net::TcpListener;

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    /// Of a block that is for documents: nobody has it (RFC 3849).
    const NOBODY: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    #[tokio::test]
    async fn a_family_that_leads_nowhere_costs_no_more_than_its_head_start() {
        let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
        let (env, port) = (Env::real(), listener.local_addr().unwrap().port());
        let end = env.now().after(Duration::from_secs(30));
        let (_, address) = connect(&env, &[NOBODY, LOCAL], port, FamilyChoice::Any, end).await.unwrap();
        assert_eq!(address.ip(), LOCAL);
    }

    #[tokio::test]
    async fn only_the_family_that_was_asked_for_is_used() {
        let (env, end) = (Env::real(), Env::real().now().after(Duration::from_secs(30)));
        let error = connect(&env, &[LOCAL], 1, FamilyChoice::V6, end).await.unwrap_err();
        assert_eq!(error.error.kind(), io::ErrorKind::AddrNotAvailable);
        assert_eq!(error.address, None);
    }

    #[test]
    fn that_this_machine_has_no_way_to_one_family_hides_nothing_of_the_other() {
        let failed = |kind: io::ErrorKind| NotConnected { error: kind.into(), address: None };
        use io::ErrorKind::{ConnectionRefused, NetworkUnreachable, TimedOut};
        for (first, last, told) in [
            (ConnectionRefused, NetworkUnreachable, ConnectionRefused),
            (NetworkUnreachable, ConnectionRefused, ConnectionRefused),
            (ConnectionRefused, TimedOut, TimedOut),
            (NetworkUnreachable, NetworkUnreachable, NetworkUnreachable),
        ] {
            let told_of = telling(failed(first), failed(last)).error.kind();
            assert_eq!(told_of, told, "{first:?}, then {last:?}");
        }
    }

    #[tokio::test]
    async fn what_the_last_address_said_is_what_is_told() {
        let free = TcpListener::bind((LOCAL, 0)).await.unwrap().local_addr().unwrap().port();
        let (env, end) = (Env::real(), Env::real().now().after(Duration::from_secs(30)));
        let error = connect(&env, &[LOCAL], free, FamilyChoice::Any, end).await.unwrap_err();
        assert_eq!(error.error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.address.unwrap().ip(), LOCAL);
    }
}
