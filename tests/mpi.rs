//! Training by processes that MPI started: the same checks on each rank, and processes that are killed, interrupted or late.
//!
//! Started by `mpirun`, it runs the checks as one of its ranks. Started by itself (`cargo test --features mpi --test mpi`), it starts
//! `mpirun` with 1 to 4 processes of itself, and kills some of them.

use retrograd::data::{Dataset, synthetic};
use retrograd::nn::{Mlp, Model};
use retrograd::optim::Adam;
use retrograd::train::{BatchEvent, Callback, Checkpoint, Flow, History, Stop, StopFlag, Trainer};
use retrograd::world::{self, Mpi, Tree, World, share};
use retrograd::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// What a process that `mpirun` started is to do, and where.
const ROLE: &str = "RETROGRAD_MPI_ROLE";
const FOLDER: &str = "RETROGRAD_MPI_FOLDER";
const EPOCHS: u64 = 12;

fn main() -> ExitCode {
    let launched = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"].iter().any(|name| std::env::var(name).is_ok());
    let role: fn(&Mpi) -> Result<()> = match std::env::var(ROLE).as_deref() {
        Ok("train") => train_here,
        Ok("missing") => missing,
        Ok("panic") => panics,
        Ok(role) => panic!("no such role: {role}"),
        Err(_) if launched => checks,
        Err(_) => {
            drive();
            return ExitCode::SUCCESS;
        }
    };
    let world = world::mpi().expect("MPI begins");
    match role(&world) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Before the world is dropped, which waits for the others.
            eprintln!("error: {error}");
            world.abandon(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

// On each rank.

fn checks(world: &Mpi) -> Result<()> {
    messages_of_any_length_arrive_in_order(world)?;
    a_sum_has_the_bits_of_one_tree(world)?;
    a_model_has_the_bits_of_one_process(world)?;
    other_settings_are_refused(world)?;
    assert!(world::mpi().is_err(), "MPI is begun once");
    // The last: nothing is left to be said afterwards.
    who_leaves_is_named(world);
    println!("rank {} of {}: ok", world.rank(), world.size());
    Ok(())
}

fn messages_of_any_length_arrive_in_order(world: &Mpi) -> Result<()> {
    let (rank, size) = (world.rank(), world.size());
    let message =
        |from: usize, length: usize| (0..length).map(|k| (k * 31 + from * 7 + length) as u8).collect::<Vec<u8>>();
    for length in [0, 1, 100, 70_000, 5_000_000] {
        for peer in (0..size).filter(|&peer| peer != rank) {
            let mut received = vec![0; length];
            world.exchange(peer, &message(rank, length), &mut received)?;
            assert!(received == message(peer, length), "{length} bytes from {peer}");
        }
        let mut told = if rank == size - 1 { message(rank, length) } else { vec![0; length] };
        world.broadcast(size - 1, &mut told)?;
        assert!(told == message(size - 1, length), "{length} bytes told");
    }
    if size > 1 {
        // Two that do not do the same.
        if rank == 0 {
            world.send(1, &[1, 2, 3])?;
        } else if rank == 1 {
            let error = world.receive(0, &mut [0; 2]).unwrap_err().to_string();
            assert!(error.contains("2 bytes was expected from rank 0, one of 3 came"), "{error}");
        }
    }
    assert!(world.send(rank, &[]).is_err() && world.send(size, &[]).is_err());
    Ok(())
}

fn a_sum_has_the_bits_of_one_tree(world: &Mpi) -> Result<()> {
    let piece =
        |k: usize, n: usize| (0..n).map(|i| ((k * 7919 + i * 104_729) % 1009) as f32 / 99.7).collect::<Vec<_>>();
    let add = |mut left: Vec<f32>, right: Vec<f32>| {
        left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
        left
    };
    for n in [0, 1, 3, 1_000_003] {
        let tree = |pieces: std::ops::Range<usize>| {
            let mut tree = Tree::new();
            pieces.for_each(|k| tree.push(Some(piece(k, n)), add));
            tree.finish(add).unwrap()
        };
        let mut own = tree(share(8, world.rank(), world.size())?);
        world::sum(world, &mut own, &mut [])?;
        assert!(own == tree(0..8), "{n} numbers");
    }
    Ok(())
}

fn a_model_has_the_bits_of_one_process(world: &Mpi) -> Result<()> {
    let trainer = || trainer().epochs(4);
    let (mut together, mut alone) = (model(), model());
    let history = trainer().world(world).fit(&mut together, &data())?;
    let by_itself = trainer().world(&world::alone()).fit(&mut alone, &data())?;
    assert!(bits(&together) == bits(&alone), "the weights differ");
    let losses = |history: &History| history.epochs.iter().map(|record| record.loss.to_bits()).collect::<Vec<_>>();
    assert_eq!(losses(&history), losses(&by_itself));
    Ok(())
}

fn other_settings_are_refused(world: &Mpi) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let last = world.size() - 1;
    let batch = if world.rank() == last { 16 } else { 32 };
    let error = trainer().batch(batch).world(world).fit(&mut model(), &data()).unwrap_err().to_string();
    let wanted = format!("rank {last}: train: set up with batch size 16, rank 0 has 32");
    assert!(error.starts_with(&wanted), "{error}");
    Ok(())
}

fn who_leaves_is_named(world: &Mpi) {
    if world.size() == 1 {
        return;
    }
    if world.rank() == 1 {
        world.abandon("the disk is full");
        return;
    }
    let error = trainer().world(world).fit(&mut model(), &data()).unwrap_err().to_string();
    assert!(error.contains("rank 1 has left: the disk is full"), "{error}");
}

fn data() -> Dataset<f32> {
    synthetic::two_moons(160, 0.1, 5).unwrap()
}

fn model() -> Model<f32> {
    Mlp::new(2).dense(16).batch_norm().relu().dropout(0.3).dense(2).build(7).unwrap()
}

fn trainer() -> Trainer<f32> {
    Trainer::new(Adam::new(0.02)).epochs(EPOCHS).batch(16).validation(&data()).early_stopping(EPOCHS)
}

fn bits(model: &Model<f32>) -> Vec<u32> {
    model.params().iter().flat_map(|(_, param)| param.value().to_vec()).map(f32::to_bits).collect()
}

/// Trains in the folder from its checkpoint, slowly, and leaves the model there once it is done.
fn train_here(world: &Mpi) -> Result<()> {
    struct Slowly;
    impl Callback<f32> for Slowly {
        fn on_batch(&mut self, _: &BatchEvent) -> Flow {
            // Longer in all than two of the delays after which one is killed.
            std::thread::sleep(Duration::from_millis(10));
            Flow::Continue
        }
    }
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    let pid = std::process::id().to_string();
    std::fs::write(folder.join(format!("pid{}", world.rank())), pid).expect("the folder can be written");
    let mut model = model();
    let checkpoint = Checkpoint::at(folder.join("run.ckpt")).every_updates(1).resume();
    let mut trainer = trainer().checkpoint(checkpoint).callback(Slowly).stop_flag(StopFlag::on_ctrl_c()?).world(world);
    let history = trainer.fit(&mut model, &data())?;
    let interrupted = history.stop == Some(Stop::Interrupted);
    println!(
        "rank {} {} after {} epochs",
        world.rank(),
        if interrupted { "stops" } else { "ends" },
        history.epochs.len()
    );
    if world.rank() == 0 && !interrupted {
        model.save(folder.join("final.safetensors"))?;
    }
    Ok(())
}

/// Rank 1 does not find its file.
fn missing(world: &Mpi) -> Result<()> {
    if world.rank() == 1 {
        return Err(Error::io("cannot read images.idx: no such file"));
    }
    trainer().world(world).fit(&mut model(), &data()).map(drop)
}

fn panics(world: &Mpi) -> Result<()> {
    assert!(world.rank() != 1, "rank 1 panics");
    trainer().world(world).fit(&mut model(), &data()).map(drop)
}

// The process that starts them.

fn drive() {
    if Command::new("mpirun").arg("--version").output().is_err() {
        println!("mpirun is not installed: nothing was tried");
        return;
    }
    for ranks in 1..=4 {
        let done = launch(ranks, None).output().expect("mpirun starts");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{ranks} processes: {printed}{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(printed.matches(": ok").count(), ranks, "{printed}");
    }
    println!("checks on 1 to 4 processes ... ok");
    an_error_or_panic_on_one_rank_ends_all();
    println!("an error or panic on one rank ends all ... ok");
    let wanted = undisturbed();
    killed_and_resumed(&wanted);
    println!("a run whose processes are killed goes on with another number to the same bits ... ok");
    interrupted_and_resumed(&wanted);
    println!("a run that one process is asked to end goes on to the same bits ... ok");
}

fn launch(ranks: usize, role: Option<(&str, &Path)>) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--oversubscribe", "-n", &ranks.to_string()]);
    command.arg(std::env::current_exe().expect("the test's own path"));
    // Machines that build things build them as root.
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    if let Some((role, folder)) = role {
        command.env(ROLE, role).env(FOLDER, folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn an_error_or_panic_on_one_rank_ends_all() {
    for (role, reason) in [("missing", "cannot read images.idx"), ("panic", "rank 1 panics")] {
        let done = launch(3, Some((role, Path::new("")))).output().expect("mpirun starts");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(reason), "{role}: {said}");
        assert!(said.contains("rank 1 has left"), "{role}: {said}");
        let others = if role == "missing" { "left: cannot read images.idx" } else { "left: it panicked" };
        assert!(said.contains(others), "{role}: {said}");
    }
}

fn undisturbed() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(launch(1, Some(("train", folder.path()))).output().expect("mpirun starts").status.success());
    std::fs::read(folder.path().join("final.safetensors")).expect("a model")
}

fn killed_and_resumed(wanted: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let end = folder.path().join("final.safetensors");
    let mut kills = 0;
    for (ranks, victim, delay) in [(3, 2, 400), (2, 0, 300), (4, 1, 500), (1, 0, 250), (3, 1, 450), (4, 3, 350)] {
        let child = launch(ranks, Some(("train", folder.path()))).spawn().expect("mpirun starts");
        let pid = pid_of(folder.path(), victim, child.id());
        std::thread::sleep(Duration::from_millis(delay));
        let killed = signal(pid, "-KILL");
        let done = child.wait_with_output().expect("mpirun ends");
        if end.exists() {
            break;
        }
        assert!(killed, "no process {pid}");
        kills += 1;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success(), "{said}");
        // Alone, a process is what mpirun has started, and its end is all there is to say.
        assert!(said.contains(&format!("rank {victim}")) || said.contains("killed") || ranks == 1, "{said}");
    }
    assert!(kills > 1, "it ended before it was killed twice");
    while !end.exists() {
        let done = launch(2, Some(("train", folder.path()))).output().expect("mpirun starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(std::fs::read(end).expect("a model") == wanted, "after {kills} kills");
}

fn interrupted_and_resumed(wanted: &[u8]) {
    for victim in 0..3 {
        let folder = tempfile::tempdir().expect("a folder");
        let child: Child = launch(3, Some(("train", folder.path()))).spawn().expect("mpirun starts");
        let pid = pid_of(folder.path(), victim, child.id());
        std::thread::sleep(Duration::from_millis(300));
        assert!(signal(pid, "-INT"), "no process {pid}");
        let done = child.wait_with_output().expect("mpirun ends");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(said.matches("stops after").count(), 3, "{said}");
        let done = launch(2, Some(("train", folder.path()))).output().expect("mpirun starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let found = std::fs::read(folder.path().join("final.safetensors")).expect("a model");
        assert!(found == wanted, "asked by rank {victim}");
    }
}

/// The process of a rank, once it has said so: no older one's.
fn pid_of(folder: &Path, rank: usize, launcher: u32) -> u32 {
    loop {
        let said = std::fs::read_to_string(folder.join(format!("pid{rank}"))).unwrap_or_default();
        match said.parse() {
            Ok(pid) if pid > launcher && Path::new(&format!("/proc/{pid}")).exists() => return pid,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whether there was such a process.
fn signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}
