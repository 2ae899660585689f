/// The standard normal density, e^(-x^2/2) / sqrt(2 pi).
fn normal_pdf(x: f64) -> f64 {
    if x.abs() > 40.0 {
        return 0.0;
    }
    // In two factors where the power would be subnormal, and with what the square lost in rounding.
    let square = x * x;
    let lost = x.mul_add(x, -square);
    let (power, rest) =
        if square < 150.0 { ((-0.5 * square).exp(), 1.0) } else { ((-0.25 * square).exp(), (-0.25 * square).exp()) };
    let value = 0.3989422804014327 * power * rest;
    value - 0.5 * lost * value
}
