//! Values of labels that are known only when the program runs.

use std::sync::{Mutex, PoisonError};

/// Names that are kept at most; those past it are all called [`OTHER`].
const NAMES_MAX: usize = 16;
const OTHER: &str = "other";

static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// A label's value for a name out of the configuration, such as the model's: kept for as long as the process lives, and so
/// only for a few of them.
pub fn label(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    if names.len() == NAMES_MAX {
        return OTHER;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.push(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_few_names_are_kept() {
        let first = label("model 0");
        for n in 0..100 {
            label(&format!("model {n}"));
        }
        assert!(std::ptr::eq(first, label("model 0")));
        assert_eq!(label("model 99"), OTHER);
    }
}
