//! The language: text into a checked expression.

pub mod ast;
mod check;
mod format;
pub mod functions;
mod lex;
mod parser;

use ast::{Expr, Place};

pub(crate) use format::quoted;
pub use parser::series_selector;

/// Why a query is not one, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: parse error: {message}")]
pub struct ParseError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(text: &str, at: usize, message: String) -> Self {
        let (line, column) = line_and_column(text, at);
        Self {
            line,
            column,
            message,
        }
    }
}

/// From one, as Prometheus counts.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
    (line, column)
}

/// `(1:7)`, as annotations end.
pub(crate) fn spot(text: &str, place: Place) -> String {
    let (line, column) = line_and_column(text, place.start);
    format!("({line}:{column})")
}

/// Parses and checks types.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parser::expression(text)?;
    check::check(text, &expr)?;
    Ok(expr)
}

/// The expression laid out over lines, as `promtool promql format` does.
pub fn format(text: &str) -> Result<String, ParseError> {
    Ok(format::pretty(&parse(text)?, 0))
}
