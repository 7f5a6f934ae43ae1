//! Whether the store can be opened, written and read.

use chathakase_session::time::SharedClock;
use chathakase_store::{Found, RedactedUrl};

use super::report::Finding;
use crate::{config::Config, wiring};

pub(super) async fn look(config: &Config, clock: SharedClock) -> Finding {
    match chathakase_store::look(&config.store_url) {
        Ok(Found::Memory) => Finding::hint(
            "store",
            "`memory:` keeps nothing on disk: a restart forgets everything",
            "leave store.url out for a database file, if that is not what you want",
        ),
        Ok(Found::Nothing { path }) => Finding::right(
            "store",
            format!("{} is made at the first start; a database can be written there", path.display()),
        ),
        Ok(Found::Ready { path }) => Finding::right("store", format!("{} was written and read", path.display())),
        Ok(Found::Served { path }) => {
            Finding::right("store", format!("{} was read; a running `chathakase serve` writes it", path.display()))
        }
        Ok(Found::Server) => server(config, clock).await,
        Err(error) => Finding::fault("store", &error),
    }
}

async fn server(config: &Config, clock: SharedClock) -> Finding {
    let store = match chathakase_store::open_beside(&config.store_url, wiring::rules(config), clock) {
        Ok(store) => store,
        Err(error) => return Finding::fault("store", &error),
    };
    let checked = store.check().await;
    store.shutdown().await;
    match checked {
        Ok(()) => Finding::right("store", format!("{} can be written", RedactedUrl::new(&config.store_url))),
        Err(error) => Finding::fault("store", &error),
    }
}
