import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useLayoutEffect, useRef } from 'react';
import { useProject } from '../hooks/useProject';
import { PageHeader } from '../ui/PageHeader';
import classes from './SettingsPage.module.css';

const TABS = [
  { label: 'API keys', to: '/p/$project/settings/api-keys' },
  { label: 'Members', to: '/p/$project/settings/members' },
  { label: 'Single sign-on', to: '/p/$project/settings/single-sign-on' },
  { label: 'Roles', to: '/p/$project/settings/roles' },
  { label: 'Projects', to: '/p/$project/settings/projects' },
  { label: 'Your security', to: '/p/$project/settings/security' },
  { label: 'Integrations', to: '/p/$project/settings/integrations' },
  { label: 'Telemetry', to: '/p/$project/settings/telemetry' },
  { label: 'Telemetry limits', to: '/p/$project/settings/telemetry-limits' },
  { label: 'Usage', to: '/p/$project/settings/usage' },
  { label: 'Audit', to: '/p/$project/settings/audit' },
] as const;

/** The frame of the settings; each tab is a route of its own. */
export function SettingsPage() {
  const project = useProject();
  const tabs = useActiveTabInSight();
  return (
    <>
      <PageHeader title="Settings" />
      <nav ref={tabs} className={classes.tabs} aria-label="Settings">
        {TABS.map((tab) => (
          <Link key={tab.to} to={tab.to} params={{ project }} className={classes.tab}>
            {tab.label}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}

/** On a narrow screen the strip of tabs is longer than its room: the active one comes to its middle. */
function useActiveTabInSight() {
  const strip = useRef<HTMLElement>(null);
  const path = useLocation({ select: (location) => location.pathname });
  useLayoutEffect(() => {
    const active = strip.current?.querySelector<HTMLElement>('[data-status="active"]');
    if (!strip.current || !active) return;
    const begins = active.offsetLeft - strip.current.offsetLeft;
    strip.current.scrollLeft = begins - (strip.current.clientWidth - active.offsetWidth) / 2;
  }, [path]);
  return strip;
}
