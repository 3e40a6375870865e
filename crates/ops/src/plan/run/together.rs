//! Neighbouring steps of packages, as one: resolving and installing costs a second each time.

use std::time::Duration;

use vps_retry::{Class, Kind};

use super::super::kinds::packages;
use super::super::step::Step;
use super::event::StepEvent;
use super::memo::Stage;
use super::one_step::Next;
use super::outcome::{Outcome, StepError};
use super::runner::Run;
use super::step_context::StepContext;

type Ended = (usize, Outcome, Duration);

impl Run<'_> {
    /// Does the steps of a group: all that lack something in one install. Where that fails for good, each on its own, so
    /// that one bad name fails one step.
    pub(super) async fn together(&self, group: Vec<usize>) -> Vec<Ended> {
        let began = self.env.now();
        let mut ended = Vec::with_capacity(group.len());
        let mut due = Vec::new();
        for at in group {
            let Some((cx, step)) = self.context(at).zip(self.steps().get(at)) else {
                ended.push((at, Outcome::Skipped, Duration::ZERO));
                continue;
            };
            match self.looked_at(&cx, step).await {
                Some(outcome) => ended.push((at, outcome, self.env.now().since(began))),
                None => due.push((cx, step)),
            }
        }
        for part in due.chunk_by(|(one, _), (other, _)| packages::can_be_one(one, other)) {
            match part {
                [(cx, step)] => {
                    let began = self.env.now();
                    let outcome = self.done(cx, step, None).await;
                    ended.push((cx.at, outcome, self.env.now().since(began)));
                }
                part => ended.extend(self.as_one(part).await),
            }
        }
        ended
    }

    async fn as_one(&self, part: &[(StepContext, &Step)]) -> Vec<Ended> {
        let began = self.env.now();
        let took = || self.env.now().since(began);
        if let Err(error) = self.intend(part.iter().map(|(cx, step)| (cx, *step))).await {
            let error = StepError::new(&error, Kind::Local, Class::Local);
            let failed =
                |(cx, step): &(StepContext, &Step)| (cx.at, self.failed(step, error.clone()), took());
            return part.iter().map(failed).collect();
        }
        part.iter().for_each(|(cx, _)| self.tell(cx.at, StepEvent::Began));
        let mut ended = Vec::with_capacity(part.len());
        loop {
            let error = match packages::install(part.iter().map(|(cx, _)| cx)).await {
                Ok(Some(installed)) => {
                    for (cx, step) in part {
                        let outcome = self.verified(cx, step, packages::part_of(cx, &installed)).await;
                        ended.push((cx.at, outcome, took()));
                    }
                    return ended;
                }
                // They contradict one another.
                Ok(None) => break,
                Err(error) => error,
            };
            let next = match part.first() {
                Some((cx, step)) => self.next(cx.at, step, &error).await,
                None => return ended,
            };
            match next {
                Next::Again => {}
                Next::Failed if error.class == Class::Permanent => break,
                Next::Failed => {
                    let failed =
                        |(cx, step): &(StepContext, &Step)| (cx.at, self.failed(step, error.clone()), took());
                    return part.iter().map(failed).collect();
                }
                Next::Left(deferral) => {
                    part.iter().for_each(|(_, step)| self.left(step, Stage::Left));
                    let left =
                        |(cx, _): &(StepContext, &Step)| (cx.at, Outcome::Deferred(deferral.clone()), took());
                    return part.iter().map(left).collect();
                }
            }
        }
        for (cx, step) in part {
            let began = self.env.now();
            let outcome = self.worked(cx, step, None).await;
            ended.push((cx.at, outcome, self.env.now().since(began)));
        }
        ended
    }
}
