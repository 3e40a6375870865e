//! A plan's text.

use vps_ops::plan::{Facts, Origin, Plan, Problem};

pub(crate) fn plan(bytes: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    let origin = Origin { path: None, folder: "/srv".into() };
    match Plan::parse(&text, &origin, &Facts::default(), &["known"]) {
        Ok((plan, hints)) => {
            let kinds = plan.steps.iter().map(|step| step.action.kind().as_str());
            let shape =
                kinds.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ");
            let shown = hints.iter().map(|hint| format!("{}: {}", hint.key, hint.kind));
            (format!("{} of {shape}", plan.steps.len().min(3)), shown.collect())
        }
        Err(invalid) => {
            let places: Vec<_> = invalid.problems.iter().map(|problem| problem.place).collect();
            assert!(!places.is_empty() && places.is_sorted(), "{places:?}");
            let lines = text.split('\n').count();
            assert!(
                places.iter().all(|place| place.line >= 1 && place.line as usize <= lines + 1),
                "{places:?}"
            );
            // Which kind of problem comes first, and not of which word.
            let kind: String =
                format!("{:?}", invalid.problems[0].kind).chars().take_while(|c| c.is_alphabetic()).collect();
            let count = invalid.problems.len().min(3);
            // As many as a person sees.
            let shown = invalid.problems.iter().take(50).map(Problem::to_string);
            (format!("{count} {kind}"), shown.collect())
        }
    }
}
