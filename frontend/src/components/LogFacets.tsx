import { Button, Skeleton } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { logFieldsQuery, logFieldValuesQuery, logServicesQuery } from '../api/logs';
import type { LogSearch } from '../hooks/useLogSearch';
import { useProject } from '../hooks/useProject';
import { Count } from '../ui/Count';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { hasTerm } from '../util/log-query';
import { exactCount } from '../util/numbers';
import classes from './LogFacets.module.css';

const FIELDS_SHOWN = 30;

/** What the lines are made of: services, and fields with their most frequent values. A click filters. */
export function LogFacets({ search }: { search: LogSearch }) {
  const project = useProject();
  const services = useQuery(logServicesQuery(project, search.range, search.window));
  const fields = useQuery(logFieldsQuery(project, search.filter, search.range, search.window));
  const chosen = search.filter.service?.split(',') ?? [];
  const [all, setAll] = useState(false);
  return (
    <div className={classes.facets}>
      <section aria-label="Services">
        <h2 className={classes.title}>Services</h2>
        <PanelBoundary>
          <QueryView query={services} skeleton={<FacetSkeleton />}>
            {(items) =>
              items.length === 0 ? (
                <p className={classes.none}>No service wrote in this range.</p>
              ) : (
                <ul className={classes.values}>
                  {items.map(({ service, count }) => (
                    <Value key={service} name={service} count={count} chosen={chosen.includes(service)} onClick={() => search.toggleService(service)} />
                  ))}
                </ul>
              )
            }
          </QueryView>
        </PanelBoundary>
      </section>
      <section aria-label="Fields">
        <h2 className={classes.title}>Fields</h2>
        <PanelBoundary>
          <QueryView query={fields} skeleton={<FacetSkeleton />}>
            {(items) =>
              items.length === 0 ? (
                <p className={classes.none}>No fields in these lines.</p>
              ) : (
                <>
                  {items.slice(0, all ? items.length : FIELDS_SHOWN).map(({ name, count }) => <Field key={name} name={name} count={count} search={search} />)}
                  {items.length > FIELDS_SHOWN && (
                    <Button size="compact-xs" variant="subtle" aria-expanded={all} onClick={() => setAll(!all)}>
                      {all ? 'Show fewer fields' : `All ${exactCount(items.length)} fields`}
                    </Button>
                  )}
                </>
              )
            }
          </QueryView>
        </PanelBoundary>
      </section>
    </div>
  );
}

function Field({ name, count, search }: { name: string; count: number; search: LogSearch }) {
  const [opened, setOpened] = useState(false);
  const Chevron = opened ? IconChevronDown : IconChevronRight;
  return (
    <div>
      <button type="button" className={classes.field} aria-expanded={opened} onClick={() => setOpened(!opened)}>
        <Chevron size={14} aria-hidden />
        <span className={classes.name}>{name}</span>
        <span className={classes.count}>
          <Count value={count} exact={`in ${exactCount(count)} lines`} />
        </span>
      </button>
      {opened && <TopValues name={name} search={search} />}
    </div>
  );
}

function TopValues({ name, search }: { name: string; search: LogSearch }) {
  const query = useQuery(logFieldValuesQuery(useProject(), name, search.filter, search.range, search.window));
  return (
    <QueryView query={query} skeleton={<FacetSkeleton />}>
      {(items) => (
        <ul className={classes.values} aria-label={`Values of ${name}`}>
          {items.map(({ value, count }) => {
            const term = { negated: false, field: name, value };
            const chosen = hasTerm(search.filter.query ?? '', term);
            return (
              <Value
                key={value}
                name={value}
                count={count}
                chosen={chosen}
                onClick={() => (chosen ? search.removeTerm(term) : search.addTerm(term))}
              />
            );
          })}
        </ul>
      )}
    </QueryView>
  );
}

interface ValueProps {
  name: string;
  count: number;
  chosen: boolean;
  onClick: () => void;
}

function Value({ name, count, chosen, onClick }: ValueProps) {
  return (
    <li>
      <button type="button" className={classes.value} aria-pressed={chosen} onClick={onClick} title={name}>
        <span className={classes.text}>{name === '' ? '(empty)' : name}</span>
        <span className={classes.count}>
          <Count value={count} />
        </span>
      </button>
    </li>
  );
}

function FacetSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading" className={classes.skeleton}>
      {[80, 60, 70].map((width) => (
        <Skeleton key={width} height={10} width={`${width}%`} />
      ))}
    </div>
  );
}
