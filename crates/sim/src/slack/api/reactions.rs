//! `reactions.add` and `.remove`.

use super::{Answer, Ctx, Refusal};

pub(super) fn add(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    react(ctx, |users, bot| users.insert(bot), "already_reacted")
}

pub(super) fn remove(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    react(ctx, |users, bot| users.remove(&bot), "no_reaction")
}

type Users = std::collections::BTreeSet<chathakase_session::UserId>;

fn react(
    ctx: &mut Ctx,
    change: impl FnOnce(&mut Users, chathakase_session::UserId) -> bool,
    unchanged: &'static str,
) -> Result<Answer, Refusal> {
    let channel = ctx.writable("channel")?;
    let ts = ctx.message(&channel, "timestamp")?.ts;
    let name = ctx.args.needed("name")?.into_owned();
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-+".contains(c);
    if !name.chars().all(known) {
        return Err(Refusal::code("invalid_name"));
    }
    let bot = ctx.bot_in(&channel);
    let message = ctx.world.channels.get_mut(&channel).and_then(|place| place.messages.get_mut(&ts));
    let users = message.map(|message| message.reactions.entry(name).or_default());
    if users.is_some_and(|users| change(users, bot)) { Ok(Answer::ok()) } else { Err(Refusal::code(unchanged)) }
}
