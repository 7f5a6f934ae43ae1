use std::time::Duration;

use chathakase_session::{ChannelId, WorkspaceId};
use proptest::prelude::*;

use super::{Ask, Lane, Limits, Mode, Pacer, window::Window};

const STREAM: Ask = Ask { whole: false, stream: true };
const NO_STREAM: Ask = Ask { whole: false, stream: false };
const WHOLE: Ask = Ask { whole: true, stream: true };

fn team(n: usize) -> WorkspaceId {
    WorkspaceId::parse(&format!("T{n}")).unwrap()
}
fn place(n: usize) -> ChannelId {
    ChannelId::parse(&format!("C{n}")).unwrap()
}
fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn answers_take_streams_while_there_are_any_then_posts_that_are_updated_then_wait() {
    let mut pacer = Pacer::new(Limits::default());
    let ways: Vec<Result<Mode, Duration>> = (0..90).map(|n| pacer.open(&team(1), &place(n), STREAM, secs(9))).collect();
    assert!(ways[..20].iter().all(|way| *way == Ok(Mode::Stream)));
    assert!(ways[20..70].iter().all(|way| *way == Ok(Mode::PostAndUpdate)), "as many as can have their last update");
    assert!(ways[70..].iter().all(|way| *way == Err(ms(50))), "{ways:?}");
    assert_eq!(pacer.open(&team(2), &place(1), STREAM, secs(9)), Ok(Mode::Stream), "another workspace has its own");
}

#[test]
fn what_is_whole_is_one_post_and_a_busy_channel_streams_instead() {
    let mut pacer = Pacer::new(Limits::default());
    assert_eq!(pacer.open(&team(1), &place(1), WHOLE, secs(1)), Ok(Mode::SinglePost));
    assert_eq!(pacer.open(&team(1), &place(1), WHOLE, secs(1)), Ok(Mode::Stream), "sooner than a second later");
    assert_eq!(pacer.open(&team(1), &place(1), NO_STREAM, ms(1400)), Err(ms(600)));
    assert_eq!(pacer.post(&team(1), &place(1), secs(2)), Ok(()));
    assert_eq!(pacer.post(&team(1), &place(1), secs(2)), Err(secs(1)));
}

#[test]
fn every_open_stream_can_stop_at_once() {
    let mut pacer = Pacer::new(Limits::default());
    let mut open = 0;
    // Long answers: the starts of each minute come back, the stops of the open streams stay spoken for.
    for minute in 0..5 {
        let now = secs(1 + 61 * minute);
        while pacer.open(&team(1), &place(1), STREAM, now) == Ok(Mode::Stream) {
            open += 1;
        }
    }
    assert_eq!(open, 20);
    for _ in 0..open {
        assert_eq!(pacer.closing(&team(1), Lane::Stop, secs(400)), Ok(()));
        pacer.close(&team(1), Mode::Stream);
    }
    assert_ne!(pacer.closing(&team(1), Lane::Stop, secs(400)), Ok(()));
}

#[test]
fn a_single_stream_flows_and_many_share_evenly() {
    for (streams, longest) in [(1, ms(900)), (5, ms(4500)), (20, secs(18))] {
        let mut pacer = Pacer::new(Limits::default());
        for n in 0..streams {
            pacer.open(&team(1), &place(n), STREAM, secs(1)).unwrap();
        }
        // Each stream asks ten times a second for three minutes.
        let mut last = vec![secs(1); streams];
        let mut appends = vec![0; streams];
        let mut gap = Duration::ZERO;
        for now in (0..1800).map(|tenth| secs(1) + ms(100) * tenth) {
            for n in 0..streams {
                if pacer.append(&team(1), now - last[n], now).is_ok() {
                    gap = gap.max(now - last[n]);
                    last[n] = now;
                    appends[n] += 1;
                }
            }
        }
        let (least, most) = (appends.iter().min().unwrap(), appends.iter().max().unwrap());
        assert!(most - least <= 1, "{appends:?}");
        assert!(gap <= longest, "{streams} streams: {gap:?} between two appends of one");
        assert!(appends.iter().sum::<i32>() >= 210, "the budget of three minutes is used: {appends:?}");
    }
}

#[test]
fn a_429_closes_the_lane_until_slack_said_and_lowers_what_we_believe() {
    let mut pacer = Pacer::new(Limits::default());
    let (t, c) = (team(1), place(1));
    for n in 0..10 {
        pacer.open(&t, &place(n), STREAM, secs(1)).unwrap();
        pacer.close(&t, Mode::Stream);
    }
    pacer.limited(&t, &c, Lane::Start, secs(30), secs(1));
    assert_eq!(pacer.open(&t, &c, STREAM, secs(2)), Ok(Mode::PostAndUpdate));
    let streams =
        |pacer: &mut Pacer, now| (0..40).filter(|_| pacer.open(&t, &c, STREAM, now) == Ok(Mode::Stream)).count();
    assert_eq!(streams(&mut pacer, secs(70)), 9, "ten were too many");
    for _ in 0..9 {
        pacer.close(&t, Mode::Stream);
    }
    assert_eq!(streams(&mut pacer, secs(1000)), 20, "in time the full limit is tried again");
    pacer.limited(&t, &c, Lane::Post, secs(30), secs(1000));
    assert_eq!(pacer.post(&t, &c, secs(1029)), Err(secs(1)));
    assert_eq!(pacer.post(&t, &place(2), secs(1029)), Ok(()), "only that channel waits");
}

#[test]
fn a_place_without_streams_is_remembered_for_a_while() {
    let mut pacer = Pacer::new(Limits::default());
    pacer.no_streams(&team(1), Some(&place(1)), secs(1));
    assert_eq!(pacer.open(&team(1), &place(1), STREAM, secs(2)), Ok(Mode::PostAndUpdate));
    assert_eq!(pacer.open(&team(1), &place(2), STREAM, secs(2)), Ok(Mode::Stream));
    pacer.no_streams(&team(1), None, secs(3));
    assert_eq!(pacer.open(&team(1), &place(2), STREAM, secs(3)), Ok(Mode::PostAndUpdate));
    assert_eq!(pacer.open(&team(1), &place(2), STREAM, secs(3604)), Ok(Mode::Stream));
}

#[test]
fn a_share_is_that_part_of_each_budget_and_never_nothing() {
    let count = |share: f64, minutes: u64| {
        let mut pacer = Pacer::new(Limits { share, ..Limits::default() });
        let mut streams = 0;
        for now in (0..60 * minutes).map(|s| secs(1 + s)) {
            if pacer.open(&team(1), &place(1), STREAM, now) == Ok(Mode::Stream) {
                streams += 1;
                pacer.closing(&team(1), Lane::Stop, now).unwrap();
                pacer.close(&team(1), Mode::Stream);
            }
        }
        streams
    };
    assert_eq!((count(1.0, 1), count(0.5, 1), count(0.25, 1)), (20, 10, 5));
    assert_eq!(count(0.01, 12), 3, "one in five minutes");
    assert!(count(0.0, 1) <= 1 && count(f64::NAN, 1) <= 20);
}

#[test]
fn a_process_that_comes_takes_its_share_at_once_and_one_that_goes_gives_it_back_in_time() {
    let mut pacer = Pacer::new(Limits::default());
    let streams = |pacer: &mut Pacer, now| {
        let opened = (0..40).filter(|_| pacer.open(&team(1), &place(1), STREAM, now) == Ok(Mode::Stream)).count();
        (0..opened).for_each(|_| pacer.close(&team(1), Mode::Stream));
        opened
    };
    // How many live, when they are counted (seconds), and what may be streamed then.
    for (processes, at, allowed) in [(1, 1, 20), (2, 2, 0), (2, 70, 10), (4, 140, 5), (4, 140, 0), (1, 150, 0)] {
        pacer.shared_by(processes, secs(at));
        assert_eq!(streams(&mut pacer, secs(at)), allowed, "{processes} at {at}");
    }
    let grown: Vec<usize> = (1..=7).map(|minute| streams(&mut pacer, secs(150 + 61 * minute))).collect();
    assert_eq!(grown, [7, 9, 12, 15, 19, 20, 20], "what the others called lately counts still");
    // However many there are, one answer is brought.
    pacer.shared_by(100, secs(1000));
    assert_eq!(pacer.open(&team(1), &place(2), WHOLE, secs(1001)), Ok(Mode::SinglePost));
    assert_eq!(pacer.post(&team(1), &place(2), secs(1002)), Err(secs(1)));
    assert_eq!(pacer.post(&team(1), &place(2), secs(1004)), Ok(()), "three seconds apart at most");
}

#[test]
fn without_limits_only_a_429_holds_back() {
    let mut pacer = Pacer::new(Limits::unlimited());
    for _ in 0..1000 {
        assert_eq!(pacer.open(&team(1), &place(1), STREAM, secs(1)), Ok(Mode::Stream));
        assert_eq!(pacer.append(&team(1), secs(1), secs(1)), Ok(()));
        assert_eq!(pacer.closing(&team(1), Lane::Stop, secs(1)), Ok(()));
        assert_eq!(pacer.post(&team(1), &place(1), secs(1)), Ok(()));
    }
    pacer.limited(&team(1), &place(1), Lane::Stop, secs(5), secs(1));
    assert_eq!(pacer.closing(&team(1), Lane::Stop, secs(2)), Err(secs(4)));
    assert_eq!(pacer.closing(&team(1), Lane::Stop, secs(6)), Ok(()));
}

#[test]
fn who_says_nothing_is_forgotten() {
    let mut pacer = Pacer::new(Limits::default());
    for n in 0..20_000 {
        let now = secs(n as u64);
        pacer.open(&team(n), &place(n), NO_STREAM, now).unwrap();
        pacer.close(&team(n), Mode::PostAndUpdate);
    }
    let (workspaces, channels) = pacer.remembered();
    assert!(workspaces + channels <= 1024, "{workspaces} workspaces and {channels} channels");
}

proptest! {
    /// However calls come, no minute holds more of them than the limit, and whoever waits as told gets through.
    #[test]
    fn no_minute_holds_more_than_its_limit(limit in 1_u32..30, pauses in prop::collection::vec(0_u64..9_000, 1..300)) {
        let mut window = Window::new(limit, 1.0);
        let mut taken: Vec<Duration> = Vec::new();
        let mut now = secs(1);
        for pause in pauses {
            now += ms(pause);
            if let Err(wait) = window.take(now) {
                prop_assert!(wait > Duration::ZERO && wait <= ms(60_500));
                now += wait;
                prop_assert_eq!(window.take(now), Ok(()));
            }
            taken.push(now);
            let minute = taken.iter().filter(|at| **at + secs(60) > now).count();
            prop_assert!(minute <= limit as usize);
        }
    }
}
