//! A text as Slack sends it, read piece by piece: words, and the markup between `<` and `>`.

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// Words, with `&`, `<` and `>` escaped; or markup that we do not know.
    Text(&'a str),
    /// Markup, and how it was written.
    Mark { raw: &'a str, mark: Mark<'a> },
}

/// What stands between `<` and `>`. Labels and addresses are escaped as words are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark<'a> {
    /// `<@U1>`, `<@U1|ana>`.
    Person { id: &'a str, label: Option<&'a str> },
    /// `<#C1>`, `<#C1|general>`, `<#C1|>`.
    Channel { id: &'a str, label: Option<&'a str> },
    /// `<!subteam^S1>`, `<!subteam^S1|@team>`.
    Group { id: &'a str, label: Option<&'a str> },
    /// `<!here>`, `<!channel>`, `<!everyone>`.
    Shout(&'a str),
    /// `<!date^1700000000^{date}|14 November>` and whatever else brings a text for those who do not know it.
    Special { label: &'a str },
    /// `<https://example.com|label>`, `<mailto:a@example.com|a@example.com>`.
    Link { url: &'a str, label: Option<&'a str> },
}

impl<'a> Piece<'a> {
    /// The id of the person that it mentions.
    pub(super) fn person(&self) -> Option<&'a str> {
        match self {
            Piece::Mark { mark: Mark::Person { id, .. }, .. } => Some(id),
            _ => None,
        }
    }

    /// As it was written.
    pub(super) fn raw(&self) -> &'a str {
        match self {
            Piece::Text(raw) | Piece::Mark { raw, .. } => raw,
        }
    }
}

/// The pieces of a text, in order; together they are the text again.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = first(rest);
        rest = after;
        Some(piece)
    })
}

fn first(text: &str) -> (Piece<'_>, &str) {
    if let Some(inner) = text.strip_prefix('<')
        && let Some(end) = inner.find(['>', '<'])
        && inner[end..].starts_with('>')
        && let Some(mark) = read(&inner[..end])
    {
        let (raw, after) = text.split_at(end + 2);
        return (Piece::Mark { raw, mark }, after);
    }
    // An odd `<` is a word like any other.
    let begin = usize::from(text.starts_with('<'));
    let end = text[begin..].find('<').map_or(text.len(), |at| begin + at);
    let (words, after) = text.split_at(end);
    (Piece::Text(words), after)
}

fn read(inner: &str) -> Option<Mark<'_>> {
    let (what, label) = match inner.split_once('|') {
        Some((what, label)) => (what, Some(label).filter(|label| !label.is_empty())),
        None => (inner, None),
    };
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if let Some(id) = what.strip_prefix('@') {
        return is_id(id).then_some(Mark::Person { id, label });
    }
    if let Some(id) = what.strip_prefix('#') {
        return is_id(id).then_some(Mark::Channel { id, label });
    }
    if let Some(special) = what.strip_prefix('!') {
        return match special.strip_prefix("subteam^") {
            Some(id) => is_id(id).then_some(Mark::Group { id, label }),
            None if ["here", "channel", "everyone"].contains(&special) => Some(Mark::Shout(special)),
            None => label.map(|label| Mark::Special { label }),
        };
    }
    let (scheme, _) = what.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then_some(Mark::Link { url: what, label })
}
