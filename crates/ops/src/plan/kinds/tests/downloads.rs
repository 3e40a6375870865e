//! Downloads: what is proved by a digest, by a stamp, by the journal.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::apt_key::sha256;
use super::lab::tar_header;
use super::machine::{Lab, ends, step};
use crate::env::Env;
use crate::plan::run::{ApplyOptions, Ground, StepContext};
use crate::plan::{
    Action, Body, DownloadAction, FileAction, GitAction, Part, Plan, SecretText, Step, Unpack,
};
use crate::testing::scripted_http::{Script, ScriptedHttp};

/// A machine whose server has `content` at every address; what it was asked, with the authorization that came.
fn lab(content: &'static str) -> (Lab, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let http = ScriptedHttp::new(Env::real(), move |request, _| {
        let authorization = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let asked = format!("{} {}", request.url.path(), authorization.unwrap_or("-"));
        told.lock().unwrap().push(asked);
        Script::status(200).sends(content.as_bytes())
    });
    (Lab::new(|builder| builder.http(Arc::new(http))), asked)
}

fn action() -> DownloadAction {
    let url = "https://example.com/a".into();
    DownloadAction { url, dest: Some("below/here/a".into()), ..DownloadAction::default() }
}

fn steps(action: &DownloadAction) -> Vec<Step> {
    vec![step("d", Action::Download(action.clone()))]
}

fn with_digest(of: &str) -> DownloadAction {
    DownloadAction { checksum: Some(format!("sha256:{}", sha256(of.as_bytes()))), ..action() }
}

#[tokio::test]
async fn a_digest_proves_it_by_its_stamp_and_else_by_its_content() {
    let (lab, asked) = lab("content");
    let wanted = with_digest("content");
    let changed = format!("d changed ({})", lab.at("below/here/a").display());
    assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()], "its folder is made");
    assert_eq!(lab.read("below/here/a").as_deref(), Some("content"));
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    // The same content in another file: looked into, not fetched.
    std::fs::remove_file(lab.at("below/here/a")).unwrap();
    lab.write("below/here/a", "content");
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    // As many bytes, at the same time of writing.
    let time = std::fs::metadata(lab.at("below/here/a")).unwrap().modified().unwrap();
    lab.write("below/here/a", "CONTENT");
    let file = std::fs::File::options().write(true).open(lab.at("below/here/a")).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(lab.run(steps(&wanted)).await, [changed.as_str()]);
    assert_eq!(lab.read("below/here/a").as_deref(), Some("content"));
}

#[tokio::test]
async fn a_look_at_everything_anew_believes_no_stamp() {
    let (lab, asked) = lab("content");
    lab.run(steps(&with_digest("content"))).await;
    let options = ApplyOptions { recheck: true, ..lab.options() };
    assert_eq!(ends(&lab.applied(steps(&with_digest("content")), &options).await), ["d ok"]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    assert!(ends(&lab.applied(steps(&action()), &options).await)[0].starts_with("d changed"));
}

#[tokio::test]
async fn without_a_digest_it_is_there_and_came_from_where_the_plan_says() {
    let (lab, asked) = lab("content");
    lab.write("below/here/a", "whatever was there");
    assert!(lab.run(steps(&action())).await[0].starts_with("d changed"), "nobody knows where that came from");
    std::fs::write(lab.at("below/here/a"), "edited").unwrap();
    assert_eq!(lab.run(steps(&action())).await, ["d ok"]);
    let other = DownloadAction { url: "https://example.com/b".into(), ..action() };
    assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
    assert_eq!(*asked.lock().unwrap(), ["/a -", "/b -"]);
    std::fs::remove_file(lab.at("below/here/a")).unwrap();
    assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
}

#[tokio::test]
async fn a_stamp_is_taken_only_once_a_later_change_would_be_seen() {
    let (lab, _) = lab("content");
    let wanted = with_digest("content");
    let began = lab.network.env().now();
    lab.run(steps(&wanted)).await;
    let took = lab.network.env().now().since(began);
    assert!(took >= Duration::from_millis(15), "the disk's clock ticks each 4 to 10 ms; it took {took:?}");
}

#[tokio::test]
async fn a_secret_is_sent_and_is_nowhere_else() {
    let (mut lab, asked) = lab("content");
    lab.secrets.push(("token".into(), "canary".into()));
    let bearer = SecretText::new([Part::Text("Bearer ".into()), Part::Secret("token".parse().unwrap())]);
    let wanted = DownloadAction { headers: vec![("Authorization".into(), bearer)], ..action() };
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    assert_eq!(*asked.lock().unwrap(), ["/a Bearer canary"]);
    assert!(!format!("{:?}", lab.heard).contains("canary"));
    let kept = lab.kept().await;
    assert!(!kept.is_empty() && !kept.contains("canary"));
}

/// An archive of one file, `app/hello`.
fn archive() -> &'static str {
    archive_of(b"hi\n")
}

/// The same with these three bytes in it.
fn archive_of(content: &[u8; 3]) -> &'static str {
    let mut header = tar_header("app/hello", "0000755", 3);
    header.extend(content);
    header.resize(512 * 4, 0);
    Box::leak(String::from_utf8(header).unwrap().into_boxed_str())
}

fn unpacking(lab: &Lab, checksum: bool) -> DownloadAction {
    let sha256 = format!("sha256:{}", sha256(archive().as_bytes()));
    DownloadAction {
        url: "https://example.com/app.tar".into(),
        checksum: checksum.then_some(sha256),
        unpack: Some(Unpack::new(lab.at("opt/app"), 1)),
        ..DownloadAction::default()
    }
}

#[tokio::test]
async fn an_archive_becomes_its_folder_and_nothing_else_stays() {
    for known in [true, false] {
        let (lab, asked) = lab(archive());
        let action = unpacking(&lab, known);
        let first = lab.run(steps(&action)).await;
        assert!(first[0].starts_with("d changed (") && first[0].ends_with("/opt/app)"), "{first:?}");
        assert_eq!(lab.read("opt/app/hello").as_deref(), Some("hi\n"));
        let left: Vec<_> =
            std::fs::read_dir(lab.at("opt")).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["app"]);
        let requests = asked.lock().unwrap().len();
        assert_eq!(lab.run(steps(&action)).await, ["d ok"], "{known}");
        assert_eq!(asked.lock().unwrap().len(), requests);
        let mut other = action.clone();
        other.unpack = Some(Unpack::new(lab.at("opt/app"), 0));
        assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
        assert_eq!(lab.read("opt/app/app/hello").as_deref(), Some("hi\n"));
        assert_eq!(lab.read("opt/app/hello"), None, "a new tree takes the place of the old one");
    }
}

#[tokio::test]
async fn an_archive_that_is_kept_is_there_beside_its_folder() {
    let (lab, asked) = lab(archive());
    let action = DownloadAction { dest: Some(lab.at("app.tar")), ..unpacking(&lab, true) };
    lab.run(steps(&action)).await;
    assert_eq!(lab.read("app.tar").as_deref(), Some(archive()));
    assert_eq!(lab.run(steps(&action)).await, ["d ok"]);
    let requests = asked.lock().unwrap().len();
    std::fs::remove_dir_all(lab.at("opt/app")).unwrap();
    assert!(lab.run(steps(&action)).await[0].starts_with("d changed"));
    assert_eq!(lab.read("opt/app/hello").as_deref(), Some("hi\n"));
    assert_eq!(asked.lock().unwrap().len(), requests, "what is there is not fetched again");
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_not_taken() {
    let (lab, _) = lab(archive());
    lab.write("opt/app/mine", "mine");
    let said = lab.run(steps(&unpacking(&lab, true))).await;
    assert!(said[0].starts_with("d failed: "), "{said:?}");
    assert_eq!(lab.read("opt/app/mine").as_deref(), Some("mine"));
}

#[tokio::test]
async fn the_folder_is_of_the_archive_that_is_there_also_where_only_the_server_knows_which_that_is() {
    for by_list in [true, false] {
        let served = Arc::new(Mutex::new(archive()));
        let serves = Arc::clone(&served);
        let http = ScriptedHttp::new(Env::real(), move |request, _| {
            let archive = *serves.lock().unwrap();
            let list = format!("{}  app.tar\n", sha256(archive.as_bytes()));
            let body = if request.url.path() == "/sums" { &list } else { archive };
            Script::status(200).sends(body.as_bytes())
        });
        let lab = Lab::new(|builder| builder.http(Arc::new(http)));
        let checksum = by_list.then(|| "https://example.com/sums".to_owned());
        let action = DownloadAction { dest: Some(lab.at("app.tar")), checksum, ..unpacking(&lab, false) };
        assert!(lab.run(steps(&action)).await[0].starts_with("d changed"));
        *served.lock().unwrap() = archive_of(b"ho\n");
        assert_eq!(lab.run(steps(&action)).await, ["d ok"], "nobody is asked for what is there");
        std::fs::remove_file(lab.at("app.tar")).unwrap();
        assert!(lab.run(steps(&action)).await[0].starts_with("d changed"), "{by_list}");
        assert_eq!(lab.read("app.tar").as_deref(), Some(archive_of(b"ho\n")));
        assert_eq!(lab.read("opt/app/hello").as_deref(), Some("ho\n"), "{by_list}");
        assert_eq!(lab.run(steps(&action)).await, ["d ok"]);
        // Another copy of the same one leaves the folder as it is.
        std::fs::write(lab.at("opt/app/mine"), "").unwrap();
        std::fs::remove_file(lab.at("app.tar")).unwrap();
        assert!(lab.run(steps(&action)).await[0].starts_with("d changed"));
        assert!(lab.read("opt/app/mine").is_some(), "{by_list}");
    }
}

#[tokio::test]
async fn a_list_is_asked_once_where_the_file_is_right_however_it_is_dated() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let http = ScriptedHttp::new(Env::real(), move |request, _| {
        told.lock().unwrap().push(request.url.path().to_owned());
        let list = format!("{}  a\n", sha256(b"content"));
        let body = if request.url.path() == "/a" { "content" } else { &list };
        Script::status(200).sends(body.as_bytes())
    });
    let lab = Lab::new(|builder| builder.http(Arc::new(http)));
    let above = || {
        let file = FileAction::new(lab.at("above"), Body::Content("above".into()));
        step("above", Action::File(file))
    };
    let wanted = DownloadAction { checksum: Some("https://example.com/sums".into()), ..action() };
    let all = || [vec![above()], steps(&wanted)].concat();
    assert!(lab.run(all()).await[1].starts_with("d changed"));
    assert_eq!(*asked.lock().unwrap(), ["/sums", "/a"]);
    // The same content in another file: fetched for before its turn, and found to be right.
    std::fs::remove_file(lab.at("below/here/a")).unwrap();
    lab.write("below/here/a", "content");
    std::fs::remove_file(lab.at("above")).unwrap();
    assert!(lab.run(all()).await[1].starts_with("d unchanged"));
    assert_eq!(asked.lock().unwrap()[2..], ["/sums"]);
    assert_eq!(lab.run(all()).await[1], "d ok");
}

#[tokio::test]
async fn the_rights_of_a_file_that_is_right_are_set() {
    use std::os::unix::fs::PermissionsExt as _;
    let (lab, asked) = lab("content");
    let wanted = DownloadAction { mode: Some(0o750), ..with_digest("content") };
    lab.run(steps(&wanted)).await;
    std::fs::set_permissions(lab.at("below/here/a"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    let mode = std::fs::metadata(lab.at("below/here/a")).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode, asked.lock().unwrap().len()), (0o750, 1), "without another request");
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
}

#[tokio::test]
async fn a_file_without_a_digest_that_was_had_by_hand_is_not_fetched() {
    let (lab, asked) = lab("content");
    lab.write("below/here/a", "had by hand");
    let mut options = lab.options();
    options.selection.mark_done = vec![super::machine::id("d")];
    assert_eq!(ends(&lab.applied(steps(&action()), &options).await), ["d ok"]);
    assert_eq!(lab.run(steps(&action())).await, ["d ok"]);
    assert_eq!((lab.read("below/here/a").as_deref(), asked.lock().unwrap().len()), (Some("had by hand"), 0));
    // It does not say that it came from anywhere else.
    let other = DownloadAction { url: "https://example.com/b".into(), ..action() };
    assert!(lab.run(steps(&other)).await[0].starts_with("d changed"));
}

#[tokio::test]
async fn dest_is_the_file_itself_and_never_a_folder_for_it() {
    use std::os::unix::fs::symlink;
    for is_link in [false, true] {
        let (lab, asked) = lab("content");
        std::fs::create_dir_all(lab.at("below/here")).unwrap();
        std::fs::create_dir(lab.at("far")).unwrap();
        match is_link {
            true => symlink(lab.at("far"), lab.at("below/here/a")).unwrap(),
            false => std::fs::create_dir(lab.at("below/here/a")).unwrap(),
        }
        for wanted in [action(), with_digest("content")] {
            for said in [lab.run(steps(&wanted)).await, lab.dry_run(steps(&wanted)).await] {
                assert!(said[0].starts_with("d failed: "), "{said:?}");
                assert!(said[0].contains("a folder and is never replaced") || is_link, "{said:?}");
                assert!(said[0].contains("a link to a folder and is never replaced") || !is_link, "{said:?}");
            }
        }
        assert_eq!(std::fs::read_dir(lab.at("below/here/a")).unwrap().count(), 0);
        assert!(asked.lock().unwrap().is_empty(), "nobody is asked for what cannot be put anywhere");
    }
}

#[tokio::test]
async fn a_folder_that_comes_to_be_at_dest_in_mid_run_is_said_again_and_the_part_is_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let dest = place.path().join("a");
    let (made, asked) = (dest.clone(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&asked);
    let http = ScriptedHttp::new(Env::real(), move |_, _| {
        let mut asked = counted.lock().unwrap();
        *asked += 1;
        if *asked == 1 {
            std::fs::create_dir(&made).unwrap();
        }
        Script::status(200).header("etag", "\"1\"").sends(b"content")
    });
    let lab = Lab::new(|builder| builder.http(Arc::new(http)));
    let wanted = DownloadAction { dest: Some(dest.clone()), ..with_digest("content") };
    for _ in 0..2 {
        assert!(lab.run(steps(&wanted)).await[0].starts_with("d failed: "));
        assert_eq!(std::fs::read_dir(&dest).unwrap().count(), 0, "nothing is put into it");
    }
    assert_eq!(*asked.lock().unwrap(), 1, "the second run looks first");
    std::fs::remove_dir(&dest).unwrap();
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!((left, std::fs::read_to_string(&dest).unwrap().as_str()), (vec!["a".into()], "content"));
}

#[tokio::test]
async fn without_a_digest_a_length_that_is_told_is_looked_at() {
    let (lab, asked) = lab("content");
    let wanted = DownloadAction { size: Some(7), ..action() };
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    std::fs::write(lab.at("below/here/a"), "longer than that").unwrap();
    assert!(lab.dry_run(steps(&wanted)).await[0].starts_with("d would "));
    assert!(lab.run(steps(&wanted)).await[0].starts_with("d changed"));
    assert_eq!((lab.read("below/here/a").as_deref(), asked.lock().unwrap().len()), (Some("content"), 2));
}

#[tokio::test]
async fn what_cannot_be_put_anywhere_is_known_before_anybody_is_asked() {
    use std::os::unix::fs::symlink;
    for stands in ["file", "folder", "link"] {
        let (lab, asked) = lab(archive());
        lab.write("elsewhere/mine", "mine");
        std::fs::create_dir_all(lab.at("opt")).unwrap();
        match stands {
            "file" => lab.write("opt/app", "mine"),
            "folder" => lab.write("opt/app/mine", "mine"),
            _ => symlink(lab.at("elsewhere"), lab.at("opt/app")).unwrap(),
        }
        for known in [true, false] {
            let wanted = steps(&unpacking(&lab, known));
            for said in [lab.dry_run(wanted.clone()).await, lab.run(wanted.clone()).await] {
                assert!(said[0].starts_with("d failed: ") && said[0].contains("not replaced"), "{said:?}");
            }
        }
        assert!(asked.lock().unwrap().is_empty(), "{stands}");
        assert_eq!(
            std::fs::read_dir(lab.at("opt")).unwrap().count(),
            1,
            "{stands}: nothing stands beside it"
        );
    }
    // A pipe, where a file is to be.
    let (lab, asked) = lab("content");
    std::fs::create_dir_all(lab.at("below/here")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, lab.at("below/here/a"), rustix::fs::Mode::RUSR).unwrap();
    assert!(lab.dry_run(steps(&action())).await[0].contains("is a FIFO"));
    assert!(lab.run(steps(&action())).await[0].contains("is a FIFO"));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_asked_for_again_is_fetched_though_it_is_right() {
    for wanted in [action(), with_digest("content")] {
        let (lab, asked) = lab("content");
        lab.run(steps(&wanted)).await;
        let mut options = lab.options();
        options.selection.rerun = vec![super::machine::id("d")];
        assert!(ends(&lab.applied(steps(&wanted), &options).await)[0].starts_with("d changed"));
        assert_eq!(asked.lock().unwrap().len(), 2);
        let looked = ApplyOptions { dry_run: true, ..options };
        assert!(ends(&lab.applied(steps(&wanted), &looked).await)[0].starts_with("d would Change"));
        assert_eq!(lab.run(steps(&wanted)).await, ["d ok"]);
    }
}

#[tokio::test]
async fn a_folder_is_unpacked_anew_where_it_is_asked_for_or_looked_at_anew() {
    for (known, is_kept) in [(true, false), (false, false), (true, true)] {
        for rerun in [true, false] {
            let (lab, asked) = lab(archive());
            let mut wanted = unpacking(&lab, known);
            wanted.dest = is_kept.then(|| lab.at("app.tar"));
            lab.run(steps(&wanted)).await;
            std::fs::remove_file(lab.at("opt/app/hello")).unwrap();
            assert_eq!(lab.run(steps(&wanted)).await, ["d ok"], "only the stamp is looked at");
            let mut options = ApplyOptions { recheck: !rerun, ..lab.options() };
            options.selection.rerun.extend(rerun.then(|| super::machine::id("d")));
            assert!(ends(&lab.applied(steps(&wanted), &options).await)[0].starts_with("d changed"));
            assert_eq!(lab.read("opt/app/hello").as_deref(), Some("hi\n"));
            let requests = asked.lock().unwrap().len();
            assert_eq!(requests, if is_kept && !rerun { 1 } else { 2 }, "what is there is not fetched again");
            assert_eq!(std::fs::read_dir(lab.at("opt")).unwrap().count(), 1);
        }
    }
}

#[tokio::test]
async fn of_an_archive_that_is_refused_for_good_nothing_stays_beside_its_folder() {
    for (content, why) in [("no archive at all", "no archive"), (empty(), "the archive holds nothing")] {
        for known in [true, false] {
            let (lab, _) = lab(content);
            let mut wanted = unpacking(&lab, known);
            wanted.checksum = known.then(|| format!("sha256:{}", sha256(content.as_bytes())));
            wanted.unpack = Some(Unpack::new(lab.at("opt/app"), 0));
            let said = lab.run(steps(&wanted)).await;
            assert!(said[0].starts_with("d failed: ") && said[0].contains(why), "{said:?}");
            assert_eq!(std::fs::read_dir(lab.at("opt")).unwrap().count(), 0);
            // One that the plan has a place for is the plan's.
            wanted.dest = Some(lab.at("app.tar"));
            lab.run(steps(&wanted)).await;
            assert_eq!(lab.read("app.tar").as_deref(), Some(content));
        }
    }
}

/// An archive without an entry.
fn empty() -> &'static str {
    Box::leak("\0".repeat(1024).into_boxed_str())
}

#[tokio::test]
async fn an_archive_that_a_run_left_and_nobody_knows_makes_room_for_the_next() {
    let (mut lab, _) = lab(archive());
    lab.write("opt/.app.archive", "of another day");
    let there = lab.at("opt/.app.archive");
    let http = ScriptedHttp::new(Env::real(), move |_, _| {
        assert!(!there.exists(), "it takes room while another comes");
        Script::status(200).sends(archive().as_bytes())
    });
    let network = Lab::new(|builder| builder.http(Arc::new(http))).network;
    lab.network = network;
    assert!(lab.run(steps(&unpacking(&lab, false))).await[0].starts_with("d changed"));
    assert_eq!(std::fs::read_dir(lab.at("opt")).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_comes_early_into_a_folder_that_another_step_makes() {
    let clone = |dest: &str| {
        let action =
            GitAction { url: "https://example.com/r.git".into(), dest: dest.into(), ..GitAction::default() };
        Action::Git(action)
    };
    let tree = |to: &str| {
        let unpack = Some(Unpack::new(to, 0));
        Action::Download(DownloadAction { unpack, dest: None, ..action() })
    };
    let file =
        |dest: &str| Action::Download(DownloadAction { dest: Some(dest.into()), ..with_digest("content") });
    for (fetched, other, comes) in [
        (file("x/f"), clone("x"), false),
        (file("x/f"), tree("x"), false),
        (tree("x/in"), clone("x"), false),
        (file("x/f"), clone("x/in"), true),
        (file("xy"), clone("x"), true),
    ] {
        let (lab, asked) = lab("content");
        std::fs::create_dir(lab.at("x")).unwrap();
        let plan = Plan::new("test", lab.at(""), vec![step("d", fetched.clone()), step("o", other.clone())]);
        let cx = StepContext::first(Ground::of(&lab.network, plan, Path::new("/")).0);
        let early = super::super::fetch(&cx).await.unwrap();
        let is_asked = !asked.lock().unwrap().is_empty();
        assert_eq!((early.is_some(), is_asked), (comes, comes), "{fetched:?} {other:?}");
        if !comes {
            assert_eq!(std::fs::read_dir(lab.at("x")).unwrap().count(), 0);
        }
    }
}

#[tokio::test]
async fn a_tree_that_is_unpacked_anew_and_is_the_same_again_has_not_changed() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    let recheck = |lab: &Lab| ApplyOptions { recheck: true, ..lab.options() };
    for kept in [true, false] {
        let (lab, _) = lab(archive());
        let action = DownloadAction { dest: kept.then(|| lab.at("app.tar")), ..unpacking(&lab, true) };
        let hello = lab.at("opt/app/hello");
        assert!(lab.run(steps(&action)).await[0].starts_with("d changed"));
        let again = ends(&lab.applied(steps(&action), &recheck(&lab)).await);
        assert!(again[0].starts_with("d unchanged"), "{kept}: {again:?}");
        assert_eq!(lab.run(steps(&action)).await, ["d ok"]);
        // Whatever was another: content of the same length, rights, a name more, a name less, a link in its place.
        let spoil: [&dyn Fn(); 5] = [
            &|| fs::write(&hello, "HI\n").unwrap(),
            &|| fs::set_permissions(&hello, fs::Permissions::from_mode(0o700)).unwrap(),
            &|| fs::write(lab.at("opt/app/more"), "").unwrap(),
            &|| fs::remove_file(&hello).unwrap(),
            &|| {
                fs::copy(&hello, lab.at("hello")).unwrap();
                fs::remove_file(&hello).unwrap();
                std::os::unix::fs::symlink(lab.at("hello"), &hello).unwrap();
            },
        ];
        for (at, spoil) in spoil.iter().enumerate() {
            spoil();
            let again = ends(&lab.applied(steps(&action), &recheck(&lab)).await);
            assert!(again[0].starts_with("d changed"), "{kept}, {at}: {again:?}");
            assert!(fs::symlink_metadata(&hello).unwrap().is_file());
            assert_eq!(lab.read("opt/app/hello").as_deref(), Some("hi\n"));
        }
        // So is what was had once more because somebody asked for it.
        let mut options = lab.options();
        options.selection.rerun = vec![super::machine::id("d")];
        assert!(ends(&lab.applied(steps(&action), &options).await)[0].starts_with("d changed"));
        // The archive itself that was another one.
        if kept {
            lab.write("app.tar", "spoilt");
            let again = ends(&lab.applied(steps(&action), &recheck(&lab)).await);
            assert!(again[0].starts_with("d changed"), "{again:?}");
        }
    }
}
