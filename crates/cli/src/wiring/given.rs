//! What each part of the program is given of the configuration.

use std::time::Duration;

use chathakase_bot::{Access, DEFAULT_SYSTEM_PROMPT, Settings};
use chathakase_model::ModelConfig;
use chathakase_session::{store::Rules, time::SharedClock, window::WindowLimits};
use chathakase_slack::{http::EventsConfig, render::PartLimits, reply::ReplyLimits};
use secrecy::SecretString;

use crate::config::Config;

/// What the store is to keep to.
pub fn rules(config: &Config) -> Rules {
    Rules { session_timeout: config.session_timeout, waiting_max: config.limits_waiting, ..Rules::default() }
}

pub(super) fn events_config(config: &Config, signing_secret: SecretString, clock: SharedClock) -> EventsConfig {
    EventsConfig { body_bytes_max: config.limits_body_bytes, ..EventsConfig::new(signing_secret, clock) }
}

pub(super) fn reply_limits(config: &Config) -> ReplyLimits {
    ReplyLimits {
        part: PartLimits { chars_max: config.reply_part_chars, bytes_max: config.reply_part_bytes },
        part_time: config.reply_part_time,
        ..ReplyLimits::default()
    }
}

pub(crate) fn model_config(config: &Config) -> ModelConfig {
    ModelConfig {
        base_url: config.model_base_url.clone(),
        api_key: config.model_api_key.clone(),
        key_header: config.model_key_header,
        name: config.model_name.clone(),
        temperature: config.model_temperature,
        max_tokens: config.model_max_tokens,
        first_token_max: config.model_first_token_max,
        between_tokens_max: config.model_between_tokens_max,
        turn_max: config.model_turn_max,
        ..ModelConfig::default()
    }
}

/// How often turns without an owner are looked for where other processes may leave some at any time: who waits behind an answer
/// of one that ends waits no longer than 2 s for another to take over.
const ADOPT_EVERY_SHARED: Duration = Duration::from_millis(1_500);

pub(super) fn settings(config: &Config) -> Settings {
    let usual = Settings::default();
    let shared = chathakase_store::is_shared(&config.store_url);
    Settings {
        session_timeout: config.session_timeout,
        cleanup_threshold: config.session_cleanup_threshold,
        reread: config.session_reread,
        window: WindowLimits {
            max_messages: config.context_max_messages,
            max_tokens: config.context_max_tokens,
            ..WindowLimits::default()
        },
        system_prompt: config.model_system_prompt.clone().unwrap_or_else(|| DEFAULT_SYSTEM_PROMPT.to_owned()),
        model: config.model_name.clone(),
        model_max_tokens: config.model_max_tokens,
        access: Access { bots: config.access_bots.iter().cloned().collect(), strangers: config.access_strangers },
        admins: config.access_admins.iter().cloned().collect(),
        message_chars_max: config.limits_message_chars,
        waiting_max: config.limits_waiting,
        running_max: config.limits_running,
        read_back_calls_max: config.limits_read_back_calls,
        read_back_posts_max: config.limits_read_back_posts,
        read_back_patience: config.limits_read_back_patience,
        deaths_max: config.limits_owner_deaths,
        catch_up: config.limits_catch_up,
        drain: config.limits_drain,
        shared,
        adopt_every: if shared { ADOPT_EVERY_SHARED } else { usual.adopt_every },
        ..usual
    }
}

#[cfg(test)]
mod tests;
