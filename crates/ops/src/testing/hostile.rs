//! What somebody who means ill would have shown.

/// Texts that do more than to be read where they are shown as they came: they move cursors, write clipboards, set
/// titles, forge lines, turn the direction of writing around, hide.
#[must_use]
pub fn hostile_words() -> Vec<String> {
    let words = [
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b]0;title\x1b\\",
        "\x1b]8;;http://evil.invalid\x1b\\link\x1b]8;;\x1b\\",
        "\x1b[2J\x1b[H",
        "\x1b[31mred",
        "\x1bP+q544e\x1b\\",
        "one\nINFO: forged",
        "one\r\nerror: forged",
        "one\rtwo",
        "tab\tbed",
        "\x00nul",
        "back\x08\x08\x08",
        "\x7fdelete",
        "\u{9b}31m of C1",
        "\u{85}next line",
        "\u{2028}line\u{2029}paragraph",
        "\u{202e}txt.exe",
        "\u{2066}isolated\u{2069}",
        "\u{200e}\u{200f}\u{61c}marks",
        "zero\u{200b}width\u{200d}\u{feff}",
        "soft\u{ad}hyphen",
        "\u{e0041}\u{e007f}tags",
        "\u{3164}filler",
        "\u{fff9}a\u{fffb}",
    ];
    words.into_iter().map(str::to_owned).collect()
}
