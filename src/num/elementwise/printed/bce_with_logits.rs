/// Binary cross-entropy of a logit against a target.
fn bce_with_logits(logit: f64, target: f64) -> f64 {
    (logit.max(0.0) - logit * target) + softplus(-logit.abs())
}
