use super::*;

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

#[test]
fn the_names_in_a_certificate_are_seen_and_no_more() {
    for words in crate::testing::hostile_words() {
        let said = for_others(&[format!("DnsName(\"{words}\")"), words.clone()]);
        assert!(!said.contains(crate::foreign::is_unfit) && said.contains('\\'), "{said:?}");
    }
    assert!(for_others(&["x".repeat(9000)]).chars().count() < 200);
}
