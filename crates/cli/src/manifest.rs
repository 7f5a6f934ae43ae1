//! `chathakase manifest`: what to paste on <https://api.slack.com/apps>.

use anyhow::Context;
use chathakase_slack::manifest::{Door, Manifest, PublicUrl, Shape};

use crate::{
    args::{self, ManifestFormat, TransportName},
    config::{self, Transport},
};

/// The manifest of the app that `args` and the settings describe. Tokens need not be there yet: they come from the app.
pub fn page(args: &args::Manifest) -> anyhow::Result<String> {
    let transport = match args.transport {
        Some(TransportName::Socket) => Transport::Socket,
        Some(TransportName::Http) => Transport::Http,
        None if args.url.is_some() => Transport::Http,
        None => config::transport_here(args.config.as_deref())?.unwrap_or(Transport::Socket),
    };
    let door = match (transport, &args.url) {
        (Transport::Socket, None) => Door::Socket,
        (Transport::Socket, Some(_)) => {
            anyhow::bail!("Socket Mode needs no address: leave out --url, or ask for --transport http")
        }
        (Transport::Http, Some(url)) => Door::Http(PublicUrl::parse(url).context("in --url")?),
        (Transport::Http, None) => anyhow::bail!(
            "say where Slack reaches the assistant: --url https://bot.example.com. Without a public address, use --transport socket"
        ),
    };
    let manifest = Manifest::new(&Shape { name: args.name.clone(), door, agent_view: !args.no_agent_view })?;
    Ok(match args.format {
        ManifestFormat::Yaml => manifest.yaml(),
        ManifestFormat::Json => manifest.json(),
    })
}
