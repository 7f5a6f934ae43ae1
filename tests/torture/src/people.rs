//! Plays a script: people who write, and look at what their thread shows.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_bot::texts;
use chathakase_session::{ChannelId, SlackTs, time::SharedClock};
use chathakase_sim::slack::{self, Fate, Feed, Said, SmallSlack, Thread};
use tokio::sync::{Notify, watch};

use crate::{
    judge::{Since, Spoken, judge, shown_of, waits},
    model::Witness,
    progress::Progress,
    script::{Beat, Deed, Line, Order, Script, What},
    speech::{Mark, Mood, Token, question},
};

/// How often people look whether anything can still be expected.
const LOOK: Duration = Duration::from_mins(1);
/// How often somebody looks who waits for an answer to begin.
const GLANCE: Duration = Duration::from_secs(1);
/// So long after its acknowledgement a Stop is known to all (45 s): a lease is over by then that nobody renewed, and a call that
/// was on its way.
const STOPPED_WITHIN: Duration = Duration::from_secs(45);
/// Messages that an event of old may be about.
const RECENT_MAX: usize = 64;

/// The commands that were said in a thread.
pub(crate) fn orders_of(talk: &Talk) -> Vec<Order> {
    talk.ordered.iter().map(|(order, _)| *order).collect()
}

/// What the people of one thread said.
pub(crate) struct Talk {
    pub(crate) number: u32,
    pub(crate) thread: Thread,
    pub(crate) spoken: Vec<Spoken>,
    /// The commands that were said.
    pub(crate) ordered: Vec<(Order, Said)>,
    /// Messages of which not everybody may know yet that they were edited or deleted.
    unsettled: Vec<Token>,
    /// Why they left before their script was at its end.
    pub(crate) gave_up: bool,
}

impl Talk {
    /// A thread of which only the first message was said.
    pub(crate) fn new(number: u32, opening: Mark, thread: Thread) -> Self {
        let spoken = vec![Spoken::new(opening, thread.first())];
        Self { number, thread, spoken, ordered: Vec::new(), unsettled: Vec::new(), gave_up: false }
    }
}

/// Where people play.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) slack: SmallSlack,
    pub(crate) clock: SharedClock,
    pub(crate) ear: Ear,
    pub(crate) witness: Witness,
    pub(crate) pace: Pace,
    /// So many looks that bring nothing new are enough. Slack tries an event for six minutes, a model may be silent for minutes,
    /// and what several processes died over is carried on with one at a time: a net, and no part of what is measured.
    pub(crate) looks_max: u32,
}

impl Spoken {
    fn new(mark: Mark, said: Said) -> Self {
        Self { mark, said, since: Since::default(), given_up: false }
    }
}

/// How far the play is.
#[derive(Clone)]
pub(crate) struct Pace {
    said: Arc<watch::Sender<u64>>,
    recent: Arc<Mutex<VecDeque<Said>>>,
    progress: Arc<Progress>,
}

impl Pace {
    /// A play at its beginning, that is counted in `progress`.
    pub(crate) fn with(progress: Arc<Progress>) -> Self {
        Self { said: Arc::default(), recent: Arc::default(), progress }
    }

    /// Ends when so many messages were said.
    pub(crate) async fn reached(&self, messages: u64) {
        let _ = self.said.subscribe().wait_for(|said| *said >= messages).await;
    }

    /// The message that was said `back` messages ago, or the oldest that is remembered.
    pub(crate) fn recent(&self, back: usize) -> Option<Said> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(back.min(recent.len().saturating_sub(1))).cloned()
    }

    /// A process was killed.
    pub(crate) fn killed(&self) {
        self.progress.killed();
    }

    fn said(&self, said: &Said, counts: bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(said.clone());
        recent.truncate(RECENT_MAX);
        drop(recent);
        self.said.send_modify(|count| *count += u64::from(counts));
        self.progress.said(u64::from(counts));
    }
}

impl Scene {
    /// Plays a whole script.
    pub(crate) async fn play(&self, script: Script) -> Talk {
        for name in &script.people {
            self.slack.person(name);
        }
        let mut beats = script.beats();
        let Some(Beat::Say(opening)) = beats.next() else { unreachable!("a script begins with a line") };
        let thread = self.open(&script, &opening).await;
        self.pace.said(&thread.first(), true);
        let mut talk = Talk::new(script.thread, opening.mark, thread);
        for beat in beats {
            match beat {
                Beat::Say(line) => {
                    self.clock.sleep(line.after).await;
                    let said = self.say(&script, &talk.thread, &line).await;
                    self.pace.said(&said, line.mark.mood != Mood::Aside);
                    talk.spoken.push(Spoken::new(line.mark, said));
                }
                Beat::Order(order) => self.orders(&mut talk, &script.people[0], order).await,
                Beat::Do(deed) => self.does(&mut talk, &script.people[0], deed).await,
                Beat::Wait if self.answered(&talk).await => self.settles(&mut talk),
                Beat::Wait => {
                    talk.gave_up = true;
                    break;
                }
            }
        }
        for spoken in &mut talk.spoken {
            spoken.given_up = self.was_given_up(spoken);
        }
        talk
    }

    async fn open(&self, script: &Script, line: &Line) -> Thread {
        let (who, text) = (&script.people[line.who], question(line.mark));
        match &script.channel {
            Some(channel) => self.slack.mention(who, channel, text).await,
            None => self.slack.dm(who, text).await,
        }
    }

    async fn say(&self, script: &Script, thread: &Thread, line: &Line) -> Said {
        let (who, text) = (&script.people[line.who], question(line.mark));
        if line.mark.mood == Mood::Aside {
            let other = &script.people[(line.who + 1) % script.people.len()];
            return thread.reply(who, format!("@{other} {text}")).await;
        }
        if line.mentions { thread.mention(who, text).await } else { thread.reply(who, text).await }
    }

    async fn orders(&self, talk: &mut Talk, who: &str, order: Order) {
        let words = match order {
            Order::Info => "session info",
            Order::Clear => "clear session",
        };
        let said = talk.thread.mention(who, words).await;
        self.pace.said(&said, false);
        if order == Order::Clear {
            talk.spoken.iter().for_each(|spoken| self.witness.loosens(spoken.mark.token));
        }
        talk.ordered.push((order, said));
    }

    async fn does(&self, talk: &mut Talk, who: &str, Deed { token, what, after }: Deed) {
        self.clock.sleep(after).await;
        let Some(at) = talk.spoken.iter().position(|spoken| spoken.mark.token == token) else { return };
        let said = talk.spoken[at].said.clone();
        match what {
            What::Edits => {
                let mark = Mark { edits: talk.spoken[at].mark.edits + 1, ..talk.spoken[at].mark };
                talk.spoken[at].mark = mark;
                talk.unsettled.push(token);
                talk.thread.edit(&said, question(mark)).await;
            }
            What::Deletes => {
                self.witness.loosens(token);
                talk.spoken[at].since = Since::Deleted { waited: false };
                talk.unsettled.push(token);
                talk.thread.delete(&said).await;
                let waited = self.is_known(&said) && waits(token, &talk.spoken, &talk.thread.posts());
                talk.spoken[at].since = Since::Deleted { waited };
            }
            What::Stops => self.stops(talk, who, token).await,
        }
    }

    /// Stops the answer to a message, if it comes soon and is not at its end by then.
    async fn stops(&self, talk: &mut Talk, who: &str, token: Token) {
        let began = self.clock.monotonic();
        let running = loop {
            match shown_of(token, &talk.spoken, &talk.thread.posts()) {
                Some((marks, _, true)) => break marks,
                Some(_) => return,
                None if self.clock.monotonic().saturating_sub(began) > LOOK => return,
                None => self.clock.sleep(GLANCE).await,
            }
        };
        let was_stopped = |spoken: &&mut Spoken| running.iter().any(|mark| mark.token == spoken.mark.token);
        for spoken in talk.spoken.iter_mut().filter(was_stopped) {
            self.witness.loosens(spoken.mark.token);
            spoken.since = Since::Stopped { at: None };
        }
        talk.thread.press_stop(who).await;
        if self.is_known(&talk.thread.first()) {
            self.clock.sleep(STOPPED_WITHIN).await;
            let at = shown_of(token, &talk.spoken, &talk.thread.posts()).map(|(_, bytes, _)| bytes);
            for spoken in talk.spoken.iter_mut().filter(was_stopped) {
                spoken.since = Since::Stopped { at };
            }
        }
    }

    /// What is acknowledged when all is answered nobody may overlook any more.
    fn settles(&self, talk: &mut Talk) {
        let failed = talk.thread.posts().iter().any(|post| post.ours && post.text == texts::command_failed());
        if let Some((Order::Clear, said)) = talk.ordered.last()
            && !failed
        {
            let before = talk.spoken.iter().filter(|spoken| spoken.said.ts() < said.ts());
            self.witness.clears(before.map(|spoken| spoken.mark.token));
        }
        for token in std::mem::take(&mut talk.unsettled) {
            let about = talk.spoken.iter().find(|spoken| spoken.mark.token == token);
            if let Some(spoken) = about.filter(|spoken| self.is_known(&spoken.said)) {
                let deleted = matches!(spoken.since, Since::Deleted { .. });
                self.witness.settles(token, (!deleted).then_some(spoken.mark.edits));
            }
        }
    }

    /// Whether all that happened to a post is acknowledged.
    fn is_known(&self, said: &Said) -> bool {
        self.slack.fates(said).iter().all(|fate| *fate == Fate::Acknowledged)
    }

    /// Waits until the thread shows everything that it owes; `false` when it does not come.
    pub(crate) async fn answered(&self, talk: &Talk) -> bool {
        let news = self.ear.to(talk.thread.channel(), talk.thread.root());
        let mut looks = 0;
        loop {
            if self.is_right(talk) {
                return true;
            }
            if looks > self.looks_max {
                return false;
            }
            tokio::select! {
                () = news.notified() => looks = 0,
                () = self.clock.sleep(LOOK) => looks += 1,
            }
        }
    }

    /// Whether a thread shows all that it owes, whole: then those who wait in it go on.
    fn is_right(&self, talk: &Talk) -> bool {
        let posts = talk.thread.posts();
        judge(0, &talk.spoken, &orders_of(talk), &posts).findings.is_empty() && !posts.iter().any(|post| post.streaming)
    }

    /// Whether Slack tried in vain to deliver it, and has stopped trying.
    fn was_given_up(&self, spoken: &Spoken) -> bool {
        let fates = self.slack.fates(&spoken.said);
        !fates.is_empty() && fates.iter().all(|fate| *fate == Fate::GivenUp)
    }
}

type Threads = HashMap<(ChannelId, SlackTs), Arc<Notify>>;

/// Wakes the people of a thread when it shows something new. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Threads>>);

impl Ear {
    /// An ear for all that happens.
    pub(crate) fn listen(mut feed: Feed) -> Self {
        let ear = Self::default();
        let threads = ear.clone();
        tokio::spawn(async move {
            while let Some(happening) = feed.next().await {
                // What only grows is not at its end.
                let grows =
                    matches!(happening.what, slack::What::Grew(_) | slack::What::Posted { streaming: true, .. });
                if !grows {
                    threads.to(&happening.channel, happening.thread).notify_one();
                }
            }
        });
        ear
    }

    fn to(&self, channel: &ChannelId, root: SlackTs) -> Arc<Notify> {
        self.lock().entry((channel.clone(), root)).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
