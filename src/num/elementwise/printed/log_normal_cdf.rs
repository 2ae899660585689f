/// ln normal_cdf(x).
fn log_normal_cdf(x: f64) -> f64 {
    if x >= 0.0 {
        return (-normal_cdf(-x)).ln_1p();
    }
    // Two terms of one sign.
    (0.5 * erfcx(x * -std::f64::consts::FRAC_1_SQRT_2)).ln() - x * (0.5 * x)
}
