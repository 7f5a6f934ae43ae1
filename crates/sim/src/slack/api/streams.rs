//! `chat.startStream`, `.appendStream`, `.stopStream`, and what Slack does to a stream that lives too long or grows too big.

use std::time::Duration;

use chathakase_session::{ChannelId, SlackTs};
use serde_json::Value;

use super::{
    Answer, Ctx, Refusal,
    blocks::{MARKDOWN_CHARS_MAX, check_blocks, read_metadata},
};
use crate::slack::world::{Draft, Stream, StreamState, pings_in};

/// How long a stream lives, although appends go on. Undocumented; 306 s were measured.
pub(crate) const STREAM_LIFE: Duration = Duration::from_secs(306);
/// Slack: the size of a streamed message as a whole. Undocumented; 10.6 to 11.3 kB were measured.
pub(crate) const STREAM_BYTES_MAX: usize = 10_600;
const TASK_CHARS_MAX: usize = 256;

/// What one call adds.
#[derive(Debug, Default)]
struct Added {
    text: String,
    /// Task texts: not shown as text, but counted.
    extra_bytes: usize,
    given: bool,
}

pub(super) fn start(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let channel = ctx.writable("channel")?;
    let place = ctx.place(&channel);
    // A channel needs to know for whom the words appear; in practice a thread is needed everywhere.
    if !place.kind.is_direct() {
        for (argument, code) in
            [("recipient_user_id", "missing_recipient_user_id"), ("recipient_team_id", "missing_recipient_team_id")]
        {
            ctx.args.text(argument).ok_or_else(|| Refusal::code(code))?;
        }
    }
    if ctx.args.has("recipient_user_id") && !ctx.world.people.contains_key(&ctx.args.user("recipient_user_id")?) {
        return Err(Refusal::code("user_not_found"));
    }
    let thread = ctx.thread(&channel, "invalid_thread_ts")?.ok_or_else(|| Refusal::code("invalid_thread_ts"))?;
    let added = added(ctx)?;
    let mut stream = Stream { began: ctx.shared.options.clock.monotonic(), state: StreamState::Open, bytes: 0 };
    count(&mut stream, &added)?;
    ctx.note_marks(&added.text, true);
    let mut draft = Draft::new(ctx.bot_in(&channel), Some(thread), added.text);
    draft.markdown = true;
    draft.stream = Some(stream);
    let ts = ctx.world.post(&channel, draft, ctx.now);
    ctx.end_status(&channel, Some(thread));
    ctx.set_session(&channel, thread, "processing");
    Ok(Answer::ok().json("channel", &channel).json("ts", ts))
}

pub(super) fn append(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, ts, mut stream) = ctx.open_stream(true)?;
    let added = added(ctx)?;
    if !added.given {
        return Err(Refusal::code("no_text"));
    }
    count(&mut stream, &added)?;
    ctx.grow(&channel, ts, stream, &added.text, None);
    Ok(Answer::ok().json("channel", &channel).json("ts", ts))
}

pub(super) fn stop(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let (channel, ts, mut stream) = ctx.open_stream(false)?;
    let added = added(ctx)?;
    count(&mut stream, &added)?;
    let blocks = ctx.args.json("blocks", "invalid_blocks_format")?;
    blocks.as_ref().map(check_blocks).transpose()?;
    let metadata = read_metadata(ctx.args)?;
    let status = match ctx.args.text("session_status").as_deref() {
        None | Some("active") => "active",
        Some("suspended") => "suspended",
        Some("closed") => "closed",
        Some("processing") => "processing",
        Some(_) => return Err(Refusal::code("invalid_session_status")),
    };
    stream.state = StreamState::Completed;
    ctx.grow(&channel, ts, stream, &added.text, Some((blocks, metadata)));
    if let Some(root) = ctx.place(&channel).messages.get(&ts).and_then(|message| message.thread) {
        ctx.set_session(&channel, root, status);
    }
    Ok(Answer::ok().json("channel", &channel).json("ts", ts).with("message", ctx.shown(&channel, ts)))
}

fn added(ctx: &Ctx) -> Result<Added, Refusal> {
    let text = ctx.args.text("markdown_text");
    let chunks = ctx.args.json("chunks", "invalid_chunks")?;
    let mut added = Added::default();
    match (text, chunks) {
        (Some(_), Some(_)) => return Err(Refusal::code("cannot_provide_both_markdown_text_and_chunks")),
        (Some(text), None) => {
            added.text = text.into_owned();
            added.given = true;
        }
        (None, Some(Value::Array(chunks))) => {
            added.given = !chunks.is_empty();
            for chunk in &chunks {
                add_chunk(&mut added, chunk)?;
            }
        }
        (None, Some(_)) => return Err(Refusal::code("invalid_chunks")),
        (None, None) => {}
    }
    if added.text.chars().count() > MARKDOWN_CHARS_MAX {
        return Err(Refusal::code("msg_too_long"));
    }
    Ok(added)
}

fn add_chunk(added: &mut Added, chunk: &Value) -> Result<(), Refusal> {
    let wrong = || Refusal::code("invalid_chunks");
    match chunk["type"].as_str() {
        Some("markdown_text") => added.text.push_str(chunk["text"].as_str().ok_or_else(wrong)?),
        Some("task_update" | "plan_update") => {
            chunk["title"].as_str().ok_or_else(wrong)?;
            for field in ["title", "details", "output"] {
                let text = chunk[field].as_str().unwrap_or_default();
                if text.chars().count() > TASK_CHARS_MAX {
                    return Err(wrong());
                }
                // Details were measured to count twice.
                added.extra_bytes += text.len() * if field == "details" { 2 } else { 1 };
            }
        }
        Some("blocks") => check_blocks(&chunk["blocks"])?,
        _ => return Err(wrong()),
    }
    Ok(())
}

fn count(stream: &mut Stream, added: &Added) -> Result<(), Refusal> {
    stream.bytes += added.text.len() + added.extra_bytes;
    if stream.bytes > STREAM_BYTES_MAX { Err(Refusal::code("msg_too_long")) } else { Ok(()) }
}

impl Ctx<'_> {
    /// Whether this message is being streamed; one that lived too long is not any more.
    pub(super) fn live_stream(&mut self, channel: &ChannelId, ts: SlackTs) -> bool {
        let now = self.shared.options.clock.monotonic();
        let real = self.is_real();
        let message = self.world.channels.get_mut(channel).and_then(|place| place.messages.get_mut(&ts));
        let Some(stream) = message.and_then(|message| message.stream.as_mut()) else { return false };
        if stream.state == StreamState::Open && real && now.saturating_sub(stream.began) >= STREAM_LIFE {
            stream.state = StreamState::Errored;
        }
        stream.state == StreamState::Open
    }

    fn open_stream(&mut self, appending: bool) -> Result<(ChannelId, SlackTs, Stream), Refusal> {
        let channel = self.visible("channel")?;
        let message = self.message(&channel, "ts")?;
        let ts = message.ts;
        if message.user != self.bot_in(&channel) {
            return Err(Refusal::code("message_not_owned_by_app"));
        }
        self.live_stream(&channel, ts);
        let stream = self.message(&channel, "ts")?.stream.clone();
        match stream {
            Some(stream) if stream.state == StreamState::Open => Ok((channel, ts, stream)),
            Some(stream) if stream.state == StreamState::StoppedByUser && appending => {
                Err(Refusal::code("stopped_by_user"))
            }
            Some(stream) if stream.state == StreamState::StoppedByUser => Ok((channel, ts, stream)),
            _ => Err(Refusal::code("message_not_in_streaming_state")),
        }
    }

    fn pings_of(&self, channel: &ChannelId, ts: SlackTs) -> Vec<String> {
        let message = self.place(channel).messages.get(&ts).filter(|_| self.is_real());
        message.map(|message| pings_in(&message.text, true)).unwrap_or_default()
    }

    /// Adds to a streamed message; `end` is what the stop adds beside text.
    fn grow(
        &mut self,
        channel: &ChannelId,
        ts: SlackTs,
        stream: Stream,
        text: &str,
        end: Option<(Option<Value>, Option<Value>)>,
    ) {
        let change = |message: &mut crate::slack::world::Message| {
            message.text.push_str(text);
            message.stream = Some(stream);
            if let Some((blocks, metadata)) = end {
                message.blocks = blocks.or(message.blocks.take());
                message.metadata = metadata.or(message.metadata.take());
            }
        };
        let known = self.pings_of(channel, ts).len();
        self.world.change_message(channel, ts, None, self.now, change);
        // Of the whole text: what pings may have come in two halves.
        let pings = self.pings_of(channel, ts).into_iter().skip(known);
        self.world.pings.extend(pings);
    }
}
