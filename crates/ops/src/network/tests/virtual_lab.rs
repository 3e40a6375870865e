//! A wrapper with settings of its own, in virtual time, and what its calls came to.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use vps_retry::Class;

use crate::env::Env;
use crate::pipeline::{End, OperationError};
use crate::settings::{Options, Settings};
pub(super) use crate::testing::Failed;
use crate::testing::sim::Simulation;
use crate::{Kind, NetworkOperationWrapper, State};

/// What one call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Well,
    ToNothing,
    Refused,
}

/// The whole of an operation that failed.
pub(super) struct Tried {
    /// When each attempt began, in seconds from the operation's beginning.
    pub(super) at: Vec<f64>,
    pub(super) end: End,
}

impl Tried {
    /// The pauses between attempts that take no time, in seconds.
    pub(super) fn pauses(&self) -> Vec<f64> {
        self.at.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

pub(super) struct Lab {
    pub(super) env: Env,
    pub(super) network: NetworkOperationWrapper,
}

impl Lab {
    /// One call to `service` that takes so many seconds; nothing is repeated where the settings say so.
    pub(super) async fn call(&self, service: &str, ok: bool, seconds: f64) -> Came {
        let options = Options::new().total(Duration::from_secs(3_600));
        let outcome = self.network.execute_with_retry(service, "call", &options, |_| async move {
            self.env.sleep(Duration::from_secs_f64(seconds)).await;
            if ok { Ok(()) } else { Err(Failed(Class::Transient)) }
        });
        match outcome.await {
            Ok(()) => Came::Well,
            Err(error) if error.kind() == Kind::CircuitOpen => Came::Refused,
            Err(_) => Came::ToNothing,
        }
    }

    /// So many calls that come to nothing.
    pub(super) async fn fail(&self, service: &str, times: u32) {
        for _ in 0..times {
            assert_eq!(self.call(service, false, 0.0).await, Came::ToNothing);
        }
    }

    /// An operation whose every attempt fails with this class.
    pub(super) async fn try_in_vain(&self, service: &str, class: Class) -> Tried {
        let (began, at) = (self.env.now(), Arc::new(Mutex::new(Vec::new())));
        let options = Options::new().total(Duration::from_secs(36_000));
        let outcome = self.network.execute_with_retry(service, "try", &options, |_| {
            let seconds = self.env.now().since(began).as_secs_f64();
            at.lock().unwrap().push((seconds * 1000.0).round() / 1000.0);
            async move { Err::<Infallible, _>(Failed(class)) }
        });
        let error: OperationError<Failed> = outcome.await.unwrap_err();
        let at = at.lock().unwrap().clone();
        Tried { at, end: error.end }
    }

    pub(super) async fn state(&self, service: &str) -> State {
        self.network.get_circuit_breaker_status().await[service].state
    }

    pub(super) async fn wait(&self, seconds: f64) {
        self.env.sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// How long the circuit refuses from now on.
    pub(super) async fn refuses_for(&self, service: &str) -> f64 {
        let status = self.network.get_circuit_breaker_status().await;
        status[service].retry_after.map_or(0.0, |after| after.as_secs_f64())
    }
}

/// Settings of these groups of `performance`.
pub(super) fn performance(groups: &Value) -> Value {
    json!({ "performance": groups })
}

/// Runs in virtual time with these settings; `with` may put fakes in.
pub(super) fn virtually_with<F: Future<Output = ()>>(
    settings: Value,
    with: impl FnOnce(crate::network::Builder) -> crate::network::Builder,
    test: impl FnOnce(Lab) -> F,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let env = Simulation::without_chance(7).host().process().env();
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let builder = NetworkOperationWrapper::builder(settings.check().unwrap()).env(env.clone());
        test(Lab { env, network: with(builder).build() }).await;
    });
}

/// The same with nothing put in.
pub(super) fn virtually<F: Future<Output = ()>>(settings: Value, test: impl FnOnce(Lab) -> F) {
    virtually_with(settings, |builder| builder, test);
}
