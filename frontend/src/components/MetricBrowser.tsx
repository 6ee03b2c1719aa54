import { ActionIcon, Badge, Button, Skeleton, Tooltip } from '@mantine/core';
import { IconArrowLeft, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { metadataQuery, metricLabelsQuery, metricNamesQuery, type MetricMetadata } from '../api/prometheus';
import { useProject } from '../hooks/useProject';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { SearchInput } from '../ui/SearchInput';
import { familyOf, starterQuery } from '../util/metric-queries';
import { exactCount } from '../util/numbers';
import classes from './MetricBrowser.module.css';

interface MetricBrowserProps {
  /** A query that begins with the chosen metric or label value. */
  onChoose: (expr: string) => void;
}

/** So many names are listed; the search finds the others. */
const LISTED = 200;

/** What the project measures: names with type and help, and beneath each its labels and their values. */
export function MetricBrowser({ onChoose }: MetricBrowserProps) {
  const project = useProject();
  const names = useQuery(metricNamesQuery(project));
  const metadata = useQuery(metadataQuery(project)).data ?? {};
  const [opened, setOpened] = useState<string>();
  const about = (name: string) => (metadata[name] ?? metadata[familyOf(name)])?.[0];
  return (
    <Panel title="Metrics" count={names.data?.length} flush>
      {opened ? (
        <MetricLabels metric={opened} about={about(opened)} onBack={() => setOpened(undefined)} onChoose={onChoose} />
      ) : (
        <QueryView query={names} skeleton={<NamesSkeleton />}>
          {(all) => <Names all={all} about={about} onOpen={setOpened} onChoose={onChoose} />}
        </QueryView>
      )}
    </Panel>
  );
}

interface NamesProps extends MetricBrowserProps {
  all: readonly string[];
  about: (name: string) => MetricMetadata | undefined;
  onOpen: (name: string) => void;
}

function Names({ all, about, onOpen, onChoose }: NamesProps) {
  const [text, setText] = useState('');
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return all.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  }, [all, text]);
  return (
    <>
      <div className={classes.search}>
        <SearchInput label="Find a metric" value={text} onChange={setText} />
      </div>
      <ul className={classes.list} aria-label="Metric names">
        {found.slice(0, LISTED).map((name) => {
          const known = about(name);
          return (
            <li key={name} className={classes.item}>
              <button type="button" className={classes.choose} onClick={() => onChoose(starterQuery(name, known?.type ?? ''))}>
                <span className={classes.name}>
                  {name}
                  {known && known.type !== 'unknown' && <span className={classes.type}>{known.type}</span>}
                </span>
                {known?.help && <span className={classes.help}>{known.help}</span>}
              </button>
              <Tooltip label="Labels and values">
                <ActionIcon aria-label={`Labels of ${name}`} onClick={() => onOpen(name)}>
                  <IconChevronRight size={16} />
                </ActionIcon>
              </Tooltip>
            </li>
          );
        })}
      </ul>
      {found.length === 0 && <p className={classes.note}>No metric has this name.</p>}
      {found.length > LISTED && <p className={classes.note}>The first {LISTED} of {exactCount(found.length)}: search to see others.</p>}
    </>
  );
}

interface MetricLabelsProps extends MetricBrowserProps {
  metric: string;
  about: MetricMetadata | undefined;
  onBack: () => void;
}

const VALUES_SHOWN = 30;

function MetricLabels({ metric, about, onBack, onChoose }: MetricLabelsProps) {
  const query = useQuery(metricLabelsQuery(useProject(), metric));
  return (
    <div className={classes.labels}>
      <div className={classes.head}>
        <ActionIcon aria-label="Back to all metrics" onClick={onBack}>
          <IconArrowLeft size={16} />
        </ActionIcon>
        <span className={classes.name}>{metric}</span>
        {about && <Badge size="xs" variant="default">{about.type}</Badge>}
      </div>
      {about?.help && <p className={classes.help}>{about.help}</p>}
      <QueryView query={query} skeleton={<NamesSkeleton />}>
        {(labels) =>
          labels.length === 0 ? (
            <p className={classes.help}>Its series have no labels.</p>
          ) : (
            labels.map(({ name, values }) => (
              <LabelValues
                key={name}
                name={name}
                values={values}
                onChoose={(value) => onChoose(starterQuery(metric, about?.type ?? '', `${name}=${JSON.stringify(value)}`))}
              />
            ))
          )
        }
      </QueryView>
    </div>
  );
}

/** The values of one label; of many the first, until all are wanted. */
function LabelValues({ name, values, onChoose }: { name: string; values: readonly string[]; onChoose: (value: string) => void }) {
  const [all, setAll] = useState(false);
  return (
    <section>
      <h3 className={classes.label}>
        {name} <span className="dim">{exactCount(values.length)}</span>
      </h3>
      <ul className={classes.values} aria-label={`Values of ${name}`}>
        {values.slice(0, all ? values.length : VALUES_SHOWN).map((value) => (
          <li key={value}>
            <button type="button" className={classes.value} onClick={() => onChoose(value)}>
              {value === '' ? '(empty)' : value}
            </button>
          </li>
        ))}
        {values.length > VALUES_SHOWN && (
          <li>
            <Button size="compact-xs" variant="subtle" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? 'Show fewer' : `and ${exactCount(values.length - VALUES_SHOWN)} more`}
            </Button>
          </li>
        )}
      </ul>
    </section>
  );
}

function NamesSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading" className={classes.skeleton}>
      {Array.from({ length: 8 }, (_, row) => (
        <Skeleton key={row} height={12} width={`${55 + ((row * 19) % 40)}%`} />
      ))}
    </div>
  );
}
