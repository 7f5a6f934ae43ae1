//! The story: Ana and Bo, two threads, an hour.

use std::{error::Error, io::Write, sync::Arc, time::Duration};

use chathakase_session::{
    ChannelId, ManagerConfig, SessionManager, SlackTs, ThreadKey, Timestamp, UserId, Window, WindowLimits, WorkspaceId,
    session::Inserted, tokens::BytesAsTokens, window,
};

type Done = Result<(), Box<dyn Error>>;

/// When the story begins: 10:00 on a Tuesday in November.
const TEN: i64 = 1_700_560_800;

pub(crate) fn tell(out: &mut impl Write) -> Done {
    let mut manager = SessionManager::new(ManagerConfig {
        system_prompt: Arc::from("You are a helpful assistant. Be concise."),
        ..ManagerConfig::default()
    });
    let python = thread("C0PYTHON", 0)?;
    let lunch = thread("C0LUNCH", 0)?;
    creation(&mut manager, &python, &lunch, out)?;
    messages(&mut manager, &python, out)?;
    conversion(&manager, &python, out)?;
    statistics(&mut manager, &lunch, out)?;
    conversation(&mut manager, &lunch, out)?;
    expiry(&mut manager, &python, &lunch, out)
}

fn creation(manager: &mut SessionManager, python: &ThreadKey, lunch: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 1, "Creation", "each Slack thread is a session, created when it is first spoken in")?;
    for (key, secs) in [(python, 0), (lunch, 2), (python, 5)] {
        let known = manager.session(key, at(secs)).is_some();
        let session = manager.get_or_create_session(key, at(secs));
        writeln!(out, "   {}  {}", session.id(), if known { "is here already" } else { "created" })?;
    }
    writeln!(out, "   Both threads began in the same second; channel and workspace keep them apart.")?;
    Ok(())
}

fn messages(manager: &mut SessionManager, key: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 2, "Messages", "in Slack's order, each once, whatever way they arrive")?;
    let (ana, bo) = (UserId::parse("U0ANA")?, UserId::parse("U0BO")?);
    manager.add_user_message(key, &ana, Some("Ana"), "What are decorators?", ts(0)?, at(0))?;
    manager.add_assistant_message(key, "Functions that wrap functions.", ts(0)?, at(2))?;
    manager.add_user_message(key, &bo, Some("Bo"), "And with arguments?", ts(60)?, at(60))?;
    let late = manager.add_user_message(key, &ana, Some("Ana"), "Thanks!", ts(30)?, at(61))?;
    let twice = manager.add_user_message(key, &ana, Some("Ana"), "Thanks!", ts(30)?, at(62))?;
    writeln!(out, "   Ana's thanks come late: {}. They come again: {}.\n", became(late), became(twice))?;
    let session = manager.session(key, at(62)).ok_or("the session is gone")?;
    for message in session.messages() {
        let who = message.author.map_or("bot", UserId::as_str);
        writeln!(out, "   {}  {:<9}  {:<5}  {}", clock(message.ts.moment()), message.role.as_str(), who, message.text)?;
    }
    Ok(())
}

fn conversion(manager: &SessionManager, key: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 3, "Conversion", "the last messages as the chat-completions API wants them")?;
    let session = manager.session(key, at(70)).ok_or("the session is gone")?;
    for message in session.openai_messages(true, 3) {
        writeln!(out, "   {}", serde_json::to_string(&message)?)?;
    }
    writeln!(out, "\n   A window is more careful: it keeps the thread's first message and begins with a question.")?;
    let limits = WindowLimits { max_messages: 3, ..WindowLimits::default() };
    let window = window("", &session.history(3), &limits, &BytesAsTokens);
    for message in &window.messages {
        writeln!(out, "   {}", serde_json::to_string(message)?)?;
    }
    writeln!(out, "   {} of the session is left out; at most {} tokens.", window.left_out.messages, window.tokens)?;
    Ok(())
}

fn statistics(manager: &mut SessionManager, lunch: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 4, "Statistics", "what there is, and when it will be gone")?;
    let ana = UserId::parse("U0ANA")?;
    manager.add_user_message(lunch, &ana, Some("Ana"), "I would like noodles.", ts(600)?, at(600))?;
    let now = at(900);
    let stats = manager.session_stats(now);
    writeln!(
        out,
        "   {}: {} active sessions, {} messages, {} people",
        clock(now),
        stats.active_sessions,
        stats.messages,
        stats.participants
    )?;
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        writeln!(out, "   the oldest began at {}, the newest at {}", clock(oldest), clock(newest))?;
    }
    for info in manager.all_sessions(now) {
        let left = info.expires_at.map_or(Duration::ZERO, |moment| moment.since(now));
        let people: Vec<&str> = info.people.values().map(String::as_str).collect();
        writeln!(
            out,
            "   {:<28}  {} of people, {} of ours, by {}; expires in {} min",
            info.key.session_id().to_string(),
            info.user_messages,
            info.assistant_messages,
            people.join(" and "),
            left.as_secs() / 60
        )?;
    }
    Ok(())
}

fn conversation(manager: &mut SessionManager, key: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 5, "A conversation", "each answer is made from all that was said in its own thread")?;
    let lines = [("U0BO", "Bo", "I am for soup."), ("U0ANA", "Ana", "What did I say first?"), ("U0BO", "Bo", "And I?")];
    for (secs, (id, name, text)) in (1200_u32..).step_by(10).zip(lines) {
        let user = UserId::parse(id)?;
        manager.add_user_message(key, &user, Some(name), text, ts(secs)?, at(secs))?;
        writeln!(out, "   {name:>4}: {text}")?;
        let session = manager.session(key, at(secs)).ok_or("the session is gone")?;
        let window = window("Be concise.", &session.history(20), &WindowLimits::default(), &BytesAsTokens);
        let answer = stand_in_model(&window);
        writeln!(out, "    bot: {answer}")?;
        manager.add_assistant_message(key, &answer, ts(secs)?, at(secs + 2))?;
    }
    Ok(())
}

fn expiry(manager: &mut SessionManager, python: &ThreadKey, lunch: &ThreadKey, out: &mut impl Write) -> Done {
    section(out, 6, "Expiry", "an hour after the last message a session is gone")?;
    for (key, what) in [(python, "Python"), (lunch, "lunch")] {
        let info = manager.session_info(key, at(1300)).ok_or("the session is gone")?;
        writeln!(out, "   {what:<6} was last spoken in at {}", clock(info.last_activity))?;
    }
    let now = at(3700);
    let found = |manager: &SessionManager| {
        [python, lunch].map(|key| if manager.session(key, now).is_some() { "here" } else { "gone" })
    };
    let [python_is, lunch_is] = found(manager);
    writeln!(out, "   {}: Python is {python_is}, lunch is {lunch_is}", clock(now))?;
    writeln!(out, "   a sweep gave back the memory of {}", manager.cleanup_expired_sessions(now))?;
    writeln!(out, "   lunch is cleared by hand: {} messages are gone", manager.clear_session(lunch, now))?;
    Ok(())
}

/// Answers from what it was sent, and from nothing else.
fn stand_in_model(window: &Window) -> String {
    let asked = window.messages.last().map_or("", |message| message.content.as_str());
    let (who, _) = asked.split_once(": ").unwrap_or(("You", ""));
    let first = window.messages.iter().find_map(|message| message.content.strip_prefix(who)?.strip_prefix(": "));
    let first = first.unwrap_or("nothing");
    format!("I was sent {} messages. {who} said first: “{first}”", window.messages.len())
}

fn became(inserted: Inserted) -> String {
    match inserted {
        Inserted::New(number) => format!("added as message {number}"),
        Inserted::Known => "known, nothing is done".to_owned(),
        Inserted::Gone => "cleared before, nothing is done".to_owned(),
    }
}

fn section(out: &mut impl Write, number: u32, name: &str, about: &str) -> Done {
    let gap = if number > 1 { "\n" } else { "" };
    Ok(writeln!(out, "{gap}{number}. {name}: {about}\n")?)
}

fn thread(channel: &str, secs: u32) -> Result<ThreadKey, Box<dyn Error>> {
    Ok(ThreadKey { workspace: WorkspaceId::parse("T0ACME")?, channel: ChannelId::parse(channel)?, root: ts(secs)? })
}

/// Slack's timestamp so many seconds into the story.
fn ts(secs: u32) -> Result<SlackTs, Box<dyn Error>> {
    Ok(SlackTs::from_micros((TEN + i64::from(secs)) * 1_000_000)?)
}

/// The moment so many seconds into the story.
fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(TEN + i64::from(secs))
}

fn clock(moment: Timestamp) -> String {
    let secs = moment.as_secs().rem_euclid(24 * 3600);
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}
