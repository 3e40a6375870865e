//! Rows of a Markdown table.

pub(crate) fn head(title: &str) {
    println!("\n### {title}\n\n| what | measured | target | |\n|---|---|---|---|");
}

pub(crate) fn row(what: &str, measured: &str, target: &str, met: bool) {
    println!("| {what} | {measured} | {target} | {} |", if met { "met" } else { "**missed**" });
}

pub(crate) fn note(what: &str, measured: &str) {
    println!("| {what} | {measured} | | |");
}
