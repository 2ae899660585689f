//! What [`Learning`] saw, as curves and as a page that can be stepped through.

use super::{Histogram, LayerState, Learning, Snapshot};
use crate::data::{Dataset, Targets};
use crate::nn::Model;
use crate::plot::{self, AxisScale, Curve, CurveOptions, Svg};
use crate::store::write_atomically;
use crate::{Element, Error, Result};
use std::fmt::Write as _;
use std::path::Path;

/// Grid points along a side of a decision boundary.
const RESOLUTION: usize = 80;
/// A histogram's width and height.
const BARS: (f64, f64) = (264.0, 84.0);

/// What the model says everywhere, for points of a plane in two or more classes.
pub(super) fn boundary<T: Element>(title: &str, model: &Model<T>, probe: &Dataset<T>) -> Result<Option<Svg>> {
    let labels: Vec<usize> = match probe.targets() {
        Targets::Labels(labels) => labels.to_vec(),
        Targets::Values(values) => {
            let bits = values.iter().map(|x| [0.0, 1.0].iter().position(|bit| x.to_f64() == *bit));
            match bits.collect() {
                Some(labels) => labels,
                None => return Ok(None),
            }
        }
    };
    if model.input_shape().dims() != [2]
        || labels.len() != probe.len()
        || model.output_shape().numel() > labels.len().max(2)
    {
        return Ok(None);
    }
    let n_classes = model.output_shape().numel().max(2);
    let names: Vec<String> = match probe.class_names() {
        names if names.len() == n_classes => names.to_vec(),
        _ => (0..n_classes).map(|class| format!("class {class}")).collect(),
    };
    plot::decision_boundary(title, probe.inputs(), &labels, &names, |points| model.predict(points), RESOLUTION)
        .map(Some)
}

impl<T: Element> Learning<T> {
    /// By epoch, for each layer: the norm of the gradient, how far its parameters moved, and for relus the share of dead units.
    /// Drawings without a curve are left out.
    ///
    /// # Errors
    /// Those of [`Learning::snapshots`].
    pub fn curves(&self) -> Result<Vec<Svg>> {
        let snapshots = self.snapshots()?;
        let drawings: [(&str, &str, AxisScale, Quantity); 3] = [
            ("Gradient by layer", "norm of the gradient", AxisScale::Log, |layer| layer.gradient),
            ("Updates by layer", "update / weights", AxisScale::Log, |layer| layer.update),
            ("Dead units by layer", "share of dead units", AxisScale::Linear, |layer| layer.dead),
        ];
        let mut svgs = Vec::new();
        for (title, label, scale, of) in drawings {
            let curves = curves_of(&snapshots, of);
            let drawable = |&(_, y): &(f64, f64)| y.is_finite() && (y > 0.0 || scale == AxisScale::Linear);
            if curves.iter().any(|(_, points)| points.iter().any(drawable)) {
                let curves: Vec<Curve> = curves.into_iter().map(|(name, points)| Curve::new(name, points)).collect();
                let options = CurveOptions { y_label: label.to_owned(), scale, ..CurveOptions::default() };
                svgs.push(plot::curves(title, &curves, &options)?);
            }
        }
        Ok(svgs)
    }

    /// One HTML file that can be stepped through, snapshot by snapshot: the decision boundary where there is one, for each layer
    /// the numbers and a histogram of its activations; below them the curves. It loads nothing; its script shows and hides.
    /// Without scripts it shows everything.
    ///
    /// # Errors
    /// Those of [`Learning::snapshots`]; nothing was seen.
    pub fn page(&self, title: &str) -> Result<String> {
        let (snapshots, curves) = (self.snapshots()?, self.curves()?);
        if snapshots.is_empty() {
            return Err(Error::argument("learning: no epoch was seen; give a clone to Trainer::callback before fit"));
        }
        let title = plot::escape(title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        let last = snapshots.len() - 1;
        let _ = writeln!(
            out,
            "<p class=\"steps\"><button id=\"play\" type=\"button\">play</button> <label for=\"step\">epoch</label> \
             <input id=\"step\" type=\"range\" min=\"0\" max=\"{last}\" value=\"{last}\"/> <output id=\"epoch\"></output></p>"
        );
        let seen = self.lock();
        for (snapshot, boundary) in snapshots.iter().zip(&seen.boundaries) {
            frame(&mut out, snapshot, boundary.as_ref());
        }
        out.push_str("<h2>Over all epochs</h2>\n<div class=\"curves\">\n");
        for svg in &curves {
            let _ = writeln!(out, "<figure>{svg}</figure>");
        }
        let _ = write!(out, "</div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
        Ok(out)
    }

    /// Writes the page, all or nothing.
    ///
    /// # Errors
    /// Those of [`Learning::page`]; the folder is missing or not writable.
    pub fn save_page(&self, title: &str, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.page(title)?.as_bytes())
    }
}

/// A number that layers may have.
type Quantity = fn(&LayerState) -> Option<f64>;

/// For each layer that has the number, its points by epoch.
fn curves_of(snapshots: &[Snapshot], of: Quantity) -> Vec<(String, Vec<(f64, f64)>)> {
    let layers = snapshots.first().map_or(&[][..], |snapshot| &snapshot.layers);
    let curve = |(at, layer): (usize, &LayerState)| {
        let point = |snapshot: &Snapshot| Some((snapshot.epoch as f64, of(snapshot.layers.get(at)?)?));
        let points: Vec<(f64, f64)> = snapshots.iter().filter_map(point).collect();
        (!points.is_empty()).then(|| (layer.name.clone(), points))
    };
    layers.iter().enumerate().filter_map(curve).collect()
}

/// One snapshot.
fn frame(out: &mut String, snapshot: &Snapshot, boundary: Option<&Svg>) {
    let epoch = snapshot.epoch;
    let _ = writeln!(
        out,
        "<section class=\"frame\" data-epoch=\"{epoch}\">\n<h2>Epoch {epoch}, loss {}</h2>",
        brief(snapshot.loss)
    );
    out.push_str("<div class=\"sides\">\n");
    if let Some(svg) = boundary {
        let _ = writeln!(out, "<figure>{svg}</figure>");
    }
    out.push_str("<table>\n<thead><tr><th>layer</th><th>gradient</th><th>update / weights</th><th>dead</th><th>activations</th></tr></thead>\n<tbody>\n");
    for layer in &snapshot.layers {
        let number = |x: Option<f64>| x.map_or(String::new(), brief);
        let dead = layer.dead.map_or(String::new(), |share| format!("{:.0} %", share * 100.0));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{dead}</td><td>{}</td></tr>",
            plot::escape(&layer.name),
            number(layer.gradient),
            number(layer.update),
            bars(&layer.activations)
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

/// A small histogram, with its bounds below it.
fn bars(histogram: &Histogram) -> String {
    let most = histogram.counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return "no finite value".to_owned();
    }
    let (width, height) = BARS;
    let (step, floor) = (width / histogram.counts.len() as f64, height - 18.0);
    let mut out = format!("<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">");
    for (i, &count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall = (floor - 2.0) * count as f64 / most as f64;
        let (x, y) = (i as f64 * step, floor - tall);
        let _ = write!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"#0072b2\"><title>{count}</title></rect>",
            step - 1.0
        );
    }
    let _ = write!(
        out,
        "<path d=\"M0 {floor}H{width}\" stroke=\"currentColor\"/><text x=\"0\" y=\"{0}\" font-size=\"12\" fill=\"currentColor\">{1}</text>\
         <text x=\"{width}\" y=\"{0}\" font-size=\"12\" text-anchor=\"end\" fill=\"currentColor\">{2}</text></svg>",
        height - 4.0,
        brief(histogram.low),
        brief(histogram.high)
    );
    out
}

/// Three significant digits.
fn brief(x: f64) -> String {
    let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x) + 0.0;
    if rounded == 0.0 || (1e-3..1e5).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 84rem; padding: 0 1rem; color: #1a1a1a; background: #fff; }
.steps { position: sticky; top: 0; background: #fff; padding: .5rem 0; display: flex; gap: .75rem; align-items: center; }
.steps input { flex: 1; }
.steps output { min-width: 4em; }
.sides, .curves { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 0; min-width: 0; }
.sides figure { flex: 1 1 26rem; max-width: 34rem; }
.curves figure { flex: 1 1 30rem; max-width: 41rem; }
figure svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child { text-align: left; }
";

const SCRIPT: &str = "
(function () {
  var frames = document.querySelectorAll('.frame'), step = document.getElementById('step');
  var epoch = document.getElementById('epoch'), play = document.getElementById('play'), timer = null;
  function show() {
    frames.forEach(function (frame, i) { frame.hidden = i !== Number(step.value); });
    epoch.textContent = frames[Number(step.value)].dataset.epoch;
  }
  function stop() { clearInterval(timer); timer = null; play.textContent = 'play'; }
  play.addEventListener('click', function () {
    if (timer) { stop(); return; }
    if (step.value === step.max) { step.value = 0; show(); }
    play.textContent = 'stop';
    timer = setInterval(function () {
      if (step.value === step.max) { stop(); return; }
      step.value = Number(step.value) + 1;
      show();
    }, 250);
  });
  step.addEventListener('input', show);
  show();
})();
";
