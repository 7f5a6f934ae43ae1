//! What the page's buttons break, and the watching until it is well again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chathakase_session::time::SharedClock;
use chathakase_sim::{
    page::{Fault, Notes, Tone},
    relay::{End, Relay},
    slack::{Feed, Gate, Happening, SmallSlack, What},
};

use super::{ledger::Ledger, room::LOOK_EVERY, view::ASSISTANT};

/// Seconds that the 429 asks to wait.
const RETRY_AFTER_SECS: u64 = 5;

pub(crate) const KILL: &str = "kill";
pub(crate) const RESTART: &str = "restart";
const RATE_LIMIT: &str = "rate-limit";
const END_STREAM: &str = "end-stream";
const DROP_SOCKET: &str = "drop-socket";
const DUPLICATE: &str = "duplicate";
const CUT_MODEL: &str = "cut-model";

/// The buttons, in their order.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        id: KILL,
        label: "Kill and restart the bot",
        does: "Ends the assistant at once, in mid-answer if there is one (as kill -9 does), and starts it again.",
        then: "It finds its half answer in the thread and makes it one whole answer. Nothing is lost, nothing is there twice.",
    },
    Fault {
        id: RATE_LIMIT,
        label: "429 from Slack",
        does: "Slack refuses to begin the next answer’s stream: too many requests, come back in 5 s.",
        then: "The answer comes all the same, another way: as a message that is updated.",
    },
    Fault {
        id: END_STREAM,
        label: "End the stream",
        does: "Slack ends the stream of the running answer, or of the next one, as it does after five minutes.",
        then: "The answer goes on in a new message, and no word is missing.",
    },
    Fault {
        id: DROP_SOCKET,
        label: "Drop the socket",
        does: "Resets the connection over which Slack tells of messages.",
        then: "The assistant connects again; what was written meanwhile is answered.",
    },
    Fault {
        id: DUPLICATE,
        label: "Duplicate the event",
        does: "Slack tells twice of the next message, as its retries do.",
        then: "It is answered once.",
    },
    Fault {
        id: CUT_MODEL,
        label: "Cut the model off",
        does: "The connection to the model breaks in the middle of the next answer.",
        then: "The thread keeps what had come and says that it stops there. The next question works.",
    },
    Fault {
        id: RESTART,
        label: "Restart in good order",
        does: "Ends the assistant as a new version’s start does: running answers are finished first.",
        then: "Ask it something that was said before: the thread is remembered.",
    },
];

/// What the faults work on, beside the assistant itself.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) slack: SmallSlack,
    pub(crate) relay: Option<Relay>,
    pub(crate) ledger: Ledger,
    pub(crate) notes: Notes,
    pub(crate) clock: SharedClock,
    /// What was asked for and has not happened yet.
    pub(crate) armed: Armed,
}

/// The buttons that wait for something to break. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Armed(Arc<Mutex<BTreeSet<String>>>);

impl Armed {
    /// False when it is armed already.
    fn arm(&self, id: &str) -> bool {
        self.lock().insert(id.to_owned())
    }

    fn fired(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    /// Breaks something and tells of it until it is well again. Killing and restarting is the stage's to do.
    pub(crate) async fn play(self, id: &str) {
        if !self.armed.arm(id) {
            return self.notes.add(Tone::Asked, "That waits to happen already: ask something.");
        }
        match id {
            RATE_LIMIT => self.rate_limit().await,
            END_STREAM => self.end_stream().await,
            DROP_SOCKET => self.drop_socket().await,
            DUPLICATE => self.duplicate().await,
            CUT_MODEL => self.cut_model().await,
            _ => {}
        }
    }

    async fn rate_limit(&self) {
        self.notes.add(Tone::Asked, "The next stream will be refused with 429. Ask something.");
        let fault = self.slack.next("chat.startStream").fails_429(RETRY_AFTER_SECS);
        let mut changes = self.slack.changes();
        while fault.hits() == 0 {
            changes.next().await;
        }
        self.broke(RATE_LIMIT, format!("Slack refused chat.startStream: 429, Retry-After {RETRY_AFTER_SECS} s."));
        self.until_well("The answer came without the stream, and is whole.").await;
    }

    /// Ends the stream while more of its answer is on its way: ended after its last words it would cost the answer nothing.
    async fn end_stream(&self) {
        let on_its_way = Gate::closed();
        let _more = self.slack.next("chat.appendStream").slow(&on_its_way);
        self.notes.add(
            Tone::Asked,
            match self.slack.is_streaming() {
                true => "A stream will be ended with its next words: this answer’s, or the next one’s.",
                false => "The next answer’s stream will be ended. Ask for something long.",
            },
        );
        on_its_way.reached().await;
        let begun = || self.slack.calls("chat.startStream").len() + self.slack.calls("chat.postMessage").len();
        let before = begun();
        self.slack.end_streams();
        on_its_way.open();
        self.broke(END_STREAM, "Slack ended the stream in the middle of the answer.");
        self.until_idle().await;
        let how =
            if begun() > before { "in a new message" } else { "nowhere: it was at its end, or somebody stopped it" };
        self.notes.add(Tone::Well, format!("The answer went on {how}."));
    }

    async fn drop_socket(&self) {
        let opened = || self.slack.calls("apps.connections.open").len();
        let (before, mut changes) = (opened(), self.slack.changes());
        self.slack.drop_sockets();
        self.broke(DROP_SOCKET, "The connection was reset.");
        // Not the moment without any: it may be over before somebody looks.
        while opened() == before || self.slack.connections() == 0 {
            changes.next().await;
        }
        self.notes.add(Tone::Well, "The assistant is connected again.");
    }

    async fn duplicate(&self) {
        self.notes.add(Tone::Asked, "The next message will be told twice. Write one.");
        let (mut feed, mut changes) = (self.slack.feed(), self.slack.changes());
        self.slack.duplicate_next();
        while self.slack.will_duplicate() {
            changes.next().await;
        }
        self.broke(DUPLICATE, "Slack told twice of the same message, under one event id.");
        let Some(answer) = answer(&mut feed).await else { return };
        self.until_idle().await;
        let posts = self.slack.thread(answer.channel.as_str(), answer.thread).posts();
        let answers = posts.iter().filter(|post| post.ours && post.ts >= answer.ts).count();
        let times = if answers == 1 { "once".to_owned() } else { format!("in {answers} posts") };
        self.notes.add(Tone::Well, format!("It was answered {times}."));
    }

    async fn cut_model(&self) {
        let Some(relay) = &self.relay else {
            self.armed.fired(CUT_MODEL);
            return self.notes.add(Tone::Asked, "The model is asked directly here, so its answers cannot be cut.");
        };
        self.notes.add(Tone::Asked, "The next answer will be cut off. Ask something.");
        let before = relay.last().map_or(0, |exchange| exchange.number);
        let mut changes = relay.changes();
        relay.cut_next();
        loop {
            let cut =
                |exchange: &chathakase_sim::relay::Exchange| exchange.number > before && exchange.end == Some(End::Cut);
            if relay.exchanges().iter().any(cut) {
                break;
            }
            changes.next().await;
        }
        self.broke(CUT_MODEL, "The connection to the model broke in mid-answer.");
        self.until_well("The thread says where the answer stops. Ask again: the next one works.").await;
    }

    /// Says what broke; its button can be pressed again.
    fn broke(&self, id: &str, what: impl Into<String>) {
        self.armed.fired(id);
        self.notes.add(Tone::Broke, what);
    }

    /// Says that all is well, once it is.
    pub(crate) async fn until_well(&self, then: &str) {
        self.until_idle().await;
        self.notes.add(Tone::Well, then);
    }

    async fn until_idle(&self) {
        while !self.ledger.is_idle(self.clock.now()).await {
            self.clock.sleep(LOOK_EVERY).await;
        }
    }
}

/// The next post of the assistant.
async fn answer(feed: &mut Feed) -> Option<Happening> {
    loop {
        let happening = feed.next().await?;
        if happening.who == ASSISTANT && matches!(happening.what, What::Posted { .. }) {
            return Some(happening);
        }
    }
}
