//! A run that is killed at any moment and resumed ends with the bits of one that never stopped.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrograd::data::{Dataset, synthetic};
use retrograd::nn::{Mlp, Model};
use retrograd::optim::Adam;
use retrograd::optim::schedule::Cosine;
use retrograd::train::{Checkpoint, Execution, Flow, History, Stop, StopFlag, Trainer};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the child finds its folder; without it, the test that is the child's entry does nothing.
const FOLDER: &str = "RETROGRAD_TEST_FOLDER";
const EPOCHS: u64 = 24;

fn data() -> Dataset<f32> {
    synthetic::two_moons(120, 0.1, 5).unwrap()
}

/// Everything that has state: dropout, batch statistics, Adam, a schedule, early stopping.
fn trainer() -> Trainer<f32> {
    Trainer::new(Adam::new(0.02))
        .schedule(Cosine::new(EPOCHS))
        .epochs(EPOCHS)
        .batch(16)
        .seed(3)
        .validation(&data())
        .early_stopping(EPOCHS)
}

fn model() -> Model<f32> {
    Mlp::new(2).dense(16).batch_norm().relu().dropout(0.3).dense(2).build(7).unwrap()
}

/// Trains in the folder, from its checkpoint if it has one, and leaves the final model there. A folder named so trains eagerly.
fn train_in(folder: &Path, pause: Duration) -> History {
    let execution = if folder.ends_with("eager") { Execution::Eager } else { Execution::Program };
    let mut model = model();
    let checkpoint = Checkpoint::at(folder.join("run.ckpt")).every_updates(1).resume();
    let slow = move |_: &retrograd::train::EpochEvent<'_, f32>| {
        std::thread::sleep(pause);
        Flow::Continue
    };
    let trainer = trainer().execution(execution).checkpoint(checkpoint).on_epoch(slow);
    let history = { trainer }.fit(&mut model, &data()).unwrap();
    model.save(folder.join("final.safetensors")).unwrap();
    history
}

/// What the child process runs.
#[test]
fn child_entry() {
    if let Ok(folder) = std::env::var(FOLDER) {
        // Longer in all than three of the delays after which it is killed.
        train_in(Path::new(&folder), Duration::from_millis(40));
    }
}

/// What the child process runs that Ctrl-C is meant for: it says when it has begun, and ends by itself.
#[cfg(all(unix, feature = "interrupt"))]
#[test]
fn interrupted_child_entry() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let begun = Path::new(&folder).join("begun");
    let history = trainer()
        .checkpoint(Checkpoint::at(Path::new(&folder).join("run.ckpt")))
        .stop_flag(StopFlag::on_ctrl_c().unwrap())
        .on_epoch(move |_| {
            std::fs::write(&begun, "").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            Flow::Continue
        })
        .fit(&mut model(), &data())
        .unwrap();
    assert_eq!(history.stop, Some(Stop::Interrupted));
}

#[cfg(all(unix, feature = "interrupt"))]
#[test]
fn ctrl_c_ends_after_the_batch_with_everything_saved() {
    let (undisturbed, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train_in(undisturbed.path(), Duration::ZERO);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resume::interrupted_child_entry"])
        .env(FOLDER, stopped.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !stopped.path().join("begun").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before it began");
        std::thread::sleep(Duration::from_millis(1));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let status = child.wait().unwrap();
    assert!(status.success(), "the child did not end by itself: {status}");
    train_in(stopped.path(), Duration::ZERO);
    let read = |folder: &Path| std::fs::read(folder.join("final.safetensors")).unwrap();
    assert_eq!(read(undisturbed.path()), read(stopped.path()));
}

#[test]
fn a_run_killed_at_random_moments_ends_with_the_same_bits() {
    killed_at_random_moments("program");
}

#[test]
fn an_eager_run_killed_at_random_moments_ends_with_the_same_bits() {
    killed_at_random_moments("eager");
}

fn killed_at_random_moments(execution: &str) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [undisturbed, killed] = folders.each_ref().map(|folder| folder.path().join(execution));
    std::fs::create_dir(&undisturbed).unwrap();
    std::fs::create_dir(&killed).unwrap();
    let history = train_in(&undisturbed, Duration::ZERO);
    assert_eq!(history.stop, Some(Stop::Epochs));
    assert!(history.warnings.is_empty(), "{:?}", history.warnings);

    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut kills = 0;
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "resume::child_entry"])
            .env(FOLDER, &killed)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_millis(rng.random_range(20..250));
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() >= deadline => break None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        match status {
            Some(status) => {
                assert!(status.success(), "the child failed: {status}");
                break;
            }
            None => {
                // SIGKILL on Unix: no destructor runs, no buffer is flushed.
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
        assert!(kills < 400, "no progress after {kills} kills");
    }
    assert!(kills >= 3, "only {kills} kills: the run is too short to say anything");
    let read = |folder: &Path| std::fs::read(folder.join("final.safetensors")).unwrap();
    assert_eq!(read(&undisturbed), read(&killed), "after {kills} kills");
    // Nothing that a killed run was writing, nor its lock.
    let names = std::fs::read_dir(&killed).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["final.safetensors", "run.ckpt"]);
}

#[test]
fn a_raised_flag_ends_after_the_batch_and_the_run_goes_on_later() {
    let (undisturbed, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train_in(undisturbed.path(), Duration::ZERO);

    let flag = StopFlag::new();
    let raise = flag.clone();
    let mut model = model();
    let history = trainer()
        .checkpoint(Checkpoint::at(stopped.path().join("run.ckpt")))
        .stop_flag(flag)
        .on_epoch(move |event| {
            if event.record.epoch == 3 {
                raise.raise();
            }
            Flow::Continue
        })
        .fit(&mut model, &data())
        .unwrap();
    assert_eq!(history.stop, Some(Stop::Interrupted));
    assert_eq!(history.epochs.len(), 3, "the flag was raised after the third epoch: one batch of the fourth was done");

    let history = train_in(stopped.path(), Duration::ZERO);
    assert_eq!(history.epochs.len() as u64, EPOCHS);
    let read = |folder: &Path| std::fs::read(folder.join("final.safetensors")).unwrap();
    assert_eq!(read(undisturbed.path()), read(stopped.path()));
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_the_model_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    trainer().epochs(1).checkpoint(Checkpoint::at(&path)).fit(&mut model(), &data()).unwrap();
    let resume = |trainer: Trainer<f32>, model: &mut Model<f32>, data: &Dataset<f32>| {
        let before: Vec<_> = model.params().iter().map(|(_, p)| p.value().to_vec()).collect();
        let mut trainer = trainer.checkpoint(Checkpoint::at(&path).resume());
        let error = trainer.fit(model, data).unwrap_err().to_string();
        let after: Vec<_> = model.params().iter().map(|(_, p)| p.value().to_vec()).collect();
        assert_eq!(before, after, "the model changed");
        error
    };
    let error = resume(trainer().seed(4), &mut model(), &data());
    assert!(error.contains("a run with seed 3, this one has 4"), "{error}");
    let error = resume(trainer().batch(8), &mut model(), &data());
    assert!(error.contains("batch size 16, this one has 8"), "{error}");
    let other = synthetic::two_moons(120, 0.1, 6).unwrap();
    let error = resume(trainer(), &mut model(), &other);
    assert!(error.contains("a run with data"), "{error}");
    let mut wider = Mlp::new(2).dense(17).batch_norm().relu().dropout(0.3).dense(2).build(7).unwrap();
    let error = resume(trainer(), &mut wider, &data());
    assert!(error.contains("a run with network.dense1.units 16, this one has 17"), "{error}");

    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = resume(trainer(), &mut model(), &data());
    assert!(error.contains("differs from its checksum"), "{error}");
    std::fs::write(&path, &bytes[..last]).unwrap();
    let error = resume(trainer(), &mut model(), &data());
    assert!(error.contains("cut short"), "{error}");
}

/// Two epochs of this run, saved by version 0.1.0 and kept: later versions must go on from it.
#[test]
fn the_checkpoint_of_version_1_is_resumed() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files/run-v1.ckpt");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    std::fs::copy(kept, &path).unwrap();
    let mut model = Mlp::new(2).dense(4).tanh().dense(2).build::<f64>(3).unwrap();
    let start: Vec<f64> = model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect();
    let trainer = Trainer::new(Adam::new(0.05)).epochs(3).batch(2).seed(1);
    let history = trainer.checkpoint(Checkpoint::at(&path).resume()).fit(&mut model, &synthetic::xor::<f64>()).unwrap();
    assert_eq!(history.epochs.len(), 3);
    assert_eq!(history.epochs[0].loss, 0.767041903603445);
    let warned = history.warnings.iter().any(|warning| warning.contains("without a checksum of the whole file"));
    assert!(warned, "{:?}", history.warnings);
    let end: Vec<f64> = model.params().iter().flat_map(|(_, p)| p.value().to_vec()).collect();
    // Adam's first steps move every weight by about its rate; the optimiser's state was taken up, so the third moves on.
    assert!(start.iter().zip(&end).any(|(a, b)| (a - b).abs() > 0.1), "{start:?} {end:?}");
}
