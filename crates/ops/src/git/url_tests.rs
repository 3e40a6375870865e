use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<GitUrl, InvalidGitUrl> {
    text.parse()
}

#[test]
fn what_runs_programs_or_looks_like_an_option_is_refused() {
    for text in [
        "",
        "-upload-pack=x",
        "--config=x",
        "ext::sh -c id",
        "fd::17",
        "ssh://-oProxyCommand=id/x",
        "ssh://host/-x",
        "-oProxyCommand=id:path",
        "host:-x",
        "ssh://-u@host/x",
        "ftp://example.com/x",
        "git://example.com/x",
        "javascript://example.com/x",
        "https://",
        "https:///x",
        "ssh:///x",
        "ssh://host",
        "file://example.com/x",
        "https://example.com/a\nb",
        "https://example.com/a%0ab",
        "file:///a%0ab",
        "host:a\u{7f}b",
    ] {
        assert!(parse(text).is_err(), "{text:?} was taken");
    }
}

#[test]
fn each_way_is_told_by_its_form() {
    for (text, server) in [
        ("https://example.com/a.git", Some(("example.com", 443, "https"))),
        ("http://127.0.0.1:8080/a", Some(("127.0.0.1", 8080, "http"))),
        ("git@example.com:a/b.git", Some(("example.com", 22, "ssh"))),
        ("ssh://git@example.com:2222/a", Some(("example.com", 2222, "ssh"))),
        ("[::1]:a", Some(("::1", 22, "ssh"))),
        ("file:///srv/a.git", None),
        ("/srv/a.git", None),
        ("./a:b", None),
    ] {
        assert_eq!(parse(text).unwrap().server(), server, "{text}");
    }
}

#[test]
fn credentials_are_neither_shown_nor_stored() {
    for text in [
        "https://canary:canary@example.com/a.git",
        "https://canary@example.com/a.git",
        "https://example.com/a.git?token=canary",
        "ssh://git:canary@example.com/a.git",
    ] {
        let url = parse(text).unwrap();
        let shown = format!("{url} {url:?} {}", url.stored());
        assert!(!shown.contains("canary"), "{shown}");
        assert!(url.has_credentials(), "{text}");
    }
    let ssh = parse("git@example.com:a").unwrap();
    assert_eq!((ssh.stored(), ssh.has_credentials()), ("git@example.com:a", false));
}

#[test]
fn the_folder_is_named_after_the_repository() {
    for (text, name) in [
        ("https://example.com/a/b.git", Some("b")),
        ("https://example.com/a/b.git/", Some("b")),
        ("host:b", Some("b")),
        ("host:a/b.git", Some("b")),
        ("/srv/app/.git", Some("app")),
        ("https://example.com/", None),
        ("https://example.com/..", None),
    ] {
        assert_eq!(parse(text).unwrap().folder_name().as_deref(), name, "{text}");
    }
}

#[test]
fn a_modules_url_is_relative_to_its_repository() {
    for (base, module, url) in [
        ("https://example.com/a/b.git", "../c.git", "https://example.com/a/c.git"),
        ("https://example.com/a/b.git", "../../c", "https://example.com/c"),
        ("https://example.com/a/b.git/", "./c", "https://example.com/a/b.git/c"),
        ("git@example.com:a/b.git", "../c.git", "git@example.com:a/c.git"),
        ("ssh://git@example.com/a/b.git", "../c.git", "ssh://git@example.com/a/c.git"),
        ("/srv/a.git", "../b.git", "/srv/b.git"),
        ("https://example.com/a", "https://example.org/b", "https://example.org/b"),
    ] {
        assert_eq!(parse(base).unwrap().module(module).unwrap().stored(), url, "{base} {module}");
    }
    let base = parse("https://example.com/a").unwrap();
    for module in ["../../../x", "/etc/repository", "file:///srv/x", "ext::id", "-x", "../a\nb"] {
        assert!(base.module(module).is_err(), "{module:?} was taken");
    }
}

#[test]
fn a_clone_is_known_by_its_remote() {
    let url = parse("https://me:canary@example.com/a.git").unwrap();
    assert!(url.is_that_of("https://example.com/a.git"));
    assert!(url.is_that_of("https://example.com/a.git/"));
    for other in ["https://example.com/b.git", "http://example.com/a.git", "https://example.org/a.git", ""] {
        assert!(!url.is_that_of(other), "{other}");
    }
}

#[test]
fn a_repository_is_the_same_with_and_without_its_ending() {
    for (one, other) in [
        ("https://example.com/a", "https://example.com/a.git"),
        ("https://example.com/a.git/", "https://example.com/a"),
        ("git@example.com:a.git", "git@example.com:a"),
        ("ssh://example.com/a%20b", "ssh://example.com/a b.git"),
    ] {
        assert!(parse(one).unwrap().is_that_of(other) && parse(other).unwrap().is_that_of(one), "{one}");
    }
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (place.path().join("a"), place.path().join("a.git"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    std::fs::create_dir(other).unwrap();
    assert!(parse(one).unwrap().is_that_of(other));
    std::fs::create_dir(one).unwrap();
    assert!(!parse(one).unwrap().is_that_of(other), "two that are both there");
}

#[test]
fn a_scheme_without_a_host_is_no_host() {
    for text in [
        "http:///install",
        "http:/h",
        "http:h",
        "http:\\\\h",
        "http://\\h",
        "HTTPS:/h",
        "https:",
        "ssh:/h/a",
        "ssh:///a",
        "file:a",
        "http://",
    ] {
        assert!(matches!(parse(text), Err(InvalidGitUrl::Host)), "{text}: {:?}", parse(text));
    }
    assert!(parse("server:path").is_ok() && parse("httpd:path").is_ok());
}

#[test]
fn a_path_with_escapes_is_sent_plain_and_stored_escaped() {
    for (text, path, stored) in [
        ("ssh://host/a%20b.git", "/a b.git", "ssh://host/a%20b.git"),
        ("ssh://host/a b.git", "/a b.git", "ssh://host/a%20b.git"),
        ("ssh://host/a%25b.git", "/a%b.git", "ssh://host/a%25b.git"),
        ("[host:2222]:/srv/a.git", "/srv/a.git", "ssh://host:2222/srv/a.git"),
        ("me@[host:2222]:a.git", "a.git", "ssh://me@host:2222/~/a.git"),
        ("[me@host:2222]:a.git", "a.git", "ssh://me@host:2222/~/a.git"),
        ("me@[::1]:a.git", "a.git", "me@[::1]:a.git"),
    ] {
        let url = parse(text).unwrap();
        assert_eq!(url.stored(), stored, "{text}");
        assert!(matches!(&url.way, Way::Ssh(address) if address.path == path), "{text}");
        assert_eq!(parse(stored).unwrap().stored(), stored);
        assert!(url.is_that_of(stored), "{text}");
    }
    assert_eq!(parse("[host:2222]:a").unwrap().server(), Some(("host", 2222, "ssh")));
}

#[test]
fn a_module_beside_an_absolute_path_has_one_too() {
    for (base, module, expected) in [
        ("host:/srv/sup.git", "../sub.git", "host:/srv/sub.git"),
        ("me@host:/sup.git", "../sub.git", "me@host:/sub.git"),
        ("host:srv/sup.git", "../sub.git", "host:srv/sub.git"),
        ("me@[::1]:/srv/sup.git", "../sub.git", "me@[::1]:/srv/sub.git"),
        ("ssh://host:1/a%20b/sup.git", "../sub.git", "ssh://host:1/a%20b/sub.git"),
        ("[host:1]:srv/sup.git", "../sub.git", "ssh://host:1/~/srv/sub.git"),
    ] {
        assert_eq!(parse(base).unwrap().module(module).unwrap().stored(), expected, "{base}");
    }
}

#[test]
fn a_password_without_a_scheme_is_refused_and_shown_nowhere() {
    for text in [
        "me:canary@host:team/app.git",
        "me:canary@host/team/app.git",
        "me:canary@host.example.com",
        "me:can/ary@host:team/app.git",
        "me:can/ary@host/app",
        "me:canary:x@host:app",
        "me:@canary@host:app",
        "me@corp.example:canary@host/app",
        "[me:canary@host]:app",
        "[me:canary@host:22]:app",
        "[me:canary@::1]:app",
        "//me:canary@host/app",
        "https//me:canary@host/app",
        "https/me:canary@host/app",
        " me:canary@host/app",
        "me:canary@host::app",
        "ext:me:canary@host",
    ] {
        let error = parse(text).unwrap_err();
        assert!(matches!(error, InvalidGitUrl::Password | InvalidGitUrl::Helper(_)), "{text}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{text}: {error}");
    }
    for text in [
        "ftp://me:canary@host/a",
        "https:///me:canary@host",
        "https:me:canary@h",
        "me:canary@h://x",
        "https:me:canary@h://x",
        "ssh://me:canary@:x/a",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{text}: {error}");
    }
    for text in
        ["git@host:team/app.git", "git@host:team/a@b.git", "host:app", "[::1]:app", "git@[::1]:a/b", "./a:b"]
    {
        assert!(parse(text).is_ok(), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a:b@c");
    std::fs::create_dir(&odd).unwrap();
    assert!(parse(odd.to_str().unwrap()).is_ok(), "there is such a folder");
}

#[test]
fn what_is_kept_for_one_server_is_not_for_every_other_that_a_repository_names() {
    for (named, module, may) in [
        ("https://h.example/a", "https://h.example/b", true),
        ("https://h.example/a", "https://H.example./b", true),
        ("https://h.example:8443/a", "https://h.example:8443/b", true),
        ("https://h.example:8443/a", "https://h.example/b", true),
        ("http://h.example:81/a", "http://h.example:81/b", true),
        ("git@h.example:a", "https://h.example/b", true),
        ("https://h.example/a", "http://h.example/b", false),
        ("git@h.example:a", "http://h.example/b", false),
        ("https://h.example/a", "https://h.example:8443/b", false),
        ("https://h.example/a", "https://x.h.example/b", false),
        ("https://h.example/a", "https://other.example/b", false),
        ("/srv/a", "https://other.example/b", false),
    ] {
        assert_eq!(parse(module).unwrap().is_at_server_of(&parse(named).unwrap()), may, "{named} {module}");
    }
}

#[test]
fn what_hides_in_a_url_is_shown() {
    let url = parse("host:a\u{202e}b").unwrap();
    assert_eq!((url.to_string(), url.stored()), (r"host:a\u{202e}b".to_owned(), "host:a\u{202e}b"));
    assert!(parse("ho\u{202e}st:a").is_err() && parse("ssh://ho\u{200b}st/a").is_err());
}

#[test]
fn a_repository_on_this_machine_is_the_same_by_each_of_its_names() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    for name in ["r/.git/objects", "other/.git/objects", "bare.git/objects", "r.git/objects"] {
        std::fs::create_dir_all(at(name)).unwrap();
        std::fs::write(Path::new(&at(name)).with_file_name("HEAD"), "ref: refs/heads/main").unwrap();
    }
    std::os::unix::fs::symlink("r", at("link")).unwrap();
    let same = |one: &str, other: &str| parse(one).unwrap().is_that_of(other);
    let r = at("r");
    for name in [
        at("other/../r"),
        format!("file://{r}"),
        format!("file://localhost{}", at("./other/.././r/")),
        format!("{r}/"),
        format!("{r}//"),
        format!("{r}/.git"),
        at("link"),
    ] {
        assert!(same(&r, &name) && same(&name, &r), "{name}");
        assert!(!same(&at("other"), &name), "{name}");
    }
    assert!(same(&at("bare"), &at("bare.git")));
    // Two that are both there.
    assert!(!same(&r, &at("r.git")) && !same(&r, "https://example.com/r"));
}
