//! One telling of a story: processes that live one after the other, while people and Slack go on.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use chathakase_sim::slack::{Fate, Thread, Transport::Http};
use tokio::sync::Notify;

use super::{Kept, Story};
use crate::{
    patience::in_time,
    program::{Ended, Program},
    stage::Stage,
};

/// What a thread may show in the end: one of these.
pub(super) type Ending = (Thread, Vec<Vec<String>>);

/// A stage with the store that its processes share.
pub(super) struct Scene {
    pub(super) stage: Stage,
    end: Notify,
    /// Slack reaches a process, or did once: then people begin.
    is_on: AtomicBool,
}

impl Scene {
    async fn new(kept: Kept) -> Self {
        let stage = match kept {
            Kept::Sqlite => Stage::new(Http).await,
            Kept::Postgres => Stage::on_postgres(Http).await,
        };
        Self { stage, end: Notify::new(), is_on: AtomicBool::new(false) }
    }

    /// Asks the process that lives now to end in good order.
    pub(super) fn asks_it_to_end(&self) {
        self.end.notify_one();
    }

    pub(super) fn transcript(&self) -> String {
        self.stage.slack.transcript()
    }

    /// One life: until the process dies where it was told to, or is asked to end because all is told and nothing is left to be done.
    async fn life<T>(&self, place: &str, mut play: Pin<&mut impl Future<Output = T>>, told: &mut Option<T>) -> Ended {
        let mut command = self.stage.command();
        command.env("FAULT_POINT", place);
        let program = Program::start(command);
        let (mut is_found, mut is_asked) = (false, false);
        {
            let mut found = pin!(self.is_found(&program));
            loop {
                tokio::select! {
                    () = program.over() => break,
                    () = &mut found, if !is_found => is_found = true,
                    () = self.end.notified() => program.terminate().await,
                    shown = &mut play, if told.is_none() && self.is_on.load(SeqCst) => *told = Some(shown),
                    () = self.calm(&program), if told.is_some() && !is_asked => {
                        is_asked = true;
                        program.terminate().await;
                    }
                }
            }
        }
        program.ended().await
    }

    /// Lets Slack find the program and send what was not acknowledged.
    async fn is_found(&self, program: &Program) {
        let Some(address) = program.ready_unless_over().await else { return };
        self.stage.slack.deliver_to(&format!("http://{address}"));
        self.sends_again().await;
        self.is_on.store(true, SeqCst);
    }

    /// Slack sends what was not acknowledged.
    async fn sends_again(&self) {
        for (nth, event) in self.stage.slack.events().iter().enumerate() {
            if event.fate == Fate::OnItsWay {
                self.stage.slack.deliver_event(nth).await;
            }
        }
    }

    /// Ends when the program is ready, no turn is open and nothing in Slack is half said.
    async fn calm(&self, program: &Program) {
        if program.ready_unless_over().await.is_none() {
            std::future::pending::<()>().await;
        }
        let mut changes = self.stage.slack.changes();
        while !self.stage.slack.unfinished().is_empty() {
            changes.next().await;
        }
        while self.stage.open_turns() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Tells a story whose process dies at `place`; gives back what it says of where it came: that place, nothing when it did not come
/// there, or, with `*`, each place.
pub(super) async fn told(story: Story, kept: Kept, place: &str) -> Vec<String> {
    let mut scene = Scene::new(kept).await;
    story.prepares(&mut scene.stage);
    let scene = scene;
    let mut begun = Some(Vec::new());
    if story.has_a_beginning() {
        begun = None;
        let ended = in_time(scene.life("", pin!(story.begins(&scene)), &mut begun)).await.expect("it begins");
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    let mut begun = begun.unwrap();
    story.happens_unseen(&scene, &mut begun).await;
    scene.is_on.store(false, SeqCst);
    let mut play = pin!(story.goes_on(&scene, begun));
    let (mut endings, mut met) = (None, Vec::new());
    let places: Vec<&str> = story.deaths_before().iter().copied().chain([place]).collect();
    for nth in 0..10 {
        let at = places.get(nth).copied().unwrap_or_default();
        let life = in_time(scene.life(at, play.as_mut(), &mut endings)).await;
        let ended = life.unwrap_or_else(|| panic!("{story:?}, at {place}: it does not end\n{}", scene.transcript()));
        assert!(!ended.said.contains("panicked"), "{story:?}, at {place}: {}", ended.said);
        let came: Vec<&str> = ended.said.lines().filter_map(|line| line.strip_prefix("FAULT_POINT ")).collect();
        if nth + 1 == places.len() {
            met = came.iter().map(|&name| name.to_owned()).collect();
        }
        match ended.code {
            Some(0) if endings.is_some() => break,
            Some(0) => {}
            Some(code) => panic!("{story:?}, at {place}: it ended with {code}: {}", ended.said),
            None => {
                assert!(!came.is_empty(), "{story:?}, at {place}: {}", ended.said);
                scene.stage.leases_run_out();
            }
        }
    }
    let endings = endings.unwrap_or_else(|| panic!("{story:?}, at {place}: {}", scene.transcript()));
    for (thread, may_show) in endings {
        let answers = thread.answers();
        assert!(may_show.contains(&answers), "{story:?}, at {place}: {answers:?}\n{}", scene.transcript());
    }
    assert_eq!(scene.stage.slack.unfinished(), Vec::<String>::new(), "{story:?}, at {place}");
    assert_eq!(scene.stage.open_turns(), 0, "{story:?}, at {place}");
    scene.stage.openai.assert_clean();
    met
}
