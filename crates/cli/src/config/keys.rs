//! Every setting: its name, its kind, its default, and what it does. The example file, the table of the README and the
//! names in the environment are made from this list, so that none of them can be out of date.

/// What a setting's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown. May come from a file.
    Secret,
    /// A whole number.
    Count,
    /// A number with or without a fraction, or `none`.
    Number,
    /// `true` or `false`.
    Flag,
    /// `90s`, `5m`, `1h`, `30d`.
    Duration,
    /// A list of texts; in the environment, separated by commas.
    List,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// As it would be written in the file; `None` when there is none.
    pub default: Option<&'static str>,
    /// A name in the environment beside `CHATHAKASE_SECTION__KEY`.
    pub usual_env: Option<&'static str>,
    /// What it does, its limits, and what happens past them.
    pub about: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key { name, kind, default, usual_env: None, about }
}

const fn known_as(usual_env: &'static str, key: Key) -> Key {
    Key { usual_env: Some(usual_env), ..key }
}

/// All settings, by section.
pub const KEYS: &[Key] = &[
    key(
        "slack.transport",
        Kind::Text,
        None,
        "How Slack reaches us: `socket` (Socket Mode) or `http` (signed requests). If unset: `socket` when there is an app token, else `http`.",
    ),
    known_as(
        "SLACK_BOT_TOKEN",
        key(
            "slack.bot_token",
            Kind::Secret,
            None,
            "The bot token, `xoxb-…`. From \"OAuth & Permissions\" in the app's settings. Required.",
        ),
    ),
    known_as(
        "SLACK_APP_TOKEN",
        key(
            "slack.app_token",
            Kind::Secret,
            None,
            "The app-level token, `xapp-…`, with the scope `connections:write`. Required for `socket`.",
        ),
    ),
    known_as(
        "SLACK_SIGNING_SECRET",
        key(
            "slack.signing_secret",
            Kind::Secret,
            None,
            "What Slack signs its requests with. From \"Basic Information\" in the app's settings. Required for `http`.",
        ),
    ),
    known_as(
        "SLACK_API_URL",
        key(
            "slack.api_url",
            Kind::Text,
            Some("\"https://slack.com/api/\""),
            "Where Slack's Web API is; with or without a slash at the end.",
        ),
    ),
    known_as(
        "OPENAI_BASE_URL",
        key(
            "model.base_url",
            Kind::Text,
            Some("\"https://api.openai.com/v1\""),
            "Any server that speaks OpenAI's chat-completions API: vLLM, Ollama, llama.cpp, LiteLLM, Azure.",
        ),
    ),
    known_as(
        "OPENAI_API_KEY",
        key("model.api_key", Kind::Secret, None, "The key for that server. Local servers often want none."),
    ),
    key(
        "model.key_header",
        Kind::Text,
        Some("\"auto\""),
        "In which header the key goes: `bearer` (`Authorization: Bearer`), `api-key` (Azure's), or `auto`: `api-key` for Azure's own addresses, else `bearer`.",
    ),
    key("model.name", Kind::Text, Some("\"gpt-4o\""), "The model that answers."),
    key(
        "model.temperature",
        Kind::Number,
        Some("0.7"),
        "0 to 2, or `\"none\"` to send none. A model that refuses it is asked without from then on.",
    ),
    key(
        "model.max_tokens",
        Kind::Count,
        Some("2000"),
        "Longest answer in tokens; past it the answer ends with a note that says so. 0 sends no limit.",
    ),
    key(
        "model.system_prompt",
        Kind::Text,
        None,
        "Who the assistant is and how it is to behave. The default is short; where it is and who speaks is always added.",
    ),
    key(
        "model.first_token_max",
        Kind::Duration,
        Some("\"60s\""),
        "How long the model may take to begin. Past it the thread gets a plain notice.",
    ),
    key(
        "model.between_tokens_max",
        Kind::Duration,
        Some("\"30s\""),
        "How long it may fall silent. Past it the answer ends where it is, with a note.",
    ),
    key(
        "model.turn_max",
        Kind::Duration,
        Some("\"5m\""),
        "How long a whole answer may take. Past it the answer ends where it is, with a note.",
    ),
    known_as(
        "DATABASE_URL",
        key(
            "store.url",
            Kind::Text,
            None,
            "`sqlite:PATH`, `postgres://…` (see Replicas), or `memory:` (keeps nothing on disk and is lost with the process). Default: `sqlite:` and `chathakase/chathakase.db` in the user's data folder.",
        ),
    ),
    key(
        "session.timeout",
        Kind::Duration,
        Some("\"1h\""),
        "A session's content is erased after this time without activity. The thread stays joined. A changed time counts for a session from its next message on.",
    ),
    key(
        "session.cleanup_threshold",
        Kind::Count,
        Some("10"),
        "A new session triggers a sweep of expired ones when more than this many exist; a timer sweeps every minute besides.",
    ),
    key(
        "session.reread",
        Kind::Flag,
        Some("true"),
        "Read a thread's earlier posts from Slack when joining it in its middle, or coming back to it after its session expired.",
    ),
    key(
        "context.max_messages",
        Kind::Count,
        Some("20"),
        "Most messages of a thread that one request sends to the model; at least 1.",
    ),
    key(
        "context.max_tokens",
        Kind::Count,
        Some("32000"),
        "Most tokens of a thread that one request sends to the model; at least 16.",
    ),
    key(
        "access.admins",
        Kind::List,
        Some("[]"),
        "User ids that may use `all sessions`, besides the workspace's admins and owners.",
    ),
    key(
        "access.bots",
        Kind::List,
        Some("[]"),
        "Bot ids (`B…`) that are answered as people are, at most 3 times in a row. All other bots are ignored; where a thread is read from its beginning, the model is told what they wrote too.",
    ),
    key("access.strangers", Kind::Flag, Some("false"), "Answer people of connected workspaces in shared channels."),
    key(
        "reply.part_chars",
        Kind::Count,
        Some("9000"),
        "Longest part of an answer in characters, 500 to 11000; a longer answer goes on in a new message.",
    ),
    key(
        "reply.part_bytes",
        Kind::Count,
        Some("10000"),
        "Longest part of an answer in bytes, 1000 to 10500; whichever limit comes first.",
    ),
    key(
        "reply.part_time",
        Kind::Duration,
        Some("\"4m\""),
        "Longest time that one streamed message stays open, at most 290s: Slack ends streams after about five minutes.",
    ),
    key(
        "limits.body_bytes",
        Kind::Count,
        Some("1048576"),
        "Largest HTTP request body; a larger one is answered 413 and not read.",
    ),
    key(
        "limits.message_chars",
        Kind::Count,
        Some("40000"),
        "Longest message that is kept; the rest is left out with a mark.",
    ),
    key(
        "limits.waiting",
        Kind::Count,
        Some("50"),
        "Messages that may wait for an answer in one thread; the author of one more is told that it was not taken.",
    ),
    key(
        "limits.running",
        Kind::Count,
        Some("64"),
        "Answers that are made at once; more wait, each in its thread's order.",
    ),
    key("limits.read_back_calls", Kind::Count, Some("3"), "Slack calls that reading one thread may take."),
    key("limits.read_back_posts", Kind::Count, Some("200"), "Posts that reading one thread may bring."),
    key(
        "limits.read_back_patience",
        Kind::Duration,
        Some("\"10m\""),
        "How long an answer that may stand in its thread already waits for a thread that Slack does not show. Then it is posted once more, with a note.",
    ),
    key(
        "limits.catch_up",
        Kind::Duration,
        Some("\"1h\""),
        "How far back messages are looked for that were missed while Slack could not reach the assistant, at most 24h; 0s for not at all.",
    ),
    key(
        "limits.owner_deaths",
        Kind::Count,
        Some("10"),
        "How often a process may die over one answer before it is set aside with a notice; at least 3. An answer that kills its process costs those beside it up to four, so below 5 these may be set aside with it.",
    ),
    key(
        "limits.drain",
        Kind::Duration,
        Some("\"25s\""),
        "How long running answers may still take after SIGTERM. What is not done then goes on after the next start.",
    ),
    key(
        "http.listen",
        Kind::Text,
        Some("\"127.0.0.1:3000\""),
        "Where to listen for Slack (`http`) and for `/healthz`: an address or a name (`localhost:3000`), and a port. `PORT` in the environment means this port on all addresses.",
    ),
    key(
        "http.linger",
        Kind::Duration,
        Some("\"3s\""),
        "How long after SIGTERM Slack's requests are still taken in while `/readyz` says 503 already: as long as a load balancer needs to send them elsewhere. 0s where there is none.",
    ),
    key(
        "log.level",
        Kind::Text,
        Some("\"info\""),
        "`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,chathakase_slack=debug`. Message text is never logged.",
    ),
    key("log.format", Kind::Text, Some("\"auto\""), "`human`, `json`, or `auto`: human on a terminal, else JSON."),
];

impl Key {
    /// The setting of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// `CHATHAKASE_SECTION__KEY`.
    pub fn env(&self) -> String {
        format!("CHATHAKASE_{}", self.name.replace('.', "__").to_uppercase())
    }
}
