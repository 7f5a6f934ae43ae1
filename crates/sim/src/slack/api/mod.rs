//! The Web API: one door for all methods, one file per family behind it.
//!
//! The way of a call: find the method, check the token, keep the call, let a planned fault happen, count it against the rate
//! limits, check the scope, and only then do it.

mod agents;
mod apps;
mod args;
mod blocks;
mod chat;
mod conversations;
pub(crate) mod limits;
pub(crate) mod method;
mod places;
mod reactions;
mod streams;
mod users;

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chathakase_session::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Map, Value, json};

pub(crate) use args::Args;
use method::{Method, Token};

use super::{
    fault::{Effect, Gate},
    server::Line,
    shared::{APP_TOKEN, Shared},
    world::{Home, World},
};

/// What a handler works with: the world, locked for this call.
pub(crate) struct Ctx<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) world: &'a mut World,
    pub(crate) caller: Caller,
    pub(crate) args: &'a Args,
    pub(crate) now: Timestamp,
}

pub(crate) type Handler = fn(&mut Ctx) -> Result<Answer, Refusal>;

/// Who calls: an installation's bot, or the app itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) home: Home,
    token: Token,
}

/// `{"ok":true, ..}`.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    fields: Map<String, Value>,
    warnings: Vec<&'static str>,
}

impl Answer {
    pub(crate) fn ok() -> Self {
        Self::default()
    }
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
    pub(crate) fn json(self, name: &str, value: impl serde::Serialize) -> Self {
        self.with(name, json!(value))
    }
    pub(crate) fn warn(mut self, warning: Option<&'static str>) -> Self {
        self.warnings.extend(warning);
        self
    }
}

/// `{"ok":false,"error":..}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    /// Filled into the answer beside the code.
    pub(crate) fields: Map<String, Value>,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn code(code: impl Into<String>) -> Self {
        Self { code: code.into(), fields: Map::new(), retry_after: None }
    }
    pub(crate) fn missing(argument: &str) -> Self {
        Self::explained("invalid_arguments", &format!("[ERROR] missing required field: {argument}"))
    }
    pub(crate) fn explained(code: &str, message: &str) -> Self {
        let mut refusal = Self::code(code);
        refusal.fields.insert("response_metadata".to_owned(), json!({"messages": [message]}));
        refusal
    }
    fn rate_limited(retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::code("ratelimited") }
    }
}

pub(crate) async fn call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = shared.options.clock.now();
    let Some(method) = method::find(&name) else {
        shared.calls.unknown(&name);
        shared.calls.came(&name, || json!(String::from_utf8_lossy(&body)), now);
        return refuse(Refusal::explained("unknown_method", &format!("[ERROR] no such method: {name}")));
    };
    let busy = shared.begin();
    let args = Args::read(method.body, &headers, query.as_deref(), &body);
    let number = shared.calls.came(method.name, || args.as_ref().map_or(Value::Null, Args::as_value), now);
    let effect = shared.faults.take(method.name);
    let busy = match &effect {
        None => busy,
        Some(effect) => {
            drop(busy);
            match instead(effect, &line).await {
                Some(response) => {
                    shared.calls.answered(number, &format!("http {}", response.status().as_u16()));
                    return response;
                }
                None => shared.begin(),
            }
        }
    };
    let carried_out = {
        let (shared, headers) = (shared.clone(), headers.clone());
        move || {
            let result = args.and_then(|args| perform(&shared, method, caller(&shared, &headers)?, &args));
            shared.calls.answered(number, result.as_ref().err().map_or("ok", |refusal| &refusal.code));
            result
        }
    };
    let result = match &effect {
        Some(Effect::Late(gate)) => {
            drop(busy);
            late(&shared, gate, carried_out).await
        }
        _ => {
            let result = carried_out();
            drop(busy);
            result
        }
    };
    match effect {
        Some(Effect::CutAfter) => cut(&line).await,
        Some(Effect::SlowAfter(gate)) => gate.pass().await,
        _ => {}
    }
    let mut response = match result {
        Ok(answer) => respond(answer),
        Err(refusal) => refuse(refusal),
    };
    if shared.options.is_real() {
        tell_scopes(&shared, &headers, &mut response);
        tell_time(now, &mut response);
    }
    response
}

/// Slack tells with every answer what the token may do.
fn tell_scopes(shared: &Shared, headers: &HeaderMap, response: &mut Response) {
    let Ok(Caller { home, token: Token::Bot }) = caller(shared, headers) else { return };
    let scopes =
        shared.look(|world| world.workspaces[home].scopes.iter().map(String::as_str).collect::<Vec<_>>().join(","));
    if let Ok(scopes) = HeaderValue::from_str(&scopes) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
}

/// The server's own clock would be the system's, and time is the test's here.
fn tell_time(now: Timestamp, response: &mut Response) {
    let date = jiff::Timestamp::from_millisecond(now.as_millis()).ok();
    let date = date.and_then(|date| DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok());
    if let Some(date) = date.and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
}

/// What a planned fault does instead of the call, if it keeps the call from happening.
async fn instead(effect: &Effect, line: &Line) -> Option<Response> {
    match effect {
        Effect::RateLimited { secs } => Some(refuse(Refusal::rate_limited(*secs))),
        Effect::Refused(code) => Some(refuse(Refusal::code(code))),
        Effect::Http(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let page = "<html><body>Something went wrong on our side</body></html>";
            Some((status, [(header::CONTENT_TYPE, "text/html")], page).into_response())
        }
        Effect::Garbage(body) => Some(([(header::CONTENT_TYPE, "text/html")], body.clone()).into_response()),
        Effect::Hangs => std::future::pending().await,
        Effect::CutBefore => cut(line).await,
        Effect::SlowBefore(gate) => {
            gate.pass().await;
            None
        }
        Effect::CutAfter | Effect::SlowAfter(_) | Effect::Late(_) => None,
    }
}

/// Carries a call out when the gate opens, in a task of its own: that of the call ends with its caller.
async fn late<T: Send + 'static>(shared: &Arc<Shared>, gate: &Gate, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (shared, gate) = (shared.clone(), gate.clone());
    let stop = shared.stop.clone();
    let work = tokio::spawn(stop.run_until_cancelled_owned(async move {
        gate.pass().await;
        let _busy = shared.begin();
        work()
    }));
    match work.await {
        Ok(Some(done)) => done,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

async fn cut<T>(line: &Line) -> T {
    line.cut();
    std::future::pending().await
}

/// Whose token this is (Slack: Web API, authentication).
fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let header = headers.get(header::AUTHORIZATION).ok_or_else(|| Refusal::code("not_authed"))?;
    let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if token == APP_TOKEN {
        return Ok(Caller { home: 0, token: Token::App });
    }
    let home = shared.look(|world| world.workspaces.iter().position(|workspace| workspace.bot_token == token));
    home.map(|home| Caller { home, token: Token::Bot }).ok_or_else(|| Refusal::code("invalid_auth"))
}

fn perform(shared: &Arc<Shared>, method: &'static Method, caller: Caller, args: &Args) -> Result<Answer, Refusal> {
    let Some(handler) = method.handler() else { return Err(Refusal::code("unknown_method")) };
    if method.token != Token::Any && method.token != caller.token {
        return Err(Refusal::code("not_allowed_token_type"));
    }
    let now = shared.options.clock.now();
    if shared.options.is_real() {
        let moment = shared.options.clock.monotonic();
        shared.limits.call(caller.home, method.name, tier(shared, method), moment).map_err(Refusal::rate_limited)?;
    }
    let (result, _) = shared.change(|world| {
        check_scope(world, caller, method)?;
        handler(&mut Ctx { shared, world, caller, args, now })
    });
    result.map(|answer| Answer { warnings: [&args.warnings[..], &answer.warnings].concat(), ..answer })
}

fn tier(shared: &Shared, method: &Method) -> limits::Tier {
    let history = matches!(method.name, "conversations.history" | "conversations.replies");
    if shared.options.strict_history && history { limits::Tier::PerMinute(1) } else { method.tier }
}

/// One of the method's scopes is enough here; what depends on the kind of channel is the handler's to check.
fn check_scope(world: &World, caller: Caller, method: &Method) -> Result<(), Refusal> {
    let granted = match caller.token {
        Token::App => &world.app_scopes,
        Token::Bot | Token::Any => &world.workspaces[caller.home].scopes,
    };
    if method.scopes.is_empty() || method.scopes.iter().any(|scope| granted.contains(*scope)) {
        return Ok(());
    }
    Err(lacks(granted, method.scopes[0]))
}

pub(crate) fn missing_scope(world: &World, home: Home, needed: &str) -> Refusal {
    lacks(&world.workspaces[home].scopes, needed)
}

fn lacks(granted: &BTreeSet<String>, needed: &str) -> Refusal {
    let granted: Vec<&str> = granted.iter().map(String::as_str).collect();
    let mut refusal = Refusal::code("missing_scope");
    refusal.fields.insert("needed".to_owned(), json!(needed));
    refusal.fields.insert("provided".to_owned(), json!(granted.join(",")));
    refusal
}

fn respond(answer: Answer) -> Response {
    let mut fields = answer.fields;
    fields.insert("ok".to_owned(), Value::Bool(true));
    if !answer.warnings.is_empty() {
        fields.insert("warning".to_owned(), json!(answer.warnings.join(",")));
        let metadata = fields.entry("response_metadata").or_insert_with(|| json!({}));
        metadata["warnings"] = json!(answer.warnings);
    }
    json_response(&Value::Object(fields))
}

/// Failures too are HTTP 200, except for too many calls (Slack: Web API, evaluating responses).
fn refuse(refusal: Refusal) -> Response {
    let mut fields = refusal.fields;
    fields.insert("ok".to_owned(), Value::Bool(false));
    fields.insert("error".to_owned(), Value::String(refusal.code));
    let mut response = json_response(&Value::Object(fields));
    if let Some(secs) = refusal.retry_after {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

fn json_response(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
