//! A configuration file's text.

use vps_ops::settings::Settings;

pub(crate) fn settings(bytes: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    // The command line sets tighter limits on size, depth and aliases; what the types make of a text is the same.
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_events: 10_000, max_nodes: 10_000, max_depth: 16 } };
    match serde_saphyr::from_str_with_options::<Settings>(&text, options) {
        Ok(settings) => match settings.check() {
            Ok(_) => ("valid".into(), Vec::new()),
            Err(invalid) => (format!("{} faults", invalid.0.len().min(3)), vec![]),
        },
        // With the lines around the place, as they stand in the file: the command line shows those to their owner.
        Err(error) => {
            // What kind of fault it is, and not of which word.
            let said = error.without_snippet().to_string();
            let what =
                said.split([':', '`']).map(str::trim).find(|part| part.len() > 3 && !part.contains("line"));
            let what = what.unwrap_or_default().chars().take(12).collect();
            (what, Vec::new())
        }
    }
}
