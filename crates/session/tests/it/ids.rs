//! Ids: parse or refuse, never panic, and print what was parsed.

use chathakase_session::{AppId, BotId, ChannelId, EventId, SessionId, SlackTs, UserId, WorkspaceId};
use proptest::prelude::*;

fn prints_what_it_parsed<T: std::str::FromStr + ToString>(text: &str) {
    if let Ok(id) = text.parse::<T>() {
        assert_eq!(id.to_string(), text);
    }
}

fn every_id_parses_or_refuses(text: &str) {
    prints_what_it_parsed::<WorkspaceId>(text);
    prints_what_it_parsed::<ChannelId>(text);
    prints_what_it_parsed::<UserId>(text);
    prints_what_it_parsed::<BotId>(text);
    prints_what_it_parsed::<AppId>(text);
    prints_what_it_parsed::<EventId>(text);
    prints_what_it_parsed::<SlackTs>(text);
    prints_what_it_parsed::<SessionId>(text);
    if let Ok(ts) = text.parse::<SlackTs>() {
        assert_eq!(SlackTs::from_micros(ts.as_micros()).unwrap(), ts);
    }
}

#[test]
fn any_bytes_are_an_id_or_are_refused() {
    bolero::check!().for_each(|bytes: &[u8]| every_id_parses_or_refuses(&String::from_utf8_lossy(bytes)));
}

proptest! {
    #[test]
    fn what_looks_like_an_id_is_one_or_is_refused(text in "[CDGTUWEBA]?[0-9A-Za-z]{0,70}[_.]{0,2}[0-9١]{0,14}\\.?[0-9]{0,7}") {
        every_id_parses_or_refuses(&text);
    }

    #[test]
    fn every_timestamp_of_slacks_form_goes_there_and_back(secs in 0..=999_999_999_999_u64, micros in 0..1_000_000_u32) {
        let text = format!("{secs}.{micros:06}");
        prop_assert_eq!(text.parse::<SlackTs>().unwrap().to_string(), text);
    }

    #[test]
    fn every_session_id_goes_there_and_back(channel in "[CDG][0-9A-Z]{1,12}", secs in 0..=9_999_999_999_u64, micros in 0..1_000_000_u32) {
        let text = format!("{channel}_{secs}.{micros:06}");
        prop_assert_eq!(text.parse::<SessionId>().unwrap().to_string(), text);
    }

    #[test]
    fn any_number_of_microseconds_is_a_timestamp_or_is_refused(micros in any::<i64>()) {
        if let Ok(ts) = SlackTs::from_micros(micros) {
            prop_assert_eq!(ts.to_string().parse::<SlackTs>().unwrap().as_micros(), micros);
        }
    }
}
