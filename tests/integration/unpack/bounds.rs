//! Archives that are too much, each ended by a bound that is named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tests::archives::{
    Kept, Thing, Zip, ZipEntry, end, gzip, header, tar, with_flag, xz, xz_with, zip, zstandard,
};
use vps_ops::Deadline;
use vps_ops::unpack::{Bound, UnpackError, UnpackLimits, unpack, unpack_here};

use crate::lab::Lab;

fn bound(limits: UnpackLimits, archive: &[u8]) -> Bound {
    let mut lab = Lab::new();
    lab.limits = limits;
    match lab.error(archive) {
        UnpackError::Excess { bound, .. } => bound,
        error => panic!("{error:?}"),
    }
}

#[test]
fn each_bound_is_named() {
    let limits = UnpackLimits::default();
    let many: Vec<_> = (0..20).map(|number| Thing::file(format!("f{number}"), "0123456789")).collect();
    for archive in [tar(&many), zip(&many)] {
        assert_eq!(bound(UnpackLimits { entries: 19, ..limits }, &archive), Bound::Entries);
        assert_eq!(bound(UnpackLimits { bytes: 199, ..limits }, &archive), Bound::Bytes);
        assert_eq!(bound(UnpackLimits { tables: 500, ..limits }, &archive), Bound::Tables);
        let mut lab = Lab::new();
        lab.limits = UnpackLimits { entries: 20, bytes: 200, ..limits };
        lab.unpack(&archive).unwrap();
    }
    let deep = "d/".repeat(129) + "f";
    assert_eq!(bound(limits, &tar(&[Thing::file(&deep, "")])), Bound::Depth);
    Lab::new().unpack(&tar(&[Thing::file("d/".repeat(128) + "f", "")])).unwrap();
    // Entries that are left out count, too.
    let mut lab = Lab::new();
    (lab.strip, lab.limits) = (1, UnpackLimits { entries: 5, ..limits });
    assert!(matches!(lab.error(&tar(&many)), UnpackError::Excess { bound: Bound::Entries, .. }));
    let long = with_flag("././@LongLink", b'L', &vec![b'x'; (1 << 20) + 1], "");
    assert_eq!(bound(limits, &[long, end()].concat()), Bound::Header);
}

#[test]
fn what_grows_beyond_all_measure_is_ended_early() {
    let zeros = tar(&[Thing::file("zeros", vec![0; 3 << 20])]);
    let limits = UnpackLimits { ratio: 100, ratio_from: 1 << 20, ..UnpackLimits::default() };
    for archive in [gzip(&zeros), xz(&zeros), zstandard(&zeros)] {
        assert_eq!(bound(limits, &archive), Bound::Ratio);
        Lab::new().unpack(&archive).unwrap();
    }
    let mut bomb = Zip::default();
    bomb.add(&ZipEntry::of(&Thing::file("zeros", vec![0; 3 << 20]), Kept::Deflated));
    assert_eq!(bound(limits, &bomb.finish(b"")), Bound::Ratio);
    Lab::new().unpack(&bomb.finish(b"")).unwrap();
    // Zeros behind the end of a tar are something, too.
    let tail = [tar(&[Thing::file("a", "")]), vec![0; 3 << 20]].concat();
    assert_eq!(bound(limits, &gzip(&tail)), Bound::Ratio);
}

#[test]
fn memory_for_decompressing_is_bounded() {
    let limits = UnpackLimits::default();
    let small = tar(&[Thing::file("a", "text")]);
    let wide = xz_with(&small, 8 << 20);
    assert_eq!(bound(UnpackLimits { dictionary: 4 << 20, ..limits }, &wide), Bound::Dictionary);
    let mut lab = Lab::new();
    lab.limits.dictionary = 8 << 20;
    lab.unpack(&wide).unwrap();
    // A frame that says that it wants a window of 1 GiB, and one of 64 KiB.
    let frame = |exponent: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3][..], &[1, 0, 0]].concat();
    assert_eq!(bound(limits, &frame(20)), Bound::Window);
    assert!(matches!(Lab::new().error(&frame(6)), UnpackError::Damaged(_)));
}

#[test]
fn a_file_that_no_disk_has_room_for_is_refused_before_it_is_written() {
    let lab = Lab::new();
    let limits = UnpackLimits { bytes: u64::MAX, ..UnpackLimits::default() };
    let huge = [header(b"huge", b'0', 1 << 60, b"", 0o644, 0), vec![b'x'; 1_024]].concat();
    let mut with = Lab::new();
    with.limits = limits;
    let error = with.error(&huge);
    assert!(matches!(error, UnpackError::NoSpace { needed, .. } if needed == 1 << 60), "{error:?}");
    let error = lab.error(&huge);
    assert!(matches!(error, UnpackError::Excess { bound: Bound::Bytes, .. }), "{error:?}");
}

#[test]
fn a_stop_and_the_deadline_are_heard_within_a_file() {
    let archive = tar(&[Thing::file("a", vec![b'x'; 4 << 20]), Thing::file("b", "y")]);
    let lab = Lab::new();
    let stop = Arc::new(AtomicBool::new(false));
    let mut bytes = 0;
    let outcome = unpack_here(&lab.env, lab.request(&archive, "a.tar"), &stop, |far| {
        bytes = far.bytes;
        stop.store(far.bytes > 0, Ordering::Relaxed);
    });
    assert!(matches!(outcome, Err(UnpackError::Stopped)), "{outcome:?}");
    assert!(bytes < 1 << 20, "it went on for {bytes} bytes");
    assert_eq!(lab.names(), [""; 0]);
    let mut request = lab.request(&archive, "a.tar");
    request.deadline = Deadline::at(lab.env.now());
    let outcome = unpack_here(&lab.env, request, &Arc::new(AtomicBool::new(false)), |_| {});
    assert!(matches!(outcome, Err(UnpackError::TimedOut)), "{outcome:?}");
    assert_eq!(lab.names(), [""; 0]);
}

#[tokio::test]
async fn a_future_that_is_dropped_stops_its_thread_which_takes_away_what_it_made() {
    let archive = tar(&[Thing::file("a", vec![b'x'; 8 << 20]), Thing::file("b", "y")]);
    let lab = Lab::new();
    let (begun, begin) = tokio::sync::oneshot::channel();
    let (over, until) = std::sync::mpsc::channel::<()>();
    let mut begun = Some(begun);
    let unpacking = unpack(&lab.env, lab.request(&archive, "a.tar"), move |_| {
        if let Some(begun) = begun.take() {
            // Here it waits until nobody waits for it any more.
            begun.send(()).unwrap();
            let _ = until.recv();
        }
    });
    tokio::select! {
        biased;
        outcome = unpacking => panic!("it ended by itself: {outcome:?}"),
        begun = begin => begun.unwrap(),
    }
    assert!(lab.names()[0].starts_with(".to.unpack-"), "{:?}", lab.names());
    drop(over);
    tests::wait_until("it took away what it made", || lab.names().is_empty().then_some(()));
    let unpacked = unpack(&lab.env, lab.request(&archive, "a.tar"), |_| {}).await.unwrap();
    assert_eq!(unpacked.entries, 2);
}
