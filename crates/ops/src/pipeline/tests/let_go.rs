//! An operation whose future is dropped has its one end all the same.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Task, Waker};
use std::time::Duration;

use super::lab::{Failed, Lab, virtually};
use crate::context::Context;
use crate::operation::OperationKind;
use crate::pipeline::{OperationError, Request};
use crate::process::SystemRunner;
use crate::settings::Settings;
use crate::workflow::Workflow;

fn poll_once(future: impl Future) {
    assert!(pin!(future).poll(&mut Task::from_waker(Waker::noop())).is_pending());
}

fn ends(lab: &Lab) -> Vec<String> {
    lab.said(&["started", "succeeded", "failed"])
}

#[test]
fn in_an_attempt() {
    virtually(|lab| async move {
        let request = lab.request().service("a".into());
        poll_once(lab.pipeline.run(&request, |_| pending::<Result<(), Failed>>()));
        assert_eq!(ends(&lab), ["started -", "failed -"]);
    });
}

#[test]
fn in_a_workflow_and_its_step() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        let root = Request::new(OperationKind::Execute, "both");
        poll_once(Workflow::run(&context, root, |workflow| async move {
            let step = workflow.step(OperationKind::Execute, "one", Duration::from_secs(1));
            workflow.pipeline().run(&step, |_| pending::<Result<(), Failed>>()).await
        }));
        assert_eq!(ends(&lab), ["started -", "started -", "failed -", "failed -"]);
    });
}

#[test]
fn a_workflow_that_ends_by_itself_ends_once() {
    virtually(|lab| async move {
        let policies = Arc::new(Settings::default().check().unwrap());
        let context = Context::new(lab.pipeline.clone(), policies, Arc::new(SystemRunner::new()));
        for fails in [false, true] {
            let root = Request::new(OperationKind::Execute, "both");
            let outcome = Workflow::run(&context, root, |workflow| async move {
                let step = workflow.step(OperationKind::Execute, "one", Duration::from_secs(1));
                let one = async |_| if fails { Err(Failed(crate::Class::Permanent)) } else { Ok(1) };
                let one = workflow.pipeline().run(&step, one).await?;
                Ok::<_, OperationError<Failed>>(one)
            });
            let error = outcome.await.err();
            assert_eq!(error.is_some(), fails);
            // The error is told as the whole's, not as its step's.
            assert!(error.is_none_or(|error| error.operation.target.as_str() == "both"));
        }
        let once = |end: &str| {
            let end = format!("{end} -");
            ["started -".to_owned(), "started -".to_owned(), end.clone(), end]
        };
        assert_eq!(ends(&lab), [once("succeeded"), once("failed")].concat());
    });
}
