//! Who we are, and who the people are.

use chathakase_session::{BotId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::{Api, ApiError, Headed, Method, answer::lenient};

/// What `auth.test` says of the token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace; on an org-wide install, the one in which the app was made.
    pub team_id: WorkspaceId,
    /// The enterprise, where there is one.
    #[serde(default, deserialize_with = "lenient")]
    pub enterprise_id: Option<WorkspaceId>,
    /// Our own user.
    pub user_id: UserId,
    /// Our own bot; absent for a person's token.
    #[serde(default, deserialize_with = "lenient")]
    pub bot_id: Option<BotId>,
    /// The workspace's name.
    #[serde(default, deserialize_with = "lenient")]
    pub team: Option<String>,
    /// Our name there.
    #[serde(default, deserialize_with = "lenient")]
    pub user: Option<String>,
    /// The workspace's address.
    #[serde(default, deserialize_with = "lenient")]
    pub url: Option<String>,
    /// Whether one token serves all workspaces of the enterprise.
    #[serde(default, deserialize_with = "lenient")]
    pub is_enterprise_install: Option<bool>,
}

/// What `users.info` says of a person, as far as we need it. What Slack leaves out is `None` or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person.
    pub id: UserId,
    /// Their home workspace.
    pub team: Option<WorkspaceId>,
    /// The name to call them by: display name, else real name, else account name. As they wrote it: untrusted text.
    pub name: Option<String>,
    /// Whether they administer or own the workspace.
    pub is_admin: bool,
    /// Whether it is a bot or an app.
    pub is_bot: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether they come from another company and are in no channel with us. False proves nothing: it is false too for who comes from
    /// there and is in one.
    pub is_stranger: bool,
    /// The enterprise of whose workspaces theirs is one.
    pub enterprise: Option<WorkspaceId>,
    /// Whether the account is closed.
    pub is_deleted: bool,
}

#[derive(Serialize)]
struct InfoArgs<'a> {
    user: &'a UserId,
}

#[derive(Deserialize)]
struct Info {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: UserId,
    #[serde(default, deserialize_with = "lenient")]
    team_id: Option<WorkspaceId>,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    real_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    profile: Option<Profile>,
    #[serde(default, deserialize_with = "lenient")]
    is_admin: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_owner: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_primary_owner: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_bot: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_restricted: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_ultra_restricted: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    is_stranger: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    enterprise_user: Option<EnterpriseUser>,
    #[serde(default, deserialize_with = "lenient")]
    deleted: Option<bool>,
}

#[derive(Deserialize)]
struct EnterpriseUser {
    #[serde(default, deserialize_with = "lenient")]
    enterprise_id: Option<WorkspaceId>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    real_name: Option<String>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        let yes = |flags: &[Option<bool>]| flags.contains(&Some(true));
        let (display, real) = user.profile.map_or((None, None), |p| (p.display_name, p.real_name));
        let names = [display, real, user.real_name, user.name];
        Self {
            id: user.id,
            team: user.team_id,
            name: names.into_iter().flatten().find(|name| !name.trim().is_empty()),
            is_admin: yes(&[user.is_admin, user.is_owner, user.is_primary_owner]),
            is_bot: yes(&[user.is_bot]),
            is_guest: yes(&[user.is_restricted, user.is_ultra_restricted]),
            is_stranger: yes(&[user.is_stranger]),
            enterprise: user.enterprise_user.and_then(|user| user.enterprise_id),
            is_deleted: yes(&[user.deleted]),
        }
    }
}

impl Api {
    /// `auth.test`: who the token is.
    pub async fn auth_test(&self) -> Result<Identity, ApiError> {
        self.auth_test_headed().await.map(|(identity, _)| identity)
    }

    /// The same, with what the token may do and what time it is at Slack's.
    pub async fn auth_test_headed(&self) -> Result<(Identity, Headed), ApiError> {
        #[derive(Serialize)]
        struct NoArgs {}
        let answer = self.call(Method::AUTH_TEST, &NoArgs {}).await?;
        Ok((answer.read_as()?, answer.headed().clone()))
    }

    /// `users.info`.
    pub async fn users_info(&self, user: &UserId) -> Result<Person, ApiError> {
        let info: Info = self.call(Method::USERS_INFO, &InfoArgs { user }).await?.read_as()?;
        Ok(info.user.into())
    }
}
