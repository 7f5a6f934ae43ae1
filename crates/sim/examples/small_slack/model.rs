//! Control of the scripted model: `POST /model/turn`, `/model/open`, `/model/seen`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chathakase_sim::model::{ScriptedModel, TurnScript};
use serde::Deserialize;
use serde_json::{Value, json};

/// The model and the turns whose gates can still be opened, by the gates' names.
#[derive(Clone)]
pub(crate) struct Models {
    model: ScriptedModel,
    gates: Arc<Mutex<HashMap<String, TurnScript>>>,
}

/// One step of a turn, written as `"cut"`, `{"text": "Par"}` or `{"status": 401}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Text(String),
    Words(String),
    Raw(String),
    Gate(String),
    Finish(String),
    ErrorEvent(String),
    NamedErrorEvent(String),
    Status(u16),
    Answer { status: u16, headers: HashMap<String, String>, body: String },
    Cut,
    EndWithoutDone,
    FinishWithoutDone(String),
    DoneWithoutFinish,
    Empty,
    Malformed,
    Silent,
    HangUp,
    NoAnswer,
}

#[derive(Deserialize)]
struct Gate {
    gate: String,
}

pub(crate) fn routes(model: ScriptedModel) -> Router {
    let models = Models { model, gates: Arc::default() };
    let router = Router::new().route("/turn", post(turn)).route("/open", post(open)).route("/seen", post(seen));
    router.with_state(models)
}

/// Queues a turn of these steps.
async fn turn(State(models): State<Models>, Json(steps): Json<Vec<Step>>) -> Json<Value> {
    let mut gates = Vec::new();
    let turn = steps.into_iter().fold(models.model.turn(), |turn, step| match step {
        Step::Text(text) => turn.text(&text),
        Step::Words(text) => turn.words(&text),
        Step::Raw(bytes) => turn.raw(bytes),
        Step::Gate(name) => {
            let turn = turn.gate(&name);
            gates.push(name);
            turn
        }
        Step::Finish(reason) => turn.finish(&reason),
        Step::ErrorEvent(message) => turn.error_event(&message),
        Step::NamedErrorEvent(message) => turn.named_error_event(&message),
        Step::Status(status) => turn.status(status),
        Step::Answer { status, headers, body } => {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            turn.status_with(status, &headers, &body)
        }
        Step::Cut => turn.cut(),
        Step::EndWithoutDone => turn.end_without_done(),
        Step::FinishWithoutDone(reason) => turn.finish_without_done(&reason),
        Step::DoneWithoutFinish => turn.done_without_finish(),
        Step::Empty => turn.empty(),
        Step::Malformed => turn.malformed(),
        Step::Silent => turn.silent(),
        Step::HangUp => turn.hang_up(),
        Step::NoAnswer => turn.no_answer(),
    });
    let mut open_gates = models.gates.lock().unwrap_or_else(PoisonError::into_inner);
    open_gates.extend(gates.into_iter().map(|gate| (gate, turn.clone())));
    Json(json!({"ok": true}))
}

/// Opens a gate.
async fn open(State(models): State<Models>, Json(Gate { gate }): Json<Gate>) -> Result<Json<Value>, StatusCode> {
    let turn = models.gates.lock().unwrap_or_else(PoisonError::into_inner).remove(&gate);
    turn.ok_or(StatusCode::NOT_FOUND)?.open(&gate);
    Ok(Json(json!({"ok": true})))
}

/// What the model saw: the bodies of the requests, and what was wrong.
async fn seen(State(models): State<Models>) -> Json<Value> {
    let requests: Vec<Value> = models.model.requests().iter().map(|request| request.raw()).collect();
    Json(json!({"requests": requests, "complaints": models.model.complaints()}))
}
