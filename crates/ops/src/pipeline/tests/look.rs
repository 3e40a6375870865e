//! A look before the first attempt: no longer than the whole may take, and a part of it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vps_retry::Stop;

use super::lab::{Failed, virtually};
use crate::pipeline::{Cause, End, OperationError};

#[test]
fn a_look_ends_with_the_whole_and_with_a_stop() {
    virtually(|lab| async move {
        let request = lab.request().total(Duration::from_secs(5));
        let endless = || std::future::pending::<Result<(), Failed>>();
        let error = lab.pipeline.look(&request, endless()).await.unwrap_err();
        assert!(matches!(error.cause, Cause::TimedOut { total: true, .. }), "{error:?}");
        assert!(matches!(error.end, End::Stop(Stop::Deadline { .. })));
        assert_eq!((error.took, error.attempts()), (Duration::from_secs(5), 0));

        let stop = CancellationToken::new();
        stop.cancel();
        let mut stopped = request.clone();
        stopped.cancel = Some(stop);
        let error: OperationError<_> = lab.pipeline.look(&stopped, endless()).await.unwrap_err();
        assert!(matches!(error.cause, Cause::Cancelled), "{error:?}");
    });
}

#[test]
fn what_a_look_took_is_not_left_for_the_attempts() {
    virtually(|lab| async move {
        let mut request = lab.request().total(Duration::from_secs(5));
        request.began = Some(lab.env.now());
        let env = lab.env.clone();
        let looked = lab.pipeline.look(&request, async move {
            env.sleep(Duration::from_secs(3)).await;
            Ok::<_, Failed>("seen")
        });
        assert_eq!(looked.await.unwrap(), "seen");
        let run = lab.pipeline.run(&request, |_| std::future::pending::<Result<(), Failed>>());
        assert_eq!(run.await.unwrap_err().took, Duration::from_secs(5));
    });
}

#[test]
fn an_attempt_that_no_other_can_follow_in_time_may_have_all_of_it() {
    virtually(|lab| async move {
        for (seconds, half) in [(2, false), (10, true)] {
            let request = lab.request().total(Duration::from_secs(seconds));
            let env = lab.env.clone();
            let told = std::sync::Mutex::new(Vec::new());
            let _ = lab
                .pipeline
                .run(&request, |attempt| {
                    let limit = attempt.leaving_time(env.now(), Duration::from_secs(60));
                    told.lock().unwrap().push(limit);
                    async { Err::<(), _>(Failed(vps_retry::Class::Permanent)) }
                })
                .await;
            let limit = told.lock().unwrap()[0];
            assert_eq!(limit < Duration::from_secs(seconds), half, "{seconds}: {limit:?}");
        }
    });
}
