//! `chathakase init`: asks what is needed, tries each answer out at once, and writes `chathakase.toml`.
//!
//! What is in the environment or given as a flag is not asked. Answers come from a person or from a pipe, one a line. Where there is
//! nobody, every answer is the usual one, and those that have none are named together.

mod ask;
mod file;
mod tries;

use std::{io::IsTerminal, path::PathBuf, sync::Arc};

use anyhow::{bail, ensure};
use chathakase_session::time::SharedClock;
use secrecy::{ExposeSecret, SecretString};

pub use ask::Ask;
use file::Chosen;

use crate::{
    args::{self, SecretsPlace, TransportName},
    clock::SystemClock,
    config::{self, secret},
};

/// Asks on this terminal, or reads answers from a pipe.
pub async fn run(args: &args::Init) -> anyhow::Result<()> {
    ask::leave_the_terminal_as_it_is();
    let (mut answers, mut screen) = (std::io::BufReader::new(std::io::stdin()), std::io::stderr());
    let mut ask = Ask::new(&mut answers, &mut screen);
    if std::io::stdin().is_terminal() {
        ask = ask.of_a_person();
    }
    begin(args, &|name| std::env::var(name).ok(), Arc::new(SystemClock::new()), &mut ask).await
}

type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The same, with answers and environment from wherever.
pub async fn begin(args: &args::Init, env: Env<'_>, clock: SharedClock, ask: &mut Ask<'_>) -> anyhow::Result<()> {
    let path = args.config.clone().unwrap_or_else(|| PathBuf::from(config::FILE));
    if path.exists() && !args.force {
        let over =
            ask.yes(&format!("{} is there already. Write it anew, and lose what it says?", path.display()), false)?;
        ensure!(over, "{} was left as it is; --force writes it anew without asking", path.display());
    }
    let mut setup = Setup {
        env,
        clock,
        ask,
        slack: env("SLACK_API_URL").filter(|url| !url.is_empty()),
        chosen: Vec::new(),
        secrets: Vec::new(),
        missing: Vec::new(),
    };
    let transport = setup.transport(args.transport)?;
    setup.bot_token().await?;
    match transport {
        TransportName::Socket => setup.app_token().await?,
        TransportName::Http => setup.signing_secret()?,
    }
    setup.model(args).await?;
    setup.nothing_is_missing()?;
    setup.store(args)?;
    setup.finish(args, &path)
}

/// A set-up under way.
struct Setup<'a, 'b> {
    env: Env<'a>,
    clock: SharedClock,
    ask: &'a mut Ask<'b>,
    /// Another Slack than the real one.
    slack: Option<String>,
    chosen: Vec<Chosen>,
    /// Settings that nobody else is to read, with their names in the environment.
    secrets: Vec<(&'static str, &'static str, SecretString)>,
    /// What nobody was there to answer: a line for each.
    missing: Vec<&'static str>,
}

impl Setup<'_, '_> {
    fn transport(&mut self, given: Option<TransportName>) -> anyhow::Result<TransportName> {
        let transport = match given {
            Some(given) => given,
            None => {
                self.ask.say(
                    "How shall Slack reach the assistant? `socket` needs no public address; `http` needs one with TLS.",
                )?;
                let is_there = |name| (self.env)(name).is_some_and(|text| !text.is_empty());
                let http = is_there("SLACK_SIGNING_SECRET") && !is_there("SLACK_APP_TOKEN");
                self.ask.until("Transport", if http { "http" } else { "socket" }, |answer| match answer {
                    "socket" => Ok(TransportName::Socket),
                    "http" => Ok(TransportName::Http),
                    _ => Err("write `socket` or `http`".to_owned()),
                })?
            }
        };
        let name = if transport == TransportName::Socket { "socket" } else { "http" };
        self.chosen.push(("slack.transport", name.to_owned()));
        self.chosen.extend(self.slack.clone().map(|url| ("slack.api_url", url)));
        if (self.env)("SLACK_BOT_TOKEN").is_none() {
            let flags = if name == "http" { " --transport http --url https://YOUR-HOST" } else { "" };
            self.ask.say("No Slack app yet? On https://api.slack.com/apps choose \"Create New App\", \"From a manifest\", and paste what")?;
            self.ask.say(&format!("`chathakase manifest{flags}` prints. Then \"Install App\"."))?;
        }
        Ok(transport)
    }

    async fn bot_token(&mut self) -> anyhow::Result<()> {
        let question = "Bot token (xoxb-..., from \"OAuth & Permissions\")";
        loop {
            let Some((token, asked)) = self.secret("SLACK_BOT_TOKEN", question, "xoxb-", false)? else {
                self.missing.push("the bot token: set SLACK_BOT_TOKEN (xoxb-…, from \"OAuth & Permissions\")");
                return Ok(());
            };
            match tries::bot_token(self.slack.as_deref(), &token, &self.clock).await {
                Ok(who) => self.ask.say(&format!("  accepted: {who}"))?,
                Err(why) if asked => {
                    self.ask.say(&format!("  {why}"))?;
                    continue;
                }
                Err(why) => bail!("SLACK_BOT_TOKEN: {why}"),
            }
            self.secrets.push(("slack.bot_token", "SLACK_BOT_TOKEN", token));
            return Ok(());
        }
    }

    async fn app_token(&mut self) -> anyhow::Result<()> {
        let question = "App-level token (xapp-..., from \"Basic Information\", with the scope connections:write)";
        loop {
            let Some((token, asked)) = self.secret("SLACK_APP_TOKEN", question, "xapp-", false)? else {
                self.missing.push("the app-level token: set SLACK_APP_TOKEN (xapp-…, from \"Basic Information\"), or take --transport http and SLACK_SIGNING_SECRET");
                return Ok(());
            };
            match tries::app_token(self.slack.as_deref(), &token, &self.clock).await {
                Ok(()) => self.ask.say("  accepted: Socket Mode says hello")?,
                Err(why) if asked => {
                    self.ask.say(&format!("  {why}"))?;
                    continue;
                }
                Err(why) => bail!("SLACK_APP_TOKEN: {why}"),
            }
            self.secrets.push(("slack.app_token", "SLACK_APP_TOKEN", token));
            return Ok(());
        }
    }

    /// Whether it is the right one shows only when Slack signs something.
    fn signing_secret(&mut self) -> anyhow::Result<()> {
        let question = "Signing secret (from \"Basic Information\")";
        let Some((secret, _)) = self.secret("SLACK_SIGNING_SECRET", question, "", false)? else {
            self.missing.push("the signing secret: set SLACK_SIGNING_SECRET (from \"Basic Information\")");
            return Ok(());
        };
        if !secret::looks_like_a_signing_secret(&secret) {
            self.ask.say("  taken, though Slack's signing secrets are 32 hexadecimal digits: is it the whole one?")?;
        }
        self.ask.say(
            "  not tried: only Slack's requests show whether it is right; `chathakase check --live` waits for one",
        )?;
        self.secrets.push(("slack.signing_secret", "SLACK_SIGNING_SECRET", secret));
        Ok(())
    }

    /// Everything that was not answered, told at once.
    fn nothing_is_missing(&self) -> anyhow::Result<()> {
        let (missing, count) = (self.missing.join("\n  - "), self.missing.len());
        ensure!(
            count == 0,
            "nobody can be asked here, and nothing was written; what is missing:\n  - {missing}\n`chathakase init --help` has a whole command"
        );
        Ok(())
    }

    /// A secret from the environment, or else an answer; and whether it was asked for. An empty answer can mean none. `None` when there
    /// are no more answers.
    fn secret(
        &mut self,
        name: &'static str,
        question: &str,
        starts_with: &'static str,
        may_be_none: bool,
    ) -> anyhow::Result<Option<(SecretString, bool)>> {
        let given = (self.env)(name);
        if may_be_none && given.as_deref() == Some("") {
            self.ask.say(&format!("{name} is empty in the environment: none is used."))?;
            return Ok(Some((SecretString::default(), false)));
        }
        if let Some(text) = given.filter(|text| !text.is_empty()) {
            self.ask.say(&format!("{name} is taken from the environment."))?;
            let secret =
                secret::check(&text, starts_with).map_err(|wanted| anyhow::anyhow!("{name} must be {wanted}"))?;
            return Ok(Some((secret, false)));
        }
        let secret = self.ask.until_unseen(&format!("{question}, not shown as you type"), |answer| match answer {
            "" if may_be_none => Ok(SecretString::default()),
            answer => secret::check(answer, starts_with).map_err(|wanted| format!("it must be {wanted}")),
        })?;
        Ok(secret.map(|secret| (secret, true)))
    }

    async fn model(&mut self, args: &args::Init) -> anyhow::Result<()> {
        let is_url = |answer: &str| {
            if config::is_url(answer) {
                Ok(answer.to_owned())
            } else {
                Err("write an address that begins with https:// or http://".to_owned())
            }
        };
        let mut usual = OPENAI.to_owned();
        loop {
            let given = args.model_url.clone().or_else(|| (self.env)("OPENAI_BASE_URL").filter(|url| !url.is_empty()));
            let url = match given {
                Some(url) => is_url(&url).map_err(|why| anyhow::anyhow!("the model's address: {why}"))?,
                None => self.ask.until("Address of the model's chat-completions API", &usual, is_url)?,
            };
            let key = self.secret("OPENAI_API_KEY", "Its key (empty for none)", "", true)?.map(|(key, _)| key);
            if key.is_none() && url == OPENAI {
                self.missing
                    .push("OpenAI's key: set OPENAI_API_KEY, or --model-url (OPENAI_BASE_URL) for another server");
            }
            let key = key.unwrap_or_default();
            let name = match &args.model_name {
                Some(name) => name.clone(),
                None => self.ask.line("Name of the model", "gpt-4o")?,
            };
            if !self.missing.is_empty() {
                return Ok(());
            }
            let key = Some(key).filter(|key| !key.expose_secret().is_empty());
            let tried = tries::model(&url, key.clone(), &name, self.clock.clone()).await;
            match tried {
                Ok(said) => self.ask.say(&format!("  {said}"))?,
                Err(why) => {
                    self.ask.say(&format!("  {why}"))?;
                    if !args.force && !self.ask.yes("Keep it all the same?", false)? {
                        let again = args.model_url.is_none() && args.model_name.is_none() && !self.ask.is_over();
                        ensure!(again, "the model does not answer: nothing was written; --force keeps it all the same");
                        usual = url;
                        continue;
                    }
                }
            }
            self.chosen.extend((url != OPENAI).then_some(("model.base_url", url)));
            self.chosen.push(("model.name", name));
            self.secrets.extend(key.map(|key| ("model.api_key", "OPENAI_API_KEY", key)));
            return Ok(());
        }
    }

    fn store(&mut self, args: &args::Init) -> anyhow::Result<()> {
        let usual = tries::usual_store(self.env);
        let given = args.store.clone().or_else(|| (self.env)("DATABASE_URL").filter(|url| !url.is_empty()));
        let asked = given.is_none();
        let mut given = given;
        loop {
            let url = match given.take() {
                Some(url) => url,
                None => self.ask.line("Where sessions are kept (a file, postgres://… or memory:)", &usual)?,
            };
            let url = whole(&url);
            match tries::store(&url) {
                Ok(said) => {
                    self.ask.say(&format!("  {said}"))?;
                    // The address of a database holds its password.
                    match url.starts_with("postgres") && url.contains('@') {
                        true => self.secrets.push(("store.url", "DATABASE_URL", url.into())),
                        false => self.chosen.extend((url != usual).then_some(("store.url", url))),
                    }
                    return Ok(());
                }
                Err(why) if asked && !self.ask.is_over() => self.ask.say(&format!("  {why}"))?,
                Err(why) => bail!("the store: {why}"),
            }
        }
    }

    fn finish(mut self, args: &args::Init, path: &std::path::Path) -> anyhow::Result<()> {
        let place = match args.secrets {
            Some(place) => place,
            None => self.ask.until(
                "Tokens and keys: into this `file`, which you alone can read, or left to the `env`ironment",
                "file",
                |answer| match answer {
                    "file" => Ok(SecretsPlace::File),
                    "env" => Ok(SecretsPlace::Env),
                    _ => Err("write `file` or `env`".to_owned()),
                },
            )?,
        };
        if place == SecretsPlace::File {
            self.chosen.extend(self.secrets.iter().map(|(key, _, secret)| (*key, secret.expose_secret().to_owned())));
        }
        self.chosen.sort_by_key(|(name, _)| name.split_once('.').map_or("", |(section, _)| section));
        file::write(path, &file::text(&self.chosen))?;
        self.ask.say(&format!("\nWrote {}, readable by you alone.", path.display()))?;
        if place == SecretsPlace::Env {
            let names: Vec<&str> = self.secrets.iter().map(|(_, name, _)| *name).collect();
            self.ask.say(&format!("Set in the environment of the assistant: {}.", names.join(", ")))?;
        }
        let named = args.config.as_ref().map(|path| format!(" --config {}", path.display())).unwrap_or_default();
        self.ask.say(&format!(
            "Next: `chathakase check{named}` looks at everything else; `chathakase serve{named}` starts it."
        ))
    }
}

/// A path from the root: `serve` may be started in another folder.
fn whole(url: &str) -> String {
    let path = match url.split_once(':') {
        None => url,
        Some(("sqlite", path)) if !path.is_empty() && !path.starts_with([':', '/']) => path,
        Some(_) => return url.to_owned(),
    };
    std::path::absolute(path).map_or_else(|_| url.to_owned(), |path| format!("sqlite:{}", path.display()))
}

const OPENAI: &str = "https://api.openai.com/v1";
