//! Steps written by hand: the limit, as far as it is known. Arguments: workload.

#[cfg(target_arch = "x86_64")]
mod barrier;
#[cfg(target_arch = "x86_64")]
mod math;
#[cfg(target_arch = "x86_64")]
mod network;
#[cfg(target_arch = "x86_64")]
mod product;
#[cfg(target_arch = "x86_64")]
mod steps;

fn main() {
    #[cfg(target_arch = "x86_64")]
    steps::main();
    #[cfg(not(target_arch = "x86_64"))]
    common::unsupported("written for x86-64");
}
