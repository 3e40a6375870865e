use super::*;

fn status(code: u16) -> Judgement {
    judge_status(StatusCode::from_u16(code).unwrap(), None)
}

#[test]
fn every_status_is_pinned() {
    let transient = [vec![408, 425, 500, 502, 504, 507, 509], (512..=599).collect()].concat();
    for code in 100..=599 {
        let got = status(code);
        let class = match code {
            429 | 503 => Class::Throttled { at_least: None },
            code if transient.contains(&code) => Class::Transient,
            _ => Class::Permanent,
        };
        let blame = match (code, class) {
            (511, _) => Blame::Elsewhere,
            (_, Class::Permanent) => Blame::Request,
            _ => Blame::Service,
        };
        let kind = if code == 511 { Kind::Offline } else { Kind::Failed };
        assert_eq!(got, Judgement::new(class, blame, kind), "{code}");
    }
}

#[test]
fn a_wish_to_wait_holds_on_every_status_that_is_tried_again_and_on_no_other() {
    let wait = Some(Duration::from_secs(9));
    for code in 100..=599 {
        let status = StatusCode::from_u16(code).unwrap();
        let (with, without) = (judge_status(status, wait), judge_status(status, None));
        assert_eq!((with.blame, with.kind), (without.blame, without.kind), "{code}");
        match without.class {
            Class::Permanent => assert_eq!(with.class, Class::Permanent, "{code}"),
            _ => assert_eq!(with.class, Class::Throttled { at_least: wait }, "{code}"),
        }
    }
}

/// Every kind of I/O error that can be named, with what it is before and after the request was sent.
const KINDS: [(io::ErrorKind, Fact, Fact); 38] = {
    use Fact as F;
    use io::ErrorKind as K;
    [
        (K::NotFound, F::Unknown, F::Unknown),
        (K::PermissionDenied, F::Local, F::Local),
        (K::ConnectionRefused, F::Refused, F::Refused),
        (K::ConnectionReset, F::HandshakeCut, F::Reset),
        (K::HostUnreachable, F::NoRoute, F::NoRoute),
        (K::NetworkUnreachable, F::NoRoute, F::NoRoute),
        (K::ConnectionAborted, F::HandshakeCut, F::Reset),
        (K::NotConnected, F::HandshakeCut, F::Reset),
        (K::AddrInUse, F::NoRoute, F::NoRoute),
        (K::AddrNotAvailable, F::NoRoute, F::NoRoute),
        (K::NetworkDown, F::NoRoute, F::NoRoute),
        (K::BrokenPipe, F::HandshakeCut, F::Reset),
        (K::AlreadyExists, F::Unknown, F::Unknown),
        (K::WouldBlock, F::HandshakeCut, F::Reset),
        (K::NotADirectory, F::Unknown, F::Unknown),
        (K::IsADirectory, F::Unknown, F::Unknown),
        (K::DirectoryNotEmpty, F::Unknown, F::Unknown),
        (K::ReadOnlyFilesystem, F::Local, F::Local),
        (K::StaleNetworkFileHandle, F::Unknown, F::Unknown),
        (K::InvalidInput, F::Unknown, F::Unknown),
        (K::InvalidData, F::Unknown, F::Unknown),
        (K::TimedOut, F::ConnectTimeout, F::Idle),
        (K::WriteZero, F::Unknown, F::Unknown),
        (K::StorageFull, F::Local, F::Local),
        (K::NotSeekable, F::Unknown, F::Unknown),
        (K::QuotaExceeded, F::Local, F::Local),
        (K::FileTooLarge, F::Local, F::Local),
        (K::ResourceBusy, F::Local, F::Local),
        (K::ExecutableFileBusy, F::Unknown, F::Unknown),
        (K::Deadlock, F::Unknown, F::Unknown),
        (K::CrossesDevices, F::Unknown, F::Unknown),
        (K::TooManyLinks, F::Unknown, F::Unknown),
        (K::ArgumentListTooLong, F::Unknown, F::Unknown),
        (K::Interrupted, F::HandshakeCut, F::Reset),
        (K::Unsupported, F::Unknown, F::Unknown),
        (K::UnexpectedEof, F::HandshakeCut, F::EarlyEnd),
        (K::OutOfMemory, F::Local, F::Local),
        (K::Other, F::Unknown, F::Unknown),
    ]
};

#[test]
fn every_kind_of_io_error_is_pinned() {
    for (kind, connecting, exchanging) in KINDS {
        let error = io::Error::from(kind);
        assert_eq!(Fact::of(&error, Phase::Connecting), connecting, "{kind:?}");
        assert_eq!(Fact::of(&error, Phase::Exchanging), exchanging, "{kind:?}");
    }
}

#[test]
fn every_error_number_of_the_system_has_a_kind_we_pinned_or_none() {
    let pinned: Vec<_> = KINDS.iter().map(|(kind, ..)| *kind).collect();
    for number in 1..=133 {
        let error = io::Error::from_raw_os_error(number);
        let fact = Fact::of(&error, Phase::Exchanging);
        if [23, 24].contains(&number) {
            assert_eq!(fact, Fact::Local, "{error}");
        } else if !pinned.contains(&error.kind()) {
            assert_eq!(fact, Fact::Unknown, "{error}");
        }
    }
}

#[test]
fn what_is_unknown_is_permanent_and_says_nothing_about_the_service() {
    let got = Fact::Unknown.judge();
    assert_eq!((got.class, got.blame), (Class::Permanent, Blame::Elsewhere));
}

#[test]
fn a_wrapped_cause_is_found_however_deep() {
    let inner = io::Error::from(io::ErrorKind::ConnectionReset);
    let wrapped = io::Error::other(io::Error::other(inner));
    assert_eq!(Fact::of(&wrapped, Phase::Exchanging), Fact::Reset);
    let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
    let wrapped = io::Error::new(io::ErrorKind::ConnectionReset, io::Error::other(tls));
    assert_eq!(Fact::of(&wrapped, Phase::Connecting), Fact::Certificate);
}

#[test]
fn what_the_resolver_says_is_read() {
    let said = |text: &str| {
        Fact::of(
            &io::Error::other(format!("failed to lookup address information: {text}")),
            Phase::Connecting,
        )
    };
    assert_eq!(said("Name or service not known"), Fact::NameUnknown);
    assert_eq!(said("No address associated with hostname"), Fact::NameUnknown);
    assert_eq!(said("Temporary failure in name resolution"), Fact::ResolverDown);
    assert_eq!(said("Non-recoverable failure in name resolution"), Fact::ResolverDown);
}

/// The rows of the table, written down a second time.
#[test]
fn every_fact_has_its_row() {
    use Blame::{Elsewhere, Service};
    use Kind::{Failed, Local, Offline, Timeout};
    let rows = [
        (Fact::Refused, Class::NotSent, Service, Failed),
        (Fact::ConnectTimeout, Class::NotSent, Service, Timeout),
        (Fact::HandshakeCut, Class::NotSent, Service, Failed),
        (Fact::NoRoute, Class::NotSent, Elsewhere, Offline),
        (Fact::ResolverDown, Class::NotSent, Elsewhere, Offline),
        (Fact::NameUnknown, Class::NotSent, Elsewhere, Failed),
        (Fact::Reset, Class::Transient, Service, Failed),
        (Fact::EarlyEnd, Class::Transient, Service, Failed),
        (Fact::NoAnswer, Class::Transient, Service, Timeout),
        (Fact::Idle, Class::Transient, Service, Timeout),
        (Fact::Certificate, Class::Permanent, Service, Failed),
        (Fact::RedirectRefused, Class::Permanent, Elsewhere, Failed),
        (Fact::ForeignScheme, Class::Permanent, Elsewhere, Failed),
        (Fact::HeaderFlood, Class::Permanent, Elsewhere, Failed),
        (Fact::NotHttp, Class::Permanent, Elsewhere, Failed),
        (Fact::NotTls, Class::Permanent, Elsewhere, Failed),
        (Fact::ProxyRefused, Class::Permanent, Elsewhere, Failed),
        (Fact::NoRoots, Class::Local, Elsewhere, Local),
        (Fact::Local, Class::Local, Elsewhere, Local),
        (Fact::Unknown, Class::Permanent, Elsewhere, Failed),
    ];
    for (fact, class, blame, kind) in rows {
        assert_eq!(fact.judge(), Judgement::new(class, blame, kind), "{fact:?}");
    }
}
