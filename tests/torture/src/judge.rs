//! Compares what was said with what a thread shows. Pure: posts in, verdict out.

use std::collections::{BTreeMap, BTreeSet};

use chathakase_bot::texts;
use chathakase_model::ErrorKind;
use chathakase_session::SlackTs;
use chathakase_sim::slack::{Post, Said};
use chathakase_slack::{
    render::{PartLimits, render},
    reply::with_note,
};

use crate::{
    orders,
    script::Order,
    speech::{Mark, Mood, Token, answer, answered, without_seams},
};

/// A message that somebody wrote.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    /// As it reads now. An answer may be to any of its earlier texts.
    pub(crate) mark: Mark,
    pub(crate) said: Said,
    pub(crate) since: Since,
    /// Slack gave up all its events before the assistant took one: it must be found by catching up.
    pub(crate) given_up: bool,
}

/// What was done about a message after it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Since {
    /// Nothing that changes what is due to it.
    #[default]
    Kept,
    /// It was deleted: of an answer that ran a beginning may stand. One that `waited` then for sure has none.
    Deleted { waited: bool },
    /// Its answer was stopped. So many bytes stood there when everybody knew: not one more may come.
    Stopped { at: Option<usize> },
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    Twice,
    Lost,
    /// A person wanted it no more.
    Unwanted,
    Apology,
    Interleaved,
    Text,
    Stuck,
    Leak,
    History,
    Process,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) wrong: Wrong,
    pub(crate) thread: Option<u32>,
    pub(crate) token: Option<Token>,
    pub(crate) what: String,
}

/// What became of the messages of a thread, or of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Messages that wanted an answer.
    pub(crate) sent: u64,
    pub(crate) answered_once: u64,
    pub(crate) apologised: u64,
    /// Messages that the model fails at for good.
    pub(crate) apologies_due: u64,
    /// Messages that an answer to a later one took in, and that an edit or a Stop made a question of their own once more.
    pub(crate) asked_again: u64,
    /// Messages that were deleted, or cleared away with their answers, and have none.
    pub(crate) taken_back: u64,
    pub(crate) edited: u64,
    pub(crate) deleted: u64,
    pub(crate) stopped: u64,
    /// Commands that were said.
    pub(crate) commands: u64,
    /// Messages whose events Slack gave up.
    pub(crate) given_up: u64,
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.answered_once += other.answered_once;
        self.apologised += other.apologised;
        self.apologies_due += other.apologies_due;
        self.asked_again += other.asked_again;
        self.taken_back += other.taken_back;
        self.edited += other.edited;
        self.deleted += other.deleted;
        self.stopped += other.stopped;
        self.commands += other.commands;
        self.given_up += other.given_up;
        self.findings.extend(other.findings);
    }

    pub(crate) fn count(&self, wrong: Wrong) -> usize {
        self.findings.iter().filter(|finding| finding.wrong == wrong).count()
    }
}

/// What stands in a thread in one piece.
#[derive(Debug)]
enum Piece {
    Answer { marks: Vec<Mark>, bytes: usize, wrong: Option<(Wrong, String)> },
    Apology { said: bool },
    Unknown(String),
}

/// Judges one thread.
pub(crate) fn judge(thread: u32, spoken: &[Spoken], ordered: &[Order], posts: &[Post]) -> Verdict {
    let mut verdict = Verdict { commands: ordered.len() as u64, ..Verdict::default() };
    let mut find = |wrong, token: Option<Token>, what: String| {
        verdict.findings.push(Finding { wrong, thread: Some(thread), token, what });
    };
    orders::faults(ordered, posts).into_iter().for_each(|(wrong, what)| find(wrong, None, what));
    let ours = answering(posts);
    let mut answers = Answers::new();
    let mut apologies: BTreeSet<Token> = BTreeSet::new();
    for (at, piece) in pieces(&ours, spoken) {
        match piece {
            Piece::Answer { marks, bytes, wrong } => {
                if let Some((wrong, what)) = wrong {
                    find(wrong, marks.first().map(|mark| mark.token), what);
                }
                let together: Vec<Token> = marks.iter().map(|mark| mark.token).collect();
                for mark in marks {
                    let about = spoken.iter().find(|spoken| spoken.mark.token == mark.token);
                    if about.is_some_and(|about| mark.edits > about.mark.edits) {
                        find(Wrong::Text, Some(mark.token), "is answered as nobody ever wrote it".to_owned());
                    }
                    if about.is_some_and(|about| about.was_stopped_before(bytes)) {
                        find(Wrong::Unwanted, Some(mark.token), format!("was stopped, and went on to {bytes} bytes"));
                    }
                    answers.entry(mark.token).or_default().push(together.clone());
                    if mark.mood.fails() {
                        apologies.insert(mark.token);
                    }
                }
            }
            Piece::Apology { said } => {
                let before = spoken.iter().rev().filter(|spoken| spoken.said.ts() < ours[at].ts);
                let due =
                    before.clone().find(|spoken| spoken.mark.mood.fails() && !answers.contains_key(&spoken.mark.token));
                match due {
                    Some(spoken) => {
                        answers.entry(spoken.mark.token).or_default().push(vec![spoken.mark.token]);
                        apologies.insert(spoken.mark.token);
                    }
                    None => {
                        let near = before.clone().next().map(|spoken| spoken.mark.token);
                        find(Wrong::Apology, near, format!("an apology that nothing asked for: {:.90}", ours[at].text));
                    }
                }
                if !said {
                    find(Wrong::Text, None, format!("an apology in other words: {:.120}", ours[at].text));
                }
            }
            Piece::Unknown(what) => find(Wrong::Text, None, what),
        }
    }
    tally(thread, spoken, &answers, &apologies, orders::cleared(posts), &mut verdict);
    leaks(thread, &ours, &mut verdict);
    verdict
}

/// The answers to each message, oldest first: what each of them answers together.
type Answers = BTreeMap<Token, Vec<Vec<Token>>>;

/// Whether the first of two answers to a message was to a later one, and it was asked again with good reason: an edit that came while
/// its thread was read is context, and a question once it is known to be one; and who reads after a Stop owes no answer to what they
/// read. No person would leave a question without its answer because somebody spoke of it.
fn was_asked_again(one: &Spoken, all: &[Spoken], answers: &[Vec<Token>]) -> bool {
    let [first, second] = answers else { return false };
    let was_stopped = |spoken: &Spoken| matches!(spoken.since, Since::Stopped { .. });
    let stopped = || all.iter().any(|spoken| was_stopped(spoken) && first.contains(&spoken.mark.token));
    let to_a_later = first.iter().any(|token| *token > one.mark.token && !second.contains(token));
    to_a_later && (one.mark.edits > 0 || stopped())
}

/// Counts, and finds who got nothing, or too much.
fn tally(
    thread: u32,
    all: &[Spoken],
    answers: &Answers,
    apologies: &BTreeSet<Token>,
    cleared: Option<SlackTs>,
    verdict: &mut Verdict,
) {
    for spoken in all {
        let token = spoken.mark.token;
        let answers = answers.get(&token).map_or(&[][..], Vec::as_slice);
        let asked_again = was_asked_again(spoken, all, answers);
        let times = answers.len() - usize::from(asked_again);
        verdict.asked_again += u64::from(asked_again);
        let mut find = |wrong, what: String| {
            verdict.findings.push(Finding { wrong, thread: Some(thread), token: Some(token), what });
        };
        if spoken.mark.mood == Mood::Aside {
            if times > 0 {
                find(Wrong::Text, "was said to somebody else, and is answered".to_owned());
            }
            continue;
        }
        match times {
            0 if matches!(spoken.since, Since::Deleted { .. }) || Some(spoken.said.ts()) < cleared => {
                verdict.taken_back += 1;
            }
            1 if spoken.since == (Since::Deleted { waited: true }) => {
                find(Wrong::Unwanted, "was deleted while it waited, and is answered".to_owned());
            }
            0 if spoken.given_up => find(Wrong::Lost, "was given up by Slack, and was not caught up with".to_owned()),
            0 => find(Wrong::Lost, "was acknowledged, and has no answer".to_owned()),
            1 => {}
            _ => find(Wrong::Twice, format!("is answered {times} times")),
        }
        verdict.sent += 1;
        verdict.answered_once += u64::from(times == 1 && !apologies.contains(&token));
        verdict.apologised += u64::from(apologies.contains(&token));
        verdict.apologies_due += u64::from(spoken.mark.mood.fails());
        verdict.edited += u64::from(spoken.mark.edits);
        verdict.deleted += u64::from(matches!(spoken.since, Since::Deleted { .. }));
        verdict.stopped += u64::from(matches!(spoken.since, Since::Stopped { .. }));
        verdict.given_up += u64::from(spoken.given_up);
    }
}

fn leaks(thread: u32, ours: &[&Post], verdict: &mut Verdict) {
    for post in ours {
        let strange =
            crate::speech::marks(&post.text).into_iter().find(|mark| mark.token.thread != thread && thread != 0);
        if let Some(mark) = strange {
            let what = format!("the thread shows {}", mark.token);
            verdict.findings.push(Finding { wrong: Wrong::Leak, thread: Some(thread), token: Some(mark.token), what });
        }
    }
}

impl Spoken {
    /// Whether its answer may be cut.
    fn is_cut(&self) -> bool {
        self.since != Since::Kept
    }

    fn was_stopped_before(&self, bytes: usize) -> bool {
        matches!(self.since, Since::Stopped { at: Some(at) } if bytes > at)
    }
}

/// The answer to a message as far as it stands: what it answers, how long it is, and whether there is more of it to come.
pub(crate) fn shown_of(token: Token, spoken: &[Spoken], posts: &[Post]) -> Option<(Vec<Mark>, usize, bool)> {
    let ours = answering(posts);
    pieces(&ours, spoken).into_iter().find_map(|(_, piece)| match piece {
        Piece::Answer { marks, bytes, wrong } if marks.iter().any(|mark| mark.token == token) => {
            Some((marks, bytes, wrong.is_some()))
        }
        _ => None,
    })
}

/// Whether it surely waits: another answer is not at its end, and turns of a thread never overlap.
pub(crate) fn waits(token: Token, spoken: &[Spoken], posts: &[Post]) -> bool {
    let ours = answering(posts);
    let grows = |piece: &Piece| matches!(piece, Piece::Answer { wrong: Some((Wrong::Text, _)), .. });
    pieces(&ours, spoken).iter().any(|(_, piece)| grows(piece)) && shown_of(token, spoken, posts).is_none()
}

/// Our posts but those that commands say.
fn answering(posts: &[Post]) -> Vec<&Post> {
    let command = |post: &Post| orders::carries_out(post).is_some() || post.text == texts::command_failed();
    posts.iter().filter(|post| post.ours && !command(post)).collect()
}

/// What our posts are, each with the place of its first.
fn pieces(ours: &[&Post], spoken: &[Spoken]) -> Vec<(usize, Piece)> {
    let mut pieces = Vec::new();
    let mut taken = vec![false; ours.len()];
    for at in 0..ours.len() {
        if taken[at] {
            continue;
        }
        taken[at] = true;
        let text = &ours[at].text;
        let piece = match answered(text) {
            Some(marks) if marks.iter().any(|mark| mark.mood.fails()) => broken_off(marks, at, ours, &mut taken),
            Some(marks) => {
                let cut = spoken
                    .iter()
                    .any(|spoken| spoken.is_cut() && marks.iter().any(|mark| mark.token == spoken.mark.token));
                whole(marks, cut, at, ours, &mut taken)
            }
            None if text.starts_with("Sorry") => Piece::Apology { said: apologies().contains(text) },
            None => Piece::Unknown(format!("a post that belongs to no answer: {text:.120}")),
        };
        pieces.push((at, piece));
    }
    pieces
}

/// An answer that the model never ended: as far as it came, and our note, in one post or where Slack ended the stream in several.
fn broken_off(marks: Vec<Mark>, at: usize, ours: &[&Post], taken: &mut [bool]) -> Piece {
    let right = answer(&marks);
    let kinds = [ErrorKind::Broken, ErrorKind::TooSlow].map(texts::answer_cut_off);
    let fits = |text: &str, note: &String| {
        let said = text.strip_suffix(note.as_str()).map(without_seams);
        said.is_some_and(|said| without_seams(&shown(&right).concat()).starts_with(&said))
    };
    for end in at + 1..=end_of(at, ours) {
        let text: String = ours[at..end].iter().map(|post| post.text.as_str()).collect();
        if kinds.iter().any(|note| fits(&text, note)) {
            taken[at..end].fill(true);
            return Piece::Answer { marks, bytes: text.len(), wrong: None };
        }
    }
    let text = &ours[at].text;
    let wrong = Some((Wrong::Text, differs(text, &with_note(&right, Some(&kinds[0])))));
    Piece::Answer { marks, bytes: text.len(), wrong }
}

/// Where the next answer begins, or our posts are at their end.
fn end_of(at: usize, ours: &[&Post]) -> usize {
    let begins = |post: &Post| answered(&post.text).is_some() || post.text.starts_with("Sorry");
    (at + 1..ours.len()).find(|next| begins(ours[*next])).unwrap_or(ours.len())
}

/// An answer and where its parts are: they must follow one another. Of one that may be `cut` a beginning is enough.
fn whole(marks: Vec<Mark>, cut: bool, at: usize, ours: &[&Post], taken: &mut [bool]) -> Piece {
    let parts = shown(&answer(&marks));
    let bytes = |posts: &[&Post]| posts.iter().map(|post| post.text.len()).sum();
    let follow = ours[at..].iter().zip(&parts).filter(|(post, part)| post.text == **part).count();
    if follow == parts.len() {
        taken[at..at + parts.len()].fill(true);
        return Piece::Answer { marks, bytes: bytes(&ours[at..at + parts.len()]), wrong: None };
    }
    let end = end_of(at, ours);
    let run: String = ours[at..end].iter().map(|post| post.text.as_str()).collect();
    let (words, right) = (without_seams(&run), without_seams(&parts.concat()));
    // A stream that Slack ended, or that lived too long, goes on in a new post wherever it was.
    if words == right || (cut && right.starts_with(&words)) {
        taken[at..end].fill(true);
        return Piece::Answer { marks, bytes: run.len(), wrong: None };
    }
    let places: Vec<Option<usize>> =
        parts.iter().map(|part| (at..ours.len()).find(|place| ours[*place].text == *part)).collect();
    if places.iter().all(Option::is_some) {
        places.into_iter().flatten().for_each(|place| taken[place] = true);
        let what = "its parts do not follow one another in the thread".to_owned();
        return Piece::Answer { marks, bytes: run.len(), wrong: Some((Wrong::Interleaved, what)) };
    }
    taken[at..end].fill(true);
    let shown: Vec<usize> = ours[at..end].iter().map(|post| post.text.len()).collect();
    let due: Vec<usize> = parts.iter().map(String::len).collect();
    let what = format!("its parts have {shown:?} bytes and not {due:?}: {}", differs(&run, &parts.concat()));
    Piece::Answer { marks, bytes: run.len(), wrong: Some((Wrong::Text, what)) }
}

/// What a thread shows of a text.
pub(crate) fn shown(text: &str) -> Vec<String> {
    render(text, &PartLimits::default()).parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// Where two texts begin to differ.
fn differs(shown: &str, right: &str) -> String {
    let same = shown.char_indices().zip(right.chars()).take_while(|((_, a), b)| a == b).last();
    let at = same.map_or(0, |((at, c), _)| at + c.len_utf8());
    let from = |text: &str| text.get(at..).unwrap_or_default().chars().take(40).collect::<String>();
    format!("from byte {at} on it shows {:?} and not {:?}", from(shown), from(right))
}

fn apologies() -> Vec<String> {
    [ErrorKind::Busy, ErrorKind::Broken, ErrorKind::TooSlow, ErrorKind::Unreachable].map(texts::model_failed).to_vec()
}

#[cfg(test)]
mod tests {
    use chathakase_sim::slack::{Options, SmallSlack};

    use super::*;
    use crate::speech::question;

    /// Two messages of one mood, in a thread that shows `said` of ours.
    async fn judged(mood: Mood, said: &[String]) -> Verdict {
        judged_since(marks(mood), [Since::Kept; 2], said).await
    }

    async fn judged_since(marks: [Mark; 2], since: [Since; 2], said: &[String]) -> Verdict {
        let slack = SmallSlack::start(Options::default()).await;
        let thread = slack.dm("ana", question(marks[0])).await;
        let posts = [thread.first(), thread.reply("ana", question(marks[1])).await];
        let spoken = |at: usize| Spoken { mark: marks[at], said: posts[at].clone(), since: since[at], given_up: false };
        let mut shown = thread.posts();
        let last = shown[1].clone();
        shown.extend(said.iter().map(|text| Post { text: text.clone(), ours: true, ..last.clone() }));
        judge(1, &[spoken(0), spoken(1)], &[], &shown)
    }

    fn marks(mood: Mood) -> [Mark; 2] {
        [1, 2].map(|number| Mark { token: Token { thread: 1, number }, edits: 0, mood })
    }

    #[tokio::test]
    async fn only_what_was_edited_or_stopped_may_be_answered_once_more() {
        let [one, two] = marks(Mood::Plain);
        let edited = Mark { edits: 1, ..one };
        let (both, alone, again) = (answer(&[one, two]), answer(&[one]), answer(&[edited]));
        let (kept, stopped) = ([Since::Kept; 2], [Since::Kept, Since::Stopped { at: None }]);
        for (one, since, said, twice) in [
            (one, kept, vec![both.clone(), alone.clone()], 1),
            (one, kept, vec![both.clone(), both.clone()], 2),
            (edited, kept, vec![both.clone(), again.clone()], 0),
            (edited, kept, vec![again.clone(), both.clone()], 1),
            (edited, kept, vec![both.clone(), again.clone(), again], 1),
            (one, stopped, vec![both.clone(), alone.clone()], 0),
            (one, stopped, vec![alone, both], 1),
        ] {
            let verdict = judged_since([one, two], since, &said).await;
            assert_eq!(verdict.count(Wrong::Twice), twice, "{one} {since:?} {:?}", verdict.findings);
            assert_eq!(verdict.findings.len(), twice, "{:?}", verdict.findings);
        }
    }

    #[tokio::test]
    async fn what_was_cleared_away_is_not_lost_and_what_is_said_later_is() {
        let slack = SmallSlack::start(Options::default()).await;
        let [one, two] = marks(Mood::Plain);
        let thread = slack.dm("ana", question(one)).await;
        let first = thread.first();
        thread.reply("ana", "clear session").await;
        let said = [(one, first), (two, thread.reply("ana", question(two)).await)];
        let spoken = said.map(|(mark, said)| Spoken { mark, said, since: Since::Kept, given_up: false });
        let verdict = judge(1, &spoken, &[], &thread.posts());
        assert_eq!((verdict.taken_back, verdict.count(Wrong::Lost)), (1, 1));
        assert_eq!(verdict.findings.iter().find_map(|finding| finding.token), Some(two.token));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_may_end_in_another_post_but_never_without_saying_so() {
        let [one, two] = marks(Mood::FailsHang);
        let note = texts::answer_cut_off(ErrorKind::TooSlow);
        let (other, whole) = (with_note(crate::speech::half(&answer(&[two])), Some(&note)), answer(&[one]));
        let (begins, goes_on) = crate::speech::half(&whole).split_at(whole.len() / 3);
        for (said, wrong) in [
            (vec![format!("{begins}{goes_on}\n\n{note}"), other.clone()], 0),
            (vec![begins.to_owned(), format!("{goes_on}\n\n{note}"), other.clone()], 0),
            (vec![format!("{begins}\n\n"), note.clone(), other.clone()], 0),
            (vec![begins.to_owned(), other.clone()], 1),
            (vec![goes_on.to_owned(), note, other], 2),
        ] {
            let verdict = judged(Mood::FailsHang, &said).await;
            assert_eq!(verdict.count(Wrong::Text), wrong, "{:?}", verdict.findings);
        }
    }
}
