//! What a character may be written as in Markdown: itself, or a character reference such as `&lt;`, `&#60;`, `&#x3c;`.

/// Longest reference that is read, in bytes: `&#x` or `&#`, eight digits, `;`. `CommonMark` allows seven.
const REFERENCE_BYTES_MAX: usize = 12;

/// The named references to the characters that Slack's markup is made of.
const NAMED: [(&str, char); 8] =
    [("lt", '<'), ("LT", '<'), ("gt", '>'), ("excl", '!'), ("commat", '@'), ("num", '#'), ("Hat", '^'), ("amp", '&')];

/// The first character of a text, as a reader would see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// The character and the bytes it takes as written.
    Is(char, usize),
    /// Could still become a character reference.
    Unfinished,
    /// There is no more text.
    End,
}

impl Unit {
    pub(super) fn first(text: &str) -> Self {
        match text.chars().next() {
            None => Self::End,
            Some('&') => reference(&text[1..]).unwrap_or(Self::Is('&', 1)),
            Some(c) => Self::Is(c, c.len_utf8()),
        }
    }
}

/// Reads what stands behind a `&`.
fn reference(text: &str) -> Option<Unit> {
    let name_char = |c: char| c.is_ascii_alphanumeric() || c == '#';
    let end = text.find(|c| !name_char(c)).unwrap_or(text.len());
    let name = &text[..end];
    if end + 2 > REFERENCE_BYTES_MAX || name.len() > 1 && name[1..].contains('#') {
        return None;
    }
    if end == text.len() {
        return could_be_one(name).then_some(Unit::Unfinished);
    }
    let decoded = if text[end..].starts_with(';') { decode(name)? } else { return None };
    Some(Unit::Is(decoded, 1 + end + 1))
}

fn could_be_one(name: &str) -> bool {
    match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']);
            hex.map_or_else(
                || number.bytes().all(|b| b.is_ascii_digit()),
                |hex| hex.bytes().all(|b| b.is_ascii_hexdigit()),
            )
        }
        None => NAMED.iter().any(|(known, _)| known.starts_with(name)),
    }
}

fn decode(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    };
    let value = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(value.ok()?)
}
