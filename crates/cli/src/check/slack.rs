//! Whether Slack takes our tokens, has granted what we need, and would reach us.

use std::collections::BTreeSet;

use chathakase_session::time::Clock;
use chathakase_slack::{
    api::{Api, ApiConfig, Headed, Identity},
    manifest::needs::{self, AGENT_SCOPE},
    socket::{NoHello, SocketConfig, SocketError, greet},
};
use tokio::net::TcpListener;

use super::{
    CLOCK_OFF_MAX, Look, Wishes, live,
    report::{Finding, chain},
};
use crate::{
    config::{Config, Transport, duration, secret},
    server,
};

pub(super) async fn look(look: &mut Look<'_>, wishes: &Wishes) {
    let config = ApiConfig {
        base_url: look.config.slack_api_url.clone(),
        ..ApiConfig::new(look.config.slack_bot_token.clone())
    };
    let api = match Api::new(config, look.clock.clone()) {
        Ok(api) => api,
        Err(error) => return look.add(Finding::fault("slack.api_url", &error)),
    };
    let granted = match api.auth_test_headed().await {
        Ok((me, headed)) => {
            look.add(Finding::right("slack.bot_token", format!("accepted: {}", name(&me))));
            scopes(look, headed.scopes.as_ref());
            clock(look, &headed);
            channels(look, &api, &me, headed.scopes.as_ref()).await;
            Some(headed.scopes)
        }
        Err(error) if error.code().is_some() => {
            look.add(Finding::fault("slack.bot_token", &error));
            None
        }
        Err(error) => return look.add(Finding::fault("slack.api_url", &error)),
    };
    let others = match look.config.slack_transport {
        Transport::Socket => socket(look).await,
        Transport::Http => {
            if wishes.live.is_empty() {
                let untried =
                    signing_secret(look.config, "`chathakase check --live` waits for one and shows whether it fits");
                look.add(untried);
            }
            http(look, wishes).await
        }
    };
    match (others, granted) {
        (Some(others), Some(granted)) if !wishes.live.is_empty() => {
            live::look(look, &api, granted.as_ref(), others, wishes).await
        }
        (Some(_), Some(_)) => look.add(Finding::hint(
            "events",
            "which events the app is subscribed to cannot be read with these tokens, only seen",
            "`chathakase check --live` waits while you write to the assistant, and names what does not come",
        )),
        _ => {}
    }
}

fn name(me: &Identity) -> String {
    let user = me.user.as_deref().unwrap_or(me.user_id.as_str());
    let team = me.team.as_deref().unwrap_or(me.team_id.as_str());
    format!("@{user} in {team} ({})", me.team_id)
}

fn scopes(look: &mut Look<'_>, granted: Option<&BTreeSet<String>>) {
    let Some(granted) = granted else {
        return look.add(Finding::hint(
            "scopes",
            "Slack did not say what was granted (no x-oauth-scopes header)",
            "see whether a proxy takes headers away",
        ));
    };
    let needed = needs::scopes(true);
    let missing: Vec<&str> = needed.iter().copied().filter(|scope| !granted.contains(*scope)).collect();
    if missing.is_empty() {
        return look.add(Finding::right("scopes", format!("all {} are granted", needed.len())));
    }
    for scope in missing {
        let part = format!("scope {scope}");
        let why = needs::why(scope).unwrap_or("for a call or an event");
        look.add(if scope == AGENT_SCOPE {
            Finding::hint(
                part,
                "not granted: the app has no agent view, so no status line and no Stop button",
                "make the app anew from `chathakase manifest`, unless guests are to use it",
            )
        } else {
            Finding::wrong(
                part,
                format!("not granted; the assistant needs it {why}"),
                "add it under \"OAuth & Permissions\", \"Bot Token Scopes\", then install the app again",
            )
        });
    }
}

/// Compares with the date that Slack's answer carries; it is whole seconds.
fn clock(look: &mut Look<'_>, headed: &Headed) {
    let Some(theirs) = headed.date else {
        return look.add(Finding::hint(
            "clock",
            "Slack's answer had no date to compare with",
            "see whether a proxy takes headers away",
        ));
    };
    let ours = Clock::now(&*look.clock);
    let off = ours.abs_diff(theirs);
    look.add(if off > CLOCK_OFF_MAX {
        let way = if ours > theirs { "ahead of" } else { "behind" };
        let off = duration::rounded(off);
        Finding::wrong(
            "clock",
            format!("this machine's clock is {off} {way} Slack's; past 5 minutes, signed requests are refused"),
            "let the machine set its clock by the network (NTP)",
        )
    } else {
        Finding::right("clock", "agrees with Slack's")
    });
}

async fn channels(look: &mut Look<'_>, api: &Api, me: &Identity, granted: Option<&BTreeSet<String>>) {
    let kinds = [("public_channel", "channels:read"), ("private_channel", "groups:read")];
    let may = |scope: &str| granted.is_none_or(|granted| granted.contains(scope));
    let kinds: Vec<&str> = kinds.iter().filter(|(_, scope)| may(scope)).map(|(kind, _)| *kind).collect();
    if kinds.is_empty() {
        return;
    }
    let found = api.own_conversations(&kinds, None).await;
    look.add(match found.map(|page| page.conversations) {
        Ok(found) if found.is_empty() => Finding::hint(
            "channels",
            "the assistant is in no channel yet; direct messages work without",
            format!("say `/invite @{}` in a channel", me.user.as_deref().unwrap_or("its-name")),
        ),
        Ok(found) => {
            let names: Vec<String> =
                found.iter().take(5).filter_map(|c| Some(format!("#{}", c.name.as_ref()?))).collect();
            let more = if found.len() > names.len() { ", .." } else { "" };
            Finding::right("channels", format!("it is in {}: {}{more}", found.len(), names.join(", ")))
        }
        Err(error) => Finding::fault("channels", &error),
    });
}

/// How many other links there are, when Slack says hello.
async fn socket(look: &mut Look<'_>) -> Option<u32> {
    let token = look.config.slack_app_token.clone()?;
    let config = SocketConfig { api_base: look.config.slack_api_url.clone(), ..SocketConfig::new(token) };
    match greet(&config, &look.clock).await {
        Ok(hello) => {
            let others = hello.num_connections.unwrap_or(1).saturating_sub(1);
            let beside = match others {
                0 => "nobody else is connected".to_owned(),
                1 => "one other link is open, a running `serve` I suppose".to_owned(),
                others => format!("{others} other links are open"),
            };
            look.add(Finding::right("slack.app_token", format!("Socket Mode says hello; {beside}")));
            Some(others)
        }
        Err(NoHello::Refused(error @ SocketError::Disabled)) => {
            look.add(Finding::fault("socket mode", &error));
            None
        }
        Err(NoHello::Refused(error)) => {
            look.add(Finding::fault("slack.app_token", &error));
            None
        }
        Err(error @ NoHello::Trouble(_)) => {
            look.add(Finding::wrong(
                "socket mode",
                chain(&error),
                "Socket Mode needs WebSockets to Slack (wss, port 443)",
            ));
            None
        }
    }
}

/// What can be said of the signing secret before Slack signs something, and what brings a request that is signed.
pub(super) fn signing_secret(config: &Config, request: &str) -> Finding {
    let part = "slack.signing_secret";
    match config.slack_signing_secret.as_ref().is_some_and(secret::looks_like_a_signing_secret) {
        true => Finding::hint(part, "looks as it should, and cannot be tried without a request of Slack's", request),
        false => Finding::hint(
            part,
            "is not 32 hexadecimal digits, as Slack's are, and cannot be tried without a request of Slack's",
            format!("compare it with \"Basic Information\" in the app's settings; {request}"),
        ),
    }
}

/// Whether requests could be taken; 1 when somebody else takes them already.
async fn http(look: &mut Look<'_>, wishes: &Wishes) -> Option<u32> {
    let address = look.config.http_listen;
    match TcpListener::bind(address).await {
        Ok(_free) => {
            let next = "Slack must reach it at https://YOUR-HOST/slack/events: with `serve` running, look at \"Event Subscriptions\" in the app's settings";
            look.add(if wishes.live.is_empty() {
                Finding::hint("http.listen", format!("{address} is free to listen on"), next)
            } else {
                Finding::right("http.listen", format!("{address} is free to listen on"))
            });
            Some(0)
        }
        Err(_) if live::is_ours(address, &*look.clock).await => {
            look.add(Finding::right("http.listen", format!("a running `chathakase serve` listens on {address}")));
            Some(1)
        }
        Err(cause) => {
            let (why, next) = server::cannot_listen(&cause);
            look.add(Finding::wrong("http.listen", format!("cannot listen on {address}: {why}"), next));
            None
        }
    }
}
