//! Rows of a Markdown table.

pub(crate) fn head(title: &str) {
    println!("\n### {title}\n\n| what | measured | target | met? |\n|---|---|---|---|");
}

pub(crate) fn row(what: &str, measured: &str, target: &str, met: bool) {
    let met = match met {
        _ if measured.contains("not installed") => "skipped",
        true => "yes",
        false => "**no**",
    };
    println!("| {what} | {measured} | {target} | {met} |");
}

pub(crate) fn note(what: &str, measured: &str) {
    println!("| {what} | {measured} | | |");
}
