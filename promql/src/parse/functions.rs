//! The functions that an expression may call, and what they take.

use super::ast::ValueType::{self, Matrix, Scalar, Text, Vector};

/// A function with the types that it takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: &'static str,
    pub arguments: &'static [ValueType],
    /// How many of the arguments, from the last, may be left out.
    pub optional: usize,
    /// Whether the last argument may come many times.
    pub repeats: bool,
    pub returns: ValueType,
}

const fn takes(
    name: &'static str,
    arguments: &'static [ValueType],
    returns: ValueType,
) -> Function {
    Function {
        name,
        arguments,
        optional: 0,
        repeats: false,
        returns,
    }
}

const fn optional(mut function: Function, count: usize) -> Function {
    function.optional = count;
    function
}

const fn repeats(mut function: Function, optional: usize) -> Function {
    function.optional = optional;
    function.repeats = true;
    function
}

static FUNCTIONS: &[Function] = &[
    takes("abs", &[Vector], Vector),
    takes("absent", &[Vector], Vector),
    takes("absent_over_time", &[Matrix], Vector),
    takes("acos", &[Vector], Vector),
    takes("acosh", &[Vector], Vector),
    takes("asin", &[Vector], Vector),
    takes("asinh", &[Vector], Vector),
    takes("atan", &[Vector], Vector),
    takes("atanh", &[Vector], Vector),
    takes("avg_over_time", &[Matrix], Vector),
    takes("ceil", &[Vector], Vector),
    takes("changes", &[Matrix], Vector),
    takes("clamp", &[Vector, Scalar, Scalar], Vector),
    takes("clamp_max", &[Vector, Scalar], Vector),
    takes("clamp_min", &[Vector, Scalar], Vector),
    takes("cos", &[Vector], Vector),
    takes("cosh", &[Vector], Vector),
    takes("count_over_time", &[Matrix], Vector),
    optional(takes("day_of_month", &[Vector], Vector), 1),
    optional(takes("day_of_week", &[Vector], Vector), 1),
    optional(takes("day_of_year", &[Vector], Vector), 1),
    optional(takes("days_in_month", &[Vector], Vector), 1),
    takes("deg", &[Vector], Vector),
    takes("delta", &[Matrix], Vector),
    takes("deriv", &[Matrix], Vector),
    takes(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
    ),
    takes("end", &[], Scalar),
    takes("exp", &[Vector], Vector),
    takes("first_over_time", &[Matrix], Vector),
    takes("floor", &[Vector], Vector),
    takes("histogram_avg", &[Vector], Vector),
    takes("histogram_count", &[Vector], Vector),
    takes("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    takes("histogram_quantile", &[Scalar, Vector], Vector),
    repeats(
        takes("histogram_quantiles", &[Vector, Text, Scalar], Vector),
        0,
    ),
    takes("histogram_stddev", &[Vector], Vector),
    takes("histogram_stdvar", &[Vector], Vector),
    takes("histogram_sum", &[Vector], Vector),
    takes("holt_winters", &[Matrix, Scalar, Scalar], Vector),
    optional(takes("hour", &[Vector], Vector), 1),
    takes("idelta", &[Matrix], Vector),
    takes("increase", &[Matrix], Vector),
    optional(takes("info", &[Vector, Vector], Vector), 1),
    takes("irate", &[Matrix], Vector),
    repeats(takes("label_join", &[Vector, Text, Text, Text], Vector), 1),
    takes("label_replace", &[Vector, Text, Text, Text, Text], Vector),
    takes("last_over_time", &[Matrix], Vector),
    takes("ln", &[Vector], Vector),
    takes("log10", &[Vector], Vector),
    takes("log2", &[Vector], Vector),
    takes("mad_over_time", &[Matrix], Vector),
    takes("max_of", &[Scalar, Scalar], Scalar),
    takes("max_over_time", &[Matrix], Vector),
    takes("min_of", &[Scalar, Scalar], Scalar),
    takes("min_over_time", &[Matrix], Vector),
    optional(takes("minute", &[Vector], Vector), 1),
    optional(takes("month", &[Vector], Vector), 1),
    takes("pi", &[], Scalar),
    takes("predict_linear", &[Matrix, Scalar], Vector),
    takes("present_over_time", &[Matrix], Vector),
    takes("quantile_over_time", &[Scalar, Matrix], Vector),
    takes("rad", &[Vector], Vector),
    takes("range", &[], Scalar),
    takes("rate", &[Matrix], Vector),
    takes("resets", &[Matrix], Vector),
    optional(takes("round", &[Vector, Scalar], Vector), 1),
    takes("scalar", &[Vector], Scalar),
    takes("sgn", &[Vector], Vector),
    takes("sin", &[Vector], Vector),
    takes("sinh", &[Vector], Vector),
    takes("sort", &[Vector], Vector),
    repeats(takes("sort_by_label", &[Vector, Text], Vector), 1),
    repeats(takes("sort_by_label_desc", &[Vector, Text], Vector), 1),
    takes("sort_desc", &[Vector], Vector),
    takes("sqrt", &[Vector], Vector),
    takes("start", &[], Scalar),
    takes("stddev_over_time", &[Matrix], Vector),
    takes("stdvar_over_time", &[Matrix], Vector),
    takes("step", &[], Scalar),
    takes("sum_over_time", &[Matrix], Vector),
    takes("tan", &[Vector], Vector),
    takes("tanh", &[Vector], Vector),
    takes("time", &[], Scalar),
    takes("timestamp", &[Vector], Vector),
    takes("ts_of_first_over_time", &[Matrix], Vector),
    takes("ts_of_last_over_time", &[Matrix], Vector),
    takes("ts_of_max_over_time", &[Matrix], Vector),
    takes("ts_of_min_over_time", &[Matrix], Vector),
    takes("vector", &[Scalar], Vector),
    optional(takes("year", &[Vector], Vector), 1),
];

pub(crate) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}
