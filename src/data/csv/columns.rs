//! From rows of cells to inputs and targets: what each column is for, what it holds.

use super::reading::MISSING_WORD;
use super::*;
use crate::Tensor;
use std::collections::{BTreeSet, HashMap};

/// A table with what becomes of it.
struct Plan<'t> {
    table: &'t Table,
    rows: Vec<&'t Line>,
    /// The columns of the preprocessing, and where they are in the table; those that have no place are not read.
    columns: Vec<Column>,
    places: Vec<Option<usize>>,
    /// The target columns in the table, in the order of the values.
    targets: Vec<usize>,
}

impl Csv {
    #[inline(never)]
    pub(super) fn dataset<T: Element>(&self, table: Table) -> Result<Dataset<T>> {
        let table = &self.named(table)?;
        if let Some(pattern) = &self.like {
            return self.dataset_like(table, pattern);
        }
        let (roles, targets) = self.roles(table)?;
        self.refuse_row_numbers(table, &roles)?;
        let used = |&column: &usize| roles[column] != ColumnRole::Ignored;
        refuse_like_names(table, &(0..roles.len()).filter(used).collect::<Vec<_>>())?;
        let rows = self.rows(table, |column| roles[column] != ColumnRole::Ignored)?;
        let columns = self.columns(table, &roles, &rows)?;
        let places = (0..columns.len()).map(Some).collect();
        let plan = Plan { table, rows, columns, places, targets };
        self.refuse_missing_targets(&plan)?;
        let (class_names, targets) = self.read_targets(&plan)?;
        let inputs = self.inputs(&plan)?;
        let target_names = plan.targets.iter().map(|&column| table.names[column].clone()).collect();
        let mut reading = self.reading.clone();
        reading.header = table.header.into();
        let preprocessing = Preprocessing::of_columns(plan.columns, class_names, target_names, reading)?;
        let inputs = Tensor::new([plan.rows.len(), preprocessing.n_features()], inputs)?;
        Dataset::with_preprocessing(inputs, targets, preprocessing)
    }

    /// The data set whose columns, words, classes and scaling are those of another.
    fn dataset_like<T: Element>(&self, table: &Table, pattern: &Preprocessing) -> Result<Dataset<T>> {
        let wrong = |message: String| Error::argument(format!("{}: {message}", table.origin));
        let asked = [("target", &self.targets), ("categorical", &self.categorical), ("ignore", &self.ignored)];
        if let Some((method, _)) = asked.iter().find(|(_, columns)| !columns.is_empty()) {
            return Err(wrong(format!(
                "{method}() was called for a file that is read like another, which says what every column is; leave it out"
            )));
        }
        if self.task.is_some() {
            return Err(wrong(
                "a file that is read like another has its classes or values; leave classification(), \
                 regression() and class_names() out"
                    .into(),
            ));
        }
        if pattern.target_names().is_empty() {
            return Err(wrong(
                "the data that it is to be read like have no target column: they are of no table".into(),
            ));
        }
        let columns = pattern.columns().to_vec();
        let places = if table.named {
            let place = |column: &Column| {
                match column.kind {
                ColumnKind::Ignored => Ok(None),
                _ => table.column(&column.name).map(Some).map_err(|error| match table.header && has_numbers(&table.names) {
                    true => Error::argument(format!(
                        "{error}; the first row is taken for a header, as in the file that it is read like: if it has none, call \
                         header(false)"
                    )),
                    false => error,
                }),
            }
            };
            columns.iter().map(place).collect::<Result<Vec<_>>>()?
        } else if table.names.len() == columns.len() {
            (0..columns.len()).map(Some).collect()
        } else {
            return Err(wrong(format!(
                "rows of {} columns and no header; the file that it is read like has {}: {}",
                table.names.len(),
                columns.len(),
                listed(&columns.iter().map(|column| &column.name[..]).collect::<Vec<_>>())
            )));
        };
        let is = |column: &Column, name: &str| column.kind == ColumnKind::Target && column.name == name;
        let target = |name: &&str| columns.iter().position(|column| is(column, name)).and_then(|at| places[at]);
        let targets: Vec<usize> = pattern.target_names().iter().filter_map(target).collect();
        let used: Vec<usize> = columns
            .iter()
            .zip(&places)
            .filter_map(|(column, place)| place.filter(|_| column.kind != ColumnKind::Ignored))
            .collect();
        let rows = self.rows(table, |column| used.contains(&column))?;
        let plan = Plan { table, rows, columns, places, targets };
        self.refuse_missing_targets(&plan)?;
        let targets = match pattern.class_names() {
            [] => self.values(&plan)?,
            names => {
                let label = |row: &&Line| self.label(&plan, row, names);
                Targets::Labels(plan.rows.iter().map(label).collect::<Result<_>>()?)
            }
        };
        let inputs = Tensor::new([plan.rows.len(), pattern.n_features()], self.inputs(&plan)?)?;
        let data = Dataset::with_preprocessing(inputs, targets, pattern.unscaled())?;
        let data = pattern.scalers().iter().try_fold(data, |data, scaler| data.scaled_by(scaler))?;
        pattern.target_scalers().iter().try_fold(data, |data, scaler| data.targets_scaled_by(scaler))
    }

    /// The features of all rows, one after another.
    fn inputs<T: Element>(&self, plan: &Plan<'_>) -> Result<Vec<T>> {
        let Plan { table, rows, columns, places, .. } = plan;
        // A column of words becomes a feature for each of them, so that the table may be far larger than its file.
        let width = columns.iter().map(Column::width).sum::<usize>();
        if width == 0 {
            return Err(Error::argument(format!(
                "{}: every column is a target or ignored; no feature is left{}",
                table.origin,
                table.other_delimiter()
            )));
        }
        let mut inputs = Vec::new();
        let room = rows.len().checked_mul(width).map(|n| inputs.try_reserve_exact(n));
        if !matches!(room, Some(Ok(()))) {
            return Err(Error::argument(format!(
                "{}: {} rows of {width} features take more memory than there is; is a categorical column one of numbers or names?",
                table.origin,
                rows.len()
            )));
        }
        for row in rows {
            for (column, place) in columns.iter().zip(places) {
                let Some(place) = *place else { continue };
                let cell = table.cell(row, place);
                column.encode(cell, &self.reading, &mut inputs).map_err(|wrong| {
                    let advice = match wrong.ends_with("is not a number") {
                        true => self.advice_on_words(cell, &column.name),
                        false => self.advice(&wrong).into(),
                    };
                    table.wrong(row, place, format!("{wrong}{advice}"))
                })?;
            }
        }
        Ok(inputs)
    }

    fn advice_on_words(&self, cell: &str, name: &str) -> String {
        if cell.trim().is_empty() {
            return "; the empty cell is none of the marks that missing_marks(...) names: name \"\" as well".into();
        }
        if let Some(mark) = self.reading.thousands
            && cell.contains(mark)
        {
            return format!(
                "; groups of thousands have three digits, of which the first is not 0; if {mark:?} stands before decimals, call \
                 decimal({mark:?}) and leave thousands({mark:?}) out"
            );
        }
        if self.reading.decimal != '.' && cell.trim().parse::<f64>().is_ok_and(f64::is_finite) {
            let decimal = self.reading.decimal;
            return format!(
                "; with decimal({decimal:?}) a point has no meaning: if it parts thousands, call thousands('.'), if it stands before \
                 decimals, leave decimal({decimal:?}) out"
            );
        }
        let digits = cell.trim().trim_start_matches(['-', '+']);
        let decimal = digits.matches(',').count() == 1 && digits.bytes().all(|b| b.is_ascii_digit() || b == b',');
        match decimal && self.reading.decimal == '.' && self.reading.thousands.is_none() {
            true => {
                "; if the comma stands before decimals, call decimal(','), if before thousands, thousands(',')".into()
            }
            false => format!("; read the column with categorical({name:?}), or leave it out with ignore({name:?})"),
        }
    }

    fn advice(&self, wrong: &str) -> &'static str {
        match (wrong.starts_with("the value is missing"), self.reading.missing) {
            (true, Missing::Error) => "; fill it in, or leave the row out with missing(Missing::DropRow)",
            (true, Missing::Mean) => {
                "; the mean stands in for numbers of features alone: use missing(Missing::DropRow)"
            }
            _ => "",
        }
    }

    /// What each column is for, and the target columns in the order in which they were named.
    fn roles(&self, table: &Table) -> Result<(Vec<ColumnRole>, Vec<usize>)> {
        let mut roles = vec![ColumnRole::Number; table.names.len()];
        let asked = [
            (&self.targets, ColumnRole::Target),
            (&self.categorical, ColumnRole::Word),
            (&self.ignored, ColumnRole::Ignored),
        ];
        for (columns, role) in asked {
            for id in columns {
                let column = id.resolve(table)?;
                if roles[column] != ColumnRole::Number {
                    return Err(Error::argument(format!(
                        "{}: column {:?} is named as {} and as {}; name it once",
                        table.origin,
                        table.names[column],
                        roles[column].name(),
                        role.name()
                    )));
                }
                roles[column] = role;
            }
        }
        // What stands behind a delimiter at the end of every row is no column.
        let nothing = |column: usize| table.rows.iter().all(|row| table.cell(row, column).trim().is_empty());
        for (column, role) in roles.iter_mut().enumerate() {
            if *role == ColumnRole::Number && table.named && table.names[column].is_empty() && nothing(column) {
                *role = ColumnRole::Ignored;
            }
        }
        if self.targets.is_empty() {
            return Err(Error::argument(format!(
                "{}: no target column; name one of {} with target(\"...\"), or the last with target(-1)",
                table.origin,
                listed(&table.names)
            )));
        }
        let targets = self.targets.iter().map(|id| id.resolve(table)).collect::<Result<Vec<usize>>>()?;
        Ok((roles, targets))
    }

    /// An error for a feature without a name that counts the rows, as pandas and R write it before the columns.
    fn refuse_row_numbers(&self, table: &Table, roles: &[ColumnRole]) -> Result<()> {
        let counts = |column: usize| {
            let numbers = table.rows.iter().map(|row| table.cell(row, column).trim().parse::<usize>().ok());
            [0, 1].iter().any(|&first| numbers.clone().enumerate().all(|(i, number)| number == Some(first + i)))
        };
        let unnamed = |&column: &usize| table.names[column].is_empty() && roles[column] == ColumnRole::Number;
        match (0..roles.len()).filter(unnamed).find(|&column| counts(column)) {
            Some(column) if table.named && table.rows.len() > 1 => Err(Error::argument(format!(
                "{}: column {column} has no name and numbers the rows; leave it out with index_column({column}), or name it",
                table.origin
            ))),
            _ => Ok(()),
        }
    }

    /// The rows that are used; `used` says which of the table's columns are.
    fn rows<'t>(&self, table: &'t Table, used: impl Fn(usize) -> bool) -> Result<Vec<&'t Line>> {
        let used: Vec<usize> = (0..table.names.len()).filter(|&column| used(column)).collect();
        let complete = |row: &&Line| {
            self.reading.missing != Missing::DropRow
                || !used.iter().any(|&column| self.reading.is_missing(table.cell(row, column)))
        };
        let rows: Vec<&Line> = table.rows.iter().filter(complete).collect();
        if rows.is_empty() {
            return Err(Error::argument(format!("{}: a value is missing in every row; none is left", table.origin)));
        }
        Ok(rows)
    }

    fn columns(&self, table: &Table, roles: &[ColumnRole], rows: &[&Line]) -> Result<Vec<Column>> {
        let kind = |(i, role): (usize, &ColumnRole)| -> Result<ColumnKind> {
            Ok(match role {
                ColumnRole::Number => ColumnKind::Numeric {
                    fill: if self.reading.missing == Missing::Mean { Some(self.mean(table, rows, i)?) } else { None },
                },
                ColumnRole::Word => {
                    let words: BTreeSet<&str> = rows.iter().map(|row| table.cell(row, i).trim()).collect();
                    let present = |word: &&str| !self.reading.is_missing(word);
                    let mut vocabulary: Vec<String> = words.iter().copied().filter(present).map(String::from).collect();
                    if self.reading.missing_category && !words.iter().all(present) {
                        vocabulary.retain(|word| word != MISSING_WORD);
                        vocabulary.push(MISSING_WORD.to_owned());
                    }
                    ColumnKind::Categorical { vocabulary }
                }
                ColumnRole::Target => ColumnKind::Target,
                ColumnRole::Ignored => ColumnKind::Ignored,
            })
        };
        let kinds = roles.iter().enumerate().map(kind);
        kinds.zip(&table.names).map(|(kind, name)| Ok(Column { name: name.clone(), kind: kind? })).collect()
    }

    fn refuse_missing_targets(&self, plan: &Plan<'_>) -> Result<()> {
        for row in &plan.rows {
            if let Some(&column) =
                plan.targets.iter().find(|&&column| self.reading.is_missing(plan.table.cell(row, column)))
            {
                let wrong = reading::missing(plan.table.cell(row, column));
                return Err(plan.table.wrong(row, column, format!("{wrong}{}", self.advice(&wrong))));
            }
        }
        Ok(())
    }

    /// The names of classes and the targets.
    fn read_targets<T: Element>(&self, plan: &Plan<'_>) -> Result<(Vec<String>, Targets<T>)> {
        let number =
            |row: &&Line| plan.targets.iter().any(|&column| self.reading.number(plan.table.cell(row, column)).is_ok());
        let task = self.task.unwrap_or(match plan.rows.iter().any(number) {
            true => Task::Regression,
            false => Task::Classification,
        });
        match (task, &plan.targets[..]) {
            (Task::Classification, &[column]) => {
                if let Some(names) = &self.class_names {
                    let label = |row: &&Line| self.label(plan, row, names);
                    return Ok((names.clone(), Targets::Labels(plan.rows.iter().map(label).collect::<Result<_>>()?)));
                }
                let cells: Vec<&str> = plan.rows.iter().map(|row| plan.table.cell(row, column).trim()).collect();
                let (names, labels) = classes::of(&cells, &self.reading);
                Ok((names, Targets::Labels(labels)))
            }
            (Task::Classification, columns) => Err(Error::argument(format!(
                "{}: {} target columns of classes; only one is read, or several of numbers",
                plan.table.origin,
                columns.len()
            ))),
            (Task::Regression, _) => Ok((Vec::new(), self.values(plan)?)),
        }
    }

    /// The targets as values.
    fn values<T: Element>(&self, plan: &Plan<'_>) -> Result<Targets<T>> {
        let mut values = Vec::with_capacity(plan.rows.len() * plan.targets.len());
        for row in &plan.rows {
            for &column in &plan.targets {
                let value = self.reading.number_of(plan.table.cell(row, column)).map_err(|wrong| {
                    let advice = match self.task.is_none() && self.like.is_none() && wrong.ends_with("is not a number")
                    {
                        true => "; if it names a class, call classification()",
                        false => "",
                    };
                    plan.table.wrong(row, column, format!("{wrong}{advice}"))
                })?;
                values.push(value);
            }
        }
        let (n, k) = (plan.rows.len(), plan.targets.len());
        let shape = if k == 1 { vec![n] } else { vec![n, k] };
        Ok(Targets::Values(Tensor::new(shape, values)?))
    }

    /// The label of a row among classes of these names.
    fn label(&self, plan: &Plan<'_>, row: &Line, names: &[String]) -> Result<usize> {
        let column = plan.targets[0];
        let cell = plan.table.cell(row, column).trim();
        let renamed = || classes::label(cell, &self.reading.class_cells, &self.reading);
        classes::label(cell, names, &self.reading).or_else(renamed).ok_or_else(|| {
            let numbers = match self.reading.classes_by_number {
                true => format!(", or 0..={}", names.len().saturating_sub(1)),
                false => String::new(),
            };
            let wrong = format!("{cell:?} is not a class; expected one of {}{numbers}", listed(names));
            plan.table.wrong(row, column, wrong)
        })
    }

    /// The mean of the numbers in a column; cells that are not numbers are left for the encoding to refuse.
    fn mean(&self, table: &Table, rows: &[&Line], column: usize) -> Result<f64> {
        let numbers: Vec<f64> =
            rows.iter().filter_map(|row| self.reading.number(table.cell(row, column)).ok()).collect();
        if numbers.is_empty() {
            let name = &table.names[column];
            return Err(Error::argument(format!(
                "{}: column {name:?} holds no number, so it has no mean; leave it out with ignore({name:?})",
                table.origin
            )));
        }
        Ok(numbers.iter().map(|x| x / numbers.len() as f64).sum())
    }
}

/// Whether some of the names are numbers, as those of a header seldom are.
fn has_numbers(names: &[String]) -> bool {
    names.iter().any(|name| name.parse::<f64>().is_ok())
}

/// An error for two columns of one name: a row whose columns are found by name could not say which is which.
fn refuse_like_names(table: &Table, used: &[usize]) -> Result<()> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for &column in used {
        if let Some(first) = seen.insert(&table.names[column], column) {
            return Err(Error::argument(format!(
                "{}: columns {first} and {column} (counted from 0) are both called {:?}; name them apart with names([...]), or leave one \
                 out with ignore({column})",
                table.origin, table.names[column]
            )));
        }
    }
    Ok(())
}

/// What a column is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ColumnRole {
    Number,
    Word,
    Target,
    Ignored,
}

impl ColumnRole {
    fn name(self) -> &'static str {
        match self {
            ColumnRole::Number => "a number",
            ColumnRole::Word => "categorical",
            ColumnRole::Target => "a target",
            ColumnRole::Ignored => "ignored",
        }
    }
}
