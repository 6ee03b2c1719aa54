//! Prometheus' own tests of PromQL, read from where they were put and never copied.

mod memory;
mod promqltest;

use memory::Memory;
use promql::{
    Answer, Engine, Options, QueryError,
    parse::ast::{Expr, Kind},
    source::{Labels, Matcher, Samples},
};
use promqltest::Subject;
use std::path::PathBuf;

#[derive(Default)]
struct Local {
    memory: Memory,
    engine: Engine,
}

fn text(error: QueryError) -> String {
    error.to_string()
}

impl Subject for Local {
    async fn clear(&mut self) {
        self.memory.series.clear();
    }

    async fn load(&mut self, series: Vec<(Labels, Samples)>) {
        for (labels, samples) in series {
            self.memory.append(labels, samples);
        }
    }

    async fn instant(&self, query: &str, time_ms: i64) -> Result<Answer, String> {
        let options = Options::default();
        let answer = self.engine.instant(&self.memory, query, time_ms, options);
        answer.await.map_err(text)
    }

    async fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Answer, String> {
        let times = (start_ms, end_ms);
        let options = Options::default();
        let answer = self
            .engine
            .range(&self.memory, query, times, step_ms, options);
        answer.await.map_err(text)
    }

    fn is_native(&self, query: &str) -> bool {
        let mut selectors = Vec::new();
        if let Ok(expr) = promql::parse(query) {
            collect(&expr, &mut selectors);
        }
        selectors.iter().any(|matchers| {
            let mut found = self.memory.matching(matchers);
            found.any(|(_, samples)| !samples.histograms.is_empty())
        })
    }
}

fn collect(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) => {}
        Kind::Paren(inner) | Kind::Unary { inner, .. } => collect(inner, found),
        Kind::Range { selector, .. } => collect(selector, found),
        Kind::Subquery(subquery) => collect(&subquery.inner, found),
        Kind::Selector(selector) => found.push(selector.matchers.clone()),
        Kind::Call(call) => call.arguments.iter().for_each(|one| collect(one, found)),
        Kind::Binary(binary) => {
            collect(&binary.left, found);
            collect(&binary.right, found);
        }
        Kind::Aggregate(aggregate) => {
            aggregate
                .parameter
                .iter()
                .for_each(|one| collect(one, found));
            collect(&aggregate.inner, found);
        }
    }
}

/// Where the suites of other projects are, if they are here.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told of their environment"
)]
fn scripts() -> Option<PathBuf> {
    let root = PathBuf::from(std::env::var("CONFORMANCE_DIR").ok()?);
    let scripts = root.join("promqltest");
    scripts.is_dir().then_some(scripts)
}

#[tokio::test]
async fn prometheus_own_tests_pass() {
    let Some(scripts) = scripts() else {
        testkit::skipped(
            "prometheus_own_tests_pass",
            "CONFORMANCE_DIR names no folder with promqltest",
        );
        return;
    };
    let mut files: Vec<_> = std::fs::read_dir(scripts)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "test")
        })
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let tally = promqltest::run(&text, &mut Local::default())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        println!(
            "{name}: floats {} of {}, native histograms {} of {}",
            tally.floats.0, tally.floats.1, tally.natives.0, tally.natives.1
        );
        failures.extend(
            tally
                .failures
                .into_iter()
                .map(|(native, why)| (native, format!("{name} {why}"))),
        );
    }
    for (native, why) in &failures {
        println!("{} {why}", if *native { "native" } else { "FLOAT" });
    }
    assert!(
        failures.iter().all(|(native, _)| *native),
        "an evaluation of floats failed"
    );
}
