//! The routing table, one row a test.

use chathakase_slack::payload::{Event, Inbound, parse_http};

use super::*;

const JOINED: ThreadMark = ThreadMark {
    joined: true,
    active: true,
    joined_from: None,
    cleared_before: None,
    bots_in_row: 0,
    waiting_from: None,
};

/// Routes an event that Slack would send, with these fields beside channel and ts.
#[track_caller]
fn routed_in(mark: ThreadMark, access: &Access, shared: bool, fields: &str) -> Route {
    let me = Identity {
        user: "U0ME".parse().unwrap(),
        bot: "B0ME".parse().ok(),
        app: "A0ME".parse().ok(),
        enterprise: None,
    };
    let body = format!(
        r#"{{"type":"event_callback","team_id":"T1","authorizations":[{{"team_id":"T1","user_id":"U0ME","is_bot":true}}],
            "event":{{"channel":"C1","ts":"2.000000",{fields}}}}}"#
    );
    let Ok(Inbound::Delivery(delivery)) = parse_http(body.as_bytes()) else { panic!("no delivery: {body}") };
    let (post, mention_event) = match delivery.event {
        Event::Mention(post) => (post, true),
        Event::Message(post) => (post, false),
        other => panic!("no post: {other:?}"),
    };
    route(Arrival { post: &post, mention_event, workspace: &delivery.workspace, shared }, &me, &mark, access)
}

#[track_caller]
fn routed(mark: ThreadMark, fields: &str) -> Route {
    routed_in(mark, &Access::default(), false, fields)
}

fn accepted(words: &str, uninvited: bool) -> Route {
    Route::Accept { words: words.into(), uninvited }
}

fn command(words: &str, uninvited: bool) -> Route {
    Route::Command { words: words.into(), uninvited }
}

const STRANGE: ThreadMark = ThreadMark { joined: false, ..JOINED };
const REPLY: &str = r#""type":"message","channel_type":"channel","user":"U1","thread_ts":"1.000000""#;

#[test]
fn our_own_posts_are_ignored_whatever_marks_them_as_ours() {
    for author in [r#""user":"U0ME""#, r#""user":"U9","bot_id":"B0ME""#, r#""bot_id":"B9","app_id":"A0ME""#] {
        let route = routed(JOINED, &format!(r#""type":"message","thread_ts":"1.000000","text":"hi <@U0ME>",{author}"#));
        assert_eq!(route, Route::Ignore("our own post"), "{author}");
    }
}

#[test]
fn another_bot_is_ignored_unless_allowed() {
    let fields = r#""type":"app_mention","user":"U9","bot_id":"B9","text":"<@U0ME> hi""#;
    assert_eq!(routed(JOINED, fields), Route::Ignore("another bot's post"));
    let access = Access { bots: ["B9".parse().unwrap()].into(), strangers: false };
    assert_eq!(routed_in(JOINED, &access, false, fields), accepted("hi", false));
}

#[test]
fn notices_are_ignored_and_files_broadcasts_and_me_messages_are_not() {
    for subtype in ["channel_join", "channel_topic", "bot_add", "pinned_item", "assistant_app_thread", "what_is_this"] {
        let route = routed(JOINED, &format!(r#"{REPLY},"text":"x","subtype":"{subtype}""#));
        assert_eq!(route, Route::Ignore("not a person's words"), "{subtype}");
    }
    for subtype in ["file_share", "thread_broadcast", "me_message"] {
        let route = routed(JOINED, &format!(r#"{REPLY},"text":"x","subtype":"{subtype}""#));
        assert_eq!(route, accepted("x", true), "{subtype}");
    }
}

#[test]
fn a_command_is_one_in_a_direct_message_a_mention_and_a_joined_thread() {
    let dm = r#""type":"message","channel_type":"im","user":"U1","text":"Help""#;
    assert_eq!(routed(STRANGE, dm), command("Help", false));
    let mention = r#""type":"app_mention","user":"U1","text":" <@U0ME>  session INFO ""#;
    assert_eq!(routed(STRANGE, mention), command("session INFO", false));
    assert_eq!(routed(JOINED, &format!(r#"{REPLY},"text":"clear session""#)), command("clear session", true));
    assert_eq!(routed(STRANGE, &format!(r#"{REPLY},"text":"help""#)), Route::NotJoined);
    let top = r#""type":"message","channel_type":"channel","user":"U1","text":"help""#;
    assert_eq!(routed(STRANGE, top), Route::Ignore("nobody asked us"));
}

#[test]
fn a_direct_message_is_accepted_top_level_and_reply() {
    let dm = r#""type":"message","channel_type":"im","user":"U1","text":"hello""#;
    assert_eq!(routed(STRANGE, dm), accepted("hello", false));
    assert_eq!(routed(STRANGE, &format!(r#"{dm},"thread_ts":"1.000000""#)), accepted("hello", false));
    assert_eq!(
        routed(STRANGE, r#""type":"message","channel_type":"im","user":"U1","text":" ""#),
        Route::Ignore("nothing was said")
    );
}

#[test]
fn a_mention_is_accepted_as_event_and_in_the_text_also_in_group_messages() {
    assert_eq!(routed(STRANGE, r#""type":"app_mention","user":"U1","text":"<@U0ME> hi""#), accepted("hi", false));
    let text = r#""type":"message","channel_type":"mpim","user":"U1","text":"hi <@U0ME|bot>!""#;
    assert!(matches!(routed(STRANGE, text), Route::Accept { uninvited: false, .. }));
    let other = r#""type":"message","channel_type":"mpim","user":"U1","text":"hi <@U0MEXX>""#;
    assert_eq!(routed(STRANGE, other), Route::Ignore("nobody asked us"));
}

#[test]
fn a_mention_without_words_gives_a_hint_at_top_level_and_answers_a_thread() {
    let bare = r#""type":"app_mention","user":"U1","text":"<@U0ME>""#;
    assert_eq!(routed(STRANGE, bare), command("", false));
    assert_eq!(routed(STRANGE, &format!(r#"{bare},"thread_ts":"1.000000""#)), accepted("", false));
    assert_eq!(routed(STRANGE, &format!(r#"{bare},"files":[{{"name":"a.pdf"}}]"#)), accepted("", false));
}

#[test]
fn a_reply_in_a_joined_thread_is_accepted_unless_it_addresses_another_person() {
    assert_eq!(routed(JOINED, &format!(r#"{REPLY},"text":"and then?""#)), accepted("and then?", true));
    assert_eq!(routed(JOINED, &format!(r#"{REPLY},"text":"<@U2> look""#)), Route::Context);
    assert_eq!(routed(JOINED, &format!(r#"{REPLY},"text":"look, <@U2>""#)), accepted("look, <@U2>", true));
    assert_eq!(routed(STRANGE, &format!(r#"{REPLY},"text":"and then?""#)), Route::NotJoined);
}

#[test]
fn a_stranger_is_ignored_unless_allowed_and_colleagues_of_another_workspace_are_none() {
    let fields = r#""type":"app_mention","user":"U1","team":"T2","text":"<@U0ME> hi""#;
    assert_eq!(
        routed_in(JOINED, &Access::default(), true, fields),
        Route::Ignore("a stranger from a connected workspace")
    );
    let allowed = Access { strangers: true, ..Access::default() };
    assert_eq!(routed_in(JOINED, &allowed, true, fields), accepted("hi", false));
    assert_eq!(routed(JOINED, fields), accepted("hi", false));
}

#[test]
fn a_post_of_nobody_is_ignored() {
    assert_eq!(routed(JOINED, r#""type":"message","thread_ts":"1.000000","text":"x""#), Route::Ignore("nobody's post"));
}
