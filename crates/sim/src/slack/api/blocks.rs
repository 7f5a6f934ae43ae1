//! What of a message's content Slack refuses (Slack: Block Kit limits, `chat.postMessage`).

use serde_json::Value;

use super::{Args, Ctx, Refusal};

/// Slack: longest `text`; what is longer is cut, with a warning.
pub(super) const TEXT_CHARS_MAX: usize = 40_000;
/// Slack: longest `markdown_text`, and all markdown blocks of a message together.
pub(super) const MARKDOWN_CHARS_MAX: usize = 12_000;
const BLOCKS_MAX: usize = 50;
const SECTION_CHARS_MAX: usize = 3_000;
const HEADER_CHARS_MAX: usize = 150;
const METADATA_BYTES_MAX: usize = 16_000;

/// What is to be shown.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) markdown: bool,
    pub(super) blocks: Option<Value>,
    pub(super) metadata: Option<Value>,
    pub(super) warning: Option<&'static str>,
}

impl Content {
    /// Reads `text`, `blocks` or `markdown_text`, and `metadata`; one of the first three must be there.
    pub(super) fn read(ctx: &Ctx) -> Result<Self, Refusal> {
        let args = ctx.args;
        let metadata = read_metadata(args)?;
        let blocks = args.json("blocks", "invalid_blocks_format")?;
        if let Some(markdown) = args.text("markdown_text") {
            if args.has("text") || blocks.is_some() {
                return Err(Refusal::code("markdown_text_conflict"));
            }
            if markdown.chars().count() > MARKDOWN_CHARS_MAX {
                return Err(Refusal::code("msg_too_long"));
            }
            return Ok(Self { text: markdown.into_owned(), markdown: true, metadata, ..Self::default() });
        }
        if let Some(blocks) = &blocks {
            check_blocks(blocks)?;
        }
        let text = args.text("text").unwrap_or_default();
        if text.is_empty() && blocks.is_none() && !args.has("attachments") {
            return Err(Refusal::code("no_text"));
        }
        let cut = text.char_indices().nth(TEXT_CHARS_MAX).map(|(at, _)| at);
        let warning = cut.map(|_| "message_truncated");
        let text = text[..cut.unwrap_or(text.len())].to_owned();
        Ok(Self { text, markdown: false, blocks, metadata, warning })
    }
}

pub(super) fn read_metadata(args: &Args) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = args.json("metadata", "invalid_metadata_format")? else { return Ok(None) };
    if !metadata["event_type"].is_string() || !metadata["event_payload"].is_object() {
        return Err(Refusal::code("invalid_metadata_schema"));
    }
    if metadata.to_string().len() > METADATA_BYTES_MAX {
        return Err(Refusal::code("metadata_too_large"));
    }
    Ok(Some(metadata))
}

pub(super) fn check_blocks(blocks: &Value) -> Result<(), Refusal> {
    let Some(list) = blocks.as_array() else { return Err(Refusal::code("invalid_blocks_format")) };
    if list.len() > BLOCKS_MAX {
        return Err(Refusal::explained(
            "invalid_blocks",
            "[ERROR] no more than 50 items allowed [json-pointer:/blocks]",
        ));
    }
    let mut markdown = 0;
    for (n, block) in list.iter().enumerate() {
        let wrong =
            |what: &str| Refusal::explained("invalid_blocks", &format!("[ERROR] {what} [json-pointer:/blocks/{n}]"));
        let text = block["text"].as_str().or_else(|| block["text"]["text"].as_str()).unwrap_or_default();
        let chars = text.chars().count();
        match block["type"].as_str() {
            None => return Err(wrong("missing required field: type")),
            Some("section") if chars > SECTION_CHARS_MAX => return Err(wrong("must be less than 3001 characters")),
            Some("section") if chars == 0 && !block["fields"].is_array() => return Err(wrong("missing text")),
            Some("header") if chars > HEADER_CHARS_MAX => return Err(wrong("must be less than 151 characters")),
            Some("markdown") => markdown += chars,
            Some(_) => {}
        }
    }
    if markdown > MARKDOWN_CHARS_MAX { Err(Refusal::code("msg_blocks_too_long")) } else { Ok(()) }
}
