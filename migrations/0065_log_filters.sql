-- How many probes a segment's token filter was written with: six at ten bits a token
-- before, and those segments keep theirs.
ALTER TABLE telemetry.logs_l1 ADD COLUMN bloom_probes smallint NOT NULL DEFAULT 6;
