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
    fn new(id: &UserId) -> Self {
        Self { id: id.clone(), name: CompactString::default() }
    }

    fn rename(&mut self, name: Option<&str>) {
        if let Some(name) = name.filter(|name| *name != self.name) {
            self.name = name.chars().take(STORED_NAME_CHARS_MAX).collect();
        }
    }

    /// The name to speak of them by: the one last heard of, or the id where there is none.
    fn called(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }
}

/// People in the order in which they came, each with a small number that never changes, and the name last heard of.
///
/// Most sessions are of one person, who is kept where the session is.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    first: Option<Person>,
    others: Option<Box<Others>>,
}

#[derive(Clone, Debug, Default)]
struct Others {
    list: Vec<Person>,
    /// Places in the list in the order of ids: several hundred people are found as quickly as two.
    by_id: Vec<u32>,
}

impl People {
    /// Whether there are two or more.
    pub(super) const fn are_several(&self) -> bool {
        self.others.is_some()
    }

    pub(super) fn id(&self, number: u32) -> Option<&UserId> {
        self.get(number).map(|person| &person.id)
    }

    /// Who has this number, and the name last heard of, which may be empty.
    pub(super) fn person(&self, number: u32) -> Option<(&UserId, &str)> {
        self.get(number).map(|person| (&person.id, person.name.as_str()))
    }

    /// The number of `id`, and its name brought up to date when one is given. A person not known yet is added.
    pub(super) fn number(&mut self, id: &UserId, name: Option<&str>) -> u32 {
        let first = self.first.get_or_insert_with(|| Person::new(id));
        if first.id == *id {
            first.rename(name);
            return 0;
        }
        let others = self.others.get_or_insert_default();
        let place = others.place(id);
        others.list[place as usize].rename(name);
        place + 1
    }

    /// Everyone by id, with the name last heard of, which may be empty.
    pub(super) fn to_map(&self) -> BTreeMap<UserId, String> {
        self.all().map(|person| (person.id.clone(), person.name.to_string())).collect()
    }

    /// Those in the order in which they came, by the names to speak of them by.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&UserId, &str)> {
        self.all().map(|person| (&person.id, person.called()))
    }

    /// Forgets everyone whose number is not in `numbers`, and puts new numbers in place of those that are.
    pub(super) fn keep_only<'n>(&mut self, numbers: impl Iterator<Item = &'n mut u32>) {
        let before = std::mem::take(self);
        for number in numbers {
            if let Some(person) = before.get(*number) {
                *number = self.number(&person.id, Some(&person.name));
            }
        }
    }

    fn get(&self, number: u32) -> Option<&Person> {
        match number.checked_sub(1) {
            None => self.first.as_ref(),
            Some(place) => self.others.as_ref()?.list.get(place as usize),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Person> {
        self.first.iter().chain(self.others.iter().flat_map(|others| &others.list))
    }
}

impl Others {
    /// Where `id` stands in the list; added if it is not there.
    fn place(&mut self, id: &UserId) -> u32 {
        match self.by_id.binary_search_by(|place| self.list[*place as usize].id.cmp(id)) {
            Ok(at) => self.by_id[at],
            Err(at) => {
                let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
                self.list.push(Person::new(id));
                self.by_id.insert(at, place);
                place
            }
        }
    }
}
