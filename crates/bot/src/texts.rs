//! Every word that a person reads from us, in one place: tone and wording can be reviewed in one sitting.
//!
//! One function per message, named after the moment. Each says what happened and, where there is one, the next step.
//! The text is Markdown, as Slack's `markdown_text` takes it. Nothing here holds words of a model or a person, save names.

use std::{fmt, time::Duration};

use chathakase_model::ErrorKind;
use chathakase_session::{
    Timestamp,
    store::{self, Stats},
};

/// While the model works and nothing is shown yet.
pub const THINKING: &str = "is thinking…";

/// A mention without words, at the top level of a channel.
pub fn hint() -> String {
    "Hi! Mention me with a question and I'll answer in a thread. I remember what is said in it. Say `help` for more."
        .into()
}

/// The model failed before anything was shown.
pub fn model_failed(kind: ErrorKind) -> String {
    let (what, next) = match kind {
        ErrorKind::Setup => {
            ("I am not set up right for my model", "Please tell whoever runs me; my log says what to mend.")
        }
        ErrorKind::Quota => ("my model's quota is used up", "Please tell whoever runs me."),
        ErrorKind::Unreachable => ("I could not reach my model", "Please ask again in a minute."),
        ErrorKind::TooSlow => ("my model took too long", "Please ask again, perhaps for something shorter."),
        ErrorKind::TooLong => {
            ("this is too long for my model", "Say `clear session` to start afresh, or ask for less at once.")
        }
        ErrorKind::Empty => ("my model gave an empty answer", "Please ask again in other words."),
        ErrorKind::Refused => ("my model's provider held the answer back", "Please ask in other words."),
        ErrorKind::Broken => ("the connection to my model broke", "Please ask again."),
        ErrorKind::Busy | _ => ("my model is too busy or out of order", "Please ask again in a minute."),
    };
    format!("Sorry, {what}, so there is no answer to this. {next}")
}

/// The model failed after a part of the answer was shown.
pub fn answer_cut_off(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::TooSlow => {
            "_The answer stops here: the model went silent or took too long. Ask me to go on and I will._".into()
        }
        _ => "_The answer stops here: the connection to the model broke. Ask me to go on and I will._".into(),
    }
}

/// The answer reached the model's length limit.
pub fn answer_too_long(max_tokens: Option<u32>) -> String {
    let limit = max_tokens.map_or_else(String::new, |n| format!(" of {n} tokens"));
    format!("_The answer reached its length limit{limit}. Ask me to go on and I will._")
}

/// The provider's filter held the rest back.
pub fn answer_filtered() -> String {
    "_The model's provider held back the rest of this answer. Try asking in other words._".into()
}

/// A turn was set aside because whoever ran it died again and again.
pub fn turn_set_aside(deaths: u32) -> String {
    format!(
        "Sorry, something went wrong {deaths} times while I worked on this, so I stopped trying. Please ask in other words."
    )
}

/// What is remembered of words that stand in a thread which Slack does not show: that there are some.
pub const UNSEEN: &str = "…";

/// Before an answer that may stand in the thread already: Slack did not show us the thread.
pub const PERHAPS_AGAIN: &str = "_I may have sent this already: Slack does not let me see this thread._";

/// An answer that may stand in the thread already.
pub fn perhaps_again(answer: &str) -> String {
    format!("{PERHAPS_AGAIN}\n\n{answer}")
}

/// An answer was posted, or not: Slack shows neither. By direct message.
pub fn perhaps_missing(channel: &str) -> String {
    format!(
        "I cannot see whether my answer to you in `{channel}` has arrived: Slack does not let me see that thread. If it is not there, please ask again."
    )
}

/// Too many messages wait in this thread.
pub fn queue_full(limit: usize) -> String {
    format!(
        "I already have {} waiting in this thread, so I did not take this one, and take no more until I have caught up. Please send it, and what you write here until then, again.",
        count(limit as u64, "message")
    )
}

/// The same by direct message, where it could not be said in the thread.
pub fn queue_full_in(channel: &str, limit: usize) -> String {
    format!(
        "I already have {} waiting in your thread in `{channel}`, so I did not take your last one, and take no more until I have caught up. Please send it, and what you write there until then, again.",
        count(limit as u64, "message")
    )
}

/// What is known of this thread is damaged in the database.
pub fn thread_unreadable() -> String {
    format!("I cannot read what I know about this thread, so I did not take this message. {UNREADABLE}")
}

/// The same by direct message, where it could not be said in the thread.
pub fn thread_unreadable_in(channel: &str) -> String {
    format!(
        "I cannot read what I know about your thread in `{channel}`, so I did not take your last message. {UNREADABLE}"
    )
}

/// Nothing can be stored now: the disk is full, or the database is away.
pub fn not_stored() -> String {
    format!("I cannot store anything right now, so this message has to wait. {WAITS}")
}

/// The same by direct message, where it could not be said in the thread.
pub fn not_stored_in(channel: &str) -> String {
    format!("I cannot store anything right now, so your message in `{channel}` has to wait. {WAITS}")
}

const WAITS: &str = "I answer it by myself when I can again; if that takes long, please send it once more.";

const UNREADABLE: &str = "Please tell whoever runs me: my log says what is damaged. In a new thread I can answer.";

/// A message was longer than what is kept.
pub fn message_too_long(limit: usize) -> String {
    format!("[the rest of this message is left out: it was longer than {limit} characters]")
}

/// Posted to the author alone when we may not post where we were asked.
pub fn cannot_post(channel: &str, code: &str) -> String {
    format!("You asked me in `{channel}`, but I could not answer: {}", no_place(code))
}

/// The same to the author of a question of whose answer a part stands there.
pub fn cannot_go_on(channel: &str, code: &str) -> String {
    format!("You asked me in `{channel}`, but I could bring only a part of the answer: {}", no_place(code))
}

fn no_place(code: &str) -> &'static str {
    match code {
        "not_in_channel" | "channel_not_found" => "I am not a member there. Invite me with `/invite` and ask again.",
        "is_archived" => "that channel is archived.",
        _ => "Slack does not let me post there. Whoever manages the channel can change that.",
    }
}

/// Posted to the thread when Slack refuses an answer again and again, though not the thread.
pub fn answer_refused(code: &str) -> String {
    format!(
        "Slack did not take my answer (`{code}`), so this thread shows only a part of it, or nothing. Please ask again in other \
         words, or tell whoever runs me."
    )
}

/// Says in a window that a file came with a message.
pub fn file_not_read(name: &str) -> String {
    format!("[file \"{name}\" is attached; you have not read it]")
}

/// `help`: `commands` are (what to type, what it does).
pub fn help(commands: &[(&str, &str)], timeout: Duration) -> String {
    let list: String = commands.iter().map(|(say, does)| format!("- `{say}` – {does}\n")).collect();
    format!(
        "**I answer in threads, and remember what is said in them.**\n\n\
         - In a channel, mention me; in a thread I am part of, just write.\n\
         - In a direct message, each new message starts its own conversation.\n\
         - I forget a thread after {} without a message.\n\n\
         **Commands**, in any thread with me:\n\n{list}",
        duration(timeout)
    )
}

/// `session info` where there is nothing to tell about.
pub fn no_session() -> String {
    "I remember nothing of this thread right now. Write to me here and I will start afresh.".into()
}

/// `clear session`.
pub fn session_cleared(messages: u64, waiting: u64) -> String {
    match (messages, waiting) {
        (0, _) => "There was nothing to forget in this thread.".into(),
        (n, 0) => format!("Done: I have forgotten this thread ({}). I am still here.", count(n, "message")),
        (n, w) => format!(
            "Done: I have forgotten this thread ({}); {} that waited will get no answer. I am still here.",
            count(n, "message"),
            count(w, "message")
        ),
    }
}

/// `all sessions` from somebody who may not see them.
pub fn not_an_admin() -> String {
    "Only workspace admins can see all sessions. `session info` shows this one.".into()
}

/// A command failed because the store did not answer.
pub fn command_failed() -> String {
    "Sorry, I could not look that up just now. Please try again in a minute.".into()
}

/// What `session info` tells.
pub struct SessionInfo {
    /// `<channel>_<thread>`.
    pub id: String,
    /// Names of all who wrote.
    pub people: Vec<String>,
    /// Messages of people.
    pub user_messages: u64,
    /// Our answers.
    pub assistant_messages: u64,
    /// Since it began.
    pub age: Duration,
    /// Since something was last said, commands aside.
    pub idle: Duration,
    /// Until it expires if nothing more is said.
    pub expires_in: Duration,
    /// Messages that wait for the running answer.
    pub waiting: u64,
    /// The model that answers here.
    pub model: String,
    /// Messages that the next answer will see.
    pub in_window: u64,
    /// Tokens that these have at most, with everything that is sent beside them.
    pub tokens_max: u64,
    /// Tokens that may be sent (`context.max_tokens`).
    pub tokens_limit: u64,
}

/// People named in one line of `session info`; more are counted.
const PEOPLE_NAMED_MAX: usize = 20;

impl fmt::Display for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.user_messages + self.assistant_messages;
        writeln!(f, "**What I remember of this thread**\n")?;
        writeln!(f, "- Session: `{}`", self.id)?;
        writeln!(f, "- People: {}", people(&self.people))?;
        writeln!(f, "- Messages: {} ({} from people, {} from me)", total, self.user_messages, self.assistant_messages)?;
        writeln!(f, "- Began {} ago, last active {} ago", duration(self.age), duration(self.idle))?;
        writeln!(f, "- I forget it in {} if nothing more is said", duration(self.expires_in))?;
        if self.waiting > 0 {
            writeln!(f, "- Waiting for an answer: {}", count(self.waiting, "message"))?;
        }
        let seen = if self.in_window >= total {
            "all of it".to_owned()
        } else {
            format!("{} of {}", self.in_window, count(total, "message"))
        };
        let (tokens, room) = (self.tokens_max, self.tokens_limit);
        write!(f, "- Model: {}; the next answer sees {seen}, ", self.model)?;
        write!(f, "which with my instructions takes at most {tokens} of the {room} tokens I may send")
    }
}

fn people(names: &[String]) -> String {
    let named = names.iter().take(PEOPLE_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(PEOPLE_NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// `all sessions`, page `page` of `pages`.
pub fn all_sessions(stats: &Stats, rows: &[store::SessionInfo], page: usize, pages: usize, now: Timestamp) -> String {
    if stats.active_sessions == 0 {
        return "There are no active sessions.".into();
    }
    if rows.is_empty() {
        let are = if pages == 1 { "is" } else { "are" };
        return format!(
            "There {are} only {}. Say `all sessions {pages}` for the last one.",
            count(pages as u64, "page")
        );
    }
    let mut text = format!(
        "**{}**, {}, {}{}\n\n",
        count(stats.active_sessions, "active session"),
        count(stats.messages, "message"),
        if stats.participants == 1 { "1 person".to_owned() } else { format!("{} people", stats.participants) },
        began(stats, now),
    );
    for row in rows {
        let left = row
            .expires_at
            .map_or_else(|| "answering now".to_owned(), |at| format!("expires in {}", duration(at.since(now))));
        let total = row.user_messages + row.assistant_messages;
        let names: Vec<String> = row.people.values().cloned().collect();
        text += &format!("- `{}`: {} with {}, {left}\n", row.key.session_id(), count(total, "message"), people(&names));
    }
    if page < pages {
        text += &format!("\nPage {page} of {pages}. Say `all sessions {}` for the next.", page + 1);
    }
    text
}

fn began(stats: &Stats, now: Timestamp) -> String {
    let ago = |at: Timestamp| duration(now.since(at));
    match (stats.oldest, stats.newest) {
        (Some(only), _) if stats.active_sessions == 1 => format!("; it began {} ago", ago(only)),
        (Some(oldest), Some(newest)) => {
            format!("; the oldest began {} ago, the newest {} ago", ago(oldest), ago(newest))
        }
        _ => String::new(),
    }
}

/// `3 messages`, `1 message`.
pub fn count(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// From here on the seconds of a duration say nothing to anybody.
const SECONDS_COUNT_BELOW: u64 = 600;

/// A duration as people say it, in its two largest units: `1 hour`, `2 days 3 hours`, `45 seconds`. From ten minutes on to the minute.
pub fn duration(d: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = match d.as_secs() {
        secs @ ..SECONDS_COUNT_BELOW => secs,
        secs => (secs + 30) / 60 * 60,
    };
    let mut said = Vec::new();
    for (seconds, unit) in UNITS {
        let n = rest / seconds;
        rest %= seconds;
        if n > 0 && said.len() < 2 {
            said.push(count(n, unit));
        } else if !said.is_empty() {
            break;
        }
    }
    if said.is_empty() { "less than a second".into() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use chathakase_session::ThreadKey;

    use super::*;

    #[test]
    fn a_duration_is_said_in_its_two_largest_units() {
        for (secs, said) in [
            (0, "less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_600, "1 hour"),
            (599, "9 minutes 59 seconds"),
            (601, "10 minutes"),
            (3_181, "53 minutes"),
            (3_599, "1 hour"),
            (3_605, "1 hour"),
            (5_400, "1 hour 30 minutes"),
            (180_000, "2 days 2 hours"),
        ] {
            assert_eq!(duration(Duration::from_secs(secs)), said, "{secs} s");
        }
    }

    /// `all sessions` of one, a page of several, a page behind the last, and of none.
    fn lists_of_sessions() -> [String; 4] {
        let now = Timestamp::from_secs(1_700_090_000);
        let ago = |secs| now - Duration::from_secs(secs);
        let row = |channel: &str, people: &[(&str, &str)], expires_at| store::SessionInfo {
            key: ThreadKey {
                workspace: "T1".parse().expect("an id"),
                channel: channel.parse().expect("an id"),
                root: "1700000000.000100".parse().expect("a timestamp"),
            },
            people: people.iter().map(|(id, name)| (id.parse().expect("an id"), (*name).to_owned())).collect(),
            user_messages: 3,
            assistant_messages: 2,
            waiting: 0,
            created_at: ago(90_000),
            last_activity: ago(60),
            expires_at,
            model: None,
        };
        let ana = row("C1", &[("U1", "Ana")], Some(now + Duration::from_secs(3540)));
        let both = row("C2", &[("U1", "Ana"), ("U2", "Ben")], None);
        let (oldest, newest) = (Some(ago(90_000)), Some(ago(300)));
        let one = Stats { active_sessions: 1, messages: 5, participants: 1, oldest, newest: oldest };
        let many = Stats { active_sessions: 12, messages: 60, participants: 2, oldest, newest };
        [
            all_sessions(&one, std::slice::from_ref(&ana), 1, 1, now),
            all_sessions(&many, &[both, ana], 1, 2, now),
            all_sessions(&many, &[], 3, 2, now),
            all_sessions(&Stats::default(), &[], 1, 0, now),
        ]
    }

    /// Everything that people read, to be looked at in one sitting.
    #[test]
    fn all_texts_read_well_side_by_side() {
        let hour = Duration::from_secs(3600);
        let kinds = [
            ErrorKind::Setup,
            ErrorKind::Busy,
            ErrorKind::Quota,
            ErrorKind::Unreachable,
            ErrorKind::TooSlow,
            ErrorKind::TooLong,
            ErrorKind::Broken,
            ErrorKind::Empty,
            ErrorKind::Refused,
        ];
        let info = SessionInfo {
            id: "C0123ABCD_1700000000.000100".into(),
            people: vec!["Ana".into(), "Ben".into()],
            user_messages: 12,
            assistant_messages: 11,
            age: hour,
            idle: Duration::from_secs(65),
            expires_in: hour,
            waiting: 1,
            model: "gpt-4o".into(),
            in_window: 20,
            tokens_max: 4_321,
            tokens_limit: 32_000,
        };
        let commands: Vec<_> = crate::commands::ALL.iter().map(|command| (command.say(), command.does())).collect();
        let mut all = vec![THINKING.to_owned(), hint(), help(&commands, hour), info.to_string(), no_session()];
        all.extend([
            session_cleared(0, 0),
            session_cleared(2, 0),
            session_cleared(5, 1),
            not_an_admin(),
            command_failed(),
        ]);
        all.extend(lists_of_sessions());
        all.extend([
            queue_full(50),
            queue_full_in("C1", 50),
            thread_unreadable(),
            thread_unreadable_in("C1"),
            not_stored(),
            not_stored_in("C1"),
            message_too_long(40_000),
            cannot_post("C1", "not_in_channel"),
            cannot_post("C1", "is_archived"),
        ]);
        all.extend([
            cannot_post("C1", "restricted_action"),
            answer_refused("msg_too_long"),
            file_not_read("report.pdf"),
            turn_set_aside(10),
            perhaps_again("42."),
            perhaps_missing("C1"),
        ]);
        all.extend([answer_too_long(Some(2000)), answer_too_long(None), answer_filtered()]);
        all.extend(kinds.map(model_failed));
        all.extend([answer_cut_off(ErrorKind::TooSlow), answer_cut_off(ErrorKind::Broken)]);
        insta::assert_snapshot!(all.join("\n――――\n"));
    }
}
