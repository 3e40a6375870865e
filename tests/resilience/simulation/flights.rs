//! Which calls are under way, as the trace shows it.

use std::collections::{BTreeMap, BTreeSet};

use vps_ops::testing::sim::Line;

use crate::laws::Operation;

/// An attempt.
#[derive(Default)]
struct Flight {
    services: BTreeSet<u64>,
    by_itself: bool,
    /// All its calls are answered, and nothing is told of its end yet.
    answered: bool,
    /// Members whose circuits are told how they did, also if the attempt is dropped.
    reported: BTreeSet<u64>,
}

/// The end of a call.
pub(crate) struct Landed {
    pub(crate) operation: Operation,
    pub(crate) service: u64,
    /// It was dropped.
    pub(crate) dropped: bool,
    /// Its circuit is told how it did even so.
    pub(crate) reported: bool,
}

#[derive(Default)]
pub(crate) struct Flights {
    flying: BTreeMap<Operation, Flight>,
}

impl Flights {
    /// Calls to a service that a process has under way. Members whose calls are all answered give their
    /// places back one by one, before anybody tells of it.
    pub(crate) fn of(&self, process: u32, service: u64) -> u64 {
        let of_process = self.flying.range((process, 0)..=(process, u64::MAX));
        let under_way = |flight: &Flight| !flight.answered || flight.services.len() == 1;
        of_process.filter(|(_, of)| of.services.contains(&service) && under_way(of)).count() as u64
    }

    /// Takes a line in: the service whose call begins, and the calls that end.
    pub(crate) fn see(&mut self, line: &Line) -> (Option<u64>, Vec<Landed>) {
        let operation = (line.process, line.operation);
        let service = line.number("service");
        match line.kind {
            "attempt_started" => {
                let services = service.into_iter().collect();
                self.flying.insert(operation, Flight { services, ..Flight::default() });
                return (service, Vec::new());
            }
            "joined" => {
                self.flying.entry(operation).or_default().services.extend(service);
                return (service, Vec::new());
            }
            "by_itself" | "call" | "answered" | "reported" => {
                let flight = self.flying.entry(operation).or_default();
                match line.kind {
                    "by_itself" => flight.by_itself = true,
                    "reported" => flight.reported.extend(service),
                    kind => flight.answered = kind == "answered",
                }
            }
            // The attempt was dropped, and with it its permits; one that ends by itself is not.
            "cut" if self.flying.get(&operation).is_some_and(|flight| flight.by_itself) => {}
            "cut" => return (None, self.land(operation, true)),
            "attempt_failed" | "succeeded" | "failed" => return (None, self.land(operation, false)),
            // Its caller may have dropped it between the answer and what is told of it.
            "gave_up" => return (None, self.land_all(line.process, |flight| flight.answered)),
            "crashed" => return (None, self.land_all(line.process, |_| true)),
            _ => {}
        }
        (None, Vec::new())
    }

    fn land_all(&mut self, process: u32, which: impl Fn(&Flight) -> bool) -> Vec<Landed> {
        let of_process = self.flying.range((process, 0)..=(process, u64::MAX));
        let operations: Vec<_> =
            of_process.filter(|(_, flight)| which(flight)).map(|(key, _)| *key).collect();
        operations.into_iter().flat_map(|operation| self.land(operation, true)).collect()
    }

    fn land(&mut self, operation: Operation, dropped: bool) -> Vec<Landed> {
        let Flight { services, reported, .. } = self.flying.remove(&operation).unwrap_or_default();
        let landed = |service| Landed { operation, service, dropped, reported: reported.contains(&service) };
        services.into_iter().map(landed).collect()
    }
}
