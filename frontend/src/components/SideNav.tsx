import { Tooltip } from '@mantine/core';
import {
  IconBellRinging,
  IconChartLine,
  IconFlame,
  IconLayoutDashboard,
  IconListDetails,
  IconPlugConnected,
  IconSettings,
  IconTimeline,
  IconTopologyStar3,
  type Icon,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import classes from './SideNav.module.css';

type Destination =
  | '/p/$project'
  | '/p/$project/incidents'
  | '/p/$project/alerts'
  | '/p/$project/metrics'
  | '/p/$project/logs'
  | '/p/$project/traces'
  | '/p/$project/services'
  | '/p/$project/settings'
  | '/p/$project/getting-started';

interface Entry {
  label: string;
  icon: Icon;
  to: Destination;
}

/** Only shipped pages; a group appears with its first page. */
const GROUPS: readonly { name?: string; entries: readonly Entry[] }[] = [
  { entries: [{ label: 'Overview', icon: IconLayoutDashboard, to: '/p/$project' }] },
  {
    name: 'Respond',
    entries: [
      { label: 'Incidents', icon: IconFlame, to: '/p/$project/incidents' },
      { label: 'Alerts', icon: IconBellRinging, to: '/p/$project/alerts' },
    ],
  },
  {
    name: 'Explore',
    entries: [
      { label: 'Metrics', icon: IconChartLine, to: '/p/$project/metrics' },
      { label: 'Logs', icon: IconListDetails, to: '/p/$project/logs' },
      { label: 'Traces', icon: IconTimeline, to: '/p/$project/traces' },
      { label: 'Services', icon: IconTopologyStar3, to: '/p/$project/services' },
    ],
  },
  {
    name: 'Govern',
    entries: [{ label: 'Settings', icon: IconSettings, to: '/p/$project/settings' }],
  },
];

const CONNECT: Entry = { label: 'Getting started', icon: IconPlugConnected, to: '/p/$project/getting-started' };

interface SideNavProps {
  project: string;
  collapsed: boolean;
  onNavigate: () => void;
}

export function SideNav({ project, collapsed, onNavigate }: SideNavProps) {
  const item = (entry: Entry) => (
    <NavItem key={entry.label} entry={entry} project={project} collapsed={collapsed} onNavigate={onNavigate} />
  );
  return (
    <div className={classes.nav} data-collapsed={collapsed || undefined}>
      {GROUPS.map((group) => (
        <div key={group.name ?? 'top'} className={classes.group}>
          {group.name && <div className={classes.groupName}>{group.name}</div>}
          {group.entries.map(item)}
        </div>
      ))}
      <div className={classes.foot}>{item(CONNECT)}</div>
    </div>
  );
}

interface NavItemProps extends SideNavProps {
  entry: Entry;
}

function NavItem({ entry, project, collapsed, onNavigate }: NavItemProps) {
  const { icon: Icon, label, to } = entry;
  return (
    <Tooltip label={label} position="right" disabled={!collapsed}>
      <Link
        to={to}
        params={{ project }}
        activeOptions={{ exact: to === '/p/$project', includeSearch: false }}
        className={classes.item}
        aria-label={label}
        onClick={onNavigate}
      >
        <Icon size={17} stroke={1.7} aria-hidden />
        <span className={classes.label}>{label}</span>
      </Link>
    </Tooltip>
  );
}
