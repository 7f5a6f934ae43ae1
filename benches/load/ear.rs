//! Hears what the threads show, and when.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Context, bail};
use chathakase_session::SlackTs;
use chathakase_sim::slack::{Feed, Happening, What};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The app's name in the small Slack.
const APP: &str = "assistant";

type Heard = (Instant, What);

/// By the roots of threads: where what happens goes, and where it is heard until somebody listens.
type Threads = HashMap<SlackTs, (UnboundedSender<Heard>, Option<UnboundedReceiver<Heard>>)>;

/// Sorts what happens in a small Slack by threads.
#[derive(Clone, Default)]
pub(crate) struct Ear {
    threads: Arc<Mutex<Threads>>,
}

/// What one thread shows of the app's posts.
pub(crate) struct Listener(UnboundedReceiver<Heard>);

/// An answer as a thread showed it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    /// When its first words could be seen.
    pub(crate) first: Instant,
    /// Whether it came as a stream.
    pub(crate) streamed: bool,
    /// Whether the thread said before that somebody is at work.
    pub(crate) announced: bool,
}

impl Ear {
    pub(crate) fn listen(mut feed: Feed) -> Self {
        let ear = Self::default();
        let threads = ear.clone();
        tokio::spawn(async move {
            while let Some(happening) = feed.next().await {
                threads.hear(happening);
            }
        });
        ear
    }

    /// What a thread shows, from its root on. Only one may listen.
    pub(crate) fn to(&self, root: SlackTs) -> anyhow::Result<Listener> {
        let listener = self.lock().entry(root).or_insert_with(channel).1.take();
        listener.map(Listener).context("somebody listens to this thread already")
    }

    fn hear(&self, happening: Happening) {
        let Happening { thread, who, what, .. } = happening;
        if who == APP {
            // Whoever has heard enough of a thread is gone.
            let _ = self.lock().entry(thread).or_insert_with(channel).0.send((Instant::now(), what));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn channel() -> (UnboundedSender<Heard>, Option<UnboundedReceiver<Heard>>) {
    let (sender, receiver) = unbounded_channel();
    (sender, Some(receiver))
}

impl Listener {
    /// Waits until the next answer is whole.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<Shown> {
        let mut announced = false;
        loop {
            match self.next().await? {
                (_, What::Status(_)) => announced = true,
                (first, What::Posted { text, streaming }) => {
                    let mut shown = Shown { text, first, streamed: streaming, announced };
                    if streaming {
                        self.rest(&mut shown).await?;
                    }
                    return Ok(shown);
                }
                (_, what) => bail!("an answer begins with {what:?}"),
            }
        }
    }

    async fn rest(&mut self, shown: &mut Shown) -> anyhow::Result<()> {
        loop {
            match self.next().await?.1 {
                What::Grew(more) => shown.text.push_str(&more),
                What::Finished => return Ok(()),
                What::Changed(whole) => {
                    shown.text = whole;
                    return Ok(());
                }
                What::Status(_) => shown.announced = true,
                what => bail!("a streamed answer goes on with {what:?}"),
            }
        }
    }

    async fn next(&mut self) -> anyhow::Result<Heard> {
        self.0.recv().await.context("the small Slack is gone")
    }
}
