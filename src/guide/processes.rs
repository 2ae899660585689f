//! More than one process: on a laptop, with Slurm, on several hosts; what stays the same, what fails, what it costs.
//!
//! [`Trainer::world`](crate::train::Trainer::world) is the one word: every process runs the same program, reads its data, builds the same
//! model from the same seed, and calls [`fit`](crate::train::Trainer::fit). The model is byte for byte the same for any number of processes and
//! threads.
//!
//! ```
//! use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Trainer, world::{self, World}};
//!
//! fn train(world: &(impl World + Clone + 'static)) -> retrograd::Result<Vec<f32>> {
//!     let data = synthetic::two_moons::<f32>(96, 0.1, 0)?;
//!     let mut model = Mlp::new(2).dense(8).batch_norm().relu().dropout(0.2).dense(2).build(0)?;
//!     Trainer::new(Adam::new(0.05)).epochs(2).world(world).fit(&mut model, &data)?;
//!     if world.rank() == 0 {
//!         // What a program prints and saves is rank 0's to do.
//!         println!("{}", model.summary());
//!     }
//!     Ok(model.parameter("dense1.weight")?.to_vec())
//! }
//!
//! let alone = train(&world::alone())?;
//! // Three threads that talk to each other as processes do. With the feature `mpi`, `world::mpi()?` are processes.
//! assert!(world::threads(3).run(|world| train(&world)).iter().all(|weights| weights.as_ref() == Ok(&alone)));
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # How to run it
//!
//! **A laptop.** MPI and libclang, which the crate `mpi` needs to be built: on Debian and Ubuntu
//! `apt-get install libopenmpi-dev openmpi-bin libclang-dev` (or `libmpich-dev mpich`). Then, with `retrograd = { version = "...", features =
//! ["mpi"] }`, here with the example that comes with it:
//! ```text
//! cargo build --release --example distributed --features mpi
//! mpirun -n 4 --oversubscribe target/release/examples/distributed --epochs 5 --out model.safetensors
//! ```
//! `--oversubscribe` (Open MPI) lets more processes run than there are cores; root in a container sets `OMPI_ALLOW_RUN_AS_ROOT=1` and
//! `OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1`. **More than 4 processes need more pieces**: `.pieces(8)` for up to 8. If each process says that it is
//! one of 1, it was built without `mpi`, or its launcher and its MPI do not know each other (with `srun`, see `srun --mpi=list`). Threads ([`Trainer::threads`](crate::train::Trainer::threads)) and
//! processes multiply: give each process cores of its own (`mpirun --map-by slot:PE=2` for two threads each).
//!
//! **Slurm.** The same program, started by `srun`, which knows the hosts:
//! ```text
//! #!/bin/bash
//! #SBATCH --nodes=4 --ntasks-per-node=2 --cpus-per-task=8 --time=02:00:00 --signal=INT@60
//! srun --mpi=pmix --cpus-per-task=8 --kill-on-bad-exit=1 ./train --threads 8 --pieces 8 --checkpoint run.ckpt
//! ```
//! `--signal=INT@60` asks a minute before the end what Ctrl-C asks (where the program raises a [flag](crate::train::StopFlag) then): all processes end
//! after the same batch, and the run goes on from its [checkpoint](crate::train::Checkpoint) in the next job, with any number of processes.
//! (Not tried on a cluster: there was none. Options are Slurm's own, as of its manual.)
//!
//! **Several hosts without Slurm.** The program and the data at the same place on each, and a file of hosts:
//! ```text
//! mpirun -n 8 --hostfile hosts ./train --pieces 8        # hosts: a line each, "node1 slots=4"
//! ```
//! All hosts must have the same instruction set for the same bits: `RETROGRAD_SIMD=avx2` holds newer ones to an older one's.
//!
//! # What stays the same
//!
//! Floating-point sums depend on the order of their additions, so each batch is cut into [pieces](crate::train::Trainer::pieces) whose number
//! does not depend on how many processes there are (4 unless set; a power of two, as many as processes at least). Each piece's gradient is
//! computed by itself, and they are added up in the order of a binary tree over pieces. A process has a whole subtree.
//! So the same model comes out of every number of processes and threads, interrupted or not, by every optimiser, with clipping,
//! schedules, accumulation, early stopping and metrics; and out of a run without a world with as many pieces.
//!
//! One piece is the setting without a world. Against it, more pieces round sums over examples otherwise and change nothing else:
//! dropout is drawn for an example by its row in the batch. Batch norms normalise each piece by its own statistics, so they do differ.
//!
//! # Data
//!
//! A process copies the rows of its pieces alone out of a batch, and where rows are read on demand
//! ([`Dataset::idx_on_demand`](crate::data::Dataset::idx_on_demand), [`Dataset::rows_of`](crate::data::Dataset::rows_of)) it reads no others. Validation is
//! shared out by blocks of 512 rows.
//!
//! # What fails
//!
//! - Settings, data or weights that differ are refused before the first step, with the rank, and what differs. Of rows that are read on
//!   demand a sample of 64 is compared, and of closures (losses, schedules, layers of your own) the names: what differs beyond that shows
//!   in the weights after the first epoch, or not at all.
//! - A process that ends by an error or panic within [`fit`](crate::train::Trainer::fit) tells those that wait for it: they end with an error
//!   that names it and why. Rank 0 then saves the checkpoint of the last batch, if there is one to be saved. What goes wrong before, as a
//!   file that one process does not find, others learn with its reason by [`agree`](crate::world::agree) or
//!   [`abandon`](crate::world::World::abandon), and without these as that the process has left. Print an error before the world is dropped:
//!   that waits for the others, whose end may be the launcher's reason to end this process, too.
//! - Ctrl-C in a terminal reaches `mpirun`, which sends its processes the signal to terminate, and kills those that have not ended
//!   after a second or so: where a batch takes longer, signal one of the processes (`kill -INT`), which ends all of them after the same batch.
//! - A process that is killed says nothing; `mpirun`, and `srun` with `--kill-on-bad-exit`, end the others and name it. What goes on is
//!   the last checkpoint: [`every_updates(1)`](crate::train::Checkpoint::every_updates) makes it that of the last update.
//! - Weights that differ after an epoch, as on a host with broken memory, are an error with the rank and the parameter.
//!
//! Maps over files ([`Map::over`](crate::Map::over)) and sweeps ([`Sweep::run_on`](crate::train::Sweep::run_on)) are shared out in the same way.
//!
//! # What it costs
//!
//! A step sends 2 (1 - 1/R) times the parameters, by 2 log2 R exchanges, where R is a power of two; otherwise up to 3 times, by two
//! messages more. With gradients of B bytes, a network of w bytes a second and a latency of a, a computing time of C for a batch on one
//! process and U for the update, which every process makes:
//!
//! step = C / R + U + 2 (1 - 1/R) B / w + 2 a log2 R
//!
//! For a network of 1024-2048-2048-2048-10 (B = 42.0 MB), 512 rows for each process (C / R = 140 ms, U = 10 ms on one core of a Zen 4), from
//! a world that counts ([`Counted`](crate::world::Counted) over [`Simulated`](crate::world::Simulated)) and this formula, with a = 30 microseconds at 10
//! Gbit/s and 5 at 100:
//!
//! | ranks | exchanges a step | MB sent by a rank | step at 10 Gbit/s | at 100 Gbit/s |
//! |---|---|---|---|---|
//! | 2 | 2 | 42.0 | 184 ms | 153 ms |
//! | 64 | 12 | 82.8 | 217 ms | 157 ms |
//! | 1,024 | 20 | 84.0 | 218 ms | 157 ms |
//!
//! ```
//! use retrograd::world::{self, Counted, Simulated};
//! let parameters = 1024 * 2048 + 2048 + 2 * (2048 * 2048 + 2048) + 2048 * 10 + 10;
//! for (ranks, exchanges, megabytes) in [(2, 2, 42.0), (64, 12, 82.8), (1024, 20, 84.0)] {
//!     // A thousandth of the parameters is measured, and what is sent grows with them.
//!     let world = Counted::new(Simulated::new(ranks / 3, ranks));
//!     world::sum(&world, &mut vec![0.0f32; parameters / 1024 * 1024 / 512], &mut [])?;
//!     assert_eq!(world.counts().messages, exchanges);
//!     assert!((512e-6 * world.counts().bytes as f64 - megabytes).abs() < 0.2);
//!     let time = |bytes_per_ms: f64, latency: f64| 140.0 + 10.0 + megabytes * 1e6 / bytes_per_ms + exchanges as f64 * latency;
//!     println!("{ranks} ranks: {:.0} ms at 10 Gbit/s, {:.0} at 100", time(1.25e6, 0.03), time(1.25e7, 0.005));
//! }
//! # Ok::<(), retrograd::Error>(())
//! ```
