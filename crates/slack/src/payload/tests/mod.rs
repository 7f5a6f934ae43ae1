//! What came, as Slack writes it, and what we make of it.

mod events;
mod fuzz;
mod odd;

use super::*;

/// The delivery in an `event_callback` around `event`, with the envelope's other fields.
fn delivery_with(event: &str, fields: &str) -> Delivery {
    let body = format!(r#"{{"type":"event_callback","event_id":"Ev1","api_app_id":"A1"{fields},"event":{event}}}"#);
    match parse_http(body.as_bytes()) {
        Ok(Inbound::Delivery(delivery)) => *delivery,
        other => panic!("no delivery but {other:?} from {body}"),
    }
}

/// The event, seen by workspace T1.
#[track_caller]
fn event(json: &str) -> Event {
    delivery_with(json, r#","team_id":"T1""#).event
}

/// The post of a message or mention.
#[track_caller]
fn post(json: &str) -> Post {
    match event(json) {
        Event::Message(post) | Event::Mention(post) => post,
        other => panic!("no post but {other:?}"),
    }
}

fn ts(text: &str) -> chathakase_session::SlackTs {
    text.parse().unwrap()
}
