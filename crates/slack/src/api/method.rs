//! The methods we call, and what Slack says of each.

/// How a method takes its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `application/json; charset=utf-8`: the methods that write.
    Json,
    /// `application/x-www-form-urlencoded`: the methods that read. Slack ignores a JSON body there and then misses its arguments.
    Form,
}

/// One method of the Web API: a row of the table below.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name, the last part of its URL (`chat.postMessage`).
    pub name: &'static str,
    /// Calls a minute that Slack allows for one workspace (Slack: Rate limits, tiers 2 to 4); `None` where another rule holds,
    /// such as one post a second per channel.
    pub per_minute: Option<u32>,
    /// How the arguments travel.
    pub style: Style,
    /// The scopes that the token needs: for a method that depends on the kind of conversation, one for each kind. Empty for none.
    pub scopes: &'static [&'static str],
    /// Whether a second call does no harm when the first may have happened: reads, and writes that set a whole value.
    pub repeatable: bool,
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Method {}

macro_rules! methods {
    ($($(#[$doc:meta])* $konst:ident = $name:literal, $per_minute:expr, $style:ident, $scopes:expr, $repeatable:literal;)*) => {
        impl Method {
            $($(#[$doc])* pub const $konst: Self =
                Self { name: $name, per_minute: $per_minute, style: Style::$style, scopes: $scopes, repeatable: $repeatable };)*
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$konst),*];
        }
    };
}

/// By kind of conversation: public channels, private ones, direct messages, group conversations.
const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];
const READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];

methods! {
    /// Who we are: the token's workspace, user and bot.
    AUTH_TEST = "auth.test", None, Form, &[], true;
    /// A person's names and rights.
    USERS_INFO = "users.info", Some(100), Form, &["users:read"], true;
    /// The channels that we are in.
    USERS_CONVERSATIONS = "users.conversations", Some(50), Form, READ, true;
    /// Opens the direct message with a person.
    CONVERSATIONS_OPEN = "conversations.open", Some(50), Json, &["im:write"], true;
    /// What kind of place a channel is.
    CONVERSATIONS_INFO = "conversations.info", Some(50), Form, READ, true;
    /// The posts of a thread.
    CONVERSATIONS_REPLIES = "conversations.replies", Some(50), Form, HISTORY, true;
    /// The top-level posts of a channel.
    CONVERSATIONS_HISTORY = "conversations.history", Some(50), Form, HISTORY, true;
    /// Posts a message; about one a second per channel.
    CHAT_POST_MESSAGE = "chat.postMessage", None, Json, &["chat:write"], false;
    /// Replaces the text of a post of ours.
    CHAT_UPDATE = "chat.update", Some(50), Json, &["chat:write"], true;
    /// Deletes a post of ours.
    CHAT_DELETE = "chat.delete", Some(50), Json, &["chat:write"], true;
    /// Shows a message to one person only.
    CHAT_POST_EPHEMERAL = "chat.postEphemeral", Some(100), Json, &["chat:write"], false;
    /// Begins a streamed message.
    CHAT_START_STREAM = "chat.startStream", Some(20), Json, &["chat:write"], false;
    /// Adds text to a streamed message. The limit is shared by all streams of the workspace.
    CHAT_APPEND_STREAM = "chat.appendStream", Some(100), Json, &["chat:write"], false;
    /// Ends a streamed message.
    CHAT_STOP_STREAM = "chat.stopStream", Some(20), Json, &["chat:write"], false;
    /// What an agent's session is doing; warns of a missing event.
    AGENTS_SESSIONS_SET_STATUS = "agents.sessions.setStatus", Some(50), Json, &["chat:write"], true;
    /// The line that says what the assistant is doing.
    ASSISTANT_THREADS_SET_STATUS = "assistant.threads.setStatus", Some(600), Json, &["chat:write"], true;
    /// The address of one Socket Mode connection; takes the app-level token.
    APPS_CONNECTIONS_OPEN = "apps.connections.open", Some(50), Form, &["connections:write"], true;
}
