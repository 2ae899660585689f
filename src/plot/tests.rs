//! What the drawings hold, read back as XML.

use super::axis::Axis;
use super::canvas::{shortened, text_width};
use super::colour::{WHITE, category, diverging, mix};
use super::png::{Pixels, base64};
use super::*;
use crate::{Error, Result, Tensor};
use plotters::style::RGBColor;
use roxmltree::{Document, ParsingOptions};
use std::io::Read;

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

fn count(svg: &Svg, tag: &str) -> usize {
    parsed(svg.as_str()).descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", tag))).count()
}

fn texts(svg: &Svg) -> Vec<String> {
    let document = parsed(svg.as_str());
    let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
    texts.map(|node| node.text().unwrap_or_default().trim().to_string()).collect()
}

fn says(svg: &Svg, text: &str) -> bool {
    texts(svg).iter().any(|t| t == text)
}

fn lines_of(svg: &Svg, colour: RGBColor) -> usize {
    let stroke = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    let document = parsed(svg.as_str());
    let is_line =
        |n: &roxmltree::Node<'_, '_>| n.tag_name().name() == "polyline" && n.attribute("stroke") == Some(&stroke);
    document.descendants().filter(is_line).count()
}

fn message<T>(result: Result<T>) -> String {
    result.err().map_or_else(|| "no error".to_string(), |error| error.to_string())
}

fn losses(values: &[f64]) -> Result<Svg> {
    curves("t", &[Curve::by_epoch("training", values.iter().copied())], &CurveOptions::default())
}

const HOSTILE: &str = "<script>alert(\"1\")</script> & 'é' \u{0}\u{1b}\u{ffff}\n]]>";

#[test]
fn each_metric_has_a_panel_and_an_axis_of_its_own() {
    let curve = |name: &str, size: f64| Curve::by_epoch(name, [0.8 * size, 0.9 * size, size]);
    let metrics = vec![curve("accuracy", 1.0), curve("rmse", 5000.0), curve("mae", 0.01)];
    let options = CurveOptions { metrics, metrics_label: "share".to_string(), ..CurveOptions::default() };
    let svg = curves("t", &[curve("training", 2.0)], &options).unwrap();
    assert_eq!(texts(&svg).iter().filter(|text| *text == "share").count(), 3);
    // A tick that only its own range has.
    for tick in ["0.90", "4400", "0.0090"] {
        assert!(texts(&svg).iter().any(|text| text.starts_with(tick)), "{tick}: {:?}", texts(&svg));
    }
    assert_eq!(lines_of(&svg, category(0)), 4);
}

#[test]
fn residuals_are_drawn_around_zero() {
    let svg = residuals("off", &[1.0, 2.0, 4.0], &[1.5, 1.0, 4.0]).unwrap();
    assert!(says(&svg, "actual minus predicted") && says(&svg, "predicted"));
    assert_eq!(count(&svg, "circle"), 3);
    assert_eq!(message(residuals("off", &[1.0], &[1.0, 2.0])), "residuals: 1 predictions for 2 actual values");
    assert_eq!(message(residuals("off", &[f64::NAN], &[1.0])), "residuals: no finite pair among 1");
}

#[test]
fn pixels_go_from_black_to_white() {
    let options = ImageOptions { colours: Colours::Grey, ..ImageOptions::default() };
    let rows = Tensor::from([[0.0, 0.5, 1.0, f64::NAN]]);
    let found = pixels(&images("pixels", &rows, (2, 2), &options).unwrap(), 0);
    assert_eq!(found, [[0, 0, 0], [128, 128, 128], [255, 255, 255], [0xd0, 0x20, 0x20]]);
}

#[test]
fn every_curve_is_one_line_and_is_named() {
    let curve = |name: &str, slope: f64| Curve::by_epoch(name, (0..50).map(|i| 1.0 + slope * f64::from(i)));
    let options = CurveOptions {
        metrics: vec![curve("accuracy", 0.1)],
        metrics_label: "share".to_string(),
        mark: Some((20.0, "best: epoch 20".to_string())),
        ..CurveOptions::default()
    };
    let svg = curves("Two moons", &[curve("training", 1.0), curve("validation", 2.0)], &options).unwrap();
    assert_eq!((lines_of(&svg, category(0)), lines_of(&svg, category(1))), (2, 1));
    assert_eq!(lines_of(&svg, RGBColor(0x99, 0x99, 0x99)), 2, "the mark goes through both panels");
    for text in ["Two moons", "training", "validation", "accuracy", "loss", "share", "epoch", "best: epoch 20"] {
        assert!(says(&svg, text), "{text}");
    }
}

#[test]
fn values_that_are_not_finite_leave_gaps() {
    let mut values = vec![1.0; 60];
    values[20] = f64::NAN;
    values[40] = f64::INFINITY;
    values[41] = 1e200;
    let svg = losses(&values).unwrap();
    assert_eq!(lines_of(&svg, category(0)), 3);
    // Between two gaps: a dot. The other circle is the legend's.
    let alone = losses(&[vec![1.0; 40], vec![f64::NAN, 0.5, f64::NAN]].concat()).unwrap();
    assert_eq!((lines_of(&alone, category(0)), count(&alone, "circle")), (1, 2));
}

#[test]
fn one_point_and_constants_and_extremes_are_drawn() {
    assert_eq!(count(&losses(&[0.25]).unwrap(), "circle"), 2);
    let hard: [&[f64]; 7] = [
        &[0.0, 0.0],
        &[1e5, 1e5, 1e5],
        &[-1e149, 1e149],
        &[5e-324, 1e-323],
        &[1.0, 1.0 + 1e-15],
        &[f64::MAX, 1.0, f64::MIN],
        &[1e-300, 1e100],
    ];
    for values in hard {
        let svg = losses(values).unwrap();
        assert!(!svg.as_str().contains("NaN") && !svg.as_str().contains("inf"), "{values:?}");
        assert!((4..80).contains(&texts(&svg).len()), "{values:?}: {:?}", texts(&svg));
    }
    for x in [1e17, 1e140, -3.5] {
        let svg = curves("t", &[Curve::new("c", [(x, 1.0)])], &CurveOptions::default()).unwrap();
        assert!(!svg.as_str().contains("NaN"), "{x}");
    }
}

#[test]
fn losses_over_decades_get_a_logarithmic_axis_and_the_rest_a_linear_one() {
    let falling: Vec<f64> = (0..=90).map(|i| 10f64.powf(3.0 - f64::from(i) / 10.0)).collect();
    let svg = losses(&falling).unwrap();
    for tick in ["100", "1", "0.01", "1e-4", "1e-6"] {
        assert!(says(&svg, tick), "{tick}: {:?}", texts(&svg));
    }
    let svg = losses(&[1.0, 0.5, 0.0]).unwrap();
    assert!(["0.0", "0.2", "1.0"].iter().all(|tick| says(&svg, tick)), "{:?}", texts(&svg));
    let forced = CurveOptions { scale: AxisScale::Log, ..CurveOptions::default() };
    let svg = curves("t", &[Curve::by_epoch("c", [1.0, 2.0, 0.0, 3.0, 4.0])], &forced).unwrap();
    assert_eq!(lines_of(&svg, category(0)), 2, "zero has no logarithm: a gap");
}

#[test]
fn long_curves_keep_their_extremes_and_stay_small() {
    let mut values = vec![1.0; 300_000];
    values[123_457] = 7.0;
    let svg = losses(&values).unwrap();
    assert!(svg.as_str().len() < 60_000, "{}", svg.as_str().len());
    assert!(says(&svg, "7"), "{:?}", texts(&svg));
    let document = parsed(svg.as_str());
    let blue = document.descendants().find(|n| n.attribute("stroke") == Some("#0072B2")).unwrap();
    let highest = blue.attribute("points").unwrap().split([',', ' ']).skip(1).step_by(2).flat_map(str::parse::<f64>);
    // The frame begins at 72 pixels, and its range ends 4 % of 6 above the highest value.
    assert!(highest.fold(f64::INFINITY, f64::min) < 1000.0);
}

#[test]
fn curves_say_what_is_wrong() {
    assert_eq!(message(curves("t", &[], &CurveOptions::default())), "curves: no curve to draw; give at least one");
    assert_eq!(message(losses(&[f64::NAN; 3])), "curves: none of the 3 points of \"training\" is finite");
    assert_eq!(message(losses(&[])), "curves: none of the 0 points of \"training\" is finite");
    let forced = CurveOptions { scale: AxisScale::Log, ..CurveOptions::default() };
    let error = message(curves("t", &[Curve::by_epoch("c", [-1.0, 0.0])], &forced));
    assert_eq!(error, "curves: a logarithmic axis needs a value above 0, and the largest is 0; use Scale::Linear");
}

#[test]
fn ticks_are_round_and_few() {
    for (low, high) in [(0.0, 1.0), (-3.0, 17.0), (1e-9, 5e-9), (0.0, 1e9), (123456.701, 123456.712), (0.31, 0.47)] {
        let axis = Axis::linear("", (low, high), 6);
        assert!((3..=10).contains(&axis.ticks.len()), "{low}..{high}: {:?}", axis.ticks);
        for tick in &axis.ticks {
            let read: f64 = tick.name.parse().unwrap();
            assert!((read - tick.place).abs() <= 1e-9 * high.abs(), "{tick:?} must read as where it stands");
            assert!(tick.name.len() <= 10, "{tick:?}");
        }
    }
    for (low, high) in [(5e-324, 1e-323), (0.0, 0.0), (1.0, 1.0 + 1e-15), (-1e149, 1e149)] {
        let Axis { range, ticks, .. } = Axis::linear("", (low, high), 6);
        assert!(range.0 < low && high < range.1 && range.1 - range.0 < f64::INFINITY, "{low}..{high}");
        assert!(ticks.len() >= 2 && ticks.iter().all(|t| (range.0..=range.1).contains(&t.place)), "{low}..{high}");
    }
    for last in [1.0, 2.0, 3.0, 10.0, 500.0, 12345.0] {
        let axis = Axis::whole("", (1.0, last), 10);
        assert!((1..=15).contains(&axis.ticks.len()), "{last}: {:?}", axis.ticks);
        assert!(axis.ticks.iter().all(|t| t.place.fract() == 0.0 && t.name.parse::<i64>().is_ok()), "{last}");
    }
    for (low, high) in [(0.15, 0.31), (0.03, 3.0), (1e-6, 1e3), (1e-300, 1e100), (2.0, 2.0)] {
        let axis = Axis::log("", (low, high), 8);
        assert!((2..=10).contains(&axis.ticks.len()), "{low}..{high}: {:?}", axis.ticks);
        for tick in &axis.ticks {
            assert!((tick.name.parse::<f64>().unwrap().log10() - tick.place).abs() < 1e-9, "{tick:?}");
        }
    }
}

#[test]
fn weights_are_one_picture_for_each_unit_and_rows_one_for_each_row() {
    let w = Tensor::<f32>::from_fn([6, 4], |i| i[0] as f32 - i[1] as f32);
    // Four units and the colour bar.
    let svg = weights("Units", &w, (2, 3), &ImageOptions::default()).unwrap();
    assert_eq!(count(&svg, "image"), 5);
    assert!(says(&svg, "4 images of 2 × 3") && says(&svg, "5.00") && says(&svg, "-5.00"), "{:?}", texts(&svg));
    // The same pictures from the transposed matrix.
    assert_eq!(images("Units", &w.t(), (2, 3), &ImageOptions::default()).unwrap(), svg);
    let titles = (0..4).map(|i| format!("unit {i}")).collect();
    let own = ImageOptions { titles, each_its_own_range: true, ..ImageOptions::default() };
    let svg = weights("Units", &w, (2, 3), &own).unwrap();
    assert_eq!(count(&svg, "image"), 4);
    assert!((0..4).all(|i| says(&svg, &format!("unit {i}"))));
}

#[test]
fn a_hundred_images_of_28_by_28_stay_below_half_a_megabyte() {
    let noise = |i: &[usize]| ((i[0] * 7919 + i[1] * 104_729) % 1009) as f32 / 1009.0 - 0.5;
    let svg = weights("Units", &Tensor::from_fn([784, 100], noise), (28, 28), &ImageOptions::default()).unwrap();
    assert!(svg.as_str().len() < 500_000, "{}", svg.as_str().len());
    assert_eq!(count(&svg, "image"), 101);
}

#[test]
fn constants_and_holes_in_images_are_drawn() {
    for colours in [Colours::Diverging, Colours::Sequential] {
        let options = ImageOptions { colours, ..ImageOptions::default() };
        for value in [0.0, 3.0, -3.0] {
            images("t", &Tensor::<f64>::full([1, 4], value), (2, 2), &options).unwrap();
        }
        let holes = Tensor::from([[f64::NAN, 1.0, f64::INFINITY, -1.0]]);
        images("t", &holes, (2, 2), &options).unwrap();
    }
}

#[test]
fn images_say_what_is_wrong() {
    let w = Tensor::<f64>::ones([6, 4]);
    let options = ImageOptions::default();
    assert_eq!(message(weights("t", &w, (2, 2), &options)), "weights: images of 2 x 2 have 4 values, got 6 for each");
    assert_eq!(message(images("t", &w, (3, 3), &options)), "images: images of 3 x 3 have 9 values, got 4 for each");
    let list = Tensor::<f64>::ones([6]);
    assert_eq!(message(images("t", &list, (2, 3), &options)), "images: expected a matrix, got shape [6]");
    let titled = ImageOptions { titles: vec!["one".to_string()], ..ImageOptions::default() };
    assert_eq!(message(images("t", &w, (2, 2), &titled)), "images: 1 titles for 6 images");
    let empty = Tensor::<f64>::zeros([0, 4]);
    assert_eq!(message(images("t", &empty, (2, 2), &options)), "images: no finite value among 0 images of 4 values");
    let none = Tensor::<f64>::full([1, 4], f64::NAN);
    assert_eq!(message(images("t", &none, (2, 2), &options)), "images: no finite value among 1 images of 4 values");
    assert!(message(images("t", &w, (usize::MAX, 2), &options)).contains("got 4 for each"));
}

/// The colour of every pixel of the nth picture of a drawing.
fn pixels(svg: &Svg, nth: usize) -> Vec<[u8; 3]> {
    let document = parsed(svg.as_str());
    let image = document.descendants().filter(|n| n.tag_name().name() == "image").nth(nth).unwrap();
    let file = unbase64(image.attribute("href").unwrap().strip_prefix("data:image/png;base64,").unwrap());
    assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (width, data) = (number(16), number(33));
    assert_eq!(&file[37..41], b"IDAT");
    let mut raw = Vec::new();
    flate2::read::ZlibDecoder::new(&file[41..41 + data]).read_to_end(&mut raw).unwrap();
    assert!(file.ends_with(b"IEND\xAE\x42\x60\x82"), "the check sum of an empty IEND is known");
    raw.chunks(3 * width + 1)
        .flat_map(|row| row[1..].chunks(3).map(|p| [p[0], p[1], p[2]]).collect::<Vec<_>>())
        .collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|c| *c != b'=').collect();
    let word =
        |four: &[u8]| four.iter().fold(0u32, |word, &c| word << 6 | u32::from(value(c))) << (6 * (4 - four.len()));
    letters.chunks(4).flat_map(|four| word(four).to_be_bytes()[1..four.len()].to_vec()).collect()
}

#[test]
fn base64_gives_the_vectors_of_rfc_4648() {
    let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
    for (n, expected) in vectors.into_iter().enumerate() {
        assert_eq!(base64(&b"foobar"[..n]), expected);
    }
}

#[test]
fn a_png_holds_its_pixels() {
    let colour = |x: usize, y: usize| RGBColor(x as u8, y as u8, 9);
    let uri = Pixels::from_fn(3, 2, colour).data_uri();
    let file = unbase64(uri.strip_prefix("data:image/png;base64,").unwrap());
    // Width 3, height 2, 8 bits of RGB, and zlib's check sum of exactly this header.
    assert_eq!(&file[8..29], b"\0\0\0\x0dIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0");
    assert_eq!(file[29..33], 0x1216_f14d_u32.to_be_bytes());
}

#[test]
fn weights_of_either_sign_are_red_and_blue_alike_and_zero_is_white() {
    let w = Tensor::<f64>::from([[2.0], [0.0], [-2.0], [-1.0]]);
    let svg = weights("t", &w, (2, 2), &ImageOptions::default()).unwrap();
    let found = pixels(&svg, 0);
    let expected = [1.0, 0.0, -1.0, -0.5].map(diverging).map(|c| [c.0, c.1, c.2]);
    assert_eq!(found, expected);
    assert!(found[0][0] > found[0][2] && found[2][2] > found[2][0] && found[1] == [0xF7; 3]);
}

/// The first class left of x = 0, the second right of it.
fn split(x: &Tensor<f64>) -> Result<Tensor<f64>> {
    let n = x.shape().dims()[0];
    Ok(Tensor::from_fn([n], |i| if x.row(i[0])[0] > 0.0 { 1.0 } else { 0.0 }))
}

fn corners() -> Tensor<f64> {
    Tensor::from([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
}

const SIDES: [&str; 2] = ["left", "right"];

#[test]
fn regions_have_the_colours_of_their_classes_and_points_lie_on_them() {
    let svg = decision_boundary("t", &corners(), &[0, 0, 1, 1], &SIDES, split, 8).unwrap();
    let found = pixels(&svg, 0);
    assert_eq!(found.len(), 64);
    for (i, [red, _, blue]) in found.into_iter().enumerate() {
        assert_eq!(i % 8 < 4, blue > red, "pixel {i}: the left half is blue, the right half vermilion");
    }
    // Each point has a white rim; the legend has two dots.
    assert_eq!(count(&svg, "circle"), 2 * 4 + 2);
    assert!(says(&svg, "left") && says(&svg, "right"));
}

#[test]
fn rows_of_the_picture_run_from_the_top() {
    let upper = |x: &Tensor<f64>| {
        Ok(Tensor::from_fn([x.shape().dims()[0], 1], |i| if x.row(i[0])[1] > 0.0 { 9.0 } else { -9.0 }))
    };
    let svg = decision_boundary("t", &corners(), &[0, 1, 0, 1], &SIDES, upper, 4).unwrap();
    let found = pixels(&svg, 0);
    assert!(found[..8].iter().all(|p| p[0] > p[2]) && found[8..].iter().all(|p| p[2] > p[0]));
}

#[test]
fn probabilities_and_their_logits_give_the_same_picture() {
    // Never zero at the middle of a pixel, where rounding would choose the class.
    let logit = |x: &Tensor<f64>, i: usize| 3.0 * x.row(i)[0] + x.row(i)[1] + 0.013;
    let n = |x: &Tensor<f64>| x.shape().dims()[0];
    let draw = |predict: &dyn Fn(&Tensor<f64>) -> Tensor<f64>| {
        pixels(&decision_boundary("t", &corners(), &[0, 0, 1, 1], &SIDES, |x| Ok(predict(x)), 16).unwrap(), 0)
    };
    let one = draw(&|x| Tensor::from_fn([n(x)], |i| logit(x, i[0])));
    let sigmoid = draw(&|x| Tensor::from_fn([n(x), 1], |i| 1.0 / (1.0 + (-logit(x, i[0])).exp())));
    let two = draw(&|x| Tensor::from_fn([n(x), 2], |i| if i[1] == 1 { logit(x, i[0]) } else { 0.0 }));
    let softmax = draw(&|x| {
        let second = |i: usize| 1.0 / (1.0 + (-logit(x, i)).exp());
        Tensor::from_fn([n(x), 2], |i| if i[1] == 1 { second(i[0]) } else { 1.0 - second(i[0]) })
    });
    // A colour may round to the next where a probability is not quite the same number.
    assert!(!one.is_empty() && [&sigmoid, &two, &softmax].iter().all(|other| other.len() == one.len()));
    let alike = |other: &[[u8; 3]]| one.iter().flatten().zip(other.iter().flatten()).all(|(a, b)| a.abs_diff(*b) <= 1);
    assert!(alike(&sigmoid) && alike(&two) && alike(&softmax));
    // An infinite score is a certain class.
    let certain = draw(&|x| Tensor::from_fn([n(x), 2], |i| if i[1] == 1 { f64::INFINITY } else { logit(x, i[0]) }));
    let surest = mix(WHITE, category(1), 0.52);
    assert!(certain.iter().all(|colour| colour == &[surest.0, surest.1, surest.2]));
}

#[test]
fn decision_boundaries_say_what_is_wrong() {
    let points = corners();
    let draw =
        |labels: &[usize], resolution| message(decision_boundary("t", &points, labels, &SIDES, split, resolution));
    assert_eq!(draw(&[0, 1], 8), "decision_boundary: 2 labels for 4 points");
    let expected = "decision_boundary: label 2 at row 3 is out of range for 2 classes (valid 0..=1)";
    assert_eq!(draw(&[0, 1, 0, 2], 8), expected);
    assert_eq!(draw(&[0, 1, 0, 1], 1), "decision_boundary: resolution 1 is outside 2..=2000");

    let with = |points: Tensor<f64>, labels: &[usize], names: &[&str]| {
        message(decision_boundary("t", &points, labels, names, split, 8))
    };
    let expected = "decision_boundary: points must be [n, 2], got shape [4, 3]";
    assert_eq!(with(Tensor::ones([4, 3]), &[0; 4], &SIDES), expected);
    let expected = "decision_boundary: no points; they set the range that is drawn";
    assert_eq!(with(Tensor::zeros([0, 2]), &[], &SIDES), expected);
    assert_eq!(with(corners(), &[0; 4], &["a"]), "decision_boundary: 1 class names, expected 2 or more");
    let expected = "decision_boundary: point 0 cannot be drawn: (NaN, 1.0)";
    assert_eq!(with(Tensor::from([[f64::NAN, 1.0]]), &[0], &SIDES), expected);

    let predicting = |predict: &dyn Fn(&Tensor<f64>) -> Result<Tensor<f64>>| {
        message(decision_boundary("t", &points, &[0, 0, 1, 1], &SIDES, predict, 8))
    };
    let expected = "decision_boundary: predict returned shape [64, 3], expected [64, 2], [64] or [64, 1]";
    assert_eq!(predicting(&|_| Ok(Tensor::ones([64, 3]))), expected);
    assert!(
        predicting(&|_| Ok(Tensor::full([64], f64::NAN))).starts_with("decision_boundary: predict returned NaN at (")
    );
    assert_eq!(predicting(&|_| Err(Error::custom("predict: broken"))), "predict: broken");
}

#[test]
fn a_confusion_matrix_shows_counts_and_shares_of_rows() {
    let svg = confusion_matrix("Cancer", &[vec![60, 4], vec![1, 106]], &["malignant", "benign"]).unwrap();
    for text in ["60", "4", "1", "106", "93.8 %", "6.2 %", "0.9 %", "99.1 %", "166 of 171 right: 97.08 %"] {
        assert!(says(&svg, text), "{text}: {:?}", texts(&svg));
    }
    for text in ["predicted", "actual", "malignant", "benign"] {
        assert!(says(&svg, text), "{text}");
    }
}

#[test]
fn shares_near_none_and_all_are_not_rounded_to_them() {
    let svg = confusion_matrix("t", &[vec![9999, 1], vec![0, 5]], &["a", "b"]).unwrap();
    for text in [">99.9 %", "<0.1 %", "100 %"] {
        assert!(says(&svg, text), "{text}: {:?}", texts(&svg));
    }
}

#[test]
fn twenty_six_classes_have_every_count() {
    let counts: Vec<Vec<usize>> = (0..26).map(|i| (0..26).map(|j| 1000 + 26 * i + j).collect()).collect();
    let names: Vec<String> = (0..26).map(|i| format!("a class whose name is long, number {i}")).collect();
    let svg = confusion_matrix("Letters", &counts, &names).unwrap();
    let texts = texts(&svg);
    assert!((1000..1676).all(|n| texts.contains(&n.to_string())));
    assert_eq!(texts.iter().filter(|t| t.ends_with("number 25") || t.ends_with("r 25")).count(), 2);
    let empty = confusion_matrix("t", &[vec![0, 0], vec![0, 0]], &["a", "b"]).unwrap();
    assert!(says(&empty, "no examples"));
}

#[test]
fn confusion_matrices_say_what_is_wrong() {
    let none: [&str; 0] = [];
    let expected = "confusion_matrix: no classes; counts need a row for each";
    assert_eq!(message(confusion_matrix("t", &[], &none)), expected);
    let expected = "confusion_matrix: row 1 has 1 counts, expected 2, as many as there are rows";
    assert_eq!(message(confusion_matrix("t", &[vec![1, 2], vec![3]], &["a", "b"])), expected);
    let expected = "confusion_matrix: 1 class names for 2 rows of counts";
    assert_eq!(message(confusion_matrix("t", &[vec![1, 2], vec![3, 4]], &["a"])), expected);
}

#[test]
fn regression_states_its_quality() {
    // Residuals 1, -1, 0: RMSE sqrt(2/3); spread of 1, 2, 3 is 2: R2 = 1 - 2/2.
    let svg = regression("Fit", &[2.0, 1.0, 3.0, f64::NAN], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert!(says(&svg, "R² 0.000, RMSE 0.816, 3 examples, 1 not finite left out"), "{:?}", texts(&svg));
    assert_eq!((count(&svg, "circle"), lines_of(&svg, category(1))), (3, 1));
    let constant = regression("Fit", &[2.0f32], &[2.0]).unwrap();
    assert!(says(&constant, "RMSE 0, 1 examples"), "{:?}", texts(&constant));
    assert_eq!(message(regression("t", &[1.0], &[1.0, 2.0])), "regression: 1 predictions for 2 actual values");
    assert_eq!(message(regression::<f64>("t", &[], &[])), "regression: no finite pair among 0");
}

#[test]
fn histogram_counts_every_value_once() {
    let svg = histogram("Weights", "w", &[0.0, 0.1, 0.9, 1.0, f64::NAN], 2).unwrap();
    assert!(says(&svg, "4 values, 1 not finite left out") && says(&svg, "2"), "{:?}", texts(&svg));
    let plain = |svg: &Svg| svg.as_str().matches("opacity=\"0.75\"").count();
    assert_eq!(plain(&svg), 2, "two bars");
    assert_eq!(plain(&histogram("t", "w", &[3.0f32; 9], 0).unwrap()), 1);
    assert_eq!(message(histogram::<f64>("t", "w", &[], 0)), "histogram: no finite value among 0");
}

#[test]
fn hostile_names_stay_text() {
    let curve = Curve::by_epoch(HOSTILE, [1.0, 2.0]);
    let labels = CurveOptions { x_label: HOSTILE.to_string(), y_label: HOSTILE.to_string(), ..CurveOptions::default() };
    let titles = ImageOptions { titles: vec![HOSTILE.to_string()], ..ImageOptions::default() };
    let names = [HOSTILE, HOSTILE];
    let drawings = [
        curves(HOSTILE, &[curve], &labels).unwrap(),
        images(HOSTILE, &Tensor::<f64>::ones([1, 4]), (2, 2), &titles).unwrap(),
        decision_boundary(HOSTILE, &corners(), &[0, 0, 1, 1], &names, split, 4).unwrap(),
        confusion_matrix(HOSTILE, &[vec![1, 0], vec![0, 1]], &names).unwrap(),
        regression(HOSTILE, &[1.0], &[1.0]).unwrap(),
        histogram(HOSTILE, HOSTILE, &[1.0], 1).unwrap(),
    ];
    for svg in &drawings {
        assert!(parsed(svg.as_str()).descendants().all(|n| n.tag_name().name() != "script"));
        assert!(texts(svg).iter().any(|t| t.starts_with("<script>")), "{:?}", texts(svg));
    }
}

#[test]
fn long_texts_keep_both_ends() {
    assert_eq!(shortened("short", 100.0, 12.0), "short");
    let name = shortened("a very long name that ends in 17", 100.0, 12.0);
    assert!(name.starts_with("a ver") && name.ends_with("17") && name.contains('…'), "{name}");
    assert!(text_width(&name, 12.0) <= 100.0);
    assert_eq!(shortened("", 0.0, 12.0), "");
    assert_eq!(shortened("wide", 0.0, 12.0), "w…");
}

fn report() -> Report {
    Report::new(HOSTILE)
        .warning(HOSTILE)
        .heading(HOSTILE)
        .text("first\nsecond\n\n\n<b>third</b>")
        .table(HOSTILE, [(HOSTILE, HOSTILE)])
        .rows(HOSTILE, &["layer", HOSTILE], &[vec!["dense", "48"], vec!["relu"], vec!["a", "b", "beyond"]])
        .figure(&losses(&[1.0, 0.5]).unwrap(), HOSTILE)
        .figure(&decision_boundary("t", &corners(), &[0, 0, 1, 1], &SIDES, split, 4).unwrap(), "Boundary.")
        .history(&["epoch", "loss"], &[["1", "1.0"], ["2", "5e-1"]])
}

#[test]
fn a_report_is_one_well_formed_file_that_asks_the_network_for_nothing() {
    let html = report().html();
    assert!(html.starts_with("<!DOCTYPE html>"));
    let document = parsed(&html);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(!["script", "link", "iframe", "b"].contains(&node.tag_name().name()), "{:?}", node.tag_name());
        for attribute in node.attributes() {
            assert!(!["src", "onload"].contains(&attribute.name()), "{attribute:?}");
            assert!(attribute.name() != "href" || attribute.value().starts_with("data:"), "{attribute:?}");
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
    // An address that is only a name: that of SVG's elements.
    assert_eq!(html.matches("http").count(), html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
}

#[test]
fn a_report_holds_its_parts_in_order() {
    let html = report().html();
    let places = [
        "class=\"warning\"",
        "<h2>",
        "<p>first<br/>\nsecond</p>",
        "&lt;b&gt;third",
        "class=\"pairs\"",
        "<figure>",
        "<details>",
    ]
    .map(|part| html.find(part).unwrap_or_else(|| panic!("{part} is missing")));
    assert!(places.is_sorted(), "{places:?}");
    let document = parsed(&html);
    let number = |tag: &str| document.descendants().filter(|n| n.tag_name().name() == tag).count();
    assert_eq!((number("figure"), number("table"), number("details"), number("p")), (2, 3, 1, 3));
    assert!(html.contains("<summary>History of 2 epochs</summary>"));
    // Every row has as many cells as the longest.
    let rows =
        document.descendants().filter(|n| n.has_tag_name("tr") && n.parent().is_some_and(|p| p.has_tag_name("tbody")));
    let cells: Vec<usize> = rows.map(|row| row.children().filter(roxmltree::Node::is_element).count()).collect();
    assert_eq!(cells, [3, 3, 3, 2, 2]);
    assert_eq!(html.matches("class=\"number\"").count(), 2 * 3, "epoch and loss are set to the right");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let w = Tensor::<f64>::from_fn([64, 9], |i| ((i[0] * 31 + i[1] * 17) % 23) as f64);
    let all = || {
        [
            losses(&[3.0, 2.0, 1.0]).unwrap().to_string(),
            weights("t", &w, (8, 8), &ImageOptions::default()).unwrap().to_string(),
            confusion_matrix("t", &[vec![5, 1], vec![2, 7]], &["a", "b"]).unwrap().to_string(),
            regression("t", w.row(0), w.row(1)).unwrap().to_string(),
            histogram("t", "w", w.as_slice(), 0).unwrap().to_string(),
            report().html(),
        ]
    };
    assert_eq!(all(), all());
}

#[test]
fn drawings_and_reports_are_saved_and_errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let svg = losses(&[1.0, 0.5]).unwrap();
    svg.save(folder.path().join("loss.svg")).unwrap();
    report().save(folder.path().join("report.html")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("loss.svg")).unwrap(), svg.as_str());
    assert_eq!(std::fs::read_to_string(folder.path().join("report.html")).unwrap(), report().html());
    assert!(message(svg.save(folder.path())).contains("it is a directory"));
    let missing = folder.path().join("none").join("report.html");
    assert!(message(report().save(&missing)).starts_with(&format!("cannot write {}: ", missing.display())));
}
