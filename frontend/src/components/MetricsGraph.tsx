import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useRef, useState } from 'react';
import { begunIncidentsQuery } from '../api/incidents';
import type { Incident } from '../api/types';
import { useProject } from '../hooks/useProject';
import { useZoom } from '../hooks/useZoom';
import { Panel } from '../ui/Panel';
import { TimeChart, type Moment } from '../ui/TimeChart';
import { csv, download } from '../util/files';
import { chartRows, SERIES_DRAWN, type ExemplarDot, type MetricChart } from '../util/metric-chart';
import { sampleText } from '../util/numbers';
import { instants, type RangeSearch } from '../util/range';
import { absoluteTime } from '../util/time';
import type { MetricUnit } from '../util/units';
import classes from './MetricsGraph.module.css';
import { SeriesLegend } from './SeriesLegend';
import { SeverityBadge } from './SeverityBadge';

interface MetricsGraphProps {
  title: string;
  chart: MetricChart;
  dots: readonly ExemplarDot[];
  unit: MetricUnit;
  /** Whose incidents are marked. */
  range: RangeSearch;
  /** Another answer is on its way; this is the one before. */
  busy: boolean;
}

const HEIGHT = 340;
const NONE: ReadonlySet<string> = new Set();
const NO_INCIDENTS: readonly Incident[] = [];

/** The lines of all queries, their legend, the exemplars that lead to traces, and the way out as a file. */
export function MetricsGraph({ title, chart, dots, unit, range, busy }: MetricsGraphProps) {
  const project = useProject();
  const navigate = useNavigate();
  const zoom = useZoom();
  const host = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(NONE);
  // A refresh may take a series away; what is isolated and gone must not hide the rest.
  const isolated = useMemo(() => new Set(chart.lines.map(({ id }) => id).filter((id) => chosen.has(id))), [chart, chosen]);
  const text = useCallback((value: number | null) => sampleText(value, unit), [unit]);
  const begun = useBegun(range, chart.times);
  const moments = useMemo(() => begun.map(momentOf), [begun]);
  const open = (id: string) => {
    const dot = dots.find((one) => one.id === id);
    if (dot) void navigate({ to: '/p/$project/traces/$trace', params: { project, trace: dot.trace } });
  };
  return (
    <Panel
      title={title}
      count={chart.lines.length}
      flush
      actions={<ExportMenu chart={chart} canvas={() => host.current?.querySelector('canvas') ?? null} />}
    >
      {chart.left > 0 && (
        <p className={classes.note} role="status">
          The first {SERIES_DRAWN} of {SERIES_DRAWN + chart.left} series are shown. Add a label filter, or aggregate with <span className="mono">sum by (…)</span> or{' '}
          <span className="mono">topk</span>.
        </p>
      )}
      <div className={classes.chart} data-busy={busy || undefined} aria-busy={busy}>
        <TimeChart
          label={`${title}: ${chart.lines.length} series over time`}
          times={chart.times}
          lines={chart.lines}
          isolated={isolated}
          text={text}
          height={HEIGHT}
          dots={dots}
          onDot={open}
          moments={moments}
          onZoom={zoom}
          hostRef={host}
        />
      </div>
      {begun.length > 0 && <BegunList incidents={begun} />}
      {dots.length > 0 && <ExemplarList dots={dots} unit={unit} />}
      <SeriesLegend lines={chart.lines} isolated={isolated} onIsolate={setChosen} text={text} />
    </Panel>
  );
}

/** The gravest incidents that began while the chart's lines were drawn; the chart is complete without them. */
function useBegun(range: RangeSearch, times: readonly number[]): readonly Incident[] {
  const { data = NO_INCIDENTS } = useQuery(begunIncidentsQuery(useProject(), range, () => instants(range)));
  return useMemo(() => {
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    return data.filter(({ opened_at: at }) => Date.parse(at) >= first * 1000 && Date.parse(at) <= last * 1000);
  }, [data, times]);
}

function momentOf(incident: Incident): Moment {
  const tone = incident.severity.toLowerCase();
  return {
    id: incident.id,
    time: Date.parse(incident.opened_at) / 1000,
    name: `${incident.key ?? 'Incident'}: ${incident.title}`,
    color: `--tone-${tone}`,
  };
}

/** The marked moments again as links, for keyboards and screen readers. */
function BegunList({ incidents }: { incidents: readonly Incident[] }) {
  return (
    <details className={classes.exemplars}>
      <summary>
        <span aria-hidden>⚑</span> {incidents.length === 1 ? '1 incident began here' : `${incidents.length} incidents began here`}
      </summary>
      <ul>
        {incidents.map((incident) => (
          <li key={incident.id}>
            <SeverityBadge severity={incident.severity} bare />{' '}
            <Link to="/p/$project/incidents/$incident" params={{ project: incident.project_id, incident: incident.id }}>
              {incident.key} {incident.title}
            </Link>{' '}
            <span className="dim">{absoluteTime(incident.opened_at)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The dots again as links, for keyboards and screen readers. */
function ExemplarList({ dots, unit }: { dots: readonly ExemplarDot[]; unit: MetricUnit }) {
  const project = useProject();
  return (
    <details className={classes.exemplars}>
      <summary>
        <span className={classes.diamond} aria-hidden>
          ◆
        </span>{' '}
        {dots.length} exemplars: single requests, each with its trace
      </summary>
      <ul>
        {dots.map((dot) => (
          <li key={dot.id}>
            <Link to="/p/$project/traces/$trace" params={{ project, trace: dot.trace }}>
              {sampleText(dot.value, unit)}
            </Link>{' '}
            <span className="dim">
              {dot.labels['service'] ?? dot.labels['job'] ?? ''} · {absoluteTime(dot.time * 1000)}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function ExportMenu({ chart, canvas }: { chart: MetricChart; canvas: () => HTMLCanvasElement | null }) {
  const stamp = () => new Date().toISOString().slice(0, 16).replaceAll(':', '');
  const saveCsv = () => download(`metrics-${stamp()}.csv`, new Blob([csv(chartRows(chart))], { type: 'text/csv' }));
  const savePng = () => {
    const drawn = canvas();
    if (!drawn) return;
    withLegend(drawn, chart).toBlob((image) => {
      if (image) download(`metrics-${stamp()}.png`, image);
    });
  };
  return (
    <Menu>
      <Menu.Target>
        <Tooltip label="Download">
          <ActionIcon aria-label="Download">
            <IconDownload size={16} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={saveCsv}>Values as CSV</Menu.Item>
        <Menu.Item onClick={savePng}>Chart as PNG</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const LEGEND_ROWS = 20;

/** The chart on its background with the names beneath: a picture that explains itself in a chat. */
function withLegend(drawn: HTMLCanvasElement, { lines }: MetricChart): HTMLCanvasElement {
  const scale = devicePixelRatio;
  const rows = lines.slice(0, LEGEND_ROWS);
  const style = getComputedStyle(drawn);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const picture = document.createElement('canvas');
  picture.width = drawn.width;
  picture.height = drawn.height + (rows.length * 18 + 16) * scale;
  const pen = picture.getContext('2d');
  if (!pen) return drawn;
  pen.fillStyle = token('--surface');
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.drawImage(drawn, 0, 0);
  pen.scale(scale, scale);
  pen.font = "12px 'JetBrains Mono Variable', monospace";
  pen.textBaseline = 'middle';
  rows.forEach((line, index) => {
    const y = drawn.height / scale + 14 + index * 18;
    pen.fillStyle = token(`--series-${line.color}`);
    pen.fillRect(12, y - 1.5, 12, 3);
    pen.fillStyle = token('--ink');
    pen.fillText(line.name, 32, y);
  });
  return picture;
}
