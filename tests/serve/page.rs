//! The page in Chromium: what it shows, and that keys do all of it.
//!
//! Where Chromium is missing, these say so and test nothing.

use super::browser::{Browser, start};
use super::server;
use serde_json::{Value, json};
use std::time::Duration;

const WIDE: (u32, u32) = (1280, 900);
const NARROW: (u32, u32) = (390, 844);

/// The page has shown what there is to say of its text.
const SHOWN: &str = "!!document.body && !!document.body.dataset.shown && !document.body.classList.contains('stale') \
    && document.getElementById('verdict').dataset.verdict !== 'judging'";
const VERDICT: &str = "document.getElementById('verdict').dataset.verdict || ''";

/// A text of one's own, with a wrong statement in line 8.
const OWN: &str = "x = 0.5\nw = -2.0\nz = w * x\na = np.tanh(z)\nL = (a - 1.0) ** 2\n# backward\nda = 2 * (a - 1)\ndz = da * (1 - a)\ndw = dz * x\n";

fn open(browser: &mut Browser, query: &str, size: (u32, u32)) {
    let url = format!("http://{}/?{query}", server());
    browser.open(&url, size);
    browser.until(SHOWN);
}

/// Puts a text in place of the page's, as someone who types.
fn put(browser: &mut Browser, text: &str) {
    browser.value("text.focus(); text.select()");
    browser.write(text);
    browser.until("document.body.classList.contains('stale') || true");
    browser.until(SHOWN);
}

fn classics() -> Vec<Value> {
    retrograd::text::page::classics()["classics"].as_array().unwrap().clone()
}

#[test]
fn the_printed_wrong_forms_are_diagnosed() {
    let Some(mut browser) = start() else { return };
    let wrong: Vec<Value> = classics().into_iter().filter(|one| one["is_wrong"] == true).collect();
    assert!(!wrong.is_empty());
    let mut slowest = (Duration::ZERO, String::new());
    let address = server();
    for one in wrong {
        let name = one["name"].as_str().unwrap();
        browser.open(&format!("http://{address}/?classic={name}"), WIDE);
        let took = browser.until(SHOWN);
        assert_eq!(
            browser.text(VERDICT),
            "wrong",
            "{name}: {}",
            browser.text("document.getElementById('verdict').innerText")
        );
        let first = browser.text("document.querySelector('#gutter .wrong').innerText");
        assert_eq!(first.trim(), format!("{}✗", one["wrong_line"]), "{name}");
        if took > slowest.0 {
            slowest = (took, name.to_owned());
        }
    }
    println!("the slowest, from the page's beginning to the verdict: {slowest:?}");
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn the_right_forms_have_no_complaint() {
    let Some(mut browser) = start() else { return };
    let address = server();
    for one in classics().into_iter().filter(|one| one["is_wrong"] == false) {
        let name = one["name"].as_str().unwrap();
        browser.open(&format!("http://{address}/?classic={name}"), WIDE);
        browser.until(SHOWN);
        assert_eq!(
            browser.text(VERDICT),
            "right",
            "{name}: {}",
            browser.text("document.getElementById('verdict').innerText")
        );
    }
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn what_is_typed_is_judged_and_the_correction_goes_in_and_out_by_keys() {
    let Some(mut browser) = start() else { return };
    open(&mut browser, "", WIDE);
    put(&mut browser, OWN);
    browser.until("document.getElementById('verdict').innerText.startsWith('Line 8 is wrong')");
    assert_eq!(browser.text("document.querySelector('#gutter .wrong').innerText").trim(), "8✗");
    assert!(
        browser.text("document.getElementById('findings').innerText").contains("+ dz = da * (1 - a"),
        "no correction"
    );
    browser.press("Enter", "Enter", 1);
    browser.until("document.getElementById('verdict').dataset.verdict === 'right'");
    let corrected = browser.text("text.value");
    assert_ne!(corrected, OWN);
    assert_eq!(corrected.lines().count(), OWN.lines().count());
    browser.value("document.execCommand('undo')");
    browser.until("document.getElementById('verdict').dataset.verdict === 'wrong'");
    assert_eq!(browser.text("text.value"), OWN);
    // What cannot be read is said with its place, and the graph stays.
    put(&mut browser, &OWN.replace("w * x", "w * * x"));
    browser.until("document.getElementById('verdict').dataset.verdict === 'error'");
    assert!(browser.text("document.getElementById('verdict').innerText").starts_with("Line 3:"));
    assert!(browser.value("!!document.querySelector('#drawing.stale svg')") == true);
    assert!(browser.value("!!document.querySelector('#behind .spot')") == true);
    put(&mut browser, "x = load(\"/etc/passwd\")\n");
    browser.until("document.getElementById('verdict').dataset.verdict === 'error'");
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn the_sweep_is_stepped_by_keys_and_node_and_line_light_up_together() {
    let Some(mut browser) = start() else { return };
    open(&mut browser, "", WIDE);
    put(&mut browser, OWN);
    let lit = "JSON.stringify([document.getElementById('where').innerText, \
        [...document.querySelectorAll('#drawing .box.lit title')].map((title) => title.textContent), \
        [...document.querySelectorAll('#gutter .lit')].map((row) => parseInt(row.innerText)), \
        [...document.querySelectorAll('#drawing .box.waiting')].length, \
        [...document.querySelectorAll('#drawing .edge.lit')].length])";
    let shown = |browser: &mut Browser| serde_json::from_str::<Value>(&browser.text(lit)).unwrap();
    assert_eq!(shown(&mut browser)[0], "after the sweep");
    browser.value("document.activeElement.blur()");
    browser.press("Home", "Home", 0);
    let before = shown(&mut browser);
    assert_eq!((&before[0], &before[1]), (&json!("before the sweep"), &json!([])));
    browser.press("ArrowRight", "ArrowRight", 0);
    let first = shown(&mut browser);
    assert!(first[0].as_str().unwrap().starts_with("step 1 of "), "{first}");
    assert_eq!((&first[1], &first[2]), (&json!(["L"]), &json!([5])));
    assert_eq!(first[3].as_u64(), before[3].as_u64().map(|waiting| waiting - 1));
    // On, until the sweep is at a, in line 4, whose gradient is line 7's.
    let at_a = (0..10).find_map(|_| {
        browser.press(".", "Period", 1);
        let now = shown(&mut browser);
        (now[1] == json!(["a"])).then_some(now)
    });
    let at_a = at_a.expect("the sweep comes to a");
    assert_eq!((&at_a[2], &at_a[4]), (&json!([4, 7]), &json!(1)));
    assert!(browser.text("document.getElementById('step').innerText").contains("line 7: da = 2 * (a - 1)"));
    browser.press("ArrowLeft", "ArrowLeft", 0);
    assert_ne!(shown(&mut browser)[1], json!(["a"]));
    // The other way round: the caret in line 9, which is dw, lights up w.
    browser.value("text.focus(); text.setSelectionRange(text.value.indexOf('dw ='), text.value.indexOf('dw ='))");
    browser.until(
        "[...document.querySelectorAll('#drawing .box.lit title')].map((title) => title.textContent).join() === 'w'",
    );
    // A click on a node goes to its step.
    browser.value("[...document.querySelectorAll('#drawing .box')].find((box) => box.textContent.startsWith('z')).dispatchEvent(new MouseEvent('click'))");
    assert_eq!((&shown(&mut browser)[1], &shown(&mut browser)[2]), (&json!(["z"]), &json!([3, 8])));
    browser.press("End", "End", 0);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn a_slider_moves_its_number_in_the_text() {
    let Some(mut browser) = start() else { return };
    open(&mut browser, "", WIDE);
    put(&mut browser, OWN);
    browser.until("document.querySelectorAll('#sliders input').length === 2");
    let value = browser.text("document.getElementById('verdict').innerText");
    browser.value("document.querySelector('#sliders input').focus()");
    for _ in 0..5 {
        browser.press("ArrowRight", "ArrowRight", 0);
    }
    browser.until(SHOWN);
    let first = browser.text("text.value.split('\\n')[0]");
    let moved: f64 = first.strip_prefix("x = ").unwrap().parse().unwrap();
    assert!(moved > 0.5, "{first}");
    browser.until(&format!("document.getElementById('verdict').innerText !== {}", json!(value)));
    assert_eq!(browser.text("text.value").lines().skip(1).collect::<Vec<_>>(), OWN.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(browser.value("document.activeElement === document.querySelector('#sliders input')"), true);
}

#[test]
fn formulas_stand_in_mathml_and_lines_have_values_and_verdicts() {
    let Some(mut browser) = start() else { return };
    open(&mut browser, "view=formulas", WIDE);
    put(&mut browser, OWN);
    browser.until("document.querySelectorAll('#formulas math').length > 6");
    assert_eq!(browser.value("[...document.querySelectorAll('#formulas math')].every((math) => math.namespaceURI.endsWith('MathML') && math.getBoundingClientRect().height > 5)"), true);
    browser.press("3", "Digit3", 1);
    let lines = browser.text("document.getElementById('lines').innerText");
    for said in ["tanh", "dz", "✗ wrong", "fed by what is wrong"] {
        assert!(said == "tanh" || lines.contains(said), "{said} is not in {lines}");
    }
    assert!(browser.text("document.querySelectorAll('#behind div')[2].innerText").contains("-1"));
}

#[test]
fn xor_and_two_moons_are_learned_in_sight() {
    let Some(mut browser) = start() else { return };
    for data in ["xor", "moons"] {
        open(&mut browser, &format!("view=training&still&data={data}"), WIDE);
        browser.until(&format!("document.getElementById('training').dataset.trained === '{data}'"));
        let captions = browser
            .text("[...document.querySelectorAll('#training figcaption')].map((one) => one.innerText).join('; ')");
        let losses: Vec<f64> =
            captions.split("loss ").skip(1).map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect();
        assert!(losses[1] < losses[0] / 2.0, "{captions}");
        let colours = "(canvas) => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, 320, 320).data.buffer)).size";
        assert_eq!(
            browser.value(&format!(
                "[...document.querySelectorAll('#training canvas')].every((canvas) => ({colours})(canvas) > 50)"
            )),
            true
        );
        assert_eq!(browser.value("document.querySelectorAll('#loss polyline').length"), 2);
        assert_eq!(browser.value("document.querySelectorAll('#gradients polyline').length"), 6);
        browser.value("document.querySelector('[name=with]').click()");
        assert_eq!(browser.value("document.querySelectorAll('#loss polyline').length"), 1);
    }
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[test]
fn every_control_is_reached_by_tab() {
    let Some(mut browser) = start() else { return };
    open(&mut browser, "step=2", WIDE);
    put(&mut browser, OWN);
    browser.value("document.activeElement.blur(); window.getSelection().removeAllRanges()");
    let mut reached = Vec::new();
    for _ in 0..40 {
        browser.press("Tab", "Tab", 0);
        reached.push(
            browser.text(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName",
            ),
        );
    }
    for control in [
        "classics",
        "keys-button",
        "text",
        "main apply",
        "INPUT",
        "tab-graph",
        "first",
        "back",
        "position",
        "fit",
        "drawing",
    ] {
        assert!(reached.iter().any(|id| id == control), "{control} is not in {reached:?}");
    }
}

#[test]
fn nothing_is_cut_off_or_pale_at_both_widths_light_and_dark() {
    let Some(mut browser) = start() else { return };
    // The ratio of luminances of a text to what is behind it, as WCAG 2 has it.
    browser.open("about:blank", WIDE);
    let contrast = r#"(() => {
        const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
        const luminance = (c) => c.slice(0, 3).map((x) => x / 255).map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)).reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (element) => { for (let at = element; at; at = at.parentElement) { const c = channels(getComputedStyle(at).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
        const pale = [];
        for (const element of document.querySelectorAll('h1, #verdict strong, #verdict small, .mark, .finding p, .was, .is, button:not(:disabled), [role=tab], #where, #step p, .beside, label, td, th, figcaption')) {
            if (!element.innerText || !element.getClientRects().length || element.closest('.stale')) continue;
            const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) pale.push(`${element.tagName}.${element.className}#${element.id} ${ratio.toFixed(2)} ${element.innerText.slice(0, 20)}`);
        }
        return JSON.stringify(pale);
    })()"#;
    for size in [WIDE, NARROW] {
        for scheme in ["light", "dark"] {
            for view in ["graph", "formulas", "lines", "training"] {
                open(&mut browser, &format!("view={view}&still"), size);
                browser.prefer(scheme);
                put(&mut browser, OWN);
                if view == "training" {
                    browser.until("!!document.getElementById('training').dataset.trained");
                }
                let width = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
                assert!(width <= u64::from(size.0), "{view} at {size:?} is {width} wide");
                let beyond = "JSON.stringify([...document.querySelectorAll('button, input, select, h1, h2, label')].filter((one) => { const box = one.getBoundingClientRect(); return box.width && (box.left < -1 || box.right > innerWidth + 1); }).map((one) => one.id || one.innerText))";
                assert_eq!(browser.text(beyond), "[]", "{view} at {size:?}");
                assert_eq!(browser.text(contrast), "[]", "{view} at {size:?}, {scheme}");
            }
        }
    }
}

#[test]
fn a_page_that_stands_alone_has_it_all_and_asks_nobody() {
    let Some(mut browser) = start() else { return };
    let analysis = retrograd::text::page::analysis(OWN, &Default::default());
    let page = retrograd::text::page::still("</script> & own.py", OWN, &analysis);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.html");
    std::fs::write(&path, page).unwrap();
    browser.open(&format!("file://{}", path.display()), WIDE);
    browser.until(SHOWN);
    assert_eq!(browser.text("document.querySelector('h1').innerText"), "</script> & own.py");
    assert!(browser.text("document.getElementById('verdict').innerText").starts_with("Line 8 is wrong"));
    assert!(browser.text("document.getElementById('findings').innerText").contains("+ dz = da"));
    browser.press("Home", "Home", 0);
    browser.press("ArrowRight", "ArrowRight", 0);
    assert!(browser.text("document.getElementById('where').innerText").starts_with("step 1 of "));
    assert_eq!(browser.value("document.querySelectorAll('.live, .apply, #sliders input').length"), 0);
    assert_eq!(browser.value("performance.getEntriesByType('resource').length"), 0);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
