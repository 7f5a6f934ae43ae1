//! What is printed: what others need, what we need, and the bars.

use std::time::Duration;

use crate::{
    child::Role,
    people::Turn,
    stage::{End, Round},
};

/// What was measured of one process.
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    pub(crate) light: Vec<Turn>,
    pub(crate) end: End,
}

/// One line of the table. Times in milliseconds.
pub(crate) struct Row {
    who: &'static str,
    turns_per_second: f64,
    cpu_seconds_per_1000: f64,
    memory_mib: f64,
    ack: (f64, f64),
    first_text: (f64, f64),
}

const fn row(who: &'static str, per_second: f64, cpu: f64, mib: f64, ack: (f64, f64), first_text: (f64, f64)) -> Row {
    Row { who, turns_per_second: per_second, cpu_seconds_per_1000: cpu, memory_mib: mib, ack, first_text }
}

/// Measured in November 2026 with the same work on two shared cores, each against small servers of the same kind. Only ratios
/// within one run mean much.
const OTHERS: [Row; 6] = [
    row("Bolt for JavaScript 5.1, history in a Map", 287.0, 3.25, 205.0, (1.4, 16.7), (10.1, 72.0)),
    row("Bolt for JavaScript, history read from Slack", 194.0, 4.27, 210.0, (1.4, 6.4), (12.9, 28.0)),
    row("Bolt for Python 1.30 (async), history in a dict", 106.0, 8.80, 80.0, (1.4, 4.7), (17.6, 24.0)),
    row("Chat SDK 4.41, memory", 155.0, 6.10, 225.0, (1.8, 8.6), (11.0, 23.0)),
    row("Chat SDK 4.41, Redis", 173.0, 5.40, 227.0, (1.8, 7.1), (14.2, 26.0)),
    row("floor: a bare loop, one post", 4760.0, 0.08, 33.0, (0.5, 5.8), (0.9, 6.6)),
];

/// Says what is done, how busy the machine is before it begins, and how long its disk takes to keep something.
pub(crate) fn title(durable_writes: Vec<Duration>) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\nthe whole path: signed HTTP events in, streamed answers out (load average {}, {cores} cores)",
        load.join(" ")
    );
    println!(
        "{} threads at once, {} turns each, 20-word answers, the whole thread sent each time; {} rounds; then {} turns a second",
        crate::THREADS,
        crate::TURNS,
        crate::ROUNDS,
        crate::LIGHT_PER_SECOND
    );
    let (p50, p99) = percentiles(durable_writes.into_iter());
    println!("one durable write to this disk takes {p50:.2} / {p99:.2} ms\n");
    println!("{:<52} {:>8} {:>10} {:>8} {:>14} {:>14}", "", "turns/s", "CPU s per", "peak", "ack ms", "first text ms");
    println!("{:<52} {:>8} {:>10} {:>8} {:>14} {:>14}", "", "", "1,000", "MiB", "p50 / p99", "p50 / p99");
    OTHERS.iter().for_each(print);
    println!("in this run:");
}

fn print(row: &Row) {
    let Row { who, turns_per_second, cpu_seconds_per_1000, memory_mib, ack, first_text } = row;
    let pair = |(p50, p99): &(f64, f64)| format!("{p50:.1} / {p99:.1}");
    println!(
        "{who:<52} {turns_per_second:>8.0} {cpu_seconds_per_1000:>10.2} {memory_mib:>8.0} {:>14} {:>14}",
        pair(ack),
        pair(first_text)
    );
}

/// Prints what was measured, and what was checked on the way. Gives back the line with the speed of the quickest round,
/// which other work on the machine disturbed least.
pub(crate) fn show(measured: &Measured) -> Row {
    let Measured { rounds, light, end } = measured;
    let who = match end.role {
        Role::Floor => "floor: a bare loop, one post",
        Role::Assistant => "ChatHakase, SQLite",
    };
    let mut speeds: Vec<f64> = rounds.iter().map(|round| round.turns.len() as f64 / round.took.as_secs_f64()).collect();
    speeds.sort_by(f64::total_cmp);
    let turns: usize = rounds.iter().map(|round| round.turns.len()).sum();
    let per_1000 =
        |cpu: fn(&Round) -> Duration| rounds.iter().map(cpu).sum::<Duration>().as_secs_f64() * 1000.0 / turns as f64;
    let line = row(
        who,
        speeds[speeds.len() / 2],
        per_1000(|round| round.cpu),
        end.memory_peak_kib as f64 / 1024.0,
        percentiles(light.iter().map(|turn| turn.ack)),
        percentiles(light.iter().map(|turn| turn.first_text)),
    );
    print(&line);
    let all = || rounds.iter().flat_map(|round| &round.turns).chain(light);
    println!(
        "    slowest and quickest round {:.0} and {:.0} turns/s; beside it the small Slack, the model and the people took {:.2} CPU s",
        speeds[0],
        speeds[speeds.len() - 1],
        per_1000(|round| round.cpu_here)
    );
    println!(
        "    {} answers compared and right, {} streamed, {} announced by a status; the model was asked {} times",
        all().count(),
        all().filter(|turn| turn.streamed).count(),
        all().filter(|turn| turn.announced).count(),
        end.answers_asked,
    );
    Row { turns_per_second: speeds[speeds.len() - 1], ..line }
}

/// The middle one and the one that 99 of 100 are not above, in milliseconds.
fn percentiles(times: impl Iterator<Item = Duration>) -> (f64, f64) {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
    (at(50).unwrap_or_default(), at(99).unwrap_or_default())
}

/// How `ours` stands to what it has to reach: in itself, and measured by the floor of the same run, because the bars were set
/// on another machine.
pub(crate) fn bars(floor: &Row, ours: &Row) {
    let then = &OTHERS[OTHERS.len() - 1];
    println!();
    bar("turns a second, quickest round", ours.turns_per_second, TURNS_PER_SECOND_MIN, At::Least);
    bar("CPU seconds for 1,000 turns", ours.cpu_seconds_per_1000, CPU_SECONDS_MAX, At::Most);
    let (times_now, times_then) =
        (ours.cpu_seconds_per_1000 / floor.cpu_seconds_per_1000, CPU_SECONDS_MAX / then.cpu_seconds_per_1000);
    bar("  that is so many times the floor's", times_now, times_then, At::Most);
    bar("peak memory, MiB", ours.memory_mib, MEMORY_MIB_MAX, At::Most);
    bar(
        "first text, so many times the floor's (p50)",
        ours.first_text.0 / floor.first_text.0,
        FIRST_TEXT_MAX,
        At::Most,
    );
}

/// Says whether two processes on one database keep the bars, beside one.
pub(crate) fn bars_of_two(times_as_much: f64, times_the_cpu: f64) {
    bar("what two processes do, so many times one's", times_as_much, TWO_DO_MIN, At::Least);
    bar("CPU for a turn, so many times one's", times_the_cpu, TWO_COST_MAX, At::Most);
}

/// Ten times Bolt for JavaScript, in speed and in CPU time.
const TURNS_PER_SECOND_MIN: f64 = 2870.0;
const CPU_SECONDS_MAX: f64 = 0.3;
/// While no window needs exact token counts.
const MEMORY_MIB_MAX: f64 = 64.0;
/// Times the floor's, under light load.
const FIRST_TEXT_MAX: f64 = 2.0;
const TWO_DO_MIN: f64 = 1.9;
const TWO_COST_MAX: f64 = 1.2;

enum At {
    Least,
    Most,
}

fn bar(what: &str, figure: f64, bar: f64, at: At) {
    let (kept, word) = match at {
        At::Least => (figure >= bar, "at least"),
        At::Most => (figure <= bar, "at most"),
    };
    println!("  {what:<46} {figure:>8.2}  {word} {bar:<8.2} {}", if kept { "ok" } else { "MISSED" });
}
