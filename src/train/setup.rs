//! What a run is: all that its bits follow from, as one JSON, and what becomes of each difference when the run is resumed.
//!
//! [`describe`] takes the trainer apart by name, so that a setting which is added does not compile before it stands here. Two
//! descriptions are compared as JSON, field by field and as deep as they go; a field that [`APPLIED`] does not name refuses the run.
//! So nothing is forgotten by leaving it out. What code of the user's own computes has no description but its name.

use super::measure::Metric;
use super::trainer::Trainer;
use crate::data::{Dataset, Targets};
use crate::nn::{Layer, Loss, Model};
use crate::{Element, Tensor};
use serde_json::{Map, Value as Json, json};

/// How random numbers are drawn. Another way would make other numbers of the same seed.
const GENERATOR: &str = "chacha8 keyed by seed, epoch, batch and row, version 2";

/// The fields whose new value applies from where the run goes on, with a warning. [`Checkpoint::resume`] has the table for users.
///
/// [`Checkpoint::resume`]: super::Checkpoint::resume
const APPLIED: &[&str] = &[
    "clip_norm",
    "clip_value",
    "decayed",
    "frozen",
    "generator",
    "gradient_tolerance",
    "loss_tolerance",
    "maximize",
    "optimizer_groups",
    "optimizer_settings",
    "patience",
    "penalties",
    "rates",
    "schedule",
];

/// The description of a run.
pub(super) fn describe<T: Element>(
    trainer: &Trainer<T>,
    loss: &dyn Loss<T>,
    model: &Model<T>,
    data: &Dataset<T>,
) -> Json {
    // Without `..`. Those that are left out change when a run ends, who watches it, or how it is computed to the same bits; the
    // execution is compared with the build.
    let Trainer {
        optimizer,
        loss: _,
        last_loss: _,
        penalties,
        schedule,
        epochs: _,
        batch,
        drop_last,
        seed,
        shuffle,
        accumulate,
        clip_norm,
        clip_value,
        metrics,
        validation,
        patience,
        monitor,
        gradient_tolerance,
        loss_tolerance,
        callbacks: _,
        stop_flag: _,
        checkpoint: _,
        execution: _,
        threads: _,
        pieces: _,
        world: _,
        has_world: _,
    } = trainer;
    let rule = optimizer.config();
    let params = || model.params().iter().map(|(_, param)| param);
    let frozen: Vec<&str> = params().filter(|param| param.is_frozen()).map(|param| param.name()).collect();
    let slowed = params().filter(|param| param.rate() != 1.0);
    let rates: Map<String, Json> = slowed.map(|param| (param.name().to_owned(), json!(param.rate()))).collect();
    let mut all = json!({
        "element": T::NAME,
        "generator": GENERATOR,
        "seed": seed,
        "batch_size": batch,
        "drop_last": drop_last,
        "shuffle": shuffle,
        "accumulate": accumulate,
        "optimizer": rule["rule"],
        "optimizer_settings": rule["settings"],
        "optimizer_groups": rule["groups"],
        "decayed": rule["decayed"],
        "maximize": rule["maximize"],
        "loss": loss.name(),
        "loss_settings": loss.config(),
        "input": model.input_shape().dims(),
        "network": network(model.network()),
        "frozen": frozen,
        "rates": rates,
        "penalties": penalties,
        "schedule": schedule.as_ref().map(|schedule| schedule.config()),
        "clip_norm": clip_norm,
        "clip_value": clip_value,
        "metrics": metrics.iter().map(Metric::name).collect::<Vec<_>>(),
        "monitor": monitor.as_ref().map(Metric::name),
        "patience": patience,
        "gradient_tolerance": gradient_tolerance,
        "loss_tolerance": loss_tolerance,
        "validation": validation.as_ref().map(rows),
    });
    // Files of runs in one piece need not say so.
    if trainer.piece_count() > 1 {
        all["pieces"] = json!(trainer.piece_count());
    }
    let of_data = [("rows", "rows"), ("data", "data"), ("row_weights", "weights"), ("classes", "classes")];
    let mut found = rows(data);
    of_data.into_iter().for_each(|(field, of)| all[field] = found[of].take());
    all
}

/// The description with what all processes of a world must have alike as well, so that they come to the same messages.
pub(super) fn describe_all<T: Element>(
    trainer: &Trainer<T>,
    loss: &dyn Loss<T>,
    model: &Model<T>,
    data: &Dataset<T>,
) -> Json {
    let mut all = describe(trainer, loss, model, data);
    all["epochs"] = json!(trainer.epochs);
    all["pieces"] = json!(trainer.piece_count());
    all["execution"] = json!(trainer.execution.name());
    all["checkpoint"] = json!(trainer.checkpoint.is_some());
    all["saved_every"] = json!(trainer.checkpoint.as_ref().map(|checkpoint| checkpoint.every_updates));
    all["resume"] = json!(trainer.checkpoint.as_ref().map(|checkpoint| checkpoint.resume));
    all
}

/// What tells one data set from another: checksums of its numbers.
fn rows<T: Element>(data: &Dataset<T>) -> Json {
    let mut sum = Sum::default();
    // Of rows that are read on demand, some: to read all would be what they are to be spared.
    const MOST: usize = 64;
    if data.is_on_demand() {
        let n = data.len().min(MOST);
        let some: Vec<usize> = (0..n).map(|k| k * (data.len() - 1) / n.max(2).saturating_sub(1)).collect();
        match data.select(&some).and_then(|some| some.try_inputs().cloned()) {
            Ok(rows) => sum.tensor(&rows),
            // Whoever trains on them meets the error.
            Err(error) => sum.0.update(error.to_string().as_bytes()),
        }
    } else {
        sum.tensor(data.inputs());
    }
    match data.targets() {
        Targets::Values(values) => sum.tensor(values),
        Targets::Labels(labels) => sum.all(labels.iter().map(|label| (*label as u64).to_le_bytes())),
    }
    let weights = data.weights().map(|weights| {
        let mut sum = Sum::default();
        sum.tensor(weights);
        sum.0.sum()
    });
    json!({ "rows": data.len(), "data": sum.0.sum(), "weights": weights, "classes": data.n_classes() })
}

/// CRC-32 of numbers, in pieces that are worth a call.
#[derive(Default)]
struct Sum(flate2::Crc);

impl Sum {
    fn tensor<T: Element>(&mut self, tensor: &Tensor<T>) {
        self.all(tensor.iter().map(|x| x.to_f64().to_le_bytes()));
    }
    fn all(&mut self, numbers: impl Iterator<Item = [u8; 8]>) {
        const PIECE: usize = 8192;
        let mut piece = Vec::with_capacity(PIECE);
        for number in numbers {
            piece.extend_from_slice(&number);
            if piece.len() >= PIECE {
                self.0.update(&piece);
                piece.clear();
            }
        }
        self.0.update(&piece);
    }
}

/// A layer, and those inside it. How parameters start does not matter to a run that goes on from a file, and is left out.
pub(super) fn network<T: Element>(layer: &dyn Layer<T>) -> Json {
    let inside: Vec<Json> = layer.children().iter().map(|stage| named(&stage.name, network(&*stage.layer))).collect();
    // The settings of a layer made of layers are those of the layers inside it.
    let mut json = match (layer.config(), inside.is_empty()) {
        (_, false) => json!({ "kind": layer.kind(), "inside": inside }),
        (Some(config), true) => json!({ "kind": layer.kind(), "config": config }),
        (None, true) => json!({ "kind": layer.kind(), "config": layer.describe() }),
    };
    leave_starts_out(&mut json);
    json
}

/// Also in layers that stand in the configuration of another, as a shared one's do.
fn leave_starts_out(json: &mut Json) {
    let starts = matches!(json["kind"].as_str(), Some("dense" | "embedding"));
    if let (true, Some(settings)) = (starts, json.get_mut("config").and_then(Json::as_object_mut)) {
        settings.remove("init");
        if let Some(bias) = settings.get_mut("bias") {
            *bias = json!(!bias.is_null());
        }
    }
    match json.get_mut("config") {
        Some(config @ Json::Object(_)) => leave_starts_out(config),
        Some(Json::Array(stages)) => stages.iter_mut().for_each(leave_starts_out),
        _ => {}
    }
}

fn named(name: &str, mut layer: Json) -> Json {
    layer["name"] = json!(name);
    layer
}

/// What resuming under another description does.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Why the run is refused: the differences that refuse it.
    pub refused: Vec<String>,
    pub warnings: Vec<String>,
}

/// Compares this run with the saved one.
pub(super) fn compare(here: &Json, saved: &Json) -> Outcome {
    let mut outcome = Outcome::default();
    let empty = Map::new();
    let [here, saved] = [here, saved].map(|json| json.as_object().unwrap_or(&empty));
    let unsaid: Vec<String> = here.keys().filter(|key| !saved.contains_key(*key)).map(|key| words(key)).collect();
    if !unsaid.is_empty() {
        outcome.warnings.push(format!(
            "resumed from a checkpoint of an earlier version, which does not say the run's {}: whether they are the same was not \
             compared",
            unsaid.join(", ")
        ));
    }
    for (field, there) in saved {
        let now = here.get(field).unwrap_or(&Json::Null);
        for Difference { place, here, there } in differences(field, now, there) {
            let (place, now, before) = (words(&place), shown(here), shown(there));
            if field == "patience" && there.is_null() {
                let why = format!("no patience, this one has {now}: the weights of its best epoch were not kept");
                outcome.refused.push(why);
            } else if APPLIED.contains(&field.as_str()) {
                outcome
                    .warnings
                    .push(format!("resumed with {place} {now}, saved with {before}: {now} applies from here on"));
            } else {
                let checksum = if place.ends_with("data") || place.ends_with("weights") { " of checksum" } else { "" };
                outcome.refused.push(format!("{place}{checksum} {before}, this one has {now}"));
            }
        }
    }
    outcome
}

/// How this process's description differs from that of another, in words; nothing where it does not.
pub(super) fn others(here: &Json, there: &Json) -> Vec<String> {
    let differences = differences("", here, there);
    let words = |Difference { place, here, there }: &Difference<'_>| {
        format!("{} {}, rank 0 has {}", words(place.trim_start_matches('.')), shown(here), shown(there))
    };
    differences.iter().map(words).collect()
}

struct Difference<'a> {
    place: String,
    here: &'a Json,
    there: &'a Json,
}

/// The innermost differences below a place.
fn differences<'a>(place: &str, here: &'a Json, there: &'a Json) -> Vec<Difference<'a>> {
    const NOTHING: &Json = &Json::Null;
    match (here, there) {
        _ if here == there => Vec::new(),
        (Json::Object(a), Json::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let below = |key: &String| {
                // Steps that say nothing to whoever reads it.
                let place = match &key[..] {
                    "config" | "inside" => place.to_owned(),
                    _ => format!("{place}.{key}"),
                };
                differences(&place, a.get(key).unwrap_or(NOTHING), b.get(key).unwrap_or(NOTHING))
            };
            keys.flat_map(below).collect()
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            let below = |(i, (a, b)): (usize, (&'a Json, &'a Json))| {
                let name = a["name"].as_str().filter(|_| a["name"] == b["name"]);
                differences(&format!("{place}.{}", name.map_or(i.to_string(), str::to_owned)), a, b)
            };
            a.iter().zip(b).enumerate().flat_map(below).collect()
        }
        _ => vec![Difference { place: place.to_owned(), here, there }],
    }
}

fn words(place: &str) -> String {
    place.replace('_', " ")
}

fn shown(value: &Json) -> String {
    const MOST: usize = 200;
    match value {
        Json::Null => "none".to_owned(),
        Json::String(text) => text.clone(),
        value => {
            let text = value.to_string();
            let start: String = text.chars().take(MOST).collect();
            if start.len() < text.len() { start + "..." } else { start }
        }
    }
}
