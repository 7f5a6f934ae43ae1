//! One WebSocket connection: read, hand over, acknowledge.

use chathakase_session::chain;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use chathakase_session::time::{SharedClock, Sleep, TimedOut, timeout};
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    End, LinkHealth, SocketMode, Stage,
    open::{Socket, told},
    pulse::{Pulse, Verdict},
};
use crate::payload::{COMMAND_HINT, Delivery, DisconnectReason, EnvelopePayload, Frame, Hello, Inbox, parse_envelope};

/// Deliveries of one link that may be in the inbox at once. With so many no further frame is read: Slack's side fills
/// up and waits.
pub(super) const IN_FLIGHT_MAX: usize = 256;
/// How long a link is still read after the next one is up; Slack closes it about ten seconds after its warning.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(15);
/// Longest wait for the network to take acknowledgements.
const WRITE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest wait, when leaving, for deliveries to finish and be acknowledged.
pub(super) const DRAIN_WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest wait, when leaving, for Slack's goodbye. Until then what it sends is read and dropped: a connection that is
/// closed with unread bytes is reset, and a reset can overtake our last acknowledgements.
pub(super) const CLOSE_WAIT_MAX: Duration = Duration::from_secs(2);

pub(super) struct Link {
    socket: Socket,
    inbox: Arc<dyn Inbox>,
    clock: SharedClock,
    health: LinkHealth,
    stage: watch::Sender<Stage>,
    /// The next link is up.
    retire: CancellationToken,
    /// The program stops.
    stop: CancellationToken,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    pulse: Pulse,
    /// No hello was counted yet.
    fresh: bool,
}

/// A delivery that the inbox has finished with: what to acknowledge, unless it was not stored.
struct Done {
    acknowledge: Option<String>,
}

enum Step {
    Done(Done),
    Frame(Option<Result<Message, tungstenite::Error>>),
    Watch,
    Retire,
    Leave,
}

impl Link {
    pub(super) fn new(
        socket: Socket,
        of: &SocketMode,
        retire: CancellationToken,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<Stage>) {
        let (stage, watched) = watch::channel(Stage::Waiting);
        let now = of.clock.monotonic();
        let link = Self {
            socket,
            inbox: Arc::clone(&of.inbox),
            clock: of.clock.clone(),
            health: of.health.clone(),
            stage,
            retire,
            stop,
            in_flight: FuturesUnordered::new(),
            pulse: Pulse::new(now),
            fresh: true,
        };
        (link, watched)
    }

    /// Serves the connection to its end. What the inbox has begun is finished in any case, acknowledged or not.
    pub(super) async fn run(mut self) {
        let end = self.serve().await;
        if end == End::Left {
            self.leave().await;
        }
        if !self.fresh {
            self.health.down();
        }
        debug!(%end, unfinished = self.in_flight.len(), "a Socket Mode link ended");
        self.advance(Stage::Ended(end));
        while self.in_flight.next().await.is_some() {}
    }

    async fn serve(&mut self) -> End {
        let mut watch = self.next_check();
        let mut linger = OptionFuture::default();
        let mut lingers = false;
        loop {
            let room = self.in_flight.len() < IN_FLIGHT_MAX;
            let step = tokio::select! {
                // Finished deliveries come before new frames: what is here is acknowledged before more is taken.
                biased;
                () = self.stop.cancelled() => Step::Leave,
                () = self.retire.cancelled(), if !lingers => Step::Retire,
                Some(()) = &mut linger, if lingers => Step::Leave,
                Some(done) = self.in_flight.next() => Step::Done(done),
                () = &mut watch => Step::Watch,
                frame = self.socket.next(), if room => Step::Frame(frame),
            };
            let went = match step {
                Step::Leave => Err(End::Left),
                Step::Retire => {
                    linger = Some(self.clock.sleep(LINGER_MAX)).into();
                    lingers = true;
                    Ok(())
                }
                Step::Done(done) => self.acknowledge(done).await,
                Step::Watch => {
                    let checked = self.check(room).await;
                    watch = self.next_check();
                    checked
                }
                Step::Frame(frame) => self.on_frame(frame).await,
            };
            if let Err(end) = went {
                return end;
            }
        }
    }

    async fn on_frame(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        let message = match frame {
            Some(Ok(message)) => message,
            Some(Err(tungstenite::Error::ConnectionClosed)) | None => return Err(End::Closed),
            Some(Err(error)) => return Err(End::Broken(told(&error))),
        };
        self.pulse.heard(self.clock.monotonic());
        self.health.heard(self.clock.now());
        match message {
            Message::Text(text) => self.on_text(text.as_bytes()).await,
            Message::Binary(bytes) => self.on_text(&bytes).await,
            Message::Close(_) => Err(End::Closed),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn on_text(&mut self, text: &[u8]) -> Result<(), End> {
        match parse_envelope(text) {
            Ok(Frame::Hello(hello)) => self.is_up(&hello),
            Ok(Frame::Disconnect { reason: DisconnectReason::LinkDisabled }) => return Err(End::Disabled),
            Ok(Frame::Disconnect { reason }) if self.fresh => return Err(End::TurnedAway(reason)),
            Ok(Frame::Disconnect { reason }) => self.advance(Stage::Leaving(reason)),
            Ok(Frame::Envelope { envelope_id, accepts_response, payload }) => {
                // Slack has begun to send, whether or not it said hello.
                self.is_up(&Hello::default());
                return self.on_envelope(envelope_id, accepts_response, payload).await;
            }
            Ok(Frame::Unknown { envelope_id: Some(envelope_id) }) => {
                return self.send(ack(&envelope_id)).await;
            }
            Ok(Frame::Unknown { envelope_id: None }) => debug!("a frame of an unknown kind"),
            Err(bad) => warn!(error = %chain(&bad), "a frame of no use was passed over"),
        }
        Ok(())
    }

    async fn on_envelope(&mut self, id: String, answers: bool, payload: EnvelopePayload) -> Result<(), End> {
        match payload {
            EnvelopePayload::Event(Ok(delivery)) => {
                self.in_flight.push(deliver(Arc::clone(&self.inbox), self.health.clone(), id, *delivery));
                Ok(())
            }
            EnvelopePayload::Event(Err(bad)) => {
                warn!(error = %chain(&bad), "an event of no use was passed over");
                self.send(ack(&id)).await
            }
            EnvelopePayload::Command if answers => {
                let hint = serde_json::json!({ "response_type": "ephemeral", "text": COMMAND_HINT });
                self.send(serde_json::json!({ "envelope_id": id, "payload": hint }).to_string()).await
            }
            EnvelopePayload::Command | EnvelopePayload::Interactive => self.send(ack(&id)).await,
        }
    }

    /// Acknowledges this delivery and all others that have finished meanwhile, in one write.
    async fn acknowledge(&mut self, first: Done) -> Result<(), End> {
        let clock = self.clock.clone();
        let write = async {
            let mut next = Some(first);
            while let Some(done) = next {
                if let Some(id) = done.acknowledge {
                    self.socket.feed(Message::text(ack(&id))).await?;
                }
                next = self.in_flight.next().now_or_never().flatten();
            }
            self.socket.flush().await
        };
        written(timeout(&*clock, WRITE_WAIT_MAX, write).await)
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        let clock = self.clock.clone();
        written(timeout(&*clock, WRITE_WAIT_MAX, self.socket.send(Message::text(text))).await)
    }

    fn next_check(&self) -> Sleep {
        self.clock.sleep(self.pulse.next_check(self.clock.monotonic()))
    }

    fn is_up(&mut self, hello: &Hello) {
        if self.fresh {
            info!(num_connections = hello.num_connections, "a Socket Mode link is up");
        }
        self.pulse.greeted();
        self.health.up(hello, &mut self.fresh, self.clock.now());
        self.advance(Stage::Up);
    }

    fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let forward = stage.rank() > now.rank();
            if forward {
                *now = stage;
            }
            forward
        });
    }

    /// Looks at what time has done. While the inbox is full nothing is read, so nothing can be heard.
    async fn check(&mut self, reads: bool) -> Result<(), End> {
        let now = self.clock.monotonic();
        if !reads {
            self.pulse.heard(now);
        }
        match self.pulse.check(now) {
            Verdict::Wait => Ok(()),
            Verdict::NoHello => Err(End::NoHello),
            Verdict::Dead => Err(End::Silent),
            Verdict::Ping => {
                let clock = self.clock.clone();
                let ping = self.socket.send(Message::Ping(Bytes::new()));
                written(timeout(&*clock, WRITE_WAIT_MAX, ping).await)
            }
        }
    }

    /// Finishes and acknowledges what is under way, says goodbye and waits for Slack's.
    async fn leave(&mut self) {
        let clock = self.clock.clone();
        let drain = async {
            while let Some(done) = self.in_flight.next().await {
                self.acknowledge(done).await?;
            }
            Ok::<(), End>(())
        };
        if let Ok(Err(end)) = timeout(&*clock, DRAIN_WAIT_MAX, drain).await {
            debug!(%end, "the link ended before all was acknowledged");
            return;
        }
        let goodbye = async {
            // Whether Slack hears it or has gone already makes no difference to what follows. Its own goodbye says that
            // it has read ours.
            let said = self.socket.close(None).await;
            while said.is_ok() && matches!(self.socket.next().await, Some(Ok(message)) if !message.is_close()) {}
        };
        if let Err(late) = timeout(&*clock, CLOSE_WAIT_MAX, goodbye).await {
            debug!(%late, "Slack did not close its side");
        }
    }
}

fn deliver(inbox: Arc<dyn Inbox>, health: LinkHealth, id: String, delivery: Delivery) -> BoxFuture<'static, Done> {
    let work = async move {
        let event_id = delivery.event_id.clone();
        // A panic in the inbox must not take the link and all its other deliveries with it.
        match AssertUnwindSafe(inbox.deliver(delivery)).catch_unwind().await {
            Ok(Ok(())) => return Done { acknowledge: Some(id) },
            Ok(Err(not_stored)) => not_stored.log(event_id.as_ref()),
            Err(_panic) => error!(?event_id, "a delivery was given up: the inbox panicked"),
        }
        health.not_stored();
        Done { acknowledge: None }
    };
    work.boxed()
}

fn written(result: Result<Result<(), tungstenite::Error>, TimedOut>) -> Result<(), End> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Broken(told(&error))),
        Err(late) => Err(End::Broken(format!("Slack takes no acknowledgements: {late}"))),
    }
}

fn ack(envelope_id: &str) -> String {
    serde_json::json!({ "envelope_id": envelope_id }).to_string()
}
