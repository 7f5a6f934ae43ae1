//! First step: characters that show nothing but do something are taken out, line ends become `\n`.

/// The three flags that Unicode recommends as tag sequences, as the tags stand for letters: England, Scotland, Wales.
const FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
const BLACK_FLAG: char = '\u{1F3F4}';
const TAG_END: char = '\u{E007F}';

/// Whether a character must not reach Slack: controls (but tab and line feed), bidirectional embeddings, overrides and
/// isolates, deprecated format characters, the byte-order mark, interlinear annotation and tags.
pub(crate) fn is_unsafe(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => true,
        c => c.is_control() || is_tag(c),
    }
}

fn is_tag(c: char) -> bool {
    ('\u{E0000}'..='\u{E007F}').contains(&c)
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{180B}'..='\u{180D}' | '\u{E0100}'..='\u{E01EF}')
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scrub {
    after: After,
    flag: String,
}

/// What the last character that was not taken out was, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum After {
    #[default]
    Other,
    CarriageReturn,
    VariationSelector,
    /// A black flag and the tags in `Scrub::flag`, which are held back until they make a flag that exists.
    Flag,
}

impl Scrub {
    pub(super) fn push(&mut self, c: char, mut emit: impl FnMut(char)) {
        if self.after == After::Flag && is_tag(c) {
            return self.tag(c, emit);
        }
        match c {
            '\r' => {
                self.after = After::CarriageReturn;
                emit('\n');
            }
            '\n' if self.after == After::CarriageReturn => self.after = After::Other,
            // A run of variation selectors means nothing to a reader and can carry hidden bytes: the first one is enough.
            c if is_variation_selector(c) && self.after == After::VariationSelector => {}
            c if is_unsafe(c) => {}
            c => {
                self.flag.clear();
                self.after = match c {
                    BLACK_FLAG => After::Flag,
                    c if is_variation_selector(c) => After::VariationSelector,
                    _ => After::Other,
                };
                emit(c);
            }
        }
    }

    fn tag(&mut self, c: char, mut emit: impl FnMut(char)) {
        if c == TAG_END && FLAGS.contains(&self.flag.as_str()) {
            self.flag.chars().filter_map(tag_for).for_each(&mut emit);
            emit(TAG_END);
            self.after = After::Other;
            return;
        }
        match letter_of(c) {
            Some(letter)
                if FLAGS
                    .iter()
                    .any(|flag| flag.strip_prefix(&*self.flag).is_some_and(|rest| rest.starts_with(letter))) =>
            {
                self.flag.push(letter);
            }
            _ => self.after = After::Other,
        }
    }
}

fn letter_of(tag: char) -> Option<char> {
    char::from_u32(u32::from(tag).checked_sub(0xE0000)?).filter(char::is_ascii_lowercase)
}

fn tag_for(letter: char) -> Option<char> {
    char::from_u32(u32::from(letter) + 0xE0000)
}
