//! `apps.connections.open`, `views.publish`, `api.test`.

use super::{Answer, Ctx, Refusal, blocks::check_blocks};
use crate::slack::world::APP_ID;

const VIEW_BYTES_MAX: usize = 250_000;

pub(super) fn api_test(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    if let Some(error) = ctx.args.text("error") {
        return Err(Refusal::code(error));
    }
    Ok(Answer::ok().with("args", ctx.args.as_value()))
}

/// Hands out an address that opens one connection, once and soon.
pub(super) fn open_connection(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let ticket = ctx.world.next_number();
    let ticket = ctx.shared.courier.sockets.ticket(ticket, ctx.shared.options.clock.monotonic());
    let port = ctx.shared.port;
    Ok(Answer::ok().with("url", format!("ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={APP_ID}")))
}

pub(super) fn publish_view(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let user = ctx.args.user("user_id")?;
    let view = ctx.args.json("view", "invalid_arguments")?.ok_or_else(|| Refusal::missing("view"))?;
    if view.to_string().len() > VIEW_BYTES_MAX {
        return Err(Refusal::code("view_too_large"));
    }
    if view["type"] != "home" || check_blocks(&view["blocks"]).is_err() {
        return Err(Refusal::explained("invalid_arguments", "[ERROR] view is not a home view with well-formed blocks"));
    }
    ctx.world.views.insert(user, view.clone());
    Ok(Answer::ok().with("view", view))
}
