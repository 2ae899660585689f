/// The n-th derivative y_n of e^(x^2) erfc(x).
///
/// y_n = 2 x y_(n-1) + 2 (n-1) y_(n-2), where y_1 = 2 x y_0 - 2/sqrt(pi). Nothing cancels below 0, and little up to 1/2. Beyond,
/// y_1 is a polynomial as in `erfcx`, and -y_n / y_(n-1) the continued fraction 2n / (2x + 2(n+1) / (2x + ...)), from a term so
/// far on that what stands there does not matter. Source: Gautschi, SIAM Review 9 (1967).
fn erfcx_derivative(x: f64, n: f64) -> f64 {
    const BESIDE_FIRST: [f64; 28] = [
        -1.5055854396437625,
        1.8315910715380535,
        -1.439391361127241,
        0.7095572898709505,
        -0.06675360426961176,
        -0.26285561885587755,
        0.2991738629640416,
        -0.19200465088208682,
        0.0781334134920205,
        -0.014953128274536044,
        -0.0037286697054541387,
        0.0033170104718980493,
        -0.0004896626234881206,
        -0.0003514527405780847,
        0.000148338660914362,
        2.8164468464035765e-05,
        -2.7623732897678903e-05,
        -1.6442915917084395e-06,
        4.793921631283559e-06,
        4.592782782118988e-08,
        -8.417235351370323e-07,
        -6.190902706588415e-09,
        1.4433997071403615e-07,
        5.109870839349442e-09,
        -2.0641467010846127e-08,
        -1.4934622919358427e-09,
        1.7068287289728395e-09,
        1.7626454352881014e-10,
    ];
    if n == 0.0 {
        return erfcx(x);
    }
    let first = if x < 0.0 {
        2.0 * x * erfcx(x) - std::f64::consts::FRAC_2_SQRT_PI
    } else if x > 1e8 {
        -0.5641895835477563 / x / x
    } else {
        let t = (x - 3.75) / (x + 3.75);
        let polynomial = BESIDE_FIRST.iter().rev().fold(0.0, |sum, c| sum * t + c);
        let root = 1.0 + 2.0 * x;
        (2.0 * x / (x + 3.75) * polynomial - std::f64::consts::FRAC_2_SQRT_PI) / root / root
    };
    if n > 1.0 && x < 0.5 {
        let (mut before, mut y, mut k) = (erfcx(x), first, 1.0);
        while k < n {
            (before, y) = (y, 2.0 * (x * y + k * before));
            k += 1.0;
        }
        return y;
    }
    let mut k = n + (170.0 / (x * x) + 40.0 / x + 6.0).floor();
    let mut ratio = 2.0 * (k + 1.0) / (x + (x * x + 2.0 * (k + 1.0)).sqrt());
    let mut y = first;
    while n > 1.0 && k > 1.0 {
        ratio = 2.0 * k / (2.0 * x + ratio);
        if k <= n {
            y *= -ratio;
        }
        k -= 1.0;
    }
    y
}
