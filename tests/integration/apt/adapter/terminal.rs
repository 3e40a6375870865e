//! Nobody is there to answer.

use tests::apt::Repository;

use super::{assert_installed, updated};

#[test]
fn a_question_at_the_terminal_is_no_hang() {
    let Some((lab, _main)) = updated() else { return };
    let _ = lab.apt(&["install", "lab-ask"]).expect(1).says("lab-ask");
    lab.wait_until_quiet();
}

#[test]
fn a_changed_conffile_is_kept() {
    let Some((lab, main)) = updated() else { return };
    let _ = lab.apt(&["install", "lab-conf"]).expect(0);
    lab.write("/etc/lab.conf", "mine\n");
    main.serve(Repository::Later);
    let _ = lab.apt(&["update"]).expect(0);
    let _ = lab.apt(&["install", "lab-conf", "--upgrade"]).expect(0);
    assert_installed(&lab, "lab-conf", "2.0");
    assert_eq!(lab.read("/etc/lab.conf"), "mine\n");
}
