//! A small Slack as text, for the message of a story that failed.

use std::fmt::Write;

use super::world::{Channel, ChannelKind, Message, StreamState, World};

pub(crate) fn print(world: &World) -> String {
    let mut channels: Vec<&Channel> = world.channels.values().collect();
    channels.sort_by(|one, other| one.id.cmp(&other.id));
    let mut out = String::new();
    for channel in channels {
        let name = match &channel.kind {
            ChannelKind::Im { with } => format!("direct messages with {}", world.name_of(with)),
            _ => format!("#{}", channel.name),
        };
        let _ = writeln!(out, "── {name} ({}) ──", channel.id);
        for root in channel.messages.values().filter(|message| message.thread.is_none()) {
            for message in channel.thread_messages(root.ts) {
                print_message(&mut out, world, message);
            }
            let status = channel.threads.get(&root.ts).and_then(|thread| thread.status.as_ref());
            if let Some(status) = status {
                let _ = writeln!(out, "    … {}", status.text);
            }
        }
        for ephemeral in &channel.ephemerals {
            let _ = writeln!(out, "  (only {} sees) {}", world.name_of(&ephemeral.to), ephemeral.text);
        }
    }
    out
}

fn print_message(out: &mut String, world: &World, message: &Message) {
    let indent = if message.thread.is_some() { "    " } else { "  " };
    let state = match message.stream.as_ref().map(|stream| &stream.state) {
        Some(StreamState::Open) => " [streaming]",
        Some(StreamState::Errored) => " [ended by Slack]",
        Some(StreamState::StoppedByUser) => " [stopped by a person]",
        Some(StreamState::Completed) | None => "",
    };
    let text = message.text.replace('\n', &format!("\n{indent}    "));
    let edited = if message.edited.is_some() { " (edited)" } else { "" };
    let _ = writeln!(out, "{indent}{} {}{state}: {text}{edited}", message.ts, world.name_of(&message.user));
}
