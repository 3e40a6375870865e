//! What health probes do to a circuit beside settling their permits.

use std::sync::Arc;

use super::Circuit;

impl Circuit {
    /// Opens it before anybody's call fails, for the ordinary time: see
    /// [`Machine::pre_open`](vps_breaker::Machine::pre_open). Whether it did.
    pub(crate) async fn pre_open(self: &Arc<Self>) -> bool {
        self.look().await;
        let circuit = Arc::clone(self);
        let stored = self
            .shared
            .store
            .ask(&self.shared.env, move |store| {
                let moved = circuit.update(store, vps_breaker::Machine::pre_open)?;
                if moved.is_some() {
                    circuit.shared.write_status(store);
                }
                Ok::<_, crate::store::StoreError>(moved)
            })
            .await;
        match stored {
            Ok(Ok(moved)) => moved.is_some(),
            Ok(Err(_)) | Err(_) => self.breaker.with_machine(vps_breaker::Machine::pre_open).is_some(),
        }
    }
}
