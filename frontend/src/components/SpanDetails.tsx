import { Stack } from '@mantine/core';
import { IconAlertCircle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useProject } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { CopyIcon } from '../ui/CopyIcon';
import { shortDuration } from '../util/numbers';
import { metricsOf } from '../util/service-health';
import { absoluteTime } from '../util/time';
import classes from './SpanDetails.module.css';
import type { TimedSpan } from './Waterfall';

interface SpanDetailsProps {
  span: TimedSpan;
  trace: string;
  /** When the trace began, in milliseconds since 1970. */
  origin: number;
  /** Around the trace, for the links to its lines and metrics, and to others where the URL has no range: it may be old. */
  window: { from: string; to: string };
}

/** Everything about one span, and where to go from it. */
export function SpanDetails({ span, trace, origin, window }: SpanDetailsProps) {
  const project = useProject();
  const scope = [span.scope, span.fields['otel.scope.version']].filter(Boolean).join(' ');
  return (
    <Stack gap="md">
      {span.status === 'error' && (
        <Callout tone="bad" icon={<IconAlertCircle size={18} />} title={span.status_message || 'This span failed'} />
      )}
      <nav className={classes.links} aria-label="From this span">
        <Link to="/p/$project/logs" params={{ project }} search={{ ...window, q: `span_id:${span.span_id}` }}>
          Lines of this span
        </Link>
        <Link to="/p/$project/logs" params={{ project }} search={{ ...window, q: `trace_id:${trace}` }}>
          Lines of the trace
        </Link>
        <Link to="/p/$project/metrics" params={{ project }} search={{ ...window, a: metricsOf(span.service) }}>
          Metrics of the service
        </Link>
        <Link
          to="/p/$project/traces"
          params={{ project }}
          search={({ range, from, to }) => ({ ...(range || from ? { range, from, to } : window), service: span.service, operation: span.name })}
        >
          Traces like this
        </Link>
        <Link
          to="/p/$project/services"
          params={{ project }}
          search={({ range, from, to }) => ({ ...(range || from ? { range, from, to } : window), service: span.service })}
        >
          {span.service}
        </Link>
      </nav>
      <Pairs
        title="Span"
        pairs={{
          Duration: shortDuration(span.duration_ms),
          Begins: `${shortDuration(span.start - origin)} into the trace, ${absoluteTime(span.start)}`,
          Kind: span.kind,
          ...(scope && { Scope: scope }),
          'Span id': span.span_id,
          ...(span.parent_id && { Parent: span.parent_id }),
        }}
      />
      <Pairs title="Attributes" pairs={span.fields} mono />
      {span.events.length > 0 && (
        <section>
          <h3 className={classes.title}>Events</h3>
          {span.events.map((event, index) => (
            <div key={index} className={classes.event}>
              <p className={classes.eventName}>
                {event.name} <span className="dim">at {shortDuration(Date.parse(event.time) - origin)}</span>
              </p>
              <Pairs pairs={event.fields} mono />
            </div>
          ))}
        </section>
      )}
      {span.links.length > 0 && (
        <section>
          <h3 className={classes.title}>Links</h3>
          <ul className={classes.list}>
            {span.links.map((link) => (
              <li key={`${link.trace_id}${link.span_id}`}>
                <Link to="/p/$project/traces/$trace" params={{ project, trace: link.trace_id }} search={{ span: link.span_id }}>
                  <span className="mono">{link.trace_id}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Pairs title="Resource" pairs={span.resource} mono />
    </Stack>
  );
}

function Pairs({ title, pairs, mono = false }: { title?: string; pairs: Record<string, string>; mono?: boolean }) {
  const entries = Object.entries(pairs);
  if (entries.length === 0) return null;
  return (
    <section>
      {title && <h3 className={classes.title}>{title}</h3>}
      <dl className={classes.pairs} data-mono={mono || undefined}>
        {entries.map(([name, value]) => (
          <div key={name} className={classes.pair}>
            <dt>{name}</dt>
            <dd>
              <span className={classes.value}>{value}</span>
              <CopyIcon value={value} label={`Copy ${name}`} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
