use super::*;

#[test]
fn a_mention_has_what_slack_says_of_it() {
    let json = r#"{"type":"app_mention","user":"U1","text":"<@U9> a &amp; b","ts":"1700000000.000100",
        "thread_ts":"1699999999.000100","channel":"C1","team":"T2","blocks":[],"event_ts":"1700000000.000100"}"#;
    let fields = r#","team_id":"T3","is_ext_shared_channel":true,
        "authorizations":[{"enterprise_id":null,"team_id":"T1","user_id":"U9","is_bot":true,"is_enterprise_install":false}]"#;
    let delivery = delivery_with(json, fields);
    assert_eq!(delivery.workspace.as_str(), "T1", "the installation, not where it was written");
    assert_eq!(delivery.event_id.unwrap().as_str(), "Ev1");
    assert_eq!((delivery.app_id.unwrap().as_str(), delivery.bot_user.unwrap().as_str()), ("A1", "U9"));
    assert!(delivery.ext_shared && delivery.retry.is_none());
    let Event::Mention(post) = delivery.event else { panic!("a mention") };
    assert_eq!((post.channel.as_str(), post.place, post.text.as_str()), ("C1", Place::Unknown, "<@U9> a &amp; b"));
    assert_eq!((post.root(), post.is_reply()), (ts("1699999999.000100"), true));
    assert_eq!((post.author.user.unwrap().as_str(), post.author.team.unwrap().as_str()), ("U1", "T2"));
    assert!(!post.author.is_bot && post.subtype.is_none() && post.edited_ts.is_none());
}

#[test]
fn the_workspace_is_the_installation_that_sees_the_event() {
    for (fields, workspace, bot) in [
        (r#","team_id":"T1""#, "T1", None),
        (r#","team_id":"T2","authorizations":[{"team_id":"T1","user_id":"U9","is_bot":true}]"#, "T1", Some("U9")),
        (r#","team_id":"T2","authorizations":[{"team_id":"T1","user_id":"U9","is_bot":false}]"#, "T1", None),
        (r#","team_id":"T2","authorizations":[]"#, "T2", None),
        (r#","team_id":"T2","authorizations":null"#, "T2", None),
        (r#","team_id":"T2","authorizations":["T1"]"#, "T2", None),
        (r#","team_id":"T2","authorizations":[{"team_id":7}]"#, "T2", None),
        (r#","team_id":"T1","authorizations":[{"team_id":null,"enterprise_id":"E1"}]"#, "E1", None),
        (
            r#","team_id":"T1","authorizations":[{"team_id":"T1","enterprise_id":"E1","is_enterprise_install":true,"is_bot":true,"user_id":"W9"}]"#,
            "E1",
            Some("W9"),
        ),
        (
            r#","team_id":"T1","authorizations":[{"team_id":"T1","enterprise_id":"E1","is_enterprise_install":false}]"#,
            "T1",
            None,
        ),
        (r#","team_id":null,"enterprise_id":"E1""#, "E1", None),
    ] {
        let delivery = delivery_with(r#"{"type":"app_home_opened","user":"U1","channel":"D1"}"#, fields);
        assert_eq!(
            (delivery.workspace.as_str(), delivery.bot_user.as_ref().map(|id| id.as_str())),
            (workspace, bot),
            "{fields}"
        );
        assert_eq!(delivery.event, Event::Other { kind: "app_home_opened".to_owned() });
    }
}

#[test]
fn a_reply_is_what_has_another_root() {
    for (thread, root, is_reply) in [
        ("", "1700000000.000200", false),
        (r#","thread_ts":"1700000000.000200""#, "1700000000.000200", false),
        (r#","thread_ts":"1700000000.000100""#, "1700000000.000100", true),
        (r#","thread_ts":null"#, "1700000000.000200", false),
    ] {
        let post = post(&format!(
            r#"{{"type":"message","channel":"D1","channel_type":"im","ts":"1700000000.000200"{thread}}}"#
        ));
        assert_eq!((post.root(), post.is_reply()), (ts(root), is_reply), "{thread}");
    }
}

#[test]
fn the_place_is_told_by_type_or_by_id() {
    for (channel, kind, place) in [
        ("C1", r#""channel""#, Place::Channel),
        ("G1", r#""group""#, Place::Private),
        ("C1", r#""group""#, Place::Private),
        ("D1", r#""im""#, Place::Direct),
        ("D1", r#""app_home""#, Place::Direct),
        ("G1", r#""mpim""#, Place::Group),
        ("C1", r#""mpim""#, Place::Group),
        ("D1", "null", Place::Direct),
        ("C1", "null", Place::Unknown),
        ("G1", r#""invented_in_2030""#, Place::Unknown),
    ] {
        let json =
            format!(r#"{{"type":"message","channel":"{channel}","channel_type":{kind},"ts":"1700000000.000200"}}"#);
        assert_eq!(post(&json).place, place, "{json}");
    }
}

#[test]
fn a_bot_is_known_by_any_of_its_marks() {
    for (fields, is_bot, bot, app) in [
        (r#""user":"U1""#, false, None, None),
        (r#""user":"U1","bot_id":"B1","app_id":"A1""#, true, Some("B1"), Some("A1")),
        (r#""bot_id":"B1","subtype":"bot_message","username":"Deploys""#, true, Some("B1"), None),
        (r#""subtype":"bot_message""#, true, None, None),
        (r#""user":"U1","bot_profile":{"id":"B2","app_id":"A2","name":"Helper"}"#, true, Some("B2"), Some("A2")),
        (r#""user":"U1","bot_id":"??""#, true, None, None),
        (r#""user":"USLACKBOT""#, true, None, None),
        (r#""user":"U1","bot_id":"","bot_profile":null"#, false, None, None),
    ] {
        let author = post(&format!(r#"{{"type":"message","channel":"C1","ts":"1700000000.000200",{fields}}}"#)).author;
        let ids = (author.bot.as_ref().map(|id| id.as_str()), author.app.as_ref().map(|id| id.as_str()));
        assert_eq!((author.is_bot, ids), (is_bot, (bot, app)), "{fields}");
    }
}

#[test]
fn a_name_is_taken_from_where_there_is_one() {
    for (fields, name) in [
        (r#""username":"Deploys","bot_profile":{"name":"Helper"}"#, Some("Deploys")),
        (r#""bot_profile":{"name":"Helper"}"#, Some("Helper")),
        (r#""user_profile":{"display_name":"ann","real_name":"Ann A"}"#, Some("ann")),
        (r#""user_profile":{"display_name":"","real_name":"Ann A"}"#, Some("Ann A")),
        (r#""user_profile":[]"#, None),
    ] {
        let json = format!(r#"{{"type":"message","channel":"C1","ts":"1700000000.000200",{fields}}}"#);
        assert_eq!(post(&json).author.name.as_deref(), name, "{fields}");
    }
}

#[test]
fn subtypes_that_carry_a_persons_words_have_names() {
    for (word, subtype) in [
        ("file_share", Subtype::FileShare),
        ("thread_broadcast", Subtype::ThreadBroadcast),
        ("me_message", Subtype::Me),
        ("bot_message", Subtype::BotMessage),
        ("channel_join", Subtype::Other("channel_join".to_owned())),
        ("message_replied", Subtype::Other("message_replied".to_owned())),
    ] {
        let json =
            format!(r#"{{"type":"message","subtype":"{word}","channel":"C1","ts":"1700000000.000200","text":"x"}}"#);
        assert_eq!(post(&json).subtype, Some(subtype));
    }
}

#[test]
fn files_are_named_and_never_too_many() {
    let json = r#"{"type":"message","subtype":"file_share","channel":"C1","ts":"1700000000.000200","text":"see",
        "files":[{"id":"F1","name":"a.png","mimetype":"image/png","size":12},{"title":"Plan"},{"id":"F1","url_private":""},7]}"#;
    let post = post(json);
    let names: Vec<&str> = post.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.png", "Plan", "file", "file"]);
    assert_eq!((post.files[0].mimetype.as_deref(), post.files[0].size_bytes), (Some("image/png"), Some(12)));
    let many = format!(
        r#"{{"type":"message","channel":"C1","ts":"1700000000.000200","files":[{}]}}"#,
        vec!["{}"; 1000].join(",")
    );
    assert_eq!(super::post(&many).files.len(), FILES_MAX);
}

#[test]
fn an_edit_has_both_texts() {
    let json = r#"{"type":"message","subtype":"message_changed","hidden":true,"channel":"C1","channel_type":"channel","ts":"1700000009.000900",
        "message":{"type":"message","user":"U1","text":"new","ts":"1700000000.000100","thread_ts":"1699999999.000100",
            "edited":{"user":"U1","ts":"1700000009.000000"}},
        "previous_message":{"type":"message","user":"U1","text":"old","ts":"1700000000.000100"},"event_ts":"1700000009.000900"}"#;
    let Event::Changed(change) = event(json) else { panic!("a change") };
    assert_eq!((change.post.text.as_str(), change.previous_text.as_deref()), ("new", Some("old")));
    assert_eq!((change.post.ts, change.post.root()), (ts("1700000000.000100"), ts("1699999999.000100")));
    assert_eq!(
        (change.post.edited_ts, change.event_ts),
        (Some(ts("1700000009.000000")), Some(ts("1700000009.000900")))
    );
    assert_eq!((change.channel.as_str(), change.place, change.post.place), ("C1", Place::Channel, Place::Channel));
}

#[test]
fn a_deletion_says_which_message_and_which_thread() {
    let json = r#"{"type":"message","subtype":"message_deleted","channel":"C1","ts":"1700000009.000900","deleted_ts":"1700000000.000100",
        "previous_message":{"text":"old","ts":"1700000000.000100","thread_ts":"1699999999.000100"},"event_ts":"1700000009.000900"}"#;
    let Event::Deleted(deletion) = event(json) else { panic!("a deletion") };
    assert_eq!((deletion.deleted_ts, deletion.thread_ts), (ts("1700000000.000100"), Some(ts("1699999999.000100"))));
    assert_eq!((deletion.channel.as_str(), deletion.event_ts), ("C1", Some(ts("1700000009.000900"))));
}

#[test]
fn a_deleted_root_with_replies_is_a_deletion_too() {
    let json = r#"{"type":"message","subtype":"message_changed","channel":"C1","ts":"1700000009.000900",
        "message":{"type":"message","subtype":"tombstone","user":"USLACKBOT","text":"This message was deleted.","hidden":true,
            "ts":"1700000000.000100","thread_ts":"1700000000.000100"},
        "previous_message":{"text":"old","ts":"1700000000.000100"}}"#;
    let Event::Deleted(deletion) = event(json) else { panic!("a deletion") };
    assert_eq!((deletion.deleted_ts, deletion.thread_ts), (ts("1700000000.000100"), Some(ts("1700000000.000100"))));
}

#[test]
fn a_stop_says_when_and_over_what_it_was_pressed() {
    let growing = r#""streaming_message_ts":["1700000000.000500","1700000000.000400"],"#;
    let posts = ["1700000000.000500", "1700000000.000400"];
    for (fields, over) in [
        (growing, posts.as_slice()),
        (r#""streaming_message_ts":[],"#, &[]),
        (r#""streaming_message_ts":[null,{}],"#, &[]),
        ("", &[]),
    ] {
        for (at, pressed) in [(r#""1700000000.000600""#, Some(ts("1700000000.000600"))), ("null", None)] {
            let json = format!(
                r#"{{{fields}"event_ts":{at},"type":"agent_session_stopped","channel":"C1","user":"U1","thread_ts":"1700000000.000100"}}"#
            );
            let Event::Stopped { pressed: read, over: posts, thread_ts, .. } = event(&json) else { panic!("{json}") };
            let over: Vec<_> = over.iter().map(|at| ts(at)).collect();
            assert_eq!((read, posts, thread_ts), (pressed, over, ts("1700000000.000100")), "{json}");
        }
    }
}

#[test]
fn a_rate_limit_is_an_event_of_its_own() {
    let body =
        br#"{"token":"x","type":"app_rate_limited","team_id":"T1","minute_rate_limited":1700000000,"api_app_id":"A1"}"#;
    let Ok(Inbound::Delivery(delivery)) = parse_http(body) else { panic!("a delivery") };
    assert_eq!(delivery.event, Event::RateLimited { minute: 1_700_000_000 });
}

#[test]
fn a_message_read_back_is_the_post_that_came() {
    let json = r#"{"type":"message","user":"U1","text":"hi","ts":"1700000000.000100","thread_ts":"1700000000.000100","reply_count":2}"#;
    let channel = "C1".parse().unwrap();
    let read_back = post_from_history(json, &channel).unwrap();
    let came = post(&json.replacen('{', r#"{"channel":"C1","#, 1));
    assert_eq!(read_back, came);
    let ours = r#"{"type":"message","bot_id":"B1","ts":"1700000000.000100","text":"x","metadata":{"event_type":"turn","event_payload":{"turn":7}}}"#;
    let metadata = post_from_history(ours, &channel).unwrap().metadata.unwrap();
    assert_eq!((metadata.event_type.as_str(), metadata.event_payload.as_str()), ("turn", r#"{"turn":7}"#));
    for none in
        ["null", "[]", "{}", r#"{"type":"message","text":"no ts"}"#, r#"{"type":"file","ts":"1700000000.000100"}"#, "{"]
    {
        assert!(post_from_history(none, &channel).is_none(), "{none}");
    }
}

#[test]
fn debug_never_shows_what_people_wrote() {
    let json = r#"{"type":"message","subtype":"message_changed","channel":"C1","message":{"text":"hush","username":"hush",
        "ts":"1700000000.000100","files":[{"name":"hush"}],"metadata":{"event_type":"x","event_payload":"hush"}},"previous_message":{"text":"hush"}}"#;
    let delivery = delivery_with(json, r#","team_id":"T1""#);
    assert!(matches!(&delivery.event, Event::Changed(change) if change.previous_text.as_deref() == Some("hush")));
    assert!(!format!("{delivery:?}").contains("hush"), "{delivery:?}");
}
