//! Who is who: names and roles as Slack tells them, kept for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chathakase_session::{Timestamp, UserId, WorkspaceId, chain, time::SharedClock};
use chathakase_slack::{api::Api, text};
use futures_util::{StreamExt, stream::FuturesUnordered};

/// How long what Slack said of a person is believed.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// How long Slack is not asked again about a person it could not tell us of.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
/// People that are kept in mind; past it all are forgotten and asked for anew.
const PEOPLE_MAX: usize = 10_000;
/// People that one message may make us ask for; the others keep the names they came with.
const ASKED_AT_ONCE_MAX: usize = 20;

/// A small memory of people in front of `users.info`. Never fails: who is not known goes by the id.
#[derive(Debug)]
pub struct People {
    api: Api,
    /// Asked once for a name: an answer does not wait for Slack's limits only to call people by their names.
    hasty: Api,
    clock: SharedClock,
    known: Mutex<HashMap<UserId, Person>>,
}

#[derive(Clone, Debug)]
struct Person {
    name: Option<String>,
    /// The workspace of which they are an admin or owner.
    administers: Option<WorkspaceId>,
    asked_at: Timestamp,
}

impl People {
    /// A memory that asks `api`.
    pub fn new(api: Api, clock: SharedClock) -> Self {
        Self { hasty: api.once(), api, clock, known: Mutex::default() }
    }

    /// The name, if it is known without asking.
    pub fn known_name(&self, id: &UserId) -> Option<String> {
        self.lock().get(id).and_then(|person| person.name.clone())
    }

    /// The names of `ids`, asking Slack, once, for those that are not known. Who cannot be found is not in the answer.
    pub async fn names(&self, ids: Vec<UserId>) -> HashMap<UserId, String> {
        let unknown: Vec<UserId> =
            ids.iter().filter(|id| !self.is_fresh(id)).take(ASKED_AT_ONCE_MAX).cloned().collect();
        let mut asked: FuturesUnordered<_> = unknown.into_iter().map(|id| self.ask(&self.hasty, id)).collect();
        while asked.next().await.is_some() {}
        ids.into_iter().filter_map(|id| self.known_name(&id).map(|name| (id, name))).collect()
    }

    /// Whether Slack says that this person is an admin or owner of `workspace`, now. Somebody from a connected workspace may be one
    /// at home; that gives no rights here.
    pub async fn is_admin(&self, id: &UserId, workspace: &WorkspaceId) -> bool {
        self.ask(&self.api, id.clone()).await.administers.as_ref() == Some(workspace)
    }

    async fn ask(&self, api: &Api, id: UserId) -> Person {
        let asked_at = self.clock.now();
        let person = match api.users_info(&id).await {
            Ok(user) => Person {
                name: user.name.as_deref().map(text::one_line_name),
                administers: user.team.filter(|_| user.is_admin && !user.is_stranger),
                asked_at,
            },
            Err(error) => {
                tracing::info!(error = %chain(&error), user = %id, "Slack did not say who this is; the id is used for a name");
                Person { name: self.known_name(&id), administers: None, asked_at }
            }
        };
        let mut known = self.lock();
        if known.len() >= PEOPLE_MAX {
            known.clear();
        }
        known.insert(id, person.clone());
        person
    }

    fn is_fresh(&self, id: &UserId) -> bool {
        let now = self.clock.now();
        let believed = |person: &Person| if person.name.is_some() { KNOWN_FOR } else { UNKNOWN_FOR };
        self.lock().get(id).is_some_and(|person| now.since(person.asked_at) < believed(person))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Person>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
