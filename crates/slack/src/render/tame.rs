//! Second step: what would ping somebody, or pose as Slack's own markup, gets a zero-width space behind its first character.
//!
//! The forms, whatever their case and also when some of their characters are written as `&lt;`, `&#64;` or `\!`:
//! `<!here`, `<!channel`, `<!everyone`, `<!group`, `<!subteam^`, `<!date^`, `<@U…`, `<#C…`, and the bare words `@here`,
//! `@channel`, `@everyone`, `@group`. Left alone: `<!DOCTYPE html>`, `<!-- -->`, `#include <x>`, `@hereafter`, `ana@here.com`.

use super::{scrub::is_unsafe, unit::Unit};

/// What breaks a token: takes no room, and is a character to whoever looks for the token.
pub(super) const BREAK: &str = "\u{200B}";

const SHOUTS: [&str; 6] = ["here", "channel", "everyone", "group", "subteam^", "date^"];
const HANDLES: [&str; 4] = ["here", "channel", "everyone", "group"];

/// A piece of text that must not be cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Atom<'a> {
    pub text: &'a str,
    /// It must not begin a part: it is only harmless behind what came before it.
    pub glued: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tame {
    /// Undecided text. Empty, or begins with `<`, `&` or `@`.
    held: String,
    /// Whether the last character let out was an ASCII letter or digit: an `@` behind it looks like an e-mail address.
    after_word: bool,
}

/// What to do with the beginning of the held text, in bytes of it.
#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Wait,
    /// Let out as it is, in one piece.
    Pass(usize),
    /// Let out with a break behind it.
    Break(usize),
    /// As `Pass`, and never cut off from what stands before it.
    Glue(usize),
}

impl Tame {
    pub(super) fn push(&mut self, c: char, mut emit: impl FnMut(Atom<'_>)) {
        if self.held.is_empty() && !matches!(c, '<' | '&' | '@') {
            self.after_word = c.is_ascii_alphanumeric();
            return emit(Atom { text: c.encode_utf8(&mut [0; 4]), glued: false });
        }
        self.held.push(c);
        self.settle(false, emit);
    }

    pub(super) fn finish(&mut self, emit: impl FnMut(Atom<'_>)) {
        self.settle(true, emit);
    }

    fn settle(&mut self, ended: bool, mut emit: impl FnMut(Atom<'_>)) {
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_str();
        while let Some(first) = rest.chars().next() {
            let verdict = look(rest, self.after_word, ended);
            let (len, glued) = match verdict {
                Verdict::Wait => break,
                Verdict::Pass(len) | Verdict::Break(len) => (len, false),
                Verdict::Glue(len) => (len, true),
            };
            let (text, after) = rest.split_at(len);
            if let Verdict::Break(_) = verdict {
                emit(Atom { text: &format!("{text}{BREAK}"), glued });
            } else {
                emit(Atom { text, glued });
            }
            // Not behind a glued piece: else a text could be one long chain of them, without a place to cut.
            self.after_word = first != '&' && !glued && text.ends_with(|c: char| c.is_ascii_alphanumeric());
            rest = after;
        }
        self.held.push_str(rest);
    }
}

fn look(text: &str, after_word: bool, ended: bool) -> Verdict {
    let wait_or = |len| if ended { Verdict::Pass(len) } else { Verdict::Wait };
    match Unit::first(text) {
        Unit::End | Unit::Unfinished => wait_or(1),
        // Decoded, it would be what `scrub` takes out; broken, it shows as it was written.
        Unit::Is(c, len) if len > c.len_utf8() && (c == '\r' || is_unsafe(c)) => Verdict::Break(1),
        Unit::Is('<', len) => match markup(&text[len..]) {
            Match::Yes(_) => Verdict::Break(len),
            Match::No => Verdict::Pass(len),
            Match::Perhaps => wait_or(len),
        },
        Unit::Is('@', len) => handle(text, len, after_word, ended),
        Unit::Is(_, len) => Verdict::Pass(len),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Match {
    No,
    /// More text is needed.
    Perhaps,
    /// Matched, so many bytes.
    Yes(usize),
}

/// Whether what stands behind a `<` makes it Slack's.
fn markup(text: &str) -> Match {
    let (sigil, len) = match next(text) {
        Some(Unit::Is(c, len)) => (c, len),
        Some(_) => return Match::Perhaps,
        None => return Match::No,
    };
    let rest = &text[len..];
    match sigil {
        '!' => any_word(rest, &SHOUTS),
        '@' => id(rest, &['U', 'W', 'B']),
        '#' => id(rest, &['C', 'G', 'D']),
        _ => Match::No,
    }
}

/// Slack's ids are a capital that says the kind, then capitals and digits; `List<@Unmodifiable T>` is somebody's Java.
fn id(text: &str, kinds: &[char]) -> Match {
    match next(text) {
        Some(Unit::Is(c, len)) if kinds.contains(&c) => match next(&text[len..]) {
            Some(Unit::Is(c, more)) if c.is_ascii_uppercase() || c.is_ascii_digit() => Match::Yes(len + more),
            Some(Unit::Is(..)) | None => Match::No,
            Some(_) => Match::Perhaps,
        },
        Some(Unit::Is(..)) | None => Match::No,
        Some(_) => Match::Perhaps,
    }
}

fn any_word(text: &str, words: &[&str]) -> Match {
    let mut best = Match::No;
    for found in words.iter().map(|word| spells(text, word)) {
        match found {
            Match::Yes(_) => return found,
            Match::Perhaps => best = found,
            Match::No => {}
        }
    }
    best
}

fn spells(text: &str, word: &str) -> Match {
    let mut at = 0;
    for letter in word.chars() {
        match next(&text[at..]) {
            Some(Unit::Is(c, len)) if c.eq_ignore_ascii_case(&letter) => at += len,
            Some(Unit::Is(..)) | None => return Match::No,
            Some(_) => return Match::Perhaps,
        }
    }
    Match::Yes(at)
}

/// The next character of a token, over one backslash: Markdown shows `\!` as `!`. `None` for a second backslash.
fn next(text: &str) -> Option<Unit> {
    match Unit::first(text) {
        Unit::Is('\\', 1) => match Unit::first(&text[1..]) {
            Unit::Is('\\', _) => None,
            Unit::Is(c, len) => Some(Unit::Is(c, len + 1)),
            other => Some(other),
        },
        other => Some(other),
    }
}

/// Whether an `@` that takes `sigil` bytes begins a word that pings a whole channel.
fn handle(text: &str, sigil: usize, after_word: bool, ended: bool) -> Verdict {
    let name = match any_word(&text[sigil..], &HANDLES) {
        Match::No => return Verdict::Pass(sigil),
        Match::Perhaps if ended => return Verdict::Pass(sigil),
        Match::Perhaps => return Verdict::Wait,
        Match::Yes(name) => name,
    };
    let plain = text[..sigil + name].bytes().all(|b| b == b'@' || b.is_ascii_alphabetic());
    let mut tail = text[sigil + name..].chars();
    match tail.next() {
        _ if !plain => Verdict::Break(sigil),
        None if !ended => Verdict::Wait,
        Some(c) if c.is_ascii_alphanumeric() => Verdict::Pass(sigil + name + 1),
        // `ana@here.com`: a break would spoil the address.
        Some('.' | '-') if after_word => match tail.next() {
            None if !ended => Verdict::Wait,
            Some(c) if c.is_ascii_alphanumeric() => Verdict::Glue(sigil + name + 2),
            _ => Verdict::Break(sigil),
        },
        _ => Verdict::Break(sigil),
    }
}
