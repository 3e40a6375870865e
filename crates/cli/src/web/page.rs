//! The page, whole as it is sent: without a script it is all there is to see, and with one only newer.

use std::fmt::Write as _;

use vps_health::Status;
use vps_ops::watch::{Board, Row};

use crate::observe::words::{health, page as words};
use crate::report::fit;

/// How it looks.
pub(super) const STYLE: &str = include_str!("style.css");
/// What has it shown anew.
pub(super) const SCRIPT: &str = include_str!("app.js");
/// Services of one page: all of thousands would take a browser as long as they are worth.
const ROWS: usize = 200;
/// Without a script the page is asked for anew after so many seconds.
const REFRESH: u32 = 10;

/// The page that `?page=N` asks for; the first where that is no number.
pub(super) fn number(query: Option<&str>) -> usize {
    let pairs = query.unwrap_or_default().split('&');
    let number = pairs.filter_map(|pair| pair.strip_prefix("page=")).find_map(|number| number.parse().ok());
    number.unwrap_or(1).max(1)
}

/// Text of a document: what would be markup is not, and what would not be seen is.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in fit::line(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// All of it. `tag` names what is shown, for the script.
///
/// # Errors
/// Where something that is shown cannot be.
pub(super) fn render(board: &Board, page: usize, tag: &str) -> Result<String, std::fmt::Error> {
    let mut to = String::with_capacity(64 * 1024);
    document(&mut to, board, page, tag)?;
    Ok(to)
}

fn document(to: &mut String, board: &Board, page: usize, tag: &str) -> std::fmt::Result {
    let (headline, tag) = (board.headline(), escaped(tag));
    let sentence = escaped(&health::sentence(&headline));
    let title = words::title(headline.summary.bad(), &sentence);
    write!(
        to,
        "<!doctype html>\n<html lang=\"en\" data-tag=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n\
         <noscript><meta http-equiv=\"refresh\" content=\"{REFRESH}\"></noscript>\n\
         <script src=\"/app.js\" defer></script>\n</head>\n<body>\n<main>\n\
         <h1 id=\"sentence\" aria-live=\"polite\">{sentence}</h1>\n"
    )?;
    write!(
        to,
        "<p id=\"asof\">as of <time>{} UTC</time><span id=\"ago\"></span>. {}</p>\n\
         <p id=\"lost\" hidden>{}</p>\n<div id=\"services\">\n",
        health::clock(board.at),
        words::this_machine(board.connection),
        words::LOST
    )?;
    services(to, board, page)?;
    to.push_str("</div>\n<div id=\"running\">\n");
    running(to, board)?;
    to.push_str("</div>\n<div id=\"changes\">\n");
    changes(to, board)?;
    to.push_str("</div>\n</main>\n</body>\n</html>\n");
    Ok(())
}

fn services(to: &mut String, board: &Board, page: usize) -> std::fmt::Result {
    if board.rows.is_empty() {
        return writeln!(to, "<p>{}</p>", words::NO_SERVICES);
    }
    let pages = board.rows.len().div_ceil(ROWS);
    let page = page.min(pages);
    let first = page.saturating_sub(1).saturating_mul(ROWS);
    writeln!(to, "<table>\n<caption>{}</caption>\n<thead><tr>", words::TABLE)?;
    for name in words::COLUMNS {
        writeln!(to, "<th scope=\"col\">{name}</th>")?;
    }
    to.push_str("</tr></thead>\n<tbody>\n");
    for one in board.rows.iter().skip(first).take(ROWS) {
        row(to, one, board.at)?;
    }
    to.push_str("</tbody>\n</table>\n");
    if pages > 1 {
        let last = (first + ROWS).min(board.rows.len());
        pager(to, page, pages, &words::rows(first + 1, last, board.rows.len()))?;
    }
    Ok(())
}

fn row(to: &mut String, row: &Row, wall: f64) -> std::fmt::Result {
    let class = match row.status {
        _ if !row.is_probed => "none",
        Status::Healthy => "healthy",
        Status::Degraded => "degraded",
        Status::Unhealthy => "unhealthy",
        Status::Unknown => "unknown",
    };
    let (now, speed, up) = if row.is_probed {
        (health::now(row), words::speed(row), row.uptime_day.to_string())
    } else {
        Default::default()
    };
    writeln!(
        to,
        "<tr><th scope=\"row\">{}</th><td class=\"{class}\"><span aria-hidden=\"true\">{}</span> {}</td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(row.service.as_str()),
        words::shape(row),
        health::status_of(row),
        escaped(&now),
        escaped(&speed),
        escaped(&up),
        escaped(&health::circuit(&row.circuit))
    )?;
    match health::detail(row, wall) {
        Some(why) => writeln!(
            to,
            "<tr class=\"why\"><td colspan=\"{}\">{}</td></tr>",
            words::COLUMNS.len(),
            escaped(&why)
        ),
        None => Ok(()),
    }
}

fn pager(to: &mut String, page: usize, pages: usize, rows: &str) -> std::fmt::Result {
    writeln!(to, "<nav aria-label=\"{}\">", words::PAGES)?;
    if page > 1 {
        writeln!(to, "<a rel=\"prev\" href=\"/?page={}\">{}</a>", page - 1, words::BEFORE)?;
    }
    writeln!(to, "<span>{rows}</span>")?;
    if page < pages {
        writeln!(to, "<a rel=\"next\" href=\"/?page={}\">{}</a>", page + 1, words::AFTER)?;
    }
    to.push_str("</nav>\n");
    Ok(())
}

fn running(to: &mut String, board: &Board) -> std::fmt::Result {
    if board.running.is_empty() {
        return Ok(());
    }
    writeln!(to, "<h2>{} {}</h2>\n<ul>", words::RUNNING, board.running.len())?;
    for operation in &board.running {
        let (what, doing) = health::running(operation);
        writeln!(to, "<li>{}: {}</li>", escaped(&what), escaped(&doing))?;
    }
    to.push_str("</ul>\n");
    Ok(())
}

fn changes(to: &mut String, board: &Board) -> std::fmt::Result {
    if board.changes.is_empty() {
        return Ok(());
    }
    writeln!(to, "<h2>{}</h2>\n<ul>", words::CHANGES)?;
    for change in &board.changes {
        let (at, text) = (health::moment(change.at, board.at), escaped(&health::change(change)));
        writeln!(to, "<li><time>{at}</time> {text}</li>")?;
    }
    to.push_str("</ul>\n");
    Ok(())
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
