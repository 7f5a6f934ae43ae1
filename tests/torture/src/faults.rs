//! Carries out the schedule.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt,
    time::Duration,
};

use chathakase_sim::slack::{Fault as Planned, Gate};

use crate::{
    database::Database,
    people,
    replica::Ended,
    schedule::{Act, Fault, Kill, Moment},
    stage::Stage,
};

/// So long a kill waits for the call that it is to meet.
const MOMENT_MAX: Duration = Duration::from_secs(30);
/// How soon a process that ended by itself is started again.
const REVIVED_AFTER: Duration = Duration::from_secs(1);

/// SIGKILL.
const KILLED: i32 = 9;

/// What was done.
#[derive(Default)]
pub(crate) struct Done {
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) kills: u64,
    /// The named steps at which processes died.
    pub(crate) steps: BTreeSet<&'static str>,
    /// Processes that ended by themselves, with their status.
    pub(crate) ended: Vec<String>,
    /// What may still go wrong with calls to come.
    planned: Vec<Planned>,
}

impl Done {
    /// Does everything in its time, until `play_is_over`; then nothing goes wrong any more.
    pub(crate) async fn all(
        acts: Vec<Act>,
        stage: &mut Stage,
        pace: &people::Pace,
        mut play_is_over: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> anyhow::Result<Self> {
        let mut done = Self::default();
        let mut over = false;
        for act in acts {
            while !over {
                tokio::select! {
                    () = pace.reached(act.after) => break,
                    () = &mut play_is_over => over = true,
                    () = stage.clock.sleep(REVIVED_AFTER) => drop(done.revive(stage).await?),
                }
            }
            done.revive(stage).await?;
            done.act(act.fault, stage, pace).await?;
        }
        while !over {
            tokio::select! {
                () = &mut play_is_over => over = true,
                () = stage.clock.sleep(REVIVED_AFTER) => drop(done.revive(stage).await?),
            }
        }
        done.planned.iter().for_each(Planned::lifted);
        Ok(done)
    }

    async fn act(&mut self, fault: Fault, stage: &mut Stage, pace: &people::Pace) -> anyhow::Result<()> {
        *self.faults.entry(fault.kind()).or_default() += 1;
        let slack = stage.slack.clone();
        match fault {
            Fault::Kill(kill) => self.kill(kill, stage, pace).await?,
            Fault::Restart { replica } => {
                // Until it is ready, a request to end may be its end.
                if !stage.replicas[replica].ready().await? {
                    return Ok(());
                }
                let ended = stage.replicas[replica].end().await?;
                stage.left(replica);
                self.ended_by_itself(&ended, " when it was asked to end", stage)?;
                stage.replicas[replica].start(0, None)?;
            }
            Fault::Pause { replica, moment, lasts } => {
                let held = Held::until(moment, stage).await;
                stage.replicas[replica].signal("STOP").await?;
                held.go();
                stage.clock.sleep(lasts).await;
                stage.replicas[replica].signal("CONT").await?;
            }
            Fault::DuplicateNext { times } => (0..times).for_each(|_| slack.duplicate_next()),
            Fault::Redeliver { back, new_id } => {
                if let Some(said) = pace.recent(back) {
                    tokio::spawn(async move {
                        if new_id {
                            slack.redeliver_under_new_ids(&said).await;
                        } else {
                            slack.redeliver(&said).await;
                        }
                    });
                }
            }
            Fault::Hold { lasts, reversed } => hold(lasts, reversed, stage),
            Fault::RateLimits { calls, secs } => self.planned.push(slack.next("*").fails_429(secs).times(calls)),
            Fault::ServerErrors { calls } => self.planned.push(slack.next("*").http(500).times(calls)),
            Fault::CutBefore { calls } => self.planned.push(slack.next("*").cut_before().times(calls)),
            Fault::CutAfter { calls } => self.planned.push(slack.next("*").cut().times(calls)),
            Fault::Hang { calls } => self.planned.push(slack.next("*").hangs().times(calls)),
            Fault::Late { method, lasts } => self.planned.push(late(method, lasts, stage)),
            Fault::DropSockets => slack.drop_sockets(),
            Fault::SilenceSockets => slack.silence_sockets(),
            Fault::Reconnect => slack.send_disconnect("refresh_requested"),
            Fault::EndStreams => slack.end_streams(),
            Fault::EndConnections => stage.store.server().into_iter().for_each(Database::ends_connections),
            Fault::CutDatabase => stage.store.server().into_iter().for_each(Database::cut),
            Fault::NoDatabase { lasts } => {
                if let Some(database) = stage.store.server() {
                    database.set_down(true);
                    stage.clock.sleep(lasts).await;
                    database.set_down(false);
                }
            }
        }
        Ok(())
    }

    async fn kill(&mut self, kill: Kill, stage: &mut Stage, pace: &people::Pace) -> anyhow::Result<()> {
        let Kill { replica, moment, power, down, clock_wrong_ms, next } = kill;
        let held = Held::until(moment, stage).await;
        let ended = stage.replicas[replica].kill().await?;
        stage.left(replica);
        match ended.filter(|ended| ended.status.signal() != Some(KILLED)) {
            Some(ended) => self.ended_by_itself(&ended, " before it was killed", stage)?,
            None => self.kills += 1,
        }
        stage.store.after(power)?;
        held.go();
        pace.killed();
        stage.clock.sleep(down).await;
        if clock_wrong_ms != 0 {
            *self.faults.entry("wall clock wrong, then set right").or_default() += 1;
        }
        stage.replicas[replica].start(clock_wrong_ms, next)
    }

    /// Starts again what ended by itself: a process that died at its step, or one that meets a broken Slack at its start, gives up, and
    /// is started again by whoever runs it. Says whether there was one.
    pub(crate) async fn revive(&mut self, stage: &mut Stage) -> anyhow::Result<bool> {
        let mut any = false;
        for number in 0..stage.replicas.len() {
            if let Some(ended) = stage.replicas[number].ended().await? {
                stage.left(number);
                self.ended_by_itself(&ended, "", stage)?;
                stage.replicas[number].start(0, None)?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Counts the death of a process that met its step; notes what else ends with an error.
    pub(crate) fn ended_by_itself(&mut self, ended: &Ended, when: &str, stage: &Stage) -> anyhow::Result<()> {
        let Some(death) = ended.death else {
            if !ended.status.success() {
                self.ended.push(format!("{}{when}", ended.status));
            }
            return Ok(());
        };
        self.kills += 1;
        self.steps.insert(death.step);
        *self.faults.entry(death.kind()).or_default() += 1;
        Ok(stage.store.after(death.power)?)
    }
}

/// Holds events back for so long.
fn hold(lasts: Duration, reversed: bool, stage: &Stage) {
    let (slack, clock) = (stage.slack.clone(), stage.clock.clone());
    slack.hold_events();
    tokio::spawn(async move {
        clock.sleep(lasts).await;
        if reversed {
            slack.release_reversed().await;
        } else {
            slack.release().await;
        }
    });
}

/// Lets the next call of a method happen so long after it was made.
fn late(method: &'static str, lasts: Duration, stage: &Stage) -> Planned {
    let (gate, clock) = (Gate::closed(), stage.clock.clone());
    let planned = stage.slack.next(method).happens_late(&gate);
    tokio::spawn(async move {
        gate.reached().await;
        clock.sleep(lasts).await;
        gate.open();
    });
    planned
}

/// A call that is held up while something happens to who made it.
struct Held {
    gate: Gate,
    planned: Option<Planned>,
}

impl Held {
    /// Waits until that moment.
    async fn until(moment: Moment, stage: &Stage) -> Self {
        let gate = Gate::closed();
        let planned = match moment {
            Moment::Now => None,
            Moment::BeforeCall(calls) => Some(stage.slack.next("*").after(calls).slow(&gate)),
            Moment::AfterCall(calls) => Some(stage.slack.next("*").after(calls).answers_late(&gate)),
        };
        if planned.is_some() {
            tokio::select! {
                () = gate.reached() => {}
                () = stage.clock.sleep(MOMENT_MAX) => {}
            }
        }
        Self { gate, planned }
    }

    /// Lets it go on.
    fn go(self) {
        self.planned.inspect(Planned::lifted);
        self.gate.open();
    }
}
