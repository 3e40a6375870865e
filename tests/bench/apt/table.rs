//! The table, and what the links in it were found to be like.

use crate::check::Measured;
use crate::condition::{Condition, Target};
use crate::round::{Pair, Run};

pub(crate) fn head() {
    println!(
        "\n| condition | apt-get, s | ours, s | apt-get / ours | download alone, s | connections | target | met? |\n\
         |---|---|---|---|---|---|---|---|"
    );
}

pub(crate) fn row(condition: &Condition, pairs: &[Pair]) {
    if pairs.is_empty() {
        println!("| {} | skipped | | | | | | |", condition.what);
        return;
    }
    let apt_get = |value: fn(&Run) -> f64| median(pairs.iter().map(|pair| value(&pair.apt_get)));
    let ours = |value: fn(&Run) -> f64| median(pairs.iter().map(|pair| value(&pair.ours)));
    let ratios = || pairs.iter().map(|pair| pair.apt_get.wall / pair.ours.wall);
    let (ratio, low) = (median(ratios()), ratios().fold(f64::INFINITY, f64::min));
    let high = ratios().fold(0.0, f64::max);
    let more = median(pairs.iter().map(|pair| pair.ours.wall - pair.apt_get.wall));
    let (target, met) = match condition.target {
        Target::Faster(times) => (format!(">= {times:.1}x"), Some(ratio >= times)),
        Target::More(seconds) => (format!("<= {seconds} s more ({more:+.2} s)"), Some(more <= seconds)),
        Target::Nothing => (String::new(), None),
    };
    let met = met.map_or("", |met| if met { "yes" } else { "**no**" });
    let connections = |run: &Run| run.seen.connections;
    println!(
        "| {} | {:.2} | {:.2} | {ratio:.2}x ({low:.2}-{high:.2}, {} pairs) | {:.2}, {:.2}: {:.2}x | {}, {} | {target} | {met} |",
        condition.what,
        apt_get(|run| run.wall),
        ours(|run| run.wall),
        pairs.len(),
        apt_get(|run| run.seen.seconds()),
        ours(|run| run.seen.seconds()),
        median(pairs.iter().map(|pair| pair.apt_get.seen.seconds() / pair.ours.seen.seconds())),
        connections(&pairs[0].apt_get),
        connections(&pairs[0].ours),
    );
}

/// What a link was found to be like.
pub(crate) fn link(condition: &Condition, measured: &Measured) -> String {
    format!(
        "{}: one connection {:.1} MiB/s, a request's round trip {:.1} ms",
        condition.what, measured.rate, measured.round_trip
    )
}

pub(crate) fn links(links: &[String]) {
    println!("\nThe links, measured by one connection:");
    for link in links {
        println!("- {link}");
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
