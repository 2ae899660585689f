//! Optimisers and schedules through the public API: what tests/reference.rs does not reach.

use retrograd::nn::{Dense, Draw, Model, ParamGrads, ParamKey, Params, Role, Sequential};
use retrograd::optim::schedule::{
    self, Constant, Cosine, CosineRestarts, Exponential, Linear, MultiStep, OneCycle, Plateau, Polynomial, StepDecay,
    WarmUp,
};
use retrograd::optim::{
    self, Adadelta, Adagrad, Adam, AdamW, Adamax, At, Group, Lion, NAdam, Optimizer, Progress, RmsProp, Rule, Schedule,
    Sgd,
};
use retrograd::{Tape, Tensor};
use serde_json::{Value as Json, json};

fn close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{got:?}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance * want.abs().max(1e-3), "at {i}: {got:e} instead of {want:e}");
    }
}

/// A weight, a bias and a scale of one number each, all 2.
fn params() -> (Params<f64>, [ParamKey; 3]) {
    let mut params = Params::new();
    let mut add = |name, role| params.add(name, role, Tensor::from([2.0])).unwrap();
    let keys = [add("dense1.weight", Role::Weight), add("dense1.bias", Role::Bias), add("norm1.scale", Role::Scale)];
    (params, keys)
}

fn grads(keys: &[ParamKey], values: &[f64]) -> ParamGrads<f64> {
    let mut grads = ParamGrads::new();
    assert_eq!(keys.len(), values.len());
    for (&key, &value) in keys.iter().zip(values) {
        grads.insert(key, Tensor::from([value]));
    }
    grads
}

fn values(params: &Params<f64>) -> Vec<f64> {
    params.iter().map(|(_, param)| param.value()[[0]]).collect()
}

/// p = 2 - 0.1 (g + 0.5 p), g = 1; without decay p = 2 - 0.1 g.
#[test]
fn decay_spares_what_is_no_weight() {
    let (mut params, keys) = params();
    let mut sgd = Optimizer::from(Sgd::new(0.1).weight_decay(0.5));
    sgd.step(&mut params, &grads(&keys, &[1.0; 3]));
    close(&values(&params), &[1.8, 1.9, 1.9], 1e-15);

    let (mut params, keys) = self::params();
    let mut sgd = Optimizer::from(Sgd::new(0.1).weight_decay(0.5)).decay(&[Role::Weight, Role::Scale]);
    sgd.step(&mut params, &grads(&keys, &[1.0; 3]));
    close(&values(&params), &[1.8, 1.9, 1.8], 1e-15);
}

/// The rate of a group multiplies, its decay replaces; the first group that means a parameter holds.
#[test]
fn groups_have_rates_and_decays_of_their_own() {
    let (mut params, keys) = params();
    let mut sgd = Optimizer::from(Sgd::new(0.1).weight_decay(0.5))
        .group(Group::new("dense1.weight").rate(0.5))
        .group(Group::new("dense1*").weight_decay(1.0))
        .group(Group::role(Role::Scale).rate(3.0));
    sgd.validate(&params).unwrap();
    sgd.step(&mut params, &grads(&keys, &[1.0; 3]));
    // 2 - 0.05 (1 + 0.5 * 2), 2 - 0.1 (1 + 1 * 2), 2 - 0.3 * 1.
    close(&values(&params), &[1.9, 1.7, 1.7], 1e-15);

    let lost = Optimizer::<f64>::from(Sgd::new(0.1)).group(Group::new("dense7*"));
    let message = lost.validate(&params).unwrap_err().to_string();
    assert!(message.contains("\"dense7*\"") && message.contains("dense1.weight"), "{message}");
    for group in [Group::new("*").rate(-1.0), Group::new("*").rate(f64::NAN), Group::new("*").weight_decay(-0.1)] {
        let message = Optimizer::<f64>::from(Sgd::new(0.1)).group(group).validate(&params).unwrap_err().to_string();
        assert!(message.contains("\"*\"") && message.contains("0 or more"), "{message}");
    }
    let statistics = Optimizer::<f64>::from(Sgd::new(0.1)).group(Group::role(Role::Statistic));
    assert!(statistics.validate(&params).unwrap_err().to_string().contains("statistic"));
}

#[test]
fn frozen_parameters_and_those_without_gradient_stay() {
    let (mut params, keys) = params();
    params.freeze("dense1.bias").unwrap();
    params.set_rate("norm1.scale", 0.0).unwrap();
    let mut adam = Optimizer::from(Adam::new(0.1));
    adam.step(&mut params, &grads(&keys[1..], &[1.0; 2]));
    assert_eq!(values(&params), [2.0; 3]);
    assert!(adam.state(keys[0]).is_none() && adam.state(keys[1]).is_none());
}

/// The gradients (3, 4, 12) have norm 13.
#[test]
fn gradients_are_clipped_by_norm_and_by_value() {
    let (_, keys) = params();
    let mut clipped = grads(&keys, &[3.0, 4.0, 12.0]);
    assert_eq!(clipped.clip_norm(26.0), 13.0);
    assert_eq!(clipped.norm(), 13.0);
    assert_eq!(clipped.clip_norm(6.5), 13.0);
    close(&[clipped.norm(), clipped.get(keys[2]).unwrap()[[0]]], &[6.5, 6.0], 1e-15);
    let mut clipped = grads(&keys, &[3.0, -4.0, f64::INFINITY]);
    clipped.clip_value(3.5);
    assert_eq!(keys.map(|key| clipped.get(key).unwrap()[[0]]), [3.0, -3.5, 3.5]);
}

#[test]
fn gradients_that_are_not_finite_are_left_and_named() {
    let (params, keys) = params();
    for bad in [f64::NAN, f64::INFINITY] {
        let mut grads = grads(&keys, &[1.0, bad, 1.0]);
        assert!(!grads.clip_norm(0.5).is_finite());
        assert_eq!(grads.get(keys[0]).unwrap()[[0]], 1.0, "nothing is scaled by a norm that is no number");
        let error = grads.check_finite(&params).unwrap_err();
        assert!(error.is_not_finite() && error.to_string().contains("dense1.bias"), "{error}");
    }
    // The squares of these overflow, the norm does not.
    let mut large = grads(&keys, &[3e200, 4e200, 0.0]);
    assert!(large.check_finite(&params).is_ok());
    close(&[large.clip_norm(1.0) / 5e200, large.norm()], &[1.0, 1.0], 1e-14);
    assert_eq!(grads(&keys, &[3e-200, 4e-200, 0.0]).norm(), 5e-200);
}

/// A NaN reaches the parameters whatever the rule: nothing hides it behind a comparison.
#[test]
fn no_rule_hides_a_nan() {
    for mut optimizer in all_rules() {
        let (mut params, keys) = params();
        optimizer.step(&mut params, &grads(&keys, &[1.0; 3]));
        optimizer.step(&mut params, &grads(&keys, &[f64::NAN, 1.0, 1.0]));
        let got = values(&params);
        assert!(got[0].is_nan() && got[1].is_finite(), "{}: {got:?}", optimizer.rule().name());
    }
}

fn all_rules() -> Vec<Optimizer<f64>> {
    vec![
        Sgd::new(0.1).into(),
        Sgd::new(0.1).momentum(0.9).nesterov().into(),
        RmsProp::new(0.1).into(),
        RmsProp::new(0.1).centered().into(),
        RmsProp::new(0.1).momentum(0.5).into(),
        RmsProp::new(0.1).centered().momentum(0.5).weight_decay(0.1).into(),
        Adagrad::new(0.1).lr_decay(0.1).initial_accumulator_value(0.2).into(),
        Adadelta::new(1.0).into(),
        Adam::new(0.1).weight_decay(0.1).into(),
        Adam::new(0.1).amsgrad().into(),
        AdamW::new(0.1).into(),
        Adamax::new(0.1).into(),
        NAdam::new(0.1).into(),
        Lion::new(0.1).weight_decay(0.1).into(),
    ]
}

/// Three steps, saved, three more on a copy made from the configuration: the same bits as six without a break.
#[test]
fn an_optimiser_made_from_its_file_goes_on_bit_for_bit() {
    for mut optimizer in all_rules() {
        let (mut straight, keys) = params();
        let gradient = |k: u64| grads(&keys, &[1.0 / (k as f64 + 1.0), 0.3 * k as f64 - 1.0, 0.7]);
        (0..3).for_each(|k| optimizer.step(&mut straight, &gradient(k)));
        let mut resumed = straight.clone();
        let config: Json = serde_json::from_str(&optimizer.config().to_string()).unwrap();
        let mut copy = Optimizer::from_config(&config).unwrap();
        for key in keys {
            copy.set_state(&resumed, key, optimizer.state(key).unwrap().clone()).unwrap();
        }
        (3..6).for_each(|k| optimizer.step(&mut straight, &gradient(k)));
        (3..6).for_each(|k| copy.step(&mut resumed, &gradient(k)));
        assert_eq!(values(&straight), values(&resumed), "{config}");
        assert_eq!(copy.config(), optimizer.config());
    }
}

#[test]
fn an_optimisers_file_holds_groups_roles_rate_and_direction() {
    let mut optimizer: Optimizer<f64> = Optimizer::from(Adam::new(0.1))
        .group(Group::new("dense*").rate(0.5).weight_decay(0.25))
        .group(Group::role(Role::Bias).rate(2.0))
        .decay(&[Role::Weight, Role::Bias])
        .maximize();
    optimizer.set_learning_rate(0.025);
    let copy = Optimizer::<f64>::from_config(&optimizer.config()).unwrap();
    assert_eq!(copy.config(), optimizer.config());
    assert_eq!(copy.learning_rate(), 0.025);
    let mut broken = optimizer.config();
    broken["groups"][0]["ratte"] = json!(1.0);
    let message = Optimizer::<f64>::from_config(&broken).err().expect("a fault").to_string();
    assert!(message.contains("ratte"), "{message}");
}

#[test]
fn a_state_of_another_shape_is_refused() {
    let (mut params, keys) = params();
    let mut adam = Optimizer::from(Adam::new(0.1));
    adam.step(&mut params, &grads(&keys, &[1.0; 3]));
    let mut state = adam.state(keys[0]).unwrap().clone();
    state.slots[1] = Tensor::zeros([3]);
    let message = adam.set_state(&params, keys[0], state.clone()).unwrap_err().to_string();
    assert!(message.contains("square of dense1.weight") && message.contains("[3]"), "{message}");
    state.slots.pop();
    let message = adam.set_state(&params, keys[0], state).unwrap_err().to_string();
    assert!(message.contains("has 1 tensors and 0 numbers, the rule keeps 2 and 0"), "{message}");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let (params, _) = params();
    let faults: Vec<(Optimizer<f64>, &str)> = vec![
        (Sgd::new(0.0).into(), "sgd: lr, the learning rate, must be above 0, got 0"),
        (Sgd::new(f64::NAN).into(), "got NaN"),
        (Adam::new(-1e-3).into(), "adam: lr, the learning rate, must be above 0, got -0.001"),
        (AdamW::new(f64::INFINITY).into(), "adamw: lr"),
        (Sgd::new(0.1).nesterov().into(), "nesterov needs a momentum above 0"),
        (Sgd::new(0.1).momentum(0.9).dampening(0.1).nesterov().into(), "no dampening"),
        (Sgd::new(0.1).momentum(9.0).into(), "momentum must be from 0 to 1, got 9"),
        (Sgd::new(0.1).weight_decay(-0.1).into(), "weight_decay must be 0 or more, got -0.1"),
        (Adam::new(0.1).betas(1.0, 0.9).into(), "betas[0] must be at least 0 and below 1, got 1"),
        (NAdam::new(0.1).betas(0.9, -0.1).into(), "nadam: betas[1]"),
        (Adamax::new(0.1).eps(-1.0).into(), "adamax: eps must be 0 or more"),
        (RmsProp::new(0.1).alpha(1.5).into(), "rmsprop: alpha"),
        (Adagrad::new(0.1).lr_decay(-1.0).into(), "adagrad: lr_decay"),
        (Adagrad::new(0.1).initial_accumulator_value(-1.0).into(), "initial_accumulator_value"),
        (Adadelta::new(0.1).rho(f64::NAN).into(), "adadelta: rho"),
        (NAdam::new(0.1).momentum_decay(-1.0).into(), "momentum_decay"),
        (Lion::new(0.1).betas(0.9, 1.0).into(), "lion: betas[1]"),
        (Sgd::new(0.1).momentum(1.01).into(), "sgd: momentum must be from 0 to 1, got 1.01"),
        (AdamW::new(0.1).eps(-1.0).into(), "adamw: eps must be 0 or more, got -1"),
        (AdamW::new(0.1).weight_decay(-1.0).into(), "adamw: weight_decay must be 0 or more, got -1"),
    ];
    for (optimizer, fault) in faults {
        let message = optimizer.validate(&params).unwrap_err().to_string();
        assert!(message.contains(fault), "{message}");
    }
    let fault = |name, settings| optim::from_config::<f64>(name, &settings).err().expect("a fault").to_string();
    assert!(fault("adm", json!({})).contains("\"adm\""));
    assert!(fault("adam", json!({ "lr": 0.1, "beta": 0.9 })).contains("adam: unknown field `beta`"));
    assert!(fault("adam", json!({ "lr": -0.1 })).contains("got -0.1"));
    assert!(fault("adam", json!({ "lr": "fast" })).contains("adam: "));
}

/// Lion by hand: m = 0, g = 2: sign(0.2) = 1, p = 1 (1 - 0.1 * 0.5) - 0.1 = 0.85, m = 0.02; then g = -0.1:
/// sign(0.018 - 0.01) = 1, p = 0.85 * 0.95 - 0.1 = 0.7075, m = 0.0198 - 0.001 = 0.0188; g = -0.188: 0.01692 - 0.0188 < 0.
#[test]
fn lion_steps_by_the_sign() {
    let lion = Lion::new(0.1).betas(0.9, 0.99).weight_decay(0.5);
    let (mut p, mut m) = ([1.0, 1.0], [0.0, 0.0]);
    let mut seen = Vec::new();
    for (step, g) in [(1, 2.0), (2, -0.1), (3, -0.188)] {
        let at = At { step, learning_rate: 0.1, weight_decay: 0.5 };
        lion.update(at, &mut p, &[g, 0.0], &mut [&mut m], &mut []);
        seen.push(p[0]);
    }
    close(&seen, &[0.85, 0.7075, 0.7075 * 0.95 + 0.1], 1e-15);
    close(&[p[1]], &[0.95f64.powi(3)], 1e-15);
}

/// A gradient that stays the same has no variance; rounding must not turn that into a root of a negative number.
#[test]
fn centred_rmsprop_survives_a_constant_gradient() {
    let (mut params, keys) = params();
    let mut rmsprop = Optimizer::from(RmsProp::new(1e-9).centered().alpha(0.5));
    for _ in 0..200 {
        rmsprop.step(&mut params, &grads(&keys, &[0.1, 1.0 / 3.0, 1e5 / 7.0]));
    }
    assert!(values(&params).iter().all(|p| p.is_finite()), "{:?}", values(&params));
}

/// Single precision is the same rule: 30 steps stay within its rounding of double precision.
#[test]
fn single_precision_follows_double() {
    let single = |optimizer: &Optimizer<f64>| Optimizer::<f32>::from_config(&optimizer.config()).unwrap();
    for mut double in all_rules() {
        let mut single = single(&double);
        let (mut p, mut q) = (Params::<f64>::new(), Params::<f32>::new());
        let a = p.add("w", Role::Weight, Tensor::from([1.0, -2.0, 0.5])).unwrap();
        let b = q.add("w", Role::Weight, Tensor::from([1.0f32, -2.0, 0.5])).unwrap();
        for _ in 0..30 {
            let (mut g, mut h) = (ParamGrads::new(), ParamGrads::new());
            g.insert(a, p[a].clone());
            h.insert(b, q[b].clone());
            double.step(&mut p, &g);
            single.step(&mut q, &h);
        }
        let got: Vec<f64> = q[b].to_vec().iter().map(|&x| f64::from(x)).collect();
        // Lion's sign turns at 0 by one rounding.
        let tolerance = if double.rule().name() == "lion" { 0.3 } else { 2e-3 };
        assert_eq!(got.len(), p[a].len());
        assert!(got.iter().zip(p[a].as_slice()).all(|(x, y)| (x - y).abs() < tolerance), "{}", double.config());
    }
}

fn at(t: u64) -> Progress<'static> {
    Progress { epoch: t, step: t, steps_per_epoch: 1, monitored: &[] }
}

fn rates(schedule: &dyn Schedule, base: f64, n: u64) -> Vec<f64> {
    (0..n).map(|t| schedule.learning_rate(base, &at(t))).collect()
}

/// Six updates an epoch: by epochs the rate is a staircase, by updates it moves at each.
#[test]
fn schedules_count_epochs_or_updates() {
    let place = |step: u64| Progress { epoch: step / 6, step, steps_per_epoch: 6, monitored: &[] };
    for (by_epoch, by_step) in [
        (
            Box::new(Exponential::new(0.5)) as Box<dyn Schedule>,
            Box::new(Exponential::new(0.5).by_step()) as Box<dyn Schedule>,
        ),
        (Box::new(Linear::new(1.0, 0.1, 40)), Box::new(Linear::new(1.0, 0.1, 40).by_step())),
        (Box::new(Polynomial::new(40, 2.0)), Box::new(Polynomial::new(40, 2.0).by_step())),
        (Box::new(Cosine::new(40)), Box::new(Cosine::new(40).by_step())),
        (Box::new(CosineRestarts::new(40)), Box::new(CosineRestarts::new(40).by_step())),
        (Box::new(StepDecay::new(1, 0.9)), Box::new(StepDecay::new(1, 0.9).by_step())),
        (Box::new(MultiStep::new([1, 13], 0.9)), Box::new(MultiStep::new([1, 13], 0.9).by_step())),
        (Box::new(Constant::damped(0.5, 3)), Box::new(Constant::damped(0.5, 3).by_step())),
    ] {
        for step in 0..30 {
            assert_eq!(by_epoch.learning_rate(0.1, &place(step)), by_epoch.learning_rate(0.1, &at(step / 6)));
            assert_eq!(by_step.learning_rate(0.1, &place(step)), by_step.learning_rate(0.1, &at(step)));
        }
        assert_ne!(
            by_epoch.learning_rate(0.1, &place(13)),
            by_step.learning_rate(0.1, &place(13)),
            "{}",
            by_step.config()
        );
    }
}

/// 24 updates in all, said as updates or as four epochs of six.
#[test]
fn one_cycle_knows_its_length_by_epochs() {
    let (updates, epochs) = (OneCycle::new(0.5, 24), OneCycle::over_epochs(0.5, 4));
    for step in 0..30 {
        let place = Progress { epoch: step / 6, step, steps_per_epoch: 6, monitored: &[] };
        assert_eq!(updates.learning_rate(0.1, &place), epochs.learning_rate(0.1, &place));
    }
    close(&[updates.learning_rate(0.1, &at(0)), updates.learning_rate(0.1, &at(99))], &[0.02, 2e-6], 1e-12);
    let short = OneCycle::new(0.5, 3).up(0.1);
    close(&rates(&short, 0.1, 3), &[0.42156072322554555, 0.15098145456997694, 2e-06], 1e-12);
    assert!(rates(&OneCycle::new(0.5, 1), 0.1, 3).iter().all(|rate| rate.is_finite()));
}

/// torch 2.15.0: ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.02), and (mode="max", factor=0.1, patience=1,
/// threshold=0.05, threshold_mode="abs"), base rate 0.1.
#[test]
fn plateau_falls_as_pytorchs_does() {
    let nan = f64::NAN;
    let seen =
        [1.0, 0.9, 0.95, 0.93, 0.9, 0.91, 0.899999, 0.5, 0.6, 0.6, nan, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6];
    let rates = |plateau: Plateau| -> Vec<f64> {
        let place = |k: usize| Progress { epoch: k as u64, monitored: &seen[..k], ..Progress::default() };
        (0..20).map(|k| plateau.learning_rate(0.1, &place(k))).collect()
    };
    let falling = rates(Plateau::new(0.5, 2).cooldown(1).min(0.02));
    let want = [(0.1, 5), (0.05, 6), (0.025, 4), (0.02, 5)];
    close(&falling, &want.iter().flat_map(|&(rate, n)| vec![rate; n]).collect::<Vec<_>>(), 1e-12);
    let rising = rates(Plateau::new(0.1, 1).rising().absolute_threshold(0.05));
    let want = [(1e-1, 3), (1e-2, 2), (1e-3, 2), (1e-4, 2), (1e-5, 2), (1e-6, 2), (1e-7, 2), (1e-8, 5)];
    let want: Vec<f64> = want.iter().flat_map(|&(rate, n)| vec![rate; n]).collect();
    assert_eq!(rising.len(), want.len());
    for (got, want) in rising.iter().zip(want) {
        assert!((got / want - 1.0).abs() < 1e-12, "{rising:?}");
    }
}

/// torch 2.15.0: SequentialLR of LinearLR(0.1, total_iters=4) and ExponentialLR(0.5) at milestone 4.
#[test]
fn warm_up_hands_over_to_a_schedule_that_begins_anew() {
    let warm = WarmUp::new(4, Exponential::new(0.5)).from(0.1);
    close(&rates(&warm, 0.1, 8), &[0.01, 0.0325, 0.055, 0.0775, 0.1, 0.05, 0.025, 0.0125], 1e-12);
    close(&rates(&WarmUp::new(3, Constant::new()), 0.8, 5), &[0.2, 0.4, 0.6, 0.8, 0.8], 1e-15);
    // Four updates an epoch: six of warm-up are one epoch and a half, so that epoch 1 is the other's epoch 0.
    let warm = WarmUp::new(6, StepDecay::new(1, 0.5)).by_step();
    let place = |step: u64| Progress { epoch: step / 4, step, steps_per_epoch: 4, monitored: &[] };
    let got: Vec<_> = [6, 7, 8, 12].map(|step| warm.learning_rate(1.0, &place(step))).to_vec();
    close(&got, &[1.0, 1.0, 0.5, 0.25], 1e-15);
    // What was monitored while warming up is no news to a plateau.
    let warm = WarmUp::new(2, Plateau::new(0.1, 0));
    let place = |k: usize| Progress { epoch: k as u64, monitored: &[1.0, 2.0, 3.0, 4.0][..k], ..Progress::default() };
    close(&[3, 4].map(|k| warm.learning_rate(1.0, &place(k))), &[1.0, 0.1], 1e-15);
}

#[test]
fn schedules_are_made_from_their_files() {
    let schedules: Vec<Box<dyn Schedule>> = vec![
        Box::new(Constant::damped(0.25, 3)),
        Box::new(StepDecay::new(3, 0.5)),
        Box::new(MultiStep::new(vec![2, 5], 0.1).by_step()),
        Box::new(Exponential::new(0.9)),
        Box::new(Linear::new(0.25, 1.0, 4).by_step()),
        Box::new(Polynomial::new(8, 2.0)),
        Box::new(Cosine::new(10).min(0.01)),
        Box::new(CosineRestarts::new(3).growth(2).min(0.01)),
        Box::new(OneCycle::new(0.5, 13).up(0.4).start_div(10.0).final_div(100.0).linear().three_phases()),
        Box::new(Plateau::new(0.5, 2).rising().absolute_threshold(0.1).cooldown(1).min(1e-3).eps(1e-9)),
        Box::new(WarmUp::new(4, Cosine::new(6)).from(0.1).by_step()),
    ];
    for schedule in &schedules {
        schedule.validate().unwrap();
        let text = schedule.config().to_string();
        let copy = schedule::from_config(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(copy.config(), schedule.config());
        assert_eq!(rates(&copy, 0.1, 30), rates(schedule, 0.1, 30), "{text}");
    }
    let fault = |config| schedule::from_config(&config).err().expect("a fault").to_string();
    assert!(fault(json!({ "kind": "stepp" })).contains("\"stepp\""));
    assert!(fault(json!({ "kind": "step", "every": 2, "factor": 0.1, "gamma": 1 })).contains("gamma"));
    assert!(fault(Json::Null).contains("your own code"));
    let own = |base: f64, at: &Progress| base / (at.step + 1) as f64;
    assert!(fault(WarmUp::new(3, own).config()).contains("warm_up: schedule"));
}

#[test]
fn schedules_that_make_no_sense_are_named() {
    let faults: Vec<(Box<dyn Schedule>, &str)> = vec![
        (Box::new(StepDecay::new(0, 0.5)), "schedule step: every must be above 0, got 0"),
        (Box::new(StepDecay::new(1, -0.5)), "factor must be 0 or more, got -0.5"),
        (Box::new(Exponential::new(f64::NAN)), "got NaN"),
        (Box::new(Cosine::new(0)), "cosine: length"),
        (Box::new(CosineRestarts::new(3).growth(0)), "growth"),
        (Box::new(Linear::new(-1.0, 1.0, 3)), "start"),
        (Box::new(Polynomial::new(3, -1.0)), "power"),
        (Box::new(OneCycle::new(0.0, 10)), "max must be above 0"),
        (Box::new(OneCycle::new(0.1, 10).up(1.5)), "up must be from 0 to 1, got 1.5"),
        (Box::new(Plateau::new(1.0, 3)), "factor must be at least 0 and below 1, got 1"),
        (Box::new(WarmUp::new(0, Constant::new())), "warm_up: length"),
        (Box::new(WarmUp::new(3, Cosine::new(0))), "cosine: length"),
    ];
    for (schedule, fault) in faults {
        let message = schedule.validate().unwrap_err().to_string();
        assert!(message.contains(fault), "{message}");
        assert!(rates(&*schedule, 0.1, 5).len() == 5, "a wrong setting does not panic");
    }
}

/// What the documentation calls the defaults, which are PyTorch's (and Lion's paper's), and what the builders change.
#[test]
fn defaults_are_those_documented_and_builders_set_what_they_say() {
    fn of(rule: &dyn Rule<f64>) -> Json {
        rule.config()
    }
    let betas = json!([0.9, 0.999]);
    for (found, expected) in [
        (
            of(&Sgd::default()),
            json!({ "lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "nesterov": false, "weight_decay": 0.0 }),
        ),
        (
            of(&Sgd::new(0.5).momentum(0.25).dampening(0.125).nesterov().weight_decay(0.75)),
            json!({ "lr": 0.5, "momentum": 0.25, "dampening": 0.125, "nesterov": true, "weight_decay": 0.75 }),
        ),
        (
            of(&Adam::default()),
            json!({ "lr": 1e-3, "betas": betas, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": false, "decoupled_weight_decay": false }),
        ),
        (
            of(&Adam::new(0.5).betas(0.25, 0.75).eps(0.125).weight_decay(0.375).amsgrad().decoupled_weight_decay()),
            json!({ "lr": 0.5, "betas": [0.25, 0.75], "eps": 0.125, "weight_decay": 0.375, "amsgrad": true, "decoupled_weight_decay": true }),
        ),
        (
            of(&AdamW::default()),
            json!({ "lr": 1e-3, "betas": betas, "eps": 1e-8, "weight_decay": 0.01, "amsgrad": false }),
        ),
        (
            of(&AdamW::new(0.5).betas(0.25, 0.75).eps(0.125).weight_decay(0.375).amsgrad()),
            json!({ "lr": 0.5, "betas": [0.25, 0.75], "eps": 0.125, "weight_decay": 0.375, "amsgrad": true }),
        ),
        (
            of(&NAdam::default()),
            json!({ "lr": 2e-3, "betas": betas, "eps": 1e-8, "weight_decay": 0.0, "momentum_decay": 4e-3, "decoupled_weight_decay": false }),
        ),
        (
            of(&NAdam::new(0.5)
                .betas(0.25, 0.75)
                .eps(0.125)
                .weight_decay(0.375)
                .momentum_decay(0.5)
                .decoupled_weight_decay()),
            json!({ "lr": 0.5, "betas": [0.25, 0.75], "eps": 0.125, "weight_decay": 0.375, "momentum_decay": 0.5, "decoupled_weight_decay": true }),
        ),
        (of(&Adamax::default()), json!({ "lr": 2e-3, "betas": betas, "eps": 1e-8, "weight_decay": 0.0 })),
        (
            of(&Adamax::new(0.5).betas(0.25, 0.75).eps(0.125).weight_decay(0.375)),
            json!({ "lr": 0.5, "betas": [0.25, 0.75], "eps": 0.125, "weight_decay": 0.375 }),
        ),
        (
            of(&Adagrad::default()),
            json!({ "lr": 1e-2, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10 }),
        ),
        (
            of(&Adagrad::new(0.5).lr_decay(0.25).weight_decay(0.375).initial_accumulator_value(2.0).eps(0.125)),
            json!({ "lr": 0.5, "lr_decay": 0.25, "weight_decay": 0.375, "initial_accumulator_value": 2.0, "eps": 0.125 }),
        ),
        (of(&Adadelta::default()), json!({ "lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0 })),
        (
            of(&Adadelta::new(0.5).rho(0.25).eps(0.125).weight_decay(0.375)),
            json!({ "lr": 0.5, "rho": 0.25, "eps": 0.125, "weight_decay": 0.375 }),
        ),
        (
            of(&RmsProp::default()),
            json!({ "lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": false }),
        ),
        (
            of(&RmsProp::new(0.5).alpha(0.25).eps(0.125).weight_decay(0.375).momentum(0.75).centered()),
            json!({ "lr": 0.5, "alpha": 0.25, "eps": 0.125, "weight_decay": 0.375, "momentum": 0.75, "centered": true }),
        ),
        (of(&Lion::default()), json!({ "lr": 1e-4, "betas": [0.9, 0.99], "weight_decay": 0.0 })),
        (
            of(&Lion::new(0.5).betas(0.25, 0.75).weight_decay(0.375)),
            json!({ "lr": 0.5, "betas": [0.25, 0.75], "weight_decay": 0.375 }),
        ),
    ] {
        assert_eq!(found, expected);
    }
    let plateau = Schedule::config(&Plateau::default());
    for (name, value) in
        [("factor", 0.1), ("patience", 10.0), ("threshold", 1e-4), ("cooldown", 0.0), ("min", 0.0), ("eps", 1e-8)]
    {
        assert_eq!(plateau[name].as_f64(), Some(value), "plateau: {name}");
    }
    let cycle = Schedule::config(&OneCycle::new(0.5, 7));
    for (name, value) in [("max", 0.5), ("up", 0.3), ("div", 25.0), ("final_div", 1e4)] {
        assert_eq!(cycle[name].as_f64(), Some(value), "one_cycle: {name}");
    }
}

/// Each setting of each schedule just outside its range: the whole message.
#[test]
fn what_is_wrong_with_a_schedule_is_said_in_full() {
    let faults: Vec<(Box<dyn Schedule>, &str)> = vec![
        (Box::new(Constant::damped(-1.0, 3)), "constant: factor must be 0 or more, got -1"),
        (Box::new(MultiStep::new(vec![2], -1.0)), "multi_step: factor must be 0 or more, got -1"),
        (Box::new(Exponential::new(-1.0)), "exponential: factor must be 0 or more, got -1"),
        (Box::new(StepDecay::new(1, f64::INFINITY)), "step: factor must be 0 or more, got inf"),
        (Box::new(Linear::new(-1.0, 1.0, 3)), "linear: start must be 0 or more, got -1"),
        (Box::new(Linear::new(1.0, -1.0, 3)), "linear: end must be 0 or more, got -1"),
        (Box::new(Linear::new(1.0, 1.0, 0)), "linear: length must be above 0, got 0"),
        (Box::new(Polynomial::new(0, 1.0)), "polynomial: length must be above 0, got 0"),
        (Box::new(Polynomial::new(3, -1.0)), "polynomial: power must be 0 or more, got -1"),
        (Box::new(Cosine::new(0)), "cosine: length must be above 0, got 0"),
        (Box::new(Cosine::new(3).min(-1.0)), "cosine: min must be 0 or more, got -1"),
        (Box::new(CosineRestarts::new(0)), "cosine_restarts: first must be above 0, got 0"),
        (Box::new(CosineRestarts::new(3).growth(0)), "cosine_restarts: growth must be above 0, got 0"),
        (Box::new(CosineRestarts::new(3).min(-1.0)), "cosine_restarts: min must be 0 or more, got -1"),
        (Box::new(OneCycle::new(0.0, 10)), "one_cycle: max must be above 0, got 0"),
        (Box::new(OneCycle::new(0.1, 0)), "one_cycle: length must be above 0, got 0"),
        (Box::new(OneCycle::new(0.1, 10).up(-0.5)), "one_cycle: up must be from 0 to 1, got -0.5"),
        (Box::new(OneCycle::new(0.1, 10).up(1.01)), "one_cycle: up must be from 0 to 1, got 1.01"),
        (Box::new(OneCycle::new(0.1, 10).final_div(0.0)), "one_cycle: final_div must be above 0, got 0"),
        (Box::new(OneCycle::new(0.1, 10).start_div(-1.0)), "one_cycle: div must be above 0, got -1"),
        (Box::new(Plateau::new(-0.5, 3)), "plateau: factor must be at least 0 and below 1, got -0.5"),
        (Box::new(Plateau::new(0.5, 3).threshold(-1.0)), "plateau: threshold must be 0 or more, got -1"),
        (Box::new(Plateau::new(0.5, 3).min(-1.0)), "plateau: min must be 0 or more, got -1"),
        (Box::new(Plateau::new(0.5, 3).eps(-1.0)), "plateau: eps must be 0 or more, got -1"),
        (Box::new(WarmUp::new(0, Constant::new())), "warm_up: length must be above 0, got 0"),
        (Box::new(WarmUp::new(3, Constant::new()).from(-1.0)), "warm_up: from must be 0 or more, got -1"),
    ];
    for (schedule, fault) in faults {
        assert_eq!(schedule.validate().unwrap_err().to_string(), format!("schedule {fault}"));
    }
    // The ends of the ranges are allowed.
    let fine: Vec<Box<dyn Schedule>> = vec![
        Box::new(Constant::damped(0.0, 3)),
        Box::new(Linear::new(0.0, 0.0, 1)),
        Box::new(Polynomial::new(1, 0.0)),
        Box::new(Cosine::new(1).min(0.0)),
        Box::new(CosineRestarts::new(1).growth(1).min(0.0)),
        Box::new(OneCycle::new(0.1, 1).up(0.0)),
        Box::new(OneCycle::new(0.1, 1).up(1.0)),
        Box::new(Plateau::new(0.0, 0).threshold(0.0).min(0.0).eps(0.0)),
        Box::new(WarmUp::new(1, Constant::new()).from(0.0)),
    ];
    for schedule in fine {
        schedule.validate().unwrap();
    }
}

/// Every rule lowers the loss of a small network.
#[test]
fn every_rule_learns() {
    let x = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let y = Tensor::from([[0.0], [1.0], [1.0], [1.0]]);
    for mut optimizer in all_rules() {
        let mut model = Model::<f64>::new(Sequential::new().with(Dense::new(1)), 2, 3).unwrap();
        let mut tape = Tape::new();
        optimizer.set_learning_rate(optimizer.learning_rate() * 0.2);
        let mut losses = Vec::new();
        for batch in 0..60 {
            let draw = Draw { batch, ..Draw::default() };
            let step = model
                .step(&mut tape, draw, |model, pass| {
                    Ok((model.forward(pass.tape().data(&x), pass) - pass.tape().data(&y)).square().mean(()))
                })
                .unwrap();
            optimizer.step(model.params_mut(), &step.grads);
            losses.push(step.loss);
        }
        assert!(losses[59] < 0.9 * losses[0], "{}: {} to {}", optimizer.config(), losses[0], losses[59]);
    }
}

/// The rates of each schedule at base 1, from its formula.
#[test]
fn rates_are_those_of_the_formulas() {
    let half = std::f64::consts::SQRT_2 / 2.0;
    let cases: Vec<(Box<dyn Schedule>, Vec<f64>)> = vec![
        (Box::new(Constant::new()), vec![1.0, 1.0, 1.0]),
        (Box::new(Constant::damped(0.25, 2)), vec![0.25, 0.25, 1.0, 1.0]),
        (Box::new(StepDecay::new(2, 0.5)), vec![1.0, 1.0, 0.5, 0.5, 0.25]),
        (Box::new(MultiStep::new([1, 3], 0.5)), vec![1.0, 0.5, 0.5, 0.25, 0.25]),
        (Box::new(Exponential::new(0.5)), vec![1.0, 0.5, 0.25, 0.125]),
        (Box::new(Linear::new(0.5, 0.25, 2)), vec![0.5, 0.375, 0.25, 0.25]),
        (Box::new(Linear::new(0.5, 0.25, 1)), vec![0.5, 0.25, 0.25]),
        (Box::new(Polynomial::new(4, 2.0)), vec![1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]),
        // min + (1 - min) (1 + cos(pi t / 4)) / 2.
        (Box::new(Cosine::new(4)), vec![1.0, 0.5 + half / 2.0, 0.5, 0.5 - half / 2.0, 0.0]),
        (Box::new(Cosine::new(2).min(0.2)), vec![1.0, 0.6, 0.2]),
        (Box::new(CosineRestarts::new(2).min(0.2)), vec![1.0, 0.6, 1.0, 0.6, 1.0]),
        (Box::new(CosineRestarts::new(1).growth(2)), vec![1.0, 1.0, 0.5, 1.0, 0.5 + half / 2.0, 0.5]),
        // Up to the maximum at update 0.25 * 4 - 1 = 0, down to a 10,000th of its 25th at update 3.
        (Box::new(OneCycle::new(0.5, 4).up(0.25).linear()), vec![0.5, 0.3333340, 0.1666680, 2e-6, 2e-6, 2e-6]),
        (Box::new(OneCycle::new(0.5, 1)), vec![2e-6, 2e-6, 2e-6]),
        // Up to update 1, down as far to update 2, and on to the end at update 3.
        (
            Box::new(OneCycle::new(0.5, 4).up(0.5).start_div(5.0).final_div(10.0).linear().three_phases()),
            vec![0.1, 0.5, 0.1, 0.01, 0.01],
        ),
        (Box::new(WarmUp::new(2, StepDecay::new(1, 0.5)).from(0.5)), vec![0.5, 0.75, 1.0, 0.5, 0.25]),
        (Box::new(WarmUp::new(4, StepDecay::new(1, 0.5)).by_step()), vec![0.2, 0.4, 0.6, 0.8, 1.0, 0.5, 0.25]),
    ];
    for (schedule, want) in cases {
        close(&rates(&*schedule, 1.0, want.len() as u64), &want, 1e-6);
    }
    // A length of 0, which validation refuses, divides by nothing; far behind the last restart no time is lost.
    assert_eq!(Cosine::new(0).learning_rate(1.0, &at(0)), 1.0);
    close(&[CosineRestarts::new(3).learning_rate(1.0, &at(1 << 60))], &[0.75], 1e-12);
}

/// Patience 0 and factor 1/2: 1/2 where the last value did not improve on the first.
#[test]
fn plateau_knows_what_an_improvement_is() {
    let plateau = || Plateau::new(0.5, 0);
    let rate = |plateau: Plateau, seen: &[f64]| {
        plateau.learning_rate(1.0, &Progress { monitored: seen, ..Progress::default() })
    };
    for (name, schedule, first, same, better) in [
        ("falling, relative", plateau().threshold(0.25), 8.0, 6.0, 5.99),
        ("rising, relative", plateau().threshold(0.25).rising(), 8.0, 10.0, 10.01),
        ("falling, absolute", plateau().absolute_threshold(0.25), 8.0, 7.75, 7.74),
        ("rising, absolute", plateau().absolute_threshold(0.25).rising(), 8.0, 8.25, 8.26),
        ("relative after absolute", plateau().absolute_threshold(9.0).threshold(0.25), 8.0, 6.0, 5.99),
    ] {
        assert_eq!(rate(schedule, &[first, same]), 0.5, "{name}");
        assert_eq!(rate(schedule, &[first, better]), 1.0, "{name}");
    }
    // The first value counts where it is no number; patience and cooldown count from there.
    assert_eq!(rate(plateau(), &[f64::NAN]), 0.5);
    assert_eq!(rate(Plateau::new(0.5, 1), &[f64::NAN]), 1.0);
    assert_eq!(rate(plateau().cooldown(1), &[1.0, 1.0, 1.0]), 0.5);
    assert_eq!(rate(plateau().cooldown(1), &[1.0, 1.0, 1.0, 1.0]), 0.25);
    // A fall by eps is none.
    assert_eq!(rate(plateau().eps(0.5), &[f64::NAN]), 1.0);
    assert_eq!(rate(plateau().eps(0.49), &[f64::NAN]), 0.5);
}

#[test]
fn rules_keep_the_state_that_they_need_and_no_more() {
    fn slots(rule: &dyn Rule<f64>) -> Vec<&'static str> {
        rule.slots()
    }
    assert_eq!(slots(&Sgd::new(0.1)), Vec::<&str>::new());
    assert_eq!(slots(&Sgd::new(0.1).momentum(0.9)), ["velocity"]);
    assert_eq!(slots(&Sgd::new(0.1).momentum(1.0)), ["velocity"]);
    assert_eq!(slots(&RmsProp::new(0.1)), ["square"]);
    assert_eq!(slots(&RmsProp::new(0.1).momentum(0.9).centered()), ["square", "mean", "velocity"]);
    assert_eq!(slots(&Adam::new(0.1)).len(), 2);
    assert_eq!(slots(&Adam::new(0.1).amsgrad()).len(), 3);
}

/// A rule of one's own that says no more than it must: p = p - rate (g + decay p).
struct Plain;
impl Rule<f64> for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn learning_rate(&self) -> f64 {
        0.5
    }
    fn update(&self, at: At, parameter: &mut [f64], gradient: &[f64], slots: &mut [&mut [f64]], numbers: &mut [f64]) {
        assert!(slots.is_empty() && numbers.is_empty());
        for (p, g) in parameter.iter_mut().zip(gradient) {
            *p -= at.learning_rate * (g + at.weight_decay * *p);
        }
    }
    fn config(&self) -> Json {
        json!({})
    }
    fn validate(&self) -> retrograd::Result<()> {
        Ok(())
    }
}

#[test]
fn a_rule_and_a_group_that_say_nothing_change_nothing() {
    let (mut params, keys) = params();
    let mut optimizer = Optimizer::new(Plain).group(Group::role(Role::Scale)).group(Group::new("dense1.bias"));
    optimizer.validate(&params).unwrap();
    optimizer.step(&mut params, &grads(&keys, &[1.0; 3]));
    assert_eq!(values(&params), [1.5; 3]);
}
