import { ActionIcon, Burger, Kbd, Tooltip, UnstyledButton } from '@mantine/core';
import { IconRefresh, IconSearch } from '@tabler/icons-react';
import { useIsFetching, useQueryClient } from '@tanstack/react-query';
import { useMatches } from '@tanstack/react-router';
import { LiveIndicator } from './LiveIndicator';
import { PersonMenu } from './PersonMenu';
import { ProjectSwitcher } from './ProjectSwitcher';
import { TimeRangeControl } from './TimeRangeControl';
import classes from './TopBar.module.css';

interface TopBarProps {
  navOpened: boolean;
  onToggleNav: () => void;
  onSearch: () => void;
  onShowShortcuts: () => void;
}

export function TopBar({ navOpened, onToggleNav, onSearch, onShowShortcuts }: TopBarProps) {
  const fallback = useMatches({
    select: (matches) => matches.map((match) => match.staticData.timeRange).findLast(Boolean),
  });
  return (
    <div className={classes.bar}>
      <Burger
        size="sm"
        hiddenFrom="sm"
        opened={navOpened}
        onClick={onToggleNav}
        aria-label={navOpened ? 'Close navigation' : 'Open navigation'}
      />
      <ProjectSwitcher />
      <UnstyledButton className={classes.search} onClick={onSearch} aria-label="Search or jump to">
        <IconSearch size={14} aria-hidden />
        <span className={classes.searchLabel}>Search or jump to…</span>
        <Kbd size="xs" className={classes.searchKey}>
          Ctrl K
        </Kbd>
      </UnstyledButton>
      <div className={classes.right}>
        {fallback && <TimeRangeControl fallback={fallback} />}
        <RefreshButton />
        <LiveIndicator />
        <PersonMenu onShowShortcuts={onShowShortcuts} />
      </div>
    </div>
  );
}

function RefreshButton() {
  const client = useQueryClient();
  const fetching = useIsFetching({ queryKey: ['p'] }) > 0;
  return (
    <Tooltip label="Ask for everything on this page again">
      <ActionIcon
        aria-label="Refresh"
        data-busy={fetching || undefined}
        className={classes.refresh}
        onClick={() => void client.invalidateQueries({ queryKey: ['p'] })}
      >
        <IconRefresh size={16} stroke={1.8} />
      </ActionIcon>
    </Tooltip>
  );
}
