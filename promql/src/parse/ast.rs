//! An expression as parsed, each node with its place in the text, which annotations
//! and errors point at.

use crate::source::Matcher;

/// Bytes of the query, end exclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    pub start: usize,
    pub end: usize,
}

/// A node of the expression, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub kind: Kind,
    pub place: Place,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Number(f64),
    /// Bytes, because escapes may spell what is not UTF-8.
    Text(Vec<u8>),
    Paren(Box<Expr>),
    Unary {
        minus: bool,
        inner: Box<Expr>,
    },
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
    Selector(Selector),
    Range {
        selector: Box<Expr>,
        range_ms: i64,
    },
    Subquery(Box<Subquery>),
}

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    Text,
    Vector,
    Matrix,
}

impl ValueType {
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

/// When a selector looks, instead of at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Time(i64),
    Start,
    End,
}

/// `name{matchers} offset 5m @ end()`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    /// The name written before the braces; `matchers` has it too.
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    pub offset_ms: i64,
    pub at: Option<At>,
    /// Which of the fetched sets is this selector's; given by the plan.
    pub(crate) id: usize,
}

/// `inner[range:step]`; without a step the default one holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub inner: Expr,
    pub range_ms: i64,
    pub step_ms: Option<i64>,
    pub offset_ms: i64,
    pub at: Option<At>,
}

/// `function(arguments)`, counted and typed by the parser.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub function: &'static super::functions::Function,
    pub arguments: Vec<Expr>,
}

/// What an aggregation does with the series of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

impl AggregateOp {
    const NAMES: [(&'static str, Self); 14] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("count", Self::Count),
        ("min", Self::Min),
        ("max", Self::Max),
        ("group", Self::Group),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("topk", Self::Topk),
        ("bottomk", Self::Bottomk),
        ("count_values", Self::CountValues),
        ("quantile", Self::Quantile),
        ("limitk", Self::Limitk),
        ("limit_ratio", Self::LimitRatio),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, op)| *op)
    }

    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, op)| *op == self);
        found.map_or("", |(name, _)| name)
    }

    pub(crate) fn takes_parameter(self) -> bool {
        matches!(
            self,
            Self::Topk
                | Self::Bottomk
                | Self::CountValues
                | Self::Quantile
                | Self::Limitk
                | Self::LimitRatio
        )
    }
}

/// `op by (labels) (parameter, inner)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    pub parameter: Option<Expr>,
    pub inner: Expr,
    pub grouping: Grouping,
}

/// The labels that series keep, or lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    And,
    Or,
    Unless,
}

impl BinaryOp {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Lt => "<",
            Self::Ge => ">=",
            Self::Le => "<=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// Whether it filters, or answers 0 and 1 with `bool`.
    pub fn compares(self) -> bool {
        matches!(
            self,
            Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le
        )
    }

    /// Whether it is of series and not of their values.
    pub fn of_sets(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// How tightly it binds; only `^` groups to the right.
    pub(crate) fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod | Self::Atan2 => 5,
            Self::Pow => 6,
            _ => 3,
        }
    }
}

/// `left op bool on (labels) group_left (include) right`.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub left: Expr,
    pub right: Expr,
    pub returns_bool: bool,
    pub matching: Option<Matching>,
}

/// How many series of one side may match one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    /// `group_left`.
    ManyToOne,
    /// `group_right`.
    OneToMany,
}

/// Which series of two vectors belong together; `include` are labels that come from the one
/// side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    pub on: bool,
    pub labels: Vec<String>,
    pub cardinality: Cardinality,
    pub include: Vec<String>,
}

impl Expr {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::Text,
            Kind::Paren(inner) => inner.value_type(),
            Kind::Unary { inner, .. } => inner.value_type(),
            Kind::Binary(binary) => {
                if binary.left.value_type() == ValueType::Scalar
                    && binary.right.value_type() == ValueType::Scalar
                {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
            Kind::Aggregate(_) | Kind::Selector(_) => ValueType::Vector,
            Kind::Call(call) => call.function.returns,
            Kind::Range { .. } | Kind::Subquery(_) => ValueType::Matrix,
        }
    }

    /// The matchers of every selector in it.
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        let mut found = Vec::new();
        self.collect_selectors(&mut found);
        found
    }

    fn collect_selectors<'e>(&'e self, found: &mut Vec<&'e [Matcher]>) {
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) => {}
            Kind::Paren(inner) | Kind::Unary { inner, .. } => inner.collect_selectors(found),
            Kind::Range { selector, .. } => selector.collect_selectors(found),
            Kind::Subquery(subquery) => subquery.inner.collect_selectors(found),
            Kind::Selector(selector) => found.push(&selector.matchers),
            Kind::Call(call) => call
                .arguments
                .iter()
                .for_each(|argument| argument.collect_selectors(found)),
            Kind::Binary(binary) => {
                binary.left.collect_selectors(found);
                binary.right.collect_selectors(found);
            }
            Kind::Aggregate(aggregate) => {
                if let Some(parameter) = &aggregate.parameter {
                    parameter.collect_selectors(found);
                }
                aggregate.inner.collect_selectors(found);
            }
        }
    }

    /// Without the parentheses around it.
    pub fn bare(&self) -> &Self {
        match &self.kind {
            Kind::Paren(inner) => inner.bare(),
            _ => self,
        }
    }
}
