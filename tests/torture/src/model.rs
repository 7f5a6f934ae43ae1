//! The model: it answers what stands behind the last answer, and is a witness of what it is sent.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_sim::model::{MessageSeen, RequestSeen, ScriptedModel, TurnScript};

use crate::{
    dice::{dice, millis},
    speech::{Mark, Mood, Token, answer, answered, half, headed, marks, without_seams},
};

/// So many words of a slow answer come one at a time, and the rest at once.
const SLOW_WORDS: usize = 60;

/// How long it thinks at most before the first word of an answer.
const THINKS_MAX_MS: u64 = 5_000;

/// What a window says at the end of an answer that a person stopped.
const STOPPED: &str = "[a person stopped the answer here]";

/// Answers without their question that a full window may have lost at its beginning, besides those whose question was deleted.
const ORPHANS_MAX: usize = 2;

/// What a request must not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) token: Option<Token>,
    /// Words of another thread.
    pub(crate) leak: bool,
    pub(crate) what: String,
    /// It is none, should the message be asked about later: what was read before it came waits for its turn when it has come.
    until_asked: bool,
}

/// Sees every request. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    window_max: usize,
    stumbled: HashSet<Token>,
    /// By thread: what a request held once, every later one must hold too, as long as the window is not full.
    known: HashMap<u32, BTreeSet<Token>>,
    /// By thread: the newest message that was asked about.
    newest: HashMap<u32, Token>,
    /// Deleted or stopped: it may be missing, and of its answer the end may be.
    loose: HashSet<Token>,
    /// What must not be told any more: messages with fewer edits than this.
    over: HashMap<Token, u32>,
    complaints: Vec<Complaint>,
}

impl Witness {
    /// Lets `model` answer every request. A window holds `window_max` messages.
    pub(crate) fn speaks_for(model: &ScriptedModel, window_max: usize) -> Self {
        let witness = Self(Arc::new(Mutex::new(Seen { window_max, ..Seen::default() })));
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

    /// Everybody knows by now that it was edited so often, or deleted (`None`): no request shows older words.
    pub(crate) fn settles(&self, token: Token, edits: Option<u32>) {
        self.lock().over.insert(token, edits.unwrap_or(u32::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn play(&self, request: &RequestSeen) -> TurnScript {
        let mut seen = self.lock();
        let said: Vec<&MessageSeen> = request.messages.iter().filter(|message| message.role != "system").collect();
        let asked = asked(&said);
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

/// What stands behind the last answer and asks us.
fn asked(said: &[&MessageSeen]) -> Vec<Mark> {
    let behind = said.iter().rposition(|message| message.role == "assistant").map_or(0, |at| at + 1);
    let marks = said[behind..].iter().flat_map(|message| marks(&message.content));
    marks.filter(|mark| mark.mood != Mood::Aside).collect()
}

impl Seen {
    /// Looks for words of other threads, and for what is there twice, not at all, or otherwise than it was said.
    fn look(&mut self, said: &[&MessageSeen], asks: &[Mark]) {
        let Some(asked) = asks.last().map(|mark| mark.token) else { return };
        let is_asked = |complaint: &Complaint| asks.iter().any(|mark| complaint.token == Some(mark.token));
        self.complaints.retain(|complaint| !complaint.until_asked || !is_asked(complaint));
        let mut questions: Vec<(usize, Mark)> = Vec::new();
        let mut answers: Vec<Vec<Mark>> = Vec::new();
        for (at, message) in said.iter().enumerate() {
            let marks = marks(&message.content);
            for mark in marks.iter().filter(|mark| mark.token.thread != asked.thread) {
                let what = format!("{} stands in a request of thread {}", mark.token, asked.thread);
                self.complaints.push(Complaint { token: Some(mark.token), leak: true, what, until_asked: false });
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
                    self.complain(Some(marks[0].token), "its answer is not in the window as it was given".to_owned());
                }
                answers.push(marks);
            } else {
                self.complain(
                    Some(asked),
                    format!("an answer that nobody gave is in the window: {:.80}", message.content),
                );
            }
        }
        self.twice(&questions);
        self.answered_twice(&answers);
        self.missing(said, &questions, &answers.concat(), asked);
    }

    fn is_right(&self, marks: &[Mark], told: &str) -> bool {
        let right = answer(marks);
        if marks.iter().any(|mark| mark.mood.fails()) || told == right {
            return true;
        }
        let said = told.strip_suffix(STOPPED);
        let cut = marks.iter().any(|mark| self.loose.contains(&mark.token));
        said.is_some_and(|said| cut && without_seams(&right).starts_with(&without_seams(said)))
    }

    fn twice(&mut self, questions: &[(usize, Mark)]) {
        let mut once = HashSet::new();
        for (_, mark) in questions.iter().filter(|(_, mark)| !once.insert(mark.token)) {
            self.complain(Some(mark.token), "stands twice in a window".to_owned());
        }
    }

    /// What an answer to a later message took in is answered again when it comes: see the judge. In a window that one may stand first.
    fn answered_twice(&mut self, answers: &[Vec<Mark>]) {
        let lists = |marks: &[Mark], token: Token| marks.iter().any(|mark| mark.token == token);
        let heard = |first: &[Mark], second: &[Mark], token: Token| {
            first.iter().any(|mark| mark.token > token && !lists(second, mark.token))
        };
        for (at, one) in answers.iter().enumerate() {
            for token in one.iter().map(|mark| mark.token) {
                let again = |other: &&Vec<Mark>| lists(other, token);
                if answers[..at]
                    .iter()
                    .filter(again)
                    .any(|other| !heard(one, other, token) && !heard(other, one, token))
                {
                    self.complain(Some(token), "is answered twice in a window".to_owned());
                }
            }
        }
    }

    fn missing(&mut self, said: &[&MessageSeen], questions: &[(usize, Mark)], answers: &[Mark], asked: Token) {
        let deleted = self.loose.iter().filter(|token| token.thread == asked.thread).count();
        let full = said.len() + ORPHANS_MAX + deleted >= self.window_max;
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
        known.retain(|token| !self.loose.contains(token));
        let forgotten: Vec<Token> = known.difference(&here).copied().collect();
        known.extend(here);
        // Who lost the lease while it asked may ask once more, of what was known then. What it is told nobody sees.
        let newest = self.newest.entry(asked.thread).or_insert(asked);
        let late = asked < *newest;
        *newest = asked.max(*newest);
        for token in forgotten.into_iter().filter(|_| !full && !late) {
            let what = format!("was in an earlier request, and is missing when {asked} is asked");
            self.complaints.push(Complaint { token: Some(token), leak: false, what, until_asked: true });
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
    fn what_was_read_before_it_came_may_be_answered_once_more_when_it_comes() {
        let [one, two, three] = [1, 2, 3].map(|number| mark(number, Mood::Plain));
        let read = [user(one), user(two)];
        let waits = [user(two), assistant(&[one, two]), user(three)];
        let comes = [user(two), assistant(&[one, two]), user(three), assistant(&[three]), user(one)];
        assert!(complaints_of(&[&read, &waits])[0].contains("is missing"));
        assert_eq!(complaints_of(&[&read, &waits, &comes]), Vec::<String>::new());
        // Each answer stands behind the last message that it is to.
        let (own, four) = (assistant(&[one]), user(mark(4, Mood::Plain)));
        let after = [user(one), own, user(two), assistant(&[one, two]), user(three), assistant(&[three]), four];
        assert_eq!(complaints_of(&[&read, &waits, &comes, &after]), Vec::<String>::new());
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
    fn every_wrong_window_is_complained_about() {
        let [one, two] = [1, 2].map(|number| mark(number, Mood::Plain));
        let stranger = Mark { token: Token { thread: 2, number: 1 }, ..one };
        let changed = MessageSeen { content: answer(&[one]).replace(':', ";"), ..assistant(&[one]) };
        for (before, wrong, complaint) in [
            (vec![], vec![user(stranger), user(one)], "stands in a request of thread 1"),
            (vec![], vec![user(one), user(one)], "stands twice"),
            (vec![], vec![user(one), assistant(&[one]), assistant(&[one]), user(two)], "is answered twice"),
            (vec![], vec![user(one), changed, user(two)], "not in the window as it was given"),
            (vec![user(one)], vec![user(two)], "is missing when t1m2 is asked"),
            (vec![], vec![user(one), user(two), assistant(&[two]), user(mark(3, Mood::Plain))], "its own is not there"),
        ] {
            let found = complaints(&before, &wrong);
            assert!(found.iter().any(|what| what.contains(complaint)), "{complaint}: {found:?}");
        }
    }
}
