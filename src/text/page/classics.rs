//! The classics of the page's menu: derivations that people hand-code, in right form and in wrong ones, as files of the repository.

use serde_json::{Value, json};

/// Each file's name and text.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../examples/classics/", $name, ".py")))),+]
    };
}

/// Every file of the folder.
const FILES: &[(&str, &str)] = &files![
    "attention",
    "attention_wrong_diagonal",
    "attention_wrong_scale",
    "batch_norm",
    "batch_norm_compact",
    "batch_norm_compact_wrong_term",
    "batch_norm_wrong_mean",
    "chain_relu",
    "chain_relu_off",
    "chain_relu_wrong_factor",
    "chain_seven",
    "chain_seven_printed_fifth_factor",
    "chain_seven_printed_fourth_factor",
    "chain_sigmoid",
    "chain_sigmoid_wrong_slope",
    "columns",
    "columns_printed_dw1",
    "convolution",
    "convolution_wrong_overwrites",
    "course",
    "course_one_example",
    "course_one_example_printed_dE_da",
    "course_printed_bias_penalised",
    "course_printed_cost_without_minus",
    "course_printed_no_slope",
    "course_printed_penalty_not_divided",
    "course_printed_y_minus_a",
    "course_printed_zero_minus_y",
    "distances",
    "distances_wrong_term",
    "gaussian",
    "gaussian_wrong_count",
    "graph",
    "graph_wrong_one_path",
    "k_means",
    "k_means_masks",
    "k_means_masks_wrong_mean",
    "k_means_wrong_overwrites",
    "layer_norm",
    "layer_norm_loops",
    "layer_norm_loops_wrong_weight",
    "layer_norm_wrong_norm",
    "logistic",
    "logistic_vectors",
    "logistic_vectors_wrong_mean",
    "logistic_wrong_sign",
    "lstm_cell",
    "lstm_cell_wrong_cell",
    "nielsen_cross_entropy",
    "nielsen_cross_entropy_wrong_activation",
    "nielsen_cross_entropy_wrong_slope_kept",
    "nielsen_quadratic",
    "nielsen_quadratic_wrong_no_slope",
    "ridge",
    "ridge_wrong_penalty",
    "softmax",
    "softmax_elements",
    "softmax_jacobian",
    "softmax_jacobian_printed_diagonal_alone",
    "softmax_printed_mean_over_classes",
    "softmax_printed_probabilities_for_logits",
    "softmax_printed_twice",
    "softmax_rows",
    "softmax_rows_printed_diagonal_alone",
    "trask_descent",
    "trask_descent_wrong_derivative",
    "trask_one_layer",
    "trask_one_layer_wrong_slope",
    "trask_two_layers",
    "trask_two_layers_wrong_error",
    "units",
    "units_printed_loss_is_difference",
    "units_printed_sign_halfway",
    "units_vectors",
    "units_vectors_printed_loss_is_difference",
    "units_vectors_printed_sign_halfway",
];

/// What marks the wrong statement in a file.
const MARK: &str = "# <- wrong";
/// What a file's second line says of it, if it is a wrong form.
const WRONG: &str = "# Wrong: ";

/// The menu: names, titles, and texts without the remarks that tell where the mistake is; and its line, for those who check the page.
pub fn classics() -> Value {
    json!({ "classics": FILES.iter().map(|(name, text)| classic(name, text)).collect::<Vec<_>>() })
}

fn classic(name: &str, file: &str) -> Value {
    let heading = file.lines().next().unwrap_or_default().trim_start_matches("# ");
    let said = file.lines().find_map(|line| line.strip_prefix(WRONG));
    let kept = || file.lines().filter(|line| !line.starts_with(WRONG));
    let wrong_line = kept().position(|line| line.contains(MARK)).map(|i| i + 1);
    let text: String =
        kept().map(|line| format!("{}\n", line.split(MARK).next().unwrap_or_default().trim_end())).collect();
    let (letter, what) = heading.split_once(". ").unwrap_or(("", heading));
    let short = what.split([':', ';', ',']).next().unwrap_or_default().trim_end_matches('.');
    let title = match said {
        Some(said) => format!("{letter}. {short} - {}", said.trim_end_matches('.')),
        None => format!("{letter}. {}", what.trim_end_matches('.')),
    };
    json!({
        "name": name, "title": title, "is_wrong": said.is_some(), "is_printed": name.contains("_printed_"), "wrong_line": wrong_line, "text": text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_menu() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/classics");
        let files =
            std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let mut there: Vec<String> = files.filter_map(|name| name.strip_suffix(".py").map(str::to_owned)).collect();
        there.sort();
        let mut listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        listed.sort();
        assert_eq!(listed, there);
    }

    #[test]
    fn wrong_forms_say_what_is_wrong_in_the_menu_and_not_in_the_text() {
        let all = classics();
        let all = all["classics"].as_array().unwrap();
        let one = |name: &str| all.iter().find(|one| one["name"] == name).unwrap();
        let wrong = one("columns_printed_dw1");
        assert_eq!(wrong["title"], "B. The vectorised two-layer form - dW1 is dZ2 / m");
        let line = wrong["wrong_line"].as_u64().unwrap() as usize;
        let text = wrong["text"].as_str().unwrap();
        assert_eq!(text.lines().nth(line - 1), Some("dW1 = 1 / m * dZ2"));
        assert!(
            all.iter().all(|one| one["is_wrong"] == one["wrong_line"].is_number()
                && !one["text"].as_str().unwrap().contains("rong:"))
        );
        assert_eq!((one("graph")["is_wrong"].clone(), one("graph")["wrong_line"].clone()), (json!(false), Value::Null));
    }
}
