//! A password in a URL is not shown; whoever typed it is told where it belongs.

use tests::server::{Behaviour, Route, Server};

use crate::lab::Lab;
use crate::said::{Said, run};

fn with_password(args: &[&str]) -> Said {
    let (lab, server) = (Lab::new(), Server::start());
    server.route(
        "/f",
        Route::of(10).then(Behaviour::AuthRequired { accept: "Basic dXNlcjpjNG40cnk=".to_owned() }),
    );
    let url = server.url("/f").replace("http://", "http://user:c4n4ry@");
    run(&lab, &[&["download", &url, "f"], args].concat())
}

#[test]
fn the_person_is_told_where_it_belongs() {
    let said = with_password(&[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.err.contains("c4n4ry") && !said.out.contains("c4n4ry"), "{}", said.err);
    let hint = "hint: other users can see a password in a URL while this runs; it is safe in `~/.netrc` or `--header-file`\n";
    assert_eq!(said.err.matches(hint).count(), 1, "{}", said.err);
    assert!(!with_password(&["-q"]).err.contains("hint"));
    assert!(!with_password(&["--json"]).err.contains("hint"), "programs do not type");
    let lab = Lab::new();
    let said = run(&lab, &["download", "-n", "https://user@example.com/f"]);
    assert!(!said.err.contains("hint"), "a name is no password: {}", said.err);
}
