//! A query as it was read.

use std::fmt;

/// A query answers with lines or with numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Log(LogExpr),
    Metric(Metric),
}

/// Which lines, and what becomes of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogExpr {
    pub matchers: Vec<Matcher>,
    pub stages: Vec<Stage>,
}

/// How a label is compared with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

impl MatchOp {
    pub const ALL: [Self; 4] = [Self::Matches, Self::MatchesNot, Self::NotEqual, Self::Equal];

    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        }
    }

    pub fn is_negated(self) -> bool {
        matches!(self, Self::NotEqual | Self::MatchesNot)
    }

    pub fn is_pattern(self) -> bool {
        matches!(self, Self::Matches | Self::MatchesNot)
    }
}

/// `name="value"` of a selector or a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
}

/// One step of a pipeline, in the order in which lines go through them.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    LineFilter(LineFilter),
    LabelFilter(LabelFilter),
    Json(Vec<Extraction>),
    Logfmt {
        strict: bool,
        keep_empty: bool,
        wanted: Vec<Extraction>,
    },
    Pattern(String),
    Regexp(String),
    Unpack,
    LineFormat(String),
    LabelFormat(Vec<LabelFormat>),
    Drop(Vec<Pick>),
    Keep(Vec<Pick>),
    Decolorize,
}

/// `label="expression"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    pub label: String,
    pub expression: String,
}

/// How a line is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOp {
    Contains,
    ContainsNot,
    Matches,
    MatchesNot,
    Pattern,
    PatternNot,
}

impl LineOp {
    pub const ALL: [(&'static str, Self); 6] = [
        ("|=", Self::Contains),
        ("!=", Self::ContainsNot),
        ("|~", Self::Matches),
        ("!~", Self::MatchesNot),
        ("|>", Self::Pattern),
        ("!>", Self::PatternNot),
    ];

    pub fn sign(self) -> &'static str {
        match self {
            Self::Contains => "|=",
            Self::ContainsNot => "!=",
            Self::Matches => "|~",
            Self::MatchesNot => "!~",
            Self::Pattern => "|>",
            Self::PatternNot => "!>",
        }
    }

    pub fn is_negated(self) -> bool {
        matches!(
            self,
            Self::ContainsNot | Self::MatchesNot | Self::PatternNot
        )
    }
}

/// One of the texts must be found, or none where the sign is negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFilter {
    pub op: LineOp,
    pub any_of: Vec<Needle>,
}

/// What a line filter looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needle {
    Text(String),
    /// `ip("10.0.0.0/8")`.
    Ip(String),
}

/// What must hold of the labels of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
    Text(Matcher),
    Ip {
        name: String,
        negated: bool,
        range: String,
    },
    Compared {
        name: String,
        op: Comparison,
        bound: Bound,
    },
}

/// How a number in a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Comparison {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
        }
    }
}

/// What a label is compared with, in its unit; the text is what was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Number(f64),
    DurationNs(f64, String),
    Bytes(f64, String),
}

/// What `label_format` does with one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelFormat {
    Rename { to: String, from: String },
    Template { to: String, template: String },
}

impl LabelFormat {
    /// The label that is made.
    pub fn label(&self) -> &str {
        match self {
            Self::Rename { to, .. } | Self::Template { to, .. } => to,
        }
    }
}

/// A label, or a label with a certain value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    Name(String),
    Value(Matcher),
}

/// The number in a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    pub label: String,
    pub conversion: Option<Conversion>,
    pub filters: Vec<LabelFilter>,
}

/// What the text that is unwrapped is read as; without one, a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    Bytes,
    Duration,
    DurationSeconds,
}

impl Conversion {
    pub const ALL: [Self; 3] = [Self::Bytes, Self::Duration, Self::DurationSeconds];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::DurationSeconds => "duration_seconds",
        }
    }
}

/// An expression of numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    Range(Box<RangeAggregation>),
    Vector(Box<VectorAggregation>),
    Binary(Box<Binary>),
    Number(f64),
    /// `vector(5)`.
    Constant(f64),
    LabelReplace {
        inner: Box<Metric>,
        /// Destination, replacement, source, pattern.
        arguments: [String; 4],
    },
}

/// What becomes of the lines, or the unwrapped numbers, of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeOp {
    Rate,
    RateCounter,
    CountOverTime,
    BytesRate,
    BytesOverTime,
    SumOverTime,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    StddevOverTime,
    StdvarOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

impl RangeOp {
    pub const ALL: [(&'static str, Self); 15] = [
        ("rate", Self::Rate),
        ("rate_counter", Self::RateCounter),
        ("count_over_time", Self::CountOverTime),
        ("bytes_rate", Self::BytesRate),
        ("bytes_over_time", Self::BytesOverTime),
        ("sum_over_time", Self::SumOverTime),
        ("avg_over_time", Self::AvgOverTime),
        ("min_over_time", Self::MinOverTime),
        ("max_over_time", Self::MaxOverTime),
        ("stddev_over_time", Self::StddevOverTime),
        ("stdvar_over_time", Self::StdvarOverTime),
        ("quantile_over_time", Self::QuantileOverTime),
        ("first_over_time", Self::FirstOverTime),
        ("last_over_time", Self::LastOverTime),
        ("absent_over_time", Self::AbsentOverTime),
    ];

    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, op)| *op == self);
        known.map_or("", |(name, _)| name)
    }

    /// Whether it is about lines alone, never about a number in them.
    pub fn is_of_lines(self) -> bool {
        matches!(
            self,
            Self::CountOverTime | Self::BytesRate | Self::BytesOverTime
        )
    }

    /// Whether it needs a number.
    pub fn needs_unwrap(self) -> bool {
        !self.is_of_lines() && !matches!(self, Self::Rate | Self::AbsentOverTime)
    }

    /// Whether `by` may stand behind it.
    pub fn takes_grouping(self) -> bool {
        matches!(
            self,
            Self::AvgOverTime
                | Self::MinOverTime
                | Self::MaxOverTime
                | Self::StddevOverTime
                | Self::StdvarOverTime
                | Self::QuantileOverTime
                | Self::FirstOverTime
                | Self::LastOverTime
        )
    }
}

/// `op(parameter, log | unwrap label [range] offset 5m) by (labels)`; `parameter` is a
/// quantile.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    pub op: RangeOp,
    pub parameter: Option<f64>,
    pub log: LogExpr,
    pub unwrap: Option<Unwrap>,
    pub range_ns: i64,
    pub offset_ns: i64,
    pub grouping: Option<Grouping>,
}

/// The labels that series keep, or with `without` lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    pub without: bool,
    pub labels: Vec<String>,
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word} ({})", self.labels.join(", "))
    }
}

/// What becomes of the series of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    ApproxTopk,
    Sort,
    SortDesc,
}

impl VectorOp {
    pub const ALL: [(&'static str, Self); 12] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("topk", Self::Topk),
        ("bottomk", Self::Bottomk),
        ("approx_topk", Self::ApproxTopk),
        ("sort", Self::Sort),
        ("sort_desc", Self::SortDesc),
    ];

    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, op)| *op == self);
        known.map_or("", |(name, _)| name)
    }

    pub fn takes_parameter(self) -> bool {
        matches!(self, Self::Topk | Self::Bottomk | Self::ApproxTopk)
    }

    /// Whether series come out as they go in.
    pub fn keeps_series(self) -> bool {
        self.takes_parameter() || self.sorts()
    }

    pub fn sorts(self) -> bool {
        matches!(self, Self::Sort | Self::SortDesc)
    }
}

/// `op by (labels) (parameter, inner)`; `parameter` is how many series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    pub op: VectorOp,
    pub parameter: Option<u64>,
    pub grouping: Option<Grouping>,
    pub inner: Metric,
}

/// `left sign bool on (labels) group_left (labels) right`; evaluated as PromQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub sign: &'static str,
    pub returns_bool: bool,
    pub matching: Option<Matching>,
    pub left: Metric,
    pub right: Metric,
}

/// Which series of two vectors belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    pub on: bool,
    pub labels: Vec<String>,
    /// `group_left` or `group_right`, and the labels that come along.
    pub group: Option<(&'static str, Vec<String>)>,
}

impl Metric {
    pub fn is_scalar(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Binary(binary) => binary.left.is_scalar() && binary.right.is_scalar(),
            Self::Range(_) | Self::Vector(_) | Self::Constant(_) | Self::LabelReplace { .. } => {
                false
            }
        }
    }
}
