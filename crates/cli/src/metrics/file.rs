//! `--metrics-file FILE`: for the textfile collector of `node_exporter`.

use std::path::Path;

use vps_ops::foreign::shown;
use vps_ops::store::StoreError;

use super::{Figures, Format};
use crate::app::App;
use crate::report::file;

/// How often a store that is busy is asked, each time as long as anybody waits for it: somebody wants the file.
const TRIES: u32 = 10;

/// Writes the figures of a command that has ended. One that never came to its services, because its options or its
/// configuration were wrong, leaves the file as it was. What goes wrong here is said and changes nothing else.
pub(crate) async fn write_file(app: &App, path: &Path) {
    let Some(network) = app.network_in_use() else { return };
    let mut gathered = Figures::gather(network).await;
    for _ in 1..TRIES {
        let is_busy = matches!(gathered, Err(StoreError::Unavailable | StoreError::Busy));
        // What this command counted is in the file of the next one only if the store took it.
        if !is_busy && network.totals().is_written() {
            break;
        }
        network.totals().flush();
        gathered = Figures::gather(network).await;
    }
    let written = match gathered {
        Ok(mut figures) => {
            if let Some(health) = app.health() {
                figures.health = health.clone();
            }
            figures.last_run_at = Some(app.env.wall());
            // Of a process that has ended nobody is under way.
            figures.bulkheads.clear();
            let text = figures.render(Format::Classic).map_err(|error| error.to_string());
            text.and_then(|text| {
                file::publish(&app.env, path, text.as_bytes()).map_err(|error| error.to_string())
            })
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = written {
        // The command's own end is what counts; with `-q` too, nobody else knows of it.
        tracing::error!("the metrics file {} cannot be written: {error}", shown(path));
    }
}
