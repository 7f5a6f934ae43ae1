//! What the screen can do.

/// Columns of a terminal that does not tell.
const WIDTH: usize = 80;
/// Longer lines are hard to read.
const WIDTH_MAX: usize = 110;
/// Names and text need so many.
const WIDTH_MIN: usize = 40;

/// How things are shown. Plain unless it is a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// A terminal: what stands there can be taken back, words come one by one.
    pub(crate) live: bool,
    /// In colours.
    pub(crate) colour: bool,
    /// Where lines are wrapped; where not, lines stay as long as they are.
    pub(crate) width: Option<usize>,
}

impl Look {
    /// What suits where the output goes: `columns` are the terminal's, if it tells. `NO_COLOR` with any text switches colours off (no-color.org); a `dumb` terminal can
    /// take nothing back.
    pub(crate) fn of(is_terminal: bool, columns: Option<usize>, env: impl Fn(&str) -> Option<String>) -> Self {
        let live = is_terminal && env("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let colour = live && env("NO_COLOR").is_none_or(|no| no.is_empty());
        let width = columns.unwrap_or(WIDTH).clamp(WIDTH_MIN, WIDTH_MAX);
        Self { live, colour, width: is_terminal.then_some(width) }
    }

    /// `text` in a style (`1` bold, `2` dim, `31`..`36` colours), if there are colours.
    pub(crate) fn paint(self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let look = |terminal, env: &[(&str, &str)]| {
            let env: Vec<(String, String)> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            let look = Look::of(terminal, None, |name| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()));
            (look.live, look.colour, look.width.is_some())
        };
        assert_eq!(look(true, &[("TERM", "xterm")]), (true, true, true));
        assert_eq!(look(true, &[("TERM", "xterm"), ("NO_COLOR", "")]), (true, true, true));
        assert_eq!(look(true, &[("TERM", "xterm"), ("NO_COLOR", "1")]), (true, false, true));
        assert_eq!(look(true, &[("TERM", "dumb")]), (false, false, true));
        assert_eq!(look(true, &[]), (false, false, true));
        assert_eq!(look(false, &[("TERM", "xterm")]), (false, false, false));
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal_within_reason() {
        let width = |columns| Look::of(true, columns, |_| None).width;
        let widths = [None, Some(60), Some(100), Some(300), Some(5)].map(width);
        assert_eq!(widths, [80, 60, 100, 110, 40].map(Some));
        assert_eq!(Look::of(false, Some(60), |_| None).width, None);
    }
}
