//! What a text may make is bounded before it is made: memory and time follow from the options, whatever the text says.

use retrograd::text::{CheckOptions, Module, Options, check};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn refused(text: &str) -> String {
    let options = Options { steps: 1_000_000, elements: 1 << 20, ..Options::default() };
    Module::parse(text).unwrap().run(&options).unwrap_err().to_string()
}

/// Each would take more memory than there is, or hours.
#[test]
fn lists_and_tuples_are_counted_by_what_they_hold_before_they_are_made() {
    for text in [
        "x = (1.0,)\nfor i in range(60):\n    x = x + x\n",
        "x = [1.0]\nfor i in range(60):\n    x = x + x\n",
        "x = [1.0]\nfor i in range(60):\n    x.extend(x)\n",
        "x = [1.0]\nfor i in range(30):\n    x = [x, x]\ny = np.array(x)\n",
        "x = [[1.0] * 1000] * 1000\ny = x * 100\nz = np.array(y)\n",
        "x = np.ones(1000)\ny = [[x] * 1000] * 1000\nz = np.array(y)\n",
        "x = [0.0] * 10000\nfor i in range(10000):\n    y = x.copy()\n",
        "x = (1.0,)\nfor i in range(60):\n    x = (x, x)\ny = x == x\n",
        "x = np.zeros(100000)\ny = np.concatenate([x[i:] for i in range(1000)])\n",
    ] {
        let error = refused(text);
        assert!(error.contains("the text makes more than 1048576 elements; they are bounded"), "{text}{error}");
    }
}

#[test]
fn lists_that_hold_one_another_often_are_not_written_out() {
    let text = "x = [1.0]\nfor i in range(30):\n    x = [x, x]\nz = len(x)\n";
    let scope = Module::parse(text).unwrap().run(&Options { elements: 1 << 20, ..Options::default() }).unwrap();
    assert_eq!(scope.get("z").unwrap().item(), 2.0);
}

#[test]
fn large_values_ask_for_the_stop_between_steps() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let stop = Arc::new(move || counted.fetch_add(1, Ordering::Relaxed) >= 3);
    let options = Options { stop: Some(stop), ..Options::default() };
    let text = "x = np.ones(100000)\nfor i in range(50):\n    x = x * 2.0\n";
    let error = Module::parse(text).unwrap().run(&options).unwrap_err().to_string();
    assert!(error.contains("the text takes longer than it may"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn nodes_of_a_tape_are_counted() {
    let tape = retrograd::Tape::new();
    let given = [("x".to_owned(), retrograd::Tensor::scalar(1.0))];
    let module = Module::parse("y = x\nfor i in range(10000):\n    y = y * 1.0001\n").unwrap();
    let options = Options { elements: 100_000, ..Options::default() };
    let error = module.record(&tape, &given, &options).err().unwrap().to_string();
    assert!(error.contains("more than 100000 elements"), "{error}");
    assert!(module.record(&tape, &given, &Options::default()).is_ok());
}

#[test]
fn a_check_that_is_told_to_stop_says_what_was_not_done() {
    let after = |n: usize, text: &str| {
        let asked = AtomicUsize::new(0);
        let stop = Arc::new(move || asked.fetch_add(1, Ordering::Relaxed) >= n);
        check(text, &CheckOptions { run: Options { stop: Some(stop), ..Options::default() }, loss: None })
    };
    let error = after(1, include_str!("../../examples/classics/lstm_cell_wrong_cell.py")).unwrap_err();
    assert_eq!((error.line(), error.message()), (0, "judging the backward part takes longer than it may"));
    // Here the wrong line is soon known, and what belongs there is looked for afterwards.
    let text = include_str!("../../examples/classics/columns_printed_dw1.py");
    let (soon, whole) = (after(1, text).unwrap(), after(usize::MAX, text).unwrap());
    assert_eq!((soon.verdict, soon.first_wrong_line), (whole.verdict, whole.first_wrong_line));
    assert_eq!((soon.corrected, whole.corrected.is_some()), (None, true));
    assert_eq!(soon.reason.as_deref(), Some("there was no time left to look for what belongs there"));
}

#[test]
fn letters_of_several_bytes_stand_behind_a_quote() {
    for text in ["x = load(\"\u{e9}.npy\")\n", "\"\u{fffd}", "'\u{1f600}'", "\"\"\u{e9}"] {
        // A file is not read here, and two texts side by side are no statement: errors, all of them but the third.
        let parsed = Module::parse(text).map(|module| module.run(&Options::default()).is_ok());
        assert_eq!(parsed.unwrap_or(false), text.starts_with('\''), "{text}");
    }
}
