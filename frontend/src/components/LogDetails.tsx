import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconFilter, IconFilterOff, IconLink, IconTimeline } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { LINES_AROUND, logContextQuery, type LogRecord } from '../api/logs';
import { useCopied } from '../hooks/useCopied';
import type { LogSearch } from '../hooks/useLogSearch';
import { useProject } from '../hooks/useProject';
import { CopyIcon } from '../ui/CopyIcon';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { lineLink } from '../util/line-link';
import { absoluteTime } from '../util/time';
import classes from './LogDetails.module.css';
import { LogLine } from './LogLine';

/** Everything about one line: the whole text, its fields with filters, its trace, and the lines around it. */
export function LogDetails({ record, search }: { record: LogRecord; search: LogSearch }) {
  const project = useProject();
  const [around, setAround] = useState(false);
  return (
    <div className={classes.details}>
      <div className={classes.body}>
        <pre className={classes.text} tabIndex={0} role="region" aria-label="Message">
          {record.body}
        </pre>
        <CopyIcon value={record.body} label="Copy the message" />
      </div>
      <div className={classes.acts}>
        {record.trace_id && (
          <>
            <Button
              size="compact-xs"
              variant="default"
              leftSection={<IconTimeline size={14} />}
              renderRoot={(props) => (
                <Link
                  to="/p/$project/traces/$trace"
                  params={{ project, trace: record.trace_id ?? '' }}
                  search={(before) => ({ range: before.range, from: before.from, to: before.to, ...(record.span_id && { span: record.span_id }) })}
                  {...props}
                />
              )}
            >
              Open the trace
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => search.set({ q: `trace_id:${record.trace_id}`, service: undefined, level: undefined })}>
              All lines of this trace
            </Button>
          </>
        )}
        <Button size="compact-xs" variant="default" aria-expanded={around} onClick={() => setAround(!around)}>
          {around ? 'Hide the lines around it' : 'Show the lines around it'}
        </Button>
        <CopyLink link={lineLink(window.location.origin, project, record)} />
      </div>
      {around && <Context record={record} />}
      <table className={classes.fields} aria-label="Fields">
        <tbody>
          <Row name="time" value={`${absoluteTime(record.time)} (${record.time})`} />
          <FilterRow name="service" value={record.service} search={search} />
          <FilterRow name="level" value={record.level} {...(record.level_text && { shown: record.level_text })} search={search} />
          {Object.entries(record.fields).map(([name, value]) => (
            <FilterRow key={`field ${name}`} name={name} value={value} search={search} />
          ))}
          {record.trace_id && <FilterRow name="trace_id" value={record.trace_id} search={search} />}
          {record.span_id && <FilterRow name="span_id" value={record.span_id} search={search} />}
          {Object.entries(record.resource).map(([name, value]) => (
            <FilterRow key={`resource ${name}`} name={name} value={value} search={search} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const COPY_LINK = { no: 'Copy link', yes: 'Copied', failed: 'Not copied' };

function CopyLink({ link }: { link: string }) {
  const { state, copy } = useCopied();
  return (
    <Button size="compact-xs" variant="default" leftSection={<IconLink size={14} />} onClick={() => copy(link)}>
      {COPY_LINK[state]}
    </Button>
  );
}

interface FilterRowProps {
  name: string;
  value: string;
  /** The sender's own word, where it differs. */
  shown?: string;
  search: LogSearch;
}

function FilterRow({ name, value, shown, search }: FilterRowProps) {
  return (
    <Row name={name} value={shown ?? value}>
      <Tooltip label="Only lines with this value">
        <ActionIcon aria-label={`Only ${name} ${value}`} onClick={() => search.addTerm({ negated: false, field: name, value })}>
          <IconFilter size={14} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="No lines with this value">
        <ActionIcon aria-label={`Not ${name} ${value}`} onClick={() => search.addTerm({ negated: true, field: name, value })}>
          <IconFilterOff size={14} />
        </ActionIcon>
      </Tooltip>
      <CopyIcon value={value} label={`Copy ${name}`} />
    </Row>
  );
}

function Row({ name, value, children }: { name: string; value: string; children?: React.ReactNode }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
      <td className={classes.filters}>{children}</td>
    </tr>
  );
}

const NOT_SEARCHED: readonly string[] = [];

function Context({ record }: { record: LogRecord }) {
  const query = useQuery(logContextQuery(useProject(), record.id, LINES_AROUND));
  return (
    <QueryView query={query} skeleton={<RowSkeleton rows={5} height={24} />}>
      {(items) => (
        <ol className={classes.context} aria-label="Lines around this one">
          {items.map((one) => (
            <li key={one.id} className={classes.around} aria-current={one.id === record.id || undefined}>
              <LogLine record={one} searched={NOT_SEARCHED} />
            </li>
          ))}
        </ol>
      )}
    </QueryView>
  );
}
