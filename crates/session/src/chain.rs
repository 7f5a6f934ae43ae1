//! An error with its causes, in one line.

use std::{error::Error, fmt};

/// `error` and what caused it, as one field of a log line: `the store cannot write now: disk I/O error: no space left`.
///
/// A log formatter shows an error's own sentence and leaves its causes out, and those are what an operator needs.
pub fn chain(error: &dyn Error) -> Chain<'_> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy)]
pub struct Chain<'a>(&'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let words = cause.to_string();
            // Some errors say their cause in their own sentence; once is enough.
            if !said.contains(&words) {
                write!(f, ": {words}")?;
                said = words;
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Said>>);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Said {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_ref().map(|cause| &**cause as &dyn Error)
        }
    }

    #[test]
    fn all_causes_are_said_each_once() {
        let because = |says, cause| Said(says, Some(Box::new(cause)));
        let error = because("not stored", because("not stored", because("the disk is full", Said("ENOSPC", None))));
        assert_eq!(chain(&error).to_string(), "not stored: the disk is full: ENOSPC");
        assert_eq!(chain(&because("broken: EPIPE", Said("EPIPE", None))).to_string(), "broken: EPIPE");
    }
}
