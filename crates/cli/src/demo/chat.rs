//! `demo`: a person talks to the assistant, as whoever they choose to be.

use std::sync::atomic::Ordering::SeqCst;

use chathakase_session::time::SharedClock;
use chathakase_sim::slack::{SmallSlack, Thread};

use super::{
    input::Input,
    line::Got,
    room::{Asked, CAST, LOOK_EVERY, Room},
    script,
    seat::{Place, Seat},
    texts,
    typed::{self, Typed},
    web::Web,
};

/// Characters of a message that `/show` and `/threads` print; the rest is left out.
const SHOWN_CHARS_MAX: usize = 1_000;
const OPENING_CHARS_MAX: usize = 60;

/// A chat under way.
struct Chat<'a> {
    room: &'a mut Room,
    seat: Seat,
    /// Where the lines come from.
    input: Input,
    /// Lines are typed into the terminal that shows what happens.
    typed_here: bool,
    /// What was said and is not answered yet.
    open: Vec<Asked>,
}

/// Chats until `/quit` or the input's end. What is not answered then is answered first.
pub(crate) async fn chat(room: &mut Room, mut web: Web, typed_here: bool) -> anyhow::Result<()> {
    let look = room.screen.look();
    if room.stage.has_stand_in() {
        script::open(room).await?;
    }
    room.is_chat.store(true, SeqCst);
    room.say(&texts::how_to_talk(look)).await?;
    let seat = Seat { who: CAST[0].to_owned(), place: Place::Channel("#general".to_owned()) };
    let mut chat = Chat { room, seat, input: Input::take(typed_here), typed_here, open: Vec::new() };
    let clock = SharedClock::clone(&chat.room.clock);
    loop {
        let idle = chat.open.is_empty();
        if typed_here && idle && !chat.room.view.is_writing() && !chat.room.view.is_prompting() {
            chat.prompt_as_typed().await?;
        }
        tokio::select! {
            biased;
            // First: what happens goes on and on while somebody asks.
            id = web.pressed() => web.does(id, chat.room).await?,
            happening = chat.room.feed.next() => chat.room.show(happening).await?,
            // Typed ahead at a terminal, a line is said at once. A file's lines wait for their answers.
            got = chat.input.next(), if idle || typed_here => match got? {
                Got::Changed if chat.room.view.is_prompting() => chat.prompt_as_typed().await?,
                Got::Changed => {}
                Got::Line(line) => if !chat.does(&line).await? { break },
                Got::End => break,
            },
            () = clock.sleep(LOOK_EVERY), if !idle => chat.look_for_answers().await?,
        }
    }
    chat.room.stop().await?;
    chat.room.say(&texts::ended(look)).await
}

impl Chat<'_> {
    async fn prompt_as_typed(&mut self) -> anyhow::Result<()> {
        let typed = self.input.typed().to_owned();
        self.prompt(&typed).await
    }

    async fn prompt(&mut self, typed: &str) -> anyhow::Result<()> {
        let label = self.seat.label(self.room.view.threads());
        let strokes = self.room.view.prompt(&label, typed);
        Ok(self.room.screen.draw(strokes).await?)
    }

    async fn look_for_answers(&mut self) -> anyhow::Result<()> {
        let mut open = Vec::new();
        for asked in self.open.drain(..) {
            if !self.room.is_answered(&asked).await? {
                open.push(asked);
            }
        }
        self.open = open;
        Ok(())
    }

    /// Does what a line asks for; false when it ends the chat.
    async fn does(&mut self, line: &str) -> anyhow::Result<bool> {
        let mut stands = false;
        if self.typed_here {
            // As it ended: what is typed fast, or pasted, is not drawn key by key.
            if self.room.view.is_prompting() {
                self.prompt(line).await?;
            }
            let (strokes, as_typed) = self.room.view.entered(line);
            stands = as_typed;
            self.room.screen.draw(strokes).await?;
        }
        match typed::read(line) {
            Typed::Nothing => {}
            Typed::Say(text) => self.says(&text, stands).await?,
            Typed::As(who) => {
                self.room.introduce(&who);
                self.seat.taken_by(who, self.room.view.threads());
            }
            Typed::In(channel) => self.goes_to(channel).await?,
            Typed::Dm => self.seat.place = Place::Dm,
            Typed::New => self.seat.begin_anew(self.room.view.threads()),
            Typed::Thread(number) => {
                if !self.seat.go_to(number, self.room.view.threads()) {
                    self.room.say(&texts::no_such_thread(number)).await?;
                }
            }
            Typed::Threads => self.lists_threads().await?,
            Typed::Stop => {
                if !stop_answers(&self.room.stage.slack, &self.seat.who).await {
                    self.room.say(&texts::nothing_to_stop()).await?;
                }
            }
            Typed::Restart => self.room.restart().await?,
            Typed::Show => self.shows_request().await?,
            Typed::Help => {
                let help = texts::help(self.room.screen.look());
                self.room.say(&help).await?;
            }
            Typed::Quit => return Ok(false),
            Typed::Wrong(why) => self.room.say(&format!("  {why}")).await?,
        }
        Ok(true)
    }

    async fn goes_to(&mut self, channel: String) -> anyhow::Result<()> {
        let known = self.room.stage.slack.eyes(&self.seat.who).map(|eyes| eyes.places()).unwrap_or_default();
        let known: Vec<String> =
            known.iter().filter(|place| !place.is_direct).map(|place| format!("#{}", place.name)).collect();
        if !known.contains(&channel) {
            self.room.say(&texts::new_channel(&channel, &known)).await?;
        }
        self.seat.place = Place::Channel(channel);
        Ok(())
    }

    /// `stands`: the text is on the screen already.
    async fn says(&mut self, text: &str, stands: bool) -> anyhow::Result<()> {
        let who = &self.seat.who;
        let asked = match &self.seat.place {
            Place::Channel(channel) => self.room.begin(who, channel, text).await,
            Place::Dm => self.room.dm(who, text).await,
            Place::Thread(number) => {
                let Some(thread) = self.thread(*number) else { return Ok(()) };
                self.room.reply(who, &thread, text).await
            }
        };
        if stands {
            self.room.view.already_shown(asked.thread.channel(), asked.ts());
        }
        // What it began gets its number when it is shown, which is due now.
        while self.room.view.threads().find(asked.thread.channel(), asked.thread.root()).is_none() {
            let happening = self.room.feed.next().await;
            self.room.show(happening).await?;
        }
        if let Some(number) = self.room.view.threads().find(asked.thread.channel(), asked.thread.root()) {
            self.seat.place = Place::Thread(number);
        }
        self.open.push(asked);
        Ok(())
    }

    fn thread(&self, number: usize) -> Option<Thread> {
        let seen = self.room.view.threads().get(number)?;
        Some(self.room.stage.slack.thread(seen.channel.as_str(), seen.root))
    }

    async fn lists_threads(&mut self) -> anyhow::Result<()> {
        let mut list = Vec::new();
        for (number, seen) in self.room.view.threads().iter() {
            let posts = self.thread(number).map(|thread| thread.posts()).unwrap_or_default();
            let opening = posts.first().map(|post| self.room.view.readable(&post.text)).unwrap_or_default();
            let here = if self.seat.place == Place::Thread(number) { "›" } else { " " };
            list.push(texts::thread(here, number, &seen.place, posts.len(), &short(&opening, OPENING_CHARS_MAX)));
        }
        let list = if list.is_empty() { texts::no_threads() } else { list.join("\n") };
        self.room.say(&list).await
    }

    async fn shows_request(&mut self) -> anyhow::Result<()> {
        let Some(request) = self.room.stage.last_request() else {
            return self.room.say(&texts::nothing_sent()).await;
        };
        self.room.say(&texts::was_sent(request.messages.len())).await?;
        for message in &request.messages {
            let strokes = self.room.view.quote(&message.role, &short(&message.content, SHOWN_CHARS_MAX));
            self.room.screen.draw(strokes).await?;
        }
        Ok(())
    }
}

/// Presses Stop wherever the assistant is at work; whether it was anywhere.
pub(crate) async fn stop_answers(slack: &SmallSlack, who: &str) -> bool {
    let busy = slack.busy_threads();
    for thread in &busy {
        thread.press_stop(who).await;
    }
    !busy.is_empty()
}

fn short(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
