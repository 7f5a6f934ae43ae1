//! Addresses and what answers to them.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Form, Path, Query, Request, State, rejection::FormRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{
        Html, IntoResponse, Redirect, Response,
        sse::{KeepAlive, Sse},
    },
    routing::{get, post},
};
use maud::Markup;

use super::{
    Shared,
    deeds::{Deed, TOO_LONG, Undone},
    door::Verdict,
    draw::{self, Scene},
    live,
    view::{Asked, View},
};

/// Nothing from elsewhere, nothing inline, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The longest form, 1 MiB.
const FORM_BYTES_MAX: usize = 1 << 20;
/// Says that the script sent a form, and stays on the page.
const SCRIPTED: HeaderName = HeaderName::from_static("x-scripted");
/// Where the script is to go.
const GO: HeaderName = HeaderName::from_static("x-go");
const THEME_COOKIE: &str = "chathakase_theme=";

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="11" fill="#2f5d62"/><path d="M20 10.5 6.5 16.5 20 22.5 33.5 16.5Z M12 20.6v5.2c0 2 3.6 4.2 8 4.2s8-2.2 8-4.2v-5.2l-8 3.6Z" fill="#fbf8f1"/></svg>"##;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/page.css", get(async || asset("text/css; charset=utf-8", include_str!("page.css"))))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", include_str!("page.js"))))
        .route("/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .route("/do/{deed}", post(does))
        .route("/live/{who}", get(live_list))
        .route("/live/{who}/{place}", get(live_place))
        .route("/live/{who}/{place}/{root}", get(live_thread))
        .route("/{who}", get(list))
        .route("/{who}/{place}", get(place))
        .route("/{who}/{place}/{root}", get(thread))
        .fallback(no_such_page)
        .method_not_allowed_fallback(no_such_page)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared)
}

/// The door, before everything else; and what every answer carries.
async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match shared.door.check(request.method(), request.uri(), request.headers()) {
        Verdict::Pass => next.run(request).await,
        Verdict::Welcome { cookie, to } => {
            let mut response = Redirect::to(&to).into_response();
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Verdict::Refuse(why) => (StatusCode::FORBIDDEN, html(&draw::refusal(why, false, None))).into_response(),
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=60")], text).into_response()
}

fn html(page: &Markup) -> Html<String> {
    Html(page.0.clone())
}

async fn front(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Html<String> {
    html(&draw::welcome(&shared, None, theme(&headers)))
}

async fn list(state: State<Arc<Shared>>, Path(who): Path<String>, asked: Query<Asked>, headers: HeaderMap) -> Response {
    shown(&state, &View::of(who, None, None, &asked), &headers)
}

async fn place(
    state: State<Arc<Shared>>,
    Path((who, place)): Path<(String, String)>,
    asked: Query<Asked>,
    headers: HeaderMap,
) -> Response {
    shown(&state, &View::of(who, Some(place), None, &asked), &headers)
}

async fn thread(
    state: State<Arc<Shared>>,
    Path((who, place, root)): Path<(String, String, String)>,
    asked: Query<Asked>,
    headers: HeaderMap,
) -> Response {
    shown(&state, &View::of(who, Some(place), Some(root), &asked), &headers)
}

fn shown(shared: &Arc<Shared>, view: &View, headers: &HeaderMap) -> Response {
    match Scene::of(shared, view) {
        Some(scene) => html(&draw::page(&scene, theme(headers))).into_response(),
        None => {
            let why = "This page shows nobody of that name, or no such channel of theirs.";
            nothing(why, headers)
        }
    }
}

async fn no_such_page(headers: HeaderMap) -> Response {
    nothing("There is no page at this address.", &headers)
}

fn nothing(why: &str, headers: &HeaderMap) -> Response {
    (StatusCode::NOT_FOUND, html(&draw::refusal(why, true, theme(headers)))).into_response()
}

async fn live_list(state: State<Arc<Shared>>, Path(who): Path<String>, asked: Query<Asked>) -> Response {
    told(state, View::of(who, None, None, &asked))
}

async fn live_place(
    state: State<Arc<Shared>>,
    Path((who, place)): Path<(String, String)>,
    asked: Query<Asked>,
) -> Response {
    told(state, View::of(who, Some(place), None, &asked))
}

async fn live_thread(
    state: State<Arc<Shared>>,
    Path((who, place, root)): Path<(String, String, String)>,
    asked: Query<Asked>,
) -> Response {
    told(state, View::of(who, Some(place), Some(root), &asked))
}

fn told(State(shared): State<Arc<Shared>>, view: View) -> Response {
    Sse::new(live::news(shared, view)).keep_alive(KeepAlive::default()).into_response()
}

async fn does(
    State(shared): State<Arc<Shared>>,
    Path(deed): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Deed>, FormRejection>,
) -> Response {
    let done = match form {
        Ok(Form(form)) if deed == "join" => return joined(form, &shared, &headers),
        Ok(Form(form)) => done(&deed, form, &shared).await,
        Err(refused) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(TOO_LONG),
        Err(_) => Err(Undone("This form cannot be read; reload the page and try again.")),
    };
    let scripted = headers.contains_key(SCRIPTED);
    match done {
        Ok(view) if scripted => match HeaderValue::from_str(&view.href()) {
            Ok(go) => (StatusCode::NO_CONTENT, [(GO, go)]).into_response(),
            Err(_) => StatusCode::NO_CONTENT.into_response(),
        },
        Ok(view) => Redirect::to(&view.href()).into_response(),
        Err(Undone(why)) if scripted => (StatusCode::UNPROCESSABLE_ENTITY, why).into_response(),
        Err(Undone(why)) => {
            let page = draw::refusal(why, true, theme(&headers));
            (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
        }
    }
}

/// Comes in; a name that is none is said beside the field that it was typed into.
fn joined(form: Deed, shared: &Shared, headers: &HeaderMap) -> Response {
    let typed = form.who().to_owned();
    match form.join(shared) {
        Ok(view) => Redirect::to(&view.href()).into_response(),
        Err(Undone(why)) => {
            let page = draw::welcome(shared, Some((&typed, why)), theme(headers));
            (StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response()
        }
    }
}

async fn done(deed: &str, form: Deed, shared: &Arc<Shared>) -> Result<View, Undone> {
    match deed {
        "say" => form.say(shared).await,
        "edit" => form.edit(shared).await,
        "delete" => form.delete(shared).await,
        "stop" => form.stop(shared).await,
        "break" => form.break_something(shared),
        _ => Err(Undone("There is nothing of that name to do.")),
    }
}

/// What was chosen with the button; else the page follows the system.
fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let chosen =
        all.flat_map(|cookies| cookies.split(';')).find_map(|cookie| cookie.trim().strip_prefix(THEME_COOKIE))?;
    ["light", "dark"].into_iter().find(|known| *known == chosen)
}
