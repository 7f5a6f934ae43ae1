//! A small Slack.
