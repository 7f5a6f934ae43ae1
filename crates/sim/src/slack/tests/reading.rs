//! What is read back: threads, channels, people, page by page.

use serde_json::{Value, json};

use super::app::App;
use crate::slack::Saying;

fn texts(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_thread_is_read_root_first_and_page_by_page() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "root").await;
    let mut said = Vec::new();
    for text in ["one", "two", "three", "four"] {
        said.push(thread.reply("bob", text).await);
    }
    let root = thread.root().to_string();
    let args = [("channel", thread.channel().as_str()), ("ts", root.as_str()), ("limit", "2")];
    let (mut cursor, mut pages) = (String::new(), Vec::new());
    loop {
        let page = app.read("conversations.replies", &[&args[..], &[("cursor", cursor.as_str())]].concat()).await;
        pages.push(texts(&page).join(","));
        cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(page["has_more"], !cursor.is_empty());
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(pages, ["root,one", "two,three", "four"]);
    let page = app.read("conversations.replies", &args[..2]).await;
    let first = &page["messages"][0];
    assert_eq!((&first["reply_count"], &first["latest_reply"]), (&json!(4), &json!(said[3].ts())));
    assert_eq!(page["messages"][1]["parent_user_id"], json!(app.slack.person("ana")));
    let (from, to) = (said[0].ts().to_string(), said[2].ts().to_string());
    let span = [("oldest", from.as_str()), ("latest", to.as_str())];
    let page = app.read("conversations.replies", &[&args[..2], &span[..]].concat()).await;
    assert_eq!(texts(&page), ["root", "two"]);
    let page = app.read("conversations.replies", &[&args[..2], &span[..], &[("inclusive", "true")]].concat()).await;
    assert_eq!(texts(&page), ["root", "one", "two", "three"]);
    let page = app.read("conversations.replies", &[args[0], ("ts", &from)]).await;
    assert_eq!(texts(&page), ["one"], "a reply's timestamp gives just that message");
}

#[tokio::test]
async fn a_channel_is_read_newest_first_without_replies() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "one").await;
    thread.reply("bob", "hidden").await;
    thread.reply("bob", Saying::from("shown").also_to_channel()).await;
    app.slack.post("ana", "#general", "two").await;
    let args = [("channel", thread.channel().as_str()), ("limit", "2")];
    let page = app.read("conversations.history", &args).await;
    assert_eq!(texts(&page), ["two", "shown"]);
    let next = page["response_metadata"]["next_cursor"].as_str().unwrap();
    let page = app.read("conversations.history", &[&args[..], &[("cursor", next)]].concat()).await;
    assert_eq!((texts(&page), &page["has_more"]), (vec!["one"], &json!(false)));
}

#[tokio::test]
async fn a_page_holds_only_so_many_whatever_is_asked_for() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "root").await;
    for _ in 0..1000 {
        thread.reply("bob", Saying::from("x").also_to_channel()).await;
    }
    let root = thread.root().to_string();
    let channel = ("channel", thread.channel().as_str());
    for (method, args, count) in [
        ("conversations.replies", vec![channel, ("ts", root.as_str())], 1000),
        ("conversations.replies", vec![channel, ("ts", root.as_str()), ("limit", "1001")], 1000),
        ("conversations.history", vec![channel], 100),
        ("conversations.history", vec![channel, ("limit", "1000")], 999),
    ] {
        let page = app.read(method, &args).await;
        assert_eq!((texts(&page).len(), &page["has_more"]), (count, &json!(true)), "{method}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "root").await;
    let channel = thread.channel().as_str();
    let root = thread.root().to_string();
    for (args, error) in [
        (vec![("ts", "1.000001")], "invalid_arguments"),
        (vec![("channel", channel)], "invalid_arguments"),
        (vec![("channel", channel), ("ts", "1.000001")], "thread_not_found"),
        (vec![("channel", "C404"), ("ts", "1.000001")], "channel_not_found"),
        (vec![("channel", channel), ("ts", &root), ("cursor", "x")], "invalid_cursor"),
        (vec![("channel", channel), ("ts", &root), ("oldest", "x")], "invalid_ts_oldest"),
        (vec![("channel", channel), ("ts", &root), ("latest", "x")], "invalid_ts_latest"),
    ] {
        assert_eq!(app.read("conversations.replies", &args).await["error"], error, "{args:?}");
    }
    app.slack.kick_bot("#general");
    let read = app.read("conversations.replies", &[("channel", channel), ("ts", &root)]).await;
    assert_eq!(read["error"], "not_in_channel");
    assert_eq!(app.read("conversations.history", &[("channel", channel)]).await["error"], "not_in_channel");
}

#[tokio::test]
async fn metadata_is_given_to_who_asks_and_markdown_is_rewritten() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "root").await;
    let metadata = json!({"event_type": "turn", "event_payload": {"n": 1}});
    let args = json!({"channel": thread.channel(), "thread_ts": thread.root(), "markdown_text": "**a** & b", "metadata": metadata});
    app.ok("chat.postMessage", args).await;
    let root = thread.root().to_string();
    let args = [("channel", thread.channel().as_str()), ("ts", root.as_str())];
    let without = app.read("conversations.replies", &args).await;
    assert_eq!((&without["messages"][1]["metadata"], texts(&without)[1]), (&Value::Null, "*a* &amp; b"));
    let with = app.read("conversations.replies", &[&args[..], &[("include_all_metadata", "true")]].concat()).await;
    assert_eq!(with["messages"][1]["metadata"], metadata);
    let ours = &with["messages"][1];
    assert_eq!((&ours["user"], &ours["subtype"]), (&json!(app.slack.bot_user()), &Value::Null));
    assert!(ours["bot_id"].is_string() && ours["app_id"].is_string());
    thread.shows("**a** & b").await;
}

#[tokio::test]
async fn people_bots_and_teams_are_known() {
    let app = App::start().await;
    let (ana, zoe) = (app.slack.person("ana"), app.slack.admin("zoe"));
    let user = |id: &str| [("user", id.to_owned())];
    let read = async |id: &str| {
        let [(key, value)] = user(id);
        app.read("users.info", &[(key, value.as_str())]).await
    };
    assert_eq!(read(ana.as_str()).await["user"]["is_admin"], false);
    assert_eq!(read(zoe.as_str()).await["user"]["is_admin"], true);
    assert_eq!(read(app.slack.bot_user().as_str()).await["user"]["is_bot"], true);
    let stranger = app.slack.stranger("eve");
    assert_eq!(read(stranger.as_str()).await["user"]["is_stranger"], true);
    app.slack.shared_channel("#partners");
    app.slack.post("eve", "#partners", "hi").await;
    let told = &read(stranger.as_str()).await["user"];
    assert_eq!(
        (&told["is_stranger"], &told["enterprise_user"]),
        (&Value::Null, &Value::Null),
        "of whom we share a channel with"
    );
    let gwen = app.slack.colleague("gwen");
    let enterprise = app.ok("auth.test", json!({})).await["enterprise_id"].clone();
    assert!(enterprise.is_string());
    assert_eq!(read(gwen.as_str()).await["user"]["enterprise_user"]["enterprise_id"], enterprise);
    assert_eq!(read(stranger.as_str()).await["user"]["enterprise_user"], Value::Null);
    let dm = app.slack.dm_channel("gwen");
    let told = &app.read("conversations.info", &[("channel", dm.as_str())]).await["channel"];
    assert_eq!((&told["is_im"], &told["is_ext_shared"]), (&json!(true), &Value::Null));
    for nobody in ["U404", "?"] {
        assert_eq!(read(nobody).await["error"], "user_not_found");
    }
    let me = app.ok("auth.test", json!({})).await;
    assert_eq!(me["is_enterprise_install"], false);
    let bot = app.read("bots.info", &[("bot", me["bot_id"].as_str().unwrap())]).await;
    assert_eq!(bot["bot"]["user_id"], me["user_id"]);
    assert_eq!(app.read("bots.info", &[("bot", "B404")]).await["error"], "bot_not_found");
    let team = app.read("team.info", &[]).await["team"].clone();
    assert_eq!((&team["name"], &team["email_domain"]), (&json!("acme"), &json!("")));
    assert_eq!(app.read("team.info", &[("team", "T404")]).await["error"], "team_not_found");
}

#[tokio::test]
async fn channels_and_their_members_are_listed() {
    let app = App::start().await;
    let general = app.slack.post("ana", "#general", "hi").await;
    let secret = app.slack.private_channel("#secret");
    app.slack.kick_bot("#hidden");
    let hidden = app.slack.private_channel("#inner");
    app.slack.kick_bot("#inner");
    let ids = |page: &Value| -> Vec<String> {
        let channels = page["channels"].as_array().unwrap();
        channels.iter().map(|channel| channel["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = app.read("conversations.list", &[("types", "public_channel,private_channel")]).await;
    assert!(ids(&all).contains(&secret.to_string()) && !ids(&all).contains(&hidden.to_string()));
    assert_eq!(ids(&all).len(), 3);
    let page = app.read("conversations.list", &[("types", "public_channel,private_channel"), ("limit", "2")]).await;
    let next = page["response_metadata"]["next_cursor"].as_str().unwrap();
    let rest = app.read("conversations.list", &[("types", "public_channel,private_channel"), ("cursor", next)]).await;
    assert_eq!([ids(&page), ids(&rest)].concat(), ids(&all));
    let private = app.read("conversations.list", &[("types", "private_channel")]).await;
    assert_eq!(ids(&private), [secret.to_string()]);
    app.slack.archive("#hidden");
    let in_use = app.read("conversations.list", &[("exclude_archived", "true")]).await;
    assert_eq!(ids(&in_use), [general.channel().to_string()]);
    assert_eq!(app.read("conversations.list", &[("cursor", "?")]).await["error"], "invalid_cursor");
    let mine = app.read("users.conversations", &[]).await;
    assert_eq!(ids(&mine), [general.channel().to_string()]);
    let members = app.read("conversations.members", &[("channel", general.channel().as_str())]).await;
    assert_eq!(members["members"].as_array().unwrap().len(), 2);
    let args = [("channel", general.channel().as_str()), ("cursor", "?")];
    assert_eq!(app.read("conversations.members", &args).await["error"], "invalid_cursor");
    let args = [("channel", secret.as_str()), ("include_num_members", "true")];
    let info = app.read("conversations.info", &args).await["channel"].clone();
    assert_eq!((&info["is_private"], &info["name"], &info["num_members"]), (&json!(true), &json!("secret"), &json!(1)));
}

#[tokio::test]
async fn conversations_are_opened_and_joined() {
    let app = App::start().await;
    let (ana, bob) = (app.slack.person("ana"), app.slack.person("bob"));
    let opened = app.ok("conversations.open", json!({"users": ana})).await;
    assert_eq!(opened["channel"]["id"], json!(app.slack.dm_channel("ana")));
    let group = app.ok("conversations.open", json!({"users": format!("{ana},{bob}")})).await;
    let info = app.read("conversations.info", &[("channel", group["channel"]["id"].as_str().unwrap())]).await;
    assert_eq!(info["channel"]["is_mpim"], true);
    assert_eq!(app.refused("conversations.open", json!({})).await, "users_list_not_supplied");
    assert_eq!(app.refused("conversations.open", json!({"users": "U404"})).await, "user_not_found");
    assert_eq!(app.refused("conversations.open", json!({"users": "?"})).await, "user_not_found");
    let crowd: Vec<String> = (0..9).map(|n| app.slack.person(&format!("p{n}")).to_string()).collect();
    app.ok("conversations.open", json!({"users": crowd[..8].join(",")})).await;
    assert_eq!(app.refused("conversations.open", json!({"users": crowd.join(",")})).await, "too_many_users");
    let channel = app.slack.kick_bot("#general");
    app.ok("conversations.join", json!({"channel": channel})).await;
    app.ok("chat.postMessage", json!({"channel": channel, "text": "x"})).await;
    let dm = app.slack.dm_channel("ana");
    let refused = app.refused("conversations.join", json!({"channel": dm})).await;
    assert_eq!(refused, "method_not_supported_for_channel_type");
}

#[tokio::test]
async fn a_permalink_names_the_message() {
    let app = App::start().await;
    let thread = app.slack.post("ana", "#general", "hi").await;
    let ts = thread.root().to_string();
    let args = [("channel", thread.channel().as_str()), ("message_ts", ts.as_str())];
    let link = app.read("chat.getPermalink", &args).await["permalink"].as_str().unwrap().to_owned();
    assert_eq!(link, format!("https://acme.slack.com/archives/{}/p{}", thread.channel(), ts.replace('.', "")));
}

#[tokio::test]
async fn a_home_view_is_checked() {
    let app = App::start().await;
    let ana = app.slack.person("ana");
    app.ok("views.publish", json!({"user_id": ana, "view": {"type": "home", "blocks": [{"type": "divider"}]}})).await;
    assert_eq!(app.refused("views.publish", json!({"user_id": ana})).await, "invalid_arguments");
    let modal = json!({"user_id": ana, "view": {"type": "modal", "blocks": []}});
    assert_eq!(app.refused("views.publish", modal).await, "invalid_arguments");
    let big = json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(251_000)}});
    let big = json!({"user_id": ana, "view": {"type": "home", "blocks": [big]}});
    assert_eq!(app.refused("views.publish", big).await, "view_too_large");
}
