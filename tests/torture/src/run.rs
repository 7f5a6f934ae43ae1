//! One run: people and faults at once, then quiet, then the judge.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use chathakase::clock::SystemClock;
use chathakase_session::time::Clock;
use chathakase_sim::slack::Post;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;

use crate::{
    Options,
    faults::Done,
    judge::{Finding, Spoken, Verdict, Wrong, judge},
    people::{Ear, Pace, Scene, Talk, orders_of},
    plant::plant,
    progress::Progress,
    schedule::schedule,
    script::play,
    speech::marks,
    stage::Stage,
    table::{Report, Table},
};

/// So long nothing must happen before a run is over: longer than a lease, so that whoever wants to speak once more does so.
const QUIET: Duration = Duration::from_secs(45);
/// Said of a process that ends with an error when nothing goes wrong any more.
const AT_THE_END: &str = " at the end of the run";
/// Findings whose surroundings in their thread are printed, and how many posts these are.
const TRANSCRIPTS_MAX: usize = 6;
const POSTS_BEFORE: usize = 3;
const POSTS_AFTER: usize = 12;

pub(crate) async fn run(options: Options, seed: u64, progress: Arc<Progress>) -> anyhow::Result<Report> {
    let options = &options;
    let system = SystemClock::new();
    let mut stage = Stage::set(options, seed).await?;
    let scripts = play(seed, options.messages, options.expires_after(seed).is_some());
    let acts = schedule(seed, options.bounds(seed));
    if options.show_schedule {
        acts.iter().for_each(|act| println!("{act}"));
    }
    let scene = Scene {
        slack: stage.slack.clone(),
        clock: stage.clock.clone(),
        ear: Ear::listen(stage.slack.feed()),
        witness: stage.witness.clone(),
        pace: Pace::with(progress),
        looks_max: options.patience,
    };
    let pace = scene.pace.clone();
    let at_once = options.threads.max(1);
    let (ended, over) = oneshot::channel::<()>();
    let playing = tokio::spawn(async move {
        let scene = &scene;
        let talks = stream::iter(scripts).map(async |script| scene.play(script).await);
        let talks: Vec<Talk> = talks.buffer_unordered(at_once).collect().await;
        let _ = ended.send(());
        talks
    });
    let over = pin!(async { drop(over.await) });
    let mut done = Done::all(acts, &mut stage, &pace, over).await?;
    let talks = playing.await?;
    let mut findings = rest(&mut stage, &mut done, Duration::from_mins(options.patience.into())).await?;
    findings.extend(process_findings(&stage, &done));
    let verdict = verdict(options, &talks, findings);
    report(options, seed, stage, &talks, done, verdict, system.monotonic())
}

/// Waits until nobody has anything more to say, as long as people do for an answer; then nothing may stand that says somebody is at
/// work.
async fn rest(stage: &mut Stage, done: &mut Done, patience: Duration) -> anyhow::Result<Vec<Finding>> {
    let began = stage.clock.monotonic();
    while stage.clock.monotonic().saturating_sub(began) < patience {
        done.revive(stage).await?;
        for replica in &mut stage.replicas {
            if !replica.ready().await? {
                // It met the last of the faults, and is started again.
                stage.clock.sleep(QUIET).await;
            }
        }
        done.revive(stage).await?;
        let mut changes = stage.slack.feed();
        let calm = tokio::select! {
            _ = changes.next() => false,
            () = stage.clock.sleep(QUIET) => true,
        };
        if calm && !done.revive(stage).await? && stage.slack.unfinished().is_empty() {
            break;
        }
    }
    let stuck = stage.slack.unfinished().into_iter();
    let findings: Vec<Finding> =
        stuck.map(|what| Finding { wrong: Wrong::Stuck, thread: None, token: None, what }).collect();
    for number in 0..stage.replicas.len() {
        let ended = stage.replicas[number].end().await?;
        done.ended_by_itself(&ended, AT_THE_END, stage)?;
    }
    Ok(findings)
}

fn process(what: String) -> Finding {
    Finding { wrong: Wrong::Process, thread: None, token: None, what }
}

fn process_findings(stage: &Stage, done: &Done) -> Vec<Finding> {
    let panics = stage.replicas.iter().flat_map(|replica| replica.panics());
    let signals = done.ended.iter().filter(|status| status.contains("signal") || status.contains(AT_THE_END)).cloned();
    let complaints = stage.witness.complaints().into_iter().map(|complaint| {
        let wrong = if complaint.leak { Wrong::Leak } else { Wrong::History };
        let thread = complaint.token.map(|token| token.thread);
        Finding { wrong, thread, token: complaint.token, what: complaint.what }
    });
    let others =
        stage.complaints().into_iter().map(|what| Finding { wrong: Wrong::Leak, thread: None, token: None, what });
    panics.chain(signals).map(process).chain(complaints).chain(others).collect()
}

fn verdict(options: &Options, talks: &[Talk], mut findings: Vec<Finding>) -> Verdict {
    let mut shown: Vec<Vec<Post>> = talks.iter().map(|talk| talk.thread.posts()).collect();
    if let Some(planted) = options.plant {
        let mut statuses = Vec::new();
        let said: Vec<&[Spoken]> = talks.iter().map(|talk| talk.spoken.as_slice()).collect();
        assert!(
            plant(planted, &said, &mut shown, &mut statuses),
            "there is no place to plant {planted:?}; take more messages"
        );
        findings.extend(statuses.into_iter().map(|what| Finding {
            wrong: Wrong::Stuck,
            thread: None,
            token: None,
            what,
        }));
    }
    let mut verdict = Verdict { findings, ..Verdict::default() };
    for (talk, posts) in talks.iter().zip(&shown) {
        verdict.add(judge(talk.number, &talk.spoken, &orders_of(talk), posts));
    }
    talks.iter().filter(|talk| talk.gave_up).for_each(|talk| note_waiting_in_vain(&mut verdict, talk));
    verdict
}

/// People who left before their script was over are a finding, even if all came right after they had gone.
fn note_waiting_in_vain(verdict: &mut Verdict, talk: &Talk) {
    let known = verdict.findings.iter().any(|finding| finding.thread == Some(talk.number));
    if !known {
        let token = talk.spoken.last().map(|spoken: &Spoken| spoken.mark.token);
        let what = "its people waited in vain for as long as people can; the answer came later".to_owned();
        verdict.findings.push(Finding { wrong: Wrong::Lost, thread: Some(talk.number), token, what });
    }
}

fn report(
    options: &Options,
    seed: u64,
    stage: Stage,
    talks: &[Talk],
    done: Done,
    mut verdict: Verdict,
    took: Duration,
) -> anyhow::Result<Report> {
    verdict.findings.sort_by_key(|finding| finding.wrong);
    let mut shown: BTreeMap<u32, String> = BTreeMap::new();
    for finding in &verdict.findings {
        let talk = talks.iter().find(|talk| finding.thread == Some(talk.number));
        if let Some(talk) = talk.filter(|_| shown.len() < TRANSCRIPTS_MAX) {
            shown.entry(talk.number).or_insert_with(|| transcript(talk, finding));
        }
    }
    let mut report = Report {
        seed,
        setup: options.setup(seed),
        threads: talks.len(),
        took,
        table: Table { kills: done.kills, steps: done.steps, faults: done.faults, verdict },
        transcripts: shown.into_values().collect(),
        folder: None,
    };
    if !report.table.is_clean() || options.keep {
        report.folder = Some(stage.folder.keep().display().to_string());
    }
    Ok(report)
}

/// The thread around a finding as people see it, with long texts cut.
fn transcript(talk: &Talk, finding: &Finding) -> String {
    let posts = talk.thread.posts();
    let about =
        |post: &Post| finding.token.is_some_and(|token| marks(&post.text).iter().any(|mark| mark.token == token));
    let at = posts.iter().position(about).unwrap_or(0);
    let near = &posts[at.saturating_sub(POSTS_BEFORE)..posts.len().min(at + POSTS_AFTER)];
    let line = |post: &Post| {
        let state = if post.streaming { " [streaming]" } else { "" };
        let (bytes, text) = (post.text.len(), post.text.replace('\n', " ⏎ "));
        format!("    {} {}{state} ({bytes} bytes): {text:.100}\n", post.ts, post.who)
    };
    let posts: String = near.iter().map(line).collect();
    format!("  thread {} ({}/{}):\n{posts}", talk.number, talk.thread.channel(), talk.thread.root())
}
