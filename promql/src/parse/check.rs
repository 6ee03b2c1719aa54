//! Types: which kinds of values meet where.

use super::{
    ParseError,
    ast::{Aggregate, AggregateOp, Binary, Call, Cardinality, Expr, Kind, ValueType},
};

pub(crate) fn check(text: &str, expr: &Expr) -> Result<(), ParseError> {
    let wrong = |message: String| Err(ParseError::new(text, expr.place.start, message));
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) | Kind::Selector(_) | Kind::Range { .. } => Ok(()),
        Kind::Paren(inner) => check(text, inner),
        Kind::Unary { inner, .. } => {
            check(text, inner)?;
            match inner.value_type() {
                ValueType::Scalar | ValueType::Vector => Ok(()),
                other => wrong(format!(
                    "unary expression only allowed on expressions of type scalar or instant \
                     vector, got {:?}",
                    other.described()
                )),
            }
        }
        Kind::Subquery(subquery) => {
            check(text, &subquery.inner)?;
            match subquery.inner.value_type() {
                ValueType::Vector => Ok(()),
                other => wrong(format!(
                    "subquery is only allowed on instant vector, got {} instead",
                    other.described()
                )),
            }
        }
        Kind::Call(call) => check_call(text, expr, call),
        Kind::Aggregate(aggregate) => check_aggregate(text, aggregate),
        Kind::Binary(binary) => check_binary(text, binary),
    }
}

fn expect(text: &str, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
    check(text, expr)?;
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    let message = format!(
        "expected type {} in {context}, got {}",
        wanted.described(),
        found.described()
    );
    Err(ParseError::new(text, expr.place.start, message))
}

fn check_call(text: &str, expr: &Expr, call: &Call) -> Result<(), ParseError> {
    let function = call.function;
    let (given, most) = (call.arguments.len(), function.arguments.len());
    let least = most - function.optional;
    let bounds = if function.repeats {
        (given < least).then(|| format!("at least {least}"))
    } else if function.optional > 0 {
        if given < least {
            Some(format!("at least {least}"))
        } else {
            (given > most).then(|| format!("at most {most}"))
        }
    } else {
        (given != most).then(|| most.to_string())
    };
    if let Some(bounds) = bounds {
        let message = format!(
            "expected {bounds} argument(s) in call to {:?}, got {given}",
            function.name
        );
        return Err(ParseError::new(text, expr.place.start, message));
    }
    for (at, argument) in call.arguments.iter().enumerate() {
        let wanted = function.arguments[at.min(most - 1)];
        expect(
            text,
            argument,
            wanted,
            &format!("call to function {:?}", function.name),
        )?;
    }
    if function.name == "info"
        && let Some(second) = call.arguments.get(1)
        && !matches!(second.kind, Kind::Selector(_))
    {
        return Err(ParseError::new(
            text,
            second.place.start,
            "expected label selectors only".to_owned(),
        ));
    }
    Ok(())
}

fn check_aggregate(text: &str, aggregate: &Aggregate) -> Result<(), ParseError> {
    expect(
        text,
        &aggregate.inner,
        ValueType::Vector,
        "aggregation expression",
    )?;
    let Some(parameter) = &aggregate.parameter else {
        return Ok(());
    };
    let wanted = match aggregate.op {
        AggregateOp::CountValues => ValueType::Text,
        _ => ValueType::Scalar,
    };
    expect(text, parameter, wanted, "aggregation parameter")
}

fn check_binary(text: &str, binary: &Binary) -> Result<(), ParseError> {
    let types = [&binary.left, &binary.right].map(|side| {
        check(text, side)?;
        match side.value_type() {
            found @ (ValueType::Scalar | ValueType::Vector) => Ok(found),
            _ => Err(ParseError::new(
                text,
                side.place.start,
                "binary expression must contain only scalar and instant vector types".to_owned(),
            )),
        }
    });
    let [left, right] = types;
    let (left, right) = (left?, right?);
    let wrong = |message: &str| {
        Err(ParseError::new(
            text,
            binary.left.place.start,
            message.to_owned(),
        ))
    };
    let vectors = left == ValueType::Vector && right == ValueType::Vector;
    if !vectors && binary.op.of_sets() {
        return wrong(&format!(
            "set operator {:?} not allowed in binary scalar expression",
            binary.op.sign()
        ));
    }
    if left == ValueType::Scalar
        && right == ValueType::Scalar
        && binary.op.compares()
        && !binary.returns_bool
    {
        return wrong("comparisons between scalars must use BOOL modifier");
    }
    if !vectors
        && binary.matching.as_ref().is_some_and(|matching| {
            !matching.labels.is_empty() || matching.cardinality != Cardinality::OneToOne
        })
    {
        return wrong("vector matching only allowed between instant vectors");
    }
    Ok(())
}
