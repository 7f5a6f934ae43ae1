//! Where the database is: a URL as everybody writes it, and what we add to it.

use std::{fmt, path::PathBuf, time::Duration};

use tokio_postgres::{Config, config::SslMode};

use super::tls::Trust;
use crate::{OpenError, RedactedUrl};

/// How long a connection to one host may take to come about (5 s), unless the URL's `connect_timeout` says otherwise.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take (10 s).
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How long sent bytes may stay unacknowledged before the connection counts as lost (10 s).
const UNANSWERED_MAX: Duration = Duration::from_secs(10);
/// How long a connection is silent before the system asks whether the other end is there (30 s).
const SILENT_MAX: Duration = Duration::from_secs(30);

/// A database that can be connected to. `Debug` shows no secret.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// Whether a pooler stands before the database that gives each transaction another connection, so that no statement can
    /// stay prepared.
    pub(super) pooled: bool,
    pub(super) shown: RedactedUrl,
    /// How long a connection may take in all, with its encryption and its password, as libpq has it: the driver's own limit ends
    /// when the host has picked up, which one that hangs does too.
    pub(super) connect_within: Duration,
    /// How long an answer may take: see [`Options::answered_within`](super::Options).
    pub(super) answered_within: Duration,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE&…`. The options are libpq's; besides them
    /// `pgbouncer=true`, for a database behind a transaction-pooling pgbouncer.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let shown = RedactedUrl::new(url);
        let (place, options) = url.rsplit_once('?').unwrap_or((url, ""));
        let (mut ssl, mut roots, mut pooled, mut theirs) = (None, None, false, Vec::new());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", mode)) => ssl = Some(mode),
                Some(("sslrootcert", "system")) => roots = None,
                Some(("sslrootcert", path)) => roots = Some(PathBuf::from(path)),
                Some(("pgbouncer", answer)) => pooled = answer == "true",
                _ => theirs.push(option),
            }
        }
        let mut rest = place.to_owned();
        if !theirs.is_empty() {
            rest = format!("{place}?{}", theirs.join("&"));
        }
        // The parser's own words may hold a piece of the address, and so of the password.
        let mut config: Config = rest.parse().map_err(|_| OpenError::PostgresUrl { url: shown.clone() })?;
        let (mode, trust) = match ssl {
            Some("disable") => (SslMode::Disable, Trust::Anybody),
            Some("prefer") | None => (SslMode::Prefer, Trust::Anybody),
            // As libpq has it: encrypted, and checked only against roots that are named.
            Some("require") => (SslMode::Require, roots.map_or(Trust::Anybody, |path| Trust::Roots(Some(path)))),
            Some("verify-ca" | "verify-full") => (SslMode::Require, Trust::Roots(roots)),
            Some(_) => return Err(OpenError::PostgresUrl { url: shown }),
        };
        config.ssl_mode(mode);
        if config.get_application_name().is_none() {
            config.application_name("chathakase");
        }
        let one_host_within = config.get_connect_timeout().copied().unwrap_or(CONNECT_WITHIN);
        config.connect_timeout(one_host_within).tcp_user_timeout(UNANSWERED_MAX).keepalives_idle(SILENT_MAX);
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX).max(1);
        let connect_within = one_host_within.saturating_mul(hosts);
        Ok(Self { config, trust, pooled, shown, connect_within, answered_within: ANSWERED_WITHIN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        for (options, mode, trust, pooled) in [
            ("", SslMode::Prefer, Trust::Anybody, false),
            ("?sslmode=disable", SslMode::Disable, Trust::Anybody, false),
            ("?sslmode=require", SslMode::Require, Trust::Anybody, false),
            ("?sslmode=require&sslrootcert=/ca.pem", SslMode::Require, Trust::Roots(Some("/ca.pem".into())), false),
            ("?sslmode=verify-full&sslrootcert=system", SslMode::Require, Trust::Roots(None), false),
            ("?connect_timeout=3&pgbouncer=true", SslMode::Prefer, Trust::Anybody, true),
        ] {
            let address = Address::parse(&format!("postgres://ana:s3cret@db.example:6432/hakase{options}")).unwrap();
            assert_eq!((address.config.get_ssl_mode(), &address.trust, address.pooled), (mode, &trust, pooled));
            assert_eq!(address.config.get_ports(), [6432]);
        }
    }

    #[test]
    fn a_url_that_is_not_understood_is_refused_without_its_secrets() {
        for options in ["?sslmode=sometimes", "?s3cret=1", "?port=s3cret"] {
            let error = Address::parse(&format!("postgres://ana:s3cret@db.example/hakase{options}")).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("db.example/hakase") && !said.contains("s3cret"), "{said}");
        }
        let address = Address::parse("postgres://ana:s3cret@db.example/hakase").unwrap();
        assert!(!format!("{address:?}").contains("s3cret"));
    }
}
