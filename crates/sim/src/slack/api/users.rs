//! Who is who: `auth.test`, `users.*`, `bots.info`, `team.info`.

use serde_json::{Value, json};

use super::{Answer, Ctx, Refusal};
use crate::slack::world::{APP_ID, user_json};

pub(super) fn auth_test(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let workspace = &ctx.world.workspaces[ctx.caller.home];
    let answer = Answer::ok()
        .with("url", format!("https://{}.slack.com/", workspace.name))
        .with("team", workspace.name.as_str())
        .with("user", "assistant")
        .json("team_id", &workspace.id)
        .json("user_id", &workspace.bot_user)
        .json("bot_id", &workspace.bot_id)
        .with("is_enterprise_install", false);
    Ok(match &workspace.enterprise {
        Some(enterprise) => answer.json("enterprise_id", enterprise),
        None => answer,
    })
}

pub(super) fn info(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let person = ctx.world.people.get(&ctx.args.user("user")?).ok_or_else(|| Refusal::code("user_not_found"))?;
    Ok(Answer::ok().with("user", user_json(ctx.world, ctx.caller.home, person)))
}

pub(super) fn list(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let mut people: Vec<_> = ctx.world.people.values().filter(|person| !person.stranger).collect();
    people.sort_by(|one, other| one.id.cmp(&other.id));
    let members: Vec<Value> = people.into_iter().map(|person| user_json(ctx.world, ctx.caller.home, person)).collect();
    Ok(Answer::ok().json("members", members).with("response_metadata", json!({"next_cursor": ""})))
}

pub(super) fn bot_info(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let wanted = ctx.args.needed("bot")?;
    let mut people = ctx.world.people.values();
    let found = people.find_map(|person| {
        let bot = person.bot.as_ref().filter(|bot| bot.bot_id.as_str() == wanted)?;
        Some(
            json!({"id": bot.bot_id, "app_id": bot.app_id, "user_id": person.id, "name": person.name, "deleted": false,
            "updated": 1_767_225_600, "icons": {}}),
        )
    });
    found.map(|bot| Answer::ok().with("bot", bot)).ok_or_else(|| Refusal::code("bot_not_found"))
}

pub(super) fn team_info(ctx: &mut Ctx) -> Result<Answer, Refusal> {
    let workspace = &ctx.world.workspaces[ctx.caller.home];
    if ctx.args.text("team").is_some_and(|team| team != workspace.id.as_str()) {
        return Err(Refusal::code("team_not_found"));
    }
    let team = json!({"id": workspace.id, "name": workspace.name, "domain": workspace.name, "email_domain": "", "icon": {},
        "app": APP_ID});
    Ok(Answer::ok().with("team", team))
}
