//! A small Slack: workspaces, people, channels and threads behind Slack's own Web API, Events API and Socket Mode, on loopback.
//!
//! An app under test talks to it as to Slack, with [`SmallSlack::api_url`] as the address. A test speaks as the people do
//! ([`SmallSlack::mention`], [`Thread::reply`]) and looks at what they would see ([`Thread::shows`]). Slack's rules are enforced in
//! [`Profile::Real`]: what breaks them is refused here as it would be there. Nothing is shared with the code under test, so that
//! one misreading of Slack is not made twice.
//!
//! What exists is in `world`, in plain structs; the handlers of `api`, one file per method family, only read and write it.

mod api;
mod calls;
mod events;
mod fault;
mod options;
mod server;
mod shared;
mod story;
mod transcript;
mod world;

#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId};
use tokio_util::sync::DropGuard;

pub use calls::Call;
pub use events::{Fate, SentEvent};
pub use fault::{Fault, Gate};
pub use options::{MentionOrder, Options, Profile, Transport};
pub use story::{Changes, Eyes, Face, Feed, Install, Place, Post, Replies, Said, Saying, Sight, Stood, Thread};
pub use world::{Happening, What};

use shared::{APP_TOKEN, SIGNING_SECRET, Shared};
use world::World;

/// A running small Slack. Clones are the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct SmallSlack {
    shared: Arc<Shared>,
    bot_token: String,
    _stops: Arc<DropGuard>,
}

impl std::fmt::Debug for SmallSlack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmallSlack({})", self.api_url())
    }
}

impl SmallSlack {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    /// When it cannot listen on loopback; [`SmallSlack::try_start`] says so instead.
    pub async fn start(options: Options) -> Self {
        Self::try_start(options).await.expect("a free port on 127.0.0.1")
    }

    /// Starts one, or says why it cannot listen.
    ///
    /// # Errors
    /// When the port is in use.
    pub async fn try_start(options: Options) -> io::Result<Self> {
        let listener = server::bind(options.port).await?;
        let shared = Shared::new(options, listener.local_addr()?.port());
        server::serve(&shared, listener);
        let bot_token = shared.look(|world| world.workspaces[0].bot_token.clone());
        let stops = Arc::new(shared.stop.clone().drop_guard());
        Ok(Self { shared, bot_token, _stops: stops })
    }

    /// The Web API's address, for `SLACK_API_URL`: `http://127.0.0.1:PORT/api/`.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/", self.shared.port)
    }
    /// The app's token in the first workspace.
    pub fn bot_token(&self) -> &str {
        &self.bot_token
    }
    /// The app-level token that opens sockets.
    pub fn app_token(&self) -> &'static str {
        APP_TOKEN
    }
    /// The secret that deliveries are signed with.
    pub fn signing_secret(&self) -> &'static str {
        SIGNING_SECRET
    }
    /// The app's user in the first workspace.
    pub fn bot_user(&self) -> UserId {
        self.shared.look(|world| world.bot_user(0).clone())
    }
    /// The first workspace.
    pub fn workspace(&self) -> WorkspaceId {
        self.shared.look(|world| world.workspaces[0].id.clone())
    }

    /// HTTP transport: where the app listens (`http://127.0.0.1:PORT`, with or without `/slack/events`).
    pub fn deliver_to(&self, url: &str) {
        self.shared.courier.deliver_to(&[url]);
    }
    /// The same where several processes listen: each try goes to the next of them, as a load balancer spreads requests.
    pub fn deliver_to_any(&self, urls: &[impl AsRef<str>]) {
        self.shared.courier.deliver_to(urls);
    }

    /// Plans a failure of the next call of `method` (`*`: of any). It happens in the order in which it was planned.
    #[must_use]
    pub fn next(&self, method: &str) -> Fault {
        self.shared.faults.plan(method)
    }

    /// Every call of `method` so far, with its answer.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.shared.calls.of(Some(method))
    }
    /// Every call so far. None in [`Profile::Unlimited`].
    pub fn all_calls(&self) -> Vec<Call> {
        self.shared.calls.of(None)
    }
    /// Methods that the app called and a small Slack does not know. A story fails when there is one.
    pub fn unknown_methods(&self) -> Vec<String> {
        self.shared.calls.unknown_methods()
    }

    /// Slack's methods and how much of each exists here: `full`, `partial, without ..`, `missing: ..`.
    pub fn coverage() -> Vec<(&'static str, String)> {
        api::method::coverage().collect()
    }

    /// What the app wrote that would have pinged somebody (`<!here>`, `<@U..>`, `@channel`), in the order in which it came.
    pub fn pings(&self) -> Vec<String> {
        self.shared.look(|world| world.pings.clone())
    }
    /// Texts with a link that the app posted without switching previews off.
    pub fn unfurled(&self) -> Vec<String> {
        self.shared.look(|world| world.unfurled.clone())
    }

    /// What the app's token may do from now on, in the first workspace.
    pub fn set_scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.shared.change(|world| world.workspaces[0].scopes = scopes);
    }

    /// What the app-level token may do from now on; `connections:write` unless a test says otherwise.
    pub fn set_app_scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.shared.change(|world| world.app_scopes = scopes);
    }
    /// The events that the app is sent from now on, by their names in the manifest (`app_mention`, `message.im`), in the first
    /// workspace. Unless a test says so, all.
    pub fn subscribe(&self, events: &[&str]) {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        self.shared.change(|world| world.workspaces[0].events = Some(events));
    }

    /// Ends when anything changes after this call. Who looks between two calls takes [`SmallSlack::changes`]: it misses nothing.
    pub async fn changed(&self) {
        self.changes().next().await;
    }
    /// Wakes for every change from now on.
    pub fn changes(&self) -> Changes {
        Changes::new(self.shared.watch())
    }
    /// Tells what happens from now on, post by post and word by word, as people see it.
    pub fn feed(&self) -> Feed {
        Feed::new(self.shared.feed.subscribe())
    }

    /// The next post gets exactly this timestamp: two channels can hold the same one. It must be later than what the channel holds.
    pub fn next_ts(&self, ts: SlackTs) {
        self.shared.change(|world| world.force_next_ts(ts));
    }

    /// Every event so far, with what became of it. None in [`Profile::Unlimited`].
    pub fn events(&self) -> Vec<SentEvent> {
        self.shared.courier.sent()
    }
    /// What became of the events about one post: none of those that are older than the newest 20,000.
    pub fn fates(&self, said: &Said) -> Vec<Fate> {
        self.shared.courier.fates(&said.place())
    }
    /// Sends any event: what is inside the envelope, as Slack would write it (`{"type":"app_home_opened", ..}`).
    pub async fn send_event(&self, event: serde_json::Value) {
        let outgoing = world::Outgoing { home: 0, event, author_team: None, shared: false, about: None };
        self.shared.change(|world| world.outbox.push(outgoing)).1.over().await;
    }
    /// HTTP transport: asks the app to prove its address (`url_verification`); its status and text, if it answered.
    pub async fn verify_url(&self, challenge: &str) -> Option<(u16, String)> {
        let body = serde_json::json!({"token": "deprecated", "challenge": challenge, "type": "url_verification"});
        self.shared.courier.post_raw(&self.shared, body.to_string()).await
    }
    /// HTTP transport: a signed request with any body.
    pub async fn post_signed(&self, body: &str) -> Option<(u16, String)> {
        self.shared.courier.post_raw(&self.shared, body.to_owned()).await
    }
    /// Sends the events of a post again under their own ids, as a retry that was not needed.
    pub async fn redeliver(&self, said: &Said) {
        self.shared.courier.send_again(&self.shared, &said.place(), false).over().await;
    }
    /// Sends the events of a post again under other ids.
    pub async fn redeliver_under_new_ids(&self, said: &Said) {
        self.shared.courier.send_again(&self.shared, &said.place(), true).over().await;
    }
    /// What happens next is sent twice, under one id.
    pub fn duplicate_next(&self) {
        self.shared.courier.double_next();
    }
    /// Whether what happens next is still to be sent twice.
    pub fn will_duplicate(&self) -> bool {
        self.shared.courier.will_double()
    }
    /// Keeps events back until [`SmallSlack::release`].
    pub fn hold_events(&self) {
        self.shared.courier.hold();
    }
    /// Delivers one event, by its place in [`SmallSlack::events`]: a held one stays held, and one that was sent comes again.
    pub async fn deliver_event(&self, nth: usize) {
        self.shared.courier.send_nth(&self.shared, nth).over().await;
    }
    /// Loses the events that are held, and sends what comes from now on.
    pub fn lose_held(&self) {
        self.shared.courier.lose_held();
    }
    /// Lets the app do what it is about to do: ends when no call and no delivery is under way and nobody sleeps a short sleep.
    pub async fn all_quiet(&self) {
        self.quiet().await;
    }
    /// Sends the events that were held, in their order.
    pub async fn release(&self) {
        self.shared.courier.release(&self.shared, |_| {}).over().await;
    }
    /// Sends the events that were held, the last one first.
    pub async fn release_reversed(&self) {
        self.shared.courier.release(&self.shared, |events| events.reverse()).over().await;
    }
    /// Ends when every event was acknowledged or given up, and no call is under way.
    pub async fn settled(&self) {
        let mut watch = self.shared.watch();
        while self.shared.is_busy() || !self.shared.courier.all_arrived() {
            if watch.changed().await.is_err() {
                return;
            }
        }
    }

    /// Socket Mode: how many connections are open and alive.
    pub fn connections(&self) -> usize {
        self.shared.courier.sockets.count()
    }
    /// Socket Mode: ends when so many connections are open and alive.
    pub async fn connected(&self, count: usize) {
        let mut watch = self.shared.watch();
        while self.connections() != count && watch.changed().await.is_ok() {}
    }
    /// Socket Mode: resets every connection without a word.
    pub fn drop_sockets(&self) {
        self.shared.courier.sockets.drop_all();
    }
    /// Socket Mode: leaves every connection open, and dead: nothing is sent on it, and what the app sends, also a ping, is neither
    /// read nor answered. Slack finds out after a minute.
    pub fn silence_sockets(&self) {
        self.shared.courier.sockets.silence();
        self.shared.changed();
    }
    /// Socket Mode: tells every connection to go (`warning`, `refresh_requested`, `link_disabled`); they end 10 s later.
    pub fn send_disconnect(&self, reason: &str) {
        self.shared.courier.sockets.disconnect(reason);
    }

    /// Whether an answer is being streamed anywhere.
    pub fn is_streaming(&self) -> bool {
        self.shared.look(World::is_streaming)
    }
    /// Slack ends every running stream, as it does after about 300 s.
    pub fn end_streams(&self) {
        self.shared.change(World::end_streams);
    }

    /// What the app wrote and no test looked at (`shows`, `answers`). A story fails when there is any.
    pub fn unlooked(&self) -> Vec<String> {
        self.shared.look(World::unlooked)
    }
    /// Streams that still run and statuses that still stand. A story fails when there is any at its end.
    pub fn unfinished(&self) -> Vec<String> {
        let now = self.shared.options.clock.monotonic();
        self.shared.look(|world| world.unfinished(now))
    }

    /// The whole Slack as people see it, for failing stories.
    pub fn transcript(&self) -> String {
        self.shared.look(transcript::print)
    }

    pub(crate) fn channel_id(&self, channel: &str) -> ChannelId {
        self.shared.change(|world| world.channel(0, channel)).0
    }
}
