import { Burger, Kbd, UnstyledButton } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useAudited, usePageRange } from '../hooks/useTimeRange';
import { modKey } from '../util/keyboard';
import { LiveIndicator } from './LiveIndicator';
import { PersonMenu } from './PersonMenu';
import { ProjectSwitcher } from './ProjectSwitcher';
import { RefreshControl } from './RefreshControl';
import { TimeRangeControl } from './TimeRangeControl';
import classes from './TopBar.module.css';

interface TopBarProps {
  navOpened: boolean;
  onToggleNav: () => void;
  onSearch: () => void;
  onShowShortcuts: () => void;
}

export function TopBar({ navOpened, onToggleNav, onSearch, onShowShortcuts }: TopBarProps) {
  const fallback = usePageRange();
  const audited = useAudited();
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
          {modKey()} K
        </Kbd>
      </UnstyledButton>
      <div className={classes.right}>
        {fallback && <TimeRangeControl fallback={fallback} />}
        <RefreshControl repeats={fallback !== undefined && !audited} />
        <LiveIndicator />
        <PersonMenu onShowShortcuts={onShowShortcuts} />
      </div>
    </div>
  );
}
