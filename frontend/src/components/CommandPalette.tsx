import { createSpotlight, Spotlight } from '@mantine/spotlight';
import '@mantine/spotlight/styles.css';
import { useMantineColorScheme } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowRight, IconFlame, IconMoon, IconPlus, IconSearch, IconSwitchHorizontal, IconTimeline } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { may } from '../api/auth';
import { api, read } from '../api/client';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { useMe, useNextProject, useProject } from '../hooks/useProject';
import { stillMeant } from '../util/palette';
import { settingsTabs } from '../util/settings-tabs';
import { traceIdOf } from '../util/trace-search';
import { PaletteSteps } from './PaletteSteps';

const [store, palette] = createSpotlight();
const LIST_ID = 'palette';

type Destination =
  | '/p/$project'
  | '/p/$project/incidents'
  | '/p/$project/incidents/new'
  | '/p/$project/alerts'
  | '/p/$project/metrics'
  | '/p/$project/logs'
  | '/p/$project/traces'
  | '/p/$project/services'
  | '/p/$project/getting-started';

/** Jump, find an incident, act. Loaded when it is first asked for; `asked` grows with every request to open it. */
export function CommandPalette({ asked }: { asked: number }) {
  const [query, setQuery] = useState('');
  const actions = useActions(query);
  const { incidents, note } = useIncidentMatches(query);
  const trace = useTraceOf(query);
  const searches = useSearches(query);
  useEffect(() => {
    if (asked > 0) palette.open();
  }, [asked]);
  const found = [...trace, ...incidents].map(({ key }) => key).join();
  useEffect(() => selectFirst(), [found]);
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      scrollable
      maxHeight={420}
      overlayProps={{ backgroundOpacity: 0.4, blur: 0 }}
    >
      <Spotlight.Search placeholder="Search incidents, jump, act…" leftSection={<IconSearch size={18} />} />
      <Spotlight.ActionsList id={LIST_ID}>
        {trace}
        {incidents}
        {actions}
        <PaletteSteps query={query} />
        {searches}
        {trace.length + incidents.length + actions.length + searches.length === 0 && <Spotlight.Empty>Nothing matches</Spotlight.Empty>}
      </Spotlight.ActionsList>
      {note && (
        <Spotlight.Footer role="status" fz="xs" c="dimmed">
          {note}
        </Spotlight.Footer>
      )}
    </Spotlight.Root>
  );
}

/**
 * Incidents come in above the actions, after Mantine has marked what was first until then; Enter must take what is first
 * now. The mark is an attribute that Mantine keeps outside React.
 */
function selectFirst(): void {
  const list = document.getElementById(LIST_ID);
  list?.querySelector('[data-selected]')?.removeAttribute('data-selected');
  list?.querySelector('[data-action]')?.setAttribute('data-selected', 'true');
  store.setState({ ...store.getState(), selected: 0 });
}

function useActions(query: string) {
  const project = useNextProject();
  const me = useMe();
  const navigate = useNavigate();
  const { toggleColorScheme } = useMantineColorScheme();
  const go = (to: Destination) => () => void navigate({ to, params: { project } });
  const all = [
    ...(may(me, 'incident.open')
      ? [{ label: 'Declare incident', icon: IconPlus, act: go('/p/$project/incidents/new') }]
      : []),
    { label: 'Go to overview', icon: IconArrowRight, act: go('/p/$project') },
    { label: 'Go to incidents', icon: IconArrowRight, act: go('/p/$project/incidents') },
    { label: 'Go to alerts', icon: IconArrowRight, act: go('/p/$project/alerts') },
    { label: 'Go to metrics', icon: IconArrowRight, act: go('/p/$project/metrics') },
    { label: 'Go to logs', icon: IconArrowRight, act: go('/p/$project/logs') },
    { label: 'Go to traces', icon: IconArrowRight, act: go('/p/$project/traces') },
    { label: 'Go to services', icon: IconArrowRight, act: go('/p/$project/services') },
    ...settingsTabs(me?.permissions ?? []).map(({ label, to }) => ({
      label: `Go to ${/^[A-Z]{2}/.test(label) ? label : label.charAt(0).toLowerCase() + label.slice(1)}`,
      icon: IconArrowRight,
      act: () => void navigate({ to, params: { project } }),
    })),
    { label: 'Go to getting started', icon: IconArrowRight, act: go('/p/$project/getting-started') },
    { label: 'Switch between light and dark', icon: IconMoon, act: toggleColorScheme },
    ...(me?.projects ?? [])
      .filter((one) => one.id !== project)
      .map((one) => ({
        label: `Switch to project ${one.name}`,
        icon: IconSwitchHorizontal,
        act: () => void navigate({ to: '/p/$project', params: { project: one.id } }),
      })),
  ];
  return all
    .filter((action) => action.label.toLowerCase().includes(query.trim().toLowerCase()))
    .map((action) => (
      <Spotlight.Action
        key={action.label}
        label={action.label}
        leftSection={<action.icon size={16} />}
        onClick={action.act}
      />
    ));
}

const FEWEST_LETTERS = 2;

function useIncidentMatches(query: string) {
  const project = useProject();
  const navigate = useNavigate();
  const [q] = useDebouncedValue(query.trim(), 200);
  const found = useQuery({
    queryKey: keys.incidentList(project, { palette: q }),
    queryFn: () => read(api.GET('/api/v1/incidents', { params: { query: { q, limit: 6 } } })),
    enabled: q.length >= FEWEST_LETTERS,
  });
  const text = query.trim();
  if (text.length < FEWEST_LETTERS) return { incidents: [], note: undefined };
  const waiting = text !== q || found.isPending;
  const listed = found.data?.items ?? [];
  const incidents = (waiting ? stillMeant(listed, text) : listed).map((incident) => (
    <Spotlight.Action
      key={incident.id}
      label={incident.title}
      description={`${incident.key ?? ''} · ${incident.severity} · ${incident.status}`}
      leftSection={<IconFlame size={16} />}
      onClick={() =>
        void navigate({ to: '/p/$project/incidents/$incident', params: { project, incident: incident.id } })
      }
    />
  ));
  return { incidents, note: noteOf(incidents.length, waiting, found.error) };
}

/** What became of the search for incidents: that none is listed yet says nothing. */
function noteOf(count: number, waiting: boolean, error: unknown): string | undefined {
  if (waiting) return 'Searching incidents…';
  if (error) return `Incidents cannot be searched now: ${asProblem(error).title}`;
  return count === 0 ? 'No incident matches' : undefined;
}

/** Somebody pasted the id of a trace. */
function useTraceOf(query: string) {
  const project = useNextProject();
  const navigate = useNavigate();
  const trace = traceIdOf(query);
  if (!trace) return [];
  return [
    <Spotlight.Action
      key={trace}
      label={`Open trace ${trace}`}
      leftSection={<IconTimeline size={16} />}
      onClick={() => void navigate({ to: '/p/$project/traces/$trace', params: { project, trace } })}
    />,
  ];
}

/** The same words looked for elsewhere, in the range that is chosen. */
function useSearches(query: string) {
  const params = { project: useNextProject() };
  const navigate = useNavigate();
  const q = query.trim();
  if (q.length < FEWEST_LETTERS) return [];
  const places = [
    { label: `Search logs for “${q}”`, act: () => void navigate({ to: '/p/$project/logs', params, search: { q } }) },
    { label: `Search alerts for “${q}”`, act: () => void navigate({ to: '/p/$project/alerts', params, search: { q, status: 'all' } }) },
    { label: `Search all incidents for “${q}”`, act: () => void navigate({ to: '/p/$project/incidents', params, search: { q, status: 'all' } }) },
  ];
  return places.map(({ label, act }) => <Spotlight.Action key={label} label={label} leftSection={<IconSearch size={16} />} onClick={act} />);
}
