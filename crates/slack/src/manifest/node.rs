//! A manifest's values, each with the reason why it is there, and its two printers.

use serde_json::Value;

/// A value of the manifest. Reasons are seen in YAML only.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Flag(bool),
    Number(u32),
    List(Vec<Node>),
    /// In the order in which people read it.
    Map(Vec<(&'static str, Node)>),
    Explained(Box<Node>, &'static str),
}

pub(super) fn text(text: impl Into<String>) -> Node {
    Node::Text(text.into())
}

pub(super) fn flag(flag: bool) -> Node {
    Node::Flag(flag)
}

pub(super) fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::List(items.into_iter().collect())
}

pub(super) fn map(fields: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    Node::Map(fields.into_iter().collect())
}

impl Node {
    pub(super) fn because(self, why: &'static str) -> Self {
        Self::Explained(Box::new(self), why)
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Flag(flag) => Value::from(*flag),
            Self::Number(number) => Value::from(*number),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(fields) => fields.iter().map(|(name, field)| ((*name).to_owned(), field.json())).collect(),
            Self::Explained(node, _) => node.json(),
        }
    }

    pub(super) fn yaml(&self) -> String {
        let mut page = String::new();
        self.block(&mut page, 0);
        page
    }

    /// Writes fields or items on lines of their own.
    fn block(&self, page: &mut String, indent: usize) {
        match self {
            Self::Map(fields) => {
                fields.iter().for_each(|(name, field)| field.entry(page, indent, &format!("{name}:")));
            }
            Self::List(items) => items.iter().for_each(|item| item.entry(page, indent, "-")),
            _ => {}
        }
    }

    /// Writes what stands behind `name:` or the dash of an item.
    fn entry(&self, page: &mut String, indent: usize, lead: &str) {
        let (node, why) = match self {
            Self::Explained(node, why) => (&**node, format!("  # {why}")),
            node => (node, String::new()),
        };
        let pad = " ".repeat(indent);
        match node {
            // An item's first field stands beside its dash.
            Self::Map(_) if lead == "-" => {
                let at = page.len();
                node.block(page, indent + 2);
                page.replace_range(at..at + indent + 2, &format!("{pad}- "));
            }
            Self::Map(_) | Self::List(_) => {
                page.push_str(&format!("{pad}{lead}{why}\n"));
                node.block(page, indent + 2);
            }
            plain => page.push_str(&format!("{pad}{lead} {}{why}\n", plain.scalar())),
        }
    }

    /// A value on one line. JSON's form of a text is YAML's too; plain words go without quotes.
    fn scalar(&self) -> String {
        match self {
            Self::Text(text) if is_plain(text) => text.clone(),
            node => node.json().to_string(),
        }
    }
}

/// Whether a text can stand in YAML without quotes and be read as a text: letters first, nothing that means something.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let colons_inside = |text: &str| text.split(':').all(|part| part.starts_with(word));
    let named = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| word(c) || c == ':')
        && colons_inside(text)
        && !named
}
