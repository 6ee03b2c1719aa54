//! Go templates as `line_format` and `label_format` have them: text, fields, variables,
//! pipes with functions, `if`, `with` and `range`.
//!
//! Source: package text/template of Go; "Template functions" in Loki's documentation.

mod functions;
mod read;
mod run;
mod value;

use crate::line::Line;
use value::Value;

/// Bytes that one template may make.
const MOST_BYTES: usize = 256 * 1024;
/// Turns that all loops of one template take together, for one line.
const MOST_TURNS: usize = 10_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Action(Pipe),
    Choice(Choice),
    Range(Range),
    Break,
    Continue,
}

/// `if`, and `with`, which makes the value of its condition the dot.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    with: bool,
    /// Conditions with what they show.
    branches: Vec<(Pipe, Vec<Node>)>,
    otherwise: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
struct Range {
    over: Pipe,
    each: Vec<Node>,
    /// Where there is nothing to go over.
    otherwise: Vec<Node>,
}

/// Calls, each of which gets the value of the one before as its last argument.
#[derive(Debug, Clone, PartialEq)]
struct Pipe {
    sets: Option<Sets>,
    calls: Vec<Call>,
}

/// `$x :=`, `$x =`, and in a range `$key, $value :=`.
#[derive(Debug, Clone, PartialEq)]
struct Sets {
    names: Vec<String>,
    declares: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Call {
    Operand(Operand),
    Function(functions::Function, Vec<Operand>),
}

/// With the members that are asked for of it.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Dot(Vec<String>),
    /// `$` and its labels.
    Root(Vec<String>),
    Variable(String, Vec<String>),
    Literal(Value),
    /// A function without arguments, as an argument.
    Bare(functions::Function),
    Inner(Pipe, Vec<String>),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        read::template(text).map(|nodes| Self { nodes })
    }

    pub(crate) fn render(&self, line: &Line) -> Result<String, String> {
        run::run(&self.nodes, line)
    }
}

#[cfg(test)]
mod tests;
