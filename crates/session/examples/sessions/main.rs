//! What a session manager does, told in six short sections: `cargo run --example sessions`.
//!
//! Needs no Slack, no model, no key. The story is in `story.rs`.

mod story;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    story::tell(&mut std::io::stdout().lock())
}
