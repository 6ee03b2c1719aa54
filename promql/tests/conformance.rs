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

/// In the same language, but ours.
#[tokio::test]
async fn info_joins_what_is_told_of_a_target() {
    let script = r#"
load 1m
    up{instance="a", job="web"} 1 2 3
    up{instance="b", job="web"} 4 5 6
    up 7 7 7
    target_info{instance="a", job="web", version="1"} 1 1 _
    target_info{instance="a", job="web", version="2"} _ _ 1
    build_info{instance="a", job="web", commit="c"} 1 1 1

# Both are there at 2m, and the newest counts.
eval range from 0 to 2m step 1m info(up)
    up{instance="a", job="web", version="1"} 1 2 _
    up{instance="a", job="web", version="2"} _ _ 3
    up{instance="b", job="web"} 4 5 6
    up 7 7 7

# Several metrics tell together.
eval instant at 2m info(up, {__name__=~".+_info"})
    up{instance="a", job="web", version="2", commit="c"} 3
    up{instance="b", job="web"} 6
    up 7

eval instant at 2m info(up, {version=~".+"})
    up{instance="a", job="web", version="2"} 3

# What tells is told nothing.
eval instant at 2m info(build_info, {__name__=~".+_info"})
    build_info{instance="a", job="web", commit="c"} 1

clear

load 1m
    up{instance="a", job="web"} 1
    one_info{instance="a", job="web", x="1"} 1
    two_info{instance="a", job="web", x="2"} 1
    two_info{instance="a", job="web", x="3"} 1

eval instant at 0m info(up, {__name__=~".+_info", x!="3"})
    expect fail msg: conflicting label: x

eval instant at 0m info(up, {__name__="two_info"})
    expect fail regex: found duplicate series for info metric
"#;
    let tally = promqltest::run(script, &mut Local::default())
        .await
        .unwrap();
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
    assert_eq!(tally.floats.1, 6);
}

/// In the same language, but ours.
#[tokio::test]
async fn native_histograms_say_what_is_odd_about_them() {
    let script = r#"
load 30s
    turned {{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1]}} {{sum:5 count:4 buckets:[1 2 1]}}
    mixed {{sum:1 count:1 buckets:[1]}} {{schema:-53 sum:1 count:1 custom_values:[5] buckets:[1]}} {{sum:1 count:1 buckets:[1]}}
    odd {{sum:NaN count:15 buckets:[12]}}

# What was before a reset does not count, its buckets neither.
eval instant at 30s increase(turned[1m])
    expect no_warn
    {} {{count:5 sum:6.25 buckets:[1.25 2.5 1.25]}}

eval instant at 1m increase(mixed[90s])
    expect warn regex: mix of histograms with exponential and custom buckets

eval instant at 0m histogram_quantile(0.8, odd)
    expect info msg: PromQL info: input to histogram_quantile has NaN observations, result is skewed higher for metric name "odd" (1:25)
    {} 1

eval instant at 0m histogram_quantile(0.9, odd)
    expect info msg: PromQL info: input to histogram_quantile has NaN observations, result is NaN for metric name "odd" (1:25)
    {} NaN

eval instant at 0m histogram_fraction(-Inf, +Inf, odd)
    expect info regex: input to histogram_fraction has NaN observations, which are excluded from all fractions
    {} 0.8
"#;
    let tally = promqltest::run(script, &mut Local::default())
        .await
        .unwrap();
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
    assert_eq!(tally.natives.1, 5);
}
