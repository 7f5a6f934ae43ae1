//! Whether events come: a person writes in Slack, and what does not arrive is named.
//!
//! Slack tells nobody which events an app is subscribed to but whoever made it, so they have to be seen. What comes goes through
//! the doors of `serve`, to an inbox that takes nothing in: no event is acknowledged, and Slack delivers each again, to a `serve`
//! that is started meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, http::StatusCode, middleware::map_response, response::Response};
use chathakase_session::{
    ChannelId, SlackTs,
    time::{Clock, timeout},
};
use chathakase_slack::{
    api::Api,
    http::{EventsConfig, router},
    manifest::needs::EVENTS,
    payload::{Delivery, Event, Inbox, NotStored, Place, Post},
    socket::{SocketConfig, SocketMode},
};
use clap::ValueEnum;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Look, Wishes, report::Finding, slack};
use crate::{
    config::{Transport, duration},
    watch::SERVER,
};

/// How long a post's second event may take after everything else has come; Slack keeps no order.
const SECOND_EVENT_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for an answer to a knock.
const KNOCK_WAIT_MAX: Duration = Duration::from_secs(2);
/// Longest answer to a knock that is read.
const KNOCK_BYTES_MAX: u64 = 1024;

/// Where a person is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Spot {
    /// To the assistant directly
    Dm,
    /// In a public channel that it is in, with a mention
    Channel,
    /// In a private channel that it is in, with a mention
    Private,
    /// In a group conversation that it is in, with a mention
    Group,
}

impl Spot {
    fn of(place: Place) -> Option<Self> {
        match place {
            Place::Direct => Some(Self::Dm),
            Place::Channel => Some(Self::Channel),
            Place::Private => Some(Self::Private),
            Place::Group => Some(Self::Group),
            Place::Unknown => None,
        }
    }

    fn message_event(self) -> &'static str {
        match self {
            Self::Dm => "message.im",
            Self::Channel => "message.channels",
            Self::Private => "message.groups",
            Self::Group => "message.mpim",
        }
    }

    /// The events that one post with a mention there gives.
    fn events(self) -> Vec<&'static str> {
        let mention = (self != Self::Dm).then_some("app_mention");
        mention.into_iter().chain([self.message_event()]).collect()
    }

    fn asks(self, word: &str) -> String {
        match self {
            Self::Dm => format!("to the assistant directly:      {word}"),
            Self::Channel => format!("in a public channel it is in:   @assistant {word}"),
            Self::Private => format!("in a private channel it is in:  @assistant {word}"),
            Self::Group => format!("in a group conversation:        @assistant {word}"),
        }
    }
}

/// What came of one post.
#[derive(Clone, Debug, Default)]
struct Came {
    mention: bool,
    /// By a `message`, which says where.
    message: Option<Spot>,
}

type Posts = BTreeMap<(ChannelId, SlackTs), Came>;

/// An inbox that sees and does not take.
struct Ear {
    word: String,
    posts: Mutex<Posts>,
    /// Events that came with other words.
    strays: Mutex<BTreeSet<&'static str>>,
    news: watch::Sender<()>,
    /// Something came that was signed with another secret.
    mismatch: AtomicBool,
    /// Something came through the door, whatever it was.
    trusted: AtomicBool,
}

#[async_trait]
impl Inbox for Ear {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        self.trusted.store(true, Ordering::SeqCst);
        match &delivery.event {
            Event::Mention(post) => self.heard(post, Some("app_mention"), |came| came.mention = true),
            Event::Message(post) => {
                let spot = Spot::of(post.place);
                self.heard(post, spot.map(Spot::message_event), |came| came.message = spot);
            }
            _ => {}
        }
        Err(NotStored::because("this is only a check"))
    }
}

impl Ear {
    fn heard(&self, post: &Post, event: Option<&'static str>, note: impl FnOnce(&mut Came)) {
        if post.text.contains(&self.word) {
            note(self.posts().entry((post.channel.clone(), post.ts)).or_default());
            self.news.send_replace(());
        } else {
            self.strays().extend(event);
        }
    }

    fn strays(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn posts(&self) -> MutexGuard<'_, Posts> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has come: so many posts at least as were asked for, or all events of them.
    fn has(&self, wanted: &[Spot]) -> Progress {
        let posts = self.posts();
        let whole =
            |spot: &Spot| posts.values().any(|came| came.message == Some(*spot) && (came.mention || *spot == Spot::Dm));
        if wanted.iter().all(whole) {
            Progress::All
        } else if posts.len() >= wanted.len() {
            Progress::EachPlace
        } else {
            Progress::Waits
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waits,
    EachPlace,
    All,
}

pub(super) async fn look(
    look: &mut Look<'_>,
    api: &Api,
    granted: Option<&BTreeSet<String>>,
    others: u32,
    wishes: &Wishes,
) {
    if others > 0 {
        return look.add(Finding::wrong(
            "events",
            "another program takes the events of this app, so some or all would not come here",
            "stop `chathakase serve` for as long as this check takes",
        ));
    }
    let ear = Arc::new(Ear {
        word: wishes.word.clone(),
        posts: Mutex::default(),
        strays: Mutex::default(),
        news: watch::Sender::new(()),
        mismatch: AtomicBool::new(false),
        trusted: AtomicBool::new(false),
    });
    let Some(_open) = open(look, &ear).await else { return };
    (look.tell)(&format!("\nNow write in Slack, within {}:", duration::show(wishes.wait)));
    for spot in &wishes.live {
        (look.tell)(&format!("  - {}", spot.asks(&wishes.word)));
    }
    (look.tell)(
        "Nothing is answered now: what you write waits for `chathakase serve`, which answers it when it is started within some minutes.\n",
    );
    listen(look, &ear, wishes).await;
    if ear.mismatch.load(Ordering::SeqCst) && !ear.trusted.load(Ordering::SeqCst) {
        return look.add(Finding::wrong(
            "slack.signing_secret",
            "requests came, and their signature does not fit",
            "copy the signing secret again from \"Basic Information\" in the app's settings, and set SLACK_SIGNING_SECRET",
        ));
    }
    if look.config.slack_transport == Transport::Http {
        let seen = ear.trusted.load(Ordering::SeqCst);
        let secret = if seen {
            Finding::right("slack.signing_secret", "Slack's requests are signed with it")
        } else {
            let request = "no request came: save the Request URL anew under \"Event Subscriptions\" while this waits, and Slack signs one";
            slack::signing_secret(look.config, request)
        };
        look.add(secret);
    }
    judge(look, api, granted, &ear, wishes).await;
}

/// Opens the door that `serve` would open; it closes when the guard is dropped.
async fn open(look: &mut Look<'_>, ear: &Arc<Ear>) -> Option<DropGuard> {
    let stop = CancellationToken::new();
    match look.config.slack_transport {
        Transport::Socket => {
            let token = look.config.slack_app_token.clone()?;
            let door = SocketConfig { api_base: look.config.slack_api_url.clone(), ..SocketConfig::new(token) };
            tokio::spawn(SocketMode::new(door, look.clock.clone(), ear.clone()).run(stop.clone()));
        }
        Transport::Http => {
            let secret = look.config.slack_signing_secret.clone()?;
            let listener = match TcpListener::bind(look.config.http_listen).await {
                Ok(listener) => listener,
                Err(cause) => {
                    look.add(Finding::fault("http.listen", &cause));
                    return None;
                }
            };
            if let Ok(address) = listener.local_addr() {
                (look.tell)(&format!("listening on {address}"));
            }
            let routes = door(EventsConfig::new(secret, look.clock.clone()), ear);
            let stopped = stop.clone().cancelled_owned();
            tokio::spawn(async move { axum::serve(listener, routes).with_graceful_shutdown(stopped).await });
        }
    }
    Some(stop.drop_guard())
}

/// The door of `serve`, which also notes whether it turned something away for its signature.
fn door(config: EventsConfig, ear: &Arc<Ear>) -> Router {
    let ear_of_refusals = Arc::clone(ear);
    router(config, ear.clone()).layer(map_response(move |response: Response| {
        let ear = Arc::clone(&ear_of_refusals);
        async move {
            if response.status() == StatusCode::UNAUTHORIZED {
                ear.mismatch.store(true, Ordering::SeqCst);
                ear.news.send_replace(());
            }
            response
        }
    }))
}

/// Ends when all has come, or the time is over.
async fn listen(look: &Look<'_>, ear: &Ear, wishes: &Wishes) {
    let mut news = ear.news.subscribe();
    let mut end = look.clock.sleep(wishes.wait);
    let mut nearly = false;
    loop {
        match ear.has(&wishes.live) {
            Progress::All => return,
            Progress::EachPlace if !nearly => {
                nearly = true;
                end = look.clock.sleep(SECOND_EVENT_WAIT);
            }
            Progress::EachPlace | Progress::Waits => {}
        }
        tokio::select! {
            () = &mut end => return,
            changed = news.changed() => if changed.is_err() { return },
        }
    }
}

async fn judge(look: &mut Look<'_>, api: &Api, granted: Option<&BTreeSet<String>>, ear: &Ear, wishes: &Wishes) {
    let posts = ear.posts().clone();
    let (mut heard, mut spots) = (BTreeSet::new(), BTreeSet::new());
    for ((channel, _), came) in &posts {
        heard.extend(came.mention.then_some("app_mention"));
        heard.extend(came.message.map(Spot::message_event));
        let spot = match came.message {
            Some(spot) => Some(spot),
            // A mention does not say where it was.
            None => spot_of(api, channel).await,
        };
        spots.extend(spot);
    }
    let asked: BTreeSet<&str> = wishes.live.iter().flat_map(|spot| spot.events()).collect();
    let may = |scope: &str| granted.is_none_or(|granted| granted.contains(scope));
    // What lacks its scope cannot come, and was said already.
    for event in EVENTS.iter().filter(|event| asked.contains(event.name) && may(event.scope)) {
        let part = format!("event {}", event.name);
        if heard.contains(event.name) {
            look.add(Finding::right(part, "came"));
            continue;
        }
        if ear.strays().contains(event.name) {
            let says = format!("came with another message, and not with `{}`", wishes.word);
            look.add(Finding::hint(
                part,
                says,
                "the app is subscribed to it; to see the rest, check again and write exactly what is asked",
            ));
            continue;
        }
        let there =
            wishes.live.iter().filter(|spot| spot.events().contains(&event.name)).any(|spot| spots.contains(spot));
        let says = if there { "did not come with a post that its other event did come with" } else { "did not come" };
        let first = if there { "" } else { "if you did write there, and the assistant is in that channel: " };
        let mend = format!(
            "{first}add it under \"Event Subscriptions\", \"Subscribe to bot events\" in the app's settings, save, and install the app again"
        );
        look.add(Finding::wrong(part, says, mend));
    }
    stop_button(look, api, &posts).await;
}

async fn spot_of(api: &Api, channel: &ChannelId) -> Option<Spot> {
    let found = api.conversations_info(channel).await.ok()?;
    let is = |flag: Option<bool>| flag == Some(true);
    Some(match () {
        () if is(found.is_im) => Spot::Dm,
        () if is(found.is_mpim) => Spot::Group,
        () if is(found.is_private) => Spot::Private,
        () => Spot::Channel,
    })
}

/// Nobody has to press it: Slack warns an app that would not hear of it.
async fn stop_button(look: &mut Look<'_>, api: &Api, posts: &Posts) {
    let Some((channel, root)) = posts.keys().next() else { return };
    let part = "event agent_session_stopped";
    match api.hears_stop(channel, *root).await {
        Ok(Some(true)) => look.add(Finding::right(part, "Slack's Stop button reaches the assistant")),
        Ok(Some(false)) => look.add(Finding::wrong(
            part,
            "Slack warns that the Stop button would not reach the assistant",
            "add it under \"Event Subscriptions\", \"Subscribe to bot events\" in the app's settings, and save",
        )),
        // No agent view, or no right to show one: there is no such button, and what is missing was said already.
        Ok(None) => {}
        Err(error) => look.add(Finding::fault(part, &error)),
    }
}

/// Whether it is one of ours that listens there.
pub(super) async fn is_ours(address: SocketAddr, clock: &dyn Clock) -> bool {
    let knock = async {
        let mut line = TcpStream::connect(address).await?;
        line.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        line.take(KNOCK_BYTES_MAX).read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.lines().any(|line| line == format!("server: {SERVER}")))
    };
    matches!(timeout(clock, KNOCK_WAIT_MAX, knock).await, Ok(Ok(true)))
}
