//! Queries against a source: parse, fetch, evaluate.

use crate::{
    budget::{HISTOGRAM_BYTES, labels_bytes},
    column::{Bounds, Grid, Point},
    eval::Evaluator,
    parse::{
        ParseError,
        ast::{Expr, ValueType},
    },
    plan,
    source::{Labels, NativeHistogram, SeriesSource, SourceError},
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What a query may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Values held at once, histograms counted several times.
    pub max_samples: u64,
    /// Samples read, most of which are folded and forgotten.
    pub max_read: u64,
    /// Steps of a range query.
    pub max_steps: usize,
    pub timeout: Duration,
    /// How many threads may evaluate one query.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_samples: 50_000_000,
            max_read: 2_000_000_000,
            max_steps: 11_000,
            timeout: Duration::from_secs(120),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What one query asks for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How old a sample may be to stand for its series.
    pub lookback_ms: i64,
    /// At most the engine's.
    pub timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            timeout: None,
        }
    }
}

/// Why a query has no answer, with the status that Prometheus gives it and in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// 400.
    #[error("invalid parameter \"query\": {0}")]
    Parse(#[from] ParseError),
    /// 400.
    #[error("{0}")]
    BadData(String),
    /// 422.
    #[error("{0}")]
    Execution(String),
    /// 503.
    #[error("query timed out in query execution after {0:?}")]
    Timeout(Duration),
    /// 503.
    #[error("{0}")]
    Unavailable(String),
}

impl From<SourceError> for QueryError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::TooMuch(why) | SourceError::NotKept(why) | SourceError::Failed(why) => {
                Self::Execution(why)
            }
            SourceError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// A value at one time.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

/// A series with samples of several times.
pub type Samples = (Labels, Vec<(i64, Sample)>);

/// Times are in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar(i64, f64),
    Text(i64, String),
    Vector(i64, Vec<(Labels, Sample)>),
    Matrix(Vec<Samples>),
}

impl Value {
    /// Bytes in memory, about.
    fn bytes(&self) -> usize {
        match self {
            Self::Scalar(..) => 0,
            Self::Text(_, text) => text.len(),
            Self::Vector(_, found) => {
                let bytes = |(labels, one): &(Labels, Sample)| labels_bytes(labels) + one.bytes();
                found.iter().map(bytes).sum()
            }
            Self::Matrix(found) => {
                let bytes = |(labels, samples): &Samples| {
                    let samples = samples.iter().map(|(_, one)| one.bytes());
                    labels_bytes(labels) + samples.sum::<usize>()
                };
                found.iter().map(bytes).sum()
            }
        }
    }
}

impl Sample {
    fn bytes(&self) -> usize {
        let histogram = match self {
            Self::Float(_) => 0,
            Self::Histogram(_) => HISTOGRAM_BYTES,
        };
        size_of::<(i64, Self)>() + histogram
    }
}

/// What a query came to, and what is to be known beside it; `warnings` and `infos` name
/// places of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub value: Value,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    pub cost: Cost,
}

/// What an evaluation took; histograms count several times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Samples read.
    pub read: u64,
    /// Values that were held, all together.
    pub held: u64,
}

/// How long a query is evaluated: so long, and no longer than somebody waits for it.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    deadline: Instant,
    left: Arc<AtomicBool>,
}

impl Until {
    pub(crate) fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) || Instant::now() > self.deadline
    }
}

/// Says so when it is dropped: a client has hung up, or has its answer.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Of the selectors of one query; more would take turns from other queries.
const FETCHED_AT_ONCE: usize = 4;

/// For the deepest expression that the parser lets through; memory is taken as it is
/// used. Threads of the runtime have too little.
const STACK: usize = 64 * 1024 * 1024;

/// Evaluates PromQL over any [`SeriesSource`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Engine {
    pub limits: Limits,
}

impl Engine {
    /// The value at one moment: a scalar, a text, a vector, or a matrix for a range
    /// selector.
    pub async fn instant(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        time_ms: i64,
        options: Options,
    ) -> Result<Answer, QueryError> {
        let expr = crate::parse(query)?;
        let grid = Grid {
            start_ms: time_ms,
            step_ms: 0,
            count: 1,
        };
        let bounds = Bounds {
            start_ms: time_ms,
            end_ms: time_ms,
            step_ms: 0,
        };
        self.run(source, query, expr, (bounds, grid), options, instant_answer)
            .await
    }

    pub async fn range(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        (start_ms, end_ms): (i64, i64),
        step_ms: i64,
        options: Options,
    ) -> Result<Answer, QueryError> {
        let expr = crate::parse(query)?;
        let bad = |why: &str| Err(QueryError::BadData(why.to_owned()));
        if end_ms < start_ms {
            return bad("invalid parameter \"end\": end timestamp must not be before start time");
        }
        if step_ms <= 0 {
            return bad(
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            );
        }
        if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::BadData(format!(
                "invalid parameter \"query\": invalid expression type {:?} for range query, must be Scalar or instant Vector",
                expr.value_type().described()
            )));
        }
        let last = end_ms.saturating_sub(start_ms) / step_ms;
        if last > self.limits.max_steps as i64 {
            let points = last.saturating_add(1);
            return bad(&format!(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX): {points} were asked for"
            ));
        }
        let grid = Grid {
            start_ms,
            step_ms,
            count: last as usize + 1,
        };
        let bounds = Bounds {
            start_ms,
            end_ms,
            step_ms,
        };
        self.run(source, query, expr, (bounds, grid), options, range_answer)
            .await
    }

    async fn run(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        mut expr: Expr,
        (bounds, grid): (Bounds, Grid),
        options: Options,
        answer: fn(&Evaluator, &Expr, Grid) -> Result<Value, QueryError>,
    ) -> Result<Answer, QueryError> {
        let timeout = options
            .timeout
            .map_or(self.limits.timeout, |asked| asked.min(self.limits.timeout));
        let deadline = Instant::now() + timeout;
        let selections = plan::selections(&mut expr, bounds, grid, options.lookback_ms)?;
        let share = source.share();
        let mut selecting = Vec::with_capacity(selections.len());
        for selection in &selections {
            selecting.push(source.select(selection));
        }
        let fetching = stream::iter(selecting).buffered(FETCHED_AT_ONCE);
        let fetching = fetching.try_collect::<Vec<_>>();
        let sets = tokio::time::timeout(timeout, fetching)
            .await
            .map_err(|_| QueryError::Timeout(timeout))??;
        let left = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(Arc::clone(&left));
        let evaluator = Evaluator::new(
            query.to_owned(),
            bounds,
            options.lookback_ms,
            sets,
            Limits {
                timeout,
                ..self.limits
            },
            Until { deadline, left },
            Arc::clone(&share),
        );
        let (done, answered) = tokio::sync::oneshot::channel();
        let evaluation = move || {
            let value = answer(&evaluator, &expr, grid);
            let answer = value.and_then(|value| {
                // A window may have ended early.
                evaluator.check_time()?;
                Ok(value)
            });
            let answer = answer.map(|value| Answer {
                value,
                warnings: evaluator.notes.warnings(),
                infos: evaluator.notes.infos(),
                cost: evaluator.cost(),
            });
            // What was read and folded is gone: whoever reads the answer slowly holds that alone.
            drop(evaluator);
            share.keep(answer.as_ref().map_or(0, |answer| answer.value.bytes()));
            drop(share);
            // Nobody waits any more where this fails.
            drop(done.send(answer));
        };
        std::thread::Builder::new()
            .name("promql".to_owned())
            .stack_size(STACK)
            .spawn(evaluation)
            .map_err(|error| QueryError::Unavailable(format!("no thread: {error}")))?;
        answered
            .await
            .unwrap_or_else(|_| Err(QueryError::Execution("the evaluation failed".to_owned())))
    }
}

fn sample(point: Point) -> Option<Sample> {
    match point {
        Point::None => None,
        Point::Float(value) => Some(Sample::Float(value)),
        Point::Histogram(histogram) => Some(Sample::Histogram(histogram)),
    }
}

fn instant_answer(evaluator: &Evaluator, expr: &Expr, grid: Grid) -> Result<Value, QueryError> {
    let time = grid.start_ms;
    Ok(match expr.value_type() {
        ValueType::Scalar => Value::Scalar(time, evaluator.scalar(expr, grid)?[0]),
        ValueType::Text => {
            let text = evaluator.text(expr)?;
            Value::Text(time, String::from_utf8_lossy(&text).into_owned())
        }
        ValueType::Vector => {
            let series = evaluator.vector(expr, grid)?;
            let found = series.into_iter().filter_map(|one| {
                let sample = sample(one.column.get(0))?;
                Some((one.labels, sample))
            });
            Value::Vector(time, found.collect())
        }
        ValueType::Matrix => Value::Matrix(evaluator.matrix(expr, grid)?),
    })
}

fn range_answer(evaluator: &Evaluator, expr: &Expr, grid: Grid) -> Result<Value, QueryError> {
    if expr.value_type() == ValueType::Scalar {
        let values = evaluator.scalar(expr, grid)?;
        let samples = values
            .into_iter()
            .enumerate()
            .map(|(step, value)| (grid.time(step), Sample::Float(value)))
            .collect();
        return Ok(Value::Matrix(vec![(Labels::default(), samples)]));
    }
    let mut series = crate::column::merged(evaluator.vector(expr, grid)?)?;
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut found = Vec::with_capacity(series.len());
    for one in series {
        let steps = (0..grid.count).filter(|step| one.column.has(*step));
        let mut samples = Vec::with_capacity(steps.count());
        evaluator.pay_answer(samples.capacity())?;
        samples.extend(
            (0..grid.count)
                .filter_map(|step| Some((grid.time(step), sample(one.column.get(step))?))),
        );
        if !samples.is_empty() {
            found.push((one.labels, samples));
        }
    }
    Ok(Value::Matrix(found))
}
