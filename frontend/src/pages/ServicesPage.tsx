import { Skeleton } from '@mantine/core';
import { IconTopologyStar3 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { arrivalQuery } from '../api/arrival';
import { redQuery, serviceMapQuery, type RedRow } from '../api/traces';
import { AddressNotice } from '../components/AddressNotice';
import { FirstSignal } from '../components/FirstSignal';
import { SERVICE_NUMBERS, serviceColumns, sortBy, type TableOrdering } from '../components/service-columns';
import { useListKeys } from '../hooks/useListKeys';
import { useProject } from '../hooks/useProject';
import { useTimeRange } from '../hooks/useTimeRange';
import { DataTable, type Column } from '../ui/DataTable';
import { DownloadCsv } from '../ui/DownloadCsv';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import { Panel } from '../ui/Panel';
import { PanelBoundary } from '../ui/PanelBoundary';
import { QueryView } from '../ui/QueryView';
import { RowSkeleton } from '../ui/RowSkeleton';
import { readOne, unreadOf } from '../util/address';
import { percent, rate, shortDuration } from '../util/numbers';
import { instants } from '../util/range';
import { metricsOf, serviceHealth } from '../util/service-health';
import { serviceRows } from '../util/table-files';
import { inOrder, ordersOf, type Numbers } from '../util/table-order';
import classes from './ServicesPage.module.css';

const ServiceMapView = lazy(async () => ({ default: (await import('../components/ServiceMapView')).ServiceMapView }));

const MAP_HEIGHT = 460;

const OPERATION_NUMBERS: Numbers<RedRow> = {
  rate: (row) => row.rate,
  errors: (row) => row.error_rate,
  p50: (row) => row.p50_ms,
  p95: (row) => row.p95_ms,
  p99: (row) => row.p99_ms,
};
const NUMBERS = Object.keys(OPERATION_NUMBERS);

export function ServicesPage() {
  const arrived = useQuery(arrivalQuery(useProject(), 'traces'));
  return (
    <>
      <PageHeader title="Services" />
      <PanelBoundary>
        <QueryView query={arrived} skeleton={<Skeleton height={420} aria-busy="true" aria-label="Loading" />}>
          {(any) => (any ? <Services /> : <NoServices />)}
        </QueryView>
      </PanelBoundary>
    </>
  );
}

function NoServices() {
  return (
    <FirstSignal sent="traces" title="See your services" unit="trace">
      Services, their rates, errors and durations, and who calls whom are counted from traces as they arrive. Send traces, and the map draws itself.
    </FirstSignal>
  );
}

function Services() {
  const project = useProject();
  const range = useTimeRange('1h');
  const { service, ...search } = useSearch({ strict: false });
  const { used: order, unread } = readOne(search.order, ordersOf(NUMBERS));
  const navigate = useNavigate();
  const ordering = useMemo(
    (): TableOrdering => ({
      order,
      set: (next) => void navigate({ to: '.', search: (before) => ({ ...before, order: next }), resetScroll: false, replace: true }),
    }),
    [order, navigate],
  );
  const window = () => instants(range);
  const red = useQuery(redQuery(project, range, window));
  const map = useQuery(serviceMapQuery(project, range, window));
  const counted = red.data;
  const select = (chosen: string | undefined) => void navigate({ to: '.', search: (before) => ({ ...before, service: chosen }), resetScroll: false });
  return (
    <div className={classes.stack}>
      <AddressNotice
        unread={unreadOf({ values: unread, is: 'no order', are: 'no orders', instead: `There are ${NUMBERS.join(', ')}, each with or without “:lowest”.` })}
      />
      <Panel title="Map" flush>
        <QueryView query={map} skeleton={<Skeleton height={MAP_HEIGHT} aria-busy="true" aria-label="Loading" />}>
          {(data) =>
            data.nodes.length === 0 ? (
              <EmptyState icon={<IconTopologyStar3 size={20} />} title="No calls in this range">
                Choose a longer range.
              </EmptyState>
            ) : (
              <Suspense fallback={<Skeleton height={MAP_HEIGHT} />}>
                <ServiceMapView map={data} selected={service} onSelect={select} />
              </Suspense>
            )
          }
        </QueryView>
      </Panel>
      {service && (
        <Panel title={`Operations of ${service}`} flush actions={<ServiceLinks service={service} />}>
          <QueryView query={red} skeleton={<RowSkeleton rows={4} height={41} />}>
            {(rows) => <Operations rows={rows.filter((row) => row.service === service)} ordering={ordering} />}
          </QueryView>
        </Panel>
      )}
      <Panel
        title="Rate, errors and duration"
        flush
        actions={
          counted &&
          counted.length > 0 && (
            <DownloadCsv label="Download the services as CSV" name="services" rows={() => serviceRows(serviceHealth(counted, map.data?.nodes ?? NO_NODES))} />
          )
        }
      >
        <QueryView query={red} skeleton={<RowSkeleton rows={6} height={41} />}>
          {(rows) => <ServiceRows rows={rows} nodes={map.data?.nodes} ordering={ordering} onSelect={select} />}
        </QueryView>
      </Panel>
    </div>
  );
}

/** From a service to what else is known about it. */
function ServiceLinks({ service }: { service: string }) {
  const project = useProject();
  return (
    <nav className={classes.links} aria-label={`More about ${service}`}>
      <Link to="/p/$project/traces" params={{ project }} search={{ service }}>
        Traces
      </Link>
      <Link to="/p/$project/logs" params={{ project }} search={{ service }}>
        Logs
      </Link>
      <Link to="/p/$project/metrics" params={{ project }} search={{ a: metricsOf(service) }}>
        Metrics
      </Link>
    </nav>
  );
}

interface ServiceRowsProps {
  rows: readonly RedRow[];
  nodes: Parameters<typeof serviceHealth>[1] | undefined;
  ordering: TableOrdering;
  onSelect: (service: string) => void;
}

function ServiceRows({ rows, nodes = NO_NODES, ordering, onSelect }: ServiceRowsProps) {
  const services = useMemo(() => inOrder(serviceHealth(rows, nodes), ordering.order, SERVICE_NUMBERS), [rows, nodes, ordering.order]);
  const list = useListKeys<HTMLTableElement>({ count: services.length });
  if (services.length === 0) {
    return (
      <EmptyState icon={<IconTopologyStar3 size={20} />} title="No requests in this range">
        Choose a longer range.
      </EmptyState>
    );
  }
  return <DataTable label="Services" columns={serviceColumns(onSelect, ordering)} rows={services} rowId={(row) => row.service} listRef={list} />;
}

const NO_NODES: readonly [] = [];

function Operations({ rows, ordering }: { rows: readonly RedRow[]; ordering: TableOrdering }) {
  const project = useProject();
  const columns = useMemo(() => operationColumns(project, ordering), [project, ordering]);
  if (rows.length === 0) {
    return (
      <EmptyState icon={<IconTopologyStar3 size={20} />} title="No operations in this range">
        This service answered nothing in the range.
      </EmptyState>
    );
  }
  return <DataTable label="Operations" columns={columns} rows={inOrder(rows, ordering.order, OPERATION_NUMBERS)} rowId={(row) => row.operation} />;
}

function operationColumns(project: string, ordering: TableOrdering): readonly Column<RedRow>[] {
  const number = (text: string) => <span className="tabular">{text}</span>;
  return [
    {
      id: 'operation',
      header: 'Operation',
      cell: (row) => (
        <Link to="/p/$project/traces" params={{ project }} search={{ service: row.service, operation: row.operation }}>
          {row.operation}
        </Link>
      ),
    },
    { id: 'rate', header: 'Rate', width: 90, align: 'right', cell: (row) => number(rate(row.rate)), sort: sortBy('rate', ordering) },
    { id: 'errors', header: 'Errors', width: 82, align: 'right', cell: (row) => number(percent(row.error_rate)), sort: sortBy('errors', ordering) },
    { id: 'p50', header: 'Median', width: 90, align: 'right', from: 'medium', cell: (row) => number(shortDuration(row.p50_ms)), sort: sortBy('p50', ordering) },
    { id: 'p95', header: 'p95', width: 90, align: 'right', cell: (row) => number(shortDuration(row.p95_ms)), sort: sortBy('p95', ordering) },
    { id: 'p99', header: 'p99', width: 90, align: 'right', from: 'medium', cell: (row) => number(shortDuration(row.p99_ms)), sort: sortBy('p99', ordering) },
  ];
}
