//! Running a model in every way that it can go.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use loom::model::Builder;

/// Runs a model with every choice of at most `preemptions` switches of threads that need not be.
pub fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(move || {
        crate::sync::start();
        model();
    });
}

/// Runs a model for every choice of the steps before which handlers interrupt. The model returns
/// whether all of its handlers came before the interrupted code ended.
pub fn explore_steps(handlers: usize, model: impl Fn(&[usize]) -> bool + Sync + Send + 'static) {
    explore_steps_with(2, handlers, model);
}

/// The same with another number of switches of threads.
pub fn explore_steps_with(
    preemptions: usize,
    handlers: usize,
    model: impl Fn(&[usize]) -> bool + Sync + Send + 'static,
) {
    let model = Arc::new(model);
    let mut after = vec![0; handlers];
    loop {
        let all_came = Arc::new(AtomicBool::new(false));
        let (came, steps, model) = (all_came.clone(), after.clone(), model.clone());
        explore(preemptions, move || {
            came.fetch_or(model(&steps), Relaxed);
        });
        if all_came.load(Relaxed) {
            after[handlers - 1] += 1;
            continue;
        }
        // The last handler came too late; let the one before it come a step later.
        match after.iter().rposition(|&steps| steps > 0) {
            Some(last) if last > 0 => {
                after[last] = 0;
                after[last - 1] += 1;
            }
            _ => break,
        }
    }
    assert!(after[0] > 10, "a call has more steps than {}", after[0]);
}
