//! What the processes of a world do together in a run: agree, compare, add up.
//!
//! **Invariant.** Every rank comes to the same calls in the same order: whether there is one depends on what all of them know.

use super::callback::Flow;
use super::history::Stop;
use super::measure::{self, ROWS};
use super::pieces::Contribution;
use crate::data::Dataset;
use crate::nn::{Model, Param, ParamGrads, ParamKey, Params, Role};
use crate::world::{self, World};
use crate::{Element, Error, Result, Tensor};
use serde_json::Value as Json;

/// A wish to end that some rank has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wish {
    pub interrupted: bool,
    pub callback: bool,
}

impl Wish {
    pub fn of(stop: Option<&Stop>) -> Self {
        Self { interrupted: matches!(stop, Some(Stop::Interrupted)), callback: matches!(stop, Some(Stop::Callback)) }
    }

    pub fn stop(self) -> Option<Stop> {
        match self {
            Wish { interrupted: true, .. } => Some(Stop::Interrupted),
            Wish { callback: true, .. } => Some(Stop::Callback),
            _ => None,
        }
    }

    fn notes(self) -> [f64; 2] {
        [self.interrupted, self.callback].map(|wished| f64::from(u8::from(wished)))
    }

    fn from_notes(notes: &[f64]) -> Self {
        Self { interrupted: notes[0] > 0.0, callback: notes[1] > 0.0 }
    }
}

/// The ranks' wishes, put together.
pub(super) fn settle(world: &dyn World, wish: Wish) -> Result<Wish> {
    let mut notes = wish.notes();
    world::sum::<f64>(world, &mut [], &mut notes)?;
    Ok(Wish::from_notes(&notes))
}

/// What rank 0 found out, told to all.
pub(super) fn told(world: &dyn World, outcome: Result<()>) -> Result<()> {
    if world.size() == 1 {
        return outcome;
    }
    // A first byte says that there is an error, whatever its text is.
    let text = outcome.as_ref().err().map(|error| format!("!{error}")).unwrap_or_default();
    let text = world::tell(world, 0, text.as_bytes())?;
    match (outcome, text.is_empty()) {
        (Err(error), _) => Err(error),
        (Ok(()), true) => Ok(()),
        (Ok(()), false) => Err(Error::io(format!("rank 0: {}", String::from_utf8_lossy(&text[1..])))),
    }
}

/// Whether rank 0's callbacks want to end.
pub(super) fn flow(world: &dyn World, flow: Flow) -> Result<Flow> {
    let mut stops = [u8::from(flow == Flow::Stop)];
    world.broadcast(0, &mut stops)?;
    Ok(if stops[0] == 1 { Flow::Stop } else { Flow::Continue })
}

/// An error, on all ranks, unless all are set up as rank 0 is, data included.
pub(super) fn compare_setups(world: &dyn World, own: impl FnOnce() -> Json) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let own = own();
    let first = world::tell(world, 0, own.to_string().as_bytes())?;
    let first: Json =
        serde_json::from_slice(&first).map_err(|error| Error::io(format!("rank 0's settings: {error}")))?;
    const MOST: usize = 3;
    let other = super::setup::others(&own, &first);
    let outcome = match &other[..] {
        [] => Ok(()),
        all => Err(Error::argument(format!(
            "train: set up with {}; give all ranks the same settings and data",
            all[..all.len().min(MOST)].join("; with ")
        ))),
    };
    world::agree(world, outcome)
}

/// An error, on all ranks, unless all have rank 0's parameters, to the bit; after so many epochs.
pub(super) fn compare_params<T: Element>(world: &dyn World, params: &Params<T>, epochs: u64) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let hash = |(_, param): (ParamKey, &Param<T>)| {
        let mut crc = flate2::Crc::new();
        // In pieces that are worth a call.
        for chunk in param.value().as_slice().chunks(1024) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect();
            crc.update(&bytes);
        }
        crc.sum().to_le_bytes()
    };
    let own: Vec<[u8; 4]> = params.iter().map(hash).collect();
    let first = world::tell(world, 0, own.as_flattened())?;
    let differs = |(own, first): (&[u8; 4], &[u8])| own[..] != *first;
    let outcome = match own.iter().zip(first.chunks(4)).position(differs) {
        None => Ok(()),
        Some(k) => {
            let name = params.iter().nth(k).map_or("", |(_, param)| param.name());
            Err(Error::argument(match epochs {
                0 => format!("train: {name} is not that of rank 0; start from the same model everywhere"),
                epoch => format!(
                    "train: {name} is not that of rank 0 after epoch {epoch}: memory or a message is damaged, or hosts have different \
                     instructions, which RETROGRAD_SIMD can hold to one set, or a closure (a loss, a schedule, a layer) computes something else there"
                ),
            }))
        }
    };
    world::agree(world, outcome)
}

/// The sum of all ranks' contributions to a batch, their wishes, and whether one of them failed.
///
/// All gradients and statistics go as one vector, in the order of parameters. What a rank does not have is -0 there, which changes no
/// sum; whether any rank has it goes beside.
pub(super) fn sum<T: Element>(
    world: &dyn World,
    params: &Params<T>,
    own: Result<Option<Contribution<T>>>,
    (wish, may_end): (Wish, bool),
    take: impl Fn(&Tensor<T>) -> Tensor<T>,
) -> Result<(Option<Contribution<T>>, Wish)> {
    let travels: Vec<(ParamKey, &Param<T>)> = params.iter().filter(|(_, param)| !param.is_frozen()).collect();
    let place_of = |key: ParamKey| travels.iter().position(|(of, _)| *of == key);
    let (own, failed) = match own {
        Ok(own) => (own, Ok(())),
        Err(error) => (None, Err(error)),
    };
    // The wishes, whether a rank failed, whether there is anything, the loss, and for each parameter whether there is something for it.
    let mut notes = wish.notes().to_vec();
    notes.extend([failed.is_err(), own.is_some()].map(|is| f64::from(u8::from(is))));
    notes.push(own.as_ref().map_or(-0.0, |own| own.loss));
    let first = notes.len();
    notes.resize(first + travels.len(), 0.0);
    let mut own = own.unwrap_or(Contribution { loss: 0.0, grads: ParamGrads::new(), statistics: Vec::new() });
    let mut places: Vec<Option<&mut [T]>> = travels.iter().map(|_| None).collect();
    let statistics = own.statistics.iter_mut().map(|(key, value)| (*key, value));
    for (key, value) in own.grads.iter_mut().chain(statistics) {
        if let Some(k) = place_of(key) {
            (places[k], notes[first + k]) = (Some(value.as_mut_slice()), 1.0);
        }
    }
    let missing = |(place, (_, param)): (&Option<&mut [T]>, &(ParamKey, &Param<T>))| {
        place.is_none().then(|| {
            let mut value = take(param.value());
            value.as_mut_slice().fill(T::from_f64(-0.0));
            value
        })
    };
    let mut fillers: Vec<Option<Tensor<T>>> = places.iter().zip(&travels).map(missing).collect();
    for (place, filler) in places.iter_mut().zip(&mut fillers) {
        if let Some(filler) = filler {
            *place = Some(filler.as_mut_slice());
        }
    }
    let mut numbers: Vec<&mut [T]> = places.into_iter().flatten().collect();
    world::sum_of(world, &mut numbers, &mut notes)?;
    let wish = Wish::from_notes(&notes);
    let [failures, there, loss] = [notes[first - 3], notes[first - 2], notes[first - 1]];
    // Where all end before this batch, nobody needs it; they may where no gradients wait for their update.
    if failures > 0.0 && !(may_end && wish.stop().is_some()) {
        world::agree(world, failed)?;
    }
    if there == 0.0 || failures > 0.0 {
        return Ok((None, wish));
    }
    own.loss = loss;
    for (k, (&(key, param), filler)) in travels.iter().zip(fillers).enumerate() {
        match filler.filter(|_| notes[first + k] > 0.0) {
            Some(value) if param.role() == Role::Statistic => own.statistics.push((key, value)),
            Some(value) => drop(own.grads.insert(key, value)),
            None => {}
        }
    }
    Ok((Some(own), wish))
}

/// The model's outputs for all rows, in order; each rank computes some of them.
pub(super) fn predictions<T: Element>(world: &dyn World, model: &Model<T>, data: &Dataset<T>) -> Result<Tensor<T>> {
    let (rank, size) = (world.rank(), world.size());
    if size == 1 {
        return measure::predictions(model, data);
    }
    let blocks = data.len().div_ceil(ROWS);
    let row = |rank: usize| (rank * blocks / size * ROWS).min(data.len());
    let own = measure::predictions_of(model, data, row(rank)..row(rank + 1));
    let outcome = own.as_ref().map(drop).map_err(Clone::clone);
    world::agree(world, outcome)?;
    let mut values = own?;
    let width = model.output_shape().numel();
    let mut bytes = Vec::new();
    world::write_numbers(&values, &mut bytes);
    let all = world::gather(world, &bytes)?;
    values.resize(data.len() * width, T::from_f64(0.0));
    let mut rest = &mut values[..];
    for (rank, bytes) in all.iter().enumerate() {
        let (own, after) = rest.split_at_mut((row(rank + 1) - row(rank)) * width);
        world::read_numbers(bytes, own)?;
        rest = after;
    }
    let shape: Vec<usize> = std::iter::once(data.len()).chain(model.output_shape().iter().copied()).collect();
    Tensor::new(shape, values)
}
