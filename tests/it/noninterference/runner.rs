//! Runs many sequences, in several pairs of worlds at once, and reports the first one that
//! distinguishes its worlds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::calls::Call;
use super::generator::Generator;
use super::ground::{Ground, SETUPS, Setup};
use super::report::{Figures, Finding};
use super::rng::Rng;
use super::session::{Run, Session};
use super::shrink::shrink;
use super::tools::Tool;
use super::worlds::Worlds;

/// The number of sequences that share homes, processes and a setup.
const BLOCK: u64 = 30;
/// The time limit for shrinking a failing sequence.
const SHRINKING: Duration = Duration::from_secs(60);

/// The options of a run.
#[derive(Clone)]
pub struct Options {
    pub program: PathBuf,
    pub seed: u64,
    /// The number of sequences to count.
    pub sequences: u64,
    /// Run only this sequence.
    pub only: Option<u64>,
    /// The number of pairs of worlds that run at once.
    pub pairs: usize,
    /// Members of replies that are not compared, to ignore a known difference.
    pub past: Vec<String>,
    /// Continue after a difference, and print a line for each.
    pub goes_on: bool,
    /// Print figures from time to time.
    pub progress: bool,
}

/// The data that the threads of a run share.
struct Shared {
    options: Options,
    next: AtomicU64,
    counted: AtomicU64,
    stop: AtomicBool,
    figures: Mutex<Figures>,
    findings: Mutex<Vec<Finding>>,
    started: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the sequences. Returns the figures and the findings.
pub fn run(options: &Options) -> (Figures, Vec<Finding>) {
    let shared = Shared {
        options: options.clone(),
        next: AtomicU64::new(options.only.unwrap_or(0) / BLOCK),
        counted: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        figures: Mutex::default(),
        findings: Mutex::default(),
        started: Instant::now(),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.pairs)
            .map(|_| scope.spawn(|| work(&shared)))
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                shared.stop.store(true, Ordering::Relaxed);
                std::panic::resume_unwind(panic);
            }
        }
    });
    let mut figures = shared.figures.into_inner().unwrap();
    figures.seconds = shared.started.elapsed().as_secs_f64();
    let mut findings = shared.findings.into_inner().unwrap();
    findings.sort_by_key(|finding| finding.index);
    (figures, findings)
}

fn setup_of(index: u64) -> Setup {
    SETUPS[usize::try_from(index / BLOCK).unwrap() % SETUPS.len()]
}

/// Runs blocks until enough sequences were counted.
fn work(shared: &Shared) {
    let options = &shared.options;
    let mut ground: Option<Ground> = None;
    loop {
        let block = shared.next.fetch_add(1, Ordering::Relaxed);
        let setup = setup_of(block * BLOCK);
        match &mut ground {
            None => ground = Some(Ground::new(&options.program, setup)),
            Some(ground) => ground.renew(setup),
        }
        let ground = ground.as_mut().unwrap();
        let tools = Tool::all(&ground.tools());
        for index in block * BLOCK..(block + 1) * BLOCK {
            if options.only.is_some_and(|only| only != index) {
                continue;
            }
            if shared.stop.load(Ordering::Relaxed)
                || shared.counted.load(Ordering::Relaxed) >= options.sequences
            {
                return;
            }
            one(shared, ground, &tools, index);
        }
        if options.only.is_some() {
            return;
        }
    }
}

/// The worlds of a sequence, and the generator for its calls.
fn worlds(seed: u64, index: u64) -> (Worlds, Rng) {
    let mut rng = Rng::of(seed, index);
    let worlds = Worlds::new(&mut rng, &format!("s{index}"));
    (worlds, rng)
}

fn one(shared: &Shared, ground: &mut Ground, tools: &[Tool], index: u64) {
    let options = &shared.options;
    let (worlds, rng) = worlds(options.seed, index);
    let mut generator = Generator::new(rng, tools, &worlds);
    let mut session = Session::begin(ground, &worlds, &options.past);
    while let Some(call) = generator.next() {
        let Some(step) = session.call(&call) else {
            break;
        };
        generator.learn(step);
    }
    let run = session.end();
    let mut figures = lock(&shared.figures);
    if figures.add(&run) {
        shared.counted.fetch_add(1, Ordering::Relaxed);
    }
    if options.progress && figures.sequences.is_multiple_of(1000) {
        figures.seconds = shared.started.elapsed().as_secs_f64();
        eprintln!("{}", figures.line());
    }
    drop(figures);
    if run.difference.is_none() {
        return;
    }
    if options.goes_on {
        eprintln!("{}", Finding::line(index, &run));
        ground.renew(setup_of(index));
        return;
    }
    if shared.stop.load(Ordering::Relaxed) {
        return;
    }
    match confirmed(shared, ground, worlds, &run, index) {
        Some(finding) => {
            lock(&shared.findings).push(finding);
            shared.stop.store(true, Ordering::Relaxed);
        }
        None => {
            eprintln!("not seen again: {}", Finding::line(index, &run));
            lock(&shared.figures).unconfirmed += 1;
        }
    }
    ground.renew(setup_of(index));
}

/// Runs known calls in new homes.
fn again(
    ground: &mut Ground,
    setup: Setup,
    worlds: &Worlds,
    calls: &[Call],
    past: &[String],
) -> Run {
    ground.renew(setup);
    let mut session = Session::begin(ground, worlds, past);
    for call in calls {
        if session.call(call).is_none() {
            break;
        }
    }
    session.end()
}

/// Shrinks a failing sequence. Returns nothing if it does not fail again.
fn confirmed(
    shared: &Shared,
    ground: &mut Ground,
    mut worlds: Worlds,
    run: &Run,
    index: u64,
) -> Option<Finding> {
    let (options, setup) = (&shared.options, setup_of(index));
    let kind = |run: &Run| {
        run.difference
            .as_ref()
            .map(|found| found.what.split(':').next().unwrap_or_default().to_owned())
    };
    let wanted = kind(run);
    let calls: Vec<Call> = run.steps.iter().map(|step| step.call.clone()).collect();
    if kind(&again(ground, setup, &worlds, &calls, &options.past)) != wanted {
        return None;
    }
    let mut fails =
        |calls: &[Call]| kind(&again(ground, setup, &worlds, calls, &options.past)) == wanted;
    let calls = shrink(&calls, SHRINKING, &mut fails);
    let started = Instant::now();
    let mut smaller = |candidate: Worlds, worlds: &mut Worlds| {
        let enough = started.elapsed() > SHRINKING / 2;
        if !enough && kind(&again(ground, setup, &candidate, &calls, &options.past)) == wanted {
            *worlds = candidate;
        }
    };
    for at in (0..worlds.files.len()).rev() {
        let mut candidate = worlds.clone();
        candidate.files.remove(at);
        smaller(candidate, &mut worlds);
    }
    for at in (0..worlds.stored.len()).rev() {
        let mut candidate = worlds.clone();
        candidate.stored.remove(at);
        smaller(candidate, &mut worlds);
    }
    let run = again(ground, setup, &worlds, &calls, &options.past);
    Some(Finding {
        index,
        seed: options.seed,
        setup,
        worlds,
        run,
    })
}
