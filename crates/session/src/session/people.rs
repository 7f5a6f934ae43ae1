//! Who wrote in a session.

use std::collections::BTreeMap;

use compact_str::CompactString;

use crate::UserId;

/// Longest name that is kept, in characters. Slack's own limit for a name is 80.
const STORED_NAME_CHARS_MAX: usize = 80;

#[derive(Clone, Debug)]
struct Person {
    id: UserId,
    name: CompactString,
}

impl Person {
    fn called(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }
}

/// People in the order in which they came, each with a small number that never changes, and the name last heard of.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    list: Vec<Person>,
    /// Numbers in the order of ids: several hundred people are found as quickly as two.
    by_id: Vec<u32>,
}

impl People {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn id(&self, number: u32) -> Option<&UserId> {
        self.list.get(number as usize).map(|person| &person.id)
    }

    /// Who has this number, and the name last heard of, which may be empty.
    pub(super) fn person(&self, number: u32) -> Option<(&UserId, &str)> {
        self.list.get(number as usize).map(|person| (&person.id, person.name.as_str()))
    }

    /// The number of `id`, and its name brought up to date when one is given. A person not known yet is added.
    pub(super) fn number(&mut self, id: &UserId, name: Option<&str>) -> u32 {
        let found = self.by_id.binary_search_by(|number| self.list[*number as usize].id.cmp(id));
        let number = match found {
            Ok(at) => self.by_id[at],
            Err(at) => {
                let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
                self.list.push(Person { id: id.clone(), name: CompactString::default() });
                self.by_id.insert(at, number);
                number
            }
        };
        let known = &mut self.list[number as usize].name;
        if let Some(name) = name.filter(|name| *name != known.as_str()) {
            *known = name.chars().take(STORED_NAME_CHARS_MAX).collect();
        }
        number
    }

    /// Everyone by id, with the name last heard of, which may be empty.
    pub(super) fn to_map(&self) -> BTreeMap<UserId, String> {
        self.list.iter().map(|person| (person.id.clone(), person.name.to_string())).collect()
    }

    /// Those in the order in which they came, by the names to speak of them by.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&UserId, &str)> {
        self.list.iter().map(|person| (&person.id, person.called()))
    }

    /// Forgets everyone whose number is not in `numbers`, and puts new numbers in place of those that are.
    pub(super) fn keep_only<'n>(&mut self, numbers: impl Iterator<Item = &'n mut u32>) {
        let before = std::mem::take(self);
        for number in numbers {
            if let Some(person) = before.list.get(*number as usize) {
                *number = self.number(&person.id, Some(&person.name));
            }
        }
    }
}
