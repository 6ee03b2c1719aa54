import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core';
import { IconCheck, IconChevronDown, IconRefresh } from '@tabler/icons-react';
import { useIsFetching, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useAsOf } from '../hooks/useAsOf';
import { REFRESHES, refreshMs } from '../util/refresh';
import { absoluteTime, clockSeconds } from '../util/time';
import classes from './TopBar.module.css';

/** Asks for everything on the page again: now, and where it `repeats` also every so often, as the URL says. */
export function RefreshControl({ repeats }: { repeats: boolean }) {
  const client = useQueryClient();
  const fetching = useIsFetching() > 0;
  return (
    <div className={classes.refresh}>
      <AsOf />
      <Tooltip label="Ask for everything on this page again">
        <ActionIcon aria-label="Refresh" data-busy={fetching || undefined} onClick={() => void client.invalidateQueries()}>
          <IconRefresh size={16} stroke={1.8} />
        </ActionIcon>
      </Tooltip>
      {repeats && (
        <span className={classes.repeats}>
          <AutoRefresh />
        </span>
      )}
    </div>
  );
}

/** Since when something may be missing: a range is not told what happens in it. */
function AsOf() {
  const at = useAsOf();
  if (at === undefined) return null;
  return (
    <Tooltip label={`Asked ${absoluteTime(at)}; what has come since is not here yet`}>
      <time className={classes.asOf} dateTime={new Date(at).toISOString()}>
        as of {clockSeconds(at)}
      </time>
    </Tooltip>
  );
}

function AutoRefresh() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { refresh } = useSearch({ strict: false });
  const every = refreshMs(refresh);
  useEffect(() => {
    if (every === undefined) return;
    const timer = setInterval(() => {
      // Nobody looks; and what is still being asked is not asked again.
      if (document.hidden || client.isFetching({ queryKey: ['p'] }) > 0) return;
      void client.invalidateQueries({ queryKey: ['p'] });
    }, every);
    return () => clearInterval(timer);
  }, [client, every]);
  const choose = (name: string | undefined) => void navigate({ to: '.', search: (search) => ({ ...search, refresh: name }), replace: true, resetScroll: false });
  const label = every === undefined ? 'Auto refresh: off' : `Auto refresh: every ${refresh}`;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" color="gray" aria-label={label} title={label} rightSection={<IconChevronDown size={12} />}>
          {every === undefined ? 'Off' : refresh}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Auto refresh</Menu.Label>
        {[undefined, ...Object.keys(REFRESHES)].map((name) => (
          <Menu.Item
            key={name ?? 'off'}
            onClick={() => choose(name)}
            rightSection={(every === undefined ? undefined : refresh) === name ? <IconCheck size={14} aria-label="chosen" /> : null}
          >
            {name === undefined ? 'Off' : `Every ${name}`}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
