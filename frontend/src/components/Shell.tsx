import { ActionIcon, AppShell, Tooltip } from '@mantine/core';
import { useDisclosure, useHotkeys, useLocalStorage } from '@mantine/hooks';
import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { keys } from '../api/keys';
import { useGoTo } from '../hooks/useGoTo';
import { LiveProvider } from '../hooks/useLive';
import { useNextProject, useProject } from '../hooks/useProject';
import { useShortcuts } from '../hooks/useShortcuts';
import { ErasureNotice } from './ErasureNotice';
import { Logo } from './Logo';
import { PageAnnouncer } from './PageAnnouncer';
import { PageTime } from './PageTime';
import { RangeNotice } from './RangeNotice';
import classes from './Shell.module.css';
import { SideNav } from './SideNav';
import { TopBar } from './TopBar';

const CommandPalette = lazy(async () => ({ default: (await import('./CommandPalette')).CommandPalette }));
const ShortcutsHelp = lazy(async () => ({ default: (await import('./ShortcutsHelp')).ShortcutsHelp }));

/** What surrounds every page of a project. */
export function Shell() {
  const project = useProject();
  const next = useNextProject();
  const leaving = next !== project;
  const navigate = useNavigate();
  const [navOpened, nav] = useDisclosure(false);
  const [helpOpened, help] = useDisclosure(false);
  const [collapsed, setCollapsed] = useLocalStorage({ key: 'srec-nav-collapsed', defaultValue: false, getInitialValueInEffect: false });
  const [searches, setSearches] = useState(0);
  const search = () => setSearches((count) => count + 1);
  useHotkeys([['mod+K', search]], []);
  useShortcuts([
    ['shift+?', help.toggle],
    ['[', () => setCollapsed((before) => !before)],
    ['c', () => void navigate({ to: '/p/$project/incidents/new', params: { project: next } })],
  ]);
  useGoTo(next);
  useForgetting(project);

  return (
    <LiveProvider project={project} key={project}>
      <a href="#main" className="skip-link">
        Skip to content
      </a>
      <AppShell
        header={{ height: 48 }}
        navbar={{ width: collapsed ? 56 : 216, breakpoint: 'sm', collapsed: { mobile: !navOpened } }}
        padding={0}
        transitionDuration={0}
      >
        <AppShell.Header className={classes.header} data-collapsed={collapsed || undefined}>
          <div className={classes.brand}>
            <Link to="/p/$project" params={{ project: next }} className={classes.home} aria-label="SRE Copilot: overview">
              <Logo mark={collapsed} />
            </Link>
          </div>
          <div className={classes.top}>
            <TopBar navOpened={navOpened} onToggleNav={nav.toggle} onSearch={search} onShowShortcuts={help.open} />
          </div>
        </AppShell.Header>
        <AppShell.Navbar className={classes.navbar} aria-label="Main">
          <SideNav project={next} collapsed={collapsed && !navOpened} onNavigate={nav.close} />
          <div className={classes.collapse}>
            <CollapseButton collapsed={collapsed} onToggle={() => setCollapsed(!collapsed)} />
          </div>
        </AppShell.Navbar>
        <AppShell.Main id="main" tabIndex={-1} className={classes.main} inert={leaving} aria-busy={leaving}>
          <div className={classes.content}>
            <PageTime />
            <ErasureNotice />
            <RangeNotice />
            <Outlet />
          </div>
        </AppShell.Main>
      </AppShell>
      <PageAnnouncer />
      {helpOpened && (
        <Suspense fallback={null}>
          <ShortcutsHelp onClose={help.close} />
        </Suspense>
      )}
      {searches > 0 && (
        <Suspense fallback={null}>
          <CommandPalette asked={searches} />
        </Suspense>
      )}
    </LiveProvider>
  );
}

/** What a page asked for while its project was being left was answered in the next one: nothing of it is kept. */
function useForgetting(project: string): void {
  const client = useQueryClient();
  useEffect(() => () => client.removeQueries({ queryKey: keys.project(project) }), [client, project]);
}

function CollapseButton({ collapsed, onToggle }: { collapsed: boolean; onToggle: () => void }) {
  const label = collapsed ? 'Open the navigation' : 'Collapse the navigation';
  const Icon = collapsed ? IconLayoutSidebarLeftExpand : IconLayoutSidebarLeftCollapse;
  return (
    <Tooltip label={`${label} ( [ )`} position="right">
      <ActionIcon size="md" aria-label={label} onClick={onToggle}>
        <Icon size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
