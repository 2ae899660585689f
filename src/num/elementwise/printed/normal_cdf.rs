/// The standard normal distribution function, erfc(-x / sqrt(2)) / 2.
fn normal_cdf(x: f64) -> f64 {
    if x > 0.0 {
        return 1.0 - normal_cdf(-x);
    }
    if x < -40.0 {
        return 0.0;
    }
    // e^(-x^2/2) in two factors where it would be subnormal, and what the square lost in rounding.
    let square = x * x;
    let lost = x.mul_add(x, -square);
    let (power, rest) =
        if square < 150.0 { ((-0.5 * square).exp(), 1.0) } else { ((-0.25 * square).exp(), (-0.25 * square).exp()) };
    let value = 0.5 * erfcx(x * -std::f64::consts::FRAC_1_SQRT_2) * power * rest;
    value - 0.5 * lost * value
}
