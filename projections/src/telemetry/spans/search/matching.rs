//! Which spans of a segment are as asked for.

use protocols::spans::SpanStatus;

use super::super::bloom;
use super::super::segment::{Core, Field, Segment};
use super::{Filter, Newest};
use crate::telemetry::arrival::was_known;
use crate::telemetry::bytes::Damaged;

impl Filter {
    /// What a segment's filter must hold.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let service = self.service.as_deref().map(bloom::service_key);
        let operation = self.operation.as_deref().map(bloom::operation_key);
        let fields = self.fields.iter().chain(&self.tags);
        let fields = fields.map(|(name, value)| bloom::field_key(name, value));
        service.into_iter().chain(operation).chain(fields).collect()
    }
}

/// Notes the newest match of each trace.
pub(super) fn note(
    segment: &Segment<'_>,
    filter: &Filter,
    newest: &mut Newest,
) -> Result<(), Damaged> {
    let core = segment.core()?;
    let asked = Asked::read(segment, &core, filter)?;
    for (trace_id, rows) in &core.traces {
        let matching = rows.clone().filter(|row| asked.is(*row));
        if let Some(start_ns) = matching.map(|row| core.starts[row]).max() {
            let known = newest.entry(*trace_id).or_insert(start_ns);
            *known = start_ns.max(*known);
        }
    }
    Ok(())
}

/// A filter over one segment.
pub(super) struct Asked<'a> {
    core: &'a Core,
    filter: &'a Filter,
    /// By resource.
    service: Vec<bool>,
    fields: Vec<OfField<'a>>,
    /// Late rows and by how much, where that matters.
    late: Vec<(usize, i64)>,
}

impl<'a> Asked<'a> {
    pub(super) fn read(
        segment: &Segment<'_>,
        core: &'a Core,
        filter: &'a Filter,
    ) -> Result<Self, Damaged> {
        let wanted = filter.service.as_deref();
        let service = core.resources.iter();
        let service = service.map(|of| wanted.is_none_or(|name| core.text(of.service) == name));
        let fields = filter.fields.iter();
        let fields = fields.map(|(name, value)| OfField::read(segment, core, name, value));
        let tags = filter.tags.iter();
        let tags = tags.map(|(name, value)| OfField::of_tag(segment, core, name, value));
        Ok(Self {
            core,
            filter,
            service: service.collect(),
            fields: fields.chain(tags).collect::<Result<_, _>>()?,
            late: match filter.as_of_ns {
                Some(_) => segment.late()?,
                None => Vec::new(),
            },
        })
    }

    /// Whether a row had arrived at the time that is asked of.
    pub(super) fn knows(&self, row: usize) -> bool {
        self.filter.as_of_ns.is_none_or(|as_of_ns| {
            let late = self.late.binary_search_by_key(&row, |(late, _)| *late);
            let late_ns = late.map_or(0, |found| self.late[found].1);
            let end_ns = self.core.starts[row].saturating_add(self.core.durations[row]);
            was_known(end_ns, late_ns, as_of_ns)
        })
    }

    pub(super) fn is(&self, row: usize) -> bool {
        self.knows(row)
            && self.service[self.core.of_resource[row] as usize]
            && plain(self.core, self.filter, row)
            && self.fields.iter().all(|field| field.is_in(self.core, row))
    }
}

/// What needs no other column.
fn plain(core: &Core, filter: &Filter, row: usize) -> bool {
    let (kind, status) = core.kinds[row];
    let duration_ns = core.durations[row];
    filter.times.contains(core.starts[row])
        && filter
            .min_duration_ns
            .is_none_or(|least| duration_ns >= least)
        && filter
            .max_duration_ns
            .is_none_or(|most| duration_ns <= most)
        && filter
            .error
            .is_none_or(|failed| (status == SpanStatus::Error) == failed)
        && filter.status.is_none_or(|wanted| status == wanted)
        && filter.kind.is_none_or(|wanted| kind == wanted)
        && filter
            .operation
            .as_deref()
            .is_none_or(|wanted| core.name(row) == wanted)
}

/// Where a field may be: in its column, among the others, in the resource, and as a tag
/// in what is told besides.
struct OfField<'a> {
    value: &'a str,
    column: Option<Field>,
    others: Vec<bool>,
    resources: Vec<bool>,
    told: Vec<bool>,
}

impl<'a> OfField<'a> {
    fn read(
        segment: &Segment<'_>,
        core: &Core,
        name: &str,
        value: &'a str,
    ) -> Result<Self, Damaged> {
        let is = |(n, v): &(String, String)| n == name && v == value;
        let others = segment.other_fields()?;
        let resources = core.resources.iter().map(|resource| {
            let mut fields = resource.fields.iter();
            fields.any(|(n, v)| core.text(*n) == name && core.text(*v) == value)
        });
        Ok(Self {
            value,
            column: segment.field(name)?,
            others: others.iter().map(|fields| fields.iter().any(is)).collect(),
            resources: resources.collect(),
            told: Vec::new(),
        })
    }

    fn of_tag(
        segment: &Segment<'_>,
        core: &Core,
        name: &str,
        value: &'a str,
    ) -> Result<Self, Damaged> {
        let told = segment.told(core, name, value)?;
        let field = Self::read(segment, core, name, value)?;
        Ok(Self { told, ..field })
    }

    fn is_in(&self, core: &Core, row: usize) -> bool {
        let column = self.column.as_ref();
        column.is_some_and(|column| column.get(row) == Some(self.value))
            || self.others.get(row).copied().unwrap_or(false)
            || self.resources[core.of_resource[row] as usize]
            || self.told.get(row).copied().unwrap_or(false)
    }
}
