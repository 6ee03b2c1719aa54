import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { useLayoutEffect, useRef } from 'react';
import { useMe, useProject } from '../hooks/useProject';
import { PageHeader } from '../ui/PageHeader';
import { settingsTabAt, settingsTabs } from '../util/settings-tabs';
import classes from './SettingsPage.module.css';

/** The frame of the settings; each tab is a route of its own. */
export function SettingsPage() {
  const project = useProject();
  const me = useMe();
  const path = useLocation({ select: (location) => location.pathname });
  const strip = useActiveTabInSight(path);
  const open = settingsTabAt(path);
  return (
    <>
      <PageHeader title="Settings" tab={open && `${open.label} · Settings`} />
      <nav ref={strip} className={classes.tabs} aria-label="Settings">
        {settingsTabs(me?.permissions ?? []).map((tab) => (
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
function useActiveTabInSight(path: string) {
  const strip = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const active = strip.current?.querySelector<HTMLElement>('[data-status="active"]');
    if (!strip.current || !active) return;
    const begins = active.offsetLeft - strip.current.offsetLeft;
    strip.current.scrollLeft = begins - (strip.current.clientWidth - active.offsetWidth) / 2;
  }, [path]);
  return strip;
}
