//! What a terminal shows of what happens.

use chathakase_sim::slack::{Happening, What};

use super::{Stroke, View};
use crate::demo::look::Look;

const PLAIN: Look = Look { live: false, colour: false, width: None };
const LIVE: Look = Look { live: true, colour: false, width: Some(80) };

/// A terminal, and the small Slack before it. Threads: 1 and 2 in #general, 3 in direct messages.
struct Told {
    view: View,
    out: String,
}

impl Told {
    fn new(look: Look) -> Self {
        let mut view = View::new(look);
        view.introduce(&"U1".parse().unwrap(), "ana");
        view.introduce(&"UB".parse().unwrap(), "assistant");
        Self { view, out: String::new() }
    }

    /// `ts` names the post, `thread` its thread.
    fn happens(&mut self, thread: usize, ts: usize, who: &str, what: What) -> &mut Self {
        let place = ["", "#general", "#general", "direct messages with ana"][thread];
        let channel = ["", "C1", "C1", "D1"][thread].parse().unwrap();
        let at = |n: usize| format!("{n}.000001").parse().unwrap();
        let happening =
            Happening { channel, place: place.into(), thread: at(thread), ts: at(ts), who: who.into(), what };
        let strokes = self.view.show(&happening);
        self.draw(strokes)
    }

    fn posts(&mut self, thread: usize, ts: usize, who: &str, text: &str) -> &mut Self {
        self.happens(thread, ts, who, What::Posted { text: text.into(), streaming: false })
    }

    fn streams(&mut self, thread: usize, ts: usize, text: &str) -> &mut Self {
        self.happens(thread, ts, "assistant", What::Posted { text: text.into(), streaming: true })
    }

    fn grows(&mut self, thread: usize, ts: usize, text: &str) -> &mut Self {
        self.happens(thread, ts, "assistant", What::Grew(text.into()))
    }

    fn finishes(&mut self, thread: usize, ts: usize) -> &mut Self {
        self.happens(thread, ts, "assistant", What::Finished)
    }

    fn changes(&mut self, thread: usize, ts: usize, text: &str) -> &mut Self {
        self.happens(thread, ts, "assistant", What::Changed(text.into()))
    }

    fn status(&mut self, thread: usize, text: Option<&str>) -> &mut Self {
        self.happens(thread, thread, "assistant", What::Status(text.map(str::to_owned)))
    }

    fn draw(&mut self, strokes: Vec<Stroke>) -> &mut Self {
        for stroke in strokes {
            let (Stroke::Quick(text) | Stroke::Word(text)) = stroke;
            self.out += &text;
        }
        self
    }

    fn says(&mut self, text: &str) -> &mut Self {
        let strokes = self.view.say(text);
        self.draw(strokes)
    }

    fn prompts(&mut self) -> &mut Self {
        self.types("")
    }

    fn types(&mut self, text: &str) -> &mut Self {
        let strokes = self.view.prompt(&("ana".into(), "#general".into()), text);
        self.draw(strokes)
    }

    /// Ends a line; whether it stands there.
    fn enters(&mut self, text: &str) -> bool {
        let (strokes, stands) = self.view.entered(text);
        self.draw(strokes);
        stands
    }

    #[track_caller]
    fn shows(&self, lines: &str) {
        assert_eq!(self.out.replace("\r\x1b[2K", "⌫"), lines, "shown:\n{}", self.out);
    }
}

#[test]
fn posts_stand_under_their_thread() {
    Told::new(PLAIN)
        .posts(1, 1, "ana", "<@UB> I am Ana &amp; co")
        .streams(1, 10, "Hel")
        .grows(1, 10, "lo\nAna.")
        .finishes(1, 10)
        .posts(2, 2, "bartholomew", "hi")
        .posts(3, 3, "ana", "hi")
        .posts(1, 11, "ana", "bye")
        .says("the end")
        .shows(
            "
  #general · thread 1
  ana        @assistant I am Ana & co
  assistant  Hello
             Ana.

  #general · thread 2
  bartholomew  hi

  direct messages with ana · thread 3
  ana        hi

  #general · thread 1
  ana        bye
the end
",
        );
}

#[test]
fn what_happens_beside_a_growing_post_waits_for_its_end() {
    Told::new(PLAIN)
        .streams(1, 10, "One ")
        .streams(2, 20, "Eins ")
        .posts(1, 11, "ana", "quick")
        .grows(2, 20, "zwei ")
        .grows(1, 10, "two ")
        .finishes(1, 10)
        .grows(2, 20, "drei ")
        .finishes(2, 20)
        .says("")
        .shows(
            "
  #general · thread 1
  assistant  One two

  #general · thread 2
  assistant  Eins zwei drei

  #general · thread 1
  ana        quick

",
        );
}

#[test]
fn a_changed_post_goes_on_where_it_only_grew() {
    Told::new(PLAIN)
        .posts(1, 10, "assistant", "Hello")
        .changes(1, 10, "Hello Ana")
        .changes(1, 10, "Hello Ana.")
        .posts(1, 11, "ana", "hm")
        .changes(1, 10, "Bye.")
        .happens(1, 11, "ana", What::Deleted)
        .says("")
        .shows(
            "
  #general · thread 1
  assistant  Hello Ana.
  ana        hm
  assistant  (changed) Bye.
  ana        (deleted)

",
        );
}

#[test]
fn a_stream_that_ends_with_more_text_is_whole() {
    Told::new(PLAIN)
        .streams(1, 10, "Hel")
        .changes(1, 10, "Hello Ana")
        .posts(1, 11, "ana", "hi")
        .streams(1, 12, "A")
        .streams(2, 20, "B")
        .changes(2, 20, "B C")
        .finishes(1, 12)
        .says("")
        .shows("\n  #general · thread 1\n  assistant  Hello Ana\n  ana        hi\n  assistant  A\n\n  #general · thread 2\n  assistant  B C\n\n");
}

#[test]
fn a_status_stands_until_something_is_said_and_only_where_it_can_be_taken_back() {
    let story = |look| {
        let mut told = Told::new(look);
        told.posts(1, 1, "ana", "hi").status(1, Some("is thinking…")).streams(1, 10, "Hello ").status(1, None);
        told.status(2, Some("is thinking…")).finishes(1, 10);
        told.status(2, Some("is thinking…")).status(2, None).says("");
        told.out.replace("\r\x1b[2K", "⌫")
    };
    assert_eq!(story(PLAIN), "\n  #general · thread 1\n  ana        hi\n  assistant  Hello\n\n");
    assert_eq!(
        story(LIVE),
        "\n  #general · thread 1\n  ana        hi\n  assistant  is thinking…⌫  assistant  Hello\n\n  \
         #general · thread 2\n  assistant  is thinking…⌫\n"
    );
}

#[test]
fn what_one_person_alone_sees_says_so() {
    let whispered = What::Whispered { to: "ana".into(), text: "psst".into() };
    Told::new(PLAIN)
        .happens(1, 10, "assistant", whispered)
        .says("")
        .shows("\n  #general · thread 1\n  assistant  (only ana sees this) psst\n\n");
}

#[test]
fn at_a_prompt_what_was_typed_is_not_repeated_and_late_answers_do_not_mix_with_it() {
    let mut told = Told::new(LIVE);
    told.prompts().types("h").types("hi");
    assert!(told.enters("hi"));
    told.view.already_shown(&"C1".parse().unwrap(), "1.000001".parse().unwrap());
    told.posts(1, 1, "ana", "hi").streams(1, 10, "Hel").grows(1, 10, "lo ");
    // Typed while the answer grows: not shown within it, but behind it.
    assert!(!told.enters("and?"));
    told.posts(1, 2, "ana", "and?").grows(1, 10, "Ana. ").finishes(1, 10).prompts();
    assert!(told.view.is_prompting());
    told.types("ye").posts(2, 20, "assistant", "Late.").types("ye");
    told.shows(
        "ana in #general › ⌫ana in #general › h⌫ana in #general › hi\n  assistant  Hello Ana.\n  ana        and?\n\
         ana in #general › ⌫ana in #general › ye⌫\n  #general · thread 2\n  assistant  Late.\nana in #general › ye",
    );
}

#[test]
fn a_long_line_shows_its_end_and_stands_whole_once_it_is_said() {
    let mut told = Told::new(Look { width: Some(29), ..LIVE });
    told.prompts().types("one two three four");
    assert!(!told.enters("one two three four"));
    told.shows("ana in #general › ⌫ana in #general › three four\n");
}

#[test]
fn an_answer_goes_on_after_what_the_demo_says_meanwhile() {
    Told::new(PLAIN)
        .streams(1, 10, "One two")
        .says("A list.")
        .grows(1, 10, " three\nfour")
        .finishes(1, 10)
        .shows("\n  #general · thread 1\n  assistant  One\nA list.\n             two three\n             four\n");
}

#[test]
fn names_and_code_are_coloured() {
    let mut told = Told::new(Look { colour: true, ..LIVE });
    told.posts(1, 1, "ana", "hi").streams(1, 10, "Say `help").finishes(1, 10).says("");
    assert_eq!(
        told.out,
        "\n  \x1b[4m#general · thread 1\x1b[0m\n  \x1b[1;33mana\x1b[0m        hi\n  \x1b[1;35massistant\x1b[0m  \
         Say \x1b[36mhelp\x1b[0m\n\n"
    );
}
