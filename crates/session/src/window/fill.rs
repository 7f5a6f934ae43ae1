//! Fills a window up to its limits.

use std::ops::Range;

use super::{MESSAGE_TOKENS, REPLY_TOKENS, WindowLimits, cut, piece::Piece};
use crate::{Role, TokenCounter};

/// Least number of tokens that an older message must be left with to be worth its place without its middle.
const OLDER_TOKENS_MIN: usize = 256;
/// Up to this share of what is left (1/16) a text's bytes stand for its tokens even in a window that must count: being a
/// little too careful costs less than counting.
const UNCOUNTED_SHARE: usize = 16;

/// A piece that the window takes.
#[derive(Debug)]
pub(super) struct Choice {
    /// Which one.
    pub(super) at: usize,
    /// Its text without the middle, if it lost that.
    pub(super) shortened: Option<String>,
    cost: Cost,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    tokens: usize,
    bytes: usize,
}

impl Cost {
    /// With the bytes standing for the tokens.
    fn by_bytes(piece: &Piece<'_>) -> Self {
        Self { tokens: piece.tokens_at_most(), bytes: piece.bytes() }
    }

    fn of_all(pieces: &[Piece<'_>]) -> Self {
        pieces.iter().map(Self::by_bytes).fold(Self::default(), Self::plus)
    }

    const fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), bytes: self.bytes.saturating_add(other.bytes) }
    }

    const fn minus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    const fn within(self, room: Self) -> bool {
        self.tokens <= room.tokens && self.bytes <= room.bytes
    }
}

/// What is left of the limits while a window is filled.
pub(super) struct Budget<'c> {
    counter: &'c dyn TokenCounter,
    max_tokens: usize,
    room: Cost,
    messages: usize,
    pub(super) counted: Vec<(u64, u32)>,
}

impl<'c> Budget<'c> {
    pub(super) fn new(limits: &WindowLimits, counter: &'c dyn TokenCounter) -> Self {
        let max_tokens = limits.max_tokens.saturating_sub(REPLY_TOKENS);
        let room = Cost { tokens: max_tokens, bytes: limits.max_bytes };
        Self { counter, max_tokens, room, messages: limits.max_messages, counted: Vec::new() }
    }

    /// What the window's messages and the reply's beginning have together; nothing for a window of nothing.
    pub(super) const fn tokens_taken(&self) -> usize {
        match self.max_tokens - self.room.tokens {
            0 => 0,
            taken => taken + REPLY_TOKENS,
        }
    }

    /// The system prompt as it is to be sent, and whether it lost its middle: it may take half of the tokens.
    pub(super) fn take_system(&mut self, system: &str) -> Option<(String, bool)> {
        let most = (self.room.tokens / 2).checked_sub(MESSAGE_TOKENS).filter(|_| !system.is_empty())?;
        let few = system.len() <= self.room.tokens / UNCOUNTED_SHARE;
        let tokens = if few { system.len() } else { self.count(system) };
        let (content, tokens, shortened) = if tokens <= most {
            (system.to_owned(), tokens, false)
        } else {
            let left = cut::shorten(system, most, usize::MAX, self.counter)?;
            (left.text, left.tokens, true)
        };
        self.room.tokens -= MESSAGE_TOKENS + tokens;
        Some((content, shortened))
    }

    /// Which of `pieces` the window takes, in their order. `gap` says that messages are missing behind the first of them.
    pub(super) fn choose(&mut self, pieces: &[Piece<'_>], gap: bool) -> Vec<Choice> {
        let Some(newest) = pieces.len().checked_sub(1).filter(|_| self.messages > 0) else { return Vec::new() };
        let pins = usize::from(newest > 0 && self.messages > 1 && pieces[0].role == Role::User);
        let run = Self::newest_of(pins..pieces.len(), self.messages - pins);
        let mut chosen = Vec::with_capacity(run.len() + pins);
        if Cost::of_all(&pieces[..pins]).plus(Cost::of_all(&pieces[run.clone()])).within(self.room) {
            self.take_by_bytes(pieces, run, &mut chosen);
            self.take_by_bytes(pieces, 0..pins, &mut chosen);
        } else {
            let last = self.whole(&pieces[newest], newest).or_else(|| self.shortened(&pieces[newest], newest));
            let Some(last) = last else { return Vec::new() };
            chosen.push(self.take(last));
            let pinned = (pins > 0).then(|| self.pin(&pieces[0])).flatten().map(|pin| self.take(pin));
            self.fill(pieces, usize::from(pinned.is_some())..newest, &mut chosen);
            chosen.extend(pinned);
        }
        chosen.reverse();
        self.drop_orphans(&mut chosen, pieces, gap);
        chosen
    }

    /// Takes what fits of the pieces in `range`, the newest first, up to one that does not.
    fn fill(&mut self, pieces: &[Piece<'_>], range: Range<usize>, chosen: &mut Vec<Choice>) {
        let run = Self::newest_of(range, self.messages);
        let mut rest = Cost::of_all(&pieces[run.clone()]);
        for at in run.clone().rev() {
            if rest.within(self.room) {
                return self.take_by_bytes(pieces, run.start..at + 1, chosen);
            }
            rest = rest.minus(Cost::by_bytes(&pieces[at]));
            let Some(choice) = self.older(&pieces[at], at) else { return };
            let whole = choice.shortened.is_none();
            chosen.push(self.take(choice));
            if !whole {
                return;
            }
        }
    }

    /// The session's first message has a place beside the newest, and takes half of what is left at most.
    fn pin(&mut self, first: &Piece<'_>) -> Option<Choice> {
        let by_bytes = Cost::by_bytes(first);
        let few = by_bytes.tokens <= self.room.tokens / UNCOUNTED_SHARE;
        if by_bytes.bytes > self.room.bytes / 2 {
            return None;
        }
        let tokens = if few { by_bytes.tokens } else { self.tokens_of(first) };
        let cost = Cost { tokens, ..by_bytes };
        (tokens <= self.room.tokens / 2).then_some(Choice { at: 0, shortened: None, cost })
    }

    /// Whole if it fits; without its middle if no window could hold it whole and enough of it is left.
    fn older(&mut self, piece: &Piece<'_>, at: usize) -> Option<Choice> {
        let whole = self.whole(piece, at);
        if whole.is_some() || self.room.tokens.min(self.room.bytes) < OLDER_TOKENS_MIN {
            return whole;
        }
        let never_whole = self.tokens_of(piece) > self.max_tokens;
        never_whole.then(|| self.shortened(piece, at)).flatten()
    }

    fn whole(&mut self, piece: &Piece<'_>, at: usize) -> Option<Choice> {
        let bytes = piece.bytes();
        if bytes > self.room.bytes {
            return None;
        }
        let cost = Cost { tokens: self.tokens_of(piece), bytes };
        cost.within(self.room).then_some(Choice { at, shortened: None, cost })
    }

    fn shortened(&self, piece: &Piece<'_>, at: usize) -> Option<Choice> {
        let around = Cost { tokens: MESSAGE_TOKENS + piece.around(), bytes: piece.around() };
        let tokens_max = self.room.tokens.checked_sub(around.tokens)?;
        let bytes_max = self.room.bytes.checked_sub(around.bytes)?;
        let left = cut::shorten(piece.text, tokens_max, bytes_max, self.counter)?;
        let cost = around.plus(Cost { tokens: left.tokens, bytes: left.text.len() });
        Some(Choice { at, shortened: Some(left.text), cost })
    }

    /// The last `count` places of `range`.
    fn newest_of(range: Range<usize>, count: usize) -> Range<usize> {
        range.start.max(range.end.saturating_sub(count))..range.end
    }

    fn take_by_bytes(&mut self, pieces: &[Piece<'_>], range: Range<usize>, chosen: &mut Vec<Choice>) {
        for at in range.rev() {
            let cost = Cost::by_bytes(&pieces[at]);
            chosen.push(self.take(Choice { at, shortened: None, cost }));
        }
    }

    fn take(&mut self, choice: Choice) -> Choice {
        self.messages -= 1;
        self.room = self.room.minus(choice.cost);
        choice
    }

    /// Drops answers that stand at the beginning, or behind the first message when others are missing between: they answer
    /// what the window does not hold.
    fn drop_orphans(&mut self, chosen: &mut Vec<Choice>, pieces: &[Piece<'_>], gap: bool) {
        let follows = |at: usize| at == 1 && !gap;
        let first_stays = chosen.first().is_some_and(|first| first.at == 0 && pieces[0].role == Role::User);
        let start = usize::from(first_stays);
        if first_stays && chosen.get(1).is_some_and(|second| follows(second.at)) {
            return;
        }
        let run = chosen[start..].iter().take_while(|choice| pieces[choice.at].role == Role::Assistant).count();
        for orphan in chosen.drain(start..start + run) {
            self.room = self.room.plus(orphan.cost);
        }
    }

    fn tokens_of(&mut self, piece: &Piece<'_>) -> usize {
        let text = match piece.tokens {
            Some(known) => (known as usize).min(piece.text.len()),
            None => self.count_piece(piece),
        };
        MESSAGE_TOKENS + piece.around() + text
    }

    fn count_piece(&mut self, piece: &Piece<'_>) -> usize {
        if let Some((_, known)) = self.counted.iter().find(|(seq, _)| *seq == piece.seq) {
            return *known as usize;
        }
        let count = self.count(piece.text);
        self.counted.push((piece.seq, u32::try_from(count).unwrap_or(u32::MAX)));
        count
    }

    fn count(&self, text: &str) -> usize {
        self.counter.count(text).min(text.len())
    }
}
