//! The coarse samples that there are of an hour which is merged again. Those of a series
//! whose own samples are gone stand, because they are all that is left of it: what is
//! merged now has none of the series, or only what came late. Which series those are is
//! asked one by one, since rules of retention move series from one class to another.

use std::collections::{HashMap, HashSet};

use promql::source::Samples;
use sqlx::PgConnection;

use super::coarse::{CoarseWriter, Stored};
use super::coarsen::NewCoarse;
use super::registry::day_of;
use crate::telemetry::bytes::Damaged;
use crate::telemetry::compaction::Place;

/// A row of `metrics_coarse`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    resolution: i32,
    class: i16,
    part: i32,
    from_offset: i64,
    to_offset: i64,
    min_time: i64,
    max_time: i64,
    data: Vec<u8>,
}

/// All rows of the hour that begins at `window_start`.
pub(super) async fn rows(
    tx: &mut PgConnection,
    place: Place,
    window_start: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        "SELECT resolution, class, part, from_offset, to_offset, min_time, max_time, data
         FROM metrics_coarse
         WHERE tenant_id = $1 AND project_id = $2 AND day = $3 AND window_start = $4
           AND partition = $5
         ORDER BY resolution, class, part",
    )
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(day_of(window_start.saturating_mul(1_000)))
    .bind(window_start)
    .bind(place.partition)
    .fetch_all(tx)
    .await
}

/// What the rows have of a series.
#[derive(Debug, Default)]
struct Was {
    /// That came, of which some are kept.
    floats: u64,
    histograms: u64,
    to_offset: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Standing {
    rows: Vec<Row>,
    /// By resolution and id.
    series: HashMap<(i32, u128), Was>,
    anew: HashSet<(i32, u128)>,
}

/// What becomes of the rows.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Resolution, class and part of those that go.
    pub(super) gone: Vec<(i32, i16, i32)>,
    /// What is left of them.
    pub(super) left: Vec<NewCoarse>,
    /// The first number of a part that none of them has had: what readers keep in memory
    /// is named by it.
    pub(super) next_part: i32,
}

impl Standing {
    pub(super) fn new(rows: Vec<Row>) -> Result<Self, Damaged> {
        let mut series = HashMap::<(i32, u128), Was>::new();
        let mut read = Default::default();
        for row in &rows {
            let stored = Stored::open(&row.data)?;
            for (at, id) in stored.ids()?.iter().enumerate() {
                stored.read(at, &mut read)?;
                let [kept, counts, _] = &read;
                let was = series.entry((row.resolution, *id)).or_default();
                was.floats += stood_for(counts);
                was.histograms += kept.histograms.len() as u64;
                was.to_offset = was.to_offset.max(row.to_offset);
            }
        }
        Ok(Self {
            rows,
            series,
            anew: HashSet::new(),
        })
    }

    /// Whether a series is made anew of these samples, the first of which came at
    /// `from_offset`. Merging adds samples and takes none away, so that fewer than there
    /// were are not all of them.
    pub(super) fn gives_way(
        &mut self,
        resolution: i32,
        id: u128,
        from_offset: i64,
        samples: &Samples,
    ) -> bool {
        let Some(was) = self.series.get(&(resolution, id)) else {
            return true;
        };
        let all_here = from_offset < was.to_offset
            && samples.times.len() as u64 >= was.floats
            && samples.histograms.len() as u64 >= was.histograms;
        if all_here {
            self.anew.insert((resolution, id));
        }
        all_here
    }

    pub(super) fn finish(self) -> Result<Changed, Damaged> {
        let mut changed = Changed::default();
        for row in &self.rows {
            changed.next_part = changed.next_part.max(row.part.saturating_add(1));
            let stored = Stored::open(&row.data)?;
            let ids = stored.ids()?;
            let stays = |id: &u128| !self.anew.contains(&(row.resolution, *id));
            let all = ids.iter().copied().enumerate();
            let stays: Vec<(usize, u128)> = all.filter(|(_, id)| stays(id)).collect();
            if stays.len() < ids.len() {
                let name = (row.resolution, row.class, row.part);
                changed.gone.push(name);
                changed.left.extend(left(row, &stored, &stays)?);
            }
        }
        Ok(changed)
    }
}

/// How many floats there were.
fn stood_for(counts: &Samples) -> u64 {
    counts.values.iter().map(|count| *count as u64).sum()
}

/// A row with these of its series alone.
fn left(
    row: &Row,
    stored: &Stored,
    series: &[(usize, u128)],
) -> Result<Option<NewCoarse>, Damaged> {
    let (Some((_, id_from)), Some((_, id_to))) = (series.first(), series.last()) else {
        return Ok(None);
    };
    let mut writer = CoarseWriter::default();
    let (mut read, mut items) = (Default::default(), 0);
    for (at, id) in series {
        stored.read(*at, &mut read)?;
        writer.copy(*id, &read);
        let [kept, counts, _] = &read;
        items += stood_for(counts) as usize + kept.histograms.len();
    }
    Ok(Some(NewCoarse {
        resolution: row.resolution,
        class: row.class,
        positions: Some((row.from_offset, row.to_offset)),
        min_time: row.min_time,
        max_time: row.max_time,
        items,
        id_from: *id_from,
        id_to: *id_to,
        series: writer.series(),
        data: writer.finish(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: i64) -> Samples {
        Samples {
            times: (0..count).map(|n| 1_000 + n * 15_000).collect(),
            values: (0..count).map(|n| n as f64).collect(),
            histograms: Vec::new(),
        }
    }

    /// Of series 1 to 3, with 20 samples each, which came before position 80.
    fn standing() -> Standing {
        let mut writer = CoarseWriter::default();
        for id in 1..=3 {
            writer.id(id, 300, &samples(20));
        }
        let row = Row {
            resolution: 300,
            class: 1,
            part: 4,
            from_offset: 0,
            to_offset: 80,
            min_time: 1_000,
            max_time: 286_000,
            data: writer.finish(),
        };
        Standing::new(vec![row]).unwrap()
    }

    #[test]
    fn a_series_gives_way_to_all_of_its_samples_alone() {
        let mut standing = standing();
        assert!(standing.gives_way(300, 1, 0, &samples(21)));
        assert!(
            !standing.gives_way(300, 2, 0, &samples(19)),
            "some are gone"
        );
        assert!(!standing.gives_way(300, 3, 80, &samples(30)), "late ones");
        assert!(standing.gives_way(300, 9, 80, &samples(1)), "a new series");
        let changed = standing.finish().unwrap();
        assert_eq!(changed.gone, [(300, 1, 4)]);
        assert_eq!(changed.next_part, 5);
        let [left] = &changed.left[..] else {
            panic!("one row is left: {:?}", changed.left);
        };
        assert_eq!((left.id_from, left.id_to, left.series), (2, 3, 2));
        assert_eq!((left.positions, left.items), (Some((0, 80)), 40));
        let mut read = Default::default();
        let stored = Stored::open(&left.data).unwrap();
        stored.read(1, &mut read).unwrap();
        assert_eq!(stood_for(&read[1]), 20);
    }

    #[test]
    fn a_row_of_which_nothing_is_made_anew_is_not_touched() {
        let changed = standing().finish().unwrap();
        assert!(changed.gone.is_empty() && changed.left.is_empty());
    }
}
