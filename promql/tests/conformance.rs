//! Prometheus' own tests of PromQL, read from where they were put and never copied.

mod memory;
mod promqltest;

use memory::Memory;
use promql::{
    Answer, Engine, Options, QueryError,
    source::{Labels, Samples},
};
use promqltest::Subject;

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

    fn tells_natives(&self) -> bool {
        true
    }

    fn is_native(&self, query: &str) -> bool {
        promqltest::any_selector(query, |matchers| {
            let mut found = self.memory.matching(matchers);
            found.any(|(_, samples)| !samples.histograms.is_empty())
        })
    }
}

#[tokio::test]
async fn prometheus_own_tests_pass() {
    let Some(files) = promqltest::scripts() else {
        testkit::skipped(
            "prometheus_own_tests_pass",
            "CONFORMANCE_DIR names no folder with promqltest",
        );
        return;
    };
    let mut failures = 0;
    for (name, text) in files {
        let tally = promqltest::run(&text, &mut Local::default())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        failures += tally.report(&name);
    }
    assert_eq!(failures, 0, "evaluations of floats failed");
}
