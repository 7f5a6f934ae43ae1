//! `/readyz` while the link to Slack goes through what links go through.

use crate::harness::stories;

stories! { by socket:
    a_link_that_drops_is_not_ready_until_the_next_is_up,
    a_half_open_link_is_found_by_its_silence_and_replaced,
    where_socket_mode_is_switched_off_the_page_says_so,
    a_link_without_events_is_alive_and_says_since_when_none_came,
}

mod by_http {
    use super::told;
    crate::harness::stories! { usually: where_slack_calls_us_only_events_show_that_it_can }
}

mod told {
    use std::time::Duration;

    use chathakase_sim::slack::Gate;
    use serde_json::{Value, json};

    use crate::harness::Story;

    /// The status of the page, and what it says of the link: its state, and in words.
    async fn link(s: &Story) -> (u16, Value, String) {
        let (status, body) = s.page("/readyz").await;
        let link = serde_json::from_str::<Value>(&body).unwrap()["parts"]["slack_link"].clone();
        (status, link["state"].clone(), link["says"].as_str().unwrap().to_owned())
    }

    /// Waits until the page says this of the link.
    async fn becomes(s: &Story, state: &str) -> (u16, String) {
        loop {
            let (status, now, says) = link(s).await;
            if now == state {
                return (status, says);
            }
        }
    }

    pub(super) async fn a_link_that_drops_is_not_ready_until_the_next_is_up(s: &mut Story) {
        becomes(s, "ok").await;
        let gate = Gate::closed();
        drop(s.slack.next("apps.connections.open").slow(&gate));
        s.slack.drop_sockets();
        assert_eq!(becomes(s, "failing").await.0, 503);
        gate.open();
        assert_eq!(becomes(s, "ok").await.0, 200);
    }

    pub(super) async fn a_half_open_link_is_found_by_its_silence_and_replaced(s: &mut Story) {
        becomes(s, "ok").await;
        let gate = Gate::closed();
        drop(s.slack.next("apps.connections.open").slow(&gate));
        // From here on the connection is open, and nobody answers on it.
        s.slack.silence_sockets();
        s.passes(Duration::from_secs(20)).await;
        let doubtful = (200, "nothing was heard for 20 s, though we asked; no event has come yet".to_owned());
        assert_eq!(becomes(s, "degraded").await, doubtful);
        s.passes(Duration::from_secs(10)).await;
        let dead = (503, "no link is up: the link is dead: nothing heard for too long".to_owned());
        while becomes(s, "failing").await != dead {}
        gate.open();
        assert_eq!(becomes(s, "ok").await.0, 200);
        s.openai.answers("Hello.");
        s.slack.mention("ana", "#general", "hello").await.finishes("Hello.").await;
    }

    pub(super) async fn where_socket_mode_is_switched_off_the_page_says_so(s: &mut Story) {
        becomes(s, "ok").await;
        s.slack.send_disconnect("link_disabled");
        let off =
            "no link is up: Socket Mode is switched off for this app: turn it on in the app's settings (Socket Mode)";
        loop {
            let (status, says) = becomes(s, "failing").await;
            assert_eq!(status, 503);
            if says.starts_with(off) {
                break;
            }
        }
    }

    pub(super) async fn a_link_without_events_is_alive_and_says_since_when_none_came(s: &mut Story) {
        s.openai.answers("Hello.");
        s.slack.mention("ana", "#general", "hello").await.finishes("Hello.").await;
        for _ in 0..13 {
            s.passes(Duration::from_secs(10)).await;
            // Slack answers our pings, so it is heard although nobody writes.
            becomes(s, "ok").await;
        }
        let (status, says) = becomes(s, "ok").await;
        assert_eq!((status, &*says), (200, "up for 2 min and alive; the last event came 2 min ago"));
    }

    pub(super) async fn where_slack_calls_us_only_events_show_that_it_can(s: &mut Story) {
        assert_eq!(link(s).await.1, json!("unknown"));
        s.openai.answers("Hello.");
        s.slack.mention("ana", "#general", "hello").await.finishes("Hello.").await;
        s.slack.settled().await;
        s.passes(Duration::from_secs(7)).await;
        assert_eq!(link(s).await, (200, json!("ok"), "Slack's last event came 7 s ago".to_owned()));
    }
}
