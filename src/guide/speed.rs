//! When a program pays, threads, debug builds, memory.
//!
//! The README's table has the figures, and how they were taken; ratios here are from it.
//!
//! # Debug builds
//!
//! An unoptimised build of the engine is a hundred to a thousand times slower. Two lines in your `Cargo.toml` keep the engine
//! optimised while your own code stays as easy to debug:
//! ```toml
//! [profile.dev.package.retrograd]
//! opt-level = 3
//! ```
//!
//! # When a program pays
//!
//! Recording and sweeping cost some 4 nanoseconds a scalar op and a tenth of a microsecond a tensor op, and every intermediate tensor is
//! written and read. A [`Program`](crate::Program) records once: it drops what is not needed, merges what is the same, fuses elementwise ops into
//! one loop, and plans its memory.
//!
//! - **Many small ops, run many times**: a program is 5 to 7 times faster than the tape (a step of a 2-4-1 network 7 times, a tanh
//!   network of scalars 5 times).
//! - **Chains of elementwise ops on large tensors**: about 3 times.
//! - **Large matrix products**: nothing; the product is the time.
//! - **Once, or a few times**: nothing; compiling costs many recordings.
//! - **A function of a few numbers at many points**: [`Map`](crate::Map), which computes points in vector lanes, is 3 to 4 times faster than a
//!   program of all of them.
//! - **More points than memory holds**: [`Map::over`](crate::Map::over) reads them in blocks, from a file
//!   ([`PointFile`](crate::data::PointFile)) or a generator, in a few megabytes a thread. `examples/map_files.rs` measures it.
//!
//! [`Trainer::fit`](crate::train::Trainer::fit) compiles its steps by itself. Printing a program lists its steps and its memory.
//! [`Options::relaxed`](crate::program::Options::relaxed) lets it reorder arithmetic, for a little more.
//!
//! # Without a program
//!
//! - Use one tape again: [`Tape::clear`](crate::Tape::clear) keeps its buffers, [`Tape::recycle`](crate::Tape::recycle) takes those of gradients back. A new
//!   tape for every step pays for fresh pages of memory each time.
//! - Methods of [`Tensor`](crate::Tensor) make a new tensor, and a tape that is thrown away; in inner loops, work on a tape or in a
//!   program. For updates in place there is [`update`](fn@crate::update).
//! - Numbers are cheaper than tensors of a few elements: a tensor op costs as much as some 25 scalar ones.
//! - One sweep gives all gradients of one value. For a few directions of many values, forward mode ([`jvp`](crate::jvp)) costs less; a
//!   product with the Hessian ([`hvp`](crate::hvp)) costs two gradients, the whole Hessian n of them.
//!
//! # Threads
//!
//! Programs, maps and training take them where they are asked for ([`Options::threads`](crate::program::Options::threads),
//! [`Trainer::threads`](crate::train::Trainer::threads)) and where a step has enough work; the results have the same bits for any number. The
//! tape itself uses one. A [`Tensor`](crate::Tensor) and [`Gradients`](crate::Gradients) go to other threads, a [`Tape`](crate::Tape) does not: give
//! each thread its own.
//!
//! # Memory
//!
//! A recorded number takes 24 bytes in f64, and 8 more for its adjoint in a sweep. Intermediate tensors stay until the tape is cleared;
//! [`Tape::bytes`](crate::Tape::bytes) says how much is in use. A program uses one piece of memory again as soon as nothing needs what is in it:
//! [`Program::memory`](crate::Program::memory).
