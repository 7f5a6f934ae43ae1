//! The model: it answers what stands behind the last answer, and is a witness of what it is sent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_sim::model::{MessageSeen, RequestSeen, ScriptedModel, TurnScript};

use crate::{
    dice::{dice, millis},
    judge::shown,
    speech::{Mark, Mood, Token, answer, answered, half, headed, marks, without_seams},
};

/// So many words of a slow answer come one at a time, and the rest at once.
const SLOW_WORDS: usize = 60;

/// How long it thinks at most before the first word of an answer.
const THINKS_MAX_MS: u64 = 5_000;

/// So much of a text's beginning and end a complaint shows (bytes).
const BRIEF: usize = 150;

/// What the system message says of what could not be read.
const LEFT_OUT: &str = "not shown to you";

/// What a window says at the end of an answer that a person stopped.
const STOPPED: &str = "[a person stopped the answer here]";

/// Answers without their question that a full window may have lost at its beginning, besides those whose question was deleted.
const ORPHANS_MAX: usize = 2;
/// Posts of an answer that was read back.
const PARTS_MAX: usize = 3;

/// What a request must not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) token: Option<Token>,
    /// Words of another thread.
    pub(crate) leak: bool,
    pub(crate) what: String,
    /// It is none, should the message be asked about later: an edit that was read before it came waits for its turn when it has come.
    until_asked: bool,
}

/// Sees every request. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    window_max: usize,
    rereads: bool,
    stumbled: HashSet<Token>,
    /// By thread: what a request held once, with how often it was edited, every later one must hold too, as long as the window is not
    /// full.
    known: HashMap<u32, BTreeMap<Token, u32>>,
    /// By thread: the newest message that was asked about.
    newest: HashMap<u32, Token>,
    /// Deleted or stopped: it may be missing, and of its answer the end may be.
    loose: HashSet<Token>,
    /// What must not be told any more: messages with fewer edits than this.
    over: HashMap<Token, u32>,
    /// Said before a clearing that everybody knows of.
    cleared: HashSet<Token>,
    complaints: Vec<Complaint>,
}

impl Witness {
    /// Lets `model` answer every request. A window holds `window_max` messages; after an expiry they are what Slack shows, if it
    /// `rereads`.
    pub(crate) fn speaks_for(model: &ScriptedModel, window_max: usize, rereads: bool) -> Self {
        let witness = Self(Arc::new(Mutex::new(Seen { window_max, rereads, ..Seen::default() })));
        let speaker = witness.clone();
        model.keeps_requests(0).plays_by(move |request| speaker.play(request));
        witness
    }

    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        self.lock().complaints.clone()
    }

    /// From now on it may be missing from a window, and its answer may be cut.
    pub(crate) fn loosens(&self, token: Token) {
        self.lock().loose.insert(token);
    }

    /// Everybody knows by now that these were cleared: neither they nor their answers are in a window.
    pub(crate) fn clears(&self, tokens: impl Iterator<Item = Token>) {
        self.lock().cleared.extend(tokens);
    }

    /// Everybody knows by now that it was edited so often, or deleted (`None`): no request shows older words.
    pub(crate) fn settles(&self, token: Token, edits: Option<u32>) {
        self.lock().over.insert(token, edits.unwrap_or(u32::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn play(&self, request: &RequestSeen) -> TurnScript {
        let mut seen = self.lock();
        let said: Vec<&MessageSeen> = request.messages.iter().collect();
        let asked = asked(&spoken(&said));
        let Some(last) = asked.last() else {
            seen.complain(None, "the model was asked nothing".to_owned());
            return TurnScript::default().status(400);
        };
        seen.look(&said, &asked);
        let script = TurnScript::default();
        match last.mood {
            Mood::FailsError => return script.status(500),
            Mood::FailsCut => return script.words(half(&answer(&[*last]))).cut(),
            Mood::FailsHang => return script.words(half(&answer(&[*last]))).silent(),
            Mood::FailsSilent => return script.no_answer(),
            _ => {}
        }
        let asked: Vec<Mark> = asked.into_iter().filter(|mark| !mark.mood.fails()).collect();
        // All at once: several that stumble one after the other would be a model that fails.
        let stumbling = asked.iter().filter(|mark| mark.mood.stumbles() && seen.stumbled.insert(mark.token));
        if let Some(mark) = stumbling.collect::<Vec<_>>().first() {
            return if mark.mood == Mood::StumblesError { script.status(500) } else { script.hang_up() };
        }
        let text = answer(&asked);
        let mut dice = dice(0, &text);
        let script = script.silent_for(millis(&mut dice, 0, THINKS_MAX_MS));
        // What it answers comes at once, so that whoever stops it knows what they stop.
        let (head, body) = headed(&text);
        let script = script.text(head);
        if !asked.iter().any(|mark| mark.mood == Mood::Slow) {
            return script.words(body);
        }
        let mut words = body.split_inclusive(' ');
        let slow = words.by_ref().take(SLOW_WORDS);
        let script = slow.fold(script, |script, word| script.text(word).silent_for(millis(&mut dice, 50, 1_200)));
        script.text(&words.collect::<String>())
    }
}

/// What people and the model said.
fn spoken<'a>(said: &[&'a MessageSeen]) -> Vec<&'a MessageSeen> {
    said.iter().filter(|message| message.role != "system").copied().collect()
}

/// What stands behind the last answer and asks us.
fn asked(said: &[&MessageSeen]) -> Vec<Mark> {
    let behind = said.iter().rposition(|message| message.role == "assistant").map_or(0, |at| at + 1);
    let marks = said[behind..].iter().flat_map(|message| marks(&message.content));
    marks.filter(|mark| mark.mood != Mood::Aside).collect()
}

/// Its beginning and its end.
fn brief(text: &str) -> String {
    let cut = |at: usize| text.floor_char_boundary(at);
    let (head, tail) = (cut(BRIEF.min(text.len())), cut(text.len().saturating_sub(BRIEF)));
    format!("{:?} … {:?} ({} bytes)", &text[..head], &text[tail..], text.len())
}

/// Whether words name a message that an answer is to: each line of a long answer does.
fn is_end_of(begun: &str, words: &str) -> bool {
    let names = |token: Token| words.split(|c: char| !c.is_alphanumeric()).any(|word| word == token.to_string());
    answered(begun).is_some_and(|marks| marks.iter().any(|mark| names(mark.token)))
}

/// Whether words name any message.
fn names_some(words: &str) -> bool {
    words.split(|c: char| !c.is_alphanumeric()).any(|word| word.parse::<Token>().is_ok())
}

impl Seen {
    /// Looks for words of other threads, and for what is there twice, not at all, or otherwise than it was said.
    fn look(&mut self, all: &[&MessageSeen], asks: &[Mark]) {
        let lacks_some = all.iter().any(|message| message.role == "system" && message.content.contains(LEFT_OUT));
        let said: &[&MessageSeen] = &spoken(all);
        let Some(asked) = asks.last().map(|mark| mark.token) else { return };
        let is_asked = |complaint: &Complaint| asks.iter().any(|mark| complaint.token == Some(mark.token));
        self.complaints.retain(|complaint| !complaint.until_asked || !is_asked(complaint));
        let mut questions: Vec<(usize, Mark)> = Vec::new();
        let mut answers: Vec<Vec<Mark>> = Vec::new();
        for (at, message) in self.in_pieces(said) {
            let marks = marks(&message.content);
            for mark in marks.iter().filter(|mark| mark.token.thread != asked.thread) {
                let what = format!("{} stands in a request of thread {}", mark.token, asked.thread);
                self.complaints.push(Complaint { token: Some(mark.token), leak: true, what, until_asked: false });
            }
            // Who lost the lease before it was cleared may ask about it once more.
            for mark in marks.iter().filter(|mark| self.cleared.contains(&mark.token) && !self.cleared.contains(&asked))
            {
                self.complaints.push(Complaint {
                    token: Some(mark.token),
                    leak: false,
                    what: format!("{mark} was cleared, and is in the window"),
                    until_asked: false,
                });
            }
            if message.role == "user" {
                for mark in &marks {
                    if self.over.get(&mark.token).is_some_and(|least| mark.edits < *least) {
                        self.complain(Some(mark.token), format!("{mark} was deleted or edited, and is in the window"));
                    }
                }
                questions.extend(marks.into_iter().map(|mark| (at, mark)));
            } else if let Some(marks) = answered(&message.content) {
                if !self.is_right(&marks, &message.content) {
                    self.complain(
                        Some(marks[0].token),
                        format!("its answer is in the window as {}", brief(&message.content)),
                    );
                }
                answers.push(marks);
            } else if !(self.rereads
                && (answers.is_empty() || names_some(&message.content))
                && self.is_full(said.len()))
            {
                let what = format!("an answer that nobody gave is in the window: {:.80}", message.content);
                self.complain(Some(asked), what);
            }
        }
        self.twice(&questions);
        self.answered_twice(&answers);
        self.missing(said, lacks_some, &questions, &answers.concat(), asked);
    }

    /// The messages of a window, each with its place. What was read back of an answer comes as the posts in which it stands: people
    /// may have written between them, and what answers those stands directly behind them.
    fn in_pieces(&self, said: &[&MessageSeen]) -> Vec<(usize, MessageSeen)> {
        let mut pieces: Vec<(usize, MessageSeen)> = Vec::new();
        for (at, message) in said.iter().enumerate() {
            let goes_on = self.rereads && message.role == "assistant" && answered(&message.content).is_none();
            let mut answers =
                pieces.iter_mut().rev().filter(|(_, piece)| goes_on && piece.role == "assistant").peekable();
            // What names a message has its beginning elsewhere, if that is in the window at all.
            let newest = answers.peek().map(|(at, _)| *at).filter(|_| !names_some(&message.content));
            let begun = answers.find(|(_, piece)| is_end_of(&piece.content, &message.content)).map(|(at, _)| *at);
            match begun.or(newest).and_then(|at| pieces.iter_mut().find(|(of, _)| *of == at)) {
                Some((_, piece)) => piece.content += &message.content,
                None => pieces.push((at, (*message).clone())),
            }
        }
        pieces
    }

    fn is_right(&self, marks: &[Mark], told: &str) -> bool {
        let right = answer(marks);
        if marks.iter().any(|mark| mark.mood.fails()) || told == right {
            return true;
        }
        let stopped = told.strip_suffix(STOPPED);
        let cut = marks.iter().any(|mark| self.loose.contains(&mark.token));
        let said = without_seams(stopped.unwrap_or(told));
        let may_be_cut = cut && (stopped.is_some() || self.rereads);
        let fits = |right: String| if may_be_cut { right.starts_with(&said) } else { self.rereads && right == said };
        // Slack shows it as it was made harmless.
        fits(without_seams(&right)) || self.rereads && fits(without_seams(&shown(&right).concat()))
    }

    /// Whether a window of so many messages may have lost some at its beginning.
    fn is_full(&self, messages: usize) -> bool {
        let orphans = if self.rereads { ORPHANS_MAX * PARTS_MAX } else { ORPHANS_MAX };
        messages + orphans >= self.window_max
    }

    fn twice(&mut self, questions: &[(usize, Mark)]) {
        let mut once = HashSet::new();
        for (_, mark) in questions.iter().filter(|(_, mark)| !once.insert(mark.token)) {
            self.complain(Some(mark.token), "stands twice in a window".to_owned());
        }
    }

    /// An edit or a Stop may have what an answer to a later message took in answered again: see the judge. In a window that one may
    /// stand first.
    fn answered_twice(&mut self, answers: &[Vec<Mark>]) {
        let lists = |marks: &[Mark], token: Token| marks.iter().any(|mark| mark.token == token);
        let heard = |first: &[Mark], second: &[Mark], token: Token| {
            first.iter().any(|mark| mark.token > token && !lists(second, mark.token))
        };
        for (at, one) in answers.iter().enumerate() {
            for mark in one {
                let token = mark.token;
                let again = |other: &&Vec<Mark>| lists(other, token);
                let excused = |other: &Vec<Mark>| {
                    let edited = one.iter().chain(other).any(|mark| mark.token == token && mark.edits > 0);
                    let cut = one.iter().chain(other).any(|mark| self.loose.contains(&mark.token));
                    (edited || cut) && (heard(one, other, token) || heard(other, one, token))
                };
                if answers[..at].iter().filter(again).any(|other| !excused(other)) {
                    self.complain(Some(token), "is answered twice in a window".to_owned());
                }
            }
        }
    }

    /// `lacks_some`: the window says itself that something is not in it.
    fn missing(
        &mut self,
        said: &[&MessageSeen],
        lacks_some: bool,
        questions: &[(usize, Mark)],
        answers: &[Mark],
        asked: Token,
    ) {
        let deleted = self.loose.iter().filter(|token| token.thread == asked.thread).count();
        let full = lacks_some || self.is_full(said.len() + deleted);
        let last_answer = said.iter().rposition(|message| message.role == "assistant").unwrap_or(0);
        for (at, mark) in questions {
            let wants_none = mark.mood == Mood::Aside || mark.mood.fails() || self.loose.contains(&mark.token);
            // The thread's first message may stand alone before a gap.
            let pinned = full && *at == 0;
            if *at < last_answer && !wants_none && !pinned && !answers.iter().any(|known| known.token == mark.token) {
                self.complain(
                    Some(mark.token),
                    "stands before an answer in the window, and its own is not there".to_owned(),
                );
            }
        }
        let here: BTreeSet<Token> = questions.iter().map(|(_, mark)| mark.token).collect();
        let known = self.known.entry(asked.thread).or_default();
        known.retain(|token, _| !self.loose.contains(token));
        let forgotten = known.iter().filter(|(token, _)| !here.contains(token));
        let forgotten: Vec<(Token, bool)> = forgotten.map(|(token, edits)| (*token, *edits > 0)).collect();
        known.extend(questions.iter().map(|(_, mark)| (mark.token, mark.edits)));
        // Who lost the lease while it asked may ask once more, of what was known then. What it is told nobody sees.
        let newest = self.newest.entry(asked.thread).or_insert(asked);
        let late = asked < *newest;
        *newest = asked.max(*newest);
        for (token, until_asked) in forgotten.into_iter().filter(|_| !full && !late) {
            let what = format!("was in an earlier request, and is missing when {asked} is asked");
            self.complaints.push(Complaint { token: Some(token), leak: false, what, until_asked });
        }
    }

    fn complain(&mut self, token: Option<Token>, what: String) {
        self.complaints.push(Complaint { token, leak: false, what, until_asked: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::question;

    fn mark(number: u32, mood: Mood) -> Mark {
        Mark { token: Token { thread: 1, number }, edits: 0, mood }
    }

    fn user(mark: Mark) -> MessageSeen {
        MessageSeen { role: "user".to_owned(), content: question(mark) }
    }

    fn assistant(marks: &[Mark]) -> MessageSeen {
        MessageSeen { role: "assistant".to_owned(), content: answer(marks) }
    }

    /// What is found wrong with a request that follows `before`.
    fn complaints(before: &[MessageSeen], messages: &[MessageSeen]) -> Vec<String> {
        complaints_of(&[before, messages])
    }

    fn complaints_of(requests: &[&[MessageSeen]]) -> Vec<String> {
        let mut seen = Seen { window_max: 20, ..Seen::default() };
        for messages in requests.iter().filter(|messages| !messages.is_empty()) {
            let said: Vec<&MessageSeen> = messages.iter().collect();
            seen.look(&said, &asked(&said));
        }
        seen.complaints.into_iter().map(|complaint| complaint.what).collect()
    }

    #[test]
    fn an_edit_that_was_read_before_it_came_may_be_answered_once_more_when_it_comes() {
        let [first, two, three] = [1, 2, 3].map(|number| mark(number, Mood::Plain));
        let one = Mark { edits: 1, ..first };
        let read = [user(one), user(two)];
        let waits = [user(two), assistant(&[one, two]), user(three)];
        let comes = [user(two), assistant(&[one, two]), user(three), assistant(&[three]), user(one)];
        assert!(complaints_of(&[&read, &waits])[0].contains("is missing"));
        assert_eq!(complaints_of(&[&read, &waits, &comes]), Vec::<String>::new());
        // Each answer stands behind the last message that it is to.
        let after = |one| {
            let (own, both) = (assistant(&[one]), assistant(&[one, two]));
            [user(one), own, user(two), both, user(three), assistant(&[three]), user(mark(4, Mood::Plain))]
        };
        assert_eq!(complaints_of(&[&read, &waits, &comes, &after(one)]), Vec::<String>::new());
        assert!(complaints_of(&[&after(first)])[0].contains("is answered twice"));
    }

    #[test]
    fn a_right_window_is_not_complained_about() {
        let [one, two, three] = [1, 2, 3].map(|number| mark(number, Mood::Plain));
        let window = [user(one), assistant(&[one]), user(two), user(mark(9, Mood::FailsError)), user(three)];
        assert_eq!(complaints(&[user(one)], &window), Vec::<String>::new());
    }

    #[test]
    fn deleted_words_and_those_before_an_edit_are_complained_about_when_everybody_knows() {
        let [one, two] = [1, 2].map(|number| mark(number, Mood::Plain));
        let edited = Mark { edits: 1, ..one };
        let window = |first| vec![user(first), assistant(&[one]), user(two)];
        for (shown, now, wrong) in
            [(one, None, true), (one, Some(1), true), (edited, Some(1), false), (one, Some(0), false)]
        {
            let witness = Witness(Arc::new(Mutex::new(Seen { window_max: 20, ..Seen::default() })));
            witness.settles(one.token, now);
            let said = window(shown);
            witness.lock().look(&said.iter().collect::<Vec<_>>(), &[two]);
            assert_eq!(!witness.complaints().is_empty(), wrong, "{shown} {now:?}");
        }
    }

    #[test]
    fn what_was_cleared_is_in_no_window_and_neither_is_its_answer() {
        let [one, two] = [1, 2].map(|number| mark(number, Mood::Plain));
        for (said, wrong) in
            [(vec![user(two)], false), (vec![user(one), user(two)], true), (vec![assistant(&[one]), user(two)], true)]
        {
            let witness = Witness(Arc::new(Mutex::new(Seen { window_max: 20, ..Seen::default() })));
            witness.clears([one.token].into_iter());
            witness.lock().look(&said.iter().collect::<Vec<_>>(), &[two]);
            assert_eq!(!witness.complaints().is_empty(), wrong, "{said:?}");
        }
    }

    #[test]
    fn of_a_stopped_answer_a_window_holds_a_beginning_and_says_so() {
        let [one, two] = [1, 2].map(|number| mark(number, Mood::Plain));
        let whole = answer(&[one]);
        let (head, _) = headed(&whole);
        let told = |content: String| vec![user(one), MessageSeen { content, ..assistant(&[one]) }, user(two)];
        for (stopped, content, wrong) in [
            (true, format!("{head}\n{STOPPED}"), false),
            (false, format!("{head}\n{STOPPED}"), true),
            (true, format!("{head} and more\n{STOPPED}"), true),
            (true, head.to_owned(), true),
        ] {
            let witness = Witness(Arc::new(Mutex::new(Seen { window_max: 20, ..Seen::default() })));
            if stopped {
                witness.loosens(one.token);
            }
            let said = told(content);
            witness.lock().look(&said.iter().collect::<Vec<_>>(), &[two]);
            assert_eq!(!witness.complaints().is_empty(), wrong, "{said:?}");
        }
    }

    #[test]
    fn an_answer_that_was_read_back_is_whole_in_its_posts_whoever_wrote_between_them() {
        let [one, two] = [mark(1, Mood::Long), mark(2, Mood::Plain)];
        let mut posts: Vec<MessageSeen> =
            shown(&answer(&[one])).into_iter().map(|content| MessageSeen { content, ..assistant(&[one]) }).collect();
        assert!(posts.len() > 1);
        posts.insert(0, user(one));
        posts.insert(2, user(two));
        let is_wrong = |rereads, said: &[MessageSeen]| {
            let mut seen = Seen { window_max: 20, rereads, ..Seen::default() };
            seen.look(&said.iter().collect::<Vec<_>>(), &[two]);
            seen.complaints.iter().any(|complaint| !complaint.what.contains("its own is not there"))
        };
        assert!(!is_wrong(true, &posts));
        assert!(is_wrong(false, &posts));
        posts.insert(3, assistant(&[two]));
        assert!(!is_wrong(true, &posts), "the next answer stands behind what it answers");
        posts.pop();
        assert!(is_wrong(true, &posts), "its end is missing");
    }

    #[test]
    fn the_end_of_an_answer_whose_beginning_is_too_old_belongs_to_no_other() {
        let [long, two, three] = [mark(1, Mood::Long), mark(2, Mood::Plain), mark(3, Mood::Plain)];
        let end = shown(&answer(&[long])).pop().unwrap();
        let said = [user(two), assistant(&[two]), MessageSeen { content: end, ..assistant(&[long]) }, user(three)];
        for (window_max, wrong) in [(4, false), (400, true)] {
            let mut seen = Seen { window_max, rereads: true, ..Seen::default() };
            seen.look(&said.iter().collect::<Vec<_>>(), &[three]);
            assert_eq!(!seen.complaints.is_empty(), wrong, "{window_max}");
        }
    }

    #[test]
    fn every_wrong_window_is_complained_about() {
        let [one, two] = [1, 2].map(|number| mark(number, Mood::Plain));
        let stranger = Mark { token: Token { thread: 2, number: 1 }, ..one };
        let changed = MessageSeen { content: answer(&[one]).replace(':', ";"), ..assistant(&[one]) };
        for (before, wrong, complaint) in [
            (vec![], vec![user(stranger), user(one)], "stands in a request of thread 1"),
            (vec![], vec![user(one), user(one)], "stands twice"),
            (vec![], vec![user(one), assistant(&[one]), assistant(&[one]), user(two)], "is answered twice"),
            (vec![], vec![user(one), changed, user(two)], "its answer is in the window as"),
            (vec![user(one)], vec![user(two)], "is missing when t1m2 is asked"),
            (vec![], vec![user(one), user(two), assistant(&[two]), user(mark(3, Mood::Plain))], "its own is not there"),
        ] {
            let found = complaints(&before, &wrong);
            assert!(found.iter().any(|what| what.contains(complaint)), "{complaint}: {found:?}");
        }
    }
}
