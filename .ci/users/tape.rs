//! A few numbers on a tape.
use retrograd::Tape;
fn main() {
    let tape = Tape::new();
    let (x, w, b) = (tape.var(0.5), tape.var(-1.5), tape.var(0.2));
    let y = (x * w + b).tanh();
    let grads = y.backward();
    println!("{} {} {}", grads.item(x), grads.item(w), grads.item(b));
}
