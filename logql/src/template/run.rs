//! A template over one line.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::Value;
use super::{Call, Choice, MOST_BYTES, MOST_TURNS, Node, Operand, Pipe, Range, Sets};
use crate::line::Line;

pub(super) fn run(nodes: &[Node], line: &Line) -> Result<String, String> {
    let mut run = Run {
        line,
        variables: Vec::new(),
        turns: 0,
        out: String::new(),
    };
    run.list(nodes, None)?;
    Ok(run.out)
}

struct Run<'a> {
    line: &'a Line,
    /// The innermost of a name counts.
    variables: Vec<(String, Value)>,
    turns: usize,
    out: String,
}

/// What comes after a node.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// None is the line, whose members are its labels.
type Dot<'d> = Option<&'d Value>;

impl Run<'_> {
    fn list(&mut self, nodes: &[Node], dot: Dot<'_>) -> Result<Flow, String> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if self.out.len() > MOST_BYTES {
                return Err(format!("the template makes more than {MOST_BYTES} bytes"));
            }
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: Dot<'_>) -> Result<Flow, String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = self.piped(pipe, dot)?;
                if pipe.sets.is_none() {
                    self.show(&value);
                }
            }
            Node::Choice(choice) => return self.within(|run| run.choice(choice, dot)),
            Node::Range(range) => return self.within(|run| run.range(range, dot)),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn show(&mut self, value: &Value) {
        match value {
            Value::Nothing => self.out.push_str("<no value>"),
            Value::Text(text) => self.out.push_str(text),
            other => self.out.push_str(&other.to_string()),
        }
    }

    /// Variables that are declared in `act` end with it.
    fn within<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let outside = self.variables.len();
        let done = act(self);
        self.variables.truncate(outside);
        done
    }

    fn choice(&mut self, choice: &Choice, dot: Dot<'_>) -> Result<Flow, String> {
        for (condition, nodes) in &choice.branches {
            let value = self.piped(condition, dot)?;
            if value.is_true() {
                let dot = if choice.with { Some(&value) } else { dot };
                return self.list(nodes, dot);
            }
        }
        self.list(&choice.otherwise, dot)
    }

    /// Members of an object come in the order of their names.
    fn range(&mut self, range: &Range, dot: Dot<'_>) -> Result<Flow, String> {
        let over = self.calls(&range.over.calls, dot)?;
        let outside = self.turns;
        match &over {
            Value::List(list) => {
                for (at, value) in list.iter().enumerate() {
                    let at = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
                    if self.turn(range, at, value)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Object(members) => {
                for (name, value) in members.iter() {
                    if self.turn(range, Value::Text(name.clone()), value)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                for at in 0..*count {
                    if self.turn(range, Value::Int(at), &Value::Int(at))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nothing => {}
            other => return Err(format!("range can't iterate over {other}")),
        }
        if self.turns == outside {
            return self.list(&range.otherwise, dot);
        }
        Ok(Flow::On)
    }

    fn turn(&mut self, range: &Range, key: Value, value: &Value) -> Result<Flow, String> {
        self.turns += 1;
        if self.turns > MOST_TURNS {
            return Err(format!(
                "the template's loops take more than {MOST_TURNS} turns"
            ));
        }
        self.within(|run| {
            if let Some(sets) = &range.over.sets {
                match &sets.names[..] {
                    [name] => run.set(sets.declares, name, value.clone())?,
                    [first, second, ..] => {
                        run.set(sets.declares, first, key)?;
                        run.set(sets.declares, second, value.clone())?;
                    }
                    [] => {}
                }
            }
            run.list(&range.each, Some(value))
        })
    }

    fn set(&mut self, declares: bool, name: &str, value: Value) -> Result<(), String> {
        if declares {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let known = self
            .variables
            .iter_mut()
            .rev()
            .find(|(known, _)| known == name);
        known.ok_or_else(|| undefined(name))?.1 = value;
        Ok(())
    }

    fn piped(&mut self, pipe: &Pipe, dot: Dot<'_>) -> Result<Value, String> {
        let value = self.calls(&pipe.calls, dot)?;
        if let Some(Sets { names, declares }) = &pipe.sets {
            for name in names {
                self.set(*declares, name, value.clone())?;
            }
        }
        Ok(value)
    }

    fn calls(&self, calls: &[Call], dot: Dot<'_>) -> Result<Value, String> {
        let mut before = None;
        for call in calls {
            let value = match call {
                Call::Operand(operand) => self.operand(operand, dot)?,
                Call::Function(function, operands) => {
                    let arguments = operands.iter().map(|operand| self.operand(operand, dot));
                    let mut arguments = arguments.collect::<Result<Vec<_>, _>>()?;
                    arguments.extend(before);
                    function.call(self.line, arguments)?
                }
            };
            before = Some(value);
        }
        Ok(before.unwrap_or_default())
    }

    fn operand(&self, operand: &Operand, dot: Dot<'_>) -> Result<Value, String> {
        match operand {
            Operand::Dot(members) => match dot {
                Some(value) => value.member(members),
                None => self.label(members),
            },
            Operand::Root(members) => self.label(members),
            Operand::Variable(name, members) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.ok_or_else(|| undefined(name))?.1.member(members)
            }
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Bare(function) => function.call(self.line, Vec::new()),
            Operand::Inner(pipe, members) => self.calls(&pipe.calls, dot)?.member(members),
        }
    }

    /// Of the line: one that is not there is empty.
    fn label(&self, members: &[String]) -> Result<Value, String> {
        match members {
            [] => {
                let labels = self.line.labels.iter();
                let labels = labels.map(|(name, value, _)| (name.to_owned(), value.into()));
                Ok(Value::Object(Arc::new(labels.collect::<BTreeMap<_, _>>())))
            }
            [name, rest @ ..] => Value::Text(self.line.labels.text(name).to_owned()).member(rest),
        }
    }
}

fn undefined(name: &str) -> String {
    format!("undefined variable \"${name}\"")
}
