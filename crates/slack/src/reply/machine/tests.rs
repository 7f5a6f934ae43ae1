//! The machine against a Slack that fails in every way, in any order: what stands there in the end is the answer.

use std::{collections::BTreeMap, time::Duration};

use chathakase_session::SlackTs;
use proptest::prelude::*;

use super::{Machine, Step};
use crate::{
    api::{ApiError, Problem},
    pacing::Mode,
    render::{PartLimits, harmless, render},
    reply::{
        ReplyError, ReplyLimits,
        speaker::Call,
        trouble::{Failure, Scope, Trouble},
    },
};

const SMALL: PartLimits = PartLimits { chars_max: 256, bytes_max: 640 };

fn limits() -> ReplyLimits {
    ReplyLimits { part: SMALL, ..ReplyLimits::default() }
}

/// What Slack does with one call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Takes,
    /// Does not take it and says so: 429.
    Limits,
    /// Surely not done.
    Fails,
    /// Done, and the answer is lost.
    LosesAnswer,
    /// Not done, and nobody says so.
    LosesCall,
    /// Slack had ended the stream.
    EndsStream,
    /// Refuses streams, where that can be.
    NoStream,
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Takes),
        1 => Just(Fate::Limits),
        1 => Just(Fate::Fails),
        1 => Just(Fate::LosesAnswer),
        1 => Just(Fate::LosesCall),
        1 => Just(Fate::EndsStream),
        1 => Just(Fate::NoStream),
    ]
}

#[derive(Debug, Default)]
struct Post {
    text: String,
    streaming: bool,
}

/// Posts as they stand, and the rules that a reply could break.
#[derive(Debug, Default)]
struct Slack {
    posts: BTreeMap<SlackTs, Post>,
    /// The reply was told all it needs to know to be sure of the end.
    ended_stream: bool,
}

fn failure(trouble: Trouble) -> Failure {
    let problem = Problem::Refused { code: "made_up".to_owned(), needed: None };
    Failure { trouble, error: Some(ApiError::new("test", problem)) }
}

impl Slack {
    fn call(&mut self, call: &Call, fate: Fate) -> Result<Option<SlackTs>, Failure> {
        let opens = matches!(call, Call::Open { .. });
        match fate {
            Fate::Limits => return Err(failure(Trouble::Limited(Duration::from_secs(3)))),
            Fate::Fails => return Err(failure(Trouble::Transient)),
            // A post of unknown fate ends the reply: that is another test's.
            Fate::LosesCall if !opens => return Err(failure(Trouble::Unknown)),
            Fate::NoStream if matches!(call, Call::Open { mode: Mode::Stream, .. }) => {
                return Err(failure(Trouble::NoStreams(Scope::Answer)));
            }
            Fate::EndsStream => {
                for post in self.posts.values_mut() {
                    self.ended_stream |= post.streaming;
                    post.streaming = false;
                }
            }
            _ => {}
        }
        let done = self.take(call);
        match fate {
            Fate::LosesAnswer if !opens && done.is_ok() => Err(failure(Trouble::Unknown)),
            _ => done,
        }
    }

    fn take(&mut self, call: &Call) -> Result<Option<SlackTs>, Failure> {
        let next = SlackTs::from_micros(1_700_000_000_000_000 + self.posts.len() as i64).unwrap();
        match call {
            Call::Open { mode, text, .. } => {
                assert!(!text.trim().is_empty(), "an empty post");
                self.posts.insert(next, Post { text: text.clone(), streaming: *mode == Mode::Stream });
                return Ok(Some(next));
            }
            Call::Append { ts, text } => self.streaming(*ts)?.text.push_str(text),
            Call::Stop { ts, text, .. } => {
                let post = self.streaming(*ts)?;
                post.text.push_str(text.as_deref().unwrap_or_default());
                post.streaming = false;
            }
            Call::Update { ts, text, .. } => {
                let post = self.posts.get_mut(ts).unwrap();
                if post.streaming {
                    return Err(failure(Trouble::StillStreaming));
                }
                post.text.clone_from(text);
            }
            Call::Delete { .. } => unreachable!("a reply deletes nothing"),
        }
        Ok(None)
    }

    fn streaming(&mut self, ts: SlackTs) -> Result<&mut Post, Failure> {
        let post = self.posts.get_mut(&ts).unwrap();
        if post.streaming { Ok(post) } else { Err(failure(Trouble::StreamOver)) }
    }
}

/// A reply, the clock, and what it did.
struct Run {
    machine: Machine,
    slack: Slack,
    now: Duration,
    fates: Vec<Fate>,
}

impl Run {
    fn new(limits: ReplyLimits, fates: Vec<Fate>) -> Self {
        Self { machine: Machine::new(limits), slack: Slack::default(), now: Duration::ZERO, fates }
    }

    /// Does up to `steps` of what is wanted; false when nothing is.
    fn work(&mut self, steps: usize, stream: bool) -> bool {
        for _ in 0..steps {
            match self.machine.next(self.now) {
                Step::End => return false,
                Step::Rest => return false,
                Step::RestUntil(moment) => {
                    assert!(moment > self.now, "no sleep without an end");
                    if moment - self.now > Duration::from_secs(20) {
                        return false;
                    }
                    self.now = moment;
                }
                Step::PartDone { .. } => self.machine.part_done(),
                step => {
                    let mode = match step {
                        Step::Open(ask) if ask.stream && stream => Mode::Stream,
                        _ => Mode::PostAndUpdate,
                    };
                    let call = self.machine.begin(step, mode).expect("what is wanted can be begun");
                    let outcome = self.slack.call(&call, self.fates.pop().unwrap_or(Fate::Takes));
                    if let Err(Failure { trouble: Trouble::Limited(wait), .. }) = &outcome {
                        self.now += *wait;
                    }
                    self.machine.done(outcome, self.now);
                }
            }
        }
        true
    }

    fn finish(mut self) -> (Slack, Result<super::Delivered, ReplyError>) {
        self.machine.finish(None);
        while self.work(1, true) {}
        assert_eq!(self.machine.next(self.now), Step::End, "{:?}", self.machine);
        (self.slack, self.machine.take_end())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn whatever_fails_on_the_way_the_thread_shows_the_answer_in_the_end(
        words in prop::collection::vec("[a-z]{1,12}[ \n]|`{3}[a-z]{0,3}\n|<!here> |\u{e9}\u{1f600} ", 1..300),
        pieces in prop::collection::vec((1_usize..40, 0_usize..4, any::<bool>()), 1..60),
        fates in prop::collection::vec(fates(), 0..12),
    ) {
        // More failures than are waited out end it with an error.
        let fails = |fate: &&Fate| matches!(fate, Fate::Fails | Fate::LosesAnswer | Fate::LosesCall);
        prop_assume!(fates.iter().filter(fails).count() < 6);
        let text = words.concat();
        let mut run = Run::new(limits(), fates);
        let mut rest = text.as_str();
        for (chars, steps, stream) in pieces {
            let at = rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
            run.machine.push(&rest[..at]);
            rest = &rest[at..];
            run.work(steps, stream);
            run.now += Duration::from_millis(300);
        }
        run.machine.push(rest);
        let (slack, end) = run.finish();
        let delivered = end.unwrap();
        let shown: Vec<&str> = slack.posts.values().map(|post| post.text.as_str()).collect();
        prop_assert!(slack.posts.values().all(|post| !post.streaming));
        prop_assert_eq!(delivered.parts.len(), shown.iter().filter(|text| !text.trim().is_empty()).count());
        let wanted = render(&text, &SMALL).parts;
        if slack.ended_stream {
            // Cut where Slack cut: without fences there are no seams, and the pieces are the text.
            if !text.contains("```") {
                prop_assert_eq!(shown.concat().trim_end().to_owned(), harmless(&text).trim_end().to_owned());
            }
        } else {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).filter(|part| !part.trim().is_empty()).collect();
            prop_assert_eq!(shown, wanted);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn stopped_at_any_moment_it_shows_not_a_word_more_and_knows_what_it_shows(
        pieces in prop::collection::vec(("[a-z ]{1,12}[ \n]{0,2}", 0_usize..4, any::<bool>()), 1..60),
        before in prop::collection::vec(fates(), 0..12),
        after in prop::collection::vec(fates(), 0..4),
        finishes in any::<bool>(),
    ) {
        let mut run = Run::new(limits(), before);
        for (text, steps, stream) in pieces {
            run.machine.push(&text);
            run.work(steps, stream);
            run.now += Duration::from_millis(300);
        }
        if finishes {
            run.machine.finish(None);
            run.work(1, true);
        }
        let texts = |slack: &Slack| slack.posts.values().map(|post| post.text.clone()).collect::<Vec<_>>();
        let shown = texts(&run.slack);
        run.fates = after;
        let was_over = run.machine.is_over();
        run.machine.stop();
        let (slack, end) = run.finish();
        prop_assert_eq!(&texts(&slack), &shown);
        match end {
            Err(ReplyError::Stopped { said, shown: parts }) => {
                prop_assert_eq!(parts.parts.len(), shown.len());
                // Who does not know what stands there looks, and ends what still streams.
                if let Some(said) = said {
                    prop_assert_eq!(said, shown.join("\n"));
                    prop_assert!(slack.posts.values().all(|post| !post.streaming));
                }
            }
            Ok(_) => prop_assert!(finishes, "it was whole by then"),
            Err(error) => prop_assert!(was_over, "{error:?}"),
        }
    }
}

#[test]
fn stopped_over_a_call_it_knows_of_that_too() {
    let mut machine = Machine::new(limits());
    machine.push("One");
    let step = machine.next(Duration::ZERO);
    machine.begin(step, Mode::Stream).unwrap();
    machine.stop();
    machine.push(" two");
    machine.done(Ok(SlackTs::from_micros(1_700_000_000_000_000).ok()), Duration::ZERO);
    assert_eq!(machine.next(Duration::ZERO), Step::Stop);
    let call = machine.begin(Step::Stop, Mode::Stream).unwrap();
    assert!(matches!(call, Call::Stop { text: None, .. }), "{call:?}");
    machine.done(Err(failure(Trouble::StoppedByUser)), Duration::ZERO);
    assert_eq!(machine.next(Duration::ZERO), Step::End);
    let Err(ReplyError::Stopped { said, shown }) = machine.take_end() else { panic!("{machine:?}") };
    assert_eq!((said.as_deref(), shown.parts.len()), (Some("One"), 1));
}

#[test]
fn the_first_words_are_wanted_at_once_and_blanks_alone_are_not() {
    let mut machine = Machine::new(limits());
    assert_eq!(machine.next(Duration::ZERO), Step::Rest);
    assert!(!machine.push(" \n"));
    assert_eq!(machine.next(Duration::ZERO), Step::Rest);
    assert!(machine.push("Hi"), "the driver has to be woken");
    assert!(!machine.push(" there"), "once is enough");
    assert!(matches!(machine.next(Duration::ZERO), Step::Open(ask) if ask.stream && !ask.whole));
    machine.finish(None);
    assert!(matches!(machine.next(Duration::ZERO), Step::Open(ask) if ask.whole));
}

#[test]
fn an_answer_without_words_posts_nothing() {
    let mut run = Run::new(limits(), Vec::new());
    run.machine.push(" \n\n ");
    let (slack, end) = run.finish();
    assert!(slack.posts.is_empty() && end.unwrap().parts.is_empty());
}

#[test]
fn a_post_of_unknown_fate_is_not_made_again() {
    for mode in [Mode::Stream, Mode::PostAndUpdate, Mode::SinglePost] {
        let mut machine = Machine::new(limits());
        machine.push("Hello");
        let step = machine.next(Duration::ZERO);
        machine.begin(step, mode).unwrap();
        machine.done(Err(failure(Trouble::Unknown)), Duration::ZERO);
        assert_eq!(machine.next(Duration::ZERO), Step::End);
        assert!(machine.is_over());
        assert!(matches!(machine.take_end(), Err(ReplyError::Unknown { part: 0, .. })));
    }
}

#[test]
fn a_call_that_fails_again_and_again_ends_the_reply_with_its_error() {
    let mut run = Run::new(limits(), vec![Fate::Fails; 6]);
    run.machine.push("Hello");
    let (slack, end) = run.finish();
    assert!(matches!(end, Err(ReplyError::Slack(_))) && slack.posts.is_empty());
    assert_eq!(run_time(5), Duration::from_millis(500 + 1000 + 2000 + 4000 + 8000));
}

/// What so many failures cost in pauses.
fn run_time(failures: usize) -> Duration {
    let mut run = Run::new(limits(), vec![Fate::Fails; failures]);
    run.machine.push("Hello");
    run.machine.finish(None);
    while run.work(1, true) {}
    run.now
}

#[test]
fn a_text_that_slack_finds_too_long_goes_on_in_smaller_parts() {
    let text = "word ".repeat(40);
    let mut machine = Machine::new(limits());
    machine.push(&text);
    machine.finish(None);
    let mut posts: Vec<String> = Vec::new();
    loop {
        match machine.next(Duration::ZERO) {
            Step::End => break,
            Step::PartDone { .. } => machine.part_done(),
            step => {
                let call = machine.begin(step, Mode::SinglePost).unwrap();
                let Call::Open { text, .. } = call else { panic!("{call:?}") };
                let ts = SlackTs::from_micros(posts.len() as i64 + 1).unwrap();
                let fits = text.len() <= 70;
                machine.done(if fits { Ok(Some(ts)) } else { Err(failure(Trouble::TooLong)) }, Duration::ZERO);
                posts.extend(fits.then_some(text));
            }
        }
    }
    assert_eq!(posts.concat(), text);
    assert_eq!(machine.take_end().unwrap().parts.len(), posts.len());
}

#[test]
fn a_stream_that_grows_old_ends_at_the_next_line_and_another_begins() {
    let mut run = Run::new(limits(), Vec::new());
    run.machine.push("one ");
    run.work(10, true);
    run.now += Duration::from_secs(241);
    run.machine.push("two\nthree");
    run.work(10, true);
    run.machine.push(" four\nfive");
    run.work(10, true);
    let (slack, end) = run.finish();
    let shown: Vec<&str> = slack.posts.values().map(|post| post.text.as_str()).collect();
    assert_eq!(shown.concat(), "one two\nthree four\nfive");
    assert_eq!((shown.len(), end.unwrap().parts.len()), (2, 2), "{shown:?}");
}

#[test]
fn a_stream_with_nothing_to_say_is_stopped_before_slack_ends_it_and_goes_on_as_a_post() {
    let mut run = Run::new(limits(), Vec::new());
    run.machine.push("one");
    run.work(10, true);
    run.now += Duration::from_secs(270);
    run.work(10, true);
    assert!(run.slack.posts.values().all(|post| !post.streaming));
    run.machine.push(" two");
    let (slack, _) = run.finish();
    assert_eq!(slack.posts.values().map(|post| post.text.as_str()).collect::<Vec<_>>(), ["one two"]);
}
