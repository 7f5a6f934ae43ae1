//! How the app hears of what happened: one event, one journey with its retries, over HTTP or a socket.

mod heard;
mod http;
#[cfg(test)]
pub(crate) use http::signature;
pub(crate) mod socket;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::{ChannelId, SlackTs};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    options::{MentionOrder, Transport},
    shared::Shared,
    world::{APP_ID, Outgoing, World},
};

/// Slack waits so long for an acknowledgement. For sockets undocumented; taken to be the same.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(3);
/// Slack: three retries, almost at once, after a minute and after five.
pub(crate) const RETRY_WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_mins(1), Duration::from_mins(5)];
/// Events kept for tests to look at; older ones are forgotten.
const EVENTS_KEPT: usize = 20_000;

/// One event with its id, as it is sent.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// The whole envelope (Slack: Events API), as JSON.
    pub(crate) payload: String,
    /// The inner event's type.
    kind: String,
    about: Option<(ChannelId, SlackTs)>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Held back by a test.
    Held,
    /// On its way, or waiting for its next try.
    OnItsWay,
    /// The app acknowledged it.
    Acknowledged,
    /// The app refused it for good, or all tries failed.
    GivenUp,
}

/// An event that was sent, as a test sees it.
#[derive(Clone, Debug)]
pub struct SentEvent {
    /// Its id; a duplicate under another id is another event.
    pub id: String,
    /// The inner event's type: `app_mention`, `message`, ..
    pub kind: String,
    /// The whole envelope.
    pub payload: Value,
    /// How often it was tried.
    pub tries: u32,
    /// What became of it.
    pub fate: Fate,
}

#[derive(Debug)]
struct Logged {
    event: Arc<Event>,
    tries: u32,
    fate: Fate,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    mentions: usize,
    /// Where the app listens; each try goes to the next of them.
    urls: VecDeque<String>,
    held: Option<Vec<Arc<Event>>>,
    double_next: usize,
    log: VecDeque<Logged>,
}

/// Sends events and tries again.
pub(crate) struct Courier {
    pub(crate) sockets: socket::Sockets,
    client: reqwest::Client,
    state: Mutex<State>,
}

/// Ends when the first tries of what a change sent are over.
#[derive(Debug)]
pub(crate) struct Waited(Vec<oneshot::Receiver<()>>);

impl Waited {
    pub(crate) fn nothing() -> Self {
        Self(Vec::new())
    }
    pub(crate) async fn over(self) {
        for first in self.0 {
            let _ = first.await;
        }
    }
}

impl Courier {
    pub(crate) fn new() -> Self {
        Self { sockets: socket::Sockets::default(), client: http::client(), state: Mutex::default() }
    }

    pub(crate) fn deliver_to(&self, urls: &[impl AsRef<str>]) {
        let whole = |url: &str| match url.trim_end_matches('/') {
            url if url.ends_with("/slack/events") => url.to_owned(),
            url => format!("{url}/slack/events"),
        };
        self.lock().urls = urls.iter().map(|url| whole(url.as_ref())).collect();
    }

    /// Where the next try goes.
    fn url(&self) -> Option<String> {
        let urls = &mut self.lock().urls;
        urls.rotate_left(1.min(urls.len()));
        urls.back().cloned()
    }

    /// Sends what happened, the two events of a mention in the order that the options say.
    pub(crate) fn send(&self, shared: &Arc<Shared>, outbox: Vec<Outgoing>) -> Waited {
        let mut events = self.sealed(shared, outbox);
        let mentions = events.len() == 2 && events[0].kind == "app_mention";
        let mut at_once = false;
        if mentions {
            let nth = {
                let mut state = self.lock();
                state.mentions += 1;
                state.mentions
            };
            let order = match (shared.options.mention_order, nth % 3) {
                (MentionOrder::Varies, 1) => MentionOrder::MentionFirst,
                (MentionOrder::Varies, 2) => MentionOrder::MessageFirst,
                (MentionOrder::Varies, _) => MentionOrder::AtOnce,
                (fixed, _) => fixed,
            };
            match order {
                MentionOrder::MessageFirst => events.swap(0, 1),
                MentionOrder::AtOnce => at_once = true,
                MentionOrder::MentionOnly => events.truncate(1),
                MentionOrder::Varies | MentionOrder::MentionFirst => {}
            }
        }
        self.launch(shared, events, at_once)
    }

    /// Sends an event again under its own id (as a retry would), or as another event about the same.
    pub(crate) fn send_again(&self, shared: &Arc<Shared>, about: &(ChannelId, SlackTs), new_id: bool) -> Waited {
        let again: Vec<Arc<Event>> = {
            let mut state = self.lock();
            let found = state.log.iter().filter(|logged| logged.event.about.as_ref() == Some(about));
            let mut events: Vec<Arc<Event>> = found.map(|logged| logged.event.clone()).collect();
            if new_id {
                for event in &mut events {
                    *event = Arc::new(renamed(event, state.next));
                    state.next += 1;
                }
            }
            events
        };
        self.launch(shared, again, false)
    }

    pub(crate) fn hold(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// Lets the held events go, in the order that `arrange` leaves them in.
    pub(crate) fn release(&self, shared: &Arc<Shared>, arrange: impl FnOnce(&mut Vec<Arc<Event>>)) -> Waited {
        let mut events = self.lock().held.take().unwrap_or_default();
        arrange(&mut events);
        self.launch(shared, events, false)
    }

    /// Sends an event past those that are held.
    pub(crate) fn send_nth(&self, shared: &Arc<Shared>, nth: usize) -> Waited {
        let event = self.lock().log.get(nth).map(|logged| logged.event.clone());
        Waited(event.into_iter().map(|event| start(shared, event)).collect())
    }

    pub(crate) fn lose_held(&self) {
        let mut state = self.lock();
        state.held = None;
        for logged in state.log.iter_mut().filter(|logged| logged.fate == Fate::Held) {
            logged.fate = Fate::GivenUp;
        }
    }

    pub(crate) fn double_next(&self) {
        self.lock().double_next += 1;
    }

    pub(crate) fn will_double(&self) -> bool {
        self.lock().double_next > 0
    }

    /// Signs and sends one request as it is, outside of every journey; gives back status and text of the answer.
    pub(crate) async fn post_raw(&self, shared: &Shared, body: String) -> Option<(u16, String)> {
        http::post_raw(shared, body).await
    }

    pub(crate) fn sent(&self) -> Vec<SentEvent> {
        let state = self.lock();
        let each = state.log.iter().map(|logged| SentEvent {
            id: logged.event.id.clone(),
            kind: logged.event.kind.clone(),
            payload: serde_json::from_str(&logged.event.payload).unwrap_or_default(),
            tries: logged.tries,
            fate: logged.fate,
        });
        each.collect()
    }

    pub(crate) fn fates(&self, about: &(ChannelId, SlackTs)) -> Vec<Fate> {
        let state = self.lock();
        let about = state.log.iter().filter(|logged| logged.event.about.as_ref() == Some(about));
        about.map(|logged| logged.fate).collect()
    }

    pub(crate) fn all_arrived(&self) -> bool {
        self.lock().log.iter().all(|logged| logged.fate == Fate::Acknowledged || logged.fate == Fate::GivenUp)
    }

    fn sealed(&self, shared: &Shared, outbox: Vec<Outgoing>) -> Vec<Arc<Event>> {
        let time = shared.options.clock.now().as_secs();
        let first = {
            let mut state = self.lock();
            let first = state.next;
            state.next += outbox.len() as u64;
            first
        };
        let numbered = outbox.into_iter().zip(first..);
        shared.look(|world| {
            let heard =
                |(outgoing, _): &(Outgoing, u64)| heard::hears(&world.workspaces[outgoing.home], &outgoing.event);
            numbered.filter(heard).map(|(outgoing, n)| Arc::new(seal(world, outgoing, n, time))).collect()
        })
    }

    fn launch(&self, shared: &Arc<Shared>, mut events: Vec<Arc<Event>>, at_once: bool) -> Waited {
        {
            let mut state = self.lock();
            let kept = shared.options.is_real();
            let held = state.held.is_some();
            for event in events.iter().filter(|_| kept) {
                let fate = if held { Fate::Held } else { Fate::OnItsWay };
                if state.log.len() == EVENTS_KEPT {
                    state.log.pop_front();
                }
                let known = state.log.iter_mut().rev().find(|logged| logged.event.id == event.id);
                match known {
                    Some(logged) => logged.fate = fate,
                    None => state.log.push_back(Logged { event: event.clone(), tries: 0, fate }),
                }
            }
            if let Some(held) = &mut state.held {
                held.append(&mut events);
                return Waited::nothing();
            }
            if state.double_next > 0 && !events.is_empty() {
                state.double_next -= 1;
                events = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
            }
        }
        if at_once || events.len() <= 1 {
            return Waited(events.into_iter().map(|event| start(shared, event)).collect());
        }
        let (done, over) = oneshot::channel();
        let shared = shared.clone();
        tokio::spawn(async move {
            for event in events {
                let _ = start(&shared, event).await;
            }
            let _ = done.send(());
        });
        Waited(vec![over])
    }

    fn note(&self, event: &Event, note: impl FnOnce(&mut u32, &mut Fate)) {
        let mut state = self.lock();
        let logged = state.log.iter_mut().rev().find(|logged| logged.event.id == event.id);
        if let Some(logged) = logged {
            note(&mut logged.tries, &mut logged.fate);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins an event's journey; the answer comes when its first try is over.
fn start(shared: &Arc<Shared>, event: Arc<Event>) -> oneshot::Receiver<()> {
    let (first, over) = oneshot::channel();
    let shared = shared.clone();
    tokio::spawn(async move {
        let stop = shared.stop.clone();
        let journey = async {
            let fate = match shared.options.transport {
                Transport::Http => http::journey(&shared, &event, first).await,
                Transport::Socket => socket::journey(&shared, &event, first).await,
            };
            shared.courier.note(&event, |_, noted| *noted = fate);
            shared.changed();
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = journey => {}
        }
    });
    over
}

/// The envelope around an event (Slack: Events API).
fn seal(world: &World, outgoing: Outgoing, number: u64, time: i64) -> Event {
    let workspace = &world.workspaces[outgoing.home];
    let id = format!("Ev{number:08}");
    let kind = outgoing.event["type"].as_str().unwrap_or_default().to_owned();
    let team = outgoing.author_team.filter(|_| outgoing.shared);
    let team = team.unwrap_or_else(|| workspace.id.to_string());
    let authorization = json!({"enterprise_id": workspace.enterprise, "team_id": workspace.id, "user_id": workspace.bot_user,
        "is_bot": true, "is_enterprise_install": false});
    let payload = json!({"token": "deprecated", "team_id": team, "context_team_id": workspace.id,
        "context_enterprise_id": workspace.enterprise, "api_app_id": APP_ID, "event": outgoing.event, "type": "event_callback",
        "event_id": id, "event_time": time, "authorizations": [authorization],
        "is_ext_shared_channel": outgoing.shared, "event_context": format!("4-{id}")});
    Event { payload: payload.to_string(), id, kind, about: outgoing.about }
}

/// The same event under another id.
fn renamed(event: &Event, number: u64) -> Event {
    let id = format!("Ev{number:08}");
    let payload = event.payload.replace(&event.id, &id);
    Event { id, payload, kind: event.kind.clone(), about: event.about.clone() }
}
