use super::*;

fn plan(behaviour: Behaviour, headers: &[(&str, &str)]) -> Plan {
    let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let request = Request { method: "GET".into(), target: "/f?q=1".into(), headers, body: Vec::new() };
    let route = Route::of(1000).last_modified("then").then(behaviour.clone());
    Plan::of(&route, &request, &behaviour, 3, "now")
}

fn header<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

const REST: &[(&str, &str)] = &[("range", "bytes=400-"), ("if-range", "\"v1\"")];
const STALE: &[(&str, &str)] = &[("range", "bytes=400-"), ("if-range", "\"v0\"")];

fn shape(plan: &Plan) -> (u16, u64, u64, Option<&str>) {
    (plan.status, plan.from, plan.len, header(plan, "Content-Range"))
}

#[test]
fn honest_answers() {
    let whole = plan(Behaviour::Ok, &[]);
    assert_eq!(shape(&whole), (200, 0, 1000, None));
    assert_eq!(whole.framing, Framing::Length(1000));
    assert_eq!(
        [header(&whole, "ETag"), header(&whole, "Last-Modified"), header(&whole, "Date")],
        [Some("\"v1\""), Some("then"), Some("now")]
    );
    let rest = plan(Behaviour::Ok, REST);
    assert_eq!(shape(&rest), (206, 400, 600, Some("bytes 400-999/1000")));
    assert_eq!(rest.framing, Framing::Length(600));
    assert_eq!(shape(&plan(Behaviour::Ok, STALE)), (200, 0, 1000, None));
    assert_eq!(shape(&plan(Behaviour::Ok, &[("range", "bytes=1000-")])), (416, 0, 0, Some("bytes */1000")));
}

#[test]
fn ranges_gone_wrong() {
    assert_eq!(shape(&plan(Behaviour::IgnoreRange, REST)), (200, 0, 1000, None));
    assert_eq!(shape(&plan(Behaviour::IgnoreIfRange, STALE)), (206, 400, 600, Some("bytes 400-999/1000")));
    let shifted = plan(Behaviour::WrongContentRange { shift: 7 }, REST);
    assert_eq!(shape(&shifted), (206, 400, 600, Some("bytes 407-999/1000")));
    let other = plan(Behaviour::RangeTotalChanged { total: 2000 }, REST);
    assert_eq!(shape(&other), (206, 400, 600, Some("bytes 400-999/2000")));
    assert_eq!(shape(&plan(Behaviour::UnaskedPart, &[])), (206, 0, 1000, Some("bytes 0-999/1001")));
    let beyond = Behaviour::Unsatisfiable { total: None };
    assert_eq!(shape(&plan(beyond, REST)), (416, 0, 0, None));
}

#[test]
fn another_version_is_honest_about_itself() {
    let changed = Behaviour::Changed { content: Content::seeded(9, 500), etag: Some("\"v2\"".into()) };
    let whole = plan(changed.clone(), REST);
    assert_eq!((shape(&whole), header(&whole, "ETag")), ((200, 0, 500, None), Some("\"v2\"")));
    let spliced = plan(changed.and(Behaviour::IgnoreIfRange), REST);
    assert_eq!(shape(&spliced), (206, 400, 100, Some("bytes 400-499/500")));
}

#[test]
fn several_at_once_in_order_of_place() {
    let both = Behaviour::Reset { after: 9 }.and(Behaviour::Stall { after: 3 }).and(Behaviour::Chunked);
    let plan = plan(both, &[]);
    let places: Vec<u64> = plan.marks.iter().map(|(after, _)| *after).collect();
    assert_eq!((places, plan.framing), (vec![3, 9], Framing::Chunked));
}

#[test]
fn what_is_no_file_keeps_nothing_of_it() {
    let throttled = plan(Behaviour::retry_after(429, 7), REST);
    assert_eq!(shape(&throttled), (429, 0, 0, None));
    assert_eq!((header(&throttled, "Retry-After"), header(&throttled, "ETag")), (Some("7"), None));
    let round = plan(Behaviour::RedirectLoop, &[]);
    assert_eq!((round.status, header(&round, "Location")), (302, Some("/f?round=3")));
    let auth = Behaviour::AuthRequired { accept: "Basic eDp5".into() };
    assert_eq!(plan(auth.clone(), &[]).status, 401);
    assert_eq!(plan(auth, &[("authorization", "Basic eDp5")]).status, 200);
}
