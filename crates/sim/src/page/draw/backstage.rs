//! What nobody in Slack sees: what the model was sent, what can be broken, what happened.

use maud::{Markup, html};

use super::{Piece, Region, Scene, shell};
use crate::{
    model::MessageSeen,
    page::{Fault, Tone, notes::Note, requests::About},
    relay::{End, Exchange},
    slack::Stood,
};

/// Characters of one message of a request that are shown; the rest is counted.
const SHOWN_CHARS_MAX: usize = 2_000;

pub(crate) fn regions(scene: &Scene<'_>) -> Vec<Region> {
    let request = Piece { id: "request".to_owned(), html: request(scene) };
    let notes = scene.shared.notes.all();
    let mut pieces: Vec<Piece> = notes.iter().rev().map(|note| self::note(scene, note)).collect();
    if pieces.is_empty() {
        let html = html! { li.empty id="note-0" { "Nothing yet." } };
        pieces.push(Piece { id: "note-0".to_owned(), html });
    }
    vec![Region { id: "sent", pieces: vec![request] }, Region { id: "notes", pieces }]
}

pub(crate) fn pane(scene: &Scene<'_>, regions: &[Region]) -> Markup {
    let view = scene.settled();
    let closed = view.with_backstage(false).href();
    html! {
        aside.backstage aria-label="Backstage" {
            header.pane-head {
                a.back href=(closed) { (shell::arrow()) span.unseen { "Back" } }
                h2 { "Backstage" small { "what Slack does not show" } }
                span.grow {}
                a.close data-escape="" href=(closed) { span aria-hidden="true" { "×" } span.unseen { "Close the backstage" } }
            }
            div.scroll tabindex="-1" {
                section { h3 { "What the model was sent" } div id="sent" { (shell::pieces(regions, "sent")) } }
                section {
                    h3 { "Break something" }
                    p.lead { "Ask for something long, press, and watch it recover. What happens is told here:" }
                    ol.notes id="notes" aria-label="What happened" aria-live="polite" { (shell::pieces(regions, "notes")) }
                    div.faults { @for fault in &scene.shared.faults { (self::fault(scene, fault)) } }
                }
            }
        }
    }
}

fn fault(scene: &Scene<'_>, fault: &Fault) -> Markup {
    html! {
        form.fault method="post" action="/do/break" {
            (super::composer::where_to(&scene.settled()))
            button type="submit" name="fault" value=(fault.id) aria-describedby={ "does-" (fault.id) } { (fault.label) }
            p id={ "does-" (fault.id) } { (fault.does) " " em { (fault.then) } }
        }
    }
}

fn note(scene: &Scene<'_>, note: &Note) -> Piece {
    let id = format!("note-{}", note.number);
    let tone = match note.tone {
        Tone::Asked => "asked",
        Tone::Broke => "broke",
        Tone::Well => "well",
    };
    let html = html! {
        li.note.(tone) id=(id) { time { ((scene.shared.local_time)(note.at)) } span { (note.text) } }
    };
    Piece { id, html }
}

fn request(scene: &Scene<'_>) -> Markup {
    let Some(requests) = &scene.shared.requests else {
        return html! { div id="request" { p.empty { "The model is asked directly, so its requests are not seen here." } } };
    };
    let root = scene.view.root;
    match requests.last(&scene.here, root) {
        None => html! {
            div id="request" {
                p.empty { "The model was asked nothing " @if root.is_some() { "about this thread" } @else { "here" } " yet." }
            }
        },
        Some(About { exchange, stood, threads }) => html! {
            div id="request" {
                (figures(&exchange))
                @if threads > 1 {
                    p.left-out { (threads) " threads asked this at the same time in the same words; the request is of one of them." }
                }
                p.left-out { (left_out(&exchange, &stood)) }
                ol.messages tabindex="0" aria-label="The messages that were sent" { @for message in &exchange.request.messages { (sent(message)) } }
            }
        },
    }
}

fn figures(exchange: &Exchange) -> Markup {
    let request = &exchange.request;
    let state = match (exchange.end, exchange.status) {
        (None, None) => ("waiting", "asked"),
        (None, Some(_)) => ("running", "answering"),
        (Some(End::Whole), Some(200)) => ("well", "answered"),
        (Some(End::Whole), _) => ("broke", "refused"),
        (Some(End::Cut), _) => ("broke", "cut"),
        (Some(End::Broken), _) => ("broke", "broken off"),
        (Some(End::Abandoned), _) => ("broke", "given up"),
    };
    html! {
        p.request-head { b { "Request " (exchange.number) } span.state.(state.0) { (state.1) } }
        dl.figures {
            div { dt { "model" } dd { (request.model) } }
            div { dt { "messages" } dd { (request.messages.len()) } }
            div { dt { "bytes" } dd { (exchange.request_bytes) } }
            @if let Some(tokens) = exchange.tokens {
                div { dt { "tokens" } dd { (tokens.prompt) " in, " (tokens.completion) " out" } }
            }
            @if let Some(temperature) = request.temperature { div { dt { "temperature" } dd { (format!("{temperature:.1}")) } } }
            @if let Some(most) = request.max_tokens.or(request.max_completion_tokens) {
                div { dt { "longest answer" } dd { (most) " tokens" } }
            }
        }
    }
}

fn sent(message: &MessageSeen) -> Markup {
    let cut = message.content.char_indices().nth(SHOWN_CHARS_MAX).map(|(at, _)| at);
    let shown = cut.map_or(message.content.as_str(), |at| &message.content[..at]);
    let rest = message.content.len() - shown.len();
    let body = html! {
        div.content { (shown) @if rest > 0 { em { " … and " (rest) " bytes more" } } }
    };
    html! {
        li.sent.(role(&message.role)) {
            @if message.role == "system" {
                details { summary { span.role { "system" } span.size { (message.content.len()) " bytes" } } (body) }
            } @else {
                p { span.role { (message.role) } span.size { (message.content.len()) " bytes" } }
                (body)
            }
        }
    }
}

fn role(role: &str) -> &'static str {
    match role {
        "system" => "system",
        "assistant" => "assistant",
        _ => "user",
    }
}

/// How much of its thread a request holds.
fn left_out(exchange: &Exchange, stood: &Stood) -> String {
    let sent = exchange.request.messages.iter().filter(|message| message.role != "system").count();
    match stood.messages.saturating_sub(sent) {
        0 => "All of the thread up to the question.".to_owned(),
        out => format!(
            "{out} of the thread's {} messages up to the question {} left out: commands, what was forgotten, or what is too old.",
            stood.messages,
            if out == 1 { "is" } else { "are" }
        ),
    }
}
