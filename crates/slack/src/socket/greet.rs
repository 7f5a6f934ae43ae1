//! A look whether events would come, beside a program that takes them.

use chathakase_session::time::{SharedClock, timeout};
use futures_util::StreamExt;

use super::{
    SocketConfig, SocketError,
    open::{self, Failure, Socket, told},
    pulse::HELLO_WAIT_MAX,
};
use crate::{
    api::{Api, ApiConfig},
    payload::{DisconnectReason, Frame, Hello, parse_envelope},
};

/// Why Slack did not say hello.
#[derive(Debug, thiserror::Error)]
pub enum NoHello {
    /// Only a person can put it right.
    #[error(transparent)]
    Refused(#[from] SocketError),
    /// It may work later.
    #[error("no Socket Mode link: {0}; try again, and see what stands between this machine and Slack")]
    Trouble(String),
}

/// Opens one link, waits for Slack's hello, and closes it at once.
///
/// Slack may send an event over it in that moment. It is not acknowledged, so Slack sends it again over another link of the app,
/// or over the next one.
pub async fn greet(config: &SocketConfig, clock: &SharedClock) -> Result<Hello, NoHello> {
    let api = ApiConfig { base_url: config.api_base.clone(), ..ApiConfig::new(config.app_token.clone()) };
    let api = Api::new(api, clock.clone()).map_err(SocketError::Setup)?.once();
    let mut socket = open::open(&api, &config.api_base, &**clock).await.map_err(|failure| match failure {
        Failure::Fatal(error) => NoHello::Refused(error),
        Failure::Later { why, .. } => NoHello::Trouble(why),
    })?;
    let greeted = match timeout(&**clock, HELLO_WAIT_MAX, hello(&mut socket)).await {
        Ok(greeted) => greeted,
        Err(late) => Err(NoHello::Trouble(format!("Slack did not say hello: {late}"))),
    };
    // Until Slack has said goodbye too, what comes is read and dropped.
    let goodbye = async {
        let said = socket.close(None).await;
        while said.is_ok() && matches!(socket.next().await, Some(Ok(_))) {}
    };
    let _ = timeout(&**clock, super::link::CLOSE_WAIT_MAX, goodbye).await;
    greeted
}

async fn hello(socket: &mut Socket) -> Result<Hello, NoHello> {
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(NoHello::Trouble(told(&error))),
            None => return Err(NoHello::Trouble("Slack closed the link".to_owned())),
        };
        match message.is_text().then(|| parse_envelope(&message.into_data())) {
            Some(Ok(Frame::Hello(hello))) => return Ok(hello),
            Some(Ok(Frame::Disconnect { reason: DisconnectReason::LinkDisabled })) => {
                return Err(SocketError::Disabled.into());
            }
            Some(Ok(Frame::Disconnect { reason })) => {
                return Err(NoHello::Trouble(format!("Slack turned the link away ({reason:?})")));
            }
            // It has begun to send, whether or not it said hello.
            Some(Ok(Frame::Envelope { .. })) => return Ok(Hello::default()),
            Some(Ok(Frame::Unknown { .. }) | Err(_)) | None => {}
        }
    }
}
