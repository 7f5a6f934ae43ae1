//! Plays a script: people who write, and look at what their thread shows.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::{ChannelId, SlackTs, time::SharedClock};
use chathakase_sim::slack::{Fate, Feed, Said, SmallSlack, Thread, What};
use tokio::sync::{Notify, watch};

use crate::{
    judge::{Spoken, Standing, standing},
    progress::Progress,
    script::{Line, Script},
    speech::{Mood, question},
};

/// How often people look whether anything can still be expected.
const LOOK: Duration = Duration::from_mins(1);
/// So many looks that bring nothing new are enough in a thread that shows all it owes, but not as it should be.
const WRONG_LOOKS_MAX: u32 = 4;
/// Messages that an event of old may be about.
const RECENT_MAX: usize = 64;

/// What the people of one thread said.
pub(crate) struct Talk {
    pub(crate) number: u32,
    pub(crate) thread: Thread,
    pub(crate) spoken: Vec<Spoken>,
    /// Why they left before their script was at its end.
    pub(crate) gave_up: bool,
}

/// Where people play.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) slack: SmallSlack,
    pub(crate) clock: SharedClock,
    pub(crate) ear: Ear,
    pub(crate) pace: Pace,
    /// The same in a thread that owes an answer. Slack tries an event for six minutes, a model may be silent for minutes: a
    /// net, and no part of what is measured.
    pub(crate) looks_max: u32,
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
        let mut lines = script.lines().into_iter();
        let (opening, waits) = lines.next().expect("a script has a first line");
        let thread = self.open(&script, &opening).await;
        let first = thread.first();
        self.pace.said(&first, true);
        let spoken = vec![Spoken { mark: opening.mark, said: first, given_up: false }];
        let mut talk = Talk { number: script.thread, thread, spoken, gave_up: false };
        talk.gave_up = waits && !self.answered(&talk).await;
        for (line, waits) in lines {
            if talk.gave_up {
                break;
            }
            self.clock.sleep(line.after).await;
            let said = self.say(&script, &talk.thread, &line).await;
            self.pace.said(&said, line.mark.mood != Mood::Aside);
            talk.spoken.push(Spoken { mark: line.mark, said, given_up: false });
            talk.gave_up = waits && !self.answered(&talk).await;
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

    /// Waits until the thread shows everything that it owes; `false` when it does not come.
    async fn answered(&self, talk: &Talk) -> bool {
        let news = self.ear.to(talk.thread.channel(), talk.thread.root());
        let mut looks = 0;
        loop {
            let limit = match standing(&talk.spoken, &talk.thread.posts()) {
                Standing::Right => return true,
                Standing::Wrong => WRONG_LOOKS_MAX,
                Standing::Owes => self.looks_max,
            };
            if looks > limit {
                return false;
            }
            tokio::select! {
                () = news.notified() => looks = 0,
                () = self.clock.sleep(LOOK) => looks += 1,
            }
        }
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
                let grows = matches!(happening.what, What::Grew(_) | What::Posted { streaming: true, .. });
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
