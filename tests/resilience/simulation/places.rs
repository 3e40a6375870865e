//! The laws of bulkheads.

use vps_ops::testing::sim::Line;

use crate::flights::Flights;
use crate::plan::Plan;

/// Never more calls to a service under way in a process than there are places.
pub(crate) fn in_flight(plan: &Plan, trace: &[Line]) -> Result<(), String> {
    let mut flights = Flights::default();
    for line in trace {
        if let (Some(service), _) = flights.see(line) {
            let inside = flights.of(line.process, service);
            if inside > plan.places {
                return Err(format!("{inside} calls with {} places: {line}", plan.places));
            }
        }
    }
    Ok(())
}

/// Who ends in good order leaves no place taken and nobody waiting.
pub(crate) fn nothing_leaks(trace: &[Line]) -> Result<(), String> {
    let left = trace.iter().filter(|line| line.kind == "left");
    let mut leaked =
        left.filter(|line| (line.number("inside"), line.number("waiting")) != (Some(0), Some(0)));
    leaked.next().map_or(Ok(()), |line| Err(format!("places leaked: {line}")))
}
