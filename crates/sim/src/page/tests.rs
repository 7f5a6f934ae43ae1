//! The page over HTTP, as a browser asks for it.

use std::sync::Arc;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use tokio::sync::mpsc;

use super::{Fault, Notes, Options, Page, Tone};
use crate::{
    ManualClock,
    slack::{self, SmallSlack},
};

struct Visit {
    slack: SmallSlack,
    client: Client,
    address: String,
    cookie: String,
    presses: mpsc::Receiver<&'static str>,
    notes: Notes,
    _page: Page,
}

impl Visit {
    async fn begin() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ManualClock::new());
        let slack = SmallSlack::start(slack::Options { clock: clock.clone(), ..slack::Options::default() }).await;
        let _ = (slack.channel("#general"), slack.person("ana"), slack.person("ben"));
        let (out, presses) = mpsc::channel(4);
        let notes = Notes::new(clock);
        let fault = Fault { id: "storm", label: "Storm", does: "It storms.", then: "It clears." };
        let options = Options {
            port: 0,
            slack: slack.clone(),
            relay: None,
            model: "none".into(),
            ideas: vec!["<b>idea</b>".into()],
            faults: vec![fault],
            presses: out,
            notes: notes.clone(),
            local_time: Arc::new(|_| "12:34".into()),
        };
        let page = Page::start(options).await.unwrap();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let welcome = client.get(page.link()).send().await.unwrap();
        let cookie = welcome.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let address = page.link().split("/?").next().unwrap().to_owned();
        Self { slack, client, address, cookie, presses, notes, _page: page }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.address)).header(header::COOKIE, &self.cookie)
    }

    async fn page(&self, path: &str) -> String {
        self.get(path).send().await.unwrap().text().await.unwrap()
    }

    async fn does(&self, deed: &str, form: &[(&str, &str)]) -> Response {
        let post = self.client.post(format!("{}/do/{deed}", self.address));
        let post = post.header(header::COOKIE, &self.cookie).header(header::ORIGIN, &self.address);
        post.form(form).send().await.unwrap()
    }
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_ours() {
    let visit = Visit::begin().await;
    for path in ["/", "/ana/general", "/page.css", "/page.js", "/icon.svg", "/nobody/general"] {
        let answer = visit.get(path).send().await.unwrap();
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let text = answer.text().await.unwrap();
        let elsewhere = text.matches("http").count() - text.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
        assert_eq!(elsewhere, 0, "{path} names no address");
        assert!(!text.contains(" style=") && !text.contains("javascript:") && !text.contains("onclick"), "{path}");
    }
}

#[tokio::test]
async fn strangers_stay_outside() {
    let visit = Visit::begin().await;
    let bare = visit.client.get(format!("{}/ana/general", visit.address)).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    assert!(bare.text().await.unwrap().contains("Open the link"));
    for looks in ["/page.css", "/icon.svg"] {
        let given = visit.client.get(format!("{}{looks}", visit.address)).send().await.unwrap();
        assert_eq!(given.status(), StatusCode::OK, "a refusal looks like the rest: {looks}");
    }
    let rebound = visit.get("/").header(header::HOST, "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::FORBIDDEN);
    let live = visit.client.get(format!("{}/live/ana/general", visit.address)).send().await.unwrap();
    assert_eq!(live.status(), StatusCode::FORBIDDEN);
    let foreign = visit.client.post(format!("{}/do/say", visit.address)).header(header::COOKIE, &visit.cookie);
    let foreign = foreign.header(header::ORIGIN, "http://evil.example").form(&[("who", "ana"), ("text", "hi")]);
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(visit.slack.eyes("ana").unwrap().channel(&visit.slack.channel("#general")).unwrap().is_empty());
}

#[tokio::test]
async fn what_is_written_is_shown_and_a_question_opens_its_thread() {
    let visit = Visit::begin().await;
    let said = visit.does("say", &[("who", "ana"), ("place", "general"), ("text", "<script>alert(1)</script>")]).await;
    assert_eq!(
        (said.status(), &said.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/ana/general".parse().unwrap())
    );
    let page = visit.page("/ben/general").await;
    assert!(page.contains("<b>ana</b><time>12:34</time>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("value=\"@assistant &lt;b&gt;idea&lt;/b&gt;\""), "{page}");
    let asked = visit.does("say", &[("who", "ana"), ("place", "general"), ("text", "@assistant hi")]).await;
    let thread = asked.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(thread.starts_with("/ana/general/"), "{thread}");
    assert!(visit.page(&thread).await.contains("<span class=\"mention\">@assistant</span> hi"));
}

#[tokio::test]
async fn nobody_touches_what_others_wrote_or_sees_what_is_not_for_them() {
    let visit = Visit::begin().await;
    let thread = visit.slack.post("ana", "#general", "mine").await;
    let ts = thread.root().to_string();
    for deed in ["edit", "delete"] {
        let form = [("who", "ben"), ("place", "general"), ("ts", ts.as_str()), ("text", "yours")];
        assert_eq!(visit.does(deed, &form).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{deed}");
    }
    assert_eq!(thread.posts()[0].text, "mine");
    let secret = visit.slack.dm("ana", "swordfish").await;
    let there = format!("/dm/{}", secret.root());
    assert!(visit.page(&format!("/ana{there}")).await.contains("swordfish"));
    assert!(!visit.page(&format!("/ben{there}")).await.contains("swordfish"));
    let form = [("who", "ben"), ("place", "dm"), ("root", &secret.root().to_string()), ("text", "hi")];
    assert_eq!(visit.does("say", &form).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let own = [("who", "ana"), ("place", "general"), ("ts", ts.as_str()), ("text", "changed")];
    assert_eq!(visit.does("edit", &own).await.status(), StatusCode::SEE_OTHER);
    assert!(visit.page("/ben/general").await.contains("(edited)"));
    assert_eq!(visit.does("delete", &own).await.status(), StatusCode::SEE_OTHER);
    assert!(!visit.page("/ben/general").await.contains("changed"));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_words() {
    let visit = Visit::begin().await;
    for (deed, form, why) in [
        ("say", vec![("who", "ana"), ("place", "general"), ("text", "  ")], "nothing in it"),
        ("say", vec![("who", "nobody"), ("place", "general"), ("text", "hi")], "Nobody of this name"),
        ("say", vec![("who", "ana"), ("place", "moon"), ("text", "hi")], "no such channel"),
        ("say", vec![("who", "ana"), ("place", "general"), ("root", "1.000001"), ("text", "hi")], "no such thread"),
        ("join", vec![("who", "a b")], "one word of letters"),
        ("join", vec![("who", "a b")], "value=\"a b\""),
        ("break", vec![("who", "ana"), ("place", "general"), ("fault", "nothing")], "no such button"),
        ("stop", vec![("who", "ana"), ("place", "general")], "no thread"),
        ("dance", vec![("who", "ana")], "nothing of that name"),
    ] {
        let answer = visit.does(deed, &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{deed}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(why), "{deed}: {text}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_said_and_a_thread_that_is_not_there_too() {
    let visit = Visit::begin().await;
    for chars in [40_001, 1 << 20] {
        let text = "x".repeat(chars);
        let answer = visit.does("say", &[("who", "ana"), ("place", "general"), ("text", &text)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text().await.unwrap().contains("longer than the 40,000 characters"), "{chars}");
    }
    for path in ["/a/b/c/d", "/do/say", "/nobody/general", "/ana/moon"] {
        let answer = visit.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text().await.unwrap().contains("To the first page"), "{path}");
    }
    let refused = visit.client.get(&visit.address).send().await.unwrap().text().await.unwrap();
    assert!(refused.contains("<code>chathakase demo</code>"), "{refused}");
}

#[tokio::test]
async fn a_press_reaches_who_does_it_and_what_happens_is_told() {
    let mut visit = Visit::begin().await;
    let form = [("who", "ana"), ("place", "general"), ("backstage", "1"), ("fault", "storm")];
    let answer = visit.does("break", &form).await;
    assert_eq!(answer.headers()[header::LOCATION], "/ana/general?backstage=1");
    assert_eq!(visit.presses.recv().await, Some("storm"));
    visit.notes.add(Tone::Broke, "It <storms>.");
    let page = visit.page("/ana/general?backstage=1").await;
    assert!(page.contains("It &lt;storms&gt;.") && page.contains("It clears."), "{page}");
}

#[tokio::test]
async fn a_window_is_told_what_changes_and_nothing_of_other_people() {
    let visit = Visit::begin().await;
    let mut live = visit.get("/live/ben/general").send().await.unwrap();
    let first = String::from_utf8(live.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.contains("channel-empty"), "{first}");
    visit.slack.dm("ana", "swordfish").await;
    visit.slack.post("ana", "#general", "good morning").await;
    let mut told = String::new();
    while !told.contains("good morning") {
        told += &String::from_utf8_lossy(&live.chunk().await.unwrap().unwrap());
    }
    assert!(!told.contains("swordfish"), "{told}");
}
