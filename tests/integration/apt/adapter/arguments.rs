//! What is refused before anything runs.

use super::{assert_untouched, machine};

#[test]
fn options_as_names_are_refused() {
    let Some((lab, main)) = machine() else { return };
    for name in [
        "-oAPT::Update::Pre-Invoke::=touch /root/was-here",
        "--option=APT::Update::Pre-Invoke::=touch /root/was-here",
        "--allow-unauthenticated",
        "lab-leaf;touch /root/was-here",
        "lab-leaf\n",
        "/root/lab-slow.deb",
        "./lab-slow.deb",
        "lab-leaf/../x",
        "lab-leaf-",
        "lab-*",
        "Lab Leaf",
        "lab-leaf=",
        "",
    ] {
        for args in [&["install", name][..], &["install", "--", name], &["install", "lab-dep", "--", name]] {
            let refused = lab.apt(args);
            assert_eq!(refused.code, 2, "{args:?}: {}", refused.text());
        }
    }
    for args in [&["install"][..], &["install", "--no-such-option", "lab-leaf"], &["update", "lab-leaf"], &[]]
    {
        let refused = lab.apt(args);
        assert_eq!(refused.code, 2, "{args:?}: {}", refused.text());
    }
    assert_eq!(main.all_requests(), 0);
    assert!(!lab.path("/root/was-here").exists());
    assert_untouched(&lab, "lab-leaf");
}
