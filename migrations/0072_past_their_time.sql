-- What is past its time is looked for every ten minutes (bodies that were seen: with each
-- flush), and hardly ever found: by these, instead of among all rows.
CREATE INDEX metrics_l1_by_class ON telemetry.metrics_l1 (class, day);
CREATE INDEX logs_l1_by_class ON telemetry.logs_l1 (class, day);
CREATE INDEX spans_l1_by_class ON telemetry.spans_l1 (class, day);
CREATE INDEX metric_series_by_day ON telemetry.metric_series (day);
CREATE INDEX metric_exemplars_by_day ON telemetry.metric_exemplars (day);
CREATE INDEX log_hours_by_window ON telemetry.log_hours (window_start);
CREATE INDEX log_counts_by_minute ON telemetry.log_counts (minute);
CREATE INDEX seen_bodies_by_newest ON telemetry.seen_bodies (signal, partition, newest);
