//! A comparison as JSON.

use super::{Block, Comparison, Diagnosis, Hypothesis, Mistake, Right};
use crate::check::Verdict;
use crate::tensor::Tensor;
use serde_json::{Value as Json, json};

impl Comparison {
    /// The whole as JSON, for programs in any language.
    ///
    /// | key | value |
    /// |---|---|
    /// | `headline` | the first line of the text |
    /// | `verdict` | `"agrees"`, `"inconclusive"` or `"differs"`, for the whole |
    /// | `value`, `hand_value` | the function's value, and the hand-coded one or null |
    /// | `value_verdict` | whether those two are the same, `"inconclusive"` where there is one alone |
    /// | `largest` | the largest relative disagreement |
    /// | `gradients` | a map for each, in order; none where the values differ |
    /// | `diagnosis` | the map below; null where no mistake was looked for |
    /// | `timing` | `hand`, `autodiff`, and `program` or null, in seconds; null where not asked for |
    /// | `notes` | texts |
    ///
    /// A gradient has `name`, `shape`, `verdict`, `right` (`"both"`, `"autodiff"`, `"hand_coded"`, `"neither"` or
    /// `"undecided"`), `reason` or null, `max_absolute`, `max_relative` and `cosine` (null for a wrong shape), `worst` or null (`index`, `hand`,
    /// `reverse`, `forward`, `differences`), and the arrays `hand`, `reverse`, `forward` and `differences` as
    /// `{"shape": [..], "data": [..]}` in row-major order.
    ///
    /// A diagnosis has `explanations`, the simplest first, which is the order of their costs: each with `text`, `gradients` (the
    /// names of those that it explains), `shared` (whether the others would still be right with the mistake made for all),
    /// `fit` (the largest relative error left) and `mistakes`. A mistake has `kind` (as in [`Kind`](super::Kind), with
    /// underscores), `text`, `nodes` and the first of them as `node`, `op`, `scope`, `site` (`"file:line"`), `factor`, and `wrong` and `right`,
    /// the statement as it is and as it should be; null where there is none. Besides `description`, lines that describe the
    /// difference where there is no explanation, and `singles`, `pairs`, `complete` and `by_chance` as in [`Diagnosis`].
    ///
    /// JSON has no NaN: a number that was not computed is null. Hand-coded numbers that are not finite are the texts `"NaN"`,
    /// `"Infinity"` and `"-Infinity"`, as for [`Problem`](crate::check::Problem).
    ///
    /// # Examples
    /// ```
    /// use retrograd::check::Compare;
    /// let report = Compare::new(|p| p["x"].tanh().named("a").square().sum(()))
    ///     .parameter("x", [0.5, 1.0])
    ///     .hand("x", [2.0 * f64::tanh(0.5), 2.0 * f64::tanh(1.0)]) // without 1 - a^2
    ///     .run()?;
    /// let json = report.to_json();
    /// assert_eq!((&json["verdict"], &json["gradients"][0]["right"]), (&"differs".into(), &"autodiff".into()));
    /// assert_eq!(json["diagnosis"]["explanations"][0]["mistakes"][0]["node"], "a");
    /// println!("{json:#}");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn to_json(&self) -> Json {
        let seconds = |time: std::time::Duration| time.as_secs_f64();
        let timing = self.timing.as_ref().map(|timing| {
            json!({
                "hand": seconds(timing.hand),
                "autodiff": seconds(timing.autodiff),
                "program": timing.program.as_ref().ok().copied().map(seconds),
            })
        });
        json!({
            "headline": self.headline(),
            "verdict": verdict(self.verdict()),
            "value": number(self.value),
            "hand_value": self.hand_value.map(number),
            "value_verdict": verdict(self.value_verdict),
            "largest": number(self.largest()),
            "gradients": self.blocks.iter().map(block).collect::<Vec<_>>(),
            "diagnosis": self.has_diagnosis().then(|| diagnosis(&self.diagnosis)),
            "timing": timing,
            "notes": self.notes,
        })
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Agrees => "agrees",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Differs => "differs",
    }
}

/// A number that was given.
fn number(x: f64) -> Json {
    match x {
        x if x.is_finite() => json!(x),
        x if x.is_nan() => "NaN".into(),
        x if x > 0.0 => "Infinity".into(),
        _ => "-Infinity".into(),
    }
}

/// A number that was computed; null where it was not.
fn computed(x: f64) -> Json {
    if x.is_nan() { Json::Null } else { number(x) }
}

fn array(x: &Tensor<f64>, element: fn(f64) -> Json) -> Json {
    json!({
        "shape": x.shape().dims(),
        "data": x.iter().map(|&x| element(x)).collect::<Vec<_>>(),
    })
}

fn block(block: &Block) -> Json {
    let right = match block.right {
        Right::Both => "both",
        Right::Autodiff => "autodiff",
        Right::HandCoded => "hand_coded",
        Right::Neither => "neither",
        Right::Undecided => "undecided",
    };
    let worst = block.worst.as_ref().map(|worst| {
        json!({
            "index": worst.index,
            "hand": number(worst.hand),
            "reverse": number(worst.reverse),
            "forward": computed(worst.forward),
            "differences": computed(worst.numeric),
        })
    });
    json!({
        "name": block.name,
        "shape": block.shape.dims(),
        "verdict": verdict(block.verdict),
        "right": right,
        "reason": block.reason,
        "max_absolute": computed(block.max_absolute),
        "max_relative": computed(block.max_relative),
        "cosine": computed(block.cosine),
        "worst": worst,
        "hand": array(&block.hand, number),
        "reverse": array(&block.reverse, number),
        "forward": array(&block.forward, computed),
        "differences": array(&block.numeric, computed),
    })
}

fn diagnosis(diagnosis: &Diagnosis) -> Json {
    json!({
        "explanations": diagnosis.explanations.iter().map(explanation).collect::<Vec<_>>(),
        "description": diagnosis.description,
        "singles": diagnosis.singles,
        "pairs": diagnosis.pairs,
        "complete": diagnosis.complete,
        "by_chance": diagnosis.by_chance,
    })
}

fn explanation(explanation: &Hypothesis) -> Json {
    json!({
        "text": explanation.text,
        "gradients": explanation.blocks,
        "shared": explanation.shared,
        "fit": number(explanation.fit),
        "mistakes": explanation.mistakes.iter().map(mistake).collect::<Vec<_>>(),
    })
}

fn mistake(mistake: &Mistake) -> Json {
    json!({
        "kind": with_underscores(&format!("{:?}", mistake.kind)),
        "text": mistake.text,
        "node": mistake.node,
        "nodes": mistake.nodes,
        "op": mistake.op,
        "scope": mistake.scope,
        "site": mistake.site,
        "factor": mistake.factor.map(number),
        "wrong": mistake.wrong,
        "right": mistake.right,
    })
}

/// "RuleLeftOut" as "rule_left_out".
fn with_underscores(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}
