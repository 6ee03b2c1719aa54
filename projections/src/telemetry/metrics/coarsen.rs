//! Coarse segments of an hour that has become final.

use std::collections::BTreeMap;

use promql::source::Samples;
use sqlx::PgConnection;
use uuid::Uuid;

use super::coarse::{CoarseWriter, RESOLUTIONS};
use super::registry::day_of;
use super::standing::{Changed, Row, Standing};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::compaction::{CompactError, Target};

/// Samples that are kept of a segment, about.
const SEGMENT_SAMPLES: usize = 50_000;

/// Segments under way, by resolution and class.
#[derive(Debug, Default)]
pub(super) struct Coarsening {
    standing: Standing,
    open: BTreeMap<(i32, i16), (CoarseWriter, Option<NewCoarse>)>,
    finished: Vec<NewCoarse>,
}

/// A new row of `metrics_coarse`.
#[derive(Debug)]
pub(super) struct NewCoarse {
    pub(super) resolution: i32,
    pub(super) class: i16,
    /// In the log; None: those of all that is merged.
    pub(super) positions: Option<(i64, i64)>,
    pub(super) min_time: i64,
    pub(super) max_time: i64,
    /// As they came.
    pub(super) items: usize,
    pub(super) id_from: u128,
    pub(super) id_to: u128,
    pub(super) series: u64,
    pub(super) data: Vec<u8>,
}

/// What is to be written of an hour.
#[derive(Debug)]
pub(super) struct Coarsened {
    fresh: Vec<NewCoarse>,
    before: Changed,
}

impl Coarsening {
    /// Of an hour of which there are `rows` already.
    pub(super) fn over(rows: Vec<Row>) -> Result<Self, Damaged> {
        Ok(Self {
            standing: Standing::new(rows)?,
            ..Self::default()
        })
    }

    /// Adds a series whose first sample came at `from_offset`.
    pub(super) fn add(&mut self, id: u128, class: i16, from_offset: i64, samples: &Samples) {
        let floats = samples.times.iter();
        let times = floats.chain(samples.histograms.iter().map(|(time, _)| time));
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
            return;
        };
        for resolution in RESOLUTIONS {
            if !self
                .standing
                .gives_way(resolution, id, from_offset, samples)
            {
                continue;
            }
            let (writer, about) = self.open.entry((resolution, class)).or_default();
            writer.id(id, resolution, samples);
            let about = about.get_or_insert_with(|| NewCoarse {
                resolution,
                class,
                positions: None,
                min_time: *first,
                max_time: *last,
                items: 0,
                id_from: id,
                id_to: id,
                series: 0,
                data: Vec::new(),
            });
            about.min_time = about.min_time.min(*first);
            about.max_time = about.max_time.max(*last);
            about.items += samples.times.len() + samples.histograms.len();
            about.id_to = id;
            if writer.samples() >= SEGMENT_SAMPLES {
                self.close((resolution, class));
            }
        }
    }

    fn close(&mut self, open: (i32, i16)) {
        if let Some((writer, about)) = self.open.get_mut(&open)
            && let Some(mut segment) = about.take()
        {
            segment.series = writer.series();
            segment.data = writer.finish();
            self.finished.push(segment);
        }
    }

    pub(super) fn finish(mut self) -> Result<Coarsened, Damaged> {
        let all: Vec<_> = self.open.keys().copied().collect();
        all.into_iter().for_each(|open| self.close(open));
        Ok(Coarsened {
            fresh: self.finished,
            before: self.standing.finish()?,
        })
    }
}

impl Coarsened {
    /// Writes what became of the hour that begins at `window_start`, in the place of what
    /// was there of the same series. Of a series whose samples are gone, what came late is
    /// left out of it.
    pub(super) async fn write(
        self,
        tx: &mut PgConnection,
        target: &Target,
        window_start: i64,
    ) -> Result<(), CompactError> {
        let day = day_of(window_start.saturating_mul(1_000));
        let place = target.place;
        let Changed {
            gone,
            left,
            next_part,
        } = self.before;
        if !gone.is_empty() {
            sqlx::query(
                "DELETE FROM metrics_coarse coarse
                 USING unnest($6::int[], $7::smallint[], $8::int[]) AS gone (resolution, class, part)
                 WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
                   AND window_start = $5 AND coarse.resolution = gone.resolution
                   AND coarse.class = gone.class AND coarse.part = gone.part",
            )
            .bind(place.tenant.0)
            .bind(place.project.0)
            .bind(place.partition)
            .bind(day)
            .bind(window_start)
            .bind(gone.iter().map(|row| row.0).collect::<Vec<_>>())
            .bind(gone.iter().map(|row| row.1).collect::<Vec<_>>())
            .bind(gone.iter().map(|row| row.2).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        }
        let mut all = self.fresh;
        all.extend(left);
        if all.is_empty() {
            return Ok(());
        }
        let positions = |one: &NewCoarse| {
            one.positions
                .unwrap_or((target.from_offset, target.to_offset))
        };
        let narrow = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        let column = |of: fn(&NewCoarse) -> i64| all.iter().map(of).collect::<Vec<_>>();
        let ids = |of: fn(&NewCoarse) -> u128| {
            let ids = all.iter().map(of).map(Uuid::from_u128);
            ids.collect::<Vec<_>>()
        };
        sqlx::query(
            "INSERT INTO metrics_coarse (tenant_id, project_id, partition, day, window_start,
                 from_offset, to_offset, part, resolution, class, min_time, max_time, items,
                 id_from, id_to, series, data)
             SELECT $1, $2, $3, $4, $5, * FROM unnest($6::bigint[], $7::bigint[], $8::int[],
                 $9::int[], $10::smallint[], $11::bigint[], $12::bigint[], $13::int[],
                 $14::uuid[], $15::uuid[], $16::int[], $17::bytea[])",
        )
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(day)
        .bind(window_start)
        .bind(all.iter().map(|c| positions(c).0).collect::<Vec<_>>())
        .bind(all.iter().map(|c| positions(c).1).collect::<Vec<_>>())
        .bind(
            (next_part..)
                .zip(&all)
                .map(|(part, _)| part)
                .collect::<Vec<_>>(),
        )
        .bind(all.iter().map(|c| c.resolution).collect::<Vec<_>>())
        .bind(all.iter().map(|c| c.class).collect::<Vec<_>>())
        .bind(column(|c| c.min_time))
        .bind(column(|c| c.max_time))
        .bind(
            all.iter()
                .map(|c| narrow(c.items as u64))
                .collect::<Vec<_>>(),
        )
        .bind(ids(|c| c.id_from))
        .bind(ids(|c| c.id_to))
        .bind(all.iter().map(|c| narrow(c.series)).collect::<Vec<_>>())
        .bind(all.iter().map(|c| &c.data[..]).collect::<Vec<_>>())
        .execute(tx)
        .await?;
        Ok(())
    }
}
