//! Both doors against the small Slack: what people write there reaches the inbox here, and Slack learns that it did.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

// `cargo bolero` builds every target of a package with its engine, which comes with this library.
use bolero as _;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chathakase_sim::{
    ManualClock,
    slack::{Fate, Options, SmallSlack, Transport},
};
use chathakase_slack::{
    http::{EventsConfig, router},
    payload::{Delivery, Event, Inbox, NotStored, Place},
    socket::{LinkHealth, SocketConfig, SocketMode},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// Keeps what comes; the first `refuse` deliveries are not stored.
struct Kept {
    came: mpsc::UnboundedSender<Delivery>,
    refuse: AtomicUsize,
}

#[async_trait]
impl Inbox for Kept {
    async fn deliver(&self, delivery: Delivery) -> Result<(), NotStored> {
        let left = self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(NotStored::because("the disk is full"));
        }
        self.came.send(delivery).map_err(|_| NotStored::because("the test is over"))
    }
}

/// A small Slack with our door open to it.
struct House {
    slack: SmallSlack,
    clock: ManualClock,
    came: Mutex<mpsc::UnboundedReceiver<Delivery>>,
    health: LinkHealth,
    stop: CancellationToken,
}

impl House {
    async fn open(transport: Transport, refuse: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::new();
        let slack = SmallSlack::start(Options::driven_by(&clock, transport)).await;
        let (sender, came) = mpsc::unbounded_channel();
        let inbox: Arc<dyn Inbox> = Arc::new(Kept { came: sender, refuse: AtomicUsize::new(refuse) });
        let mut house = Self {
            slack,
            clock,
            came: Mutex::new(came),
            health: LinkHealth::default(),
            stop: CancellationToken::new(),
        };
        match transport {
            Transport::Http => house.listen(inbox).await,
            Transport::Socket => house.link(inbox).await,
        }
        house
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>) {
        let config = EventsConfig::new(self.slack.signing_secret().into(), Arc::new(self.clock.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.slack.deliver_to(&format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, router(config, inbox)).await.unwrap() });
    }

    async fn link(&mut self, inbox: Arc<dyn Inbox>) {
        let app_token = self.slack.app_token().into();
        let config = SocketConfig { api_base: self.slack.api_url(), ..SocketConfig::new(app_token) };
        let client = SocketMode::new(config, Arc::new(self.clock.clone()), inbox);
        self.health = client.health();
        tokio::spawn(client.run(self.stop.clone()));
        self.slack.connected(1).await;
    }

    /// The posts that came and were not looked at yet, as (mention?, place, text).
    fn posts(&self) -> Vec<(bool, Place, String)> {
        let mut came = self.came.lock().unwrap();
        std::iter::from_fn(|| came.try_recv().ok())
            .filter_map(|delivery| match delivery.event {
                Event::Mention(post) => Some((true, post.place, post.text)),
                Event::Message(post) => Some((false, post.place, post.text)),
                _ => None,
            })
            .collect()
    }

    fn all_acknowledged(&self) -> bool {
        self.slack.events().iter().all(|event| event.fate == Fate::Acknowledged)
    }
}

#[tokio::test]
async fn what_people_write_comes_in_by_either_door() {
    for transport in [Transport::Http, Transport::Socket] {
        let house = House::open(transport, 0).await;
        house.slack.dm("ana", "hello & <bye>").await;
        assert_eq!(house.posts(), [(false, Place::Direct, "hello &amp; &lt;bye&gt;".to_owned())]);
        let thread = house.slack.mention("ana", "#general", "hi").await;
        house.slack.settled().await;
        let mut posts = house.posts();
        posts.sort_by_key(|post| post.0);
        let text = format!("<@{}> hi", house.slack.bot_user());
        assert_eq!(posts, [(false, Place::Channel, text.clone()), (true, Place::Unknown, text)]);
        let said = thread.reply("bob", "me too").await;
        thread.edit(&said, "me neither").await;
        thread.delete(&said).await;
        house.slack.settled().await;
        let mut came = house.came.lock().unwrap();
        let events: Vec<Event> = std::iter::from_fn(|| came.try_recv().ok()).map(|delivery| delivery.event).collect();
        let [Event::Message(reply), Event::Changed(change), Event::Deleted(deletion)] = &events[..] else {
            panic!("a reply, an edit and a deletion, not {events:?}")
        };
        assert_eq!((reply.root(), reply.is_reply(), reply.ts), (thread.root(), true, said.ts()));
        assert_eq!((change.post.text.as_str(), change.previous_text.as_deref()), ("me neither", Some("me too")));
        assert!(change.post.edited_ts.is_some());
        assert_eq!((deletion.deleted_ts, deletion.thread_ts), (said.ts(), Some(thread.root())));
        assert!(house.all_acknowledged());
    }
}

#[tokio::test]
async fn the_delivery_names_our_installation() {
    for transport in [Transport::Http, Transport::Socket] {
        let house = House::open(transport, 0).await;
        house.slack.dm("ana", "hi").await;
        let delivery = house.came.lock().unwrap().try_recv().unwrap();
        assert_eq!((delivery.workspace, delivery.bot_user), (house.slack.workspace(), Some(house.slack.bot_user())));
        assert_eq!((delivery.retry, delivery.ext_shared), (None, false));
        assert!(delivery.event_id.is_some() && delivery.app_id.is_some());
    }
}

#[tokio::test]
async fn slack_checks_the_address() {
    let house = House::open(Transport::Http, 0).await;
    assert_eq!(house.slack.verify_url("abc123").await, Some((200, "abc123".to_owned())));
    assert_eq!(house.slack.post_signed("null").await.unwrap().0, 400);
}

#[tokio::test]
async fn slack_sends_again_what_was_not_stored() {
    let house = House::open(Transport::Http, 2).await;
    house.slack.dm("ana", "keep this").await;
    house.clock.pass_sleep(Duration::from_secs(60)..=Duration::from_secs(60)).await;
    house.slack.settled().await;
    let delivery = house.came.lock().unwrap().try_recv().unwrap();
    let retry = delivery.retry.unwrap();
    assert_eq!((retry.attempt, retry.reason.as_str()), (2, "http_error"));
    assert!(house.all_acknowledged());
}

#[tokio::test]
async fn slack_sends_an_envelope_again_that_was_not_acknowledged() {
    let house = House::open(Transport::Socket, 1).await;
    let say = {
        let slack = house.slack.clone();
        tokio::spawn(async move { slack.dm("ana", "keep this").await })
    };
    house.clock.pass_sleep(Duration::from_secs(3)..=Duration::from_secs(3)).await;
    say.await.unwrap();
    house.slack.settled().await;
    assert_eq!(house.posts().len(), 1);
    assert!(house.all_acknowledged());
    assert_eq!(house.health.report().not_stored, 1);
}

#[tokio::test]
async fn connections_come_and_go_and_no_event_is_missed() {
    let house = House::open(Transport::Socket, 0).await;
    for (n, reason) in ["warning", "refresh_requested"].into_iter().enumerate() {
        house.slack.send_disconnect(reason);
        if n > 0 {
            house.clock.pass_sleep(Duration::from_millis(500)..=Duration::from_secs(1)).await;
        }
        // The new one is there before the old one is gone.
        house.slack.connected(2).await;
        house.slack.dm("ana", "in between").await;
        house.clock.pass_sleep(Duration::from_secs(10)..=Duration::from_secs(10)).await;
        house.slack.connected(1).await;
        house.slack.dm("ana", "after").await;
        assert_eq!(house.posts().len(), 2, "{reason}");
    }
    assert_eq!(house.health.report().reconnects, 2);
    assert!(house.all_acknowledged());
}

#[tokio::test]
async fn broken_and_dead_connections_are_replaced() {
    let house = House::open(Transport::Socket, 0).await;
    house.slack.drop_sockets();
    while house.health.report().reconnects < 1 || house.slack.connections() != 1 {
        tokio::task::yield_now().await;
    }
    house.slack.dm("ana", "after a reset").await;
    house.slack.silence_sockets();
    // Our pings at 10 s and 20 s are not answered; at 30 s the link is given up, and the next is made in no time.
    for _ in 0..3 {
        house.clock.pass_sleep(Duration::from_secs(10)..=Duration::from_secs(10)).await;
    }
    while house.health.report().reconnects < 2 || house.slack.connections() != 1 {
        tokio::task::yield_now().await;
    }
    house.slack.dm("ana", "after silence").await;
    assert_eq!(house.posts().len(), 2);
}
